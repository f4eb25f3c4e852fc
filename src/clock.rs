//! Time as a value: the system's clock, or one moved by hand in tests; the present, and how times are told.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tokio::sync::watch;

/// The present, and the zone in which people are told times.
#[derive(Clone, Copy, Debug)]
pub struct Now<'a> {
    /// The present.
    pub at: Timestamp,
    /// The zone.
    pub zone: &'a TimeZone,
}

impl Now<'_> {
    /// The present in UTC.
    pub const fn utc(at: Timestamp) -> Now<'static> {
        static UTC: TimeZone = TimeZone::UTC;
        Now { at, zone: &UTC }
    }

    /// `14:09 UTC`; with the date if that is not today.
    pub fn tell(&self, at: Timestamp) -> String {
        let (at, now) = (at.to_zoned(self.zone.clone()), self.at.to_zoned(self.zone.clone()));
        let format = if at.date() == now.date() { "%H:%M %Z" } else { "%Y-%m-%d %H:%M %Z" };
        at.strftime(format).to_string()
    }

    /// `2026-11-24 14:09:31 UTC`.
    pub fn tell_exactly(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
    }

    /// `UTC`, `CET`: the zone as it is called at present.
    pub fn zone_name(&self) -> String {
        self.at.to_zoned(self.zone.clone()).strftime("%Z").to_string()
    }
}

impl From<Now<'_>> for Timestamp {
    fn from(now: Now<'_>) -> Self {
        now.at
    }
}

/// An instant so much later; the last there is, if that is beyond it.
pub(crate) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// `42 s`, `9 min`, `3 h 20 min`, `5 days`; what is left of a unit is cut, not rounded up.
pub fn in_words(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min"),
        (1..48, _) if minutes % 60 == 0 => format!("{hours} h"),
        (1..48, _) => format!("{hours} h {} min", minutes % 60),
        (_, _) => format!("{} days", hours / 24),
    }
}

/// Tells the time and wakes sleepers.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that only moves when told.
    ByHand(watch::Sender<Timestamp>),
}

impl Clock {
    /// A clock that stands at `at` until it is advanced.
    pub fn by_hand(at: Timestamp) -> Self {
        Self::ByHand(watch::Sender::new(at))
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        match self {
            #[expect(clippy::disallowed_methods, reason = "the one place where the time is read")]
            Self::System => Timestamp::now(),
            Self::ByHand(at) => *at.borrow(),
        }
    }

    /// Moves a clock by hand; the system's clock stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Self::ByHand(at) = self {
            at.send_modify(|now| *now = now.checked_add(by).unwrap_or(Timestamp::MAX));
        }
    }

    /// Returns at `until`, at once if that is past. The system's clock may be stepped, so it looks again every minute.
    pub async fn sleep_until(&self, until: Timestamp) {
        match self {
            Self::System => loop {
                let left = until.duration_since(self.now());
                let Ok(left) = Duration::try_from(left) else { return };
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(Duration::from_mins(1))).await;
            },
            Self::ByHand(at) => {
                let mut moves = at.subscribe();
                // The sender is held by `self`, so waiting cannot fail.
                if moves.wait_for(|now| *now >= until).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::utc("UTC", "2026-11-24T14:09:31Z", "14:09 UTC")]
    #[case::another_day("UTC", "2026-11-23T14:09:31Z", "2026-11-23 14:09 UTC")]
    #[case::winter("Europe/Berlin", "2026-11-24T14:09:31Z", "15:09 CET")]
    #[case::the_day_is_that_of_the_zone("America/New_York", "2026-11-24T03:30:00Z", "2026-11-23 22:30 EST")]
    fn times_are_told_in_the_zone(#[case] zone: &str, #[case] at: Timestamp, #[case] expected: &str) {
        let zone = TimeZone::get(zone).unwrap();
        let now = Now { at: "2026-11-24T15:00:00Z".parse().unwrap(), zone: &zone };
        assert_eq!(now.tell(at), expected);
        assert!(now.tell_exactly(at).contains("2026-11-2"), "always with its date");
        assert!(expected.ends_with(&now.zone_name()));
    }

    #[rstest]
    #[case(-5, "0 s")]
    #[case(0, "0 s")]
    #[case(59, "59 s")]
    #[case(60, "1 min")]
    #[case(599, "9 min")]
    #[case(3600, "1 h")]
    #[case(12_000, "3 h 20 min")]
    #[case(172_799, "47 h 59 min")]
    #[case(432_000, "5 days")]
    fn durations_read_like_speech(#[case] seconds: i64, #[case] expected: &str) {
        assert_eq!(in_words(SignedDuration::from_secs(seconds)), expected);
    }
}
