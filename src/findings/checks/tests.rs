//! Tables: what each check says of broken objects, of objects within their grace, and when it stays silent.

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};

use super::testing::*;
use crate::{
    cluster::{History, Kind, ObjectKey, ObjectRef, Transition, TransitionKind, Visibility},
    findings::{ConditionClass, Level, Look, Settings, Verdict, judge},
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

#[rstest]
#[case::healthy(json!({}))]
#[case::restarted_once(json!({"containerStatuses": [{"name": "app", "ready": true, "restartCount": 1,
    "state": {"running": {"startedAt": ago(900)}}, "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ago(905)}}}]}))]
#[case::one_old_kill(json!({"containerStatuses": [{"name": "app", "ready": true, "restartCount": 1,
    "state": {"running": {"startedAt": ago(900)}}, "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": ago(905)}}}]}))]
#[case::succeeded(json!({"phase": "Succeeded", "conditions": [ready(false, 600)]}))]
#[case::evicted_tombstone(json!({"phase": "Failed", "reason": "Evicted", "conditions": [ready(false, 86000)]}))]
#[case::init_done(json!({"initContainerStatuses": [{"name": "i", "ready": true, "restartCount": 1, "state": {"terminated": {"exitCode": 0}}}]}))]
#[case::moved_on_purpose(json!({"conditions": [ready(false, 600), {"type": "DisruptionTarget", "status": "True"}]}))]
fn nobody_is_woken_by(#[case] status: Value) {
    let judgements = judged(with(1, vec![pod("a", status)]), &owner("Deployment", "api"), &History::default());
    assert!(judgements.iter().all(|j| j.verdict == Verdict::Healthy), "{judgements:?}");
}

#[test]
fn a_pod_being_deleted_is_not_held_against_its_owner() {
    let mut leaving = pod("a", looping(9, "Error", 1, 20));
    leaving["metadata"]["deletionTimestamp"] = json!(ago(5));
    let judgements = judged(with(1, vec![leaving]), &owner("Deployment", "api"), &History::default());
    assert!(judgements.iter().all(|j| j.verdict == Verdict::Healthy), "{judgements:?}");
}

#[rstest]
#[case::scaled_to_zero("replicas", json!(0), "scaled to zero")]
#[case::paused("paused", json!(true), "paused")]
fn nobody_wants_it_to_run(#[case] field: &str, #[case] value: Value, #[case] why: &'static str) {
    let mut objects = with(0, vec![pod("a", looping(9, "Error", 1, 20))]);
    objects[0]["spec"][field] = value;
    let judgements = judged(objects, &owner("Deployment", "api"), &History::default());
    assert!(judgements.iter().all(|j| j.verdict == Verdict::NotWanted(why.into())), "{judgements:?}");
}

#[test]
fn a_deleted_owner_is_not_wanted_and_a_blind_one_unknown() {
    let of = owner("Deployment", "gone");
    assert_eq!(says("crash-loop", &of, vec![]), Verdict::NotWanted("deleted".into()));
    let mut index = index(vec![]);
    index.sight_mut().set(Kind::Pod, None, Visibility::Blind { since: now(), why: "forbidden".into() });
    let look = Look {
        index: &index,
        history: &History::default(),
        now: now(),
        no_grace: false,
        settings: &Settings::DEFAULT,
        known: None,
    };
    let verdict = judge(&of, &look).remove(1).verdict;
    assert_eq!(verdict, Verdict::Unknown("cannot read pods: forbidden".into()));
}

#[test]
fn a_deployment_whose_replica_sets_cannot_be_read_is_unknown_and_its_pods_are_judged_by_themselves() {
    let mut objects = with(0, vec![pod("a", looping(6, "Error", 3, 20))]);
    objects.retain(|object| object["kind"] != "ReplicaSet");
    let mut index = index(objects);
    index.sight_mut().set(Kind::ReplicaSet, None, Visibility::Blind { since: now(), why: "forbidden".into() });
    let look = Look {
        index: &index,
        history: &History::default(),
        now: now(),
        no_grace: false,
        settings: &Settings::DEFAULT,
        known: None,
    };
    let says = |of: &ObjectRef| judge(of, &look).into_iter().find(|j| j.check == "crash-loop").unwrap().verdict;
    assert_eq!(says(&owner("Deployment", "api")), Verdict::Unknown("cannot read replicasets: forbidden".into()));
    assert!(matches!(says(&owner("ReplicaSet", "api-1")), Verdict::Wrong(_)));
}

#[rstest]
#[case("image-pull", waiting("ImagePullBackOff", "dial tcp: lookup registry: no such host"), "name cannot be resolved")]
#[case("image-pull", waiting("ErrImageNeverPull", ""), "imagePullPolicy is Never")]
#[case(
    "container-create",
    waiting("CreateContainerConfigError", "couldn't find key password in Secret shop/db"),
    "Secret `db` has no key `password`"
)]
#[case(
    "out-of-memory",
    looping(6, "OOMKilled", 137, 20),
    "container app killed 6 times for using more than its 24Mi memory limit"
)]
#[case("not-ready", json!({"conditions": [ready(false, 400)], "containerStatuses": [{"name": "app", "ready": false, "started": true,
    "state": {"running": {"startedAt": ago(3000)}}}]}), "runs but is not ready")]
fn the_check_says_the_proved_cause(#[case] check: &str, #[case] status: Value, #[case] part: &str) {
    let found = wrong(says(check, &owner("Deployment", "api"), with(0, vec![pod("a", status)])));
    assert!(found.message.contains(part), "{}", found.message);
}

#[test]
fn a_missing_secret_volume_is_told_by_the_events_of_that_pod() {
    let mut objects = with(0, vec![pod("a", waiting("ContainerCreating", ""))]);
    objects.push(event(
        "a",
        "FailedMount",
        "MountVolume.SetUp failed for volume \"v\" : secret \"proxy-tls\" not found",
        200,
    ));
    let found = wrong(says("container-create", &owner("Deployment", "api"), objects));
    assert_eq!(found.class, ConditionClass::Volume);
    assert!(found.message.contains("Secret `proxy-tls` does not exist"), "{}", found.message);
}

#[test]
fn not_ready_waits_three_minutes_when_others_serve() {
    let status = json!({"conditions": [ready(false, 100)], "containerStatuses": [{"name": "app", "ready": false, "started": true,
        "state": {"running": {"startedAt": ago(3000)}}}]});
    let objects = with(1, vec![pod("a", status), pod("b", json!({}))]);
    let Verdict::Pending(_, due) = says("not-ready", &owner("Deployment", "api"), objects) else { panic!() };
    assert_eq!(due, now() + SignedDuration::from_secs(80));
}

#[test]
fn pods_of_a_silent_node_are_the_nodes_trouble() {
    let node = json!({"kind": "Node", "metadata": {"name": "n1", "uid": "n1"}, "status": {"conditions": [
        {"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status.", "lastTransitionTime": ago(120)}]}});
    let mut objects = with(0, vec![pod("a", json!({"conditions": [ready(false, 400)]}))]);
    objects.push(node.clone());
    let of = owner("Deployment", "api");
    assert_eq!(says("not-ready", &of, objects.clone()), Verdict::Unknown("node n1 does not report on its pods".into()));
    let found = wrong(says("node-not-ready", &owner("Node", "n1"), objects));
    assert_eq!(found.class, ConditionClass::NodeDown);
    assert!(found.message.contains("stopped reporting"), "{}", found.message);
    let mut cordoned = node;
    cordoned["spec"] = json!({"unschedulable": true});
    assert!(matches!(says("node-not-ready", &owner("Node", "n1"), vec![cordoned]), Verdict::NotWanted(_)));
}

#[test]
fn the_scheduler_s_words_are_read_for_this_pod() {
    let said = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. preemption: 0/3 nodes are available.";
    let found = wrong(says("unschedulable", &owner("Deployment", "api"), with(0, vec![unschedulable(said, 90)])));
    assert_eq!(found.message, "no node matches `accelerator=nvidia` (0 of 3)");
    let young = says("unschedulable", &owner("Deployment", "api"), with(0, vec![unschedulable(said, 10)]));
    assert!(matches!(young, Verdict::Pending(..)));
}

#[rstest]
#[case::the_selector_is_not_blamed("3 Insufficient nvidia.com/gpu", "not enough nvidia.com/gpu on 3 of 3 nodes")]
#[case::soft_wishes_are_not_blamed("3 Insufficient cpu", "not enough cpu on 3 of 3 nodes (it asks for 4)")]
#[case::some_do_not_match(
    "1 Insufficient cpu, 2 node(s) didn't match Pod's node affinity/selector",
    "not enough cpu on 1 of 3 nodes (it asks for 4); 2 of 3 nodes do not match `accelerator=nvidia`"
)]
#[case::anti_affinity(
    "3 node(s) didn't match pod anti-affinity rules",
    "its anti-affinity keeps it away from the pods on 3 of 3 nodes"
)]
#[case::affinity(
    "3 node(s) didn't match pod affinity rules",
    "the pods it wants to be with (affinity) are not on 3 of 3 nodes"
)]
#[case::said_twice(
    "3 node(s) didn't match pod affinity/anti-affinity, 3 node(s) didn't match pod anti-affinity rules",
    "its anti-affinity keeps it away from the pods on 3 of 3 nodes"
)]
#[case::taint("3 node(s) had untolerated taint {gpu: true}", "3 of 3 nodes had untolerated taint {gpu: true}")]
fn only_what_the_scheduler_names_is_blamed(#[case] clauses: &str, #[case] expected: &str) {
    let said =
        format!("0/3 nodes are available: {clauses}. preemption: 0/3 nodes are available: 3 No preemption victims.");
    let mut waits = unschedulable(&said, 90);
    waits["spec"]["containers"] = json!([{"name": "app", "resources": {"requests": {"cpu": "4"}}}]);
    waits["spec"]["affinity"] = json!({"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 1, "preference": {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}}]}});
    let found = wrong(says("unschedulable", &owner("Deployment", "api"), with(0, vec![waits])));
    assert_eq!(found.message, expected);
}

#[test]
fn a_claim_counts_as_the_workload_that_waits_for_it() {
    let claim = json!({"kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "shop", "uid": "uid-data", "creationTimestamp": ago(600)},
        "spec": {"storageClassName": "fast"}, "status": {"phase": "Pending"}});
    let of_claim = owner("PersistentVolumeClaim", "data");
    let class = |mode: &str| json!({"kind": "StorageClass", "metadata": {"name": "fast"}, "provisioner": "rancher.io/local-path", "volumeBindingMode": mode});
    assert_eq!(
        says("claim-pending", &of_claim, vec![claim.clone(), class("WaitForFirstConsumer")]),
        Verdict::Healthy,
        "it waits for its first consumer"
    );
    let found = wrong(says("claim-pending", &of_claim, vec![claim.clone(), class("Immediate")]));
    assert_eq!(
        found.message,
        "claim `data` is not bound: storage class `fast` (rancher.io/local-path) has given it no volume, cause unknown"
    );
    let found = wrong(says("claim-pending", &of_claim, vec![claim.clone()]));
    assert_eq!(found.message, "claim `data` is not bound: storage class `fast` does not exist");
    let mut blind = index(vec![claim.clone()]);
    blind.sight_mut().set(Kind::StorageClass, None, Visibility::Blind { since: now(), why: "forbidden".into() });
    let look = Look {
        index: &blind,
        history: &History::default(),
        now: now(),
        no_grace: false,
        settings: &Settings::DEFAULT,
        known: None,
    };
    let verdict = judge(&of_claim, &look).into_iter().find(|j| j.check == "claim-pending").unwrap().verdict;
    assert_eq!(verdict, Verdict::Unknown("cannot read storageclasses: forbidden".into()));
    let mut waits = unschedulable("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.", 400);
    waits["spec"]["volumes"] = json!([{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]);
    let mut objects = with(0, vec![waits]);
    objects.push(claim);
    objects.push(event("data", "ProvisioningFailed", "storageclass.storage.k8s.io \"fast\" not found", 300));
    let found = wrong(says("claim-pending", &owner("Deployment", "api"), objects.clone()));
    assert_eq!(found.message, "claim `data` is not bound: storage class `fast` does not exist");
    assert_eq!(found.objects.len(), 2);
    assert!(matches!(says("claim-pending", &of_claim, objects.clone()), Verdict::NotWanted(_)));
    assert_eq!(says("unschedulable", &owner("Deployment", "api"), objects), Verdict::Healthy);
}

#[test]
fn a_stuck_rollout_says_what_still_serves() {
    let mut objects = with(2, vec![pod("a", json!({})), pod("b", json!({}))]);
    objects[0]["status"]["conditions"][0] = json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "lastTransitionTime": ago(30)});
    let found = wrong(says("rollout-stuck", &owner("Deployment", "api"), objects.clone()));
    assert!(found.message.ends_with("2 of 2 replicas still serve"), "{}", found.message);
    assert_eq!(found.severity, Level::High);
    assert_eq!(says("replicas-missing", &owner("Deployment", "api"), objects), Verdict::Healthy);
}

#[rstest]
#[case::the_old_ones_serve(2, 2, 0, true)]
#[case::a_new_one_serves_too(2, 1, 1, false)]
#[case::not_enough_old_ones(1, 1, 0, false)]
#[case::there_are_no_others(2, 0, 2, false)]
fn only_old_pods_serve_while_no_new_one_is_ready(
    #[case] ready: i32,
    #[case] old: i32,
    #[case] new: i32,
    #[case] expected: bool,
) {
    let set = |name: &str, revision: &str, ready: i32| {
        let mut set = replica_set();
        (set["metadata"]["name"], set["metadata"]["uid"]) = (json!(name), json!(name));
        set["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = json!(revision);
        set["status"]["readyReplicas"] = json!(ready);
        set
    };
    let mut broken = pod("b", looping(6, "Error", 1, 20));
    broken["metadata"]["ownerReferences"][0]["name"] = json!("api-10");
    let objects = vec![deployment(ready, 2), set("api-9", "9", old), set("api-10", "10", new), broken];
    let found = wrong(says("crash-loop", &owner("Deployment", "api"), objects));
    assert_eq!(found.impact.only_old_pods_serve, expected);
}

#[test]
fn refused_pods_are_told_by_the_condition() {
    let mut objects = with(0, vec![]);
    objects[0]["status"]["conditions"][1] = json!({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "lastTransitionTime": ago(90),
        "message": "pods \"api-1-x\" is forbidden: exceeded quota: rq"});
    let found = wrong(says("create-refused", &owner("Deployment", "api"), objects.clone()));
    assert_eq!(found.message, "its pods cannot be created: exceeded quota: rq");
    let mut missing = with(0, vec![]);
    missing[0]["status"]["readyReplicas"] = json!(0);
    assert!(matches!(says("replicas-missing", &owner("Deployment", "api"), missing), Verdict::Wrong(_)));
}

#[test]
fn what_belongs_to_another_is_not_judged_by_itself() {
    let objects = vec![cron(Some(10_700)), job("j2", "Failed", 3540)];
    let over = Verdict::NotWanted("it belongs to CronJob shop/nightly".into());
    assert_eq!(says("job-failed", &owner("Job", "j2"), objects), over);
    let mut starting = replica_set();
    starting["status"]["readyReplicas"] = json!(0);
    let objects = vec![deployment(1, 1), starting];
    let over = Verdict::NotWanted("it belongs to Deployment shop/api".into());
    assert_eq!(says("replicas-missing", &owner("ReplicaSet", "api-1"), objects), over);
}

fn cron(last_success: Option<i64>) -> Value {
    json!({"kind": "CronJob", "metadata": {"name": "nightly", "namespace": "shop", "uid": "cron", "creationTimestamp": ago(30 * 86_400)},
        "spec": {"schedule": "0 * * * *"}, "status": {"lastSuccessfulTime": last_success.map(ago)}})
}

#[rstest]
#[case::once(vec![cron(Some(7100)), job("j1", "Complete", 7100), job("j2", "Failed", 3540)], None)]
#[case::twice(vec![cron(Some(10_700)), job("j1", "Failed", 7140), job("j2", "Failed", 3540)], Some("its last 2 runs failed; "))]
#[case::mended(vec![cron(Some(30)), job("j1", "Failed", 7140), job("j2", "Failed", 3540), job("j3", "Complete", 30)], None)]
#[case::mended_and_only_the_status_knows(vec![cron(Some(30)), job("j1", "Failed", 7140), job("j2", "Failed", 3540)], None)]
#[case::one_failed_job_is_kept_and_the_last_success_is_one_run_ago(vec![cron(Some(7100)), job("j2", "Failed", 3540)], None)]
#[case::one_failed_job_is_kept_and_the_last_success_is_longer_ago(
    vec![cron(Some(10_700)), job("j2", "Failed", 3540)],
    Some("its last run failed, and the one before did not succeed; ")
)]
#[case::one_failed_job_is_kept_and_none_has_ever_succeeded(
    vec![cron(None), job("j2", "Failed", 3540)],
    Some("its last run failed, and the one before did not succeed; ")
)]
#[case::the_run_before_is_still_under_way(vec![cron(Some(10_700)), job("j1", "Suspended", 7140), job("j2", "Failed", 3540)], None)]
fn a_cron_job_is_wrong_after_two_failures_in_a_row(#[case] objects: Vec<Value>, #[case] said: Option<&str>) {
    let verdict = says("job-failed", &owner("CronJob", "nightly"), objects);
    match said {
        Some(said) => assert!(wrong(verdict).message.starts_with(said)),
        None => assert_eq!(verdict, Verdict::Healthy),
    }
}

#[test]
fn a_cron_job_stays_wrong_when_kubernetes_cleans_up_all_but_its_last_failed_job() {
    let of = owner("CronJob", "nightly");
    let (mut index, mut history) = (index(vec![cron(Some(7300))]), History::default());
    // Each verdict is what was said after the step before it.
    for (failed, gone) in [(job("j1", "Failed", 7140), None), (job("j2", "Failed", 3540), Some("j1"))] {
        for transition in index.apply(fact(failed), now()).transitions {
            history.record(transition);
        }
        if let Some(name) = gone {
            index.delete(&ObjectKey { kind: Kind::Job, namespace: "shop".into(), name: name.into() }, now());
        }
    }
    let verdict = |index: &_| {
        let look =
            Look { index, history: &history, now: now(), no_grace: false, settings: &Settings::DEFAULT, known: None };
        judge(&of, &look).into_iter().find(|j| j.check == "job-failed").unwrap().verdict
    };
    assert!(wrong(verdict(&index)).message.starts_with("its last 2 runs failed; the last one used up its retries"));
    index.delete(&ObjectKey { kind: Kind::Job, namespace: "shop".into(), name: "j2".into() }, now());
    let found = wrong(verdict(&index));
    assert_eq!(
        found.message,
        "its last 2 runs failed; the Job of the last one was cleaned up, so its cause is not known"
    );
    assert_eq!(found.since, now() - SignedDuration::from_secs(7140));
    index.apply(fact(cron(Some(60))), now());
    assert_eq!(verdict(&index), Verdict::Healthy);
}

#[test]
fn failures_of_a_cron_job_are_history_after_a_day_without_a_run() {
    let of = owner("CronJob", "nightly");
    let failed = || vec![cron(Some(200_000)), job("j1", "Failed", 180_000), job("j2", "Failed", 90_000)];
    let over = Verdict::NotWanted("its last run failed over 24 h ago, and none has ended since".into());
    assert_eq!(says("job-failed", &of, failed()), over);
    let again = failed().into_iter().chain([job("j3", "Suspended", 60)]).collect();
    let found = wrong(says("job-failed", &of, again));
    assert_eq!(found.evidence.last().unwrap().text, "a new run is under way");
}

#[rstest]
#[case::fresh(60, true)]
#[case::after_a_day(90_000, false)]
fn a_failed_job_is_news_for_a_day(#[case] seconds: i64, #[case] is_wrong: bool) {
    let mut single = job("export", "Failed", seconds);
    single["metadata"].as_object_mut().unwrap().remove("ownerReferences");
    let verdict = says("job-failed", &owner("Job", "export"), vec![single]);
    assert_eq!(matches!(verdict, Verdict::Wrong(_)), is_wrong, "{verdict:?}");
}

#[rstest]
#[case::failed(42, true)]
#[case::asked_to_stop(143, false)]
fn a_failed_pod_without_an_owner_is_told(#[case] exit: i32, #[case] is_wrong: bool) {
    let failed = standalone(pod(
        "once",
        json!({"phase": "Failed", "containerStatuses": [{"name": "app", "ready": false,
        "state": {"terminated": {"exitCode": exit, "reason": "Error", "finishedAt": ago(60)}}}]}),
    ));
    let verdict = says("pod-failed", &owner("Pod", "once"), vec![failed]);
    assert_eq!(matches!(verdict, Verdict::Wrong(_)), is_wrong, "{verdict:?}");
}

#[test]
fn three_evictions_in_ten_minutes_are_told_and_old_ones_are_not() {
    let evicted = |name: &str, seconds| {
        pod(
            name,
            json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory.", "conditions": [ready(false, seconds)]}),
        )
    };
    let of = owner("Deployment", "api");
    let many = with(1, vec![evicted("a", 30), evicted("b", 200), evicted("c", 400)]);
    assert!(wrong(says("evicted", &of, many)).message.starts_with("evicted 3 times in 10 min: The node was low"));
    let old = with(1, vec![evicted("a", 4000), evicted("b", 5000), evicted("c", 6000)]);
    assert_eq!(says("evicted", &of, old), Verdict::Healthy);
}

#[rstest]
#[case::thousands_of_years(3600, 1_000_000, 0)]
#[case::the_most_there_can_be(i32::MAX, i32::MAX, i32::MAX)]
fn a_probe_that_is_never_over_is_waited_for(#[case] period: i32, #[case] failures: i32, #[case] delay: i32) {
    let mut starting = pod(
        "a",
        json!({"conditions": [ready(false, 3000)], "containerStatuses": [
        {"name": "app", "ready": false, "started": false, "state": {"running": {"startedAt": ago(3000)}}}]}),
    );
    starting["spec"]["containers"][0]["startupProbe"] =
        json!({"periodSeconds": period, "failureThreshold": failures, "initialDelaySeconds": delay});
    let verdict = says("not-ready", &owner("Deployment", "api"), with(0, vec![starting]));
    assert!(matches!(verdict, Verdict::Pending(_, due) if due > now()), "{verdict:?}");
}

#[test]
fn a_job_with_more_pods_than_can_be_counted_has_pods() {
    let mut many = job("export", "Suspended", 60);
    many["metadata"].as_object_mut().unwrap().remove("ownerReferences");
    many["status"] = json!({"active": i32::MAX, "succeeded": i32::MAX, "failed": 1});
    assert_eq!(says("create-refused", &owner("Job", "export"), vec![many]), Verdict::Healthy);
}
