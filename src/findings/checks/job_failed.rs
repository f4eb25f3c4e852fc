//! `job-failed`: a Job has given up, or a `CronJob` fails time after time.

use jiff::{SignedDuration, Timestamp};

use crate::{
    cluster::{
        Fact, Kind, ObjectRef,
        facts::{Condition, CronJob, Job, Pod, Time},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Evidence, Level, Look, Verdict, evidence,
        pods::{self, Pods, Seen},
        trouble::{Trouble, conclude, fact},
    },
};

/// After this a failure is history.
pub(crate) const AGED: SignedDuration = SignedDuration::from_hours(24);

/// A Job has given up.
#[derive(Debug)]
pub(crate) struct JobFailed;

impl Check for JobFailed {
    fn name(&self) -> &'static str {
        "job-failed"
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "A Job has the condition Failed (retries used up, deadline exceeded), or the last two runs of a CronJob failed.",
            why: "Its work was not done and nobody will try again.",
            fix: "Read the log of its last pod, mend the cause, run it again.",
            grace: "None: Kubernetes has already retried.",
            silent: "Retries left; one failed run of a CronJob; suspended; failed more than 24 h ago.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::Job]
    }

    fn judges(&self, kind: &str) -> bool {
        pods::is_batch(kind)
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let found = match fact(owner, look) {
            Some(Fact::Job(job)) => {
                let Some(failed) = ended(job, "Failed") else { return Verdict::Healthy };
                if is_aged(failed, look) {
                    return Verdict::NotWanted("failed more than 24 h ago".into());
                }
                Some(of_job(owner, job, failed, look))
            }
            Some(Fact::CronJob(cron)) => of_cron(owner, cron, look),
            _ => None,
        };
        conclude(self.name(), owner, look, &Pods::default(), found.into_iter().collect())
    }
}

/// The condition by which a Job ended, if it is set.
fn ended<'a>(job: &'a Job, kind: &str) -> Option<&'a Condition> {
    job.status.as_ref()?.conditions.iter().find(|c| c.kind == kind && c.status == "True")
}

fn at(condition: &Condition, look: &Look<'_>) -> Timestamp {
    condition.last_transition_time.map_or(look.now, Time::at)
}

fn is_aged(failed: &Condition, look: &Look<'_>) -> bool {
    look.now.duration_since(at(failed, look)) >= AGED
}

/// The last two finished runs failed, and nothing has succeeded since.
fn of_cron(owner: &ObjectRef, cron: &CronJob, look: &Look<'_>) -> Option<Trouble> {
    let finished: Vec<&Job> =
        look.index.jobs_of(owner).filter(|j| ended(j, "Failed").is_some() || ended(j, "Complete").is_some()).collect();
    let failures: Vec<(&Job, &Condition)> =
        finished.iter().rev().map_while(|j| Some((*j, ended(j, "Failed")?))).collect();
    let (job, failed) = *failures.first()?;
    let (_, first) = *failures.last()?;
    let success = cron.status.as_ref().and_then(|s| s.last_successful_time).map(Time::at);
    if failures.len() < 2 || is_aged(failed, look) || success.is_some_and(|s| s > at(first, look)) {
        return None;
    }
    let mut it = of_job(owner, job, failed, look);
    it.since = at(first, look);
    it.message = format!("its last {} runs failed; {}", failures.len(), it.message);
    it.with = vec![reference(job)];
    Some(it)
}

fn reference(job: &Job) -> ObjectRef {
    ObjectRef { kind: "Job".into(), namespace: job.meta().namespace.clone(), name: job.meta().name.clone() }
}

fn of_job(owner: &ObjectRef, job: &Job, failed: &Condition, look: &Look<'_>) -> Trouble {
    let meta = job.meta();
    let mut last: Option<&Pod> = None;
    for pod in look.index.pods_of(owner).filter(|p| p.meta().controller().is_some_and(|c| c.name == meta.name)) {
        if last.is_none_or(|l| l.meta().created() <= pod.meta().created()) {
            last = Some(pod);
        }
    }
    let containers: Vec<Seen<'_>> = last.map(pods::containers).unwrap_or_default();
    let culprit = containers.iter().find(|c| c.last_end().is_some_and(|e| e.exit_code != 0));
    let mut proof: Vec<Evidence> = vec![evidence::piece(
        format!("{} condition Failed", reference(job)),
        &format!("{}: {}", failed.reason, failed.message),
        Some(at(failed, look)),
    )];
    let how = match failed.reason.as_str() {
        "DeadlineExceeded" => {
            let limit = job.spec.as_ref().and_then(|s| s.active_deadline_seconds);
            limit.map_or_else(
                || "it ran longer than its deadline".into(),
                |s| format!("it ran longer than its deadline of {s} s"),
            )
        }
        "BackoffLimitExceeded" => "it failed and its retries are used up".to_owned(),
        _ => format!("it failed: {}", failed.message),
    };
    let why = culprit.and_then(|c| Some((c, c.last_end()?))).map(|(seen, end)| {
        proof.push(evidence::ended(seen, end));
        ending(seen)
    });
    proof.extend(evidence::warnings(look, &meta.uid, 2));
    let with = last.map(pods::reference).into_iter().collect();
    Trouble {
        object: owner.clone(),
        with,
        class: ConditionClass::JobFailed,
        reason: failed.reason.clone(),
        message: match why {
            Some(why) => format!("{how}: {why}"),
            None => how,
        },
        since: at(failed, look),
        grace: SignedDuration::ZERO,
        level: Level::High,
        evidence: proof,
        recommendation: format!("Read its log: kubectl -n {} logs job/{}", meta.namespace, meta.name),
    }
}

/// How a container of a finished pod ended, in a few words.
pub(crate) fn ending(seen: &Seen<'_>) -> String {
    let Some(end) = seen.last_end() else { return format!("{} ended, cause unknown", seen.label()) };
    let label = seen.label();
    if end.reason == "OOMKilled" {
        let limit =
            seen.memory_limit().map_or_else(|| "its memory limit".to_owned(), |l| format!("its {l} memory limit"));
        format!("{label} was killed for using more than {limit}")
    } else if end.message.is_empty() {
        format!("{label} ended with exit code {}, cause unknown", end.exit_code)
    } else {
        format!("{label} ended with exit code {}: {}", end.exit_code, end.message)
    }
}
