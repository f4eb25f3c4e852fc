//! The pods of an owner as the checks see them: those that may be held against it, and their containers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
};

use jiff::{SignedDuration, Timestamp};

use super::{LogOf, Look};
use crate::cluster::{
    Fact, Kind, ObjectKey, ObjectRef, TransitionKind,
    facts::{Container, ContainerStatus, Node, Pod, ReplicaSet, Terminated, Time, Waiting},
};

/// Health shorter than this does not end a bad state.
pub(crate) const HOLD: SignedDuration = SignedDuration::from_mins(5);

/// What is known of one owner, found out when it is first asked for.
#[derive(Debug)]
pub struct Known<'a> {
    owner: &'a ObjectRef,
    fact: OnceLock<Option<&'a Fact>>,
    all: OnceLock<Arc<[&'a Pod]>>,
    pods: OnceLock<Arc<Pods<'a>>>,
}

impl<'a> Known<'a> {
    /// Nothing yet.
    pub(crate) fn of(owner: &'a ObjectRef) -> Self {
        Self { owner, fact: OnceLock::new(), all: OnceLock::new(), pods: OnceLock::new() }
    }
}

impl<'a> Look<'a> {
    /// All pods of an owner, in the order of their names.
    pub(crate) fn pods_of(&self, owner: &ObjectRef) -> Arc<[&'a Pod]> {
        let find = || self.index.pods_of(owner).collect();
        match self.knows(owner) {
            Some(known) => Arc::clone(known.all.get_or_init(find)),
            None => find(),
        }
    }

    /// The object an owner is, if it is watched and held.
    pub(crate) fn fact_of(&self, owner: &ObjectRef) -> Option<&'a Fact> {
        let find = || self.index.get_ref(owner);
        match self.knows(owner) {
            Some(known) => *known.fact.get_or_init(find),
            None => find(),
        }
    }

    /// What is known, if that is the owner which is being judged.
    pub(super) fn knows(&self, owner: &ObjectRef) -> Option<&'a Known<'a>> {
        self.known.filter(|known| std::ptr::eq(known.owner, owner) || known.owner == owner)
    }
}

/// The pods of an owner that a check may hold against it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pods<'a> {
    /// Not being deleted, not finished, not about to be replaced, on a node that reports.
    pub(crate) live: Vec<&'a Pod>,
    /// Nodes with pods of this owner that do not report: what their pods do cannot be known.
    pub(crate) silent_nodes: BTreeSet<&'a str>,
    /// How many pods are on those nodes.
    pub(crate) on_silent_nodes: usize,
}

/// Whether checks of pods judge owners of this kind: everything but what cannot own pods.
pub(crate) fn may_own_pods(kind: &str) -> bool {
    !matches!(
        kind,
        "Node"
            | "Namespace"
            | "PersistentVolumeClaim"
            | "PersistentVolume"
            | "StorageClass"
            | "Service"
            | "EndpointSlice"
            | "Ingress"
            | "IngressClass"
            | "HorizontalPodAutoscaler"
            | "APIService"
            | "ValidatingWebhookConfiguration"
            | "MutatingWebhookConfiguration"
            | "Certificate"
            | "Event"
            | "ConfigMap"
            | "Secret"
    )
}

/// Whether it runs to its end (Jobs are judged by their own result, not by their pods' readiness).
pub(crate) fn is_batch(kind: &str) -> bool {
    matches!(kind, "Job" | "CronJob")
}

impl<'a> Pods<'a> {
    /// Those of an owner.
    pub(crate) fn of(owner: &ObjectRef, look: &Look<'a>) -> Arc<Self> {
        let find = || Arc::new(Self::find(owner, look));
        match look.knows(owner) {
            Some(known) => Arc::clone(known.pods.get_or_init(find)),
            None => find(),
        }
    }

    fn find(owner: &ObjectRef, look: &Look<'a>) -> Self {
        let superseded = superseded(owner, look);
        let mut pods = Self::default();
        for pod in look.pods_of(owner).iter().copied() {
            let set = pod.meta().controller().map_or("", |c| c.name.as_str());
            if is_leaving(pod) || superseded.contains(set) {
                continue;
            }
            if node_of(pod, look).is_some_and(is_silent) {
                pods.silent_nodes.insert(pod.node_name());
                pods.on_silent_nodes += 1;
            } else {
                pods.live.push(pod);
            }
        }
        pods
    }
}

/// Deleted, finished, evicted or moved on purpose: never held against its owner.
pub(crate) fn is_leaving(pod: &Pod) -> bool {
    pod.meta().deletion_timestamp.is_some()
        || is_finished(pod)
        || pod.is_evicted()
        || pod.condition("DisruptionTarget").is_some_and(|c| c.status == "True")
}

/// Ended for good.
pub(crate) fn is_finished(pod: &Pod) -> bool {
    matches!(pod.phase(), "Succeeded" | "Failed")
}

/// The node a pod was given to, if it is known.
pub(crate) fn node_of<'a>(pod: &Pod, look: &Look<'a>) -> Option<&'a Node> {
    let key = ObjectKey { kind: Kind::Node, namespace: String::new().into(), name: pod.node_name().into() };
    match look.index.get(&key) {
        Some(Fact::Node(node)) => Some(node),
        _ => None,
    }
}

/// Whether a node has stopped reporting without having been taken out of service on purpose.
pub(crate) fn is_silent(node: &Node) -> bool {
    node.condition("Ready").is_some_and(|c| c.status != "True") && !node.spec.as_ref().is_some_and(|s| s.unschedulable)
}

/// So long after a node was restarted its workloads may need to come up.
const SETTLES_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// A node is ready at most so long after it was seen to have booted; if it is later, it is ready again for another reason.
const READY_AFTER_BOOT: SignedDuration = SignedDuration::from_mins(10);

/// Until when a pod is given time because its node was restarted, if so.
pub(crate) fn settles_until(pod: &Pod, look: &Look<'_>) -> Option<Timestamp> {
    let node = node_of(pod, look)?;
    let ready = node.condition("Ready").filter(|c| c.status == "True")?.last_transition_time?.at();
    let owner =
        ObjectRef { kind: Kind::Node.name().into(), namespace: String::new().into(), name: pod.node_name().into() };
    let boots = look.history.since(&owner, Timestamp::MIN);
    let mut boots = boots.filter(|t| matches!(t.kind, TransitionKind::NodeBooted { .. })).map(|t| t.at);
    // The first boot that was seen is that of a node nobody knew before.
    boots.next()?;
    let last = boots.last()?;
    let up = last.checked_add(READY_AFTER_BOOT).ok()? >= ready;
    up.then(|| ready.checked_add(SETTLES_WITHIN).unwrap_or(Timestamp::MAX))
}

/// Whether a Deployment is being rolled out and none of the newest pods is ready, but some of those before are.
pub(crate) fn newest_has_none_ready(owner: &ObjectRef, look: &Look<'_>) -> bool {
    if owner.kind != "Deployment" {
        return false;
    }
    let ready = |set: &ReplicaSet| set.status.as_ref().map_or(0, |s| s.ready_replicas);
    let sets: BTreeMap<u64, &ReplicaSet> = look.index.replica_sets_of(owner).map(|set| (revision(set), set)).collect();
    let mut newest_first = sets.into_values().rev();
    newest_first.next().is_some_and(|newest| ready(newest) == 0) && newest_first.any(|older| ready(older) > 0)
}

/// Names of `ReplicaSet`s whose pods are being replaced: scaled to zero, or older than one that already has ready pods.
fn superseded<'a>(owner: &ObjectRef, look: &Look<'a>) -> BTreeSet<&'a str> {
    if owner.kind != "Deployment" {
        return BTreeSet::new();
    }
    let sets: Vec<&ReplicaSet> = look.index.replica_sets_of(owner).collect();
    let Some(newest) = sets.iter().max_by_key(|set| revision(set)) else { return BTreeSet::new() };
    let served = newest.status.as_ref().is_some_and(|s| s.ready_replicas > 0);
    let old = sets.iter().filter(|set| set.meta().name != newest.meta().name);
    old.filter(|set| served || set.spec.as_ref().and_then(|s| s.replicas) == Some(0))
        .map(|set| set.meta().name.as_str())
        .collect()
}

/// The revision of a rollout a ReplicaSet belongs to; 0 if it is not written.
pub(crate) fn revision(set: &ReplicaSet) -> u64 {
    set.meta().annotations.get("deployment.kubernetes.io/revision").and_then(|r| r.parse().ok()).unwrap_or(0)
}

/// A reference to a pod.
pub(crate) fn reference(pod: &Pod) -> ObjectRef {
    ObjectRef { kind: "Pod".into(), namespace: pod.meta().namespace.clone(), name: pod.meta().name.clone() }
}

/// When a pod was started by its node, else when it was created.
pub(crate) fn started(pod: &Pod, look: &Look<'_>) -> Timestamp {
    pod.status.as_ref().and_then(|s| s.start_time).map(Time::at).or_else(|| pod.meta().created()).unwrap_or(look.now)
}

/// What a container is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Runs to its end before the others start.
    Init,
    /// An init container that keeps running beside the others.
    Sidecar,
    /// One of the pod's containers.
    Main,
}

/// A container: what was asked for and what it does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) pod: &'a Pod,
    pub(crate) status: &'a ContainerStatus,
    pub(crate) spec: Option<&'a Container>,
    pub(crate) role: Role,
}

/// The containers of a pod that have a status, in the order in which they start. Debug containers are not among them.
pub(crate) fn containers(pod: &Pod) -> Vec<Seen<'_>> {
    let spec = pod.spec.as_ref();
    let status = pod.status.as_ref();
    let init = status.into_iter().flat_map(|s| &s.init_container_statuses).map(|status| {
        let spec = spec.and_then(|s| s.init_containers.iter().find(|c| c.name == status.name));
        let role = if spec.is_some_and(|s| s.restart_policy == "Always") { Role::Sidecar } else { Role::Init };
        Seen { pod, status, spec, role }
    });
    let main = status.into_iter().flat_map(|s| &s.container_statuses).map(|status| {
        let spec = spec.and_then(|s| s.containers.iter().find(|c| c.name == status.name));
        Seen { pod, status, spec, role: Role::Main }
    });
    init.chain(main).collect()
}

impl<'a> Seen<'a> {
    /// How people call it: `container app`, `init container migrate`.
    pub(crate) fn label(&self) -> String {
        let name = &self.status.name;
        match self.role {
            Role::Init => format!("init container {name}"),
            Role::Sidecar => format!("sidecar container {name}"),
            Role::Main => format!("container {name}"),
        }
    }

    /// Why it does not run yet.
    pub(crate) fn waiting(&self) -> Option<&'a Waiting> {
        self.status.state.as_ref()?.waiting.as_deref()
    }

    /// The reason it waits for; empty if it does not wait.
    pub(crate) fn waits_for(&self) -> &'a str {
        self.waiting().map_or("", |w| w.reason.as_str())
    }

    /// How it ended, if it has ended and was not started again.
    pub(crate) fn terminated(&self) -> Option<&'a Terminated> {
        self.status.state.as_ref()?.terminated.as_deref()
    }

    /// How it ended last: now, or before it was started again.
    pub(crate) fn last_end(&self) -> Option<&'a Terminated> {
        self.terminated().or_else(|| self.status.last_state.as_ref()?.terminated.as_deref())
    }

    /// The log of the run that ended last, else of the one that goes on.
    pub(crate) fn log(&self) -> LogOf {
        let has_ended_before = self.status.last_state.as_ref().is_some_and(|state| state.terminated.is_some());
        LogOf { previous: self.terminated().is_none() && has_ended_before, ..self.log_of_this_run() }
    }

    /// The log of the run that goes on.
    pub(crate) fn log_of_this_run(&self) -> LogOf {
        let meta = self.pod.meta();
        LogOf {
            namespace: meta.namespace.to_string(),
            pod: meta.name.to_string(),
            container: self.status.name.to_string(),
            previous: false,
        }
    }

    /// Since when it runs.
    pub(crate) fn running_since(&self) -> Option<Timestamp> {
        self.status.state.as_ref()?.running.as_ref()?.started_at.map(Time::at)
    }

    /// Its memory limit as written.
    pub(crate) fn memory_limit(&self) -> Option<&'a str> {
        Some(self.spec?.resources.as_ref()?.limits.get("memory")?.string.as_str())
    }

    /// When its present attempt to start can have begun: after the pod, its own last end and what starts before it.
    pub(crate) fn attempt_since(&self, look: &Look<'_>) -> Timestamp {
        let before = containers(self.pod)
            .into_iter()
            .filter(|c| c.role == Role::Init && self.role != Role::Init)
            .filter_map(|c| c.terminated()?.finished_at)
            .map(Time::at);
        let own = self.last_end().and_then(|t| t.finished_at).map(Time::at);
        before.chain(own).fold(started(self.pod, look), Timestamp::max)
    }
}

/// The first bad state that no full hold of health followed: a pod that flaps does not start its waiting time anew.
/// Only what happened since the pod exists counts, so that a rollout's comings and goings are not held against new pods.
pub(crate) fn bad_since(owner: &ObjectRef, pod: &Pod, since: Timestamp, look: &Look<'_>) -> Timestamp {
    let Some(created) = pod.meta().created() else { return since };
    let mut first = since;
    let past: Vec<_> = look.history.since(owner, created).filter(|t| t.at < since).collect();
    let mut recovered: Option<Timestamp> = None;
    for transition in past.iter().rev() {
        let is_bad = match &transition.kind {
            TransitionKind::BecameReady => {
                recovered = recovered.or(Some(transition.at));
                false
            }
            TransitionKind::LostReady => true,
            TransitionKind::Restarted { pod: name, .. } => *name == pod.meta().name,
            TransitionKind::LostLastEndpoint(_)
            | TransitionKind::Drained
            | TransitionKind::RunFailed { .. }
            | TransitionKind::ReferenceChanged(_)
            | TransitionKind::NodeBooted { .. } => false,
        };
        if is_bad {
            if first.duration_since(recovered.unwrap_or(transition.at)) >= HOLD {
                break;
            }
            first = transition.at;
            recovered = None;
        }
    }
    first
}
