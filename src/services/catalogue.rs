//! The catalogue of services: which one a workload belongs to, who needs whom, and what is contradictory in it.

use std::collections::BTreeSet;

use super::{Pattern, Priority, Service, pattern::Weight};
use crate::cluster::{ClusterIndex, Kind, ObjectKey, ObjectRef};

/// Something in a catalogue that a person should mend, or know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lint {
    /// The line of the file, from 1; 0 if it is about the whole.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub remedy: String,
}

impl Lint {
    /// A lint.
    pub fn new(line: usize, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { line, message: message.into(), remedy: remedy.into() }
    }
}

/// All services that are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    /// In the order of the file.
    pub services: Vec<Service>,
}

/// The kinds that run a service.
pub(super) const RUNS: [Kind; 4] = [Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet, Kind::CronJob];

/// How an entry came to stand for a workload; the greater wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    /// Nothing in its namespace is called like it, and no other entry is about that namespace.
    Namespace,
    /// It is called like it.
    Name { in_its_namespace: bool },
    /// One of the workloads it lists.
    Workload(Weight),
}

impl Catalogue {
    /// The service of that name or alias.
    pub fn named(&self, name: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.is_called(name))
    }

    /// The service a workload belongs to: the entry that lists it, else the one that is called like it, else the only entry of its
    /// namespace if nothing there is called like that.
    pub fn service_of(&self, owner: &ObjectRef, index: &ClusterIndex) -> Option<&Service> {
        let claims = self.services.iter().filter_map(|service| Some((self.claim(service, owner, index)?, service)));
        // Of two that claim it alike the first counts; `lint` says so.
        claims.rev().max_by_key(|(claim, _)| *claim).map(|(_, service)| service)
    }

    fn claim(&self, service: &Service, owner: &ObjectRef, index: &ClusterIndex) -> Option<Claim> {
        if !service.workloads.is_empty() {
            let of = |pattern: &Pattern| pattern.matches(owner);
            return service.workloads.iter().filter_map(of).max().map(Claim::Workload);
        }
        if service.namespace.as_deref().is_some_and(|namespace| namespace != owner.namespace) {
            return None;
        }
        // What happens to be called like it (a Node, a Namespace) is not it.
        if !owner.watched_kind().is_some_and(|kind| RUNS.contains(&kind) || matches!(kind, Kind::Job | Kind::Pod)) {
            return None;
        }
        if service.is_called(&owner.name) {
            return Some(Claim::Name { in_its_namespace: service.namespace.is_some() });
        }
        let namespace = service.namespace.as_deref()?;
        let is_alone = self.services.iter().filter(|other| other.namespace.as_deref() == Some(namespace)).count() == 1;
        let key = |kind, name: &str| ObjectKey { kind, namespace: namespace.into(), name: name.into() };
        let is_there = service.names().any(|name| RUNS.iter().any(|kind| index.get(&key(*kind, name)).is_some()));
        (is_alone && !is_there).then_some(Claim::Namespace)
    }

    /// The services that need a service, directly, or because what they need does; the ones that matter most first.
    pub fn needed_by<'a>(&'a self, service: &'a Service) -> Vec<&'a Service> {
        let mut known: BTreeSet<&str> = [service.name.as_str()].into();
        let (mut all, mut next) = (Vec::new(), vec![service]);
        while let Some(what) = next.pop() {
            for who in self.services.iter().filter(|who| is_needed(what, who)) {
                if known.insert(&who.name) {
                    all.push(who);
                    next.push(who);
                }
            }
        }
        all.sort_by_key(|who| (who.priority.is_none(), who.priority, who.line));
        all
    }

    /// What contradicts itself, in the order of the file.
    pub fn lint(&self) -> Vec<Lint> {
        let mut lints = Vec::new();
        for (at, service) in self.services.iter().enumerate() {
            for name in service.names() {
                if let Some(before) = self.services.iter().take(at).find(|before| before.is_called(name)) {
                    let message = format!("{name:?} is also a name of {:?} (line {})", before.name, before.line);
                    lints.push(Lint::new(service.line, message, "give each service names of its own"));
                }
            }
            for (list, says) in [(&service.dependencies, "depends on"), (&service.dependents, "is needed by")] {
                lints.extend(list.iter().filter_map(|name| self.judge_relation(service, says, name)));
            }
            let has_a_bound = service.max_downtime.is_some_and(|longest| !longest.is_zero());
            for issue in &service.known_issues {
                if issue.within.is_none() && !issue.checks.is_empty() && !has_a_bound {
                    let message = format!(
                        "known issue {:?} of {:?} has no time within which it is expected",
                        issue.text, service.name
                    );
                    let remedy = "without one it is told like anything else: write within = \"30m\", or \"up to 30 minutes\" in its sentence";
                    lints.push(Lint::new(service.line, message, remedy));
                }
            }
            if service.priority.is_none() {
                let remedy = "give it a priority: P0, P1, P2 or P3";
                lints.push(Lint::new(service.line, format!("{:?} has no priority", service.name), remedy));
            }
        }
        lints
    }

    fn judge_relation(&self, service: &Service, says: &str, name: &str) -> Option<Lint> {
        let of = format!("{:?} {says} {name:?}", service.name);
        let Some(other) = self.named(name) else {
            return Some(Lint::new(service.line, format!("{of}, which is not listed"), self.did_you_mean(name)));
        };
        if other.name == service.name {
            return Some(Lint::new(service.line, format!("{of}, which is itself"), "take it out"));
        }
        let (who, what) = if says == "depends on" { (service, other) } else { (other, service) };
        let is_lower = matches!((who.priority, what.priority), (Some(Priority::P0), Some(p)) if p > Priority::P1);
        let message = format!("{:?} is P0 and depends on {:?}, which is {}", who.name, what.name, what.priority?);
        is_lower.then(|| Lint::new(service.line, message, "what a P0 service cannot do without is P1 at least"))
    }

    /// `did you mean ...?` with the nearest name there is.
    fn did_you_mean(&self, name: &str) -> String {
        match nearest(name, self.services.iter().flat_map(Service::names)) {
            Some(known) => format!("did you mean {known:?}?"),
            None => "list it, or take it out".to_owned(),
        }
    }
}

/// The name that is most like the one that was written, if any is like it.
pub(super) fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let alike = |name: &str| strsim::jaro_winkler(&written.to_lowercase(), &name.to_lowercase());
    let near = names.map(|name| (alike(name), name)).filter(|(alike, _)| *alike > 0.85);
    near.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

/// Whether `who` needs `what`: either may say it.
fn is_needed(what: &Service, who: &Service) -> bool {
    who.dependencies.iter().any(|name| what.is_called(name)) || what.dependents.iter().any(|name| who.is_called(name))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::cluster::Fact;

    fn catalogue(text: &str) -> Catalogue {
        Catalogue::from_toml(text, &[]).unwrap()
    }

    fn owner(kind: &'static str, namespace: &str, name: &str) -> ObjectRef {
        ObjectRef { kind: kind.into(), namespace: namespace.into(), name: name.into() }
    }

    /// A cluster with these Deployments.
    fn index(deployments: &[(&str, &str)]) -> ClusterIndex {
        let mut index = ClusterIndex::default();
        for (namespace, name) in deployments {
            let it = serde_json::json!({"metadata": {"namespace": namespace, "name": name, "uid": format!("{namespace}/{name}")}});
            index.apply(Fact::Deployment(Box::new(serde_json::from_value(it).unwrap())), jiff::Timestamp::UNIX_EPOCH);
        }
        index
    }

    const LISTED: &str = r#"
[[service]]
name = "orders"
aliases = ["orders-web"]
namespace = "shop"
[[service]]
name = "cache"
namespace = "shop"
workloads = ["StatefulSet redis-*"]
[[service]]
name = "nginx-ingress"
namespace = "ingress-nginx"
[[service]]
name = "mysql"
namespace = "data"
[[service]]
name = "wiki"
"#;

    #[rstest]
    #[case::by_its_name("Deployment", "shop", "orders", Some("orders"))]
    #[case::by_an_alias("Deployment", "shop", "orders-web", Some("orders"))]
    #[case::elsewhere("Deployment", "lab", "orders", None)]
    #[case::by_its_workloads("StatefulSet", "shop", "redis-0", Some("cache"))]
    #[case::of_another_kind("Deployment", "shop", "redis-0", None)]
    #[case::all_of_a_namespace_where_nothing_is_called_like_it(
        "Deployment",
        "ingress-nginx",
        "controller",
        Some("nginx-ingress")
    )]
    #[case::not_where_something_is("Deployment", "data", "mysql-exporter", None)]
    #[case::anywhere("StatefulSet", "docs", "wiki", Some("wiki"))]
    #[case::what_runs_nothing("Service", "docs", "wiki", None)]
    fn a_workload_belongs_to_the_entry_that_means_it(
        #[case] kind: &'static str,
        #[case] namespace: &str,
        #[case] name: &str,
        #[case] service: Option<&str>,
    ) {
        let index = index(&[("ingress-nginx", "controller"), ("data", "mysql"), ("data", "mysql-exporter")]);
        let catalogue = catalogue(LISTED);
        let found = catalogue.service_of(&owner(kind, namespace, name), &index);
        assert_eq!(found.map(|service| service.name.as_str()), service);
    }

    const RELATED: &str = r#"
[[service]]
name = "web"
priority = "P0"
dependencies = ["api"]
[[service]]
name = "api"
priority = "P1"
dependencies = ["DB", "vault", "api"]
[[service]]
name = "mysql"
aliases = ["db"]
priority = "P2"
[[service]]
name = "volt"
aliases = ["web"]
dependents = ["web"]
[[service]]
name = "mail"
priority = "P3"
dependents = ["web"]
"#;

    #[test]
    fn who_needs_what_is_known_from_either_side_and_over_several_steps() {
        let catalogue = catalogue(RELATED);
        let names = |services: Vec<&Service>| services.iter().map(|s| s.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(catalogue.needed_by(catalogue.named("db").unwrap())), ["web", "api"]);
        assert_eq!(names(catalogue.needed_by(catalogue.named("web").unwrap())), Vec::<String>::new());
        assert_eq!(
            names(catalogue.needed_by(catalogue.named("mail").unwrap())),
            ["web", "volt"],
            "volt is called web too"
        );
    }

    #[rstest]
    #[case::without_a_time("", true)]
    #[case::with_its_own("within = \"6m\"\n", false)]
    #[case::by_no_check("checks = []\n", false)]
    fn a_known_issue_that_never_counts_is_said(#[case] more: &str, #[case] is_said: bool) {
        let checks = if more.contains("checks") { "" } else { "checks = [\"not-ready\"]\n" };
        let of = |downtime: &str| {
            let head = format!("[[service]]\nname = \"vault\"\npriority = \"P1\"\n{downtime}");
            let text = format!("{head}[[service.known_issues]]\ntext = \"manual unseal\"\n{checks}{more}");
            Catalogue::from_toml(&text, &["not-ready"]).unwrap().lint()
        };
        let said = of("").first().map(|lint| lint.message.clone());
        let expected = "known issue \"manual unseal\" of \"vault\" has no time within which it is expected".to_owned();
        assert_eq!(said, is_said.then_some(expected));
        assert_eq!(of("max_downtime = \"0s\"\n").len(), usize::from(is_said), "no downtime is no time");
        assert_eq!(of("max_downtime = \"20m\"\n"), []);
    }

    #[test]
    fn what_contradicts_itself_is_said_with_its_line() {
        let lints = catalogue(RELATED).lint();
        let said: Vec<String> = lints.iter().map(|l| format!("{}: {}; {}", l.line, l.message, l.remedy)).collect();
        insta::assert_snapshot!(said.join("\n"), @r#"
        7: "api" depends on "vault", which is not listed; list it, or take it out
        7: "api" depends on "api", which is itself; take it out
        15: "web" is also a name of "web" (line 3); give each service names of its own
        15: "volt" has no priority; give it a priority: P0, P1, P2 or P3
        19: "web" is P0 and depends on "mail", which is P3; what a P0 service cannot do without is P1 at least
        "#);
    }
}
