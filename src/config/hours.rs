//! `alerts.business_hours`: "MON-FRI 09:00-17:00" becomes hours, or what is wrong with it.

use jiff::{
    civil::{Time, Weekday},
    tz::TimeZone,
};

use super::values::Values;
use crate::incidents::{BusinessHours, Hours};

const KEY: &str = "alerts.business_hours";
const DAYS: [(&str, Weekday); 7] = [
    ("MON", Weekday::Monday),
    ("TUE", Weekday::Tuesday),
    ("WED", Weekday::Wednesday),
    ("THU", Weekday::Thursday),
    ("FRI", Weekday::Friday),
    ("SAT", Weekday::Saturday),
    ("SUN", Weekday::Sunday),
];

pub(super) fn read(values: &mut Values<'_>, zone: TimeZone) -> Hours {
    let written = values.text(KEY).unwrap_or_default();
    match written.to_ascii_lowercase().as_str() {
        "always" => return Hours::Always,
        "never" | "" => return Hours::Never,
        _ => {}
    }
    parse(&written, zone).unwrap_or_else(|| {
        let remedy =
            "write days and times, \"MON-FRI 09:00-17:00\" or \"MON,WED 8:30-12:00\"; or \"always\" or \"never\"";
        values.problem(KEY, format!("{written:?} are no business hours"), remedy);
        Hours::Never
    })
}

fn parse(written: &str, zone: TimeZone) -> Option<Hours> {
    let (days, times) = written.trim().split_once(char::is_whitespace)?;
    let (from, to) = times.trim().split_once('-')?;
    let (from, to) = (time(from)?, time(to)?);
    let mut all = Vec::new();
    for part in days.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (place(first)?, place(last)?);
        // FRI-MON goes over the end of the week.
        let many = (last + 7 - first) % 7;
        all.extend((0..=many).filter_map(|n| DAYS.get((first + n) % 7)).map(|(_, day)| *day));
    }
    Some(Hours::Business(BusinessHours { days: all, from, to, zone }))
}

fn place(day: &str) -> Option<usize> {
    DAYS.iter().position(|(name, _)| name.eq_ignore_ascii_case(day.trim()))
}

fn time(text: &str) -> Option<Time> {
    let text = text.trim();
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute) = (hour.parse::<i8>().ok()?, minute.parse::<i8>().ok()?);
    if (hour, minute) == (24, 0) { Some(Time::midnight()) } else { Time::new(hour, minute, 0, 0).ok() }
}
