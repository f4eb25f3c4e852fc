//! An incident beside its cause, and in a digest.

use super::*;
use crate::incidents::digest;

fn node() -> ObjectRef {
    ObjectRef { kind: Cow::Borrowed("Node"), namespace: String::new().into(), name: "n1".into() }
}

fn its_incident() -> IncidentId {
    IncidentId("INC-2026-11-24-007".into())
}

#[test]
fn what_a_cause_explains_opens_nothing_until_it_was_released_for_long_enough() {
    let mut story = Story { cause: Some((node(), 0, None)), ..Story::default() };
    assert_eq!(story.then(1, &[crash(0)]), None);
    (story.cause, story.was_released) = (None, true);
    assert_eq!(story.then(2, &[crash(0)]), None);
    story.was_released = false;
    assert!(story.then(3, &[crash(0)]).is_some());
}

#[test]
fn a_cause_found_later_absorbs_and_lets_go_of_what_is_still_wrong() {
    let mut story = Story { priority: Some(Priority::P0), ..Story::default() };
    let alone = story.then(1, &[crash(1)]).unwrap();
    story.cause = Some((node(), 0, None));
    assert!(story.then(2, &[crash(1)]).unwrap().looks_like(&alone), "its cause is told of first");
    story.cause = Some((node(), 0, Some(its_incident())));
    let symptom = story.then(3, &[crash(0)]).unwrap();
    assert_eq!((&symptom.parent, &symptom.symptom_of), (&Some(its_incident()), &Some(node())));
    let worse = story.then(9, &[crash(0)]).unwrap();
    assert_eq!((worse.severity, worse.peak), (Severity::Sev1, Severity::Sev2), "the cause tells of it");

    (story.cause, story.was_released) = (None, true);
    assert_eq!(story.then(10, &[crash(0)]).unwrap().parent, Some(its_incident()));
    story.was_released = false;
    let own = story.then(11, &[crash(0)]).unwrap();
    assert_eq!((own.parent, own.symptom_of, own.peak), (None, None, Severity::Sev1));
}

#[test]
fn a_symptom_that_heals_ends_where_it_belongs() {
    let mut story = Story { impact: Some(impact(2, 2)), ..Story::default() };
    story.then(1, &[crash(1)]);
    story.cause = Some((node(), 0, Some(its_incident())));
    story.then(2, &[crash(1)]);
    story.cause = None;
    story.then(3, &[well("crash")]);
    let over = story.then(8, &[well("crash")]).unwrap();
    assert_eq!((over.status, over.parent), (Status::Resolved, Some(its_incident())));
}

#[test]
fn what_was_wrong_long_before_a_cause_is_not_its_symptom() {
    let mut story = Story::default();
    story.then(1, &[crash(1)]);
    story.cause = Some((node(), 30, Some(its_incident())));
    assert_eq!(story.then(31, &[crash(1)]).unwrap().parent, None);
}

#[test]
fn a_cause_is_as_bad_as_what_it_hits_and_is_due_when_that_gets_worse() {
    let hit = Hit {
        owner: owner(),
        stake: Arc::new(Stake::of(Some(Priority::P0))),
        classes: vec![ConditionClass::ReplicasMissing],
        impact: impact(0, 2),
        since: at(5),
        outage: None,
        severity: Severity::Sev4,
    };
    let mut story = Story { of: Some(node()), hits: vec![hit], ..Story::default() };
    let down = says("node", Verdict::Wrong(Arc::new(finding("node", ConditionClass::NodeDown, 0))));
    let opened = story.then(5, std::slice::from_ref(&down)).unwrap();
    assert_eq!(
        (opened.severity, due(Some(&opened), &[], (&Policy::default(), Habits::default()), at(5))),
        (Severity::Sev2, Some(at(6)))
    );
    let worse = story.then(6, std::slice::from_ref(&down)).unwrap();
    assert_eq!((worse.severity, worse.hits.all, worse.hits.unserved), (Severity::Sev1, 1, 1));
    story.hits.clear();
    let back = story.then(7, &[well("node")]).unwrap();
    assert_eq!(back.hits.all, 1, "whom it hit stays readable while it recovers");
}

#[test]
fn in_a_storm_a_digest_tells_of_what_would_be_said_for_the_first_time() {
    let many = digest::owner(digest::STORM, "production");
    let mut story =
        Story { priority: Some(Priority::P0), digest: Some((many.clone(), its_incident())), ..Story::default() };
    let told = story.then(1, &[crash(1)]).unwrap();
    assert_eq!((&told.parent, &told.symptom_of, told.worst), (&Some(its_incident()), &Some(many), Severity::Sev4));
    story.digest = None;
    story.then(2, &[crash(1)]);
    let worse = story.then(3, &[crash(0)]).unwrap();
    assert!(worse.is_in_digest(), "nothing is ready, but not for a minute");
    let alone = story.then(4, &[crash(0)]).unwrap();
    assert_eq!((alone.severity, alone.is_in_digest(), alone.worst), (Severity::Sev1, false, Severity::Sev1));
}

#[test]
fn what_was_said_before_a_storm_and_what_is_only_recorded_is_in_no_digest() {
    let mut story = Story { priority: Some(Priority::P0), ..Story::default() };
    story.then(1, &[crash(1)]);
    story.digest = Some((digest::owner(digest::STORM, "production"), its_incident()));
    assert_eq!(story.then(2, &[crash(1), stuck()]).unwrap().parent, None);
    let mut recorded = Story { digest: story.digest.clone(), ..Story::default() };
    assert_eq!(recorded.then(1, &[crash(1)]).unwrap().parent, None);
    recorded.then(2, &[crash(0)]);
    assert_eq!(recorded.then(3, &[crash(0)]).unwrap().parent, Some(its_incident()));
}

#[test]
fn what_nobody_heard_of_yet_waits_until_its_cause_is_told() {
    let mut story = Story::default();
    assert_eq!(story.then(1, &[crash(1)]).unwrap().severity, Severity::Sev3);
    story.cause = Some((node(), 0, None));
    story.then(2, &[crash(0)]);
    let waits = story.then(3, &[crash(0)]).unwrap();
    assert_eq!((waits.severity, waits.worst, waits.symptom_of), (Severity::Sev2, Severity::Sev3, Some(node())));
    story.cause = None;
    let told = story.then(4, &[crash(0)]).unwrap();
    assert_eq!((told.worst, told.symptom_of), (Severity::Sev2, None));
}
