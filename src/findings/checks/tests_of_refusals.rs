//! Who is told of when the API server refuses to create pods, since when, and what ends it.
#![expect(clippy::needless_pass_by_value, reason = "`json!` in place reads better than references to it")]

use rstest::rstest;
use serde_json::{Value, json};

use super::testing::{ago, owner, pending, pod, says, wrong};
use crate::findings::{Level, Verdict};

/// An event that says that pods of the object with this uid were refused, first and last so many seconds ago.
fn refused(uid: &str, (first, last): (i64, i64)) -> Value {
    json!({"kind": "Event", "metadata": {"name": format!("{uid}.1"), "namespace": "shop"}, "type": "Warning",
        "involvedObject": {"kind": "Some", "name": "db", "namespace": "shop", "uid": uid}, "reason": "FailedCreate", "count": 4,
        "message": "create Pod db-0 in StatefulSet db failed error: pods \"db-0\" is forbidden: exceeded quota: small",
        "firstTimestamp": ago(first), "lastTimestamp": ago(last)})
}

/// A `StatefulSet` or `DaemonSet` of which so many of 2 are ready.
fn set(kind: &str, ready: i32) -> Value {
    json!({"kind": kind, "metadata": {"name": "db", "namespace": "shop", "uid": "db", "creationTimestamp": ago(7200)},
        "spec": {"replicas": 2},
        "status": {"replicas": ready, "readyReplicas": ready, "availableReplicas": ready, "updatedReplicas": ready, "currentRevision": "1", "updateRevision": "1",
            "desiredNumberScheduled": 2, "currentNumberScheduled": ready, "numberReady": ready, "numberAvailable": ready, "updatedNumberScheduled": 2}})
}

fn pod_of(kind: &str, name: &str, age: i64) -> Value {
    let mut pod = pod(name, json!({}));
    pod["metadata"]["ownerReferences"] =
        json!([{"kind": kind, "name": "db", "uid": "db", "apiVersion": "apps/v1", "controller": true}]);
    pod["metadata"]["creationTimestamp"] = json!(ago(age));
    pod
}

#[rstest]
#[case::stateful("StatefulSet")]
#[case::daemon("DaemonSet")]
fn a_set_that_may_not_create_its_second_pod_is_told_after_a_minute(#[case] kind: &'static str) {
    let verdict = |first| {
        says(
            "create-refused",
            &owner(kind, "db"),
            vec![set(kind, 1), pod_of(kind, "db-0", 7000), refused("db", (first, 5))],
        )
    };
    assert_eq!(pending(&verdict(20)).as_secs(), 40);
    let found = wrong(verdict(60));
    assert_eq!(
        (found.message.as_str(), found.severity),
        ("its pods cannot be created: exceeded quota: small", Level::High)
    );
}

#[rstest]
#[case::all_pods_are_there_and_one_is_not_ready(vec![pod_of("StatefulSet", "db-0", 7000), pod_of("StatefulSet", "db-1", 30)])]
#[case::one_is_being_replaced_and_others_could_be_since(vec![pod_of("StatefulSet", "db-0", 10)])]
fn a_refusal_of_before_is_not_held_against_a_restart(#[case] pods: Vec<Value>) {
    let objects = [set("StatefulSet", 1), refused("db", (900, 600))].into_iter().chain(pods).collect();
    assert_eq!(says("create-refused", &owner("StatefulSet", "db"), objects), Verdict::Healthy);
}

#[test]
fn a_replica_set_of_nobody_says_itself_that_it_is_refused() {
    let of = |status: &str| {
        vec![
            json!({"kind": "ReplicaSet", "metadata": {"name": "db", "namespace": "shop", "uid": "db"}, "spec": {"replicas": 2},
            "status": {"replicas": 1, "conditions": [{"type": "ReplicaFailure", "status": status, "reason": "FailedCreate",
                "message": "pods \"db-x\" is forbidden: exceeded quota: small", "lastTransitionTime": ago(90)}]}}),
            refused("db", (900, 600)),
        ]
    };
    let found = wrong(says("create-refused", &owner("ReplicaSet", "db"), of("True")));
    assert_eq!(found.message, "its pods cannot be created: exceeded quota: small");
    assert_eq!(says("create-refused", &owner("ReplicaSet", "db"), of("False")), Verdict::Healthy);
}

/// A run of the `CronJob` `nightly`.
fn run(name: &str, age: i64, status: Value) -> Value {
    json!({"kind": "Job", "metadata": {"name": name, "namespace": "shop", "uid": name, "creationTimestamp": ago(age),
        "ownerReferences": [{"kind": "CronJob", "name": "nightly", "uid": "cron", "apiVersion": "batch/v1", "controller": true}]},
        "spec": {}, "status": status})
}

fn cron() -> Value {
    json!({"kind": "CronJob", "metadata": {"name": "nightly", "namespace": "shop", "uid": "cron", "creationTimestamp": ago(90_000)},
        "spec": {"schedule": "0 3 * * *"}})
}

#[test]
fn a_run_of_a_cron_job_that_gets_no_pod_is_told_with_the_run() {
    let objects = vec![cron(), run("nightly-1", 300, json!({})), refused("nightly-1", (290, 5))];
    let found = wrong(says("create-refused", &owner("CronJob", "nightly"), objects));
    assert_eq!(found.message, "the pods of its last run cannot be created: exceeded quota: small");
    assert!(found.objects.iter().any(|it| it.name == "nightly-1"), "{:?}", found.objects);
}

#[test]
fn a_cron_job_that_runs_each_minute_is_told_though_no_run_is_refused_for_a_minute() {
    let refused = |name: &str, at| refused(name, (at, at));
    let mut objects = vec![cron(), run("nightly-0", 190, json!({"succeeded": 1}))];
    objects.extend([("nightly-1", 130), ("nightly-2", 70)].map(|(name, age)| run(name, age, json!({}))));
    objects.extend([refused("nightly-1", 130), refused("nightly-2", 70)]);
    objects.push(run("nightly-3", 10, json!({})));
    let found = wrong(says("create-refused", &owner("CronJob", "nightly"), objects));
    assert_eq!(found.since.to_string(), ago(130), "since the first that was refused");
    assert!(found.objects.iter().any(|it| it.name == "nightly-2"), "{:?}", found.objects);
}

#[rstest]
#[case::it_got_its_pod(json!({"active": 1}))]
#[case::it_has_failed(json!({"conditions": [{"type": "Failed", "status": "True"}]}))]
#[case::it_is_suspended(json!({"conditions": [{"type": "Suspended", "status": "True"}]}))]
fn a_run_that_is_no_longer_refused_is_not_told(#[case] status: Value) {
    let objects = vec![cron(), run("nightly-1", 300, status), refused("nightly-1", (290, 200))];
    assert_eq!(says("create-refused", &owner("CronJob", "nightly"), objects), Verdict::Healthy);
}
