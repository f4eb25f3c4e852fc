//! What the checks of workloads share: how far a rollout is, and how trouble of the workload itself is written.

use jiff::{SignedDuration, Timestamp};

use crate::{
    cluster::{
        Fact, ObjectRef,
        facts::{Deployment, DeploymentCondition, Time},
    },
    findings::{ConditionClass, Evidence, Level, Look, evidence, trouble::Trouble},
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
    match fact {
        Fact::Deployment(d) => {
            let s = d.status.as_ref()?;
            let desired = d.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1);
            let mut counts = of(s.available_replicas, desired, s.updated_replicas, s.observed_generation);
            counts.rolling |= condition(d, "Progressing")
                .is_some_and(|c| c.status == "False" || (c.status == "True" && c.reason != "NewReplicaSetAvailable"));
            Some(counts)
        }
        Fact::StatefulSet(x) => {
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
        Fact::DaemonSet(d) => {
            let s = d.status.as_ref()?;
            let by_hand =
                d.spec.as_ref().and_then(|s| s.update_strategy.as_ref()).is_some_and(|u| u.kind == "OnDelete");
            let updated = if by_hand { s.desired_number_scheduled } else { s.updated_number_scheduled };
            Some(of(s.number_available, s.desired_number_scheduled, updated, s.observed_generation))
        }
        Fact::ReplicaSet(r) => {
            let s = r.status.as_ref()?;
            let desired = r.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1);
            Some(of(s.available_replicas, desired, desired, generation))
        }
        Fact::Namespace(_)
        | Fact::Node(_)
        | Fact::Pod(_)
        | Fact::Job(_)
        | Fact::CronJob(_)
        | Fact::PersistentVolumeClaim(_)
        | Fact::Service(_)
        | Fact::EndpointSlice(_)
        | Fact::HorizontalPodAutoscaler(_)
        | Fact::Ingress(_)
        | Fact::IngressClass(_)
        | Fact::ValidatingWebhookConfiguration(_)
        | Fact::MutatingWebhookConfiguration(_)
        | Fact::ApiService(_)
        | Fact::PersistentVolume(_)
        | Fact::StorageClass(_)
        | Fact::Certificate(_)
        | Fact::Event(_) => None,
    }
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
