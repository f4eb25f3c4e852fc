//! When a monitoring pass is due: a pure function of the schedule, the last pass and the time; and the ticker that asks it.

use std::{fmt, str::FromStr, time::Duration};

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tokio::{sync::mpsc, time::timeout};
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;

/// When monitoring passes happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Every so many minutes.
    Every {
        /// At least one.
        minutes: u16,
    },
    /// By a cron line in a time zone.
    Cron(CronLine),
}

impl Default for Schedule {
    fn default() -> Self {
        Self::Every { minutes: 1 }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every { minutes: 1 } => f.write_str("every minute"),
            Self::Every { minutes } => write!(f, "every {minutes} minutes"),
            Self::Cron(line) => write!(f, "{} ({})", line.text, line.zone.iana_name().unwrap_or("UTC")),
        }
    }
}

/// A cron line of five fields and the zone its hours are meant in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronLine {
    text: String,
    cron: Cron,
    zone: TimeZone,
}

/// What is wrong with a cron line, for the person who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadCronLine(String);

const FIELDS: [(&str, &str); 5] = [
    ("minute", "0-59: */15"),
    ("hour", "0-23: 8-18"),
    ("day of month", "1-31: 1,15"),
    ("month", "1-12 or JAN-DEC: */3"),
    ("day of week", "0-7 or SUN-SAT: MON-FRI"),
];

impl CronLine {
    /// Reads a cron line; an error says which field is wrong and shows how it could be written.
    pub fn parse(text: &str, zone: TimeZone) -> Result<Self, BadCronLine> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        if !text.trim_start().starts_with('@') {
            if fields.len() != FIELDS.len() {
                return Err(BadCronLine(format!(
                    "it has {} of the five fields minute, hour, day of month, month, day of week; like \"*/15 8-18 * * MON-FRI\"",
                    fields.len()
                )));
            }
            for (place, (written, (name, example))) in fields.iter().zip(FIELDS).enumerate() {
                let alone: Vec<&str> = (0..FIELDS.len()).map(|i| if i == place { *written } else { "*" }).collect();
                if parser.parse(&alone.join(" ")).is_err() {
                    return Err(BadCronLine(format!("its {name} {written:?} cannot be read; {name} is {example}")));
                }
            }
        }
        let cron = parser.parse(text.trim()).map_err(|why| BadCronLine(why.to_string()))?;
        // The 30th of February parses and never comes.
        let never = cron.find_next_occurrence(&Timestamp::UNIX_EPOCH.to_zoned(zone.clone()), true).is_err();
        if never {
            return Err(BadCronLine("no day of the calendar matches it; like \"0 9 * * MON-FRI\"".to_owned()));
        }
        Ok(Self { text: text.trim().to_owned(), cron, zone })
    }

    fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let found = self.cron.find_next_occurrence(&after.to_zoned(self.zone.clone()), false).ok()?;
        Some(found.timestamp())
    }

    /// The last occurrence in `(after, now]`, and whether there were more than one.
    ///
    /// Forward search alone decides what an occurrence is (around a change of the clocks the backward one may name an hour
    /// twice); the backward search only keeps a long absence from being walked through minute by minute.
    fn last_within(&self, after: Timestamp, now: Timestamp) -> Option<(Timestamp, bool)> {
        let back = self.cron.find_previous_occurrence(&now.to_zoned(self.zone.clone()), true).ok()?.timestamp();
        let near = back - SignedDuration::from_hours(3);
        let mut more = near > after && self.next_after(after).is_some_and(|first| first <= near);
        let mut last = None;
        let mut from = after.max(near);
        while let Some(next) = self.next_after(from).filter(|n| *n <= now && *n > from) {
            more |= last.is_some();
            last = Some(next);
            from = next;
        }
        last.or_else(|| more.then(|| self.next_after(after)).flatten()).map(|at| (at, more))
    }
}

impl FromStr for CronLine {
    type Err = BadCronLine;

    /// A cron line in UTC.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text, TimeZone::UTC)
    }
}

/// A pass that is due now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The time it was meant for. Store it as the last one, so that an interval does not drift.
    pub at: Timestamp,
    /// Passes were missed (the process was down or busy); this one makes up for all of them.
    pub missed: bool,
}

/// Lateness that is only the ticker's grain and a pass's own duration.
const PUNCTUAL: SignedDuration = SignedDuration::from_secs(90);

/// The pass that is due at `now`, if one is. `last` is the `at` of the last one; None makes the first one due at once.
///
/// Whether a pass is still running is the caller's to know: it asks only when none is.
pub fn due(schedule: &Schedule, last: Option<Timestamp>, now: Timestamp) -> Option<Due> {
    let at_once = Some(Due { at: now, missed: false });
    let Some(last) = last else { return at_once };
    if last > now {
        // The clock was set back. A second of jitter is nothing; more must not silence the bot until the old time comes.
        return if last.duration_since(now) > PUNCTUAL { at_once } else { None };
    }
    let (at, more) = match schedule {
        Schedule::Every { minutes } => {
            let every = i64::from((*minutes).max(1)) * 60;
            let times = now.duration_since(last).as_secs() / every;
            (last + SignedDuration::from_secs(times.checked_mul(every).filter(|s| *s > 0)?), times > 1)
        }
        Schedule::Cron(line) => line.last_within(last, now)?,
    };
    Some(Due { at, missed: more || now.duration_since(at) > PUNCTUAL })
}

/// When the next pass comes, for people. None only if the calendar ends.
pub fn next(schedule: &Schedule, last: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    match schedule {
        Schedule::Every { minutes } => {
            let every = SignedDuration::from_mins(i64::from(*minutes));
            last.map_or(Some(now), |last| last.checked_add(every).ok()).map(|at| at.max(now))
        }
        Schedule::Cron(line) => line.next_after(now),
    }
}

/// What the ticker tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    /// A second has passed: ask what is due.
    Second,
    /// The ticker had stopped and was started anew.
    Restarted,
}

/// Silence after which the ticker counts as stopped.
pub const SILENCE: Duration = Duration::from_secs(15);

/// Sends a tick every second until `stop`. A ticker that falls silent is started anew, and says so.
pub async fn tick(out: mpsc::Sender<Tick>, stop: CancellationToken) {
    stop.run_until_cancelled(watched(every_second, SILENCE, out)).await;
}

/// A source of ticks; dropping the guard beside it stops it.
type Source<G> = (mpsc::Receiver<()>, G);

async fn watched<G, E, F>(start: impl Fn() -> F, silence: Duration, out: mpsc::Sender<Tick>)
where
    E: fmt::Display,
    F: Future<Output = Result<Source<G>, E>>,
{
    loop {
        match start().await {
            Ok((mut ticks, guard)) => {
                while let Ok(Some(())) = timeout(silence, ticks.recv()).await {
                    // A full channel means that the reader is busy: a tick carries nothing, so losing it is right.
                    if let Err(mpsc::error::TrySendError::Closed(_)) = out.try_send(Tick::Second) {
                        return;
                    }
                }
                drop(guard);
                tracing::warn!("the ticker fell silent for {} s and is started anew", silence.as_secs());
            }
            Err(why) => {
                tracing::error!("the ticker cannot be started: {why}");
                tokio::time::sleep(silence).await;
            }
        }
        if out.send(Tick::Restarted).await.is_err() {
            return;
        }
    }
}

/// Stops the scheduler's task when dropped: the scheduler itself goes on without its handle.
struct Running(CancellationToken);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

async fn every_second() -> Result<Source<Running>, JobSchedulerError> {
    let (sender, ticks) = mpsc::channel(1);
    let over = CancellationToken::new();
    let job_over = over.clone();
    let scheduler = JobScheduler::new().await?;
    let job = Job::new("* * * * * *", move |_, _| {
        if !job_over.is_cancelled() && sender.try_send(()).is_err() {
            tracing::trace!("the last tick is not taken yet");
        }
    })?;
    scheduler.add(job).await?;
    scheduler.start().await?;
    Ok((ticks, Running(over)))
}
