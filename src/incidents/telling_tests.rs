//! Stories of one incident in a few words: what happens at which minute, and what people hear of it when.

use std::sync::Arc;

use rstest::rstest;

use super::*;
use crate::{
    alerts::testing::{at, impact, incident, owner},
    findings::Impact,
    incidents::{Hit, Hits, IncidentId, Member, Silence, Silenced, Stake, Status, escalation::EscalationStep},
};

/// Plays the words of a story, a minute and what is so from then on, and says what was told when.
fn told(story: &str, chain: &[EscalationStep]) -> String {
    let mut now = incident(Severity::Sev2);
    now.impact = Impact { services: Vec::new(), ..impact(1, 2) };
    let mut before: Option<Incident> = None;
    let (mut heard, mut minute) = (Vec::new(), 0);
    for line in story.split("; ") {
        let (time, words) = line.split_once(' ').unwrap_or((line, ""));
        let until: i64 = time.parse().unwrap();
        // In between it is looked at when that is due, and only then.
        while let Some(due) = before.as_ref().and_then(|it| due(it, habits(chain))) {
            let due_minute = due.duration_since(at(0)).as_mins();
            if due_minute >= until {
                break;
            }
            assert!(due_minute >= minute, "due in the past: {due_minute}");
            minute = due_minute;
            step((&mut before, &mut now), minute, chain, &mut heard);
        }
        minute = until;
        words.split(", ").filter(|word| !word.is_empty()).for_each(|word| apply(&mut now, word, minute));
        step((&mut before, &mut now), minute, chain, &mut heard);
    }
    heard.join(", ")
}

fn chain() -> Vec<EscalationStep> {
    let step = |minutes, from, call| EscalationStep { after: SignedDuration::from_mins(minutes), from, call };
    vec![
        step(15, None, Call::Owner),
        step(20, None, Call::Mention("S1".into())),
        step(40, Some(Severity::Sev1), Call::PagerDuty),
    ]
}

fn habits(chain: &[EscalationStep]) -> Habits<'_> {
    Habits { reminds_after: Some(SignedDuration::from_hours(12)), escalation: chain }
}

fn step(
    (before, now): (&mut Option<Incident>, &mut Incident),
    minute: i64,
    chain: &[EscalationStep],
    heard: &mut Vec<String>,
) {
    if now.silenced.is_none() && now.parent.is_none() && now.healthy_since.is_none() {
        now.peak = now.peak.min(now.severity);
        now.worst = now.worst.min(now.severity);
    }
    tell(before.as_ref(), now, habits(chain), at(minute));
    let known: BTreeSet<Call> = before.as_ref().map(|it| it.telling.called.clone()).unwrap_or_default();
    heard.extend(now.telling.called.difference(&known).map(|call| format!("{minute} {call}")));
    for alert in crate::alerts::needs_update(before.as_ref(), now) {
        match alert {
            crate::alerts::Alert::Root => heard.push(format!("{minute} Root")),
            crate::alerts::Alert::Note(note) => heard.push(format!("{minute} {note:?}")),
            crate::alerts::Alert::Edit => {}
        }
    }
    *before = Some(now.clone());
}

fn apply(it: &mut Incident, word: &str, minute: i64) {
    match word {
        "owned" => it.stake = Arc::new(Stake { contact: Some("U1".into()), ..Stake::default() }),
        _ if word.starts_with("tells of ") => it.members.push(Member {
            id: IncidentId(word.into()),
            owner: owner("Deployment", "shop", word),
            severity: Severity::Sev2,
            headline: String::new(),
            since: at(minute),
            state: MemberState::Open,
        }),
        "SEV-1" => it.severity = Severity::Sev1,
        "SEV-2" => it.severity = Severity::Sev2,
        "SEV-3" => {
            it.severity = Severity::Sev3;
            if it.telling.aloud_at.is_none() {
                (it.peak, it.worst) = (Severity::Sev3, Severity::Sev3);
            }
        }
        "acked" => *it = it.acknowledge("ana", "", at(minute)).unwrap(),
        "unacked" => *it = it.unacknowledge(at(minute)).unwrap(),
        "well" => it.healthy_since = Some(at(minute)),
        "wrong" => it.healthy_since = None,
        "unseen" => it.unseen_since = Some(at(minute)),
        "seen" => it.unseen_since = None,
        "less" => it.impact.ready = Some(0),
        "more" => it.impact.ready = Some(1),
        "silenced" => {
            if it.telling.aloud_at.is_none() {
                (it.peak, it.worst) = (Severity::Sev4, Severity::Sev4);
            }
            let of = Silenced::Namespace("shop".into());
            it.silenced =
                Some(Silence { id: 1, of, by: "ana".into(), reason: String::new(), at: at(0), until: at(999) });
        }
        "heard" => it.silenced = None,
        "symptom" => (it.parent, it.symptom_of) = (Some(IncidentId("INC-7".into())), Some(owner("Node", "", "n1"))),
        "in a digest" => {
            (it.peak, it.worst) = (it.peak.max(Severity::Sev3), it.worst.max(Severity::Sev3));
            it.symptom_of = Some(crate::incidents::digest::owner(crate::incidents::digest::STORM, "production"));
            it.parent = Some(IncidentId("INC-7".into()));
        }
        "apart" => (it.parent, it.symptom_of) = (None, None),
        "resolved" => it.status = Status::Resolved,
        _ => {
            let (name, severity) = word.strip_prefix("hits ").unwrap().split_once(' ').unwrap_or((word, "SEV-2"));
            let hit = Hit {
                owner: owner("Deployment", "shop", name),
                stake: Arc::new(Stake::default()),
                classes: Vec::new(),
                impact: impact(0, 2),
                since: at(minute),
                outage: None,
                severity: if severity == "SEV-3" { Severity::Sev3 } else { Severity::Sev2 },
            };
            let mut named = it.hits.named.clone();
            named.push(hit);
            it.hits = Hits { all: named.len(), unserved: named.len(), named };
        }
    }
}

#[rstest]
// Pauses grow: after 3, 6 and 12 hours, then once a day.
#[case("0; 6000", "0 Root, 180 Still, 540 Still, 1260 Still, 2700 Still, 4140 Still, 5580 Still")]
// What gets worse is news, and the pauses begin anew.
#[case("0; 200 SEV-1; 400", "0 Root, 180 Still, 200 Worse, 380 Still")]
#[case("0; 200 SEV-3; 400 SEV-2; 600", "0 Root, 180 Still, 540 Still")]
// Who takes care of it is left alone, but for a reminder.
#[case("0; 10 acked; 2000", "0 Root, 10 Acknowledged, 730 Reminder, 1450 Reminder")]
#[case("0; 10 acked; 60 unacked; 300", "0 Root, 10 Acknowledged, 60 Unacknowledged, 240 Still")]
// Worse than what was acknowledged takes that away.
#[case("0; 10 acked; 60 SEV-1; 300", "0 Root, 10 Acknowledged, 60 Worse, 240 Still")]
#[case("0 hits a SEV-2; 10 acked; 60 hits b SEV-2; 300", "0 Root, 10 Acknowledged, 60 Wider, 240 Still")]
// Also if it was acknowledged where a warning or a digest told of it; what is as bad as it was then stays acknowledged.
#[case("0 SEV-3; 10 acked; 60 SEV-2; 300", "60 Root, 60 Unacknowledged, 240 Still")]
#[case("0 SEV-3; 10 acked; 60; 300", "")]
#[case("0 in a digest; 10 acked; 60 SEV-1, apart; 300", "60 Root, 60 Unacknowledged, 240 Still")]
#[case("0 in a digest; 10 acked; 60 apart; 300", "60 Root")]
#[case("0 SEV-3; 10 acked; 60 SEV-2, in a digest; 70 apart; 300", "70 Root, 250 Still")]
#[case("0 SEV-1, silenced; 10 acked; 60 heard; 300", "60 Root")]
#[case("0 silenced; 10 acked; 20 SEV-1; 60 heard; 300", "60 Root, 60 Unacknowledged, 240 Still")]
// Who joins at once is company; who joins soon is told of a little later; what is not bad by itself is no news.
#[case("0 hits a SEV-2; 0 hits b SEV-2; 100", "0 Root")]
#[case("0 hits a SEV-2; 5 hits b SEV-2; 6 hits c SEV-2; 100", "0 Root, 30 Wider")]
#[case("0 hits a SEV-2; 5 hits b SEV-3; 100", "0 Root, 30 Changed")]
// A change is worth a line now and then.
#[case("0; 5 less; 100", "0 Root, 30 Changed")]
#[case("0; 5 less; 6 more; 100", "0 Root")]
#[case("0; 45 less; 50 more; 55 less; 56 more; 100", "0 Root, 45 Changed, 75 Changed")]
#[case("0 SEV-1; 5 less; 100", "0 Root, 15 Changed")]
#[case("0; 5 acked; 45 less; 100", "0 Root, 5 Acknowledged")]
// Nobody is called for what recovers or cannot be judged.
#[case("0; 10 well; 300", "0 Root")]
#[case("0; 10 well; 300 wrong; 301", "0 Root, 300 Still")]
#[case("0; 10 unseen; 300", "0 Root")]
// What is only recorded is told when it becomes bad.
#[case("0 SEV-3; 300; 301 SEV-2; 500", "301 Root, 481 Still")]
#[case("0 SEV-3, hits a SEV-2; 300", "")]
// What is silenced is told when that is over.
#[case("0 silenced; 300; 301 heard; 500", "301 Root, 481 Still")]
#[case("0; 10 silenced; 300 heard; 500", "0 Root, 10 Silenced, 300 SilenceOver, 480 Still")]
#[case("0; 10 silenced; 300 SEV-1; 301 heard; 500", "0 Root, 10 Silenced, 301 Worse, 481 Still")]
#[case("0; 10 acked; 20 silenced; 300 heard; 301", "0 Root, 10 Acknowledged, 20 Silenced")]
#[case("0; 10 silenced; 50 well; 60 heard; 61; 62; 65 wrong; 66", "0 Root, 10 Silenced, 65 SilenceOver")]
#[case("0; 10 silenced; 50 well; 60 heard; 70 resolved", "0 Root, 10 Silenced, 70 Resolved")]
#[case("0; 10 silenced; 40 SEV-1; 50 well; 60 heard; 61; 62; 65 wrong; 66", "0 Root, 10 Silenced, 65 Worse")]
// What is told by its cause is told by itself again when that is over.
#[case("0; 10 symptom; 300; 301 apart; 500", "0 Root, 10 Absorbed, 301 Released, 481 Still")]
#[case("0; 5 acked; 10 symptom; 300; 301 apart; 500", "0 Root, 5 Acknowledged, 10 Absorbed, 301 Released")]
// Reminders that were missed are one, and a new acknowledgement begins to count anew.
#[case("0; 10 acked; 20 unseen; 4000 seen; 4001; 4400", "0 Root, 10 Acknowledged, 4000 Reminder, 4330 Reminder")]
#[case(
    "0; 10 acked; 1500 unacked; 1510 acked; 2300",
    "0 Root, 10 Acknowledged, 730 Reminder, 1450 Reminder, 1500 Unacknowledged, 1510 Acknowledged, 2230 Reminder"
)]
// What joins a digest is news, also to whoever acknowledged it.
#[case("0 tells of a; 10 acked; 40 tells of b; 41", "0 Root, 10 Acknowledged, 40 Wider")]
fn people_hear_of_it_so_often(#[case] story: &str, #[case] heard: &str) {
    assert_eq!(told(story, &[]), heard);
}

#[rstest]
#[case("0; 100", "0 Root, 20 mention S1")]
#[case("0 owned; 100", "0 Root, 15 mention owner, 20 mention S1")]
#[case("0 SEV-1; 100", "0 Root, 20 mention S1, 40 pagerduty")]
// Whoever acknowledges in time is left alone, and what gets worse, or is not acknowledged any more, begins anew.
#[case("0; 19 acked; 100", "0 Root, 19 Acknowledged")]
#[case("0; 19 acked; 30 unacked; 100", "0 Root, 19 Acknowledged, 30 Unacknowledged, 50 mention S1")]
#[case("0; 30 SEV-1; 100", "0 Root, 20 mention S1, 30 Worse, 50 mention S1, 70 pagerduty")]
// A repetition is no news: nobody is called again.
#[case("0; 600", "0 Root, 20 mention S1, 180 Still, 540 Still")]
#[case("0; 10 well; 100", "0 Root")]
#[case("0; 10 silenced; 100; 200 heard; 300", "0 Root, 10 Silenced, 200 SilenceOver, 220 mention S1")]
#[case("0 SEV-3; 100", "")]
#[case("0 SEV-3; 10 acked; 30 SEV-1; 100", "30 Root, 30 Unacknowledged, 50 mention S1, 70 pagerduty")]
#[case("0 in a digest; 10 acked; 30 SEV-1, apart; 100", "30 Root, 30 Unacknowledged, 50 mention S1, 70 pagerduty")]
fn who_is_called_while_nobody_acknowledges(#[case] story: &str, #[case] heard: &str) {
    assert_eq!(told(story, &chain()), heard);
}

#[test]
fn who_is_hit_now_is_remembered_before_who_was() {
    let mut it = incident(Severity::Sev2);
    it.telling.announced = (0..MOST_ANNOUNCED).map(|n| format!("Deployment a/{n}")).collect();
    apply(&mut it, "hits z SEV-2", 0);
    let after = it.telling.news(&it, at(1));
    assert_eq!(after.announced.len(), MOST_ANNOUNCED);
    assert!(hit(&it).is_subset(&after.announced), "it would be told again and again");
}
