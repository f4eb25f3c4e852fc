//! Time as a value: the system's clock, or one moved by hand in tests; the present, and how times are told.

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
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
