//! `rollout-stuck`: a new version does not get into place.

use jiff::SignedDuration;

use super::workload::{condition, counts, keeps_replicas, oldest_unready, proof, trouble};
use crate::{
    cluster::{Fact, Kind, ObjectRef, facts::Time},
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Parameter, Verdict,
        pods::{Pods, revision},
        trouble::{Trouble, conclude, fact, replicas},
    },
};

const NAME: &str = "rollout-stuck";
const NO_STEP: Parameter = Parameter::time(
    (NAME, "no_step"),
    "How long a StatefulSet or DaemonSet may be on the same step of its rollout.",
    900,
    (60, 86_400),
);

/// A rollout does not get on.
#[derive(Debug)]
pub(crate) struct RolloutStuck;

impl Check for RolloutStuck {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "A rollout does not get on: a Deployment exceeded its progress deadline, or a StatefulSet or DaemonSet has an updated pod that is not ready.",
            why: "The new version is not in place; what still runs is the old one, or nothing.",
            fix: "Mend what keeps the new pods from being ready, or go back to the version before.",
            grace: "None for a Deployment (its own deadline has passed); 15 min for a StatefulSet or DaemonSet.",
            silent: "A rollout that gets on; paused or scaled to zero; pods that are replaced by hand (OnDelete) or kept back (partition).",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Pod]
    }

    fn judges(&self, kind: &str) -> bool {
        keeps_replicas(kind) && kind != "ReplicaSet"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[NO_STEP]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let all = Pods::of(owner, look);
        let found = fact(owner, look).and_then(|fact| stuck(owner, fact, &all, look));
        conclude(NAME, owner, look, &all, found.into_iter().collect())
    }
}

fn stuck(owner: &ObjectRef, fact: &Fact, all: &Pods<'_>, look: &Look<'_>) -> Option<Trouble> {
    let (ready, desired) = replicas(owner, look).unwrap_or_default();
    let serving =
        if ready > 0 { format!("{ready} of {desired} replicas still serve") } else { "nothing serves".into() };
    if let Fact::Deployment(deployment) = fact {
        let progressing = condition(deployment, "Progressing")
            .filter(|c| c.status == "False" && c.reason == "ProgressDeadlineExceeded")?;
        let counts = counts(fact)?;
        let newest = look.index.replica_sets_of(owner).max_by_key(|set| revision(set));
        let new = newest.and_then(|s| s.status.as_ref()).map_or(0, |s| s.ready_replicas);
        let since = progressing.last_transition_time.map_or(look.now, Time::at);
        let message = format!(
            "the rollout is stuck: {new} of {} new replicas are ready and its deadline has passed; {serving}",
            counts.desired
        );
        let mut it =
            trouble(owner, ConditionClass::RolloutStuck, &progressing.reason, message, (since, SignedDuration::ZERO));
        it.level = Level::High;
        it.evidence.push(proof(owner, progressing));
        it.recommendation = format!(
            "Mend the new version or go back: kubectl -n {} rollout history deployment {}",
            owner.namespace, owner.name
        );
        return Some(it);
    }
    let counts = counts(fact)?;
    if !counts.rolling || all.on_silent_nodes > 0 {
        return None;
    }
    let since = oldest_unready(owner, look)?;
    let message = format!(
        "the rollout is stuck: {} of {} replicas are updated and a pod does not become ready; {serving}",
        counts.updated, counts.desired
    );
    Some(trouble(owner, ConditionClass::RolloutStuck, "NotProgressing", message, (since, look.settings.time(&NO_STEP))))
}
