//! `cronjob-stopped`: runs that were due and did not come, by the line and the zone of each `CronJob`; the installers of K3s.

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};

use super::super::testing::*;
use crate::{
    cluster::{History, ObjectRef},
    findings::{ConditionClass, Look, Settings, Verdict, looks_again},
};

/// Now is 12:00 in UTC.
fn cron(schedule: &str, last: Option<i64>, spec: Value) -> Value {
    let mut cron = json!({"kind": "CronJob", "metadata": {"name": "nightly", "namespace": "shop", "uid": "cron", "creationTimestamp": ago(30 * 86_400)},
        "spec": {"schedule": schedule}, "status": {"lastScheduleTime": last.map(ago)}});
    for (key, value) in spec.as_object().unwrap() {
        cron["spec"][key] = value.clone();
    }
    cron
}

fn of() -> ObjectRef {
    owner("CronJob", "nightly")
}

#[rstest]
#[case::two_were_missed("0 * * * *", Some(3 * 3600), json!({}), Some("it was run last at 2026-03-01T09:00:00Z although it is due by \"0 * * * *\", cause unknown"))]
#[case::it_never_ran("0 3 * * *", None, json!({"timeZone": "UTC"}), Some("it has never been run although it is due by \"0 3 * * *\", cause unknown"))]
#[case::in_its_own_zone("30 12 * * *", Some(48 * 3600 + 1800), json!({"timeZone": "Europe/Berlin"}), Some("it was run last at"))]
#[case::one_was_missed("0 * * * *", Some(2 * 3600 - 1), json!({}), None)]
#[case::it_runs("0 * * * *", Some(3600), json!({}), None)]
#[case::suspended("0 * * * *", Some(9 * 3600), json!({"suspend": true}), None)]
#[case::hours_of_an_unknown_zone("*/5 2 * * *", Some(11 * 3600 + 300), json!({}), None)]
fn a_cron_job_is_told_after_two_runs_that_did_not_come(
    #[case] schedule: &str,
    #[case] last: Option<i64>,
    #[case] spec: Value,
    #[case] said: Option<&str>,
) {
    let verdict = says("cronjob-stopped", &of(), vec![cron(schedule, last, spec)]);
    match said {
        Some(said) => {
            let found = wrong(verdict);
            assert!(found.message.starts_with(said), "{}", found.message);
            assert_eq!((found.class, found.owner), (ConditionClass::CronStopped, of()));
        }
        None => assert!(!matches!(verdict, Verdict::Wrong(_)), "{verdict:?}"),
    }
}

#[test]
fn a_run_that_does_not_end_is_named_if_no_other_may_run_beside_it() {
    let forbids = || cron("0 * * * *", Some(3 * 3600), json!({"concurrencyPolicy": "Forbid"}));
    let mut run = job("nightly-1", "Suspended", 3 * 3600 - 60);
    run["status"]["active"] = json!(1);
    let found = wrong(says("cronjob-stopped", &of(), vec![forbids(), run.clone()]));
    assert!(
        found
            .message
            .ends_with("run nightly-1 is still active since 2026-03-01T09:00:00Z, and no other may run beside it"),
        "{}",
        found.message
    );
    assert_eq!(found.reason, "StillActive");
    let found = wrong(says("cronjob-stopped", &of(), vec![cron("0 * * * *", Some(3 * 3600), json!({})), run]));
    assert_eq!(found.reason, "NotScheduled");
}

#[test]
fn a_missed_run_is_looked_at_when_it_is_late_and_told_after_the_second() {
    let (mut index, history) = (index(vec![cron("0 * * * *", Some(0), json!({}))]), History::default());
    let look = Look {
        index: &index,
        history: &history,
        now: now(),
        no_grace: false,
        settings: &Settings::DEFAULT,
        known: None,
    };
    assert_eq!(looks_again(&of(), &look), Some(now() + SignedDuration::from_mins(65)));
    index.apply(fact(cron("0 * * * *", Some(3600 + 400), json!({}))), now());
    let late = cron("30 * * * *", Some(5400), json!({}));
    let Verdict::Pending(_, due) = says("cronjob-stopped", &of(), vec![late]) else { panic!() };
    assert_eq!(due, now() - SignedDuration::from_mins(30) + SignedDuration::from_mins(65));
}

#[rstest]
#[case("UnknownTimeZone", "invalid timeZone: \"Mars/Olympus\"", "its controller cannot run it: invalid timeZone")]
#[case("UnparseableCronJobSchedule", "unparseable schedule", "its controller cannot run it: unparseable schedule")]
#[case(
    "TooManyMissedTimes",
    "too many missed start times",
    "it was due so often without being run that its controller has given up"
)]
fn what_the_controller_says_of_a_line_is_told_at_once(#[case] reason: &str, #[case] message: &str, #[case] said: &str) {
    let mut event = event("nightly", reason, message, 60);
    event["involvedObject"] = json!({"kind": "CronJob", "name": "nightly", "namespace": "shop", "uid": "cron"});
    let found = wrong(says("cronjob-stopped", &of(), vec![cron("@every 5m", None, json!({})), event]));
    assert!(found.message.starts_with(said), "{}", found.message);
}

#[test]
fn a_line_that_only_kubernetes_can_read_is_unknown_and_missing_fields_are_survived() {
    let verdict = says("cronjob-stopped", &of(), vec![cron("@every 5m", None, json!({}))]);
    assert!(matches!(verdict, Verdict::Unknown(_)), "{verdict:?}");
    let bare = json!({"kind": "CronJob", "metadata": {"name": "nightly", "namespace": "shop"}});
    assert_eq!(says("cronjob-stopped", &of(), vec![bare]), Verdict::Healthy);
}

#[test]
fn k3s_that_cannot_install_a_chart_is_told_although_its_job_never_gives_up() {
    let install =
        ObjectRef { kind: "Job".into(), namespace: "kube-system".into(), name: "helm-install-traefik".into() };
    let job = json!({"kind": "Job", "metadata": {"name": "helm-install-traefik", "namespace": "kube-system", "uid": "j"}, "status": {"active": 1}});
    let tries = |restarts: i32| {
        let mut pod = pod("helm-install-traefik-x", looping(restarts, "Error", 1, 20));
        pod["metadata"]["namespace"] = json!("kube-system");
        pod["metadata"]["ownerReferences"] = json!([{"kind": "Job", "name": "helm-install-traefik", "uid": "j", "apiVersion": "batch/v1", "controller": true}]);
        pod
    };
    let found = wrong(says("job-failed", &install, vec![job.clone(), tries(3)]));
    assert_eq!(
        found.message,
        "K3s could not install traefik, and tries again: container app ended with exit code 1, cause unknown"
    );
    assert_eq!(says("job-failed", &install, vec![job, tries(2)]), Verdict::Healthy);
}
