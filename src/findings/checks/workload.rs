//! What the checks of workloads share: how far a rollout is, and how trouble of the workload itself is written.

use jiff::{SignedDuration, Timestamp};

use crate::{
    cluster::{
        Fact, ObjectRef,
        facts::{Deployment, DeploymentCondition, Time, Workload},
    },
    findings::{
        ConditionClass, Evidence, Level, Look, Parameter, evidence,
        trouble::{Trouble, fact},
    },
};

/// The kinds that keep a number of replicas.
pub(crate) fn keeps_replicas(kind: &str) -> bool {
    matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
}

/// A condition of a Deployment.
pub(crate) fn condition<'a>(deployment: &'a Deployment, kind: &str) -> Option<&'a DeploymentCondition> {
    deployment.status.as_ref()?.conditions.iter().find(|c| c.kind == kind)
}

/// Available, wanted and updated replicas.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    pub(crate) available: i32,
    pub(crate) desired: i32,
    pub(crate) updated: i32,
    /// The controller has not yet looked at the newest template, or has not yet replaced every pod.
    pub(crate) rolling: bool,
}

/// Whether fewer replicas are available than wanted.
pub(crate) fn lacks_replicas(counts: &Counts) -> bool {
    counts.available < counts.desired
}

/// The counts of a workload; None for what keeps no replicas or has no status yet.
pub(crate) fn counts(fact: &Fact) -> Option<Counts> {
    let generation = fact.meta().generation;
    let of = |available, desired, updated, seen: i64| Counts {
        available,
        desired,
        updated,
        rolling: seen < generation || updated < desired,
    };
    match fact.workload()? {
        Workload::Deployment(d) => {
            let s = d.status.as_ref()?;
            let desired = d.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1);
            let mut counts = of(s.available_replicas, desired, s.updated_replicas, s.observed_generation);
            counts.rolling |= condition(d, "Progressing")
                .is_some_and(|c| c.status == "False" || (c.status == "True" && c.reason != "NewReplicaSetAvailable"));
            Some(counts)
        }
        Workload::StatefulSet(x) => {
            let s = x.status.as_ref()?;
            let desired = x.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1);
            // Clusters older than 1.22 do not count available replicas.
            let (by_hand, partition) =
                x.spec.as_ref().and_then(|s| s.update_strategy.as_ref()).map_or((false, 0), |u| {
                    (u.kind == "OnDelete", u.rolling_update.as_ref().map_or(0, |r| r.partition))
                });
            // Pods that are replaced by hand, or below the partition, are left as they are on purpose.
            let is_done = by_hand
                || s.update_revision == s.current_revision
                || s.updated_replicas >= desired.saturating_sub(partition);
            let updated = if is_done { desired } else { s.updated_replicas };
            Some(of(s.available_replicas.max(s.ready_replicas), desired, updated, s.observed_generation))
        }
        Workload::DaemonSet(d) => {
            let s = d.status.as_ref()?;
            let by_hand =
                d.spec.as_ref().and_then(|s| s.update_strategy.as_ref()).is_some_and(|u| u.kind == "OnDelete");
            let updated = if by_hand { s.desired_number_scheduled } else { s.updated_number_scheduled };
            Some(of(s.number_available, s.desired_number_scheduled, updated, s.observed_generation))
        }
        Workload::ReplicaSet(r) => {
            let s = r.status.as_ref()?;
            let desired = r.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1);
            Some(of(s.available_replicas, desired, desired, generation))
        }
        Workload::Pod(_) | Workload::Job(_) | Workload::CronJob(_) => None,
    }
}

/// How long it is waited when so many pods met the same end lately: not at all from a number of them on, some time where replicas are
/// missing since. None: they were replaced, and nobody needs to hear, however impatient they are.
pub(crate) fn grace_of_repeats(
    owner: &ObjectRef,
    look: &Look<'_>,
    times: usize,
    (enough, grace): (&Parameter, &Parameter),
) -> Option<SignedDuration> {
    if times >= look.settings.number(enough) {
        return Some(SignedDuration::ZERO);
    }
    let is_short = || fact(owner, look).and_then(counts).is_some_and(|counts| lacks_replicas(&counts));
    (times > 0 && is_short()).then(|| look.settings.time(grace))
}

/// When the newest of an owner's live pods that is not ready stopped being so (or was created), the oldest first.
pub(crate) fn oldest_unready(owner: &ObjectRef, look: &Look<'_>) -> Option<Timestamp> {
    look.pods_of(owner)
        .iter()
        .copied()
        .filter(|p| !p.is_ready() && !crate::findings::pods::is_leaving(p))
        .filter_map(|p| {
            let changed = p.condition("Ready").and_then(|c| c.last_transition_time).map(Time::at);
            changed.or_else(|| p.meta().created())
        })
        .min()
}

/// Trouble of the workload itself.
pub(crate) fn trouble(
    owner: &ObjectRef,
    class: ConditionClass,
    reason: &str,
    message: String,
    (since, grace): (Timestamp, SignedDuration),
) -> Trouble {
    Trouble {
        object: owner.clone(),
        with: Vec::new(),
        class,
        reason: reason.to_owned(),
        message,
        since,
        grace,
        level: Level::Warning,
        log: None,
        evidence: Vec::new(),
        recommendation: format!(
            "See its conditions and events: kubectl -n {} describe {} {}",
            owner.namespace,
            owner.kind.to_lowercase(),
            owner.name
        ),
    }
}

/// A condition of a Deployment as evidence.
pub(crate) fn proof(owner: &ObjectRef, condition: &DeploymentCondition) -> Evidence {
    evidence::piece(
        format!("{owner} condition {}", condition.kind),
        &evidence::with_message(&format!("{} {}", condition.status, condition.reason), &condition.message),
        condition.last_transition_time.map(Time::at),
    )
}
