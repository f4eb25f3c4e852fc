//! `replicas-missing`: fewer replicas are available than wanted, and no rollout explains it.

use jiff::SignedDuration;

use super::workload::{condition, counts, keeps_replicas, oldest_unready, proof, trouble};
use crate::{
    cluster::{Fact, Kind, ObjectRef, TransitionKind, facts::Time},
    findings::{
        Check, CheckDoc, ConditionClass, Look, Parameter, Verdict,
        pods::Pods,
        trouble::{Trouble, conclude, fact},
    },
};

const NAME: &str = "replicas-missing";
const GRACE: Parameter = Parameter::time((NAME, "grace"), "How long replicas may be missing.", 300, (0, 86_400));

/// Too few replicas.
#[derive(Debug)]
pub(crate) struct ReplicasMissing;

impl Check for ReplicasMissing {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "Fewer replicas are available than wanted although no rollout is going on.",
            why: "Less capacity, or none.",
            fix: "See why pods are missing or not available; other findings of the same workload usually say it.",
            grace: "5 min.",
            silent: "Rollouts; paused or scaled to zero; pods on a node that is down.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Pod]
    }

    fn judges(&self, kind: &str) -> bool {
        keeps_replicas(kind)
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[GRACE]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let all = Pods::of(owner, look);
        let found = fact(owner, look).and_then(|fact| missing(owner, fact, &all, look));
        conclude(NAME, owner, look, &all, found.into_iter().collect())
    }
}

fn missing(owner: &ObjectRef, fact: &Fact, all: &Pods<'_>, look: &Look<'_>) -> Option<Trouble> {
    let counts = counts(fact)?;
    let on_silent = i32::try_from(all.on_silent_nodes).unwrap_or(i32::MAX);
    if counts.rolling || counts.available.saturating_add(on_silent) >= counts.desired {
        return None;
    }
    let deployment = if let Fact::Deployment(d) = fact { Some(d) } else { None };
    let unavailable = deployment.and_then(|d| condition(d, "Available")).filter(|c| c.status == "False");
    let scaled = deployment.and_then(|d| condition(d, "Progressing"));
    let lost = look
        .history
        .since(owner, look.now.checked_sub(SignedDuration::from_hours(24)).ok()?)
        .filter(|t| t.kind == TransitionKind::LostReady)
        .map(|t| t.at)
        .last();
    let since = unavailable
        .and_then(|c| c.last_transition_time)
        .map(Time::at)
        .or_else(|| oldest_unready(owner, look))
        .or(lost)
        .or_else(|| scaled.and_then(|c| c.last_update_time).map(Time::at))
        .or_else(|| fact.meta().created())
        .unwrap_or(look.now);
    let message =
        format!("{} of {} replicas are available and no rollout is going on", counts.available, counts.desired);
    let mut it = trouble(
        owner,
        ConditionClass::ReplicasMissing,
        "ReplicasMissing",
        message,
        (since, look.settings.time(&GRACE)),
    );
    it.evidence.extend(unavailable.map(|c| proof(owner, c)));
    Some(it)
}
