//! Tables: when nothing is ready because it is being moved on purpose, and when it is not.

use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use serde_json::{Value, json};

use super::super::testing::*;
use crate::{
    cluster::{History, Transition, TransitionKind},
    findings::{Look, Moving, Settings, impact_of},
};

/// `Deployment shop/api`, of which nothing is ready, created so long ago; its `Progressing` condition says this.
fn unserved(created: i64, (status, reason): (&str, &str)) -> Value {
    let mut it = deployment(0, 2);
    it["metadata"]["creationTimestamp"] = json!(ago(created));
    it["status"]["conditions"] = json!([{"type": "Progressing", "status": status, "reason": reason}]);
    it
}

const DONE: (&str, &str) = ("True", "NewReplicaSetAvailable");

use TransitionKind::{BecameReady, Drained};

#[rstest]
#[case::broken_long_after_it_was_rolled_out(unserved(9000, DONE), &[], None)]
#[case::rolled_out(unserved(9000, ("True", "ReplicaSetUpdated")), &[(9000, BecameReady)], Some(Moving::Rollout))]
#[case::given_up(unserved(9000, ("False", "ProgressDeadlineExceeded")), &[], None)]
#[case::just_created(unserved(60, ("True", "ReplicaSetUpdated")), &[], Some(Moving::FirstRollout { until: in_(540) }))]
#[case::just_created_and_was_ready(unserved(60, ("True", "ReplicaSetUpdated")), &[(30, BecameReady)], Some(Moving::Rollout))]
#[case::created_longer_ago_than_it_may_take(unserved(600, DONE), &[], None)]
#[case::drained(unserved(9000, DONE), &[(60, Drained)], Some(Moving::Drain { until: in_(540) }))]
#[case::drained_again(unserved(9000, DONE), &[(500, Drained), (100, Drained)], Some(Moving::Drain { until: in_(500) }))]
#[case::drained_long_ago(unserved(9000, DONE), &[(600, Drained)], None)]
fn what_is_moved_on_purpose_is_known(
    #[case] it: Value,
    #[case] happened: &[(i64, TransitionKind)],
    #[case] expected: Option<Moving>,
) {
    let of = owner("Deployment", "api");
    let mut history = History::default();
    for (seconds, kind) in happened {
        history.record(Transition { owner: of.clone(), at: in_(-seconds), kind: kind.clone() });
    }
    let index = index(vec![it, replica_set(), pod("a", json!({"conditions": [ready(false, 60)]}))]);
    let settings = &Settings::DEFAULT;
    let look = Look { index: &index, history: &history, now: now(), no_grace: false, settings, known: None };
    assert_eq!(impact_of(&of, &look).moving, expected);
}

#[test]
fn what_serves_is_not_asked() {
    let mut it = unserved(60, ("True", "ReplicaSetUpdated"));
    it["status"]["readyReplicas"] = json!(1);
    let (index, history, settings) = (index(vec![it]), History::default(), &Settings::DEFAULT);
    let look = Look { index: &index, history: &history, now: now(), no_grace: false, settings, known: None };
    assert_eq!(impact_of(&owner("Deployment", "api"), &look).moving, None);
}

/// So many seconds from now.
fn in_(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

#[rstest]
#[case::from_a_drained_node(true, true, 1)]
#[case::from_another(false, true, 0)]
#[case::stays(true, false, 0)]
fn a_pod_that_is_asked_to_go_from_a_node_that_takes_no_more_is_drained(
    #[case] is_cordoned: bool,
    #[case] goes: bool,
    #[case] times: usize,
) {
    let node = json!({"kind": "Node", "metadata": {"name": "n1", "uid": "n1"}, "spec": {"unschedulable": is_cordoned}});
    let mut index = index(vec![deployment(1, 1), replica_set(), node, pod("a", json!({}))]);
    let disrupted = json!({"type": "DisruptionTarget", "status": if goes { "True" } else { "False" }});
    let touched = index.apply(fact(pod("a", json!({"conditions": [ready(true, 60), disrupted]}))), now());
    let drained = touched.transitions.iter().filter(|t| t.kind == Drained && t.owner.name == "api");
    assert_eq!(drained.count(), times);
    // It is said once.
    let mut gone = pod("a", json!({"conditions": [ready(true, 60), {"type": "DisruptionTarget", "status": "True"}]}));
    gone["metadata"]["deletionTimestamp"] = json!(ago(1));
    let again = index.apply(fact(gone), now()).transitions.into_iter().filter(|t| t.kind == Drained).count();
    assert_eq!(again, usize::from(is_cordoned && !goes));
}
