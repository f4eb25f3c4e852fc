//! Any order of changes: the index never panics, holds what was applied last, judges it, and is empty when everything is gone.
#![no_main]

use arbitrary::Arbitrary;
use jiff::Timestamp;
use k8s_monitor::{
    cluster::{ClusterIndex, Dump, History, Kind},
    findings::{Look, Settings, judge_all},
};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

#[derive(Arbitrary, Debug)]
struct Change {
    kind: u8,
    name: u8,
    owner: Option<(u8, u8)>,
    deleted: bool,
    about: u8,
    number: i32,
    flag: bool,
}

const OWNERS: [(&str, &str); 4] =
    [("apps/v1", "ReplicaSet"), ("apps/v1", "Deployment"), ("batch/v1", "Job"), ("batch/v1", "CronJob")];

fn name(n: u8) -> String {
    format!("x{}", n % 4)
}

fn object(change: &Change, version: usize) -> Value {
    let kind = Kind::ALL[usize::from(change.kind) % Kind::ALL.len()];
    let other = name(change.about);
    let owners: Vec<Value> = change
        .owner
        .map(|(of, owner)| {
            let (api, kind) = OWNERS[usize::from(of) % OWNERS.len()];
            json!({"apiVersion": api, "kind": kind, "name": name(owner), "controller": true})
        })
        .into_iter()
        .collect();
    json!({
        "kind": kind.name(), "apiVersion": kind.api_version(),
        "metadata": {"name": name(change.name), "namespace": "a", "uid": format!("{kind}{}", change.name % 4),
            "resourceVersion": version.to_string(), "generation": change.number, "creationTimestamp": "2026-03-01T11:00:00Z",
            "labels": {"app": other, "kubernetes.io/service-name": other}, "ownerReferences": owners,
            "annotations": {"deployment.kubernetes.io/revision": change.number.to_string()}},
        "spec": {"replicas": change.number, "nodeName": other, "schedule": "* * * * *", "selector": {"app": other},
            "defaultBackend": {"service": {"name": other}}, "ingressClassName": other, "storageClassName": other, "secretName": other,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": other}, "service": {"namespace": "a", "name": other},
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": other}}], "containers": [{"name": other}]},
        "status": {"phase": if change.flag { "Running" } else { "Failed" }, "replicas": change.number, "readyReplicas": change.number,
            "conditions": [{"type": "Ready", "status": if change.flag { "True" } else { "False" }, "lastTransitionTime": "2026-03-01T11:00:00Z"}],
            "containerStatuses": [{"name": other, "restartCount": change.number, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]},
        "endpoints": [{"conditions": {"ready": change.flag}, "targetRef": {"kind": "Pod", "name": other}}],
        "involvedObject": {"kind": "Pod", "namespace": "a", "name": other, "uid": format!("Pod{}", change.about % 4)},
        "webhooks": [{"name": other, "clientConfig": {"service": {"namespace": "a", "name": other}}}],
        "reason": "BackOff", "type": "Warning",
    })
}

fuzz_target!(|changes: Vec<Change>| {
    let now = Timestamp::from_second(1_772_366_400).unwrap();
    let mut index = ClusterIndex::default();
    let mut history = History::default();
    for (version, change) in changes.iter().enumerate() {
        let written = json!({"kind": "List", "apiVersion": "v1", "items": [object(change, version + 1)]});
        for fact in Dump::read(&[("fuzz", written.to_string())]).facts {
            let key = fact.key();
            let touched = if change.deleted { index.delete(&key, now) } else { index.apply(fact, now) };
            assert_eq!(index.get(&key).is_some(), !change.deleted, "{key:?}");
            touched.transitions.into_iter().for_each(|transition| history.record(transition));
        }
    }
    judge_all(&Look { index: &index, history: &history, now, no_grace: changes.len() % 2 == 0, settings: &Settings::DEFAULT, known: None });
    let keys: Vec<_> = Kind::ALL.into_iter().flat_map(|kind| index.all(kind)).map(|fact| fact.key()).collect();
    for key in keys {
        index.delete(&key, now);
    }
    assert_eq!(format!("{index:?}"), format!("{:?}", ClusterIndex::default()), "nothing is left");
});
