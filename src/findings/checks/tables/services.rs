//! `service-no-endpoints`: what selects nothing, what lost its endpoints, and what is as it is meant.

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};

use super::super::testing::*;
use crate::{
    cluster::{ClusterIndex, History, ObjectRef, Transition, TransitionKind},
    findings::{ConditionClass, Level, Look, Settings, Verdict, judge},
};

fn service(selector: Value, seconds: i64) -> Value {
    json!({"kind": "Service", "metadata": {"name": "profile", "namespace": "shop", "uid": "svc", "creationTimestamp": ago(seconds)},
        "spec": {"selector": selector, "clusterIP": "10.0.0.1", "type": "ClusterIP"}})
}

fn labelled(name: &str, labels: Value) -> Value {
    let mut pod = standalone(pod(name, json!({})));
    pod["metadata"]["labels"] = labels;
    pod
}

/// A Deployment `api` whose pods carry these labels.
fn workload(labels: Value, replicas: i32) -> Value {
    let mut deployment = deployment(0, replicas);
    deployment["spec"]["template"] = json!({"metadata": {"labels": labels}});
    deployment
}

fn of() -> ObjectRef {
    owner("Service", "profile")
}

fn lost(seconds: i64) -> History {
    let mut history = History::default();
    history.record(Transition {
        owner: of(),
        at: now() - SignedDuration::from_secs(seconds),
        kind: TransitionKind::LostLastEndpoint("profile".into()),
    });
    history
}

fn verdict(index: &ClusterIndex, history: &History) -> Verdict {
    let look = Look { index, history, now: now(), no_grace: false, settings: &Settings::DEFAULT, known: None };
    judge(&of(), &look).remove(0).verdict
}

#[rstest]
#[case::a_slip_of_the_pen(json!({"app": "profiles"}), json!({"app": "profile"}), "selector app=profiles matches no pod; pods with app=profile exist")]
#[case::one_of_two(json!({"app": "api", "tier": "front"}), json!({"app": "api", "tier": "backend"}), "selector app=api,tier=front matches no pod; pods with tier=backend exist")]
#[case::one_is_missing(json!({"app": "api", "tier": "front"}), json!({"app": "api"}), "selector app=api,tier=front matches no pod; pods with app=api exist, without the label tier")]
#[case::nothing_like_it(json!({"app": "profiles"}), json!({"app": "zebra"}), "selector app=profiles matches no pod")]
fn a_service_that_selects_nothing_names_the_nearest(
    #[case] selector: Value,
    #[case] labels: Value,
    #[case] message: &str,
) {
    let found = wrong(says("service-no-endpoints", &of(), vec![service(selector, 601), labelled("a", labels)]));
    assert_eq!(found.message, message);
    assert_eq!((found.class, &found.owner, found.severity), (ConditionClass::NoEndpoints, &of(), Level::Warning));
}

#[test]
fn a_new_service_waits_for_its_pods_and_one_that_served_does_not_wait_long() {
    let objects = vec![service(json!({"app": "gone"}), 300), labelled("a", json!({"app": "zebra"}))];
    let index = index(objects);
    let Verdict::Pending(_, due) = verdict(&index, &History::default()) else { panic!() };
    assert_eq!(due, now() + SignedDuration::from_secs(300));
    let Verdict::Pending(_, due) = verdict(&index, &lost(20)) else { panic!() };
    assert_eq!(due, now() + SignedDuration::from_secs(40));
    let found = wrong(verdict(&index, &lost(61)));
    assert_eq!(found.severity, Level::Critical);
    assert_eq!((found.impact.services[0].ready_endpoints, found.impact.services[0].name.as_str()), (0, "profile"));
    // What a Service of the same name lost before it was made anew is not its own.
    assert!(
        matches!(verdict(&index, &lost(4000)), Verdict::Pending(_, due) if due == now() + SignedDuration::from_secs(300))
    );
}

#[rstest]
#[case::no_selector(vec![service(json!({}), 9000)])]
#[case::external({ let mut s = service(json!({"app": "x"}), 9000); s["spec"]["type"] = json!("ExternalName"); vec![s] })]
#[case::scaled_to_zero(vec![service(json!({"app": "x"}), 9000), workload(json!({"app": "x"}), 0)])]
#[case::wanted_but_not_there(vec![service(json!({"app": "x"}), 9000), workload(json!({"app": "x"}), 2)])]
#[case::of_a_job_that_runs_now_and_then(vec![service(json!({"app": "x"}), 9000),
    json!({"kind": "CronJob", "metadata": {"name": "c", "namespace": "shop"}, "spec": {"schedule": "0 * * * *",
        "jobTemplate": {"spec": {"template": {"metadata": {"labels": {"app": "x"}}}}}}})])]
#[case::made_by_an_operator({ let mut s = service(json!({"role": "replica"}), 9000);
    s["metadata"]["ownerReferences"] = json!([{"kind": "Cluster", "name": "pg", "apiVersion": "db/v1", "uid": "u", "controller": true}]); vec![s] })]
#[case::its_pods_are_not_ready(vec![service(json!({"app": "x"}), 9000), { let mut p = labelled("p", json!({"app": "x"})); p["status"]["conditions"] = json!([ready(false, 900)]); p }])]
#[case::nothing_to_select_it(vec![service(json!({"app": "x"}), 9000)])]
fn a_service_without_endpoints_may_be_as_it_is_meant(#[case] mut objects: Vec<Value>) {
    if objects.len() > 1 {
        objects.push(labelled("other", json!({"app": "zebra"})));
    }
    let verdict = says("service-no-endpoints", &of(), objects);
    assert!(matches!(verdict, Verdict::NotWanted(_)), "{verdict:?}");
}

#[test]
fn headless_services_of_kube_system_only_measure_what_may_not_be_there() {
    let mut leftover = service(json!({"component": "kube-scheduler"}), 9000);
    leftover["metadata"]["namespace"] = json!("kube-system");
    leftover["spec"]["clusterIP"] = json!("None");
    let it = ObjectRef { namespace: "kube-system".into(), ..of() };
    let verdict = says("service-no-endpoints", &it, vec![leftover, labelled("a", json!({"app": "zebra"}))]);
    assert_eq!(verdict, Verdict::NotWanted("made beforehand, for pods that may come".into()));
}

#[test]
fn a_service_that_lost_its_endpoints_while_its_pods_are_ready_is_told() {
    let slice = |ready: bool| {
        json!({"kind": "EndpointSlice", "metadata": {"name": "profile-x", "namespace": "shop", "labels": {"kubernetes.io/service-name": "profile"}},
            "endpoints": [{"addresses": ["10.1.0.1"], "conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": "a"}}]})
    };
    let mut index = index(vec![service(json!({"app": "x"}), 9000), labelled("a", json!({"app": "x"})), slice(true)]);
    assert_eq!(verdict(&index, &History::default()), Verdict::Healthy);
    let touched = index.apply(fact(slice(false)), now());
    assert!(touched.owners.contains(&of()));
    let mut history = History::default();
    for transition in touched.transitions {
        history.record(transition);
    }
    assert!(
        matches!(verdict(&index, &history), Verdict::Pending(_, due) if due == now() + SignedDuration::from_secs(60))
    );
    assert!(wrong(verdict(&index, &lost(70))).message.starts_with("pods it selects are ready"));
}

#[test]
fn a_service_is_looked_at_again_when_a_pod_comes_goes_or_is_labelled_anew_and_not_for_other_news() {
    let mut index = index(vec![service(json!({"app": "x"}), 9000)]);
    let touched = |touched: crate::cluster::Touched| touched.owners.contains(&of());
    assert!(touched(index.apply(fact(labelled("a", json!({"app": "x"}))), now())));
    let mut news = labelled("a", json!({"app": "x"}));
    news["status"]["containerStatuses"][0]["restartCount"] = json!(3);
    assert!(!touched(index.apply(fact(news), now())));
    assert!(touched(index.apply(fact(labelled("a", json!({"app": "y"}))), now())));
    assert!(!touched(index.apply(fact(labelled("b", json!({"app": "y"}))), now())));
    let mut scaled = workload(json!({"app": "x"}), 2);
    assert!(touched(index.apply(fact(scaled.clone()), now())));
    scaled["status"]["readyReplicas"] = json!(1);
    assert!(!touched(index.apply(fact(scaled.clone()), now())));
    scaled["spec"]["replicas"] = json!(0);
    assert!(touched(index.apply(fact(scaled), now())));
}
