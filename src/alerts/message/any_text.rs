//! Whatever the cluster and people write: the messages of an incident stay within Slack's limits, and it stays text.

use std::sync::Arc;

use proptest::{prelude::*, test_runner::TestCaseError};

use super::*;
use crate::{
    alerts::testing::{at, finding, incident},
    findings::{ConditionClass, Evidence, LogLines, LogOf, ServiceHit},
    incidents::{Acknowledgement, Hit, Hits, IncidentId, Member, MemberState, Resolution, Severity, Status, digest},
    sandbox::slack::blocks,
};

/// Text of somebody who wants to be more than text. What is meant to begin a line follows a letter.
pub(crate) fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("a<!channel>".to_owned()),
        Just("a<@U1>".to_owned()),
        Just("a<https://evil.example|kubectl>".to_owned()),
        Just("a&lt;&amp;&".to_owned()),
        Just("a```\n```".to_owned()),
        Just("a``".to_owned()),
        Just("a`".to_owned()),
        Just("a\nFORGED".to_owned()),
        Just("a\r\n\u{2028}FORGED".to_owned()),
        Just("a\u{202e}\u{2066}\u{200f}\u{feff}\u{1b}[31m\u{0}\u{7}".to_owned()),
        Just("a@channel @here @everyone".to_owned()),
        Just("a*b*_c_~d~".to_owned()),
        Just("a🔥👩‍👩‍👧".to_owned()),
        "a.{0,40}",
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

prop_compose! {
    pub(crate) fn any_incident()(
        texts in proptest::collection::vec(hostile(), 18),
        severity in prop_oneof![Just(Severity::Sev1), Just(Severity::Sev2), Just(Severity::Sev3)],
        life in 0..5,
        others in 0..5_usize,
        longest in 0..18_usize,
    ) -> Incident {
        let mut texts = texts;
        texts[longest] = texts[longest].repeat(20_000).chars().take(100_000).collect();
        let mut texts = texts.into_iter();
        let mut next = || texts.next().unwrap();
        let mut it = incident(severity);
        // Its name is the store's own; what others write never gets there.
        it.id = IncidentId("INC-2026-11-24-001".to_owned());
        it.why = next();
        (it.owner.namespace, it.owner.name, it.owner.kind) = (next().into(), next().into(), next().into());
        let mut first = finding(ConditionClass::Crash, &next());
        (first.reason, first.recommendation) = (next(), next());
        first.evidence = vec![Evidence { source: next(), text: next(), at: None }; 2];
        let first = Arc::new(first);
        let of = LogOf { namespace: next(), pod: next(), container: next(), previous: life > 2 };
        it.log = LogLines::kept(of, &next());
        it.impact.services =
            vec![ServiceHit { namespace: next(), name: next(), ready_endpoints: 0, endpoints: 3 }; 4];
        let hit = Hit {
            owner: it.owner.clone(),
            stake: Arc::default(),
            classes: vec![ConditionClass::Crash],
            impact: it.impact.clone(),
            since: at(0),
            outage: None,
            severity,
        };
        it.hits = Hits { all: 9, unserved: 3, named: vec![hit; others] };
        let member = Member {
            id: it.id.clone(),
            owner: it.owner.clone(),
            severity,
            headline: it.why.clone(),
            since: at(0),
            state: MemberState::Open,
        };
        it.members = vec![member; others];
        if life == 4 {
            it.impact = crate::findings::Impact::default();
        }
        let also = [ConditionClass::Evicted, ConditionClass::JobFailed, ConditionClass::NotReady, ConditionClass::RolloutStuck];
        it.findings = also.into_iter().take(others).map(|class| (class, Arc::clone(&first))).collect();
        it.findings.insert(first.class, first);
        let (by, note) = (next(), next());
        if life >= 1 {
            it.frozen = Some(note.clone());
            it.parent = Some(IncidentId(note.clone()));
            it.symptom_of = Some(it.owner.clone());
            it.acknowledged = Some(Acknowledgement { by, at: at(1), note: note.clone() });
            it.reopened = 3;
        }
        if life >= 2 {
            it.healthy_since = Some(at(4));
        }
        if life == 3 {
            it.status = Status::Resolved;
            it.resolution = Some(Resolution { at: at(9), reason: note, by: None });
        }
        it
    }
}

/// Characters that turn the direction of writing, break lines or are not seen.
const HIDDEN: [char; 5] = ['\u{202e}', '\u{2066}', '\u{200f}', '\u{feff}', '\u{2028}'];

/// All text of a message that Slack reads as its markup.
fn markup(message: &Message) -> Vec<String> {
    let of = |v: &serde_json::Value| v["text"].as_str().map(str::to_owned);
    let mut all = vec![message.text.clone()];
    for block in &message.blocks {
        all.extend(of(&block["text"]));
        all.extend(block["elements"].as_array().into_iter().flatten().filter_map(of));
    }
    all
}

/// Fails unless a message is within Slack's limits and what others wrote in it is only text.
pub(crate) fn stays_text(message: &Message) -> Result<(), TestCaseError> {
    prop_assert_eq!(blocks::faults_of(&message.blocks, "/blocks"), Vec::<String>::new());
    let size = blocks::text_size(&serde_json::json!(message.blocks));
    prop_assert!(size + message.text.chars().count() <= blocks::MESSAGE_TEXT);
    prop_assert!(!message.text.is_empty() && message.text.chars().count() <= 3000);
    prop_assert!(!message.text.contains('\n') || message.colour.is_none());
    for text in markup(message) {
        prop_assert!(!text.contains(['<', '>']), "a mention or a link: {}", text);
        let entities = ["&amp;", "&lt;", "&gt;"];
        for (at, _) in text.match_indices('&') {
            prop_assert!(entities.iter().any(|e| text[at..].starts_with(e)), "an open entity: {}", text);
        }
        prop_assert!(["@channel", "@here", "@everyone"].iter().all(|loud| !text.contains(loud)));
        prop_assert_eq!(text.matches("```").count() % 2, 0, "an open fence: {}", text);
        prop_assert!(!text.lines().any(|line| line.trim_start().starts_with("FORGED")), "a forged line: {}", text);
        let is_safe = |c: char| (!c.is_control() || c == '\n') && !HIDDEN.contains(&c);
        prop_assert!(text.chars().all(is_safe), "a character that steers: {:?}", text);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn whatever_is_written_stays_text_within_the_limits(it in any_incident()) {
        let times = Times { now: Now::utc(at(30)), cluster: "production", is_one_of_many: false };
        let notes =
            [Note::Worse, Note::Reopened, Note::Acknowledged, Note::Resolved, Note::Absorbed, Note::Released];
        let storm = Incident { owner: digest::owner(digest::STORM, &it.owner.name), ..it.clone() };
        let all = [root(&it, &times), root(&storm, &times)].into_iter().chain(notes.map(|what| note(what, Some(&it), &it, &times)));
        for message in all {
            stays_text(&message)?;
        }
    }
}
