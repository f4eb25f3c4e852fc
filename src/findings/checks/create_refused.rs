//! `create-refused`: the API server refuses to create a workload's pods (quota, admission, missing service account).

use jiff::Timestamp;

use super::workload::{condition, counts, keeps_replicas, proof, trouble};
use crate::{
    cluster::{
        Fact, Kind, ObjectRef,
        facts::{Event, Time, Uid},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Parameter, Verdict, evidence,
        pods::Pods,
        trouble::{Trouble, conclude, fact},
    },
};

const NAME: &str = "create-refused";
const GRACE: Parameter = Parameter::time((NAME, "grace"), "How long pods may be refused.", 60, (0, 3600));
const FRESH: Parameter = Parameter::time(
    (NAME, "fresh"),
    "For so long an event of a refusal tells of the present; the controllers try again with growing pauses.",
    1200,
    (60, 3600),
);

/// Pods are refused.
#[derive(Debug)]
pub(crate) struct CreateRefused;

impl Check for CreateRefused {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "The pods of a workload cannot be created: a quota, an admission policy or webhook, or a missing service account refuses them.",
            why: "There is no pod whose state could tell: the workload just has too few.",
            fix: "Raise the quota, satisfy the policy, or create what is missing; the message names it.",
            grace: "60 s from the first refusal.",
            silent: "All replicas are there in spite of it.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Pod]
    }

    fn judges(&self, kind: &str) -> bool {
        keeps_replicas(kind) || kind == "Job"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[GRACE, FRESH]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let all = Pods::of(owner, look);
        let found = fact(owner, look).and_then(|fact| refused(owner, fact, look));
        conclude(NAME, owner, look, &all, found.into_iter().collect())
    }
}

fn refused(owner: &ObjectRef, fact: &Fact, look: &Look<'_>) -> Option<Trouble> {
    if let Fact::Job(job) = fact {
        if job.status.as_ref().is_some_and(|s| [s.active, s.succeeded, s.failed].iter().any(|pods| *pods > 0)) {
            return None;
        }
    } else {
        let counts = counts(fact)?;
        if counts.available >= counts.desired && !counts.rolling {
            return None;
        }
    }
    let deployment = if let Fact::Deployment(d) = fact { Some(d) } else { None };
    let failure = deployment.and_then(|d| condition(d, "ReplicaFailure")).filter(|c| c.status == "True");
    let from = look.now.checked_sub(look.settings.time(&FRESH)).unwrap_or(Timestamp::MIN);
    let sets: Vec<&Uid> = look.index.replica_sets_of(owner).map(|s| &s.meta().uid).collect();
    let uids = std::iter::once(&fact.meta().uid).chain(sets);
    let events: Vec<&Event> = uids
        .flat_map(|uid| look.index.events_of(uid))
        .filter(|e| e.kind == "Warning" && e.reason == "FailedCreate" && e.last_seen().is_some_and(|at| at >= from))
        .collect();
    let newest = events.iter().max_by_key(|e| e.last_seen());
    // A ReplicaSet's condition goes when it succeeds; events of others only tell that it failed at some time.
    if failure.is_none() && (deployment.is_some() || newest.is_none()) {
        return None;
    }
    let said = failure.map(|c| c.message.as_str()).filter(|m| !m.is_empty()).or(newest.map(|e| e.message.as_str()))?;
    let since = failure
        .and_then(|c| c.last_transition_time)
        .map(Time::at)
        .or_else(|| events.iter().filter_map(|e| evidence::first_seen(e)).min())
        .unwrap_or(look.now);
    let message = format!("its pods cannot be created: {}", cause(said));
    let mut it = trouble(owner, ConditionClass::Refused, "FailedCreate", message, (since, look.settings.time(&GRACE)));
    it.level = Level::High;
    it.evidence.extend(failure.map(|c| proof(owner, c)));
    it.evidence.extend(newest.map(|e| evidence::of_event(e)));
    Some(it)
}

/// The refusal without the name of the pod that was refused, which changes at every try.
fn cause(said: &str) -> &str {
    if said.trim().is_empty() {
        return "cause unknown";
    }
    let said = said.rsplit_once("Error creating: ").map_or(said, |(_, rest)| rest);
    said.split_once(" is forbidden: ").map_or(said, |(_, why)| why)
}
