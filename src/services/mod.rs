//! Who matters: from lists, the catalogue of services, annotations and what every K3s has to the priority and the role of a workload.

mod against;
mod catalogue;
mod from_annotations;
mod from_services_txt;
mod from_toml;
mod pattern;
mod relations;
mod service;
mod stake;
mod to_toml;

use std::{collections::BTreeMap, fmt};

pub use against::Fit;
pub use catalogue::{Catalogue, Lint};
pub use from_annotations::PRIORITY;
pub use pattern::{Pattern, PatternError};
pub use relations::Relations;
pub use service::{KnownIssue, Service};
pub use stake::{Source, Stake};

use crate::cluster::{ClusterIndex, Fact, Kind, ObjectRef};

/// How much a workload matters, by configuration. A workload without one is `Unlisted`, which is not a priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "the variants say what they are")]
pub enum Priority {
    P0,
    P1,
    P2,
    P3,
}

impl Priority {
    /// The priority people write like that: `P0`, `p1`.
    pub fn named(text: &str) -> Option<Self> {
        let all = [("P0", Self::P0), ("P1", Self::P1), ("P2", Self::P2), ("P3", Self::P3)];
        all.into_iter().find(|(name, _)| text.trim().eq_ignore_ascii_case(name)).map(|(_, priority)| priority)
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P0 => "P0",
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
        })
    }
}

/// What a thing is for the cluster as a whole, if it is more than a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Resolves names inside the cluster.
    ClusterDns,
    /// Lets traffic in.
    IngressController,
    /// Gives pods their network.
    Network,
    /// Makes volumes.
    Storage,
    /// Gives Services of type `LoadBalancer` their address.
    LoadBalancer,
    /// Measures pods and nodes.
    Metrics,
    /// An API server, etcd, scheduler or controller manager that runs as a static pod.
    ControlPlane,
    /// The one API server or etcd there is.
    OnlyControlPlane,
    /// Installs a part of the cluster (K3s: `helm-install-traefik`).
    Installer,
    /// A node on which the control plane runs.
    ControlPlaneNode,
    /// The one node there is.
    OnlyNode,
    /// Any other node.
    WorkerNode,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClusterDns => "cluster DNS",
            Self::IngressController => "ingress controller",
            Self::Network => "pod network",
            Self::Storage => "volume provisioner",
            Self::LoadBalancer => "service load balancer",
            Self::Metrics => "metrics",
            Self::ControlPlane => "control plane",
            Self::OnlyControlPlane => "only control plane",
            Self::Installer => "installer",
            Self::ControlPlaneNode => "control-plane node",
            Self::OnlyNode => "only node",
            Self::WorkerNode => "worker node",
        })
    }
}

/// What K3s and its relatives run for the cluster itself: pattern, priority, role. Any line of the configuration that names the
/// workload wins over the priority here; the role stays.
const BUILT_IN: [(&str, Priority, Role); 22] = [
    ("kube-system/coredns", Priority::P0, Role::ClusterDns),
    ("kube-system/kube-dns", Priority::P0, Role::ClusterDns),
    ("kube-system/rke2-coredns-rke2-coredns", Priority::P0, Role::ClusterDns),
    ("kube-system/traefik", Priority::P0, Role::IngressController),
    ("traefik/traefik", Priority::P0, Role::IngressController),
    ("ingress-nginx/ingress-nginx-controller", Priority::P0, Role::IngressController),
    ("kube-system/ingress-nginx-controller", Priority::P0, Role::IngressController),
    ("kube-system/rke2-ingress-nginx-controller", Priority::P0, Role::IngressController),
    ("kube-system/haproxy-ingress", Priority::P0, Role::IngressController),
    ("kube-flannel/kube-flannel-ds", Priority::P0, Role::Network),
    ("kube-system/kube-flannel-ds", Priority::P0, Role::Network),
    ("kube-system/calico-node", Priority::P0, Role::Network),
    ("calico-system/calico-node", Priority::P0, Role::Network),
    ("kube-system/cilium", Priority::P0, Role::Network),
    ("kube-system/kube-proxy", Priority::P0, Role::Network),
    ("kube-system/local-path-provisioner", Priority::P1, Role::Storage),
    ("local-path-storage/local-path-provisioner", Priority::P1, Role::Storage),
    ("DaemonSet kube-system/svclb-*", Priority::P1, Role::LoadBalancer),
    ("Job kube-system/helm-install-*", Priority::P1, Role::Installer),
    ("Job kube-system/helm-delete-*", Priority::P1, Role::Installer),
    ("metallb-system/controller", Priority::P1, Role::LoadBalancer),
    ("kube-system/metrics-server", Priority::P2, Role::Metrics),
];

/// The priorities in force: the configured lists, then the workload's annotation, the catalogue, the namespace's annotation, then
/// what is built in. What people wrote always wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Priorities {
    listed: Vec<(Pattern, Priority)>,
    catalogue: Catalogue,
}

impl Priorities {
    /// Reads the lists of the configuration; every mistake is reported, not only the first.
    pub fn new(lists: &BTreeMap<Priority, Vec<String>>) -> Result<Self, Vec<PatternError>> {
        let mut listed: Vec<(Pattern, Priority)> = Vec::new();
        let mut wrong = Vec::new();
        for (&priority, lines) in lists {
            for (at, line) in lines.iter().enumerate() {
                let place = |(problem, remedy): (String, String)| PatternError {
                    priority,
                    line: at.saturating_add(1),
                    pattern: line.clone(),
                    problem,
                    remedy,
                };
                match Pattern::parse(line) {
                    Err(mistake) => wrong.push(place(mistake)),
                    Ok(pattern) => match listed.iter().find(|(p, _)| *p == pattern) {
                        Some((_, before)) => {
                            let problem = format!("it is already listed under {before}");
                            wrong.push(place((problem, "keep one of the two lines".to_owned())));
                        }
                        None => listed.push((pattern, priority)),
                    },
                }
            }
        }
        if wrong.is_empty() { Ok(Self { listed, catalogue: Catalogue::default() }) } else { Err(wrong) }
    }

    /// The same with a catalogue of services, which is asked for what the lists do not name.
    #[must_use]
    pub fn with_catalogue(self, catalogue: Catalogue) -> Self {
        Self { catalogue, ..self }
    }

    /// Whether nothing is configured.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty() && self.catalogue.services.is_empty()
    }

    /// The services that are listed.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The priority of an owner; None is `Unlisted`. The lists go before annotations and catalogue, all before what is built in;
    /// of a list the most specific pattern wins.
    pub fn priority_of(&self, owner: &ObjectRef, index: &ClusterIndex) -> Option<Priority> {
        self.priority_and_source(owner, index, self.catalogue.service_of(owner, index)).map(|(priority, _)| priority)
    }

    fn priority_and_source(
        &self,
        owner: &ObjectRef,
        index: &ClusterIndex,
        service: Option<&Service>,
    ) -> Option<(Priority, Source)> {
        let matching = self.listed.iter().filter_map(|(p, priority)| Some((p.matches(owner)?, *priority)));
        let listed = matching.max_by_key(|(weight, _)| *weight).map(|(_, priority)| (priority, Source::Lists));
        listed
            .or_else(|| Some((from_annotations::of_workload(owner, index)?, Source::Annotation)))
            .or_else(|| Some((service?.priority?, Source::Catalogue)))
            .or_else(|| Some((from_annotations::of_namespace(owner, index)?, Source::Namespace)))
            .or_else(|| Some((built_in(owner)?.0, Source::BuiltIn)))
    }

    /// What is at stake with an owner.
    pub fn stake_of(&self, owner: &ObjectRef, index: &ClusterIndex) -> Stake {
        let service = self.catalogue.service_of(owner, index);
        let (priority, source) = self.priority_and_source(owner, index, service).unzip();
        let stake = Stake { priority, source, role: self.role_in(owner, index), ..Stake::default() };
        let Some(service) = service else { return stake };
        let needed_by = self.catalogue.needed_by(service).into_iter();
        Stake {
            service: Some(service.name.clone()),
            needed_by: needed_by.filter(|who| who.priority == Some(Priority::P0)).map(|who| who.name.clone()).collect(),
            max_downtime: service.max_downtime,
            data_layer: service.data_layer,
            known_issues: service.known_issues.clone(),
            contact: service.owner.clone(),
            ..stake
        }
    }

    /// What an owner is for the cluster as a whole, by its name. Nodes have their role by what they are: [`Self::role_in`].
    pub fn role_of(&self, owner: &ObjectRef) -> Option<Role> {
        built_in(owner).map(|(_, role)| role)
    }

    /// What an owner is for the cluster as a whole, nodes and static pods included.
    pub fn role_in(&self, owner: &ObjectRef, index: &ClusterIndex) -> Option<Role> {
        match owner.watched_kind() {
            Some(Kind::Node) => {}
            Some(Kind::Pod) => return part_of_control_plane(owner, index),
            _ => return self.role_of(owner),
        }
        let nodes = || index.all(Kind::Node).filter_map(|f| if let Fact::Node(n) = f { Some(n) } else { None });
        let here = nodes().find(|n| n.meta().name == owner.name);
        Some(if nodes().nth(1).is_none() {
            Role::OnlyNode
        } else if here.is_some_and(|node| node.is_control_plane()) {
            Role::ControlPlaneNode
        } else {
            Role::WorkerNode
        })
    }

    /// Who of these workloads needs whom.
    pub fn relations<'a>(&'a self, among: impl Iterator<Item = &'a ObjectRef>, index: &ClusterIndex) -> Relations<'a> {
        Relations::of(&self.catalogue, among, index)
    }

    /// What of the configuration names nothing that exists, in words, with the nearest name there is.
    pub fn unused(&self, owners: &[ObjectRef]) -> Vec<String> {
        let unmatched = self.listed.iter().filter(|(p, _)| !owners.iter().any(|o| p.matches(o).is_some()));
        unmatched.map(|(p, priority)| format!("{priority}: nothing is called `{p}`{}", p.nearest(owners))).collect()
    }
}

/// The static pods of a control plane, by the beginning of their names. K3s has none: there it is one process.
const CONTROL_PLANE: [&str; 4] = ["kube-apiserver-", "etcd-", "kube-controller-manager-", "kube-scheduler-"];

/// What a static pod of the control plane is: without the only API server or the only etcd nothing can be changed any more.
fn part_of_control_plane(owner: &ObjectRef, index: &ClusterIndex) -> Option<Role> {
    let part =
        CONTROL_PLANE.into_iter().find(|part| owner.namespace == "kube-system" && owner.name.starts_with(part))?;
    let is_static = |fact: &&Fact| fact.meta().controller().is_some_and(|c| c.kind.as_str() == "Node");
    let all: Vec<&str> = index
        .all_in(Kind::Pod, &owner.namespace)
        .filter(is_static)
        .map(|fact| fact.meta().name.as_str())
        .filter(|name| name.starts_with(part))
        .collect();
    let is_one = all.contains(&owner.name.as_str());
    let is_only = all.len() == 1 && matches!(part, "kube-apiserver-" | "etcd-");
    is_one.then_some(if is_only { Role::OnlyControlPlane } else { Role::ControlPlane })
}

fn built_in(owner: &ObjectRef) -> Option<(Priority, Role)> {
    // A Pod or a Job that happens to have the name is not the workload; kinds that run pods for good are.
    let runs_for_good = matches!(owner.watched_kind(), Some(Kind::Deployment | Kind::DaemonSet | Kind::StatefulSet));
    let known = BUILT_IN.iter().filter_map(|(line, priority, role)| {
        let weight =
            Pattern::parse(line).ok()?.matches(owner).filter(|(_, _, of_a_kind)| runs_for_good || *of_a_kind)?;
        Some((weight, *priority, *role))
    });
    known.max_by_key(|(weight, _, _)| *weight).map(|(_, priority, role)| (priority, role))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn owner(kind: &'static str, namespace: &str, name: &str) -> ObjectRef {
        ObjectRef { kind: kind.into(), namespace: namespace.into(), name: name.into() }
    }

    fn lists(lines: &[(Priority, &str)]) -> BTreeMap<Priority, Vec<String>> {
        let mut lists: BTreeMap<Priority, Vec<String>> = BTreeMap::new();
        for (priority, line) in lines {
            lists.entry(*priority).or_default().push((*line).to_owned());
        }
        lists
    }

    #[rstest]
    #[case::exact("Deployment", "shop", "api", Some(Priority::P0))]
    #[case::the_kind_is_more_specific("StatefulSet", "shop", "api", Some(Priority::P1))]
    #[case::a_prefix_beats_the_namespace("Deployment", "shop", "cache-1", Some(Priority::P3))]
    #[case::whole_namespace("Deployment", "shop", "other", Some(Priority::P2))]
    #[case::elsewhere_is_unlisted("Deployment", "lab", "api", None)]
    #[case::a_node("Node", "", "n1", Some(Priority::P1))]
    #[case::built_in("DaemonSet", "kube-flannel", "kube-flannel-ds", Some(Priority::P0))]
    #[case::built_in_elsewhere("Deployment", "metallb-system", "controller", Some(Priority::P1))]
    #[case::a_bare_name_is_meant_everywhere("Deployment", "lab", "search", Some(Priority::P1))]
    #[case::configuration_wins_over_built_in("Deployment", "kube-system", "metrics-server", Some(Priority::P3))]
    #[case::a_general_line_as_well("Deployment", "kube-system", "traefik", Some(Priority::P2))]
    #[case::a_general_line_serves_the_rest("Deployment", "kube-system", "other", Some(Priority::P2))]
    #[case::a_job_called_like_it_is_not_it("Job", "kube-system", "coredns", Some(Priority::P2))]
    fn the_most_specific_pattern_gives_the_priority(
        #[case] kind: &'static str,
        #[case] namespace: &str,
        #[case] name: &str,
        #[case] expected: Option<Priority>,
    ) {
        let priorities = Priorities::new(&lists(&[
            (Priority::P0, "shop/api"),
            (Priority::P1, "StatefulSet shop/api"),
            (Priority::P2, "shop/*"),
            (Priority::P3, "shop/cache-*"),
            (Priority::P1, "Node n1"),
            (Priority::P3, "kube-system/metrics-server"),
            (Priority::P2, "kube-system/*"),
            (Priority::P1, "search"),
        ]))
        .unwrap();
        assert_eq!(priorities.priority_of(&owner(kind, namespace, name), &ClusterIndex::default()), expected);
    }

    #[test]
    fn bad_lines_say_where_they_are_and_how_to_mend_them() {
        let wrong = Priorities::new(&lists(&[
            (Priority::P0, "shop/"),
            (Priority::P0, "/a*b"),
            (Priority::P1, "deployment shop/api"),
            (Priority::P1, "Pod shop/Api_1"),
            (Priority::P1, ""),
            (Priority::P2, "shop/web"),
            (Priority::P3, "shop/web"),
            (Priority::P3, "Node a/b"),
            (Priority::P3, "a b c"),
        ]))
        .unwrap_err();
        let said: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(said.join("\n"), @"
        P0, line 1: `shop/`: the name is missing; write `*` for any
        P0, line 2: `/a*b`: the namespace is missing; write `*` for any
        P1, line 1: `deployment shop/api`: `deployment` is not how the API writes it; write `Deployment`
        P1, line 2: `Pod shop/Api_1`: `A` cannot be part of a name; Kubernetes names have small letters, digits, `-` and `.` only; `*` is any text
        P1, line 3: ``: the line is empty; write `namespace/name`, or take it out
        P3, line 1: `shop/web`: it is already listed under P2; keep one of the two lines
        P3, line 2: `Node a/b`: a Node has no namespace; write `Node name`
        P3, line 3: `a b c`: too many words; write `namespace/name` or `Kind namespace/name`
        ");
    }

    #[test]
    fn roles_come_from_what_every_k3s_has() {
        let none = Priorities::default();
        assert_eq!(none.role_of(&owner("Deployment", "kube-system", "coredns")), Some(Role::ClusterDns));
        assert_eq!(none.role_of(&owner("Deployment", "kube-system", "traefik")), Some(Role::IngressController));
        assert_eq!(none.role_of(&owner("DaemonSet", "kube-system", "svclb-x")), Some(Role::LoadBalancer));
        assert_eq!(none.role_of(&owner("Deployment", "shop", "coredns")), None);
    }

    #[rstest]
    #[case::the_only_api_server("kube-apiserver-n1", &["kube-apiserver-n1"], Some(Role::OnlyControlPlane))]
    #[case::one_of_two("kube-apiserver-n1", &["kube-apiserver-n1", "kube-apiserver-n2"], Some(Role::ControlPlane))]
    #[case::the_only_etcd("etcd-n1", &["etcd-n1", "kube-apiserver-n1"], Some(Role::OnlyControlPlane))]
    #[case::the_scheduler("kube-scheduler-n1", &["kube-scheduler-n1"], Some(Role::ControlPlane))]
    #[case::not_a_static_pod("etcd-backup", &["etcd-n1"], None)]
    #[case::something_else("web", &["web"], None)]
    fn static_pods_of_the_control_plane_have_a_role(
        #[case] name: &str,
        #[case] fixed: &[&str],
        #[case] role: Option<Role>,
    ) {
        let pod = |name: &str, controller: &str| {
            let owners = serde_json::json!([{"apiVersion": "v1", "kind": controller, "name": "n1", "uid": "n1", "controller": true}]);
            let pod = serde_json::json!({"metadata": {"name": name, "namespace": "kube-system", "uid": name, "ownerReferences": owners}});
            Fact::Pod(Box::new(serde_json::from_value(pod).unwrap()))
        };
        let mut index = ClusterIndex::default();
        index.apply(pod("etcd-backup", "Backup"), jiff::Timestamp::UNIX_EPOCH);
        for name in fixed {
            index.apply(pod(name, "Node"), jiff::Timestamp::UNIX_EPOCH);
        }
        assert_eq!(Priorities::default().role_in(&owner("Pod", "kube-system", name), &index), role);
        assert_eq!(
            Priorities::default().priority_of(&owner("Job", "kube-system", "helm-install-traefik"), &index),
            Some(Priority::P1)
        );
        assert_eq!(Priorities::default().priority_of(&owner("Job", "kube-system", "coredns"), &index), None);
    }

    #[test]
    fn a_line_that_names_nothing_is_said_with_the_nearest_name() {
        let priorities = Priorities::new(&lists(&[(Priority::P0, "shop/apo"), (Priority::P1, "shop/*")])).unwrap();
        let said = priorities.unused(&[owner("Deployment", "shop", "api"), owner("Deployment", "lab", "zzz")]);
        assert_eq!(said, ["P0: nothing is called `shop/apo`; did you mean `shop/api`?"]);
    }
}
