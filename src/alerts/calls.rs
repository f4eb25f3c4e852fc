//! Who is called because nobody acknowledges: the rows that mention, post elsewhere, call an address or tell `PagerDuty`.

use serde_json::{Value, json};

use super::{
    Message, Outgoing, Word,
    message::{Times, called_again, headline, mention, root},
};
use crate::incidents::{Incident, Severity, escalation::Call};

/// The longest summary `PagerDuty` takes, in characters.
const LONGEST_SUMMARY: usize = 1024;
/// The longest of other texts that leave by a call.
const LONGEST: usize = 600;

/// The rows for what changed from `previous` to `now`: who is called for the first time since it was news, and whoever was paged
/// is told that somebody takes care, or that it is over.
pub(super) fn calls(
    previous: Option<&Incident>,
    now: &Incident,
    channels: &[String],
    times: &Times<'_>,
) -> Vec<Outgoing> {
    let mut rows = Vec::new();
    let before = previous.map(|p| &p.telling.called);
    let was_called = |call: &Call| previous.is_some_and(|p| p.telling.ever_called.contains(call));
    for call in now.telling.called.iter().filter(|call| before.is_none_or(|before| !before.contains(*call))) {
        match call {
            Call::Mention(id) => rows.extend(mentions(id, now, channels, times)),
            Call::Owner => {
                let owner = now.stake.contact.iter();
                rows.extend(owner.flat_map(|id| mentions(id, now, channels, times)));
            }
            // Where its message is already, an edit would notify nobody.
            Call::Channel(channel) if was_called(call) => rows.push(reply(channel, called_again(now, times))),
            Call::Channel(channel) => {
                rows.push(Outgoing::Post { channel: channel.clone(), message: root(now, times) });
            }
            Call::Webhook => rows.push(Outgoing::Webhook { body: webhook(now, times) }),
            Call::PagerDuty => {
                if was_called(call) {
                    // What is acknowledged there pages nobody a second time: it begins anew under the same key.
                    rows.push(Outgoing::PagerDuty { event: event("resolve", now) });
                }
                rows.push(Outgoing::PagerDuty { event: trigger(now, times) });
            }
        }
    }
    // Also before it got worse, from which on the chain begins anew.
    let was_paged = was_called(&Call::PagerDuty);
    let is_taken = now.acknowledged.is_some() && previous.is_some_and(|p| p.acknowledged.is_none());
    let is_over =
        previous.is_some_and(|p| p.is_open() && p.parent.is_none()) && (!now.is_open() || now.parent.is_some());
    if was_paged && is_over {
        rows.push(Outgoing::PagerDuty { event: event("resolve", now) });
    } else if was_paged && is_taken {
        rows.push(Outgoing::PagerDuty { event: event("acknowledge", now) });
    }
    rows
}

fn mentions(id: &str, now: &Incident, channels: &[String], times: &Times<'_>) -> Vec<Outgoing> {
    let message = mention(id, now, times);
    channels.iter().map(|channel| reply(channel, message.clone())).collect()
}

fn reply(channel: &str, message: Message) -> Outgoing {
    Outgoing::Reply { channel: channel.to_owned(), message, broadcast: true, word: Word::Call }
}

fn event(action: &str, incident: &Incident) -> Value {
    json!({"event_action": action, "dedup_key": dedup_key(incident)})
}

/// One alert in `PagerDuty` for one incident, also when it comes back.
fn dedup_key(incident: &Incident) -> String {
    format!("k8s-monitor/{}/{}", incident.cluster, incident.id)
}

fn trigger(incident: &Incident, times: &Times<'_>) -> Value {
    let severity = match incident.severity {
        Severity::Sev1 => "critical",
        Severity::Sev2 => "error",
        Severity::Sev3 => "warning",
        Severity::Sev4 => "info",
    };
    let summary = format!("{} {}: {} ({})", incident.severity, times.cluster, headline(incident), incident.id);
    json!({
        "event_action": "trigger",
        "dedup_key": dedup_key(incident),
        "client": "k8s-monitor",
        "payload": {
            "summary": cut(&summary, LONGEST_SUMMARY),
            "source": times.cluster,
            "severity": severity,
            "timestamp": incident.since.to_string(),
            "component": cut(&incident.owner.to_string(), LONGEST),
            "group": &*incident.owner.namespace,
            "class": incident.headline().map(|finding| cut(&finding.reason, LONGEST)),
            "custom_details": facts(incident),
        },
    })
}

/// What an address is told: the same facts, with the incident's name and state.
fn webhook(incident: &Incident, times: &Times<'_>) -> Value {
    json!({
        "incident": incident.id,
        "cluster": times.cluster,
        "severity": incident.severity,
        "priority": incident.stake.priority,
        "service": incident.stake.service,
        "headline": headline(incident),
        "owner": incident.owner,
        "since": incident.since,
        "told_at": incident.telling.news_at,
        "called_at": times.now.at,
        "facts": facts(incident),
    })
}

fn facts(incident: &Incident) -> Value {
    let finding = incident.headline();
    json!({
        "incident": incident.id,
        "because": cut(&incident.why, LONGEST),
        "cause": finding.map(|finding| cut(&finding.message, LONGEST)),
        "todo": finding.map(|finding| cut(&finding.recommendation, LONGEST)),
        "ready": incident.impact.ready,
        "desired": incident.impact.desired,
        "hit": incident.hits.all,
    })
}

/// The beginning of a text. It leaves as JSON and is shown as text, so nothing in it has to be made harmless.
fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Now;
    use crate::{
        alerts::testing::{at, incident},
        incidents::{Acknowledgement, Priority, Resolution, Stake, Status},
    };

    const TIMES: Times<'static> =
        Times { now: Now::utc(jiff::Timestamp::UNIX_EPOCH), cluster: "prod", is_one_of_many: false };

    /// What happens when an incident becomes another, in a few words each.
    fn rows(previous: &Incident, now: &Incident) -> Vec<String> {
        let word = |row: Outgoing| match row {
            Outgoing::Reply { channel, message, broadcast: true, .. } => format!("{channel}: {}", message.plain()),
            Outgoing::Post { channel, message } => format!("{channel}: {}", message.plain().lines().next().unwrap()),
            Outgoing::Webhook { body } => format!("webhook: {body}"),
            Outgoing::PagerDuty { event } => format!("pagerduty: {} {}", event["event_action"], event["dedup_key"]),
            other @ (Outgoing::Edit { .. }
            | Outgoing::Reply { .. }
            | Outgoing::ReplyTo { .. }
            | Outgoing::Respond { .. }) => {
                panic!("{other:?}")
            }
        };
        calls(Some(previous), now, &["alerts".to_owned()], &TIMES).into_iter().map(word).collect()
    }

    fn called(calls: &[Call]) -> Incident {
        let mut it = incident(Severity::Sev1);
        it.telling.called = calls.iter().cloned().collect();
        it.telling.ever_called = it.telling.called.clone();
        it
    }

    #[test]
    fn who_is_called_is_told_what_there_is_to_know() {
        let quiet = called(&[]);
        insta::assert_snapshot!(rows(&quiet, &called(&[Call::Mention("S0123456789".into())])).join("\n"), @"
        alerts: <!subteam^S0123456789> nobody has acknowledged this for 0 s
        🔴 *SEV-1 · api is degraded: 1 of 2 ready* · INC-2026-11-24-001
        Container api ends with exit code 1, cause unknown; restarted 5 times
        ");
        let stake = Stake { contact: Some("U0123456789".into()), ..Stake::of(Some(Priority::P0)) };
        let owned = Incident { stake: Arc::new(stake), ..called(&[Call::Owner]) };
        assert!(rows(&quiet, &owned)[0].starts_with("alerts: <@U0123456789>"), "{:?}", rows(&quiet, &owned));
        assert_eq!(rows(&quiet, &called(&[Call::Owner])), Vec::<String>::new());
        insta::assert_snapshot!(rows(&quiet, &called(&[Call::Channel("oncall".into())])).join("\n"), @"oncall: 🔴 *SEV-1 · api is degraded: 1 of 2 ready* · INC-2026-11-24-001");
        insta::assert_snapshot!(rows(&quiet, &called(&[Call::Webhook])).join("\n"), @r#"webhook: {"called_at":"1970-01-01T00:00:00Z","cluster":"prod","facts":{"because":"P0 service: degraded, but serving","cause":"container api ends with exit code 1, cause unknown; restarted 5 times","desired":2,"hit":0,"incident":"INC-2026-11-24-001","ready":1,"todo":"Read why it ended: kubectl -n shop logs api-1 -c api --previous"},"headline":"api is degraded: 1 of 2 ready","incident":"INC-2026-11-24-001","owner":{"kind":"Deployment","name":"api","namespace":"shop"},"priority":"P0","service":null,"severity":"SEV-1","since":"2026-11-24T14:00:00Z","told_at":null}"#);
        insta::assert_json_snapshot!(trigger(&quiet, &TIMES), @r#"
        {
          "client": "k8s-monitor",
          "dedup_key": "k8s-monitor/uid-1/INC-2026-11-24-001",
          "event_action": "trigger",
          "payload": {
            "class": "CrashLoopBackOff",
            "component": "Deployment shop/api",
            "custom_details": {
              "because": "P0 service: degraded, but serving",
              "cause": "container api ends with exit code 1, cause unknown; restarted 5 times",
              "desired": 2,
              "hit": 0,
              "incident": "INC-2026-11-24-001",
              "ready": 1,
              "todo": "Read why it ended: kubectl -n shop logs api-1 -c api --previous"
            },
            "group": "shop",
            "severity": "critical",
            "source": "prod",
            "summary": "SEV-1 prod: api is degraded: 1 of 2 ready (INC-2026-11-24-001)",
            "timestamp": "2026-11-24T14:00:00Z"
          }
        }
        "#);
    }

    #[test]
    fn who_is_called_a_second_time_is_notified_a_second_time() {
        let all = [Call::Channel("oncall".into()), Call::PagerDuty];
        let mut before = called(&all);
        before.telling.called.clear();
        insta::assert_snapshot!(rows(&before, &called(&all)).join("\n"), @r#"
        oncall: Nobody has acknowledged this for 0 s
        🔴 *SEV-1 · api is degraded: 1 of 2 ready* · INC-2026-11-24-001
        Container api ends with exit code 1, cause unknown; restarted 5 times
        pagerduty: "resolve" "k8s-monitor/uid-1/INC-2026-11-24-001"
        pagerduty: "trigger" "k8s-monitor/uid-1/INC-2026-11-24-001"
        "#);
    }

    #[test]
    fn whoever_was_paged_hears_once_that_it_is_taken_care_of_and_that_it_is_over() {
        let paged = called(&[Call::PagerDuty]);
        assert_eq!(rows(&called(&[]), &paged), ["pagerduty: \"trigger\" \"k8s-monitor/uid-1/INC-2026-11-24-001\""]);
        assert_eq!(rows(&paged, &paged), Vec::<String>::new());
        let acknowledged = Acknowledgement { by: "U1".into(), at: at(3), note: String::new() };
        let taken = Incident { acknowledged: Some(acknowledged), ..paged.clone() };
        assert_eq!(rows(&paged, &taken), ["pagerduty: \"acknowledge\" \"k8s-monitor/uid-1/INC-2026-11-24-001\""]);
        let resolution = Some(Resolution { at: at(9), reason: "well".into(), by: None });
        let over = Incident { status: Status::Resolved, resolution, ..taken.clone() };
        assert_eq!(rows(&taken, &over), ["pagerduty: \"resolve\" \"k8s-monitor/uid-1/INC-2026-11-24-001\""]);
        let absorbed = Incident { parent: Some(crate::incidents::IncidentId("INC-7".into())), ..paged.clone() };
        assert_eq!(rows(&paged, &absorbed), ["pagerduty: \"resolve\" \"k8s-monitor/uid-1/INC-2026-11-24-001\""]);
        // It got worse meanwhile, and nobody was paged again yet.
        let mut worse = paged;
        worse.telling.called.clear();
        let end = Incident { status: Status::Resolved, ..worse.clone() };
        assert_eq!(rows(&worse, &end), ["pagerduty: \"resolve\" \"k8s-monitor/uid-1/INC-2026-11-24-001\""]);
        // Who was never paged hears nothing.
        assert_eq!(rows(&called(&[]), &Incident { status: Status::Resolved, ..called(&[]) }), Vec::<String>::new());
    }
}
