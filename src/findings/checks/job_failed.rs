//! `job-failed`: a Job has given up, or a `CronJob` fails time after time.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::{
    cluster::{
        Fact, Kind, ObjectRef, TransitionKind,
        facts::{Condition, CronJob, Job, Pod, Time},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Evidence, Level, Look, Verdict, evidence,
        pods::{self, Pods, Seen},
        trouble::{Trouble, conclude, fact},
    },
    schedule::CronLine,
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
            silent: "Retries left; one failed run of a CronJob (the next one tries again); suspended; failed more than 24 h ago.",
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
                let Some(failed) = job.ended("Failed") else { return Verdict::Healthy };
                if is_aged(failed, look) {
                    return Verdict::NotWanted("failed more than 24 h ago".into());
                }
                Some(of_job(owner, job, failed, look))
            }
            Some(Fact::CronJob(cron)) => match of_cron(owner, cron, look) {
                Ok(found) => found,
                Err(over) => return Verdict::NotWanted(over.into()),
            },
            _ => None,
        };
        conclude(self.name(), owner, look, &Pods::default(), found.into_iter().collect())
    }
}

fn at(condition: &Condition, look: &Look<'_>) -> Timestamp {
    condition.last_transition_time.map_or(look.now, Time::at)
}

fn is_aged(failed: &Condition, look: &Look<'_>) -> bool {
    look.now.duration_since(at(failed, look)) >= AGED
}

/// A run of a `CronJob` that failed; its Job is gone if only the history knows it.
struct Failure<'a> {
    at: Timestamp,
    name: &'a str,
    job: Option<(&'a Job, &'a Condition)>,
}

/// One failed run may be chance and the next one tries again; two in a row are told. Kubernetes keeps one failed Job by default,
/// so the one before is known from the history, or (after a restart) from the schedule: it was due, and no success is reported.
fn of_cron(owner: &ObjectRef, cron: &CronJob, look: &Look<'_>) -> Result<Option<Trouble>, &'static str> {
    let failures = failures(owner, cron, look);
    let (Some(first), Some(newest)) = (failures.first(), failures.last()) else { return Ok(None) };
    // A run that is under way decides: until it ends nothing is history.
    let under_way = look.index.jobs_of(owner).filter(|job| !has_ended(job)).last();
    let news = under_way.and_then(|job| job.meta().created()).map_or(newest.at, |begun| begun.max(newest.at));
    if look.now.duration_since(news) >= AGED {
        return Err("its last run failed over 24 h ago, and none has ended since");
    }
    let how_often = match (failures.len(), newest.job) {
        (2.., _) => format!("its last {} runs failed", failures.len()),
        (_, Some((job, _))) if run_before_failed_too(owner, cron, job, look) => {
            "its last run failed, and the one before did not succeed".to_owned()
        }
        _ => return Ok(None),
    };
    let mut it = match newest.job {
        Some((job, failed)) => {
            let mut it = of_job(owner, job, failed, look);
            it.with = vec![reference(job)];
            it
        }
        None => of_gone_job(owner, newest),
    };
    it.since = first.at;
    it.message = format!("{how_often}; {}", it.message);
    it.evidence.extend(
        under_way
            .map(|job| evidence::piece(reference(job).to_string(), "a new run is under way", job.meta().created())),
    );
    Ok(Some(it))
}

/// The runs that failed after the last one that succeeded, oldest first.
fn failures<'a>(owner: &ObjectRef, cron: &CronJob, look: &Look<'a>) -> Vec<Failure<'a>> {
    let jobs: Vec<&Job> = look.index.jobs_of(owner).collect();
    let completed = jobs.iter().filter_map(|j| Some(at(j.ended("Complete")?, look))).max();
    let success = completed.max(last_success(cron));
    let here = jobs.iter().filter_map(|job| {
        let failed = job.ended("Failed")?;
        Some(Failure { at: at(failed, look), name: &job.meta().name, job: Some((job, failed)) })
    });
    let gone = look.history.since(owner, Timestamp::MIN).filter_map(|t| match &t.kind {
        TransitionKind::RunFailed { job } if jobs.iter().all(|j| j.meta().name != *job) => {
            Some(Failure { at: t.at, name: job, job: None })
        }
        TransitionKind::RunFailed { .. }
        | TransitionKind::NodeBooted { .. }
        | TransitionKind::Restarted { .. }
        | TransitionKind::BecameReady
        | TransitionKind::LostReady
        | TransitionKind::LostLastEndpoint(_) => None,
    });
    let mut failures: Vec<Failure<'a>> =
        here.chain(gone).filter(|failure| success.is_none_or(|success| failure.at > success)).collect();
    failures.sort_by_key(|failure| (failure.at, failure.name));
    failures
}

fn has_ended(job: &Job) -> bool {
    job.ended("Failed").is_some() || job.ended("Complete").is_some()
}

fn last_success(cron: &CronJob) -> Option<Timestamp> {
    cron.status.as_ref()?.last_successful_time.map(Time::at)
}

/// Whether two runs were due from the last success (or the beginning) up to this one, so that the one before cannot have succeeded.
fn run_before_failed_too(owner: &ObjectRef, cron: &CronJob, newest: &Job, look: &Look<'_>) -> bool {
    let created = newest.meta().created();
    // What still runs may yet succeed.
    let runs = look.index.jobs_of(owner).any(|job| !has_ended(job) && job.meta().created() < created);
    let second_due = || {
        let spec = cron.spec.as_ref()?;
        let zone = if spec.time_zone.is_empty() { TimeZone::UTC } else { TimeZone::get(&spec.time_zone).ok()? };
        let line = CronLine::parse(&spec.schedule, zone).ok()?;
        line.next_after(line.next_after(last_success(cron).or_else(|| cron.meta().created())?)?)
    };
    !runs && second_due().zip(created).is_some_and(|(due, created)| due <= created)
}

/// The newest failure of a `CronJob` when its Job was already cleaned up.
fn of_gone_job(owner: &ObjectRef, failure: &Failure<'_>) -> Trouble {
    let name = failure.name;
    Trouble {
        object: owner.clone(),
        with: Vec::new(),
        class: ConditionClass::JobFailed,
        reason: "Failed".to_owned(),
        message: "the Job of the last one was cleaned up, so its cause is not known".to_owned(),
        since: failure.at,
        grace: SignedDuration::ZERO,
        level: Level::High,
        evidence: vec![evidence::piece(
            format!("Job {}/{name}", owner.namespace),
            "failed; seen before it was cleaned up",
            Some(failure.at),
        )],
        recommendation: format!(
            "Run it again and read its log: kubectl -n {ns} create job {cron}-by-hand --from=cronjob/{cron}",
            ns = owner.namespace,
            cron = owner.name
        ),
    }
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
        &evidence::with_message(&failed.reason, &failed.message),
        Some(at(failed, look)),
    )];
    // Of a CronJob it is said before that its runs failed.
    let is_run = owner.kind == "CronJob";
    let it = if is_run { "the last one" } else { "it" };
    let how = match failed.reason.as_str() {
        "DeadlineExceeded" => {
            let limit = job.spec.as_ref().and_then(|s| s.active_deadline_seconds);
            limit.map_or_else(
                || format!("{it} ran longer than its deadline"),
                |s| format!("{it} ran longer than its deadline of {s} s"),
            )
        }
        "BackoffLimitExceeded" if is_run => "the last one used up its retries".to_owned(),
        "BackoffLimitExceeded" => "it failed and its retries are used up".to_owned(),
        _ => evidence::with_message(if is_run { "the last one" } else { "it failed" }, or_unknown(&failed.message)),
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

fn or_unknown(message: &str) -> &str {
    if message.trim().is_empty() { "cause unknown" } else { message }
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
