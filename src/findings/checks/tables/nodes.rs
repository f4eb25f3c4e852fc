//! `node-pressure`: which conditions of a node are trouble, how loud, and what is only evidence.

use rstest::rstest;
use serde_json::{Value, json};

use super::super::testing::*;
use crate::{
    cluster::{History, ObjectRef},
    findings::{ConditionClass, Level, Verdict},
};

pub(super) fn node(ready: &str, conditions: Vec<Value>) -> Value {
    let ready = json!({"type": "Ready", "status": ready, "lastTransitionTime": ago(4000)});
    let all: Vec<Value> = std::iter::once(ready).chain(conditions).collect();
    json!({"kind": "Node", "metadata": {"name": "n1", "uid": "uid-n1"}, "status": {"conditions": all}})
}

pub(super) fn condition(kind: &str, status: &str, seconds: i64) -> Value {
    json!({"type": kind, "status": status, "reason": "Because", "message": "it is so", "lastTransitionTime": ago(seconds)})
}

fn n1() -> ObjectRef {
    owner("Node", "n1")
}

fn evicted_of(owner: &str, seconds: i64) -> Value {
    let mut pod = pod(
        &format!("{owner}-x"),
        json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory.", "conditions": [ready(false, seconds)]}),
    );
    pod["metadata"]["ownerReferences"][0]["name"] = json!(owner);
    pod
}

#[rstest]
#[case::memory("MemoryPressure", "the node is short of memory", Level::Warning)]
#[case::disk("DiskPressure", "the node is short of disk space", Level::Warning)]
#[case::processes("PIDPressure", "the node runs too many processes", Level::Warning)]
#[case::network("NetworkUnavailable", "the node has no pod network", Level::High)]
fn a_node_under_pressure_is_told(#[case] kind: &str, #[case] message: &str, #[case] level: Level) {
    let found = wrong(says("node-pressure", &n1(), vec![node("True", vec![condition(kind, "True", 130)])]));
    assert_eq!((found.message.as_str(), found.severity, found.class), (message, level, ConditionClass::NodePressure));
    assert_eq!((found.reason.as_str(), &found.owner), (kind, &n1()));
    assert_eq!(found.evidence[0].text, "True Because: it is so");
}

#[rstest]
#[case::of_k3s("EtcdIsVoter", "True")]
#[case::of_a_vendor("KernelDeadlock", "True")]
#[case::unknown_and_unknown("StorageReady", "Unknown")]
#[case::it_is_well("MemoryPressure", "False")]
#[case::nobody_knows("DiskPressure", "Unknown")]
fn other_conditions_are_nobodys_trouble(#[case] kind: &str, #[case] status: &str) {
    let verdict = says("node-pressure", &n1(), vec![node("True", vec![condition(kind, status, 4000)])]);
    assert_eq!(verdict, Verdict::Healthy);
}

#[test]
fn pressure_is_waited_for_and_is_not_said_of_a_node_that_does_not_report() {
    let verdict = says("node-pressure", &n1(), vec![node("True", vec![condition("MemoryPressure", "True", 60)])]);
    assert!(matches!(verdict, Verdict::Pending(_, due) if due == now() + jiff::SignedDuration::from_secs(60)));
    let verdict = says("node-pressure", &n1(), vec![node("Unknown", vec![condition("MemoryPressure", "True", 600)])]);
    assert_eq!(verdict, Verdict::Symptom("node-not-ready"));
    let bare = json!({"kind": "Node", "metadata": {"name": "n1"}});
    assert_eq!(says("node-pressure", &n1(), vec![bare]), Verdict::Symptom("node-not-ready"));
    let timeless = json!({"type": "DiskPressure", "status": "True"});
    assert!(matches!(says("node-pressure", &n1(), vec![node("True", vec![timeless])]), Verdict::Pending(..)));
}

#[test]
fn evictions_of_two_owners_make_it_loud() {
    let pressed = node("True", vec![condition("MemoryPressure", "True", 300)]);
    let one = wrong(says("node-pressure", &n1(), vec![pressed.clone(), evicted_of("a", 100)]));
    assert_eq!(
        (one.severity, one.message.as_str()),
        (Level::Warning, "the node is short of memory; it evicted 1 pod of one owner")
    );
    let two = wrong(says("node-pressure", &n1(), vec![pressed.clone(), evicted_of("a", 100), evicted_of("b", 90)]));
    assert_eq!(two.severity, Level::High);
    assert!(
        two.message.starts_with("the node is short of memory; it evicted pods of 2 owners (2 pods)"),
        "{}",
        two.message
    );
    let old = wrong(says("node-pressure", &n1(), vec![pressed, evicted_of("a", 5000), evicted_of("b", 5000)]));
    assert_eq!(old.severity, Level::Warning);
}

#[test]
fn a_process_killed_for_memory_is_evidence_of_the_node_and_never_trouble_by_itself() {
    let mut killed = event("n1", "SystemOOM", "System OOM encountered, victim process: java, pid: 4711", 300);
    killed["involvedObject"] = json!({"kind": "Node", "name": "n1", "uid": "n1"});
    killed["metadata"]["namespace"] = json!("default");
    let judgements = judged(vec![node("True", vec![]), killed.clone()], &n1(), &History::default());
    assert!(judgements.iter().all(|j| j.verdict == Verdict::Healthy), "{judgements:?}");
    let pressed = node("True", vec![condition("MemoryPressure", "True", 300)]);
    let found = wrong(says("node-pressure", &n1(), vec![pressed, killed.clone()]));
    assert!(found.evidence.iter().any(|e| e.text.contains("victim process: java")), "{:?}", found.evidence);
    let down = node("False", vec![]);
    let found = wrong(says("node-not-ready", &n1(), vec![down, killed]));
    assert!(found.evidence.iter().any(|e| e.text.contains("victim process: java")), "{:?}", found.evidence);
}

#[test]
fn pressure_that_comes_again_still_explains_what_it_evicted_before() {
    // Evicted 330 s ago, when it was short for the first time; it is short again since 10 s.
    let mut objects = vec![node("True", vec![condition("MemoryPressure", "True", 10)]), evicted_of("b", 330)];
    objects.extend(["x", "y", "z"].map(|name| {
        let mut pod = evicted_of("a", 330);
        pod["metadata"]["name"] = json!(name);
        pod
    }));
    let found = wrong(says("evicted", &owner("ReplicaSet", "a"), objects));
    assert_eq!(found.cause.map(|cause| cause.owner), Some(n1()));
}
