//! `create-refused`: the API server refuses to create a workload's pods (quota, admission, missing service account).

use jiff::{SignedDuration, Timestamp};

use super::workload::{condition, counts, keeps_replicas, proof, trouble};
use crate::{
    cluster::{
        Fact, Kind, ObjectRef,
        facts::{Event, Job, JobStatus, Time, Uid},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Evidence, Level, Look, Parameter, Verdict, evidence,
        pods::{self, Pods},
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
            what: "The pods of a workload, or of the last run of a CronJob, cannot be created: a quota, an admission policy or webhook, or a missing service account refuses them.",
            why: "There is no pod whose state could tell: the workload just has too few.",
            fix: "Raise the quota, satisfy the policy, or create what is missing; the message names it.",
            grace: "60 s from the first refusal.",
            silent: "All replicas are there in spite of it, or a pod was created since.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Pod]
    }

    fn judges(&self, kind: &str) -> bool {
        keeps_replicas(kind) || pods::is_batch(kind)
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[GRACE, FRESH]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let all = Pods::of(owner, look);
        let found = fact(owner, look).and_then(|fact| refused(owner, fact, look));
        conclude(NAME, owner, look, &all, found.into_iter().collect())
    }

    /// An event that is not repeated is of the past in time.
    fn looks_again(&self, owner: &ObjectRef, look: &Look<'_>) -> Option<Timestamp> {
        if matches!(owner.kind.as_ref(), "Deployment" | "ReplicaSet") {
            return None;
        }
        let own = std::iter::once(fact(owner, look)?.meta().uid);
        let uids: Vec<Uid> = own.chain(look.index.jobs_of(owner).map(|job| job.meta().uid)).collect();
        let newest = events(&uids, look).into_iter().filter_map(Event::last_seen).max()?;
        newest.checked_add(look.settings.time(&FRESH) + SignedDuration::from_secs(1)).ok()
    }
}

/// What refuses pods: of which object it is said, what, and since when.
struct Refusal<'a> {
    with: Vec<ObjectRef>,
    said: &'a str,
    since: Timestamp,
    proof: Vec<Evidence>,
}

fn refused<'a>(owner: &ObjectRef, fact: &'a Fact, look: &Look<'a>) -> Option<Trouble> {
    let refusal = if let Fact::Job(job) = fact {
        by_events(owner, &[job.meta().uid], look).filter(|_| has_no_pods(job))
    } else if let Fact::CronJob(_) = fact {
        // Of the runs since one last got a pod: where a run begins each minute, none alone is refused for long.
        let mut runs: Vec<&Job> = look.index.jobs_of(owner).collect();
        let got_pods = runs.iter().rposition(|run| !has_no_pods(run)).map_or(0, |at| at.saturating_add(1));
        runs.drain(..got_pods);
        let last = runs.iter().rfind(|run| !events(&[run.meta().uid], look).is_empty())?;
        let uids: Vec<Uid> = runs.iter().map(|run| run.meta().uid).collect();
        by_events(owner, &uids, look).map(|it| Refusal { with: vec![reference(last)], ..it })
    } else {
        of_replicas(owner, fact, look)
    }?;
    let whose = if owner.kind == "CronJob" { "the pods of its last run" } else { "its pods" };
    let message = format!("{whose} cannot be created: {}", cause(refusal.said));
    let from = (refusal.since, look.settings.time(&GRACE));
    let mut it = trouble(owner, ConditionClass::Refused, "FailedCreate", message, from);
    it.level = Level::High;
    it.with = refusal.with;
    it.evidence.extend(refusal.proof);
    Some(it)
}

fn has_no_pods(job: &Job) -> bool {
    let of = |s: &JobStatus| [s.active, s.succeeded, s.failed].iter().any(|pods| *pods > 0);
    !job.status.as_ref().is_some_and(of) && ["Complete", "Failed", "Suspended"].iter().all(|it| job.ended(it).is_none())
}

fn of_replicas<'a>(owner: &ObjectRef, fact: &'a Fact, look: &Look<'a>) -> Option<Refusal<'a>> {
    let counts = counts(fact)?;
    if counts.available >= counts.desired && !counts.rolling {
        return None;
    }
    let mut uids = vec![fact.meta().uid];
    uids.extend(look.index.replica_sets_of(owner).map(|set| set.meta().uid));
    // The condition of a ReplicaSet is there while it is refused, and goes when it is not.
    let (said, since, proof) = if let Fact::Deployment(deployment) = fact {
        let failure = condition(deployment, "ReplicaFailure").filter(|c| c.status == "True")?;
        (failure.message.as_str(), failure.last_transition_time, proof(owner, failure))
    } else if let Fact::ReplicaSet(set) = fact {
        let conditions = &set.status.as_ref()?.conditions;
        let failure = conditions.iter().find(|c| c.kind == "ReplicaFailure" && c.status == "True")?;
        let said = evidence::with_message(&format!("{} {}", failure.status, failure.reason), &failure.message);
        let since = failure.last_transition_time;
        let proof = evidence::piece(format!("{owner} condition ReplicaFailure"), &said, since.map(Time::at));
        (failure.message.as_str(), since, proof)
    } else {
        let pods = look.pods_of(owner);
        let there = pods.iter().filter(|pod| !pods::is_leaving(pod)).count();
        let wanted = usize::try_from(counts.desired).unwrap_or(0);
        return by_events(owner, &uids, look).filter(|_| there < wanted);
    };
    let newest = events(&uids, look).into_iter().max_by_key(|e| e.last_seen());
    let said = Some(said).filter(|said| !said.is_empty()).or(newest.map(|e| e.message.as_str()))?;
    let since = since.map_or(look.now, Time::at);
    Some(Refusal {
        with: vec![],
        said,
        since,
        proof: std::iter::once(proof).chain(newest.map(evidence::of_event)).collect(),
    })
}

/// The refusals of late that are events only; none of them counts once a pod was created after it.
fn by_events<'a>(owner: &ObjectRef, uids: &[Uid], look: &Look<'a>) -> Option<Refusal<'a>> {
    let created = look.pods_of(owner).iter().filter_map(|pod| pod.meta().created()).max();
    let events: Vec<&Event> = events(uids, look).into_iter().filter(|e| e.last_seen() > created).collect();
    let newest = *events.iter().max_by_key(|e| e.last_seen())?;
    let first = events.iter().filter_map(|e| evidence::first_seen(e)).min();
    // The pods that came before may have been refused too at first.
    let since = first.max(created).unwrap_or(look.now);
    Some(Refusal { with: vec![], said: newest.message.as_str(), since, proof: vec![evidence::of_event(newest)] })
}

/// The refusals of late.
fn events<'a>(uids: &[Uid], look: &Look<'a>) -> Vec<&'a Event> {
    let from = look.now.checked_sub(look.settings.time(&FRESH)).unwrap_or(Timestamp::MIN);
    let of = uids.iter().flat_map(|uid| look.index.events_of(uid));
    of.filter(|e| e.kind == "Warning" && e.reason == "FailedCreate" && e.last_seen().is_some_and(|at| at >= from))
        .collect()
}

fn reference(job: &Job) -> ObjectRef {
    let meta = job.meta();
    ObjectRef { kind: Kind::Job.name().into(), namespace: meta.namespace.clone(), name: meta.name.clone() }
}

/// The refusal without the name of the pod that was refused, which changes at every try.
fn cause(said: &str) -> &str {
    if said.trim().is_empty() {
        return "cause unknown";
    }
    let said = said.rsplit_once("Error creating: ").map_or(said, |(_, rest)| rest);
    said.split_once(" is forbidden: ").map_or(said, |(_, why)| why)
}
