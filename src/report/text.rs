//! The report for a person: what is wrong, worst first, then what could not be seen, then one line that sums up.

use std::{
    collections::BTreeSet,
    fmt::{self, Write as _},
};

use anstyle::{AnsiColor, Style};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{Blind, Report};
use crate::{
    cluster::Kind,
    findings::{Evidence, Finding, Impact, Level},
    incidents::{Priority, Severity},
};

/// How many lines of evidence are shown; the JSON has all.
const EVIDENCE_SHOWN: usize = 3;
/// The longest text shown in a line.
const LONGEST: usize = 400;

impl Report {
    /// The report as text, in colours if told so.
    pub fn to_text(&self, colour: bool) -> String {
        let mut page = Page { out: String::new(), colour };
        for incident in &self.incidents {
            let mut findings = incident.findings.values().map(AsRef::as_ref);
            let Some(first) = findings.next() else { continue };
            page.problem(
                &Heading {
                    label: incident.severity.to_string(),
                    style: severity_style(incident.severity),
                    since: incident.since,
                    now: self.now,
                    priority: incident.stake.priority,
                },
                first,
                &incident.impact,
                findings,
            );
        }
        for (finding, priority) in self.untold() {
            let heading = Heading {
                label: level(finding.severity).to_owned(),
                style: Style::new(),
                since: finding.since,
                now: self.now,
                priority: *priority,
            };
            page.problem(&heading, finding, &finding.impact, std::iter::empty());
        }
        self.say_pending(&mut page);
        self.say_blind(&mut page);
        page.line(self.summary_style(), &self.summary());
        page.out
    }

    /// What may become wrong, of owners of which nothing worse was said above.
    fn say_pending(&self, page: &mut Page) {
        let wrong: BTreeSet<_> = self.findings.iter().map(|(finding, _)| &finding.owner).collect();
        let mut waiting = self.pending.iter().filter(|(finding, _)| !wrong.contains(&finding.owner)).peekable();
        let any = waiting.peek().is_some();
        for (finding, due) in waiting {
            let owner = clean(&finding.owner.to_string());
            let text = format!(
                "Waiting: {owner}: {} (wrong at {} unless it heals)",
                clean(&finding.message),
                clock(*due, self.now)
            );
            page.line(Style::new().dimmed(), &text);
        }
        if any {
            page.out.push('\n');
        }
    }

    fn say_blind(&self, page: &mut Page) {
        // An API that is away hides every kind for the same reason: that is one line.
        let mut groups: Vec<Vec<&Blind>> = Vec::new();
        for blind in &self.blind {
            let is_same = |of: &&mut Vec<&Blind>| {
                of.first().is_some_and(|first| (&first.namespace, &first.why) == (&blind.namespace, &blind.why))
            };
            match groups.iter_mut().find(is_same) {
                Some(same) => same.push(blind),
                None => groups.push(vec![blind]),
            }
        }
        for same in groups {
            let Some(first) = same.first() else { continue };
            let place = first.namespace.as_ref().map_or(String::new(), |namespace| format!(" in {}", clean(namespace)));
            let required = same.iter().any(|blind| blind.required);
            let needed = if required { "" } else { " (can do without)" };
            let kinds: Vec<&str> = same.iter().map(|blind| blind.kind.plural()).collect();
            let kinds = if kinds.len() == Kind::ALL.len() { "anything".to_owned() } else { kinds.join(", ") };
            let since = same.iter().map(|blind| blind.since).min().unwrap_or(first.since);
            let text =
                format!("Cannot see: {kinds}{place}: {}, since {}{needed}", clean(&first.why), clock(since, self.now));
            let style = if required { colour(AnsiColor::Yellow) } else { Style::new().dimmed() };
            page.line(style, &text);
        }
        for problem in &self.problems {
            page.line(colour(AnsiColor::Yellow), &format!("Cannot read: {}", clean(&problem.to_string())));
        }
        if !self.blind.is_empty() || !self.problems.is_empty() {
            page.out.push('\n');
        }
    }

    /// The last line.
    fn summary(&self) -> String {
        let looked = self.looked_at;
        let mut parts = Vec::new();
        for (count, one, many) in [
            (looked.workloads, "workload", "workloads"),
            (looked.nodes, "node", "nodes"),
            (looked.claims, "volume claim", "volume claims"),
            (looked.others, "other object", "other objects"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {}", if count == 1 { one } else { many }));
            }
        }
        let unseen = self.exit_code() == 2;
        if parts.is_empty() {
            let why = if unseen { "it cannot be seen" } else { "no workload, node or volume claim is there" };
            return format!("Nothing was looked at: {why}");
        }
        let looked = format!("{} looked at", parts.join(", "));
        let wrong = self.incidents.len() + self.untold().count();
        match (wrong, unseen) {
            (0, false) => format!("Nothing wrong: {looked}"),
            (0, true) => format!("Nothing wrong in what can be seen, which is not all: {looked}"),
            (1, _) => format!("1 thing is wrong{}; {looked}", self.places()),
            (wrong, _) => format!("{wrong} things are wrong{}; {looked}", self.places()),
        }
    }

    /// Where things are wrong: ` in shop, pay`.
    fn places(&self) -> String {
        let all: BTreeSet<String> = self
            .findings
            .iter()
            .filter(|(finding, _)| !finding.owner.namespace.is_empty())
            .map(|(finding, _)| clean(&finding.owner.namespace))
            .collect();
        let named: Vec<&str> = all.iter().take(3).map(String::as_str).collect();
        match all.len() {
            0 => String::new(),
            1..=3 => format!(" in {}", named.join(", ")),
            more => format!(" in {} and {} more namespaces", named.join(", "), more - 3),
        }
    }

    fn summary_style(&self) -> Style {
        match self.exit_code() {
            0 => colour(AnsiColor::Green),
            1 => colour(AnsiColor::Red),
            _ => colour(AnsiColor::Yellow),
        }
        .bold()
    }
}

/// The first line of a problem.
struct Heading {
    label: String,
    style: Style,
    since: Timestamp,
    now: Timestamp,
    priority: Option<Priority>,
}

/// The text under way.
struct Page {
    out: String,
    colour: bool,
}

impl Page {
    fn problem<'a>(
        &mut self,
        heading: &Heading,
        first: &Finding,
        impact: &Impact,
        others: impl Iterator<Item = &'a Finding>,
    ) {
        let priority = heading.priority.map_or(String::new(), |priority| format!(" ({priority})"));
        let label = self.styled(heading.style.bold(), &heading.label);
        let what = self.styled(Style::new().bold(), &format!("{}{priority}", clean(&first.owner.to_string())));
        let reason = clean(&first.reason);
        self.put(format_args!("{label}  {what}  {reason}"));
        self.field("what", &clean(&first.message));
        let ago = ago(heading.now.duration_since(heading.since));
        self.field("since", &format!("{} ({ago})", clock(heading.since, heading.now)));
        if let Some(hit) = hit(impact) {
            self.field("hit", &hit);
        }
        for evidence in first.evidence.iter().take(EVIDENCE_SHOWN) {
            self.field("seen", &seen(evidence, heading.now));
        }
        for other in others {
            self.field("also", &clean(&other.message));
        }
        self.field("do", &clean(&first.recommendation));
        self.out.push('\n');
    }

    fn field(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            let name = self.styled(Style::new().dimmed(), &format!("{name:>7}"));
            self.put(format_args!("{name}  {text}"));
        }
    }

    fn line(&mut self, style: Style, text: &str) {
        let text = self.styled(style, text);
        self.put(format_args!("{text}"));
    }

    fn put(&mut self, text: fmt::Arguments<'_>) {
        // Writing into a String cannot fail.
        let written = writeln!(self.out, "{text}");
        debug_assert!(written.is_ok(), "a String takes any text");
    }

    fn styled(&self, style: Style, text: &str) -> String {
        if self.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// Who is hit, from what the API says.
fn hit(impact: &Impact) -> Option<String> {
    let replicas = impact.ready.zip(impact.desired).map(|(ready, desired)| format!("{ready} of {desired} ready"));
    let services = impact.services.iter().map(|service| {
        format!(
            "Service {}/{}: {} of {} endpoints ready",
            clean(&service.namespace),
            clean(&service.name),
            service.ready_endpoints,
            service.endpoints
        )
    });
    let parts: Vec<String> = replicas.into_iter().chain(services).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn seen(evidence: &Evidence, now: Timestamp) -> String {
    let when = evidence.at.map_or(String::new(), |at| format!(" ({})", clock(at, now)));
    format!("{}: {}{when}", clean(&evidence.source), clean(&evidence.text))
}

fn severity_style(severity: Severity) -> Style {
    match severity {
        Severity::Sev1 | Severity::Sev2 => colour(AnsiColor::Red),
        Severity::Sev3 => colour(AnsiColor::Yellow),
        Severity::Sev4 => Style::new(),
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Critical => "critical",
        Level::High => "high",
        Level::Warning => "warning",
        Level::Info => "info",
    }
}

fn colour(colour: AnsiColor) -> Style {
    Style::new().fg_color(Some(colour.into()))
}

/// An instant as a person near it writes it: without the date on the same day.
fn clock(at: Timestamp, now: Timestamp) -> String {
    let (at, now) = (at.to_zoned(TimeZone::UTC), now.to_zoned(TimeZone::UTC));
    let format = if at.date() == now.date() { "%H:%M:%S UTC" } else { "%Y-%m-%d %H:%M UTC" };
    at.strftime(format).to_string()
}

/// How long ago, in the two biggest units.
fn ago(past: SignedDuration) -> String {
    let seconds = past.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match seconds {
        ..0 => "in the future".to_owned(),
        0..60 => format!("{seconds} s ago"),
        60..3600 => format!("{minutes} min ago"),
        3600..86_400 => format!("{hours} h {minutes} min ago"),
        _ => format!("{days} d {hours} h ago"),
    }
}

/// Text of others, fit for a terminal: one line, no control sequences, no letters that turn the direction, not endless.
fn clean(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.trim().chars().peekable();
    let mut length = 0;
    while let Some(c) = chars.next() {
        if c == '\u{1b}' && chars.next_if_eq(&'[').is_some() {
            // A colour: all up to its final letter.
            while chars.next_if(|c| !('@'..='~').contains(c)).is_some() {}
            chars.next();
            continue;
        }
        let turns =
            matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
        if turns || (c.is_control() && !c.is_whitespace()) {
            continue;
        }
        if c.is_whitespace() {
            if !out.ends_with(' ') {
                out.push(' ');
            }
        } else {
            out.push(c);
        }
        length += 1;
        if length == LONGEST {
            out.push('…');
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_cannot_move_the_cursor_nor_turn_the_line_nor_fill_the_screen() {
        assert_eq!(clean("a\u{1b}[31mred\u{1b}[0m\r\nb\t\u{202e}c\u{7}"), "ared b c");
        assert_eq!(clean("\u{1b}]0;title\u{7}x"), "]0;titlex");
        assert_eq!(clean(&"x".repeat(1000)).chars().count(), LONGEST + 1);
    }

    #[rstest::rstest]
    #[case(5, "5 s ago")]
    #[case(540, "9 min ago")]
    #[case(7500, "2 h 5 min ago")]
    #[case(90_000, "1 d 1 h ago")]
    #[case(-5, "in the future")]
    fn a_duration_is_said_in_its_two_biggest_units(#[case] seconds: i64, #[case] said: &str) {
        assert_eq!(ago(SignedDuration::from_secs(seconds)), said);
    }
}
