//! Tables: containers that end again and again, and the cause that their ends and events prove.

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};

use super::testing::*;
use crate::{
    cluster::{History, ObjectRef, Transition, TransitionKind},
    findings::{ConditionClass, Level, Verdict},
};

#[test]
fn a_crash_loop_is_one_finding_with_its_cause() {
    let found =
        wrong(says("crash-loop", &owner("Deployment", "api"), with(0, vec![pod("a", looping(6, "Error", 3, 20))])));
    assert_eq!(found.class, ConditionClass::Crash);
    assert_eq!(found.severity, Level::Critical);
    assert_eq!((found.impact.ready, found.impact.desired), (Some(0), Some(1)));
    assert_eq!(found.objects, vec![ObjectRef { kind: "Pod".into(), namespace: "shop".into(), name: "a".into() }]);
    assert_eq!(found.message, "container app ends with exit code 3, cause unknown; restarted 6 times");
    assert_eq!(found.evidence[0].text, "ended: Error, exit code 3, ran 3 s, restarted 6 times");
}

#[test]
fn replicas_that_a_crash_loop_takes_away_are_counted_in_its_impact_only() {
    let of = owner("Deployment", "api");
    let objects = with(0, vec![pod("a", looping(6, "Error", 3, 20))]);
    assert_eq!(says("replicas-missing", &of, objects.clone()), Verdict::Symptom("crash-loop"));
    let found = wrong(says("crash-loop", &of, objects));
    assert_eq!((found.impact.ready, found.impact.desired), (Some(0), Some(1)));
}

#[rstest]
#[case::exit_0_for_ever(
    looping(4, "Completed", 0, 20),
    "app ends with exit code 0 again and again (completes instead of running); restarted 4 times"
)]
#[case::out_of_memory(looping(4, "OOMKilled", 137, 20), "more than its 24Mi memory limit")]
#[case::killed_137(looping(4, "Error", 137, 20), "not for its memory limit), cause unknown")]
#[case::unknown(looping(4, "Error", 1, 20), "ends with exit code 1, cause unknown")]
#[case::no_command(looping(4, "Error", 127, 20), "ends with exit code 127: its command does not exist")]
#[case::segmentation_fault(
    looping(4, "Error", 139, 20),
    "ends with exit code 139: it was killed for a faulty access to memory (SIGSEGV)"
)]
#[case::last_words(json!({"conditions": [ready(false, 20)], "containerStatuses": [{"name": "app", "ready": false, "restartCount": 4,
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": {"terminated": {"reason": "Error", "exitCode": 1, "message": "no licence", "finishedAt": ago(20)}}}]}), "ends with exit code 1: no licence")]
fn the_cause_of_a_crash_loop_is_read_from_its_last_end(#[case] status: Value, #[case] part: &str) {
    let found = wrong(says("crash-loop", &owner("Deployment", "api"), with(0, vec![pod("a", status)])));
    assert!(found.message.contains(part), "{}", found.message);
}

#[test]
fn a_liveness_kill_is_told_by_the_event_and_is_not_out_of_memory() {
    let mut objects = with(0, vec![pod("a", looping(4, "Error", 137, 20))]);
    objects.push(event("a", "Unhealthy", "Liveness probe failed: connection refused", 300));
    let of = owner("Deployment", "api");
    let found = wrong(says("crash-loop", &of, objects.clone()));
    assert!(found.message.contains("its liveness probe fails: connection refused"), "{}", found.message);
    assert_eq!(says("out-of-memory", &of, objects), Verdict::Healthy);
}

#[test]
fn a_kill_of_before_is_not_what_a_container_ended_of_now() {
    let status = json!({"conditions": [ready(false, 20)], "containerStatuses": [{"name": "app", "ready": false, "restartCount": 31,
        "state": {"terminated": {"exitCode": 1, "reason": "Error", "startedAt": ago(50), "finishedAt": ago(20)}},
        "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "startedAt": ago(500), "finishedAt": ago(400)}}}]});
    assert_eq!(says("out-of-memory", &owner("Deployment", "api"), with(0, vec![pod("a", status)])), Verdict::Healthy);
}

#[rstest]
#[case::killed(137, "Error", None, "is killed because its liveness probe fails: connection refused")]
#[case::asked_to_end(143, "Error", None, "is killed because its liveness probe fails: connection refused")]
#[case::ends_well_when_asked(0, "Completed", None, "is killed because its liveness probe fails: connection refused")]
#[case::ends_badly_when_asked(
    1,
    "Error",
    Some("Container app failed liveness probe, will be restarted"),
    "is killed because its liveness probe fails: connection refused"
)]
#[case::ended_by_itself(1, "Error", None, "ends with exit code 1, cause unknown")]
#[case::another_container_was_killed(
    1,
    "Error",
    Some("Stopping container app"),
    "ends with exit code 1, cause unknown"
)]
#[case::out_of_memory(
    137,
    "OOMKilled",
    Some("Container app failed liveness probe, will be restarted"),
    "is killed for using more than its 24Mi memory limit"
)]
fn a_probe_is_blamed_for_what_it_ends_only(
    #[case] exit: i32,
    #[case] reason: &str,
    #[case] killing: Option<&str>,
    #[case] part: &str,
) {
    let mut objects = with(0, vec![pod("a", looping(6, reason, exit, 20))]);
    objects.push(event("a", "Unhealthy", "Liveness probe failed: connection refused", 300));
    objects.extend(killing.map(|said| event("a", "Killing", said, 300)));
    let found = wrong(says("crash-loop", &owner("Deployment", "api"), objects));
    assert_eq!(found.message, format!("container app {part}; restarted 6 times"));
}

#[test]
fn a_hook_that_fails_is_the_cause_of_the_kill() {
    let mut objects = with(0, vec![pod("a", looping(6, "Error", 137, 20))]);
    objects.push(event("a", "FailedPostStartHook", "PostStartHook failed", 300));
    let found = wrong(says("crash-loop", &owner("Deployment", "api"), objects));
    assert_eq!(
        found.message,
        "container app is killed because its postStart hook fails: PostStartHook failed; restarted 6 times"
    );
}

#[rstest]
#[case::looping("crash-loop", looping(6, "Error", 1, 20), Some(true))]
#[case::runs_again("crash-loop", json!({"conditions": [ready(true, 20)], "containerStatuses": [{"name": "app", "ready": true, "restartCount": 3,
    "state": {"running": {"startedAt": ago(20)}},
    "lastState": {"terminated": {"reason": "Error", "exitCode": 1, "startedAt": ago(60), "finishedAt": ago(40)}}}]}), Some(true))]
#[case::has_just_ended("crash-loop", json!({"conditions": [ready(false, 20)], "containerStatuses": [{"name": "app", "ready": false, "restartCount": 3,
    "state": {"terminated": {"reason": "Error", "exitCode": 1, "finishedAt": ago(20)}},
    "lastState": {"terminated": {"reason": "Error", "exitCode": 1, "finishedAt": ago(90)}}}]}), Some(false))]
#[case::out_of_memory("out-of-memory", looping(6, "OOMKilled", 137, 20), Some(true))]
#[case::not_ready("not-ready", json!({"conditions": [ready(false, 400)], "containerStatuses": [{"name": "app", "ready": false, "started": true,
    "restartCount": 1, "state": {"running": {"startedAt": ago(3000)}}, "lastState": {"terminated": {"exitCode": 1, "finishedAt": ago(3010)}}}]}), Some(false))]
#[case::never_ran("container-create", waiting("CreateContainerConfigError", "secret \"db\" not found"), None)]
#[case::ran_before("container-create", json!({"phase": "Pending", "conditions": [ready(false, 3000)], "containerStatuses": [
    {"name": "app", "ready": false, "restartCount": 2, "state": {"waiting": {"reason": "RunContainerError", "message": "no"}},
    "lastState": {"terminated": {"exitCode": 1, "finishedAt": ago(20)}}}]}), Some(true))]
#[case::no_log_can_say_why("image-pull", waiting("ImagePullBackOff", "no such host"), None)]
fn a_finding_names_the_log_of_the_run_that_failed(
    #[case] check: &str,
    #[case] status: Value,
    #[case] run: Option<bool>,
) {
    let of = owner("Deployment", "api");
    let verdict = says(check, &of, with(0, vec![pod("a", status)]));
    let log = verdict.finding().unwrap().log.clone();
    let expected = run.map(|previous| crate::findings::LogOf {
        namespace: "shop".into(),
        pod: "a".into(),
        container: "app".into(),
        previous,
    });
    assert_eq!(log, expected);
}

#[test]
fn the_first_crash_is_within_grace_for_a_minute() {
    let objects = with(0, vec![pod("a", looping(1, "Error", 1, 20))]);
    let Verdict::Pending(_, due) = says("crash-loop", &owner("Deployment", "api"), objects) else { panic!() };
    assert_eq!(due, now() + SignedDuration::from_secs(40));
}

#[test]
fn three_restarts_in_a_quarter_of_an_hour_are_a_crash_loop_though_it_runs() {
    let of = owner("Deployment", "api");
    let mut history = History::default();
    for minutes in [12, 8, 4] {
        history.record(Transition {
            owner: of.clone(),
            at: now() - SignedDuration::from_mins(minutes),
            kind: TransitionKind::Restarted {
                pod: "a".into(),
                container: "app".into(),
                ended: "Error (exit 1)".into(),
            },
        });
    }
    let judgements = judged(with(1, vec![pod("a", json!({}))]), &of, &history);
    let verdict = judgements.into_iter().find(|j| j.check == "crash-loop").unwrap().verdict;
    assert_eq!(wrong(verdict).since, now() - SignedDuration::from_mins(12));
}

#[test]
fn restarts_that_come_ever_more_often_are_evidence() {
    let of = owner("Deployment", "api");
    let mut history = History::default();
    for (minutes, pod) in [(150, "b"), (100, "b"), (70, "a"), (50, "a"), (30, "a"), (10, "a")] {
        history.record(Transition {
            owner: of.clone(),
            at: now() - SignedDuration::from_mins(minutes),
            kind: TransitionKind::Restarted {
                pod: pod.into(),
                container: "app".into(),
                ended: "Error (exit 1)".into(),
            },
        });
    }
    let judgements = judged(with(0, vec![pod("a", looping(4, "Error", 1, 20))]), &of, &history);
    let found = wrong(judgements.into_iter().find(|j| j.check == "crash-loop").unwrap().verdict);
    let rising: Vec<&str> = found.evidence.iter().map(|it| it.text.as_str()).filter(|it| it.contains("ever")).collect();
    assert_eq!(rising, ["restarted ever more often: 1, 2 and 3 times in the last three hours"]);
}
