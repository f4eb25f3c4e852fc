//! The truth table of what must be said, and the rows it makes.

use std::sync::Arc;

use jiff::SignedDuration;
use rstest::rstest;

use super::*;
use crate::clock::Now;
use crate::{
    alerts::testing::{at, incident, owner},
    findings::ConditionClass,
    incidents::{Acknowledgement, IncidentId, Resolution, Silence, Silenced, Status},
};

/// The incident these words tell of, after what it was `before`: a severity, then what else there is to say of it.
fn the(words: &str, before: Option<&Incident>) -> Option<Incident> {
    if words == "nothing" {
        return None;
    }
    let mut it = incident(Severity::Sev2);
    let (mut was, mut once) = (None, None);
    for word in words.split(", ") {
        match word {
            "acknowledged" => it.acknowledged = Some(acknowledged("ana")),
            "recovering" => it.healthy_since = Some(at(5)),
            "frozen" => it.frozen = Some("pods cannot be read".into()),
            "a symptom" => {
                (it.parent, it.symptom_of) = (Some(IncidentId("INC-7".into())), Some(owner("Node", "", "n1")));
            }
            "a symptom of another" => {
                (it.parent, it.symptom_of) = (Some(IncidentId("INC-8".into())), Some(owner("Node", "", "n2")));
            }
            "in a digest" => {
                it.parent = Some(IncidentId("INC-9".into()));
                it.symptom_of = Some(owner(crate::incidents::digest::STORM, "", "production"));
            }
            "a symptom of what is not told yet" => it.symptom_of = Some(owner("Node", "", "n1")),
            "silenced" => it.silenced = Some(silence()),
            "repeated" => it.telling.repeats = 1,
            "wider" => it.telling.widened = 1,
            "reminded" => it.telling.reminders = 1,
            "changed" => it.telling.changes = 1,
            "heard again" => it.telling.heard_again = 1,
            "reopened" => it.reopened = 1,
            "reopened again" => it.reopened = 2,
            "resolved" => {
                it.status = Status::Resolved;
                it.resolution =
                    Some(Resolution { at: at(10), reason: "2 of 2 replicas ready for 5 min".into(), by: None });
            }
            "another cause" => {
                it.findings.values_mut().for_each(|f| Arc::make_mut(f).message = "it is killed by its probe".into());
            }
            "another finding" => {
                let stuck = crate::alerts::testing::finding(ConditionClass::RolloutStuck, "the rollout is stuck");
                it.findings.insert(stuck.class, stuck.into());
            }
            "fewer replicas" => it.impact.ready = Some(0),
            "fresh evidence" => {
                it.findings.values_mut().for_each(|f| Arc::make_mut(f).evidence[0].text = "exit code 2".into());
            }
            "seen later" => it.updated_at = at(20),
            _ => match word.split_once(' ') {
                Some(("was", severity)) => was = Some(severity_of(severity)),
                Some(("once", severity)) => once = Some(severity_of(severity)),
                _ => it.severity = severity_of(word),
            },
        }
    }
    let same_opening = before.filter(|b| b.reopened == it.reopened);
    it.peak = was.or(same_opening.map(|b| b.peak)).map_or(it.severity, |peak| peak.min(it.severity));
    it.worst = once.or(before.map(|b| b.worst)).map_or(it.peak, |worst| worst.min(it.peak));
    if it.is_in_digest() {
        // Of a part of a digest nothing was said by itself.
        (it.peak, it.worst) = (Severity::Sev4, Severity::Sev4);
    }
    Some(it)
}

fn severity_of(word: &str) -> Severity {
    match word {
        "SEV-1" => Severity::Sev1,
        "SEV-2" => Severity::Sev2,
        "SEV-3" => Severity::Sev3,
        "SEV-4" => Severity::Sev4,
        other => panic!("{other:?} is no word of this table"),
    }
}

fn silence() -> Silence {
    let of = Silenced::Namespace("shop".into());
    Silence { id: 1, of, by: "ana".into(), reason: "we move it".into(), at: at(3), until: at(60) }
}

fn acknowledged(by: &str) -> Acknowledgement {
    Acknowledgement { by: by.into(), at: at(3), note: String::new() }
}

#[rstest]
// What is only recorded is never said.
#[case("nothing", "SEV-3", "silence")]
#[case("nothing", "SEV-4", "silence")]
#[case("SEV-3", "SEV-4", "silence")]
#[case("SEV-4", "SEV-3", "silence")]
#[case("SEV-3", "SEV-3, acknowledged", "silence")]
#[case("SEV-3", "SEV-3, recovering", "silence")]
#[case("SEV-3", "SEV-3, resolved", "silence")]
#[case("SEV-3, resolved", "SEV-3, reopened", "silence")]
// It is said once, when it is bad enough, however it came to be.
#[case("nothing", "SEV-1", "post")]
#[case("nothing", "SEV-2", "post")]
#[case("SEV-3", "SEV-2", "post")]
#[case("SEV-4", "SEV-1", "post")]
#[case("SEV-3, acknowledged", "SEV-2, acknowledged", "post")]
#[case("SEV-3, acknowledged", "SEV-2", "post, say that nobody takes care of it")]
#[case("SEV-2, in a digest, acknowledged", "SEV-1", "post, say that nobody takes care of it")]
#[case("SEV-2, in a digest, acknowledged", "SEV-2, acknowledged", "post")]
#[case("SEV-3, frozen", "SEV-2", "post")]
#[case("SEV-3, resolved", "SEV-1, reopened", "post")]
// As long as people would see the same, nothing more is said.
#[case("SEV-2", "SEV-2", "silence")]
#[case("SEV-2", "SEV-2, fresh evidence", "silence")]
#[case("SEV-2", "SEV-2, seen later", "silence")]
#[case("SEV-2, acknowledged", "SEV-2, acknowledged", "silence")]
#[case("SEV-2, resolved", "SEV-2, resolved", "silence")]
// What they would see differently is edited; that notifies nobody.
#[case("SEV-2", "SEV-2, another cause", "edit")]
#[case("SEV-2", "SEV-2, another finding", "edit")]
#[case("SEV-2", "SEV-2, fewer replicas", "edit")]
#[case("SEV-2", "SEV-2, frozen", "edit")]
#[case("SEV-2, frozen", "SEV-2", "edit")]
#[case("SEV-2", "SEV-2, recovering", "edit")]
#[case("SEV-2, recovering", "SEV-2", "edit")]
#[case("SEV-2, acknowledged", "SEV-2, acknowledged, another cause", "edit")]
// Worse than ever since it opened is news, once; less bad, and as bad as it was before, is not.
#[case("SEV-2", "SEV-1", "edit, say that it is worse")]
#[case("SEV-1", "SEV-2", "edit")]
#[case("SEV-1", "SEV-3", "edit")]
#[case("SEV-2, was SEV-1", "SEV-1", "edit")]
#[case("SEV-3, was SEV-2", "SEV-2", "edit")]
#[case("SEV-3, was SEV-2", "SEV-1", "edit, say that it is worse")]
#[case("SEV-2, recovering", "SEV-1", "edit, say that it is worse")]
#[case("SEV-2, frozen", "SEV-1, frozen", "edit, say that it is worse")]
// Who takes care of it is said once, and what gets worse in spite of it is said again.
#[case("SEV-2", "SEV-2, acknowledged", "edit, say who acknowledged")]
#[case("SEV-2, acknowledged", "SEV-1, acknowledged", "edit, say that it is worse")]
#[case("SEV-1, acknowledged", "SEV-2, acknowledged", "edit")]
#[case("SEV-2, acknowledged", "SEV-2", "edit, say that nobody takes care of it")]
#[case("SEV-2, acknowledged", "SEV-1", "edit, say that it is worse")]
#[case("SEV-2, acknowledged", "SEV-2, wider", "edit, say that more are hit")]
#[case("SEV-2, acknowledged", "SEV-2, acknowledged, reminded", "edit, remind")]
#[case("SEV-2, acknowledged, reminded", "SEV-2, acknowledged, reminded", "silence")]
#[case("SEV-3, acknowledged", "SEV-3", "silence")]
// Nobody hears of it for a while: it is told again after a pause; of a change between only its thread tells.
#[case("SEV-2", "SEV-2, repeated", "edit, say that it is still wrong")]
#[case("SEV-2, repeated", "SEV-2, repeated", "silence")]
#[case("SEV-2, repeated", "SEV-2", "silence")]
#[case("SEV-2", "SEV-2, wider", "edit, say that more are hit")]
#[case("SEV-2", "SEV-2, changed, another cause", "edit, say what is now")]
#[case("SEV-2", "SEV-1, wider, repeated, changed", "edit, say that it is worse")]
#[case("SEV-2", "SEV-2, wider, repeated, changed", "edit, say that more are hit")]
#[case("SEV-2", "SEV-2, repeated, changed", "edit, say that it is still wrong")]
#[case("SEV-1", "SEV-3, repeated", "edit")]
#[case("SEV-2, a symptom", "SEV-2, a symptom, repeated", "silence")]
// What is silenced is not told; what was told before says so, and ends as ever. When the time is over it is told.
#[case("nothing", "SEV-1, silenced", "silence")]
#[case("SEV-3", "SEV-1, silenced", "silence")]
#[case("SEV-3, silenced, once SEV-4", "SEV-2, once SEV-4", "post")]
#[case("SEV-2", "SEV-2, silenced", "edit, say that it is silenced")]
#[case("SEV-2, silenced", "SEV-2, silenced", "silence")]
#[case("SEV-2, silenced", "SEV-1, silenced, was SEV-2", "edit")]
#[case("SEV-2, silenced", "SEV-2, silenced, wider, repeated, changed", "silence")]
#[case("SEV-2, silenced", "SEV-2, silenced, acknowledged", "edit, say who acknowledged")]
#[case("SEV-2, silenced", "SEV-2, heard again", "edit, say that the silence is over")]
#[case("SEV-2, silenced", "SEV-2, acknowledged", "edit, say who acknowledged")]
#[case("SEV-2, recovering", "SEV-2, heard again", "edit, say that the silence is over")]
#[case("SEV-2, silenced, recovering", "SEV-1, recovering, was SEV-2", "edit")]
#[case("SEV-2, silenced", "SEV-1", "edit, say that it is worse")]
#[case("SEV-2, silenced", "SEV-2, recovering", "edit")]
#[case("SEV-2, silenced", "SEV-3", "edit")]
#[case("SEV-2, silenced, recovering", "SEV-2, resolved", "edit, say that it is resolved")]
#[case("SEV-2, resolved", "SEV-2, reopened, silenced", "edit, say that it is back, say that it is silenced")]
// It ends once.
#[case("SEV-2, recovering", "SEV-2, resolved", "edit, say that it is resolved")]
#[case("SEV-2, recovering, acknowledged", "SEV-2, resolved, acknowledged", "edit, say that it is resolved")]
#[case("SEV-3, was SEV-1, recovering", "SEV-3, resolved", "edit, say that it is resolved")]
// It comes back in its own thread, and from then on it is measured anew.
#[case("SEV-2, resolved", "SEV-2, reopened", "edit, say that it is back")]
#[case("SEV-2, resolved", "SEV-1, reopened", "edit, say that it is back")]
#[case("SEV-1, resolved", "SEV-3, reopened", "edit, say that it is back")]
#[case("SEV-2, reopened, resolved", "SEV-2, reopened again", "edit, say that it is back")]
#[case("SEV-2, acknowledged, resolved", "SEV-2, reopened", "edit, say that it is back")]
#[case("SEV-3, once SEV-1, reopened", "SEV-2, reopened", "edit, say that it is worse")]
#[case("SEV-2, once SEV-1, reopened", "SEV-1, reopened", "edit, say that it is worse")]
// A symptom is told by its cause; what was said of it before says where it belongs, and ends without a word.
#[case("nothing", "SEV-1, a symptom", "silence")]
#[case("SEV-3", "SEV-2, a symptom", "silence")]
#[case("SEV-3", "SEV-2, a symptom of what is not told yet", "silence")]
#[case("SEV-2", "SEV-2, a symptom", "edit, say whose part it is")]
#[case("SEV-2, acknowledged", "SEV-1, acknowledged, a symptom", "edit, say whose part it is")]
#[case("SEV-2, a symptom", "SEV-1, a symptom", "silence")]
#[case("SEV-2, a symptom", "SEV-2, a symptom, another cause", "silence")]
#[case("SEV-2, a symptom", "SEV-2, a symptom, recovering", "silence")]
#[case("SEV-2, a symptom", "SEV-2, a symptom of another", "edit")]
#[case("SEV-2, a symptom", "SEV-2, a symptom, acknowledged", "edit")]
#[case("SEV-2, a symptom", "SEV-2, a symptom, resolved", "edit")]
#[case("SEV-2, a symptom", "SEV-2, resolved", "edit")]
#[case("SEV-2, a symptom", "SEV-2", "edit, say that it is not over")]
#[case("SEV-2, a symptom", "SEV-1", "edit, say that it is not over")]
#[case("SEV-3, a symptom", "SEV-2", "post")]
#[case("SEV-2, a symptom, resolved", "SEV-2, reopened", "edit, say that it is back")]
fn after_this_comes_that_and_people_hear(#[case] before: &str, #[case] now: &str, #[case] heard: &str) {
    let before = the(before, None);
    let now = the(now, before.as_ref()).unwrap();
    let word = |alert: &Alert| match alert {
        Alert::Root => "post",
        Alert::Edit => "edit",
        Alert::Note(Note::Worse) => "say that it is worse",
        Alert::Note(Note::Reopened) => "say that it is back",
        Alert::Note(Note::Acknowledged) => "say who acknowledged",
        Alert::Note(Note::Unacknowledged) => "say that nobody takes care of it",
        Alert::Note(Note::Wider) => "say that more are hit",
        Alert::Note(Note::Still) => "say that it is still wrong",
        Alert::Note(Note::Changed) => "say what is now",
        Alert::Note(Note::Reminder) => "remind",
        Alert::Note(Note::Silenced) => "say that it is silenced",
        Alert::Note(Note::SilenceOver) => "say that the silence is over",
        Alert::Note(Note::Resolved) => "say that it is resolved",
        Alert::Note(Note::Absorbed) => "say whose part it is",
        Alert::Note(Note::Released) => "say that it is not over",
    };
    let alerts = needs_update(before.as_ref(), &now);
    let said =
        if alerts.is_empty() { "silence".to_owned() } else { alerts.iter().map(word).collect::<Vec<_>>().join(", ") };
    assert_eq!(said, heard);
}

/// The rows in a few words, in the order in which they are sent.
fn rows(before: &str, now: &str, channels: &Channels) -> String {
    let before = the(before, None);
    let now = the(now, before.as_ref()).unwrap();
    let times = Times { now: Now::utc(at(30)), cluster: "production", is_one_of_many: false };
    let rows = say(before.as_ref(), &now, channels, &times);
    let word = |row: &Outgoing| match row {
        Outgoing::Post { channel, .. } => format!("posted in {channel}"),
        Outgoing::Edit { channel, .. } => format!("edited in {channel}"),
        Outgoing::Reply { channel, broadcast: true, .. } => format!("replied aloud in {channel}"),
        Outgoing::Reply { channel, broadcast: false, .. } => format!("replied in {channel}"),
        Outgoing::ReplyTo { .. } | Outgoing::Respond { .. } => "an answer".to_owned(),
        Outgoing::Webhook { .. } | Outgoing::PagerDuty { .. } => "a call".to_owned(),
    };
    rows.iter().map(word).collect::<Vec<_>>().join("; ")
}

#[rstest]
#[case("nothing", "SEV-2", "posted in alerts")]
#[case("nothing", "SEV-1", "posted in pager; posted in alerts")]
#[case("nothing", "SEV-3", "")]
#[case("SEV-3, acknowledged", "SEV-2", "posted in alerts; replied in alerts")]
// The channel of the worst hears of it when it becomes the worst; where it was said it goes on.
#[case("SEV-2", "SEV-1", "posted in pager; edited in alerts; replied aloud in alerts")]
#[case("SEV-1", "SEV-2", "edited in pager; edited in alerts")]
#[case("SEV-2, was SEV-1", "SEV-1", "edited in pager; edited in alerts")]
// Only what somebody must know now is shown in the channel besides the thread.
#[case("SEV-2", "SEV-2, acknowledged", "edited in alerts; replied in alerts")]
#[case("SEV-2", "SEV-2, resolved", "edited in alerts; replied in alerts")]
#[case("SEV-2", "SEV-2, repeated", "edited in alerts; replied aloud in alerts")]
#[case("SEV-2", "SEV-2, wider", "edited in alerts; replied aloud in alerts")]
#[case("SEV-2", "SEV-2, changed, another cause", "edited in alerts; replied in alerts")]
#[case("SEV-2, acknowledged", "SEV-2, acknowledged, reminded", "edited in alerts; replied in alerts")]
#[case("SEV-2, acknowledged", "SEV-2", "edited in alerts; replied in alerts")]
#[case("SEV-2", "SEV-2, silenced", "edited in alerts; replied in alerts")]
#[case("SEV-2, silenced", "SEV-2, heard again", "edited in alerts; replied aloud in alerts")]
#[case("SEV-2, acknowledged, a symptom", "SEV-2, acknowledged", "edited in alerts; replied in alerts")]
#[case("SEV-2, resolved", "SEV-2, reopened, silenced", "edited in alerts; replied in alerts; replied in alerts")]
#[case("SEV-2, resolved", "SEV-2, reopened", "edited in alerts; replied aloud in alerts")]
#[case("SEV-2, resolved", "SEV-3, reopened", "edited in alerts; replied in alerts")]
#[case("SEV-2, resolved", "SEV-1, reopened", "posted in pager; edited in alerts; replied aloud in alerts")]
#[case("SEV-2", "SEV-2, another cause", "edited in alerts")]
#[case("SEV-2", "SEV-2, a symptom", "edited in alerts; replied in alerts")]
#[case("SEV-2, a symptom", "SEV-2", "edited in alerts; replied aloud in alerts")]
#[case("SEV-2", "SEV-2", "")]
fn each_channel_hears_what_is_meant_for_it(#[case] before: &str, #[case] now: &str, #[case] said: &str) {
    let channels = Channels {
        sev1: vec!["pager".into()],
        sev2: vec!["alerts".into()],
        sev3: vec!["quiet".into()],
        of_escalation: Vec::new(),
    };
    assert_eq!(rows(before, now, &channels), said);
}

#[rstest]
#[case("nothing", "SEV-1", "posted in alerts")]
#[case("SEV-2", "SEV-1", "edited in alerts; replied aloud in alerts")]
#[case("SEV-1", "SEV-1, resolved", "edited in alerts; replied in alerts")]
fn a_channel_that_is_named_twice_hears_it_once(#[case] before: &str, #[case] now: &str, #[case] said: &str) {
    assert_eq!(rows(before, now, &Channels::one("alerts")), said);
}

#[test]
fn a_reply_says_only_what_is_new_and_an_edit_says_everything() {
    let before = incident(Severity::Sev2);
    let now = Incident { severity: Severity::Sev1, worst: Severity::Sev1, peak: Severity::Sev1, ..before.clone() };
    let times = Times { now: Now::utc(at(1)), cluster: "production", is_one_of_many: false };
    let rows = say(Some(&before), &now, &Channels::one("C1"), &times);
    assert_eq!(
        rows,
        [
            Outgoing::Edit { channel: "C1".into(), message: root(&now, &times) },
            Outgoing::Reply {
                channel: "C1".into(),
                message: note(Note::Worse, Some(&before), &now, &times),
                broadcast: true,
                word: Word::News
            },
        ]
    );
}

#[test]
fn the_same_step_said_at_another_time_of_the_day_is_the_same() {
    let before = incident(Severity::Sev2);
    assert_eq!(
        needs_update(Some(&before), &Incident { updated_at: at(0) + SignedDuration::from_hours(9), ..before.clone() }),
        []
    );
}
