//! What the past says: how often, how long, how soon somebody took care; the same hour or weekday again and again. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, civil::Weekday, tz::TimeZone};

use super::{Incident, Priority, Severity, digest::is_digest};

/// How far back a pattern is looked for.
pub const LOOKS_BACK: SignedDuration = SignedDuration::from_hours(30 * 24);
/// So many times on different days make a pattern.
const ENOUGH: usize = 3;

/// Something the times have in common.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// So many of all began within the same hour of the day.
    Hour {
        /// How many.
        times: usize,
        /// Of how many.
        of: usize,
        /// When that hour begins, in minutes after midnight.
        from: u16,
    },
    /// So many of all began on the same day of the week.
    Weekday {
        /// How many.
        times: usize,
        /// Of how many.
        of: usize,
        /// The day: 1 is Monday.
        day: i8,
    },
    /// So many of all began just after a change of it that may explain them.
    Change {
        /// How many.
        times: usize,
        /// Of how many.
        of: usize,
    },
    /// More often in each of the last three weeks than in the one before.
    Rising {
        /// How often in each, the last one last.
        weeks: [usize; 3],
    },
}

impl Pattern {
    /// `3 of 4 between 03:10 and 04:10 UTC`.
    pub fn in_words(&self, zone: &str) -> String {
        match self {
            Self::Hour { times, of, from } => {
                let clock = |minutes: u16| format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60);
                format!("{times} of {of} between {} and {} {zone}", clock(*from), clock(from.saturating_add(60)))
            }
            Self::Weekday { times, of, day } => {
                let day = Weekday::from_monday_one_offset(*day)
                    .map_or_else(|_| "one day".to_owned(), |day| format!("{day:?}"));
                format!("{times} of {of} on a {day}")
            }
            Self::Change { times, of } if times == of => format!("all {of} just after a change of it"),
            Self::Change { times, of } => format!("{times} of {of} just after a change of it"),
            Self::Rising { weeks: [first, second, third] } => {
                format!("ever more often: {first}, {second} and {third} times in the last three weeks")
            }
        }
    }
}

/// How an incident began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beginning {
    /// When.
    pub at: Timestamp,
    /// Just after a change that may explain it.
    pub after_change: bool,
}

/// What was before an incident, of the same owner.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Before {
    /// How often within [`LOOKS_BACK`].
    pub times: usize,
    /// When it last began.
    pub last: Timestamp,
    /// What these times and the present one have in common.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<Pattern>,
}

impl Before {
    /// From the beginnings of earlier incidents and of the present one; None if there was none earlier.
    pub(super) fn of(past: &[Beginning], now: Beginning, zone: &TimeZone) -> Option<Self> {
        let from = now.at.checked_sub(LOOKS_BACK).unwrap_or(Timestamp::MIN);
        let past = past.iter().copied().filter(|began| began.at >= from && began.at < now.at);
        let mut all: Vec<Beginning> = past.collect();
        let last = all.iter().map(|began| began.at).max()?;
        let times = all.len();
        all.push(now);
        Some(Self { times, last, patterns: patterns(&all, now.at, zone) })
    }
}

/// What beginnings have in common: at least two thirds of them and three in all, for times of the day or the week on different days;
/// or that they come ever more often.
pub fn patterns(began: &[Beginning], now: Timestamp, zone: &TimeZone) -> Vec<Pattern> {
    let at: Vec<Timestamp> = began.iter().map(|began| began.at).collect();
    let week = |ago: i64| {
        let back = |weeks: i64| now.checked_sub(SignedDuration::from_hours(7 * 24 * weeks)).unwrap_or(Timestamp::MIN);
        at.iter().filter(|at| **at > back(ago + 1) && **at <= back(ago)).count()
    };
    let weeks = [week(2), week(1), week(0)];
    let local: Vec<_> = at.iter().map(|at| at.to_zoned(zone.clone())).collect();
    let of = local.len();
    let is_most = |times: usize| times * 3 >= of * 2;
    let minute = |at: &jiff::Zoned| i32::from(at.hour()) * 60 + i32::from(at.minute());
    let mut found = Vec::new();
    // The hour that begins with one of them and has most of all in it; it may go over midnight.
    let within =
        |from: i32| local.iter().filter(move |at| (minute(at) - from).rem_euclid(1440) < 60).collect::<Vec<_>>();
    let best = local.iter().map(minute).map(|from| (within(from), from)).max_by_key(|(hits, from)| (hits.len(), -from));
    if let Some((hits, from)) = best {
        let days: BTreeSet<_> = hits.iter().map(|at| at.date()).collect();
        if days.len() >= ENOUGH && is_most(hits.len()) {
            found.push(Pattern::Hour { times: hits.len(), of, from: u16::try_from(from).unwrap_or_default() });
        }
    }
    let mut by_day: BTreeMap<i8, BTreeSet<_>> = BTreeMap::new();
    let mut counts: BTreeMap<i8, usize> = BTreeMap::new();
    for at in &local {
        let day = at.weekday().to_monday_one_offset();
        by_day.entry(day).or_default().insert(at.date());
        *counts.entry(day).or_default() += 1;
    }
    let best = counts.into_iter().max_by_key(|(_, times)| *times);
    if let Some((day, times)) = best
        && by_day.get(&day).is_some_and(|dates| dates.len() >= ENOUGH)
        && is_most(times)
    {
        found.push(Pattern::Weekday { times, of, day });
    }
    let times = began.iter().filter(|began| began.after_change).count();
    if times >= ENOUGH && is_most(times) {
        found.push(Pattern::Change { times, of });
    }
    let [first, second, third] = weeks;
    if first > 0 && second > first && third > second {
        found.push(Pattern::Rising { weeks });
    }
    found
}

/// How one service, or what is in no catalogue, did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub struct Trend {
    /// The service in the catalogue, else the owner.
    pub name: String,
    pub priority: Option<Priority>,
    /// How often something was wrong, every return counted.
    pub times: u32,
    /// How long something was wrong in all.
    pub lasted: SignedDuration,
    pub worst: Severity,
    /// How long it took until somebody took care, on average.
    pub acknowledged_after: Option<SignedDuration>,
    /// How long it took until it was over, on average.
    pub over_after: Option<SignedDuration>,
    pub last: Timestamp,
    pub patterns: Vec<Pattern>,
}

/// All services with which something was wrong, the most troubled first; digests are no trouble of their own.
pub fn trends(incidents: &[Incident], now: Timestamp, zone: &TimeZone) -> Vec<Trend> {
    let mut of: BTreeMap<String, Vec<&Incident>> = BTreeMap::new();
    for incident in incidents.iter().filter(|it| !is_digest(&it.owner)) {
        let name = incident.stake.service.clone().unwrap_or_else(|| incident.owner.to_string());
        of.entry(name).or_default().push(incident);
    }
    let mut all: Vec<Trend> = of.into_iter().filter_map(|(name, all)| trend(name, &all, now, zone)).collect();
    all.sort_by(|a, b| (a.worst, b.times, b.lasted, &a.name).cmp(&(b.worst, a.times, a.lasted, &b.name)));
    all
}

fn trend(name: String, all: &[&Incident], now: Timestamp, zone: &TimeZone) -> Option<Trend> {
    let end = |it: &Incident| it.resolution.as_ref().filter(|_| !it.is_open()).map(|end| end.at);
    let length = |it: &&Incident| end(it).unwrap_or(now).duration_since(it.since).max(SignedDuration::ZERO);
    let began: Vec<Beginning> = all.iter().map(|it| it.beginning()).collect();
    Some(Trend {
        name,
        priority: all.iter().filter_map(|it| it.stake.priority).min(),
        times: all.iter().map(|it| it.reopened.saturating_add(1)).fold(0, u32::saturating_add),
        lasted: all.iter().map(length).fold(SignedDuration::ZERO, SignedDuration::saturating_add),
        worst: all.iter().map(|it| it.peak).min()?,
        acknowledged_after: mean(
            all.iter().filter_map(|it| Some(it.acknowledged.as_ref()?.at.duration_since(it.opened_at))),
        ),
        over_after: mean(all.iter().filter_map(|it| Some(end(it)?.duration_since(it.since)))),
        last: began.iter().map(|began| began.at).max()?,
        patterns: patterns(&began, now, zone),
    })
}

/// The average of some times; None of none.
pub fn mean(times: impl Iterator<Item = SignedDuration>) -> Option<SignedDuration> {
    let seconds: Vec<i64> = times.map(|time| time.as_secs().max(0)).collect();
    let count = i64::try_from(seconds.len()).ok().filter(|count| *count > 0)?;
    Some(SignedDuration::from_secs(seconds.iter().copied().fold(0, i64::saturating_add) / count))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;

    use super::*;
    use crate::{
        alerts::testing::incident,
        incidents::{Acknowledgement, Resolution, Stake, Status},
    };

    fn at(text: &str) -> Timestamp {
        format!("2026-11-{}Z", text.replace(' ', "T").replace('.', ":")).parse().unwrap()
    }

    #[rstest]
    #[case::nothing(&[], "")]
    #[case::twice_is_chance(&["01 03.10.00", "02 03.20.00"], "")]
    #[case::every_night(&["01 03.10.00", "02 03.20.00", "04 03.55.00"], "3 of 3 between 03:10 and 04:10 UTC")]
    #[case::over_midnight(&["01 23.50.00", "02 23.55.00", "04 00.20.00"], "3 of 3 between 23:50 and 00:50 UTC")]
    #[case::most_nights(&["01 03.10.00", "02 03.20.00", "04 03.55.00", "07 15.00.00"], "3 of 4 between 03:10 and 04:10 UTC")]
    #[case::half_the_nights(&["01 03.10.00", "02 03.20.00", "04 03.55.00", "07 15.00.00", "08 18.00.00"], "")]
    #[case::thrice_in_one_night(&["01 03.10.00", "01 03.20.00", "01 03.55.00"], "")]
    #[case::every_monday(&["02 10.00.00", "09 15.00.00", "16 20.00.00"], "3 of 3 on a Monday")]
    #[case::both(&["02 10.00.00", "09 10.05.00", "16 10.10.00"], "3 of 3 between 10:00 and 11:00 UTC, 3 of 3 on a Monday")]
    #[case::ever_more_often(&["02 10.00.00", "09 15.00.00", "11 03.00.00", "17 07.00.00", "18 12.00.00", "21 19.00.00"],
        "ever more often: 1, 2 and 3 times in the last three weeks")]
    #[case::as_often_as_before(&["02 10.00.00", "09 15.00.00", "11 03.00.00", "17 07.00.00", "18 12.00.00"], "")]
    fn times_have_something_in_common(#[case] times: &[&str], #[case] expected: &str) {
        let times: Vec<Timestamp> = times.iter().map(|text| at(text)).collect();
        let now = times.iter().copied().max().unwrap_or_default();
        let began: Vec<Beginning> = times.iter().map(|at| Beginning { at: *at, after_change: false }).collect();
        let found: Vec<String> = patterns(&began, now, &TimeZone::UTC).iter().map(|it| it.in_words("UTC")).collect();
        assert_eq!(found.join(", "), expected);
    }

    #[test]
    fn what_was_before_counts_for_a_month() {
        let began = |at| Beginning { at, after_change: false };
        let now = began(at("24 03.15.00"));
        let past = [at("01 03.10.00"), at("22 03.30.00"), at("23 03.40.00")].map(began);
        let before = Before::of(&past, now, &TimeZone::UTC).unwrap();
        assert_eq!((before.times, before.last), (3, at("23 03.40.00")));
        assert_eq!(before.patterns, [Pattern::Hour { times: 4, of: 4, from: 190 }]);
        let long_ago = began(now.at - SignedDuration::from_hours(31 * 24));
        assert_eq!(Before::of(&[long_ago], now, &TimeZone::UTC), None);
    }

    #[rstest]
    #[case::twice_is_chance("++", "")]
    #[case::every_one("+++", "all 3 just after a change of it")]
    #[case::most("+-++", "3 of 4 just after a change of it")]
    #[case::half("+-+-+-", "")]
    #[case::none("----", "")]
    fn trouble_follows_changes(#[case] followed: &str, #[case] expected: &str) {
        let hours = (0..).map(|n| at("20 03.00.00") + SignedDuration::from_hours(n * 5));
        let began: Vec<Beginning> =
            hours.zip(followed.chars()).map(|(at, c)| Beginning { at, after_change: c == '+' }).collect();
        let found = patterns(&began, at("24 00.00.00"), &TimeZone::UTC);
        let found: Vec<String> = found.iter().map(|it| it.in_words("UTC")).collect();
        assert_eq!(found.join(", "), expected);
    }

    #[test]
    fn services_are_told_with_how_often_how_long_and_how_soon_somebody_took_care() {
        let one = |service: Option<&str>, began: &str, minutes: i64, acknowledged: Option<i64>| {
            let opened_at = at(began);
            let stake = Stake { service: service.map(str::to_owned), ..Stake::of(Some(Priority::P1)) };
            let after = |minutes| opened_at + SignedDuration::from_mins(minutes);
            Incident {
                stake: Arc::new(stake),
                since: opened_at,
                opened_at,
                status: Status::Resolved,
                resolution: Some(Resolution { at: after(minutes), reason: "well".into(), by: None }),
                acknowledged: acknowledged.map(|n| Acknowledgement {
                    by: "ana".into(),
                    at: after(n),
                    note: String::new(),
                }),
                ..incident(Severity::Sev2)
            }
        };
        let mut open = one(None, "20 12.00.00", 0, None);
        (open.status, open.resolution, open.reopened) = (Status::Open, None, 2);
        let all = [
            one(Some("orders"), "01 03.10.00", 20, Some(4)),
            one(Some("orders"), "02 03.15.00", 40, Some(8)),
            one(Some("orders"), "03 03.20.00", 30, None),
            open,
        ];
        let found = trends(&all, at("20 13.00.00"), &TimeZone::UTC);
        let minutes = |time: Option<SignedDuration>| time.map(|time| time.as_mins());
        let shown: Vec<_> = found
            .iter()
            .map(|t| {
                (
                    t.name.as_str(),
                    t.times,
                    t.lasted.as_mins(),
                    minutes(t.acknowledged_after),
                    minutes(t.over_after),
                    t.patterns.len(),
                )
            })
            .collect();
        assert_eq!(shown, [("orders", 3, 90, Some(6), Some(30), 1), ("Deployment shop/api", 3, 60, None, None, 0)]);
    }
}
