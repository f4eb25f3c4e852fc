//! Tests of the step of an incident, told as stories of one owner.

use std::borrow::Cow;

use super::*;
use crate::{
    findings::{Evidence, Level},
    incidents::Priority,
};

fn at(minute: i64) -> Timestamp {
    "2026-11-24T14:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minute)
}

fn owner() -> ObjectRef {
    ObjectRef { kind: Cow::Borrowed("Deployment"), namespace: "shop".into(), name: "api".into() }
}

fn impact(ready: i32, desired: i32) -> Impact {
    Impact { ready: Some(ready), desired: Some(desired), ..Impact::default() }
}

fn finding(check: &'static str, class: ConditionClass, ready: i32) -> Finding {
    Finding {
        check: Cow::Borrowed(check),
        owner: owner(),
        objects: Vec::new(),
        class,
        reason: format!("{class:?}"),
        message: format!("it is {class:?}"),
        since: at(0),
        severity: Level::High,
        impact: impact(ready, 2),
        evidence: vec![Evidence { source: "Pod shop/api-1".into(), text: "exit 1".into(), at: None }],
        recommendation: "look".into(),
        cause: None,
        log: None,
        grace: jiff::SignedDuration::ZERO,
    }
}

/// Check `crash` says this, check `rollout` that.
fn says(check: &'static str, verdict: Verdict) -> Judgement {
    Judgement { check, owner: owner(), verdict }
}
fn crash(ready: i32) -> Judgement {
    says("crash", Verdict::Wrong(Arc::new(finding("crash", ConditionClass::Crash, ready))))
}
fn stuck() -> Judgement {
    says("rollout", Verdict::Wrong(Arc::new(finding("rollout", ConditionClass::RolloutStuck, 1))))
}
fn well(check: &'static str) -> Judgement {
    says(check, Verdict::Healthy)
}
fn blind(check: &'static str) -> Judgement {
    says(check, Verdict::Unknown("pods are forbidden".into()))
}
fn pending(check: &'static str, due: Timestamp) -> Judgement {
    says(check, Verdict::Pending(Arc::new(finding(check, ConditionClass::Crash, 1)), due))
}

/// Plays one owner's life.
#[derive(Default)]
struct Story {
    /// Another owner than the Deployment.
    of: Option<ObjectRef>,
    incident: Option<Incident>,
    last: Option<Incident>,
    impact: Option<Impact>,
    priority: Option<Priority>,
    /// Its cause, the minute since when that is wrong, and the number of its incident if that is open.
    cause: Option<(ObjectRef, i64, Option<IncidentId>)>,
    was_released: bool,
    hits: Vec<Hit>,
    digest: Option<(ObjectRef, IncidentId)>,
    silences: Vec<Silence>,
}

impl Story {
    fn then(&mut self, minute: i64, judgements: &[Judgement]) -> Option<Incident> {
        let cluster = ClusterId("c1".into());
        let owner = self.of.clone().unwrap_or_else(owner);
        let standing = match &self.cause {
            Some((cause, since, incident)) => {
                Standing::Symptom { cause, since: at(*since), incident: incident.as_ref() }
            }
            None if self.was_released => Standing::Released,
            None => Standing::Alone,
        };
        let (stake, policy) = (Arc::new(Stake::of(self.priority)), Policy::default());
        let step_in = Step {
            cluster: &cluster,
            owner: &owner,
            judgements,
            impact: self.impact.as_ref(),
            stake: &stake,
            policy: &policy,
            beside: &[],
            silences: &self.silences,
            habits: Habits { reminds_after: Some(SignedDuration::from_hours(12)), escalation: &[] },
            standing,
            hits: &self.hits,
            members: &[],
            digest: self.digest.as_ref().map(|(owner, incident)| Digest { owner, incident }),
            last: self.last.as_ref(),
            changed: None,
            past: &[],
            zone: &jiff::tz::TimeZone::UTC,
            now: at(minute),
        };
        self.incident = step(self.incident.as_ref(), &step_in);
        self.incident.clone()
    }

    fn resolved(&mut self, minute: i64) -> Incident {
        self.then(minute, &[crash(1)]);
        self.then(minute + 1, &[well("crash")]);
        let over = self.then(minute + 61, &[well("crash")]).unwrap();
        assert_eq!(over.status, Status::Resolved);
        self.incident = None;
        self.last = Some(over.clone());
        over
    }
}

#[test]
fn pending_healthy_and_unknown_open_nothing() {
    let mut story = Story::default();
    assert_eq!(story.then(0, &[pending("crash", at(1)), well("rollout"), blind("image")]), None);
    assert_eq!(story.then(0, &[]), None);
}

#[test]
fn a_wrong_verdict_opens_and_another_grows_the_same_incident() {
    let mut story = Story::default();
    let opened = story.then(3, &[stuck(), well("crash")]).unwrap();
    assert_eq!((opened.status, opened.since, opened.opened_at), (Status::Open, at(0), at(3)));
    assert_eq!(
        (opened.severity, opened.why.as_str()),
        (Severity::Sev3, "unlisted workload: the rollout is stuck, the old pods serve")
    );
    let grown = story.then(4, &[stuck(), crash(0)]).unwrap();
    assert_eq!(grown.findings.len(), 2);
    assert_eq!(grown.headline().unwrap().class, ConditionClass::Crash);
    assert_eq!((grown.opened_at, grown.updated_at), (at(3), at(4)));
}

#[test]
fn fresh_evidence_alone_is_taken_in_but_is_no_update() {
    let mut story = Story::default();
    story.then(0, &[crash(1)]);
    let mut newer = finding("crash", ConditionClass::Crash, 1);
    newer.evidence[0].text = "exit 2".into();
    let after = story.then(1, &[says("crash", Verdict::Wrong(Arc::new(newer)))]).unwrap();
    assert_eq!(after.headline().unwrap().evidence[0].text, "exit 2");
    assert_eq!(after.updated_at, at(0));
}

#[test]
fn nothing_ready_is_unserved_after_a_minute_and_it_is_due_then() {
    let mut story = Story { priority: Some(Priority::P1), ..Story::default() };
    story.then(1, &[crash(1)]);
    let down = story.then(2, &[crash(0)]).unwrap();
    assert_eq!(
        (down.severity, due(Some(&down), &[crash(0)], (&Policy::default(), Habits::default()), at(2))),
        (Severity::Sev3, Some(at(3)))
    );
    let unserved = story.then(3, &[crash(0)]).unwrap();
    assert_eq!(
        (unserved.severity, due(Some(&unserved), &[crash(0)], (&Policy::default(), Habits::default()), at(3))),
        (Severity::Sev3, Some(at(7)))
    );
    let long = story.then(7, &[crash(0)]).unwrap();
    assert_eq!((long.severity, long.why.as_str()), (Severity::Sev2, "P1 service: nothing ready for over 5 min"));
    let repeated = at(7) + SignedDuration::from_hours(3);
    assert_eq!(due(Some(&long), &[crash(0)], (&Policy::default(), Habits::default()), at(7)), Some(repeated));
}

#[test]
fn seconds_of_readiness_between_crashes_do_not_end_the_outage() {
    let mut story = Story { priority: Some(Priority::P0), ..Story::default() };
    story.then(5, &[crash(0)]);
    let ready_for_a_moment = story.then(6, &[crash(1)]).unwrap();
    assert_eq!(
        (
            ready_for_a_moment.severity,
            due(story.incident.as_ref(), &[], (&Policy::default(), Habits::default()), at(6))
        ),
        (Severity::Sev1, Some(at(7)))
    );
    let serves = story.then(7, &[crash(1)]).unwrap();
    assert_eq!((serves.severity, serves.worst), (Severity::Sev2, Severity::Sev1));
}

#[test]
fn healed_findings_go_while_others_stay() {
    let mut story = Story::default();
    story.then(0, &[crash(1), stuck()]);
    let after = story.then(1, &[well("crash"), stuck()]).unwrap();
    assert_eq!(after.findings.keys().collect::<Vec<_>>(), [&ConditionClass::RolloutStuck]);
    assert_eq!(after.healthy_since, None);
}

#[test]
fn it_resolves_after_an_observed_healthy_hold_with_the_reason_in_words() {
    let mut story = Story::default();
    story.then(0, &[crash(1)]);
    story.impact = Some(impact(2, 2));
    let healing = story.then(2, &[well("crash")]).unwrap();
    assert_eq!(
        (healing.healthy_since, due(Some(&healing), &[well("crash")], (&Policy::default(), Habits::default()), at(2))),
        (Some(at(2)), Some(at(7)))
    );
    assert!(story.then(6, &[well("crash")]).unwrap().is_open());
    let over = story.then(7, &[well("crash")]).unwrap();
    assert_eq!(over.status, Status::Resolved);
    assert_eq!(
        over.resolution.unwrap(),
        Resolution { at: at(7), reason: "2 of 2 replicas ready for 5 min".into(), by: None }
    );
    assert!(over.findings.contains_key(&ConditionClass::Crash), "what it was stays readable");
}

#[test]
fn a_relapse_or_something_pending_starts_the_hold_anew() {
    let mut story = Story::default();
    story.then(0, &[crash(1)]);
    story.then(1, &[well("crash")]);
    assert_eq!(story.then(3, &[crash(1)]).unwrap().healthy_since, None);
    story.then(4, &[well("crash")]);
    assert_eq!(story.then(6, &[pending("crash", at(8))]).unwrap().healthy_since, None);
    assert!(story.then(20, &[pending("crash", at(21))]).unwrap().is_open());
}

#[test]
fn blindness_freezes_what_it_touches_and_nothing_else() {
    let mut story = Story::default();
    story.then(0, &[crash(0)]);
    story.then(0, &[blind("crash")]);
    let frozen = story.then(2, &[blind("crash")]).unwrap();
    assert_eq!(frozen.frozen.as_deref(), Some("pods are forbidden"));
    assert_eq!((frozen.findings.len(), frozen.severity), (1, Severity::Sev2));
    assert!(story.then(90, &[blind("crash"), well("rollout")]).unwrap().is_open());
    assert!(story.then(91, &[]).unwrap().frozen.is_some(), "silence is not health");
    let seen = story.then(92, &[well("crash"), blind("rollout")]).unwrap();
    assert_eq!((seen.frozen, seen.healthy_since), (None, Some(at(92))));
}

#[test]
fn what_nobody_wants_resolves_after_a_minute() {
    let gone = says("crash", Verdict::NotWanted("scaled to zero".into()));
    let mut story = Story::default();
    story.then(0, &[crash(0)]);
    story.then(1, std::slice::from_ref(&gone));
    let over = story.then(2, &[gone]).unwrap();
    assert_eq!(over.resolution.unwrap().reason, "scaled to zero");
}

#[test]
fn a_failed_job_ends_by_a_later_success_or_after_a_day() {
    let failed = || says("job", Verdict::Wrong(Arc::new(finding("job", ConditionClass::JobFailed, 0))));
    let mut story = Story::default();
    let opened = story.then(1, &[failed()]).unwrap();
    assert_eq!(due(Some(&opened), &[failed()], (&Policy::default(), Habits::default()), at(61)), Some(at(24 * 60)));
    story.then(30, &[well("job")]);
    assert_eq!(story.then(31, &[well("job")]).unwrap().resolution.unwrap().reason, "a later run succeeded");

    let job = ObjectRef { kind: Cow::Borrowed("Job"), ..owner() };
    let mut anew = Story { of: Some(job), ..Story::default() };
    anew.then(1, &[failed()]);
    anew.then(30, &[well("job")]);
    let reason = anew.then(31, &[well("job")]).unwrap().resolution.unwrap().reason;
    assert_eq!(reason, "it was started anew and has not failed", "whether it succeeds is not known yet");

    let mut story = Story::default();
    story.then(1, &[failed()]);
    story.then(24 * 60, &[failed()]);
    let over = story.then(24 * 60 + 1, &[failed()]).unwrap();
    assert_eq!(over.resolution.unwrap().reason, "it failed over 24 h ago, and nothing failed since");
    let mut next = Story { last: story.incident, ..Story::default() };
    assert_eq!(next.then(24 * 60 + 2, &[failed()]), None, "history opens nothing");
}

#[test]
fn a_new_problem_within_a_day_reopens_the_same_incident_and_is_watched_longer() {
    let mut story = Story::default();
    let mut last = story.resolved(0);
    last.id = IncidentId("INC-2026-11-24-001".into());
    last.version = 7;
    last.worst = Severity::Sev1;
    last.acknowledged = Some(super::super::Acknowledgement { by: "ana".into(), at: at(1), note: String::new() });
    story.last = Some(last.clone());
    let again = story.then(61 + 24 * 60, &[stuck()]).unwrap();
    assert_eq!((&again.id, again.reopened, again.version), (&last.id, 1, 7));
    assert_eq!((&again.acknowledged, &again.resolution, again.status), (&None, &None, Status::Open));
    assert_eq!((again.worst, again.peak), (Severity::Sev1, Severity::Sev3));
    assert_eq!(again.hold(), SignedDuration::from_mins(10));
}

#[test]
fn a_problem_after_a_day_is_a_new_incident() {
    let mut story = Story::default();
    story.resolved(0);
    let new = story.then(62 + 24 * 60, &[crash(1)]).unwrap();
    assert_eq!((new.id.0.as_str(), new.reopened), ("", 0));
}

#[test]
fn something_pending_is_due_even_without_an_incident() {
    assert_eq!(
        due(None, &[pending("crash", at(4)), pending("x", at(2))], (&Policy::default(), Habits::default()), at(0)),
        Some(at(2))
    );
    assert_eq!(due(None, &[pending("crash", at(4))], (&Policy::default(), Habits::default()), at(4)), None);
}

#[test]
fn blindness_that_is_over_soon_is_not_told_and_is_no_health() {
    let mut story = Story { impact: Some(impact(2, 2)), ..Story::default() };
    let opened = story.then(0, &[crash(1)]).unwrap();
    let unseen = story.then(1, &[blind("crash")]).unwrap();
    assert!(unseen.looks_like(&opened));
    assert_eq!(
        due(Some(&unseen), &[blind("crash")], (&Policy::default(), Habits::default()), at(1)),
        Some(at(1) + UNSEEN_IS_TOLD_AFTER)
    );
    assert!(story.then(2, &[crash(1)]).unwrap().looks_like(&opened));

    let healing = story.then(3, &[well("crash")]).unwrap();
    assert!(story.then(4, &[blind("crash")]).unwrap().looks_like(&healing));
    assert!(story.then(5, &[well("crash")]).unwrap().looks_like(&healing));
    assert!(story.then(9, &[well("crash")]).unwrap().is_open(), "the hold began anew");
    assert_eq!(story.then(10, &[well("crash")]).unwrap().status, Status::Resolved);
}

#[path = "from_findings_tests_of_causes.rs"]
mod of_causes;
