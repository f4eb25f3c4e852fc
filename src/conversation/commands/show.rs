//! `/k8s show <incident>`: all that is known of one incident, and how its severity was reached.

use super::{
    Answer, Command, Query,
    which::{Which, first_word, which},
};
use crate::{
    alerts::Message,
    clock::Now,
    conversation::{reply, standing::Standing},
    incidents::{Explained, Incident, Policy, explain},
};

/// Findings and workloads that are named before the rest is counted.
const SHOWN: usize = 5;

/// The command.
pub const COMMAND: Command = Command {
    word: "show",
    aliases: &["incident", "explain"],
    usage: "/k8s show <incident>",
    help: "all that is known of one incident, open or over, and how its severity was reached",
    examples: &["/k8s show INC-2026-11-24-001", "/k8s show 1"],
    run,
};

fn run(rest: &str, standing: &Standing) -> Answer {
    match which(first_word(rest).0, &COMMAND, standing) {
        Ok(Which::Open(incident) | Which::InFull(incident)) => Answer::Ask(Query::Show { incident }),
        Err(answer) => answer,
    }
}

/// Everything about an incident.
pub fn shown(incident: &Incident, policy: &Policy, now: Now<'_>) -> Message {
    let mut lines = vec![reply::incident_line(incident, now)];
    for finding in incident.findings.values().take(SHOWN) {
        lines.push(format!("• *{}*: {}", reply::quote(&finding.reason, 80), reply::quote(&finding.message, 400)));
        lines.extend(finding.evidence.iter().take(2).map(|e| format!("   {}", reply::evidence_line(e, now))));
    }
    if incident.findings.len() > SHOWN {
        lines.push(format!("• and {} more findings", incident.findings.len() - SHOWN));
    }
    if !incident.hits.is_empty() {
        let named = incident.hits.named.iter().take(SHOWN).map(|hit| reply::escape(&hit.owner.to_string()));
        let more = incident.hits.all.saturating_sub(SHOWN);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        lines.push(format!("Hit: {}{more}", named.collect::<Vec<_>>().join(", ")));
    }
    lines.push("*How its severity was reached*".to_owned());
    let Explained { sentence, steps } = explain(incident, policy, now);
    lines.push(reply::quote(&sentence, 600));
    lines.extend(steps.iter().enumerate().map(|(n, step)| format!("{}. {}", n + 1, reply::quote(step, 600))));
    lines.push("*Its life*".to_owned());
    lines.extend(life(incident, now));
    reply::say(&lines)
}

fn life(incident: &Incident, now: Now<'_>) -> Vec<String> {
    let at = |at| now.tell(at);
    let mut lines = vec![format!("Wrong since {}, seen at {}", at(incident.since), at(incident.opened_at))];
    if let Some(parent) = &incident.parent {
        lines.push(format!("Part of {}", reply::escape(&parent.0)));
    }
    if incident.reopened > 0 {
        lines.push(format!("It came back {}", reply::count(incident.reopened as usize, "time", "times")));
    }
    if let Some(told) = incident.telling.aloud_at {
        let repeats = match incident.telling.repeats {
            0 => String::new(),
            n => format!(", repeated {}", reply::count(n as usize, "time", "times")),
        };
        lines.push(format!("Last told at {}{repeats}", at(told)));
    }
    if let Some(ack) = &incident.acknowledged {
        let note = if ack.note.is_empty() { String::new() } else { format!(": {}", reply::quote(&ack.note, 500)) };
        lines.push(format!("Acknowledged by {} at {}{note}", reply::who(&ack.by), at(ack.at)));
    }
    if let Some(silence) = &incident.silenced {
        lines.push(format!("Silenced: {}", reply::silence_line(silence, now)));
    }
    if let Some(end) = incident.resolution.as_ref().filter(|_| !incident.is_open()) {
        let by = end.by.as_ref().map(|by| format!(" by {}", reply::who(by))).unwrap_or_default();
        lines.push(format!("Resolved{by} at {}: {}", at(end.at), reply::quote(&end.reason, 300)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        conversation::{
            commands::{answer, said},
            standing::samples,
        },
        incidents::{Acknowledgement, Severity, Silence, Silenced},
    };

    #[test]
    fn all_that_is_known_of_an_incident_is_shown() {
        let mut incident = samples::incident(1, Severity::Sev1);
        incident.why = "P0 service: nothing ready for over 1 min".into();
        incident.acknowledged =
            Some(Acknowledgement { by: "U2".into(), at: samples::at("14:01:00"), note: "on it <!here>".into() });
        incident.silenced = Some(Silence {
            id: 3,
            of: Silenced::Namespace("shop".into()),
            by: "U2".into(),
            reason: "we move it".into(),
            at: samples::at("14:02:00"),
            until: samples::at("16:00:00"),
        });
        insta::assert_snapshot!(shown(&incident, &Policy::default(), samples::now("14:09:00")).text, @"
        *SEV-1* INC-2026-11-24-001 · Deployment shop/api · OOMKilled · 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready · since 13:57 UTC (12 min) · acknowledged by <@U2>
        • *OOMKilled*: Container app was killed 6 times for using more than its 256Mi of memory
           _Pod shop/api-1 container app_ (14:05 UTC): terminated: OOMKilled, exit code 137 &lt;script&gt; &amp; *stars*
        *How its severity was reached*
        SEV-1 (posted at once) because P0 service: nothing ready for over 1 min
        1. Deployment shop/api is P0
        2. 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready
        3. Table: degraded (Something is wrong, and it serves; or nothing is ready, but not for long yet), column P0: SEV-2
        4. As another priority: P1 SEV-3, P2 SEV-4, P3 SEV-4, unlisted SEV-3
        5. Kept at SEV-1: so it was when it was last judged
        *Its life*
        Wrong since 13:57 UTC, seen at 13:57 UTC
        Acknowledged by <@U2> at 14:01 UTC: on it &lt;!here&gt;
        Silenced: 3 · namespace shop until 16:00 UTC (1 h 51 min), by <@U2>: we move it
        ");
        assert_eq!(said(answer("show 1", &samples::broken())), "-> show INC-2026-11-24-001");
        assert_eq!(said(answer("explain inc-2026-11-20-009", &samples::broken())), "-> show INC-2026-11-20-009");
    }
}
