//! Business hours: on which days, from when to when, in which zone; whether they are now, and when they begin next.

use jiff::{
    Timestamp, ToSpan as _,
    civil::{Time, Weekday},
    tz::TimeZone,
};

/// The hours in which what can wait is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BusinessHours {
    /// The days.
    pub days: Vec<Weekday>,
    /// When they begin.
    pub from: Time,
    /// When they end; at midnight if that is not later than the beginning.
    pub to: Time,
    /// The zone these are meant in.
    pub zone: TimeZone,
}

/// What can wait, and when it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hours {
    /// At any time.
    Always,
    /// Never: it is recorded.
    Never,
    /// In business hours.
    Business(BusinessHours),
}

impl Hours {
    /// The first instant from `now` on at which it may be told; None if it never is.
    pub fn from(&self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Always => Some(now),
            Self::Never => None,
            Self::Business(hours) => hours.from(now),
        }
    }
}

impl BusinessHours {
    fn from(&self, now: Timestamp) -> Option<Timestamp> {
        let local = now.to_zoned(self.zone.clone());
        // Eight days: today may be over already, and be the only day of the week.
        (0..8_i64).find_map(|ahead| {
            let date = local.date().checked_add(ahead.days()).ok()?;
            if !self.days.contains(&date.weekday()) {
                return None;
            }
            let at = |time: Time| Some(date.to_datetime(time).to_zoned(self.zone.clone()).ok()?.timestamp());
            let begin = at(self.from)?;
            let end = if self.to > self.from {
                at(self.to)?
            } else {
                date.checked_add(1.day()).ok()?.to_zoned(self.zone.clone()).ok()?.timestamp()
            };
            (now < end).then(|| begin.max(now))
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn berlin(days: &[Weekday], from: i8, to: i8) -> Hours {
        let time = |hour| Time::constant(hour, 0, 0, 0);
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        Hours::Business(BusinessHours { days: days.to_vec(), from: time(from), to: time(to), zone })
    }

    const WORK: [Weekday; 5] =
        [Weekday::Monday, Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Friday];

    #[rstest]
    #[case::within("2026-11-24T10:00:00Z", "2026-11-24T10:00:00Z")]
    #[case::before("2026-11-24T06:00:00Z", "2026-11-24T08:00:00Z")]
    #[case::at_the_end("2026-11-24T16:00:00Z", "2026-11-25T08:00:00Z")]
    #[case::on_friday_evening("2026-11-27T18:00:00Z", "2026-11-30T08:00:00Z")]
    #[case::on_the_weekend("2026-11-28T10:00:00Z", "2026-11-30T08:00:00Z")]
    #[case::when_the_clocks_change("2027-03-27T10:00:00Z", "2027-03-29T07:00:00Z")]
    fn what_can_wait_waits_for_the_next_hours(#[case] now: &str, #[case] from: &str) {
        assert_eq!(berlin(&WORK, 9, 17).from(at(now)), Some(at(from)));
    }

    #[test]
    fn hours_may_be_always_or_never_or_end_at_midnight() {
        let now = at("2026-11-24T22:30:00Z");
        assert_eq!(Hours::Always.from(now), Some(now));
        assert_eq!(Hours::Never.from(now), None);
        assert_eq!(berlin(&[Weekday::Tuesday], 9, 0).from(now), Some(now));
        assert_eq!(berlin(&[Weekday::Tuesday], 9, 17).from(now), Some(at("2026-12-01T08:00:00Z")));
        assert_eq!(berlin(&[], 9, 17).from(now), None);
    }
}
