//! A question in the thread of an alert, answered from the incident's own evidence; no model is asked.

use super::reply;
use crate::clock::Now;
use crate::{alerts::Message, incidents::Incident};

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topic {
    Why,
    What,
    Since,
    Who,
    Do,
    Evidence,
    Status,
    Acknowledged,
    Anything,
}

/// Words that give a topic away, the more telling first.
const WORDS: [(Topic, &[&str]); 8] = [
    (Topic::Acknowledged, &["ack", "acked", "acknowledged", "acknowledge", "working on", "taking care", "owner"]),
    (Topic::Evidence, &["log", "logs", "evidence", "proof", "event", "events", "details", "output", "trace"]),
    (Topic::Do, &["do", "fix", "solve", "mend", "repair", "help", "action", "recommend", "rollback", "how to", "next"]),
    (Topic::Why, &["why", "cause", "reason", "because", "how come", "root cause", "explain"]),
    (Topic::Who, &["who", "whom", "hit", "impact", "affected", "users", "customers", "services", "service", "serving"]),
    (Topic::Since, &["since", "when", "long", "started", "start", "begin", "began"]),
    (Topic::Status, &["status", "now", "still", "state", "better", "fixed", "resolved", "over", "update", "healthy"]),
    (Topic::What, &["what", "which", "happened", "wrong", "problem", "broken"]),
];

fn topic(question: &str) -> Topic {
    let plain: String = question.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
    let padded = format!(" {} ", plain.split_whitespace().collect::<Vec<_>>().join(" "));
    WORDS
        .iter()
        .find(|(_, words)| words.iter().any(|w| padded.contains(&format!(" {w} "))))
        .map_or(Topic::Anything, |(topic, _)| *topic)
}

/// The matching part of what is known; for anything else the facts and what can be asked.
pub fn answer(question: &str, incident: &Incident, now: Now<'_>) -> Message {
    let mut lines = match topic(question) {
        Topic::Why => why(incident, now),
        Topic::What => what(incident),
        Topic::Since => since(incident, now),
        Topic::Who => hit(incident),
        Topic::Do => todo(incident),
        Topic::Evidence => evidence(incident, now),
        Topic::Status => status(incident, now),
        Topic::Acknowledged => acknowledged(incident, now),
        Topic::Anything => {
            let mut lines = vec![
                "I answer from the facts of this incident: why, what, since when, who is hit, what to do, evidence, status."
                    .to_owned(),
            ];
            lines.extend(status(incident, now));
            lines.extend(why(incident, now));
            lines.extend(todo(incident));
            lines
        }
    };
    if let Some(blind) = &incident.frozen {
        lines.push(format!("I cannot see it at the moment ({}), so this may be old.", reply::quote(blind, 200)));
    }
    reply::say(&lines)
}

fn why(incident: &Incident, now: Now<'_>) -> Vec<String> {
    let Some(cause) = incident.headline() else {
        return vec!["No check has a cause for it at the moment.".to_owned()];
    };
    let mut lines = vec![format!("*{}*: {}", reply::quote(&cause.reason, 80), reply::quote(&cause.message, 500))];
    lines.extend(
        cause.evidence.iter().take(3).map(|e| format!("• {}", reply::evidence_line(e, Now { at: cause.since, ..now }))),
    );
    let others: Vec<_> = incident.findings.values().skip(1).map(|f| reply::quote(&f.reason, 80)).collect();
    if !others.is_empty() {
        lines.push(format!("With it: {}", others.join(", ")));
    }
    lines.push("More than these facts prove I do not claim.".to_owned());
    lines
}

fn what(incident: &Incident) -> Vec<String> {
    let mut lines = vec![format!("{} · {}", incident.severity, reply::escape(&incident.owner.to_string()))];
    lines.extend(
        incident
            .findings
            .values()
            .take(5)
            .map(|f| format!("• {}: {}", reply::quote(&f.reason, 80), reply::quote(&f.message, 400))),
    );
    lines
}

fn since(incident: &Incident, now: Now<'_>) -> Vec<String> {
    let mut line = format!(
        "Since {} ({}); I saw it at {}",
        now.tell(incident.since),
        reply::span(incident.since, incident.resolution.as_ref().map_or(now.at, |r| r.at)),
        now.tell(incident.opened_at)
    );
    if incident.reopened > 0 {
        line = format!("{line}; it came back {}", reply::count(incident.reopened as usize, "time", "times"));
    }
    vec![format!("{line}.")]
}

fn hit(incident: &Incident) -> Vec<String> {
    let hit = reply::impact(&incident.impact);
    let priority = incident.stake.priority.map_or_else(|| "no priority is configured".to_owned(), |p| p.to_string());
    vec![if hit.is_empty() {
        format!(
            "No replicas or Services of {} are known to be hit ({priority}).",
            reply::escape(&incident.owner.to_string())
        )
    } else {
        format!("{hit} ({priority}).")
    }]
}

fn todo(incident: &Incident) -> Vec<String> {
    let mut lines: Vec<String> = incident
        .findings
        .values()
        .filter(|f| !f.recommendation.is_empty())
        .take(3)
        .map(|f| format!("Do: {}", reply::quote(&f.recommendation, 500)))
        .collect();
    if lines.is_empty() {
        lines.push("I have no advice for it; the evidence is in this thread when you ask for it.".to_owned());
    }
    lines
}

fn evidence(incident: &Incident, now: Now<'_>) -> Vec<String> {
    let lines: Vec<String> = incident
        .findings
        .values()
        .flat_map(|f| &f.evidence)
        .take(12)
        .map(|e| format!("• {}", reply::evidence_line(e, now)))
        .chain(incident.log.iter().flat_map(|log| {
            let lines = log.shown().map(|line| format!("   | {}", reply::quote(line, 200)));
            std::iter::once(format!("• {}", reply::quote(&log.title(), 200))).chain(lines).collect::<Vec<_>>()
        }))
        .collect();
    if lines.is_empty() { vec!["No evidence was kept for it.".to_owned()] } else { lines }
}

fn status(incident: &Incident, now: Now<'_>) -> Vec<String> {
    match &incident.resolution {
        Some(end) if !incident.is_open() => vec![format!(
            "{} is resolved since {}: {}. It lasted {}.",
            reply::escape(&incident.id.0),
            now.tell(end.at),
            reply::quote(end.reason.trim_end_matches('.'), 300),
            reply::span(incident.since, end.at)
        )],
        Some(_) | None => vec![reply::incident_line(incident, now)],
    }
}

fn acknowledged(incident: &Incident, now: Now<'_>) -> Vec<String> {
    vec![incident.acknowledged.as_ref().map_or_else(
        || format!("Nobody has acknowledged it yet: `/k8s ack {}` does.", reply::escape(&incident.id.0)),
        |a| {
            let note = if a.note.is_empty() { String::new() } else { format!(": {}", reply::quote(&a.note, 500)) };
            format!("Acknowledged by {} at {}{note}", reply::who(&a.by), now.tell(a.at))
        },
    )]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        conversation::standing::samples,
        incidents::{Resolution, Severity, Status},
    };
    use insta::assert_snapshot;
    use rstest::rstest;

    #[rstest]
    #[case("Why?", Topic::Why)]
    #[case("what happened", Topic::What)]
    #[case("what to do now?", Topic::Do)]
    #[case("how do I fix this", Topic::Do)]
    #[case("since when", Topic::Since)]
    #[case("how long already?", Topic::Since)]
    #[case("who is hit?", Topic::Who)]
    #[case("show me the logs", Topic::Evidence)]
    #[case("is it still broken", Topic::Status)]
    #[case("who acked it?", Topic::Acknowledged)]
    #[case("pineapple", Topic::Anything)]
    #[case("", Topic::Anything)]
    fn a_question_is_about_something(#[case] question: &str, #[case] expected: Topic) {
        assert_eq!(topic(question), expected);
    }

    #[test]
    fn each_question_gets_its_part_of_the_evidence() {
        let incident = samples::incident(1, Severity::Sev1);
        let say = |question| answer(question, &incident, samples::now("14:09:00")).text;
        assert_snapshot!(say("why?"), @r"
        *OOMKilled*: Container app was killed 6 times for using more than its 256Mi of memory
        • _Pod shop/api-1 container app_ (14:05 UTC): terminated: OOMKilled, exit code 137 &lt;script&gt; &amp; *stars*
        More than these facts prove I do not claim.
        ");
        assert_snapshot!(say("what to do?"), @"Do: Raise the memory limit or find the leak");
        assert_snapshot!(say("since when?"), @"Since 13:57 UTC (12 min); I saw it at 13:57 UTC.");
        assert_snapshot!(say("who is hit?"), @"0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready (P0).");
        assert_snapshot!(say("is it still broken?"), @"*SEV-1* INC-2026-11-24-001 · Deployment shop/api · OOMKilled · 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready · since 13:57 UTC (12 min)");
        assert_snapshot!(say("who acked it?"), @"Nobody has acknowledged it yet: `/k8s ack INC-2026-11-24-001` does.");
        assert_snapshot!(say("pineapple"), @r"
        I answer from the facts of this incident: why, what, since when, who is hit, what to do, evidence, status.
        *SEV-1* INC-2026-11-24-001 · Deployment shop/api · OOMKilled · 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready · since 13:57 UTC (12 min)
        *OOMKilled*: Container app was killed 6 times for using more than its 256Mi of memory
        • _Pod shop/api-1 container app_ (14:05 UTC): terminated: OOMKilled, exit code 137 &lt;script&gt; &amp; *stars*
        More than these facts prove I do not claim.
        Do: Raise the memory limit or find the leak
        ");
    }

    #[test]
    fn what_is_resolved_is_said_in_whole_sentences() {
        let mut incident = samples::incident(1, Severity::Sev1);
        incident.status = Status::Resolved;
        let mut say = |reason: &str| {
            incident.resolution = Some(Resolution { at: samples::at("14:09:00"), reason: reason.into(), by: None });
            answer("is it still broken?", &incident, samples::now("14:20:00")).text
        };
        assert_snapshot!(say("2 of 2 replicas ready for 5 min"), @"INC-2026-11-24-001 is resolved since 14:09 UTC: 2 of 2 replicas ready for 5 min. It lasted 12 min.");
        assert_snapshot!(say("it was deleted."), @"INC-2026-11-24-001 is resolved since 14:09 UTC: it was deleted. It lasted 12 min.");
    }

    #[test]
    fn an_answer_about_what_cannot_be_seen_says_so() {
        let mut incident = samples::incident(1, Severity::Sev1);
        incident.frozen = Some("Pod forbidden".into());
        assert_snapshot!(answer("who is hit?", &incident, samples::now("14:09:00")).text, @r"
        0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready (P0).
        I cannot see it at the moment (Pod forbidden), so this may be old.
        ");
    }
}
