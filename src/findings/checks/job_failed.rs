//! `job-failed`: a Job has given up, or a `CronJob` fails time after time.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::{
    cluster::{
        Fact, Kind, ObjectRef, TransitionKind,
        facts::{Condition, CronJob, Job, Pod, Time},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Evidence, Level, Look, Parameter, Verdict, evidence,
        pods::{self, Pods, Seen},
        trouble::{Trouble, conclude, fact},
    },
    schedule::CronLine,
};

const NAME: &str = "job-failed";
const INSTALLER: Parameter = Parameter::number(
    (NAME, "installer_restarts"),
    "After so many restarts an installer of K3s, which never gives up, counts as failed.",
    3,
    (1, 1000),
);

const TOLD_FOR: Parameter =
    Parameter::time((NAME, "told_for"), "After this time a failure is history.", 86_400, (600, 86_400));

/// A Job has given up.
#[derive(Debug)]
pub(crate) struct JobFailed;

impl Check for JobFailed {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "A Job has the condition Failed (retries used up, deadline exceeded), the last two runs of a CronJob failed, or an installer of K3s (helm-install-*) ends again and again.",
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

    fn parameters(&self) -> &'static [Parameter] {
        &[TOLD_FOR, INSTALLER]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let found = match fact(owner, look) {
            Some(Fact::Job(job)) => match job.ended("Failed") {
                Some(failed) if is_aged(failed, look) => {
                    return Verdict::NotWanted(format!("failed more than {} ago", TOLD_FOR.say(look.settings)).into());
                }
                Some(failed) => Some(of_job(owner, job, failed, look)),
                None => still_installing(owner, look),
            },
            Some(Fact::CronJob(cron)) => match of_cron(owner, cron, look) {
                Ok(found) => found,
                Err(over) => return Verdict::NotWanted(over.into()),
            },
            _ => None,
        };
        conclude(NAME, owner, look, &Pods::default(), found.into_iter().collect())
    }

    fn looks_again(&self, owner: &ObjectRef, look: &Look<'_>) -> Option<Timestamp> {
        is_history_at(owner, look)
    }
}

/// The end of the newest failure of a Job or `CronJob`, and when that is history.
fn is_history_at(owner: &ObjectRef, look: &Look<'_>) -> Option<Timestamp> {
    let failed = |job: &Job| job.ended("Failed").map(|failed| at(failed, look));
    let newest = if let Fact::Job(job) = fact(owner, look)? {
        failed(job)
    } else {
        look.index.jobs_of(owner).filter_map(failed).max()
    };
    newest?.checked_add(look.settings.time(&TOLD_FOR)).ok()
}

fn at(condition: &Condition, look: &Look<'_>) -> Timestamp {
    condition.last_transition_time.map_or(look.now, Time::at)
}

fn is_aged(failed: &Condition, look: &Look<'_>) -> bool {
    look.now.duration_since(at(failed, look)) >= look.settings.time(&TOLD_FOR)
}

/// A run of a `CronJob` that failed; its Job is gone if only the history knows it.
struct Failure<'a> {
    at: Timestamp,
    name: &'a str,
    job: Option<(&'a Job, &'a Condition)>,
}

/// One failed run may be chance and the next one tries again; two in a row are told. Kubernetes keeps one failed Job by default,
/// so the one before is known from the history, or (after a restart) from the schedule: it was due, and no success is reported.
fn of_cron(owner: &ObjectRef, cron: &CronJob, look: &Look<'_>) -> Result<Option<Trouble>, String> {
    let failures = failures(owner, cron, look);
    let (Some(first), Some(newest)) = (failures.first(), failures.last()) else { return Ok(None) };
    // A run that is under way decides: until it ends nothing is history.
    let under_way = look.index.jobs_of(owner).filter(|job| !has_ended(job)).last();
    let news = under_way.and_then(|job| job.meta().created()).map_or(newest.at, |begun| begun.max(newest.at));
    if look.now.duration_since(news) >= look.settings.time(&TOLD_FOR) {
        let told = TOLD_FOR.say(look.settings);
        return Err(format!("its last run failed over {told} ago, and none has ended since"));
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
        | TransitionKind::Drained
        | TransitionKind::LostLastEndpoint(_)
        | TransitionKind::ReferenceChanged(_) => None,
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
        log: None,
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

/// What a Job of the cluster's own installer was to do, by its name: `K3s could not install traefik`.
fn installing(owner: &ObjectRef) -> Option<String> {
    let name = (owner.namespace == "kube-system" && owner.kind == "Job").then_some(owner.name.as_str())?;
    let (what, chart) = name
        .strip_prefix("helm-install-")
        .map(|chart| ("install", chart))
        .or_else(|| Some(("remove", name.strip_prefix("helm-delete-")?)))?;
    let who = if chart.starts_with("rke2-") { "RKE2" } else { "K3s" };
    Some(format!("{who} could not {what} {chart}"))
}

/// The installer of K3s never gives up: its Job has a thousand retries, so its container tells how it goes.
fn still_installing(owner: &ObjectRef, look: &Look<'_>) -> Option<Trouble> {
    let could_not = installing(owner)?;
    let pods = Pods::of(owner, look);
    let containers = pods.live.iter().flat_map(|pod| pods::containers(pod));
    let enough = look.settings.of(&INSTALLER);
    let mut failing = containers
        .filter(|c| i64::from(c.status.restart_count) >= enough && c.last_end().is_some_and(|e| e.exit_code != 0));
    let seen = failing.next()?;
    let mut it = Trouble {
        object: owner.clone(),
        with: vec![pods::reference(seen.pod)],
        class: ConditionClass::JobFailed,
        reason: "CrashLoopBackOff".to_owned(),
        message: format!("{could_not}, and tries again: {}", ending(&seen)),
        since: pods::started(seen.pod, look),
        grace: SignedDuration::ZERO,
        level: Level::High,
        log: Some(seen.log()),
        evidence: seen.last_end().map(|end| evidence::ended(&seen, end)).into_iter().collect(),
        recommendation: format!("Read its log: kubectl -n {} logs job/{} --previous", owner.namespace, owner.name),
    };
    it.evidence.extend(evidence::warnings(look, &seen.pod.meta().uid, 2));
    Some(it)
}

fn of_job(owner: &ObjectRef, job: &Job, failed: &Condition, look: &Look<'_>) -> Trouble {
    let meta = job.meta();
    let mut last: Option<&Pod> = None;
    for pod in
        look.pods_of(owner).iter().copied().filter(|p| p.meta().controller().is_some_and(|c| c.name == meta.name))
    {
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
        reason: failed.reason.to_string(),
        message: match (installing(owner), why) {
            (Some(could_not), why) => format!("{could_not}: {}", why.unwrap_or(how)),
            (None, Some(why)) => format!("{how}: {why}"),
            (None, None) => how,
        },
        since: at(failed, look),
        grace: SignedDuration::ZERO,
        level: Level::High,
        log: culprit.map(Seen::log),
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
        format!("{label} ended with exit code {}", evidence::exit_code(end.exit_code))
    } else {
        format!("{label} ended with exit code {}: {}", end.exit_code, end.message)
    }
}
