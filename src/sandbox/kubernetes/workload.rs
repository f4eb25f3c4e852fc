//! Workloads as a test or a story names them: `deployment("shop/api")`, what its pods do, and what changes from one moment to the next.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde_json::Value;

use super::Edit;
use crate::cluster::{Kind, ObjectKey};

/// How the pods of a workload are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Healthy,
    Starting,
    NotReady,
    CrashLooping { restarts: u32, oom: bool },
    ImagePullFailing,
    RegistryAway,
    Recovered { restarts: u32, since: Timestamp },
}

/// One version of the pod template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    pub(super) image: String,
    pub(super) memory: String,
    /// When it was first put in force.
    pub(super) since: Timestamp,
}

impl Template {
    /// Ten letters and digits, as in the name of a ReplicaSet; the same template has the same.
    pub(super) fn hash(&self) -> String {
        letters(&format!("{} {}", self.image, self.memory), 9)
    }
}

/// A Deployment or StatefulSet with everything that belongs to it.
#[derive(Clone, Debug)]
pub struct Workload {
    pub(super) kind: Kind,
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) replicas: u32,
    pub(super) created: Timestamp,
    /// When the pods of the current template were made.
    pub(super) rolled_out: Timestamp,
    pub(super) revision: u32,
    /// Whether its present pods came with a new version.
    pub(super) is_rollout: bool,
    pub(super) template: Template,
    /// The templates of earlier revisions.
    pub(super) older: Vec<Template>,
    pub(super) state: State,
    /// The node of all its pods; None: they are spread over two.
    pub(super) node: Option<String>,
    /// A node that does not report any more, since then.
    pub(super) lost: Option<(String, Timestamp)>,
    /// Who changes its template, as the server notes it.
    pub(super) manager: String,
    /// What its tool left in it: labels and annotations.
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
}

/// A healthy Deployment of one replica, `"namespace/name"`, created then.
pub fn deployment(name: &str, created: Timestamp) -> Workload {
    Workload::new(Kind::Deployment, name, created)
}

/// A healthy StatefulSet of one replica, `"namespace/name"`, created then.
pub fn stateful_set(name: &str, created: Timestamp) -> Workload {
    Workload::new(Kind::StatefulSet, name, created)
}

impl Workload {
    fn new(kind: Kind, name: &str, created: Timestamp) -> Self {
        let (namespace, name) = name.split_once('/').unwrap_or(("default", name));
        Self {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            replicas: 1,
            created,
            rolled_out: created,
            is_rollout: true,
            revision: 1,
            template: Template {
                image: format!("{namespace}/{name}:1.0.0"),
                memory: "512Mi".to_owned(),
                since: created,
            },
            older: Vec::new(),
            state: State::Healthy,
            node: None,
            lost: None,
            manager: "kubectl-client-side-apply".to_owned(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
        }
    }

    /// How many pods.
    #[must_use]
    pub fn replicas(mut self, replicas: u32) -> Self {
        self.replicas = replicas;
        self
    }

    /// The image of its container.
    #[must_use]
    pub fn image(mut self, image: &str) -> Self {
        image.clone_into(&mut self.template.image);
        self
    }

    /// The memory limit of its container.
    #[must_use]
    pub fn memory(mut self, limit: &str) -> Self {
        limit.clone_into(&mut self.template.memory);
        self
    }

    /// A new revision at that instant; `image` and `memory` after this change the new one. Its pods are starting.
    #[must_use]
    pub fn rollout(mut self, at: Timestamp) -> Self {
        self.older.push(self.template.clone());
        self.revision += 1;
        self.rolled_out = at;
        self.template.since = at;
        self.is_rollout = true;
        self.starting()
    }

    /// Pods in the place of those before, at that instant, of the same version: they were evicted, or deleted by hand.
    #[must_use]
    pub fn pods_made_anew(self, at: Timestamp) -> Self {
        let since = self.template.since;
        let mut anew = Self { is_rollout: false, ..self.rollout(at) };
        anew.template.since = since;
        anew
    }

    /// Every pod is ready.
    #[must_use]
    pub fn healthy(self) -> Self {
        self.with(State::Healthy)
    }

    /// The containers are being created.
    #[must_use]
    pub fn starting(self) -> Self {
        self.with(State::Starting)
    }

    /// The containers run but fail their readiness probe.
    #[must_use]
    pub fn not_ready(self) -> Self {
        self.with(State::NotReady)
    }

    /// The containers end again and again: out of memory, or with exit code 1.
    #[must_use]
    pub fn crash_looping(self, restarts: u32, oom: bool) -> Self {
        self.with(State::CrashLooping { restarts, oom })
    }

    /// The image cannot be pulled.
    #[must_use]
    pub fn image_pull_failing(self) -> Self {
        self.with(State::ImagePullFailing)
    }

    /// The image cannot be pulled because its registry refuses connections.
    #[must_use]
    pub fn registry_away(self) -> Self {
        self.with(State::RegistryAway)
    }

    /// The containers run again since then, after so many restarts.
    #[must_use]
    pub fn recovered(self, restarts: u32, since: Timestamp) -> Self {
        self.with(State::Recovered { restarts, since })
    }

    /// Who changes its template, as the server notes it: `argocd-controller`.
    #[must_use]
    pub fn managed_by(mut self, manager: &str) -> Self {
        manager.clone_into(&mut self.manager);
        self
    }

    /// A label that its tool leaves in it.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.insert(name.to_owned(), value.to_owned());
        self
    }

    /// An annotation that its tool leaves in it.
    #[must_use]
    pub fn annotation(mut self, name: &str, value: &str) -> Self {
        self.annotations.insert(name.to_owned(), value.to_owned());
        self
    }

    /// All its pods are on this node.
    #[must_use]
    pub fn on_node(mut self, node: &str) -> Self {
        self.node = Some(node.to_owned());
        self
    }

    /// This node does not report since then: its pods are not ready, as far as anybody can tell.
    #[must_use]
    pub fn lost_node(mut self, node: &str, since: Timestamp) -> Self {
        self.lost = Some((node.to_owned(), since));
        self
    }

    fn with(mut self, state: State) -> Self {
        self.state = state;
        self
    }

    /// The node of its pod of that number.
    pub(super) fn node_of(&self, n: usize) -> String {
        self.node.clone().unwrap_or_else(|| format!("node-{}", n % 2 + 1))
    }

    /// Since when its pod of that number is on a node that does not report, if so.
    pub(super) fn lost_since(&self, n: usize) -> Option<Timestamp> {
        self.lost.as_ref().filter(|(node, _)| *node == self.node_of(n)).map(|(_, since)| *since)
    }

    /// Whether the containers of its pods serve.
    pub(super) fn serves(&self) -> bool {
        matches!(self.state, State::Healthy | State::Recovered { .. })
    }

    /// Names of its pods.
    pub fn pod_names(&self) -> Vec<String> {
        let names = (0..self.replicas).map(|n| {
            if self.kind == Kind::StatefulSet {
                format!("{}-{n}", self.name)
            } else {
                let hash = self.template.hash();
                format!("{}-{hash}-{}", self.name, letters(&format!("{hash} {} {n}", self.revision), 5))
            }
        });
        names.collect()
    }

    /// From how it was (None: it is new) to how it is: its objects, and the pods that are replaced.
    pub fn change_from(&self, before: Option<&Self>, now: Timestamp) -> Vec<Edit> {
        let names = self.pod_names();
        let gone = before.map(Self::pod_names).unwrap_or_default().into_iter().filter(|old| !names.contains(old));
        let deleted = gone.map(|name| {
            Edit::Delete(ObjectKey { kind: Kind::Pod, namespace: self.namespace.as_str().into(), name: name.into() })
        });
        deleted.chain(self.objects(now).into_iter().map(Edit::Apply)).collect()
    }

    /// Everything that belongs to it, as it is at that instant.
    pub fn objects(&self, now: Timestamp) -> Vec<Value> {
        let mut all = vec![self.top(now)];
        if self.kind == Kind::Deployment {
            all.extend(self.replica_sets());
        } else {
            all.extend(self.controller_revisions());
        }
        all.extend(self.pod_names().iter().enumerate().map(|(n, name)| self.pod(n, name, now)));
        all.push(self.service());
        all.push(self.endpoint_slice());
        all.extend(self.pod_names().iter().filter_map(|name| self.event(name, now)));
        all
    }
}

/// Letters and digits as Kubernetes makes them, always the same for the same text.
pub(super) fn letters(text: &str, many: usize) -> String {
    const SAFE: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let mut hash =
        text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    let mut out = String::new();
    for _ in 0..many {
        hash = hash.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = usize::try_from(hash >> 40).unwrap_or(0) % SAFE.len();
        out.extend(SAFE.get(at).map(|b| char::from(*b)));
    }
    out
}

pub(super) fn plus(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(at)
}

pub(super) fn minus(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_sub(by).unwrap_or(at)
}
