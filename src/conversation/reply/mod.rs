//! The sentences of the conversation: facts in, messages out; and how single facts are said.

mod changed;

use super::{
    permissions::Refusal,
    standing::{Blind, Standing},
};
use crate::{
    alerts::{
        Message,
        blocks::{self, Blocks},
    },
    clock::Now,
    cluster::Kind,
    findings::{Finding, Impact},
    incidents::Incident,
};
use jiff::Timestamp;

pub(crate) use changed::silence_line;
pub use changed::{
    acknowledged, already_acknowledged, already_resolved, no_such_silence, not_closed, nothing_changed,
    of_another_cluster, resolved, silenced, unacknowledged, unsilenced,
};

/// The longest paragraph; Slack takes a little more.
const SECTION: usize = 2900;
/// All paragraphs together, with room for a word about what was left out.
const WHOLE: usize = 6800;
/// The longest name or word that is quoted.
const NAME: usize = 200;

/// Makes a message of lines of mrkdwn. The lines are ours: what they quote went through `quote`, `escape` or `code`. Nothing
/// in it becomes a link or a mention by itself.
pub fn say(lines: &[String]) -> Message {
    let mut sections: Vec<String> = Vec::new();
    let mut length = 0_usize;
    for line in lines {
        let line = blocks::cap(line, SECTION);
        length = length.saturating_add(blocks::size(&line)).saturating_add(1);
        if length > WHOLE {
            sections.push("_More than fits here was left out._".to_owned());
            break;
        }
        match sections.last_mut() {
            Some(last) if blocks::size(last) + blocks::size(&line) < SECTION => {
                last.push('\n');
                last.push_str(&line);
            }
            _ => sections.push(line),
        }
    }
    let mut said = Blocks::default();
    for section in &sections {
        said.section(section);
    }
    said.into_message(&sections.join("\n"), None)
}

/// One sentence.
pub(crate) fn line(text: impl Into<String>) -> Message {
    say(&[text.into()])
}

/// Untrusted text as itself, on one line: no links, no mentions, nothing that steers; at most so long.
pub(crate) fn quote(text: &str, most: usize) -> String {
    blocks::cap(&blocks::escape_line(text), most)
}

/// [`quote`] for a name.
pub(crate) fn escape(text: &str) -> String {
    quote(text, NAME)
}

/// Untrusted text between backquotes.
pub(crate) fn code(text: &str) -> String {
    format!("`{}`", escape(text).replace('`', "'"))
}

/// `12 min`, `3 h 5 min`, `2 d 4 h`.
pub(crate) fn span(from: impl Into<Timestamp>, to: impl Into<Timestamp>) -> String {
    let seconds = to.into().duration_since(from.into()).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, m) => format!("{m} min"),
        (0, h, m) if m % 60 == 0 => format!("{h} h"),
        (0, h, m) => format!("{h} h {} min", m % 60),
        (d, h, _) if h % 24 == 0 => format!("{d} d"),
        (d, h, _) => format!("{d} d {} h", h % 24),
    }
}

/// `1 pod`, `3 pods`.
pub(crate) fn count(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}

/// A person: a mention for a Slack id (it notifies nobody in an answer only the asker sees), a name as it is.
pub(crate) fn who(by: &str) -> String {
    let is_id =
        by.len() > 1 && by.starts_with(['U', 'W']) && by.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    if is_id { format!("<@{by}>") } else { quote(by, 80) }
}

/// `0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints`.
pub(crate) fn impact(impact: &Impact) -> String {
    let mut parts = Vec::new();
    if let (Some(ready), Some(desired)) = (impact.ready, impact.desired) {
        parts.push(format!("{ready} of {desired} replicas ready"));
    }
    for service in impact.services.iter().take(3) {
        parts.push(format!(
            "Service {} has {} of {} endpoints ready",
            escape(&format!("{}/{}", service.namespace, service.name)),
            service.ready_endpoints,
            service.endpoints
        ));
    }
    if impact.services.len() > 3 {
        parts.push(format!("and {} more Services", impact.services.len() - 3));
    }
    parts.join(", ")
}

/// An incident in one line.
pub(crate) fn incident_line(incident: &Incident, now: Now<'_>) -> String {
    let mut parts = vec![
        format!("*{}* {}", incident.severity, escape(&incident.id.0)),
        escape(&incident.owner.to_string()),
        incident.headline().map_or_else(|| "no finding at the moment".to_owned(), |f| quote(&f.reason, 80)),
    ];
    let hit = impact(&incident.impact);
    if !hit.is_empty() {
        parts.push(hit);
    }
    parts.push(format!("since {} ({})", now.tell(incident.since), span(incident.since, now)));
    if let Some(acknowledged) = &incident.acknowledged {
        parts.push(format!("acknowledged by {}", who(&acknowledged.by)));
    }
    if let Some(why) = &incident.frozen {
        parts.push(format!("frozen: {}", quote(why, 120)));
    } else if let Some(since) = incident.healthy_since {
        parts.push(format!("healthy for {}, resolves after {} min", span(since, now), incident.hold().as_mins()));
    }
    parts.join(" · ")
}

/// What is not seen, a line for each reason, at most `shown`: an API that is away hides every kind for the same one.
pub(crate) fn blind_lines<'a>(blind: impl IntoIterator<Item = &'a Blind>, shown: usize, now: Now<'_>) -> Vec<String> {
    let mut groups: Vec<(&Blind, Vec<&Blind>)> = Vec::new();
    for one in blind {
        match groups.iter_mut().find(|(first, _)| first.namespace == one.namespace && first.why == one.why) {
            Some((_, same)) => same.push(one),
            None => groups.push((one, vec![one])),
        }
    }
    let mut lines: Vec<String> = groups.iter().take(shown).map(|(_, same)| blind_line(same, now)).collect();
    if groups.len() > shown {
        lines.push(format!("... and {} more not seen", groups.len() - shown));
    }
    lines
}

/// Kinds that are not seen for the same reason.
fn blind_line(same: &[&Blind], now: Now<'_>) -> String {
    let Some(first) = same.first() else { return String::new() };
    let place = first.namespace.as_ref().map_or_else(|| "everywhere".to_owned(), |ns| format!("in {}", code(ns)));
    let since = same.iter().map(|b| b.since).min().unwrap_or(first.since);
    // What is not required may not be there at all.
    let mut required = Kind::ALL.into_iter().filter(|kind| kind.is_required());
    let what = if required.all(|kind| same.iter().any(|b| b.kind == kind)) && first.namespace.is_none() {
        "Nothing is seen".to_owned()
    } else {
        let kinds: Vec<&str> = same.iter().map(|b| b.kind.name()).collect();
        let changes = if same.iter().all(|b| b.kind.is_for_changes()) { "changes of " } else { "" };
        format!("Not seen: {changes}{} {place}", kinds.join(", "))
    };
    let weight = if same.iter().any(|b| b.required) { "" } else { ", optional" };
    format!("{what} since {} ({}){weight}: {}", now.tell(since), span(since, now), quote(&first.why, 200))
}

/// A finding in a few lines.
pub(crate) fn finding_lines(finding: &Finding, now: Now<'_>) -> Vec<String> {
    let mut lines = vec![format!(
        "• *{}* · {} · since {} ({})",
        escape(&finding.owner.to_string()),
        quote(&finding.reason, 80),
        now.tell(finding.since),
        span(finding.since, now)
    )];
    lines.push(format!("   {}", quote(&finding.message, 400)));
    if let Some(cause) = &finding.cause {
        lines.push(format!("   Because of *{}*: {}", escape(&cause.owner.to_string()), quote(&cause.why, 200)));
    }
    let hit = impact(&finding.impact);
    if !hit.is_empty() {
        lines.push(format!("   Hit: {hit}"));
    }
    lines.extend(finding.evidence.iter().take(2).map(|e| format!("   {}", evidence_line(e, now))));
    if !finding.recommendation.is_empty() {
        lines.push(format!("   Do: {}", quote(&finding.recommendation, 400)));
    }
    lines
}

/// A piece of evidence in one line.
pub(crate) fn evidence_line(evidence: &crate::findings::Evidence, now: Now<'_>) -> String {
    let at = evidence.at.map(|at| format!(" ({})", now.tell(at))).unwrap_or_default();
    format!("_{}_{at}: {}", quote(&evidence.source, 120), quote(&evidence.text, 400))
}

/// Why somebody may not.
pub fn refused(refusal: &Refusal) -> Message {
    line(refusal.text.clone())
}

/// Said to somebody who writes to the bot directly.
pub fn ask_elsewhere(channels: &[String]) -> Message {
    let channels: Vec<_> = channels.iter().map(|c| format!("<#{}>", escape(c))).collect();
    line(match channels.as_slice() {
        [] => "I answer in the channels of my alerts, but Slack has found none of them yet: an administrator checks SLACK_CHANNEL."
            .to_owned(),
        [one] => format!("I answer in {one}: mention me there, or ask in the thread of an alert."),
        [first @ .., last] => {
            format!("I answer in {} and {last}: mention me there, or ask in the thread of an alert.", first.join(", "))
        }
    })
}

/// Slack did not tell who the asker is, so nothing was done.
pub fn could_not_check(why: &str) -> Message {
    line(format!("I could not ask Slack who you are ({}), so I did nothing. Please try again.", quote(why, 200)))
}

/// Our own failure.
pub fn failed(what: &str) -> Message {
    line(format!("That did not work: {}. It is in my log; please try again.", quote(what, 200)))
}

/// No open incident is meant by that.
pub fn unknown_incident(typed: &str, standing: &Standing) -> Message {
    let open = standing.open_incidents();
    let nearest = super::nearest(typed, open.iter().map(|i| i.id.0.as_str()));
    let mut text = format!("I know no open incident {}.", code(typed));
    if open.is_empty() {
        text.push_str(" None is open.");
    } else if nearest.is_empty() {
        let ids: Vec<_> = open.iter().take(5).map(|i| code(&i.id.0)).collect();
        text = format!("{text} Open: {}.", ids.join(", "));
    } else {
        let ids: Vec<_> = nearest.iter().map(|i| code(i)).collect();
        text = format!("{text} Did you mean {}?", ids.join(" or "));
    }
    line(text)
}

/// No such namespace.
pub fn unknown_namespace(typed: &str, namespaces: &[&str]) -> Message {
    let nearest = super::nearest(typed, namespaces.iter().copied());
    let mut text = format!("There is no namespace {}.", code(typed));
    if nearest.is_empty() {
        let some: Vec<_> = namespaces.iter().take(10).map(|n| code(n)).collect();
        text = format!("{text} There are {}: {}.", namespaces.len(), some.join(", "));
        if namespaces.len() > some.len() {
            text.truncate(text.len() - 1);
            text.push_str(", ...");
        }
    } else {
        let names: Vec<_> = nearest.iter().map(|n| code(n)).collect();
        text = format!("{text} Did you mean {}?", names.join(" or "));
    }
    line(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::standing::samples;
    use insta::assert_snapshot;

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let standing = samples::broken();
        assert_snapshot!(unknown_incident("INC-2026-11-24-01", &standing).text, @"I know no open incident `INC-2026-11-24-01`. Did you mean `INC-2026-11-24-001` or `INC-2026-11-24-002`?");
        assert_snapshot!(unknown_incident("pizza", &standing).text, @"I know no open incident `pizza`. Open: `INC-2026-11-24-001`, `INC-2026-11-24-002`.");
        assert_snapshot!(unknown_incident("INC-1", &samples::healthy()).text, @"I know no open incident `INC-1`. None is open.");
        assert_snapshot!(unknown_namespace("shpo", &standing.namespaces().unwrap()).text, @"There is no namespace `shpo`. Did you mean `shop`?");
        assert_snapshot!(unknown_namespace("xyz", &standing.namespaces().unwrap()).text, @"There is no namespace `xyz`. There are 4: `default`, `kube-system`, `shop`, `shop-staging`.");
    }

    #[test]
    fn a_message_of_any_length_fits_into_slack_and_says_what_is_missing() {
        let message = say(&vec!["x".repeat(5000); 20]);
        assert!(message.blocks.len() <= 50 && message.text.chars().count() <= 3000);
        assert!(message.blocks.iter().all(|b| b["text"]["text"].as_str().unwrap().chars().count() <= 3000));
        assert!(message.blocks.iter().all(|b| b["text"]["verbatim"] == true));
        assert_eq!(message.blocks.last().unwrap()["text"]["text"], "_More than fits here was left out._");
    }

    #[test]
    fn what_others_wrote_cannot_mention_or_link() {
        assert_eq!(
            escape("<!here> <@U1> @channel a & b\n`x`"),
            "&lt;!here&gt; &lt;@U1&gt; @\u{200b}channel a &amp; b `x`"
        );
        assert_eq!(who("U2"), "<@U2>");
        assert_eq!(who("ana <b>"), "ana &lt;b&gt;");
    }
}
