//! Objects as controllers and kubelets leave them when something is wrong: one workload for each check the story does not reach.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The namespace of all of them.
const NAMESPACE: &str = "lab";

/// One broken workload for each check. Everything happened about five minutes before `now`.
pub(crate) fn one_of_each(now: Timestamp) -> Vec<Value> {
    let since = now.checked_sub(SignedDuration::from_mins(5)).unwrap_or(now);
    let node = json!({
        "kind": "Node", "apiVersion": "v1", "metadata": {"name": "node-3", "labels": {"kubernetes.io/hostname": "node-3"}},
        "status": {"conditions": [{
            "type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown",
            "message": "Kubelet stopped posting node status.", "lastTransitionTime": since, "lastHeartbeatTime": since,
        }]},
    });
    let mut all = vec![
        json!({"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": NAMESPACE}, "status": {"phase": "Active"}}),
        node,
    ];
    all.extend(stateful(
        "puller",
        &waiting("ImagePullBackOff", "Back-off pulling image \"lab/puller:9\": not found"),
        since,
    ));
    all.extend(stateful(
        "configless",
        &waiting("CreateContainerConfigError", "configmap \"settings\" not found"),
        since,
    ));
    all.extend(stateful("quitter", &crashing(since), since));
    all.extend(stateful("sleeper", &unready(since), since));
    all.extend(unschedulable(since));
    all.extend(failed_job(since));
    all.extend(claim(since));
    all.extend(stuck_rollout(since));
    all.extend(refused(since));
    all.push(evicted(since));
    all
}

fn waiting(reason: &str, message: &str) -> Value {
    json!({"ready": false, "restartCount": 0, "started": false, "state": {"waiting": {"reason": reason, "message": message}}})
}

fn crashing(since: Timestamp) -> Value {
    let ended = json!({"exitCode": 3, "reason": "Error", "startedAt": since, "finishedAt": since});
    json!({
        "ready": false, "restartCount": 5, "started": false,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 2m40s restarting failed container"}},
        "lastState": {"terminated": ended},
    })
}

fn unready(since: Timestamp) -> Value {
    json!({"ready": false, "restartCount": 0, "started": true, "state": {"running": {"startedAt": since}}})
}

fn meta(name: &str) -> Value {
    json!({"name": name, "namespace": NAMESPACE, "labels": {"app": name.trim_end_matches("-0")}, "uid": format!("uid-of-{name}")})
}

fn owned(name: &str, api_version: &str, kind: &str, owner: &str, owner_uid: &str) -> Value {
    let mut meta = meta(name);
    meta["ownerReferences"] = json!([{
        "apiVersion": api_version, "kind": kind, "name": owner, "uid": owner_uid, "controller": true, "blockOwnerDeletion": true,
    }]);
    meta
}

fn conditions(since: Timestamp, scheduled: bool) -> Value {
    let is = |yes: bool| if yes { "True" } else { "False" };
    json!([
        {"type": "PodScheduled", "status": is(scheduled), "lastTransitionTime": since},
        {"type": "Ready", "status": "False", "reason": "ContainersNotReady", "lastTransitionTime": since},
    ])
}

/// A `StatefulSet` with one pod whose container is like that.
fn stateful(name: &str, container: &Value, since: Timestamp) -> [Value; 2] {
    let pod_name = format!("{name}-0");
    let template = json!({"containers": [{"name": "app", "image": format!("lab/{name}:9")}]});
    let mut status = container.clone();
    status["name"] = json!("app");
    status["image"] = json!(format!("lab/{name}:9"));
    status["imageID"] = json!("");
    let mut spec = template.clone();
    spec["nodeName"] = json!("node-1");
    let phase = if status.pointer("/state/running").is_some() { "Running" } else { "Pending" };
    [
        json!({
            "kind": "StatefulSet", "apiVersion": "apps/v1", "metadata": meta(name),
            "spec": {
                "replicas": 1, "serviceName": name, "selector": {"matchLabels": {"app": name}},
                "template": {"metadata": {"labels": {"app": name}}, "spec": template},
            },
            "status": {"replicas": 1, "observedGeneration": 1, "currentRevision": "a", "updateRevision": "a"},
        }),
        json!({
            "kind": "Pod", "apiVersion": "v1",
            "metadata": owned(&pod_name, "apps/v1", "StatefulSet", name, &format!("uid-of-{name}")),
            "spec": spec,
            "status": {"phase": phase, "startTime": since, "conditions": conditions(since, true), "containerStatuses": [status]},
        }),
    ]
}

fn unschedulable(since: Timestamp) -> [Value; 2] {
    let [set, mut pod] = stateful("giant", &json!({}), since);
    if let Some(spec) = pod["spec"].as_object_mut() {
        spec.remove("nodeName");
    }
    pod["status"] = json!({"phase": "Pending", "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": since,
        "message": "0/3 nodes are available: 3 Insufficient memory.",
    }]});
    [set, pod]
}

fn failed_job(since: Timestamp) -> [Value; 1] {
    [json!({
        "kind": "Job", "apiVersion": "batch/v1", "metadata": meta("export"),
        "spec": {
            "backoffLimit": 2,
            "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "app", "image": "lab/export:9"}]}},
        },
        "status": {"startTime": since, "failed": 3, "conditions": [
            {"type": "FailureTarget", "status": "True", "reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit", "lastTransitionTime": since},
            {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "Job has reached the specified backoff limit", "lastTransitionTime": since},
        ]},
    })]
}

fn claim(since: Timestamp) -> [Value; 3] {
    let [set, mut pod] = stateful("keeper", &json!({}), since);
    pod["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
    if let Some(spec) = pod["spec"].as_object_mut() {
        spec.remove("nodeName");
    }
    pod["status"] = json!({"phase": "Pending", "conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "lastTransitionTime": since,
        "message": "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
    }]});
    let claim = json!({
        "kind": "PersistentVolumeClaim", "apiVersion": "v1", "metadata": meta("data"),
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "nowhere", "resources": {"requests": {"storage": "1Gi"}}},
        "status": {"phase": "Pending"},
    });
    [set, pod, claim]
}

fn deployment(name: &str, desired: u32, status: &Value) -> Value {
    json!({
        "kind": "Deployment", "apiVersion": "apps/v1", "metadata": meta(name),
        "spec": {
            "replicas": desired, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "app", "image": format!("lab/{name}:9")}]}},
        },
        "status": status,
    })
}

fn stuck_rollout(since: Timestamp) -> [Value; 1] {
    [deployment(
        "mover",
        2,
        &json!({
            "replicas": 3, "updatedReplicas": 1, "readyReplicas": 2, "availableReplicas": 2, "unavailableReplicas": 1,
            "observedGeneration": 1,
            "conditions": [
                {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable", "lastTransitionTime": since, "lastUpdateTime": since},
                {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "lastTransitionTime": since, "lastUpdateTime": since,
                 "message": "ReplicaSet \"mover-1\" has timed out progressing."},
            ],
        }),
    )]
}

fn refused(since: Timestamp) -> [Value; 1] {
    [deployment(
        "poor",
        2,
        &json!({
            "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1, "unavailableReplicas": 1,
            "observedGeneration": 1,
            "conditions": [
                {"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable", "lastTransitionTime": since, "lastUpdateTime": since},
                {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "lastTransitionTime": since, "lastUpdateTime": since,
                 "message": "pods \"poor-1\" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1"},
            ],
        }),
    )]
}

fn evicted(since: Timestamp) -> Value {
    let mut pod = stateful("bulky", &json!({}), since)[1].clone();
    pod["metadata"] = meta("bulky-0");
    pod["status"] = json!({
        "phase": "Failed", "reason": "Evicted", "startTime": since,
        "message": "The node was low on resource: ephemeral-storage.",
    });
    pod
}
