//! `stuck-terminating`: what is late, what holds it, and what only takes its time.

use rstest::rstest;
use serde_json::{Value, json};

use super::{super::testing::*, nodes::node};
use crate::{
    cluster::{History, ObjectRef},
    findings::{ConditionClass, Look, Settings, Verdict, judge, looks_again},
};

/// A pod that is being deleted since then, and whose container has ended.
fn leaving(seconds: i64, finalizers: &[&str]) -> Value {
    let mut pod = standalone(pod(
        "stuck",
        json!({"phase": "Succeeded", "containerStatuses": [{"name": "app", "state": {"terminated": {"exitCode": 0, "finishedAt": ago(seconds)}}}]}),
    ));
    pod["metadata"]["deletionTimestamp"] = json!(ago(seconds));
    pod["metadata"]["finalizers"] = json!(finalizers);
    pod
}

fn running(mut pod: Value) -> Value {
    pod["status"]["phase"] = json!("Running");
    pod["status"]["containerStatuses"] = json!([{"name": "app", "state": {"running": {"startedAt": ago(5000)}}}]);
    pod
}

fn namespace(seconds: Option<i64>, conditions: Value) -> Value {
    json!({"kind": "Namespace", "metadata": {"name": "shop", "uid": "ns", "deletionTimestamp": seconds.map(ago)},
        "status": {"phase": "Terminating", "conditions": conditions}})
}

fn the_namespace() -> ObjectRef {
    ObjectRef { kind: "Namespace".into(), namespace: String::new().into(), name: "shop".into() }
}

fn stuck() -> ObjectRef {
    owner("Pod", "stuck")
}

#[rstest]
#[case::a_finalizer(leaving(901, &["acme.io/hold"]), "pod stuck is being deleted and does not go: its containers have ended, the finalizer acme.io/hold holds it", "FinalizerHolds")]
#[case::two(leaving(901, &["a/b", "c/d"]), "pod stuck is being deleted and does not go: its containers have ended, the finalizers a/b, c/d hold it", "FinalizerHolds")]
#[case::its_node(running(leaving(901, &[])), "pod stuck is being deleted and does not go: node n1 does not end it, cause unknown", "Terminating")]
fn a_pod_that_does_not_go_is_told_with_what_holds_it(#[case] pod: Value, #[case] message: &str, #[case] reason: &str) {
    let found = wrong(says("stuck-terminating", &stuck(), vec![node("True", vec![]), pod]));
    assert_eq!((found.message.as_str(), found.reason.as_str()), (message, reason));
    assert_eq!((found.class, &found.owner), (ConditionClass::StuckTerminating, &stuck()));
}

#[test]
fn a_pod_whose_node_is_gone_or_does_not_report_is_told_apart() {
    let other = json!({"kind": "Node", "metadata": {"name": "n2"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    let found = wrong(says("stuck-terminating", &stuck(), vec![other, running(leaving(2000, &[]))]));
    assert!(found.message.ends_with("its node n1 is gone"), "{}", found.message);
    let silent = vec![node("Unknown", vec![]), running(leaving(2000, &[]))];
    let verdict = says("stuck-terminating", &stuck(), silent);
    assert_eq!(verdict, Verdict::NotWanted("being deleted".into()), "it is the node's matter");
}

#[test]
fn what_is_not_late_is_no_trouble_and_is_looked_at_again_in_time() {
    let history = History::default();
    for (objects, of) in
        [(leaving(800, &["acme.io/hold"]), stuck()), (namespace(Some(800), json!([])), the_namespace())]
    {
        let index = index(vec![objects]);
        let look = Look {
            index: &index,
            history: &history,
            now: now(),
            no_grace: false,
            settings: &Settings::DEFAULT,
            known: None,
        };
        let verdicts = judge(&of, &look);
        assert!(verdicts.iter().all(|j| matches!(j.verdict, Verdict::NotWanted(_))), "{verdicts:?}");
        assert_eq!(looks_again(&of, &look), Some(now() + jiff::SignedDuration::from_secs(100)));
    }
    assert_eq!(says("stuck-terminating", &the_namespace(), vec![namespace(None, json!([]))]), Verdict::Healthy);
}

#[rstest]
#[case::held_by_a_stranger(leaving(-1, &["acme.io/hold"]), true)]
#[case::held_by_kubernetes(leaving(30, &["batch.kubernetes.io/job-tracking"]), false)]
#[case::on_its_way(running(leaving(30, &[])), false)]
#[case::still_running(running(leaving(30, &["acme.io/hold"])), false)]
fn without_patience_only_what_is_held_is_said_at_once(#[case] pod: Value, #[case] is_wrong: bool) {
    let (index, history) = (index(vec![pod]), History::default());
    let look = Look {
        index: &index,
        history: &history,
        now: now(),
        no_grace: true,
        settings: &Settings::DEFAULT,
        known: None,
    };
    let verdict = judge(&stuck(), &look).into_iter().find(|j| j.check == "stuck-terminating").unwrap().verdict;
    assert_eq!(matches!(verdict, Verdict::Wrong(_)), is_wrong, "{verdict:?}");
}

#[test]
fn a_namespace_says_what_is_left_in_it_and_speaks_for_its_pods() {
    let conditions = json!([
        {"type": "NamespaceDeletionContentFailure", "status": "False", "reason": "ContentDeleted", "message": "All content successfully deleted"},
        {"type": "NamespaceContentRemaining", "status": "True", "reason": "SomeResourcesRemain", "message": "Some resources are remaining: widgets.acme.io has 1 resource instances"},
        {"type": "NamespaceFinalizersRemaining", "status": "True", "reason": "SomeFinalizersRemain", "message": "Some content in the namespace has finalizers remaining: acme.io/hold in 1 resource instances"}]);
    let objects = vec![namespace(Some(1000), conditions), leaving(1000, &["acme.io/hold"])];
    let found = wrong(says("stuck-terminating", &the_namespace(), objects.clone()));
    assert_eq!(found.reason, "NamespaceContentRemaining");
    assert!(found.message.contains("widgets.acme.io has 1 resource instances; Some content"), "{}", found.message);
    let verdict = says("stuck-terminating", &stuck(), objects);
    assert_eq!(verdict, Verdict::NotWanted("counted as Namespace shop".into()));
}

#[test]
fn a_claim_says_which_pod_still_uses_it() {
    let claim = json!({"kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "shop", "uid": "uid-data",
        "deletionTimestamp": ago(1000), "finalizers": ["kubernetes.io/pvc-protection"]}, "status": {"phase": "Bound"}});
    let mut user = standalone(pod("a", json!({})));
    user["spec"]["volumes"] = json!([{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]);
    let of = owner("PersistentVolumeClaim", "data");
    let found = wrong(says("stuck-terminating", &of, vec![claim.clone(), user]));
    assert_eq!(found.message, "claim data is being deleted and does not go: pod a still uses it");
    let found = wrong(says("stuck-terminating", &of, vec![claim]));
    assert!(found.message.ends_with("the finalizer kubernetes.io/pvc-protection holds it"), "{}", found.message);
}

#[test]
fn a_pod_of_a_workload_is_told_as_the_workload_and_its_replicas_do_not_make_it_loud() {
    let mut pod = leaving(1000, &["acme.io/hold"]);
    pod["metadata"]["ownerReferences"] =
        json!([{"kind": "ReplicaSet", "name": "api-1", "uid": "rs", "apiVersion": "apps/v1", "controller": true}]);
    let found =
        wrong(says("stuck-terminating", &owner("Deployment", "api"), vec![deployment(0, 1), replica_set(), pod]));
    assert_eq!((found.owner, found.severity), (owner("Deployment", "api"), crate::findings::Level::Warning));
    let mut workload = deployment(0, 1);
    workload["metadata"]["deletionTimestamp"] = json!(ago(1000));
    workload["metadata"]["finalizers"] = json!(["foregroundDeletion"]);
    let found = wrong(says("stuck-terminating", &owner("Deployment", "api"), vec![workload]));
    assert!(found.message.ends_with("the finalizer foregroundDeletion holds it"), "{}", found.message);
}
