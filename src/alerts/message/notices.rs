//! Messages that are not about one incident: a sample, and the digest of many.

use super::{FIRING, NAME, Times, WARNING, parts, signed};
use crate::{
    alerts::{
        Message,
        blocks::{Blocks, cap, escape_line},
    },
    incidents::{Incident, Member, MemberState},
};

/// How many incidents a digest names.
const NAMED: usize = 20;

/// A marked sample, to see whether alerts arrive.
pub fn test_alert(times: &Times<'_>) -> Message {
    let mut blocks = Blocks::default();
    blocks.section(
        "Nothing is wrong. Somebody asked for a sample, to see whether alerts arrive in this channel.\n\
         An alert says here what is wrong and why, who is hit and what to do.",
    );
    blocks.context(&[format!("sent {}", times.say(times.now.at))]);
    blocks.into_message("*TEST · this is what an alert looks like*", Some(FIRING))
}

/// What can wait, in one message; it is not kept up to date.
pub fn warnings(incidents: &[&Incident], times: &Times<'_>) -> Message {
    let short = |text: &str| cap(&escape_line(text), NAME);
    let line = |incident: &&Incident| {
        let priority = incident.stake.priority.map_or_else(|| "unlisted".to_owned(), |priority| priority.to_string());
        format!(
            "• *{}* · {} · {} ({priority}) · since {}\n   {}",
            short(&parts::headline(incident)),
            short(&incident.id.0),
            short(&incident.owner.to_string()),
            times.say(incident.since),
            parts::cause(incident)
        )
    };
    let mut blocks = Blocks::default();
    // A section holds 3,000 characters; each line is shorter than 900.
    for some in incidents.iter().take(NAMED).map(line).collect::<Vec<_>>().chunks(3) {
        blocks.section(&some.join("\n"));
    }
    if let Some(more) = incidents.len().checked_sub(NAMED).filter(|more| *more > 0) {
        blocks.section(&format!("... and {more} more: `/k8s incidents`"));
    }
    blocks.section("These can wait, and are told once. `/k8s show` and the name of one says more; `/k8s incidents` lists what is still open.");
    let many = if incidents.len() == 1 { "1 warning".to_owned() } else { format!("{} warnings", incidents.len()) };
    let headline = format!("🟡 *{}: {many}*", short(times.cluster));
    blocks.into_message(&headline, Some(WARNING))
}

/// Many problems in one message, the worst first; it is kept up to date in place.
pub(super) fn digest(incident: &Incident, times: &Times<'_>) -> Message {
    let members = &incident.members;
    let mut lines: Vec<String> = members.iter().take(NAMED).map(|member| line(member, times)).collect();
    if let Some(more) = members.len().checked_sub(NAMED).filter(|more| *more > 0) {
        lines.push(format!("... and {more} more: `/k8s status`"));
    }
    let mut blocks = Blocks::default();
    blocks.section(&lines.join("\n"));
    if incident.is_open() {
        blocks.section(
            "This list is kept up to date. A SEV-1 has a message of its own; the others are taken with `/k8s ack` and their name.",
        );
    }
    blocks.section(&parts::state(incident, times).join("\n"));
    signed(blocks, incident, times)
}

fn line(member: &Member, times: &Times<'_>) -> String {
    let emoji = match (member.state, member.severity) {
        (MemberState::Resolved, _) => "✅",
        (_, severity) => parts::emoji_of(severity),
    };
    let state = match member.state {
        MemberState::Open => "",
        MemberState::Acknowledged => " · acknowledged",
        MemberState::Recovering => " · recovering",
        MemberState::Resolved => " · over",
    };
    let short = |text: &str| cap(&escape_line(text), NAME);
    let (headline, id, owner) = (short(&member.headline), short(&member.id.0), short(&member.owner.to_string()));
    let since = times.say(member.since);
    format!("{emoji} *{}{state} · {headline}* · {id} · {owner} · since {since}", member.severity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Now;
    use crate::{
        alerts::testing::{at, finding, incident, owner},
        findings::ConditionClass,
        incidents::{IncidentId, Severity, digest},
    };

    fn member(number: u32, severity: Severity, state: MemberState) -> Member {
        Member {
            id: IncidentId(format!("INC-2026-11-24-{number:03}")),
            owner: owner("Deployment", "shop", "web <!channel>"),
            severity,
            headline: "web serves nobody".into(),
            since: at(0),
            state,
        }
    }

    fn said(kind: &'static str, members: Vec<Member>) -> String {
        let many = finding(ConditionClass::Many, "many problems");
        let storm = Incident {
            owner: digest::owner(kind, "production"),
            findings: [(many.class, many.into())].into(),
            members,
            why: "many problems at once".into(),
            ..incident(Severity::Sev2)
        };
        super::digest(&storm, &Times { now: Now::utc(at(30)), cluster: "production", is_one_of_many: false }).plain()
    }

    #[test]
    fn a_digest_names_the_worst_first_and_what_became_of_each() {
        let members = vec![
            member(1, Severity::Sev1, MemberState::Open),
            member(2, Severity::Sev2, MemberState::Acknowledged),
            member(3, Severity::Sev2, MemberState::Recovering),
            member(4, Severity::Sev2, MemberState::Resolved),
        ];
        insta::assert_snapshot!(said(digest::STORM, members), @"
        🟠 *SEV-2 · production: 4 problems began within minutes, 1 of them is over* · INC-2026-11-24-001
        🔴 *SEV-1 · web serves nobody* · INC-2026-11-24-001 · Deployment shop/web <!channel> · since 14:00 UTC
        🟠 *SEV-2 · acknowledged · web serves nobody* · INC-2026-11-24-002 · Deployment shop/web <!channel> · since 14:00 UTC
        🟠 *SEV-2 · recovering · web serves nobody* · INC-2026-11-24-003 · Deployment shop/web <!channel> · since 14:00 UTC
        ✅ *SEV-2 · over · web serves nobody* · INC-2026-11-24-004 · Deployment shop/web <!channel> · since 14:00 UTC
        This list is kept up to date. A SEV-1 has a message of its own; the others are taken with `/k8s ack` and their name.
        [ Acknowledge ]
        SEV-2 because many problems at once · since 14:00 UTC · seen 14:01 UTC · updated 14:02 UTC
        ");
        let many = (0..24).map(|n| member(n, Severity::Sev2, MemberState::Open)).collect();
        let text = said(digest::FIRST_LOOK, many);
        assert!(text.contains("... and 4 more"), "{text}");
        assert!(
            text.starts_with("🟠 *SEV-2 · production: 24 problems were there before I began to watch it*"),
            "{text}"
        );
    }
}
