//! Whether what serves nobody is being moved on purpose: by its first rollout, a later one, or the drain of a node.

use jiff::{SignedDuration, Timestamp};

use super::{
    Look,
    checks::workload::{condition, counts},
    trouble::fact,
};
use crate::cluster::{Fact, ObjectRef, TransitionKind, facts::Deployment};

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
    Drain {
        /// When its pods must have started elsewhere.
        until: Timestamp,
    },
}

/// How long a first rollout may take that has no deadline of its own; the default of Deployments.
const DEADLINE: SignedDuration = SignedDuration::from_mins(10);
/// So long after a pod was asked to go its successor may not be ready for that.
const DRAINED: SignedDuration = SignedDuration::from_mins(10);

/// Why an owner of which nothing is ready may be without for a while, if so.
pub(super) fn moving(owner: &ObjectRef, look: &Look<'_>) -> Option<Moving> {
    let it = fact(owner, look)?;
    first_rollout(owner, it, look)
        .or_else(|| is_rolled_out(it).then_some(Moving::Rollout))
        .or_else(|| Some(Moving::Drain { until: drained_until(owner, look)? }))
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

fn has_given_up(deployment: &Deployment) -> bool {
    condition(deployment, "Progressing").is_some_and(|c| c.status == "False")
}

/// When the last of its pods was asked to go from a node that is being drained is long enough ago, if one was lately.
fn drained_until(owner: &ObjectRef, look: &Look<'_>) -> Option<Timestamp> {
    let from = look.now.checked_sub(DRAINED).ok()?;
    let drained = look.history.since(owner, from).filter(|t| t.kind == TransitionKind::Drained);
    drained.last()?.at.checked_add(DRAINED).ok().filter(|until| look.now < *until)
}
