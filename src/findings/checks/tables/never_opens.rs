//! Everything that must never open an incident, however long it lasts: each as objects, judged with and without patience.

use rstest::rstest;
use serde_json::{Value, json};

use super::{
    super::testing::*,
    nodes::{condition, node},
};
use crate::{
    cluster::{History, Kind},
    findings::{Look, Settings, Verdict, judge_all},
};

/// A healthy Deployment with one pod in a state of its own.
fn beside(status: Value) -> Vec<Value> {
    with(2, vec![pod("well", json!({})), pod("other", status)])
}

fn changed(mut object: Value, path: &str, value: Value) -> Value {
    *object.pointer_mut(path).unwrap_or_else(|| panic!("no {path}")) = value;
    object
}

fn deleted(mut pod: Value) -> Value {
    pod["metadata"]["deletionTimestamp"] = json!(ago(20));
    pod
}

fn of_job(status: Value) -> Value {
    let mut pod = pod("run-x", status);
    pod["metadata"]["ownerReferences"] =
        json!([{"kind": "Job", "name": "run", "uid": "run", "apiVersion": "batch/v1", "controller": true}]);
    pod["spec"]["restartPolicy"] = json!("Never");
    pod
}

fn run(status: Value, suspend: bool) -> Value {
    json!({"kind": "Job", "metadata": {"name": "run", "namespace": "shop", "uid": "run", "creationTimestamp": ago(9000)},
        "spec": {"backoffLimit": 6, "suspend": suspend}, "status": status})
}

fn ended(exit: i32) -> Value {
    json!({"phase": if exit == 0 { "Succeeded" } else { "Failed" }, "conditions": [ready(false, 600)], "containerStatuses": [{"name": "app", "ready": false,
        "state": {"terminated": {"exitCode": exit, "reason": if exit == 0 { "Completed" } else { "Error" }, "finishedAt": ago(600)}}}]})
}

fn claim() -> Value {
    json!({"kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "shop", "uid": "uid-data", "creationTimestamp": ago(90_000)},
        "spec": {"storageClassName": "local-path"}, "status": {"phase": "Pending"}})
}

fn cron(suspend: bool) -> Value {
    json!({"kind": "CronJob", "metadata": {"name": "nightly", "namespace": "shop", "uid": "cron", "creationTimestamp": ago(90_000)},
        "spec": {"schedule": "0 * * * *", "suspend": suspend}, "status": {"lastScheduleTime": ago(if suspend { 80_000 } else { 1800 })}})
}

fn gated() -> Value {
    let mut pod = pod(
        "p",
        json!({"phase": "Pending", "startTime": null, "containerStatuses": [], "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "Scheduling is blocked due to non-empty scheduling gates", "lastTransitionTime": ago(9000)}]}),
    );
    pod["spec"]["nodeName"] = json!("");
    pod["spec"]["schedulingGates"] = json!([{"name": "acme.io/wait"}]);
    standalone(pod)
}

fn evicted(name: &str) -> Value {
    pod(
        name,
        json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory.", "conditions": [ready(false, 86_000)], "containerStatuses": []}),
    )
}

fn ephemeral() -> Value {
    json!({"ephemeralContainerStatuses": [{"name": "debugger", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}]})
}

#[rstest]
#[case::a_pod_being_deleted([beside(json!({})), vec![deleted(pod("going", looping(9, "Error", 1, 20)))]].concat())]
#[case::a_pod_being_deleted_alone(vec![deleted(standalone(pod("going", json!({"conditions": [ready(false, 20)]}))))])]
#[case::a_pod_that_is_disrupted(beside(json!({"conditions": [ready(false, 600), {"type": "DisruptionTarget", "status": "True"}]})))]
#[case::completed(vec![standalone(changed(pod("done", ended(0)), "/spec/restartPolicy", json!("Never")))])]
#[case::completed_with_a_bad_exit_code_but_succeeded(vec![standalone(pod("done", json!({"phase": "Succeeded", "containerStatuses": [
    {"name": "app", "state": {"terminated": {"exitCode": 255, "reason": "Error", "finishedAt": ago(600)}}}]})))])]
#[case::gated(vec![gated()])]
#[case::a_suspended_job(vec![run(json!({"conditions": [{"type": "Suspended", "status": "True"}]}), true)])]
#[case::a_suspended_cron_job(vec![cron(true)])]
#[case::a_cron_job_that_runs(vec![cron(false)])]
#[case::paused(vec![changed(changed(with(0, vec![pod("a", looping(9, "Error", 1, 20))])[0].clone(), "/spec", json!({"replicas": 2, "paused": true})), "/status/readyReplicas", json!(0)), replica_set(), pod("a", looping(9, "Error", 1, 20))])]
#[case::scaled_to_zero(vec![deployment(0, 0), changed(replica_set(), "/spec/replicas", json!(0))])]
#[case::a_service_of_what_is_scaled_to_zero(vec![changed(deployment(0, 0), "/spec", json!({"replicas": 0, "template": {"metadata": {"labels": {"app": "x"}}}})),
    json!({"kind": "Service", "metadata": {"name": "api", "namespace": "shop", "creationTimestamp": ago(9000)}, "spec": {"selector": {"app": "x"}}}), standalone(pod("other", json!({})))])]
#[case::a_service_without_a_selector(vec![json!({"kind": "Service", "metadata": {"name": "api", "namespace": "shop", "creationTimestamp": ago(9000)}, "spec": {}}), standalone(pod("other", json!({})))])]
#[case::a_job_with_retries_left(vec![run(json!({"active": 1, "failed": 2}), false), of_job(ended(1))])]
#[case::ended_by_request(vec![standalone(changed(pod("once", ended(143)), "/spec/restartPolicy", json!("Never")))])]
#[case::ended_with_0(vec![standalone(changed(pod("once", ended(0)), "/spec/restartPolicy", json!("OnFailure")))])]
#[case::a_debug_container(beside(ephemeral()))]
#[case::an_unknown_condition(vec![node("True", vec![condition("KernelDeadlock", "True", 9000), condition("GpuReady", "False", 9000), condition("Mystery", "Unknown", 9000)])])]
#[case::etcd_of_k3s(vec![node("True", vec![condition("EtcdIsVoter", "True", 9000)])])]
#[case::a_healthy_node(vec![node("True", vec![condition("MemoryPressure", "False", 9000), condition("NetworkUnavailable", "False", 9000)])])]
#[case::evicted_long_ago([beside(json!({})), vec![evicted("x"), evicted("y"), evicted("z")]].concat())]
#[case::a_claim_nobody_waits_for(vec![claim(), json!({"kind": "StorageClass", "apiVersion": "storage.k8s.io/v1",
    "metadata": {"name": "local-path"}, "provisioner": "rancher.io/local-path", "volumeBindingMode": "WaitForFirstConsumer"})])]
#[case::restarted_once_and_well_since(beside(json!({"containerStatuses": [{"name": "app", "ready": true, "restartCount": 1, "state": {"running": {"startedAt": ago(4000)}},
    "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "startedAt": ago(4100), "finishedAt": ago(4005)}}}]})))]
#[case::killed_for_memory_once_and_well_since(beside(json!({"containerStatuses": [{"name": "app", "ready": true, "restartCount": 1, "state": {"running": {"startedAt": ago(4000)}},
    "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "startedAt": ago(4100), "finishedAt": ago(4005)}}}]})))]
#[case::a_namespace_being_deleted(vec![json!({"kind": "Namespace", "metadata": {"name": "shop", "deletionTimestamp": ago(30)}, "status": {"phase": "Terminating"}})])]
#[case::a_rollout_that_gets_on(vec![changed(changed(deployment(2, 2), "/status/updatedReplicas", json!(1)), "/status/conditions/0/reason", json!("ReplicaSetUpdated")), replica_set(), pod("a", json!({}))])]
#[case::a_container_that_is_being_created(vec![standalone(pod("young", json!({"phase": "Pending", "startTime": ago(20), "conditions": [ready(false, 20)],
    "containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "ContainerCreating"}}}]})))])]
fn it_never_opens_an_incident(#[case] objects: Vec<Value>) {
    let (index, history) = (index(objects), History::default());
    for no_grace in [false, true] {
        let look =
            Look { index: &index, history: &history, now: now(), no_grace, settings: &Settings::DEFAULT, known: None };
        let judgements = judge_all(&look);
        assert!(!judgements.is_empty());
        let loud: Vec<_> =
            judgements.iter().filter(|j| matches!(j.verdict, Verdict::Wrong(_) | Verdict::Pending(..))).collect();
        assert!(loud.is_empty(), "no_grace {no_grace}: {loud:#?}");
    }
}

#[test]
fn an_init_container_may_take_its_time_though_nothing_is_waited_for() {
    let running = |seconds| {
        let status = json!({"phase": "Pending", "startTime": ago(seconds), "conditions": [ready(false, seconds)],
            "containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "PodInitializing"}}}],
            "initContainerStatuses": [{"name": "migrate", "state": {"running": {"startedAt": ago(seconds)}}}]});
        let mut young = standalone(pod("young", status));
        young["spec"]["initContainers"] = json!([{"name": "migrate"}]);
        let index = index(vec![young]);
        let history = History::default();
        let look = Look {
            index: &index,
            history: &history,
            now: now(),
            no_grace: true,
            settings: &Settings::DEFAULT,
            known: None,
        };
        judge_all(&look).iter().filter(|j| matches!(j.verdict, Verdict::Wrong(_))).count()
    };
    assert_eq!((running(2), running(599), running(601)), (0, 0, 1));
}

/// Of each kind an object that says nothing but its name, and one of which every other field is null.
#[test]
fn objects_without_any_field_open_nothing_and_end_nothing() {
    for kind in Kind::ALL {
        for is_null in [false, true] {
            let mut object = json!({"kind": kind.name(), "metadata": {"name": "bare"}});
            if kind.is_namespaced() {
                object["metadata"]["namespace"] = json!("shop");
            }
            if is_null {
                for field in ["spec", "status"] {
                    object[field] = Value::Null;
                }
                for field in
                    ["labels", "annotations", "ownerReferences", "creationTimestamp", "deletionTimestamp", "uid"]
                {
                    object["metadata"][field] = Value::Null;
                }
            }
            let index = index(vec![object]);
            for no_grace in [false, true] {
                let history = History::default();
                let look = Look {
                    index: &index,
                    history: &history,
                    now: now(),
                    no_grace,
                    settings: &Settings::DEFAULT,
                    known: None,
                };
                for judgement in judge_all(&look) {
                    let is_quiet = !matches!(judgement.verdict, Verdict::Wrong(_) | Verdict::Pending(..));
                    assert!(is_quiet, "{judgement:?}");
                }
            }
        }
    }
}
