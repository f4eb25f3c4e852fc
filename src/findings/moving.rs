//! Whether what serves nobody is being moved on purpose: by its first rollout, a later one, or the drain of a node.

use jiff::{SignedDuration, Timestamp};

use super::{
    Look,
    checks::workload::{condition, counts},
    pods::node_of,
    trouble::fact,
};
use crate::cluster::{Fact, Kind, ObjectRef, TransitionKind, facts::Pod};

/// Why something may serve nobody for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moving {
    /// It was created a while ago and was never ready.
    FirstRollout {
        /// When its deadline is over.
        until: Timestamp,
    },
    /// Its pods are being replaced by those of another version.
    Rollout,
    /// A node is being drained, and its pods start elsewhere.
    Drain,
}

/// How long a first rollout may take that has no deadline of its own; the default of Deployments.
const DEADLINE: SignedDuration = SignedDuration::from_mins(10);
/// A pod so young may have been started in the place of one that was drained.
const YOUNG: SignedDuration = SignedDuration::from_mins(10);

/// Why an owner of which nothing is ready may be without for a while, if so.
pub(super) fn moving(owner: &ObjectRef, look: &Look<'_>) -> Option<Moving> {
    let it = fact(owner, look)?;
    first_rollout(owner, it, look)
        .or_else(|| is_rolled_out(it).then_some(Moving::Rollout))
        .or_else(|| is_drained(owner, look).then_some(Moving::Drain))
}

/// None of its pods was ever ready, as far as anybody remembers, and it is younger than its deadline.
fn first_rollout(owner: &ObjectRef, it: &Fact, look: &Look<'_>) -> Option<Moving> {
    counts(it)?;
    let created = it.meta().created()?;
    let deployment = if let Fact::Deployment(d) = it { Some(d) } else { None };
    if deployment.is_some_and(|d| has_given_up(d)) {
        return None;
    }
    let deadline = deployment.and_then(|d| d.spec.as_ref()?.progress_deadline_seconds);
    let deadline = deadline.map_or(DEADLINE, |seconds| SignedDuration::from_secs(seconds.into()));
    let until = created.checked_add(deadline).ok().filter(|until| look.now < *until)?;
    let mut since = look.history.since(owner, created);
    let was_ready = since.any(|t| matches!(t.kind, TransitionKind::BecameReady | TransitionKind::LostReady));
    (!was_ready).then_some(Moving::FirstRollout { until })
}

fn is_rolled_out(it: &Fact) -> bool {
    let has_given_up = matches!(it, Fact::Deployment(d) if has_given_up(d));
    !has_given_up && counts(it).is_some_and(|counts| counts.rolling)
}

fn has_given_up(deployment: &crate::cluster::facts::Deployment) -> bool {
    condition(deployment, "Progressing").is_some_and(|c| c.status == "False")
}

/// A pod of it leaves a node that takes no more pods, or is young while there is such a node.
fn is_drained(owner: &ObjectRef, look: &Look<'_>) -> bool {
    let is_cordoned = |node: &crate::cluster::facts::Node| node.spec.as_ref().is_some_and(|spec| spec.unschedulable);
    let leaves = |pod: &&Pod| {
        let is_asked_to = pod.meta().deletion_timestamp.is_some()
            || pod.condition("DisruptionTarget").is_some_and(|c| c.status == "True");
        is_asked_to && node_of(pod, look).is_some_and(is_cordoned)
    };
    let is_young = |pod: &&Pod| {
        let created = pod.meta().created();
        !pod.is_ready() && created.is_some_and(|at| look.now.duration_since(at) < YOUNG)
    };
    let pods = look.pods_of(owner);
    if pods.iter().copied().any(|pod| leaves(&pod)) {
        return true;
    }
    let any_cordoned = || look.index.all(Kind::Node).any(|f| matches!(f, Fact::Node(node) if is_cordoned(node)));
    pods.iter().copied().any(|pod| is_young(&pod)) && any_cordoned()
}
