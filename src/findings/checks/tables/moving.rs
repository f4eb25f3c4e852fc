//! Tables: when nothing is ready because it is being moved on purpose, and when it is not.

use jiff::SignedDuration;
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

fn starting(made: i64, disrupted: bool) -> Value {
    let condition = json!({"type": "DisruptionTarget", "status": if disrupted { "True" } else { "False" }});
    let mut it = pod("a", json!({"conditions": [ready(false, made), condition]}));
    it["metadata"]["creationTimestamp"] = json!(ago(made));
    it
}

fn cordoned(is: bool) -> Value {
    json!({"kind": "Node", "metadata": {"name": "n1", "uid": "n1"}, "spec": {"unschedulable": is},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]}})
}

const DONE: (&str, &str) = ("True", "NewReplicaSetAvailable");

#[rstest]
#[case::broken_long_after_it_was_rolled_out(unserved(9000, DONE), starting(9000, false), false, false, None)]
#[case::rolled_out(unserved(9000, ("True", "ReplicaSetUpdated")), starting(60, false), false, true, Some("Rollout"))]
#[case::given_up(unserved(9000, ("False", "ProgressDeadlineExceeded")), starting(700, false), false, true, None)]
#[case::just_created(unserved(60, ("True", "ReplicaSetUpdated")), starting(60, false), false, false, Some("FirstRollout"))]
#[case::just_created_and_was_ready(unserved(60, ("True", "ReplicaSetUpdated")), starting(60, false), false, true, Some("Rollout"))]
#[case::created_longer_ago_than_it_may_take(unserved(600, DONE), starting(600, false), false, false, None)]
#[case::drained_and_young(unserved(9000, DONE), starting(60, false), true, true, Some("Drain"))]
#[case::old_beside_a_drain(unserved(9000, DONE), starting(900, false), true, true, None)]
#[case::asked_to_go(unserved(9000, DONE), starting(900, true), true, true, Some("Drain"))]
#[case::disrupted_without_a_drain(unserved(9000, DONE), starting(900, true), false, true, None)]
fn what_is_moved_on_purpose_is_known(
    #[case] it: Value,
    #[case] pod: Value,
    #[case] is_cordoned: bool,
    #[case] was_ready: bool,
    #[case] expected: Option<&str>,
) {
    let mut objects = with(2, vec![pod]);
    objects.retain(|object| object["kind"] != "Deployment");
    objects.extend([it, cordoned(is_cordoned)]);
    let index = index(objects);
    let of = owner("Deployment", "api");
    let mut history = History::default();
    if was_ready {
        let at = now() - SignedDuration::from_secs(30);
        history.record(Transition { owner: of.clone(), at, kind: TransitionKind::BecameReady });
    }
    let look = Look {
        index: &index,
        history: &history,
        now: now(),
        no_grace: false,
        settings: &Settings::DEFAULT,
        known: None,
    };
    let moving = impact_of(&of, &look).moving.map(|moving| match moving {
        Moving::FirstRollout { until } => {
            assert_eq!(until, now() + SignedDuration::from_secs(540));
            "FirstRollout"
        }
        Moving::Rollout => "Rollout",
        Moving::Drain => "Drain",
    });
    assert_eq!(moving, expected);
}

#[test]
fn what_serves_is_not_asked() {
    let index = index(vec![{
        let mut it = unserved(60, ("True", "ReplicaSetUpdated"));
        it["status"]["readyReplicas"] = json!(1);
        it
    }]);
    let look = Look {
        index: &index,
        history: &History::default(),
        now: now(),
        no_grace: false,
        settings: &Settings::DEFAULT,
        known: None,
    };
    assert_eq!(impact_of(&owner("Deployment", "api"), &look).moving, None);
}
