//! The texts of alerts, as Block Kit and as plain text: the root message of an incident and the notes in its thread.

mod notices;

use jiff::{Timestamp, tz::TimeZone};

pub use notices::{already_there, blind_alert, blind_over, test_alert};

use super::{
    Message, Note,
    blocks::{Blocks, Button, cap, escape_line},
};
use crate::{
    findings::{ConditionClass, Finding, ServiceHit},
    incidents::{Acknowledgement, Incident, Severity, in_words},
};

/// Colour of something that is wrong.
pub const FIRING: &str = "#a30200";
/// Colour of something somebody takes care of.
pub const ACKNOWLEDGED: &str = "#daa038";
/// Colour of something that is over.
pub const RESOLVED: &str = "#2eb886";

/// The longest a sentence or a name from the cluster may be in a message.
const SENTENCE: usize = 600;
const NAME: usize = 120;
/// How many Services, other findings and lines of evidence are shown.
const SHOWN: usize = 3;

/// The present, and the zone in which times are shown.
#[derive(Clone, Copy, Debug)]
pub struct Times<'a> {
    /// The present.
    pub now: Timestamp,
    /// The zone.
    pub zone: &'a TimeZone,
}

impl Times<'_> {
    /// `14:09 UTC`; with the date if that is not today.
    pub(super) fn say(&self, at: Timestamp) -> String {
        let (at, now) = (at.to_zoned(self.zone.clone()), self.now.to_zoned(self.zone.clone()));
        let format = if at.date() == now.date() { "%H:%M %Z" } else { "%Y-%m-%d %H:%M %Z" };
        at.strftime(format).to_string()
    }
}

/// The message of an incident, as it is now. It is posted once and then edited in place.
pub fn root(incident: &Incident, times: &Times<'_>) -> Message {
    let title = format!("{} {}", emoji(incident), title(incident));
    let (cause, owner) = (cause(incident), owner(incident));
    let hit = hit(incident);
    let todo = incident.headline().map(|f| sentence(&f.recommendation)).filter(|todo| !todo.is_empty());
    let mut blocks = Blocks::default();
    blocks.header(&title);
    let who = replicas(incident).map_or_else(|| owner.clone(), |replicas| format!("{replicas} · {owner}"));
    let mut facts = vec![cause.clone(), who];
    facts.extend(others(incident));
    facts.extend(hit.clone());
    if incident.is_open() {
        facts.extend(todo.as_ref().map(|todo| format!("Do: {todo}")));
    }
    facts.extend(state(incident, times));
    blocks.section(&facts.join("\n"));
    blocks.code(&evidence(incident));
    if incident.is_open() && incident.acknowledged.is_none() {
        blocks.actions(&[Button { action: "ack", text: "Acknowledge", value: incident.id.0.clone() }]);
    }
    blocks.context(&[
        escape_line(&incident.id.0),
        format!("{} because {}", incident.severity, escape_line(&incident.why)),
        format!("since {}", times.say(incident.since)),
        format!("seen {}", times.say(incident.opened_at)),
        format!("updated {}", times.say(incident.updated_at)),
    ]);
    let mut text = format!("{title} ({}, {owner}): {cause}", escape_line(&incident.id.0));
    for more in [hit, todo.filter(|_| incident.is_open()).map(|todo| format!("Do: {todo}"))].into_iter().flatten() {
        text.push('\n');
        text.push_str(&more);
    }
    blocks.into_message(&text, Some(colour(incident)))
}

/// What is said in the thread.
pub fn note(note: Note, incident: &Incident, times: &Times<'_>) -> Message {
    let (id, why) = (escape_line(&incident.id.0), escape_line(&incident.why));
    let text = match note {
        Note::Worse => {
            format!("{} Worse: {} ({id})\n{}\nBecause: {why}", emoji(incident), title(incident), cause(incident))
        }
        Note::Reopened => format!(
            "{} It is back: {} ({id})\n{}\nReopened {} within a day; it is now watched for {} before it counts as resolved.",
            emoji(incident),
            title(incident),
            cause(incident),
            times_said(incident.reopened),
            in_words(incident.hold()),
        ),
        Note::Acknowledged => incident.acknowledged.as_ref().map_or_else(
            || format!("{id} is not acknowledged."),
            |ack| format!("Acknowledged by {} at {}{}", person(&ack.by), times.say(ack.at), remark(ack)),
        ),
        Note::Resolved => incident.resolution.as_ref().map_or_else(
            || format!("{id} is open."),
            |end| {
                let lasted = in_words(end.at.duration_since(incident.since));
                format!("✅ Resolved after {lasted}: {} ({id})", sentence(&end.reason))
            },
        ),
    };
    let mut blocks = Blocks::default();
    blocks.section(&text);
    blocks.into_message(&text, None)
}

/// `chores-backend serves nobody`, `api is degraded: 1 of 2 ready`. Not escaped, for one line.
pub fn headline(incident: &Incident) -> String {
    let name = cap(&incident.owner.name, NAME);
    if !incident.is_open() || incident.healthy_since.is_some() {
        return format!("{name} is well again");
    }
    let class = incident.headline().map(|f| f.class);
    let impact = &incident.impact;
    match (class, impact.ready, impact.desired) {
        (Some(ConditionClass::NodeDown), _, _) => format!("node {name} is down"),
        (Some(ConditionClass::JobFailed), _, _) => format!("{name} failed"),
        _ if impact.is_unserved() && !impact.services.is_empty() => format!("{name} serves nobody"),
        (_, Some(ready), Some(desired)) if impact.is_unserved() => {
            format!("{name} is down: {ready} of {desired} ready")
        }
        (_, Some(ready), Some(desired)) if ready < desired => {
            format!("{name} is degraded: {ready} of {desired} ready")
        }
        (Some(ConditionClass::RolloutStuck), _, _) => format!("{name}: the rollout is stuck, the old pods serve"),
        _ => format!("{name}: {}", incident.headline().map_or("something is wrong", |f| f.reason.as_str())),
    }
}

fn title(incident: &Incident) -> String {
    let headline = escape_line(&headline(incident));
    match (incident.is_open(), incident.healthy_since, &incident.acknowledged) {
        (false, _, _) => format!("Resolved · {headline} (was {})", incident.severity),
        (true, Some(_), _) => format!("{} · recovering · {headline}", incident.severity),
        (true, None, Some(_)) => format!("{} · acknowledged · {headline}", incident.severity),
        (true, None, None) => format!("{} · {headline}", incident.severity),
    }
}

fn emoji(incident: &Incident) -> &'static str {
    match incident.severity {
        _ if !incident.is_open() => "✅",
        Severity::Sev1 => "🔴",
        Severity::Sev2 => "🟠",
        Severity::Sev3 => "🟡",
        Severity::Sev4 => "⚪",
    }
}

fn colour(incident: &Incident) -> &'static str {
    match (incident.is_open(), &incident.acknowledged) {
        (false, _) => RESOLVED,
        (true, Some(_)) => ACKNOWLEDGED,
        (true, None) => FIRING,
    }
}

fn cause(incident: &Incident) -> String {
    incident.headline().map_or_else(|| "Nothing is known of the cause".to_owned(), |f| sentence(&f.message))
}

fn replicas(incident: &Incident) -> Option<String> {
    let (ready, desired) = (incident.impact.ready?, incident.impact.desired?);
    Some(format!("{ready} of {desired} replicas ready"))
}

fn owner(incident: &Incident) -> String {
    let owner = cap(&escape_line(&incident.owner.to_string()), SENTENCE);
    incident.priority.map_or_else(|| format!("{owner} (unlisted)"), |priority| format!("{owner} ({priority})"))
}

/// The findings beside the one of the headline.
fn others(incident: &Incident) -> Option<String> {
    let line = |f: &Finding| cap(&escape_line(&f.reason), NAME);
    let others: Vec<String> = incident.findings.values().skip(1).take(SHOWN).map(line).collect();
    (!others.is_empty()).then(|| format!("Also: {}{}", others.join(", "), more(incident.findings.len(), SHOWN + 1)))
}

fn hit(incident: &Incident) -> Option<String> {
    let empty: Vec<&ServiceHit> = incident.impact.services.iter().filter(|s| s.ready_endpoints == 0).collect();
    let named = |s: &&ServiceHit| {
        let name = cap(&escape_line(&format!("{}/{}", s.namespace, s.name)), NAME);
        format!("Service {name} (no endpoint of {} ready)", s.endpoints)
    };
    let shown: Vec<String> = empty.iter().take(SHOWN).map(named).collect();
    (!shown.is_empty()).then(|| format!("Hit: {}{}", shown.join(", "), more(empty.len(), SHOWN)))
}

/// Where the incident is in its life, where that is not "firing".
fn state(incident: &Incident, times: &Times<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(parent) = &incident.parent {
        lines.push(format!("Part of {}", escape_line(&parent.0)));
    }
    if let Some(ack) = &incident.acknowledged {
        lines.push(format!("Acknowledged by {} at {}{}", person(&ack.by), times.say(ack.at), remark(ack)));
    }
    if let Some(why) = incident.frozen.as_ref().filter(|_| incident.is_open()) {
        lines.push(format!("Cannot be judged at the moment, so it stays open: {}", sentence(why)));
    }
    if let Some(since) = incident.healthy_since.filter(|_| incident.is_open()) {
        lines.push(format!("Healthy since {}; resolved if it stays so", times.say(since)));
    }
    if incident.reopened > 0 {
        lines.push(format!("Flapping: reopened {} within a day", times_said(incident.reopened)));
    }
    if let Some(end) = &incident.resolution {
        let lasted = in_words(end.at.duration_since(incident.since));
        lines.push(format!("Resolved {} after {lasted}: {}", times.say(end.at), sentence(&end.reason)));
    }
    lines
}

fn evidence(incident: &Incident) -> String {
    let all = incident.findings.values().flat_map(|f| &f.evidence);
    let line = |e: &crate::findings::Evidence| cap(&escape_line(&format!("{}: {}", e.source, e.text)), 300);
    all.take(SHOWN).map(line).collect::<Vec<_>>().join("\n")
}

fn sentence(text: &str) -> String {
    cap(&escape_line(text), SENTENCE)
}

/// A mention for the id of a Slack user, else the name as text.
fn person(by: &str) -> String {
    let is_id =
        by.len() >= 2 && by.starts_with(['U', 'W']) && by.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    if is_id { format!("<@{by}>") } else { cap(&escape_line(by), NAME) }
}

fn remark(ack: &Acknowledgement) -> String {
    if ack.note.trim().is_empty() { String::new() } else { format!(": {}", sentence(&ack.note)) }
}

fn more(all: usize, shown: usize) -> String {
    all.checked_sub(shown).filter(|n| *n > 0).map(|n| format!(" and {n} more")).unwrap_or_default()
}

fn times_said(n: u32) -> String {
    match n {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{n} times"),
    }
}

#[cfg(test)]
mod tests;
