//! When a monitoring pass is due: a pure function of the schedule, the last pass and the time; and the ticker that asks it.

use std::{fmt, str::FromStr, time::Duration};

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use futures::{FutureExt, future::BoxFuture};
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
    Cron(Box<CronLine>),
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

    /// The first occurrence after an instant.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
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
    watched(every_second, SILENCE, &out, &stop).await;
}

/// Ticks, and how to end their source.
type Source = (mpsc::Receiver<()>, BoxFuture<'static, ()>);

async fn watched<W: fmt::Display, F: Future<Output = Result<Source, W>> + Send>(
    start: impl Fn() -> F + Send + Sync,
    silence: Duration,
    out: &mpsc::Sender<Tick>,
    stop: &CancellationToken,
) {
    while !stop.is_cancelled() && !out.is_closed() {
        match start().await {
            Ok((mut ticks, end)) => {
                while let Some(Ok(Some(()))) = stop.run_until_cancelled(timeout(silence, ticks.recv())).await {
                    // A full channel means that the reader is busy: a tick carries nothing, so losing it is right.
                    if let Err(mpsc::error::TrySendError::Closed(_)) = out.try_send(Tick::Second) {
                        break;
                    }
                }
                // What fell silent may not answer either.
                if timeout(Duration::from_secs(1), end).await.is_err() {
                    tracing::warn!("the old ticker does not end; it is left alone");
                }
            }
            Err(why) => {
                tracing::error!("the ticker cannot be started: {why}");
                stop.run_until_cancelled(tokio::time::sleep(silence)).await;
            }
        }
        if stop.is_cancelled() || out.is_closed() {
            return;
        }
        tracing::warn!("the ticker was silent for {} s and is started anew", silence.as_secs());
        stop.run_until_cancelled(out.send(Tick::Restarted)).await;
    }
}

async fn every_second() -> Result<Source, JobSchedulerError> {
    let (sender, ticks) = mpsc::channel(1);
    let mut scheduler = JobScheduler::new().await?;
    let job = Job::new("* * * * * *", move |_, _| {
        if sender.try_send(()).is_err() {
            tracing::trace!("the last tick is not taken yet");
        }
    })?;
    scheduler.add(job).await?;
    scheduler.start().await?;
    let end = async move {
        if let Err(why) = scheduler.shutdown().await {
            tracing::warn!("the ticker did not end well: {why}");
        }
    };
    Ok((ticks, end.boxed()))
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use rstest::rstest;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn berlin(line: &str) -> Schedule {
        Schedule::Cron(Box::new(CronLine::parse(line, TimeZone::get("Europe/Berlin").unwrap()).unwrap()))
    }

    #[test]
    fn the_first_pass_is_due_at_once() {
        let now = at("2026-11-24T10:00:00Z");
        assert_eq!(due(&Schedule::default(), None, now), Some(Due { at: now, missed: false }));
        assert_eq!(due(&berlin("0 3 * * *"), None, now), Some(Due { at: now, missed: false }));
    }

    #[rstest]
    #[case::too_early("10:04:59", None)]
    #[case::on_time("10:05:00", Some(("10:05:00", false)))]
    #[case::a_tick_late("10:05:01", Some(("10:05:00", false)))]
    #[case::late("10:07:00", Some(("10:05:00", true)))]
    #[case::three_missed_are_one("10:17:00", Some(("10:15:00", true)))]
    #[case::a_second_of_jitter_backwards("09:59:59", None)]
    #[case::the_clock_was_set_back("08:00:00", Some(("08:00:00", false)))]
    fn every_five_minutes(#[case] now: &str, #[case] expected: Option<(&str, bool)>) {
        let day = |time: &str| at(&format!("2026-11-24T{time}Z"));
        let due = due(&Schedule::Every { minutes: 5 }, Some(day("10:00:00")), day(now));
        assert_eq!(due, expected.map(|(at, missed)| Due { at: day(at), missed }));
    }

    /// Runs a schedule minute by minute as the process does every second, and tells when it was due.
    fn passes(schedule: &Schedule, from: &str, to: &str) -> Vec<String> {
        let (mut now, to) = (at(from), at(to));
        let (mut last, mut passes) = (now, Vec::new());
        while now <= to {
            if let Some(due) = due(schedule, Some(last), now) {
                passes.push(format!("{}{}", due.at, if due.missed { " missed" } else { "" }));
                last = due.at;
            }
            now += SignedDuration::from_secs(60);
        }
        passes
    }

    #[rstest]
    #[case::the_hour_that_does_not_exist("30 2 * * *", "2027-03-27T23:00:00Z", "2027-03-29T01:00:00Z",
        &["2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"])]
    #[case::the_hour_that_comes_twice("30 2 * * *", "2027-10-30T23:00:00Z", "2027-11-01T02:00:00Z",
        &["2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"])]
    #[case::nine_stays_nine("0 9 * * MON-FRI", "2027-10-29T06:00:00Z", "2027-11-01T09:00:00Z",
        &["2027-10-29T07:00:00Z", "2027-11-01T08:00:00Z"])]
    #[case::every_half_hour_goes_through("*/30 * * * *", "2027-10-31T00:00:00Z", "2027-10-31T02:00:00Z",
        &["2027-10-31T00:30:00Z", "2027-10-31T01:00:00Z", "2027-10-31T01:30:00Z", "2027-10-31T02:00:00Z"])]
    fn a_cron_line_is_right_when_the_clocks_change(
        #[case] line: &str,
        #[case] from: &str,
        #[case] to: &str,
        #[case] expected: &[&str],
    ) {
        assert_eq!(passes(&berlin(line), from, to), expected);
    }

    #[rstest]
    #[case::one_missed_in_the_night("0 3 * * *", "2026-11-23T02:00:00Z", "2026-11-24T08:00:00Z", Some(("2026-11-24T02:00:00Z", true)))]
    #[case::a_week_away_is_one_pass("*/10 * * * *", "2026-11-17T02:00:00Z", "2026-11-24T08:05:00Z", Some(("2026-11-24T08:00:00Z", true)))]
    #[case::nothing_was_missed("0 3 * * *", "2026-11-24T02:00:00Z", "2026-11-24T08:00:00Z", None)]
    fn missed_passes_are_made_up_for_once(
        #[case] line: &str,
        #[case] last: &str,
        #[case] now: &str,
        #[case] expected: Option<(&str, bool)>,
    ) {
        let due = due(&berlin(line), Some(at(last)), at(now));
        assert_eq!(due, expected.map(|(a, missed)| Due { at: at(a), missed }));
    }

    #[rstest]
    #[case("* * *", "it has 3 of the five fields")]
    #[case("61 * * * *", "its minute \"61\" cannot be read; minute is 0-59: */15")]
    #[case("0 25 * * *", "its hour \"25\" cannot be read")]
    #[case(
        "0 9 * * MONDAY-FRI",
        "its day of week \"MONDAY-FRI\" cannot be read; day of week is 0-7 or SUN-SAT: MON-FRI"
    )]
    #[case("0 9 30 2 *", "no day of the calendar matches it")]
    #[case("0 0 9 * * MON", "it has 6 of the five fields")]
    fn a_bad_cron_line_names_the_field_and_shows_an_example(#[case] line: &str, #[case] expected: &str) {
        let error = line.parse::<CronLine>().unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }

    #[tokio::test]
    async fn a_ticker_that_falls_silent_is_started_anew() {
        let starts = AtomicUsize::new(0);
        let kept = std::sync::Mutex::new(Vec::new());
        let start = || async {
            starts.fetch_add(1, Ordering::Relaxed);
            let (sender, ticks) = mpsc::channel(1);
            sender.try_send(()).unwrap();
            kept.lock().unwrap().push(sender);
            Ok::<_, Infallible>((ticks, async {}.boxed()))
        };
        let (out, mut seen) = mpsc::channel(8);
        let stop = CancellationToken::new();
        tokio::select! {
            () = watched(start, Duration::from_millis(5), &out, &stop) => panic!("the ticker ends only when nobody listens"),
            () = async {
                for expected in [Tick::Second, Tick::Restarted, Tick::Second, Tick::Restarted] {
                    assert_eq!(seen.recv().await, Some(expected));
                }
            } => {}
        }
        assert!(starts.load(Ordering::Relaxed) >= 2);
    }

    #[tokio::test]
    async fn the_real_ticker_ticks_until_it_is_told_to_stop() {
        let stop = CancellationToken::new();
        let (out, mut seen) = mpsc::channel(8);
        let listener = async {
            let first = seen.recv().await;
            stop.cancel();
            first
        };
        let ((), first) = tokio::join!(tick(out, stop.clone()), listener);
        assert_eq!(first, Some(Tick::Second));
    }
}
