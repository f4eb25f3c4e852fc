//! Tables: what each check says of broken objects, of objects within their grace, and when it stays silent.

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};

use super::testing::*;
use crate::{
    cluster::{History, Kind, ObjectRef, Visibility},
    findings::{ConditionClass, Level, Look, Settings, Verdict, judge},
};

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
    "container app killed for using more than its 24Mi memory limit; restarted 6 times"
)]
#[case("not-ready", json!({"conditions": [ready(false, 400)], "containerStatuses": [{"name": "app", "ready": false, "started": true,
    "state": {"running": {"startedAt": ago(3000)}}}]}), "runs but is not ready")]
fn the_check_says_the_proved_cause(#[case] check: &str, #[case] status: Value, #[case] part: &str) {
    let found = wrong(says(check, &owner("Deployment", "api"), with(0, vec![pod("a", status)])));
    assert!(found.message.contains(part), "{}", found.message);
}

#[rstest]
#[case::a_replica("Deployment", "api")]
#[case::a_pod_of_nobody("Pod", "a")]
fn an_init_container_that_does_not_end_is_named_in_time(#[case] kind: &'static str, #[case] name: &str) {
    let verdict = |seconds| {
        let mut hanging = pod(
            "a",
            json!({"phase": "Pending", "conditions": [ready(false, 3000)],
            "initContainerStatuses": [
                {"name": "migrate", "ready": true, "state": {"terminated": {"exitCode": 0, "reason": "Completed", "finishedAt": ago(2000)}}},
                {"name": "wait-for-db", "state": {"running": {"startedAt": ago(seconds)}}}],
            "containerStatuses": [{"name": "app", "ready": false, "state": {"waiting": {"reason": "PodInitializing"}}}]}),
        );
        if kind == "Pod" {
            hanging = standalone(hanging);
        }
        says("not-ready", &owner(kind, name), with(0, vec![hanging]))
    };
    let found = wrong(verdict(600));
    assert_eq!(
        found.message,
        "init container wait-for-db runs since 2026-03-01 11:50 UTC and does not end, so its pod does not start"
    );
    assert_eq!(found.log.unwrap().container, "wait-for-db");
    assert_eq!(pending(&verdict(240)), SignedDuration::from_mins(6));
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
