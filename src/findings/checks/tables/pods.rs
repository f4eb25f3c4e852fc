//! `kubelet-refused`, `evicted`, `out-of-memory` and rollouts of `StatefulSet`s: often, or replicas missing since; else silent.

use rstest::rstest;
use serde_json::{Value, json};

use super::super::testing::*;
use crate::findings::{ConditionClass, Verdict};

fn failed(name: &str, reason: &str, seconds: i64) -> Value {
    pod(
        name,
        json!({"phase": "Failed", "reason": reason, "message": "Pod was rejected: Node didn't have enough resource: cpu", "startTime": ago(seconds),
            "containerStatuses": [], "conditions": [ready(false, seconds)]}),
    )
}

fn three(reason: &str) -> Vec<Value> {
    vec![failed("a", reason, 30), failed("b", reason, 200), failed("c", reason, 400)]
}

fn api() -> crate::cluster::ObjectRef {
    owner("Deployment", "api")
}

/// As many replicas are there as are wanted, or one too few.
fn workload(is_short: bool, pods: Vec<Value>) -> Vec<Value> {
    let ready = if is_short { 1 } else { 2 };
    [deployment(ready, 2), replica_set()].into_iter().chain(pods).collect()
}

#[rstest]
#[case::no_room("OutOfcpu")]
#[case::no_device("OutOfnvidia.com/gpu")]
#[case::labels("NodeAffinity")]
#[case::ports("NodePorts")]
#[case::devices("UnexpectedAdmissionError")]
fn pods_refused_by_their_node_again_and_again_are_told(#[case] reason: &str) {
    let found = wrong(says("kubelet-refused", &api(), workload(false, three(reason))));
    assert_eq!((found.reason.as_str(), found.class), (reason, ConditionClass::KubeletRefused));
    assert!(
        found
            .message
            .starts_with("pods were refused by the kubelet 3 times in 10 min, the last by node n1: Node didn't have"),
        "{}",
        found.message
    );
    assert_eq!(says("evicted", &api(), workload(false, three(reason))), Verdict::Healthy);
}

#[rstest]
#[case::once_and_replaced("kubelet-refused", workload(false, vec![failed("a", "OutOfcpu", 90)]))]
#[case::long_ago("kubelet-refused", workload(true, vec![failed("a", "OutOfcpu", 4000), failed("b", "OutOfcpu", 5000), failed("c", "OutOfcpu", 6000)]))]
#[case::the_node_was_shut_down("kubelet-refused", workload(true, three("Terminated")))]
#[case::evicted_once_and_replaced("evicted", workload(false, vec![failed("a", "Evicted", 90)]))]
#[case::tombstones("evicted", workload(true, vec![failed("a", "Evicted", 9000), failed("b", "Evicted", 9000), failed("c", "Evicted", 9000)]))]
fn pods_that_were_replaced_are_silent(#[case] check: &str, #[case] objects: Vec<Value>) {
    assert_eq!(says(check, &api(), objects), Verdict::Healthy);
}

#[rstest]
#[case::refused("kubelet-refused", "OutOfpods", "node n1 refused a pod, and replicas are missing since")]
#[case::evicted("evicted", "Evicted", "evicted, and replicas are missing since")]
fn one_is_enough_if_it_is_not_replaced_within_a_minute(#[case] check: &str, #[case] reason: &str, #[case] said: &str) {
    let young = says(check, &api(), workload(true, vec![failed("a", reason, 20)]));
    assert!(
        matches!(young, Verdict::Pending(_, due) if due == now() + jiff::SignedDuration::from_secs(40)),
        "{young:?}"
    );
    let found = wrong(says(check, &api(), workload(true, vec![failed("a", reason, 61)])));
    assert!(found.message.starts_with(said), "{}", found.message);
}

#[test]
fn a_refused_pod_without_an_owner_is_told_once() {
    let alone = || vec![standalone(failed("once", "NodePorts", 60))];
    let of = owner("Pod", "once");
    assert!(matches!(says("pod-failed", &of, alone()), Verdict::Wrong(_)));
    assert!(judged(alone(), &of, &crate::cluster::History::default()).iter().all(|j| j.check != "kubelet-refused"));
    let bare = json!({"kind": "Pod", "metadata": {"name": "once", "namespace": "shop"}, "status": {"phase": "Failed", "reason": "OutOfcpu"}});
    assert!(matches!(says("pod-failed", &of, vec![bare]), Verdict::Wrong(_)));
}

#[rstest]
#[case::at_once_after_the_second(2, 20, true)]
#[case::not_at_once_after_the_first(1, 20, false)]
#[case::down_for_a_minute_after_the_first(1, 61, true)]
fn a_kill_for_memory_is_told_from_the_second_on_or_if_it_stays_down(
    #[case] restarts: i32,
    #[case] seconds: i64,
    #[case] is_wrong: bool,
) {
    let verdict = says("out-of-memory", &api(), with(0, vec![pod("a", looping(restarts, "OOMKilled", 137, seconds))]));
    assert_eq!(matches!(verdict, Verdict::Wrong(_)), is_wrong, "{verdict:?}");
}

#[test]
fn restarts_of_last_month_do_not_make_a_single_kill_loud() {
    let mut down = looping(30, "OOMKilled", 137, 20);
    down["containerStatuses"][0]["state"] =
        json!({"terminated": {"reason": "OOMKilled", "exitCode": 137, "startedAt": ago(4000), "finishedAt": ago(20)}});
    let verdict = says("out-of-memory", &api(), with(0, vec![pod("a", down)]));
    assert!(matches!(verdict, Verdict::Pending(..)), "{verdict:?}");
}

fn stateful_set(update: Value) -> Value {
    json!({"kind": "StatefulSet", "metadata": {"name": "db", "namespace": "shop", "uid": "set", "generation": 2}, "spec": {"replicas": 3, "updateStrategy": update},
        "status": {"observedGeneration": 2, "replicas": 3, "readyReplicas": 2, "availableReplicas": 2, "updatedReplicas": 1, "currentRevision": "db-1", "updateRevision": "db-2"}})
}

fn of_set(name: &str, status: Value) -> Value {
    let mut pod = pod(name, status);
    pod["metadata"]["ownerReferences"] =
        json!([{"kind": "StatefulSet", "name": "db", "uid": "set", "apiVersion": "apps/v1", "controller": true}]);
    pod
}

#[rstest]
#[case::rolling(json!({"type": "RollingUpdate"}), true)]
#[case::as_by_default(Value::Null, true)]
#[case::by_hand(json!({"type": "OnDelete"}), false)]
#[case::kept_back(json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}), false)]
fn a_stateful_set_that_does_not_get_on_is_told_after_a_quarter_of_an_hour(
    #[case] update: Value,
    #[case] is_wrong: bool,
) {
    let unready = json!({"conditions": [ready(false, 901)], "containerStatuses": [{"name": "app", "ready": false, "state": {"running": {"startedAt": ago(901)}}}]});
    let objects =
        vec![stateful_set(update), of_set("db-0", json!({})), of_set("db-1", json!({})), of_set("db-2", unready)];
    let verdict = says("rollout-stuck", &owner("StatefulSet", "db"), objects);
    assert_eq!(matches!(verdict, Verdict::Wrong(_)), is_wrong, "{verdict:?}");
}

#[test]
fn a_stateful_set_does_not_replace_a_broken_pod_and_says_so() {
    let broken = of_set("db-2", looping(6, "Error", 1, 20));
    let found = wrong(says("crash-loop", &owner("StatefulSet", "db"), vec![stateful_set(Value::Null), broken.clone()]));
    assert!(
        found.recommendation.ends_with(
            "; then delete the pod, which a StatefulSet does not replace by itself: kubectl -n shop delete pod db-2"
        ),
        "{}",
        found.recommendation
    );
    let mut in_parallel = stateful_set(Value::Null);
    in_parallel["spec"]["podManagementPolicy"] = json!("Parallel");
    let found = wrong(says("crash-loop", &owner("StatefulSet", "db"), vec![in_parallel, broken]));
    assert!(!found.recommendation.contains("delete"), "{}", found.recommendation);
}

#[rstest]
#[case::less_than_half(1, true)]
#[case::enough(2, false)]
#[case::none(0, true)]
fn a_quorum_is_lost_with_less_than_half(#[case] ready: i32, #[case] is_lost: bool) {
    let mut set = stateful_set(Value::Null);
    set["status"]["readyReplicas"] = json!(ready);
    let found =
        wrong(says("crash-loop", &owner("StatefulSet", "db"), vec![set, of_set("db-2", looping(6, "Error", 1, 20))]));
    assert_eq!((found.impact.quorum_lost, found.impact.is_unserved()), (is_lost, is_lost));
}

#[test]
fn the_port_that_a_load_balancer_of_k3s_does_not_get_is_said() {
    let mut waits =
        unschedulable("0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.", 90);
    waits["spec"]["containers"] = json!([{"name": "lb-tcp-80"}, {"name": "lb-tcp-443"}]);
    let found = wrong(says("unschedulable", &api(), with(0, vec![waits])));
    assert_eq!(found.message, "port 80/TCP or 443/TCP is taken on 1 of 1 nodes");
}
