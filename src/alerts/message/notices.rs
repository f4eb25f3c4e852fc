//! Messages that are not about one incident: a sample, and the summary of what was there before the bot.

use super::{FIRING, NAME, Times, id, parts};
use crate::{
    alerts::{
        Message,
        blocks::{Blocks, cap, escape_line},
    },
    findings::CLUSTER,
    incidents::{Incident, Severity},
};

/// How many incidents the summary names.
const NAMED: usize = 20;

/// A marked sample, to see whether alerts arrive.
pub fn test_alert(times: &Times<'_>) -> Message {
    let mut blocks = Blocks::default();
    blocks.section(
        "Nothing is wrong. Somebody asked for a sample, to see whether alerts arrive in this channel.\n\
         An alert says here what is wrong and why, who is hit and what to do.",
    );
    blocks.context(&[format!("sent {}", times.say(times.now))]);
    blocks.into_message("*TEST · this is what an alert looks like*", Some(FIRING))
}

/// What was wrong already when the bot first saw the cluster, in one message. The worst come first.
pub fn already_there(cluster: &str, incidents: &[&Incident], times: &Times<'_>) -> Message {
    let mut worst_first = incidents.to_vec();
    worst_first.sort_by_key(|incident| (incident.severity, incident.since, &incident.id));
    let mut lines: Vec<String> = worst_first.iter().take(NAMED).map(|incident| line(incident, times)).collect();
    if let Some(more) = incidents.len().checked_sub(NAMED).filter(|more| *more > 0) {
        lines.push(format!("... and {more} more: `/k8s status`"));
    }
    let mut blocks = Blocks::default();
    blocks.section(&lines.join("\n"));
    let alone = if worst_first.first().is_some_and(|worst| worst.severity == Severity::Sev1) {
        "Each SEV-1 has a message of its own; the others get theirs"
    } else {
        "They get messages of their own"
    };
    blocks.section(&format!("{alone} when they get worse, are taken by somebody (`/k8s ack`) or are resolved."));
    blocks.context(&[format!("first seen {}", times.say(times.now))]);
    let emoji = worst_first.first().map_or("⚪", |worst| parts::emoji(worst));
    let cluster = cap(&escape_line(cluster), NAME);
    let count = incidents.len();
    let headline = format!("{emoji} *{cluster}: {count} problems were there before I began to watch it*");
    blocks.into_message(&headline, Some(FIRING))
}

fn line(incident: &Incident, times: &Times<'_>) -> String {
    let owner = (incident.owner.kind != CLUSTER).then(|| cap(&escape_line(&incident.owner.to_string()), NAME));
    let owner = owner.map(|owner| format!(" · {owner}")).unwrap_or_default();
    let since = times.say(incident.since);
    format!("{} *{}* · {}{owner} · since {since}", parts::emoji(incident), parts::title(incident), id(incident))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::alerts::testing::{at, incident};

    #[test]
    fn the_summary_names_the_worst_first_and_says_what_comes_of_the_rest() {
        let times = Times { now: at(30), zone: &TimeZone::UTC };
        let (one, two) = (incident(Severity::Sev2), incident(Severity::Sev1));
        insta::assert_snapshot!(already_there("production", &[&one, &two], &times).plain(), @r"
        🔴 *production: 2 problems were there before I began to watch it*
        🔴 *SEV-1 · api is degraded: 1 of 2 ready* · INC-2026-11-24-001 · Deployment shop/api · since 14:00 UTC
        🟠 *SEV-2 · api is degraded: 1 of 2 ready* · INC-2026-11-24-001 · Deployment shop/api · since 14:00 UTC
        Each SEV-1 has a message of its own; the others get theirs when they get worse, are taken by somebody (`/k8s ack`) or are resolved.
        first seen 14:30 UTC
        ");
        let many = vec![&one; 24];
        let text = already_there("a <!channel>", &many, &times).plain();
        assert!(text.contains("... and 4 more") && text.starts_with("🟠 *a <!channel>: 24 problems"), "{text}");
        assert!(text.contains("They get messages of their own when"), "{text}");
    }
}
