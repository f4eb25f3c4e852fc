//! `cronjob-stopped`: a `CronJob` has not been run when it was due, twice.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::{
    cluster::{
        Fact, Kind, ObjectRef,
        facts::{CronJob, Event, Time},
    },
    findings::{
        Check, CheckDoc, ConditionClass, Level, Look, Parameter, Verdict, evidence,
        pods::Pods,
        trouble::{Trouble, conclude, fact},
    },
    schedule::CronLine,
};

const NAME: &str = "cronjob-stopped";
const GRACE: Parameter =
    Parameter::time((NAME, "grace"), "How late the second run that was missed may be.", 300, (0, 86_400));

/// The controller's words for a `CronJob` it cannot run.
const CANNOT: [&str; 5] = [
    "UnparseableCronJobSchedule",
    "UnParseableCronJobSchedule",
    "InvalidSchedule",
    "UnknownTimeZone",
    "TooManyMissedTimes",
];
/// So much later can a run be due where nobody wrote the zone, and the controller's own is not known.
const ANY_ZONE: SignedDuration = SignedDuration::from_hours(24);

/// A `CronJob` does not run.
#[derive(Debug)]
pub(crate) struct CronJobStopped;

impl Check for CronJobStopped {
    fn name(&self) -> &'static str {
        NAME
    }

    fn doc(&self) -> &'static CheckDoc {
        &CheckDoc {
            what: "A CronJob was due twice by its own schedule and was not run, or its schedule or time zone cannot be read by Kubernetes.",
            why: "Nothing fails, so nobody notices: backups and clean-ups just do not happen.",
            fix: "End the run that holds it (concurrencyPolicy Forbid), correct the schedule or the time zone, or look at the controller manager.",
            grace: "Two due times and 5 min; a day more where no time zone is written and its hours are not those of UTC.",
            silent: "Suspended; one missed run; schedules that only Kubernetes itself can read.",
        }
    }

    fn reads(&self) -> &'static [Kind] {
        &[Kind::CronJob]
    }

    fn judges(&self, kind: &str) -> bool {
        kind == "CronJob"
    }

    fn parameters(&self) -> &'static [Parameter] {
        &[GRACE]
    }

    fn verdict(&self, owner: &ObjectRef, look: &Look<'_>) -> Verdict {
        let Some(Fact::CronJob(cron)) = fact(owner, look) else { return Verdict::NotWanted("deleted".into()) };
        let found = match (said(cron, look), missed(owner, cron, look)) {
            (Some(event), _) => Some(refused(owner, event, look)),
            (None, Ok(missed)) => missed
                .filter(|missed| look.now >= missed.first_is_late)
                .map(|missed| trouble(owner, cron, &missed, look)),
            (None, Err(why)) => return Verdict::Unknown(why),
        };
        conclude(NAME, owner, look, &Pods::default(), found.into_iter().collect())
    }

    fn looks_again(&self, owner: &ObjectRef, look: &Look<'_>) -> Option<Timestamp> {
        let Some(Fact::CronJob(cron)) = fact(owner, look) else { return None };
        let wanted = !cron.spec.as_ref().is_some_and(|s| s.suspend) && cron.meta().deletion_timestamp.is_none();
        wanted.then(|| Some(missed(owner, cron, look).ok()??.first_is_late)).flatten()
    }
}

/// The runs that are due after the last one.
struct Missed {
    /// When the first was due.
    first: Timestamp,
    /// From when on the first counts as missed.
    first_is_late: Timestamp,
    /// From when on the second does.
    second_is_late: Timestamp,
}

/// The two due times after the last run (or the creation), as far as they can be known.
fn missed(owner: &ObjectRef, cron: &CronJob, look: &Look<'_>) -> Result<Option<Missed>, String> {
    let Some(spec) = cron.spec.as_ref() else { return Ok(None) };
    let zone = if spec.time_zone.is_empty() {
        TimeZone::UTC
    } else {
        TimeZone::get(spec.time_zone.as_str())
            .map_err(|_| format!("the time zone {} is not known here", spec.time_zone))?
    };
    let line = CronLine::parse(spec.schedule.as_str(), zone)
        .map_err(|why| format!("the schedule {:?} cannot be read here: {why}", spec.schedule))?;
    let last = last_run(cron);
    // Where the status does not tell, the newest run does.
    let newest = || look.index.jobs_of(owner).filter_map(|job| job.meta().created()).max();
    let Some(from) = last.or_else(newest).or_else(|| cron.meta().created()) else { return Ok(None) };
    let Some((first, second)) = line.next_after(from).and_then(|first| Some((first, line.next_after(first)?))) else {
        return Ok(None);
    };
    // A last run that was due in UTC proves that the controller reckons so; a line for every hour is the same everywhere.
    let hours = spec.schedule.split_whitespace().skip(1);
    let is_due =
        |at: Timestamp| at.checked_sub(SignedDuration::from_secs(1)).is_ok_and(|b| line.next_after(b) == Some(at));
    let is_sure = !spec.time_zone.is_empty() || last.is_some_and(is_due) || hours.clone().all(|field| field == "*");
    let slack = if is_sure { SignedDuration::ZERO } else { ANY_ZONE };
    let late = |at: Timestamp| {
        let slack = slack.checked_add(look.settings.time(&GRACE)).unwrap_or(SignedDuration::MAX);
        at.checked_add(slack).unwrap_or(Timestamp::MAX)
    };
    Ok(Some(Missed { first, first_is_late: late(first), second_is_late: late(second) }))
}

fn last_run(cron: &CronJob) -> Option<Timestamp> {
    cron.status.as_ref()?.last_schedule_time.map(Time::at)
}

/// What the controller says of a `CronJob` it cannot run, since it was run last.
fn said<'a>(cron: &CronJob, look: &Look<'a>) -> Option<&'a Event> {
    let last = last_run(cron);
    look.index
        .events_of(&cron.meta().uid)
        .filter(|e| CANNOT.contains(&e.reason.as_str()) && e.last_seen() > last)
        .last()
}

fn refused(owner: &ObjectRef, event: &Event, look: &Look<'_>) -> Trouble {
    let what = if event.reason == "TooManyMissedTimes" {
        "it was due so often without being run that its controller has given up"
    } else {
        "its controller cannot run it"
    };
    let mut it = base(owner, evidence::first_seen(event).unwrap_or(look.now), &event.reason);
    it.message = evidence::with_message(what, event.message.as_str());
    it.evidence.push(evidence::of_event(event));
    it
}

fn trouble(owner: &ObjectRef, cron: &CronJob, missed: &Missed, look: &Look<'_>) -> Trouble {
    let spec = cron.spec.as_ref();
    let schedule = spec.map_or("", |s| s.schedule.as_str());
    let forbids = spec.is_some_and(|s| s.concurrency_policy == "Forbid");
    let active = look
        .index
        .jobs_of(owner)
        .find(|job| job.ended("Failed").is_none() && job.ended("Complete").is_none() && forbids);
    let mut it = base(owner, missed.first, "NotScheduled");
    let how_long = match last_run(cron) {
        Some(at) => format!("it was run last at {at}"),
        None => "it has never been run".to_owned(),
    };
    it.message = match active {
        Some(job) => {
            let meta = job.meta();
            it.with.push(ObjectRef {
                kind: Kind::Job.name().into(),
                namespace: owner.namespace.clone(),
                name: meta.name.clone(),
            });
            "StillActive".clone_into(&mut it.reason);
            it.recommendation =
                format!("See why the run does not end: kubectl -n {} describe job {}", owner.namespace, meta.name);
            let since = meta.created().map_or_else(String::new, |at| format!(" since {at}"));
            format!(
                "{how_long} although it is due by {schedule:?}: run {} is still active{since}, and no other may run beside it",
                meta.name
            )
        }
        None => format!("{how_long} although it is due by {schedule:?}, cause unknown"),
    };
    it.grace = missed.second_is_late.duration_since(missed.first);
    it.evidence.push(evidence::piece(
        format!("{owner} status"),
        &format!("{how_long}; due at {} and not run", missed.first),
        last_run(cron),
    ));
    it.evidence.extend(evidence::warnings(look, &cron.meta().uid, 2));
    it
}

fn base(owner: &ObjectRef, since: Timestamp, reason: &str) -> Trouble {
    Trouble {
        object: owner.clone(),
        with: Vec::new(),
        class: ConditionClass::CronStopped,
        reason: reason.to_owned(),
        message: String::new(),
        since,
        grace: SignedDuration::ZERO,
        level: Level::Warning,
        log: None,
        evidence: Vec::new(),
        recommendation: format!(
            "See its events and the controller's: kubectl -n {} describe cronjob {}",
            owner.namespace, owner.name
        ),
    }
}
