//! Small Kubernetes objects for the tables of the checks.
#![expect(clippy::needless_pass_by_value, reason = "`json!` in place reads better than references to it")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test that meets something else has failed")]

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::{
    cluster::{ClusterIndex, Dump, Fact, History, Kind, Meter, ObjectRef, Transition, TransitionKind, Visibility},
    findings::{Finding, Judgement, Look, Settings, Verdict, judge},
};

/// The present of every test; ages are counted back from it.
const NOW: &str = "2026-03-01T12:00:00Z";

pub(super) fn now() -> Timestamp {
    NOW.parse().unwrap()
}

pub(super) fn ago(seconds: i64) -> String {
    (now() - SignedDuration::from_secs(seconds)).to_string()
}

pub(super) fn fact(value: Value) -> Fact {
    fn of<T: serde::de::DeserializeOwned>(value: Value) -> T {
        serde_json::from_value(value).unwrap()
    }
    match Kind::from_name(value["kind"].as_str().unwrap()).unwrap() {
        Kind::Pod => Fact::Pod(Box::new(of(value))),
        Kind::Node => Fact::Node(of(value)),
        Kind::Deployment => Fact::Deployment(of(value)),
        Kind::ReplicaSet => Fact::ReplicaSet(of(value)),
        Kind::StatefulSet => Fact::StatefulSet(of(value)),
        Kind::Job => Fact::Job(of(value)),
        Kind::CronJob => Fact::CronJob(of(value)),
        Kind::PersistentVolumeClaim => Fact::PersistentVolumeClaim(of(value)),
        Kind::Event => Fact::Event(of(value)),
        Kind::Namespace => Fact::Namespace(of(value)),
        Kind::DaemonSet => Fact::DaemonSet(of(value)),
        Kind::Service => Fact::Service(of(value)),
        Kind::EndpointSlice => Fact::EndpointSlice(of(value)),
        Kind::HorizontalPodAutoscaler => Fact::HorizontalPodAutoscaler(of(value)),
        Kind::Ingress => Fact::Ingress(of(value)),
        Kind::IngressClass => Fact::IngressClass(of(value)),
        Kind::ValidatingWebhookConfiguration => Fact::ValidatingWebhookConfiguration(of(value)),
        Kind::MutatingWebhookConfiguration => Fact::MutatingWebhookConfiguration(of(value)),
        Kind::ApiService => Fact::ApiService(of(value)),
        Kind::PersistentVolume => Fact::PersistentVolume(of(value)),
        Kind::StorageClass => Fact::StorageClass(of(value)),
        Kind::Certificate => Fact::Certificate(of(value)),
        Kind::ConfigMap => Fact::ConfigMap(of(value)),
        Kind::NetworkPolicy => Fact::NetworkPolicy(of(value)),
        Kind::PodDisruptionBudget => Fact::PodDisruptionBudget(of(value)),
    }
}

/// A cluster all of which is seen, without a metrics API and without kubelets that may be asked.
pub(super) fn index(objects: Vec<Value>) -> ClusterIndex {
    let mut index = unmeasured(objects);
    for meter in [Meter::Metrics, Meter::Kubelets] {
        index.lose_meter(meter, Visibility::NotApplicable);
    }
    index
}

/// The same before anything was measured.
pub(super) fn unmeasured(objects: Vec<Value>) -> ClusterIndex {
    let mut index = ClusterIndex::default();
    for kind in Kind::ALL {
        index.sight_mut().set(kind, None, Visibility::Seen(now()));
    }
    for object in objects {
        index.apply(fact(object), now());
    }
    index
}

pub(super) fn owner(kind: &'static str, name: &str) -> ObjectRef {
    let is_in_one = Kind::from_name(kind).is_none_or(Kind::is_namespaced);
    let namespace = if is_in_one { "shop" } else { "" };
    ObjectRef { kind: kind.into(), namespace: namespace.into(), name: name.into() }
}

pub(super) fn judged(objects: Vec<Value>, of: &ObjectRef, history: &History) -> Vec<Judgement> {
    judge(
        of,
        &Look {
            index: &index(objects),
            history,
            now: now(),
            no_grace: false,
            settings: &Settings::DEFAULT,
            known: None,
        },
    )
}

/// What one check says of an owner.
pub(super) fn says(check: &str, of: &ObjectRef, objects: Vec<Value>) -> Verdict {
    judged(objects, of, &History::default()).into_iter().find(|j| j.check == check).unwrap().verdict
}

pub(super) fn wrong(verdict: Verdict) -> Finding {
    match verdict {
        Verdict::Wrong(finding) => Arc::unwrap_or_clone(finding),
        other => panic!("expected trouble, got {other:?}"),
    }
}

/// A pod of Deployment `api` on node `n1`, made an hour ago; `status` is merged over that of a healthy pod.
pub(super) fn pod(name: &str, status: Value) -> Value {
    let mut pod = json!({
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-{name}"), "creationTimestamp": ago(3600),
            "ownerReferences": [{"kind": "ReplicaSet", "name": "api-1", "uid": "rs", "apiVersion": "apps/v1", "controller": true}]},
        "spec": {"restartPolicy": "Always", "nodeName": "n1", "containers": [
            {"name": "app", "image": "acme/api:1", "resources": {"limits": {"memory": "24Mi"}}}]},
        "status": {"phase": "Running", "startTime": ago(3600), "conditions": [ready(true, 3000)],
            "containerStatuses": [{"name": "app", "ready": true, "started": true, "state": {"running": {"startedAt": ago(3000)}}}]}
    });
    for (key, value) in status.as_object().unwrap() {
        pod["status"][key] = value.clone();
    }
    pod
}

pub(super) fn standalone(mut pod: Value) -> Value {
    pod["metadata"].as_object_mut().unwrap().remove("ownerReferences");
    pod
}

pub(super) fn ready(is: bool, seconds: i64) -> Value {
    json!({"type": "Ready", "status": if is { "True" } else { "False" }, "lastTransitionTime": ago(seconds)})
}

pub(super) fn deployment(ready: i32, desired: i32) -> Value {
    json!({"kind": "Deployment", "metadata": {"name": "api", "namespace": "shop", "uid": "dep", "creationTimestamp": ago(7200)},
        "spec": {"replicas": desired},
        "status": {"replicas": desired, "updatedReplicas": desired, "readyReplicas": ready, "availableReplicas": ready, "conditions": [
            {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "lastTransitionTime": ago(7000)},
            {"type": "Available", "status": if ready == desired { "True" } else { "False" }, "lastTransitionTime": ago(600)}]}})
}

pub(super) fn replica_set() -> Value {
    json!({"kind": "ReplicaSet", "metadata": {"name": "api-1", "namespace": "shop", "uid": "rs",
        "annotations": {"deployment.kubernetes.io/revision": "1"},
        "ownerReferences": [{"kind": "Deployment", "name": "api", "uid": "dep", "apiVersion": "apps/v1", "controller": true}]},
        "spec": {"replicas": 1}, "status": {"replicas": 1}})
}

/// A Deployment `api` with these pods.
pub(super) fn with(ready: i32, pods: Vec<Value>) -> Vec<Value> {
    let desired = i32::try_from(pods.len()).unwrap().max(1);
    [deployment(ready, desired), replica_set()].into_iter().chain(pods).collect()
}

pub(super) fn event(about: &str, reason: &str, message: &str, seconds: i64) -> Value {
    json!({"kind": "Event", "metadata": {"name": format!("{about}.{reason}"), "namespace": "shop"}, "type": "Warning",
        "involvedObject": {"kind": "Pod", "name": about, "namespace": "shop", "uid": format!("uid-{about}")},
        "reason": reason, "message": message, "count": 7, "firstTimestamp": ago(seconds), "lastTimestamp": ago(5)})
}

/// A container that waits after `restarts`, its last run ended `seconds` ago.
pub(super) fn looping(restarts: i32, reason: &str, exit: i32, seconds: i64) -> Value {
    json!({"conditions": [ready(false, seconds)], "containerStatuses": [{"name": "app", "ready": false, "restartCount": restarts,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"reason": reason, "exitCode": exit, "startedAt": ago(seconds + 3), "finishedAt": ago(seconds)}}}]})
}

pub(super) fn waiting(reason: &str, message: &str) -> Value {
    json!({"phase": "Pending", "conditions": [ready(false, 3000)], "containerStatuses": [
        {"name": "app", "ready": false, "state": {"waiting": {"reason": reason, "message": message}}}]})
}

pub(super) fn unschedulable(message: &str, seconds: i64) -> Value {
    let mut pod = pod(
        "p",
        json!({"phase": "Pending", "startTime": null, "containerStatuses": [], "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message, "lastTransitionTime": ago(seconds)}]}),
    );
    pod["spec"]["nodeName"] = json!("");
    pod["spec"]["nodeSelector"] = json!({"accelerator": "nvidia"});
    pod
}

pub(super) fn job(name: &str, condition: &str, seconds: i64) -> Value {
    json!({"kind": "Job", "metadata": {"name": name, "namespace": "shop", "uid": name, "creationTimestamp": ago(seconds + 60),
        "ownerReferences": [{"kind": "CronJob", "name": "nightly", "uid": "cron", "apiVersion": "batch/v1", "controller": true}]},
        "spec": {}, "status": {"failed": 1, "conditions": [{"type": condition, "status": "True", "reason": "BackoffLimitExceeded", "lastTransitionTime": ago(seconds)}]}})
}

/// A Service that selects the pods of its name.
pub(super) fn service(namespace: &str, name: &str, ports: Value) -> Value {
    json!({"kind": "Service", "metadata": {"name": name, "namespace": namespace},
        "spec": {"type": "ClusterIP", "selector": {"app": name}, "ports": ports}})
}

/// What a check says of an owner in an index, with what happened before.
pub(super) fn verdict(check: &str, of: &ObjectRef, index: &ClusterIndex, history: &History) -> Verdict {
    let look = Look { index, history, now: now(), no_grace: false, settings: &Settings::DEFAULT, known: None };
    judge(of, &look).into_iter().find(|j| j.check == check).unwrap().verdict
}

/// The same objects as a dump of which nothing else is known.
pub(super) fn dumped(check: &str, of: &ObjectRef, objects: &[Value]) -> Verdict {
    let dump = Dump::read(&[("dump", json!({"kind": "List", "items": objects}).to_string())]);
    assert_eq!(dump.problems, []);
    let (index, history) = dump.into_index(now());
    verdict(check, of, &index, &history)
}

pub(super) fn blind(kind: Kind, check: &str, of: &ObjectRef, objects: Vec<Value>) -> Verdict {
    let mut index = index(objects);
    index.sight_mut().set(kind, None, Visibility::Blind { since: now(), why: "forbidden".into() });
    verdict(check, of, &index, &History::default())
}

pub(super) fn changed(of: &ObjectRef, seconds: i64) -> History {
    let mut history = History::default();
    history.record(Transition {
        owner: of.clone(),
        at: now() - SignedDuration::from_secs(seconds),
        kind: TransitionKind::ReferenceChanged("Service shop/api".into()),
    });
    history
}

pub(super) fn pending(verdict: &Verdict) -> SignedDuration {
    let Verdict::Pending(_, due) = verdict else { panic!("expected it to be within its grace, got {verdict:?}") };
    due.duration_since(now())
}
