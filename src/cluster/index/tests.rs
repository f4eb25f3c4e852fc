//! The index as the checks see it: owners, transitions, Services; and the same whatever the order.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::cluster::{Text, TransitionKind};

fn at(text: &str) -> Timestamp {
    format!("2026-11-24T{text}Z").parse().unwrap()
}

fn fact(kind: Kind, mut value: Value) -> Fact {
    value["kind"] = kind.name().into();
    let dump = crate::cluster::Dump::read(&[("test", value.to_string())]);
    assert_eq!(dump.problems, []);
    dump.facts.into_iter().next().unwrap()
}

fn meta(name: &str, version: u64, controller: Option<(&str, &str, &str)>) -> Value {
    let owners: Vec<Value> = controller
        .map(
            |(api, kind, name)| json!({"apiVersion": api, "kind": kind, "name": name, "uid": name, "controller": true}),
        )
        .into_iter()
        .collect();
    json!({"name": name, "namespace": "shop", "uid": format!("uid-{name}"), "resourceVersion": version.to_string(),
           "labels": {"app": "api"}, "ownerReferences": owners})
}

fn pod(name: &str, version: u64, controller: Option<(&str, &str, &str)>, restarts: i32, ready: bool) -> Fact {
    let ready = if ready { "True" } else { "False" };
    let last = (restarts > 0).then(
        || json!({"terminated": {"reason": "OOMKilled", "exitCode": 137, "finishedAt": format!("2026-11-24T02:{restarts:02}:00Z")}}),
    );
    fact(
        Kind::Pod,
        json!({"metadata": meta(name, version, controller),
               "spec": {"nodeName": "n1", "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]},
               "status": {"phase": "Running",
                          "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": format!("2026-11-24T03:{version:02}:00Z")}],
                          "containerStatuses": [{"name": "app", "restartCount": restarts, "lastState": last}]}}),
    )
}

fn replica_set(name: &str, controller: Option<(&str, &str, &str)>) -> Fact {
    fact(Kind::ReplicaSet, json!({"metadata": meta(name, 1, controller)}))
}

fn slice(version: u64, ready: bool) -> Fact {
    let mut metadata = meta("api-x", version, None);
    metadata["labels"] = json!({"kubernetes.io/service-name": "api"});
    fact(
        Kind::EndpointSlice,
        json!({"metadata": metadata, "endpoints": [
            {"addresses": ["10.0.0.1"], "conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": "api-1"}},
            {"addresses": ["10.0.0.2"], "conditions": {"ready": false}, "targetRef": {"kind": "Pod", "name": "api-2"}}]}),
    )
}

fn service() -> Fact {
    fact(Kind::Service, json!({"metadata": meta("api", 1, None), "spec": {"selector": {"app": "api"}}}))
}

fn owner(kind: &'static str, name: &str) -> ObjectRef {
    ObjectRef { kind: kind.into(), namespace: "shop".into(), name: name.into() }
}

fn key(kind: Kind, name: &str) -> ObjectKey {
    ObjectKey { kind, namespace: "shop".into(), name: name.into() }
}

const API: Option<(&str, &str, &str)> = Some(("apps/v1", "Deployment", "api"));
const SET: Option<(&str, &str, &str)> = Some(("apps/v1", "ReplicaSet", "api-1a"));

fn index(facts: Vec<Fact>) -> ClusterIndex {
    let mut index = ClusterIndex::default();
    for fact in facts {
        index.apply(fact, at("04:00:00"));
    }
    index
}

fn names<'a>(pods: impl Iterator<Item = &'a facts::Pod>) -> Vec<&'a str> {
    pods.map(|pod| pod.meta().name.as_str()).collect()
}

#[test]
fn annotations_of_others_are_not_kept() {
    let mut index = ClusterIndex::default();
    let mut written = meta("api", 1, None);
    written["annotations"] = json!({"kubectl.kubernetes.io/last-applied-configuration": "{\"password\": \"x\"}",
        "deployment.kubernetes.io/revision": "7", "k8s-monitor.io/ignore": "true", "other": "x"});
    index.apply(fact(Kind::Deployment, json!({"metadata": written})), at("10:00:00"));
    let kept: Vec<_> = index.all(Kind::Deployment).flat_map(|fact| fact.meta().annotations.keys()).collect();
    assert_eq!(kept, ["deployment.kubernetes.io/revision", "k8s-monitor.io/ignore"]);
}

#[test]
fn a_pod_belongs_to_the_deployment_of_its_replica_set_even_if_that_came_later() {
    let mut index = index(vec![pod("api-1", 1, SET, 0, true)]);
    assert_eq!(index.owner_of(&key(Kind::Pod, "api-1")), owner("ReplicaSet", "api-1a"));
    let touched = index.apply(replica_set("api-1a", API), at("04:00:00"));
    assert_eq!(touched.owners, [owner("Deployment", "api"), owner("ReplicaSet", "api-1a")].into());
    assert_eq!(index.owner_of(&key(Kind::Pod, "api-1")), owner("Deployment", "api"));
    assert_eq!(names(index.pods_of(&owner("Deployment", "api"))), ["api-1"]);
    assert_eq!(names(index.pods_of(&owner("ReplicaSet", "api-1a"))), Vec::<&str>::new());
    assert!(index.contains(&owner("Deployment", "api")), "named by its ReplicaSet");
    assert_eq!(index.owners().collect::<Vec<_>>(), [owner("Deployment", "api")]);
}

#[rstest::rstest]
#[case::a_controller_of_an_unknown_kind(Some(("argoproj.io/v1alpha1", "Rollout", "web")), owner("Rollout", "web"))]
#[case::a_job_of_another_group(Some(("batch.volcano.sh/v1alpha1", "Job", "j")), owner("Job", "j"))]
#[case::a_static_pod_is_its_own_owner(Some(("v1", "Node", "n1")), owner("Pod", "p"))]
#[case::nobody(None, owner("Pod", "p"))]
fn a_pod_is_owned_by(#[case] controller: Option<(&str, &str, &str)>, #[case] expected: ObjectRef) {
    let index = index(vec![pod("p", 1, controller, 0, true)]);
    assert_eq!(index.owner_of(&key(Kind::Pod, "p")), expected);
    assert_eq!(names(index.pods_of(&expected)), ["p"]);
    assert!(index.contains(&expected));
}

#[test]
fn jobs_go_up_to_their_cron_job_and_are_told_oldest_first() {
    let job = |name: &str, controller, hour: u8| {
        let mut metadata = meta(name, 1, controller);
        metadata["creationTimestamp"] = format!("2026-11-24T{hour:02}:00:00Z").into();
        fact(Kind::Job, json!({"metadata": metadata}))
    };
    let nightly = Some(("batch/v1", "CronJob", "nightly"));
    let chart = Some(("helm.cattle.io/v1", "HelmChart", "traefik"));
    let index = index(vec![
        job("nightly-a", nightly, 3),
        job("nightly-b", nightly, 2),
        job("install", chart, 1),
        pod("nightly-a-x", 1, Some(("batch/v1", "Job", "nightly-a")), 0, false),
    ]);
    let jobs = index.jobs_of(&owner("CronJob", "nightly"));
    assert_eq!(jobs.map(|job| job.meta().name.as_str()).collect::<Vec<_>>(), ["nightly-b", "nightly-a"]);
    assert_eq!(index.owner_of(&key(Kind::Pod, "nightly-a-x")), owner("CronJob", "nightly"));
    assert_eq!(index.owner_of(&key(Kind::Job, "install")), owner("Job", "install"));
}

#[test]
fn an_older_state_and_one_that_changed_nothing_touch_nobody() {
    let mut index = index(vec![pod("p", 9, None, 0, true)]);
    assert_eq!(index.apply(pod("p", 7, None, 3, false), at("04:00:00")), Touched::default());
    let mut heartbeat = pod("p", 9, None, 0, true);
    heartbeat.meta_mut().unwrap().resource_version = "12".into();
    assert_eq!(index.apply(heartbeat, at("04:00:00")), Touched::default());
    assert_eq!(index.apply(pod("p", 11, None, 3, false), at("04:00:00")), Touched::default(), "12 is held");
}

#[test]
fn restarts_and_readiness_are_told_with_the_objects_own_times() {
    let mut index = index(vec![]);
    let first = index.apply(pod("p", 1, None, 2, true), at("04:00:00")).transitions;
    let second = index.apply(pod("p", 2, None, 3, false), at("04:00:00")).transitions;
    let third = index.apply(pod("p", 3, None, 3, true), at("04:00:00")).transitions;
    let said = |transitions: &[Transition]| {
        transitions.iter().map(|t| format!("{} {:?}", t.at, t.kind)).collect::<Vec<_>>().join("; ")
    };
    insta::assert_snapshot!([said(&first), said(&second), said(&third)].join("\n"), @r#"
    2026-11-24T02:02:00Z Restarted { pod: "p", container: "app", ended: "OOMKilled" }
    2026-11-24T02:03:00Z Restarted { pod: "p", container: "app", ended: "OOMKilled" }; 2026-11-24T03:02:00Z LostReady
    2026-11-24T03:03:00Z BecameReady
    "#);
}

#[test]
fn what_happened_to_a_pod_is_told_again_to_the_owner_that_came_to_be_known() {
    let mut index = index(vec![pod("api-1", 1, SET, 2, true)]);
    let told = index.apply(replica_set("api-1a", API), at("04:00:00")).transitions;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].owner, owner("Deployment", "api"));
}

#[test]
fn claims_nodes_events_and_services_touch_the_owners_that_read_them() {
    let mut index = index(vec![replica_set("api-1a", API), pod("api-1", 1, SET, 0, true), service(), slice(1, true)]);
    let now = at("04:00:00");
    let api = owner("Deployment", "api");
    let claim = fact(Kind::PersistentVolumeClaim, json!({"metadata": meta("data", 1, None)}));
    assert_eq!(index.apply(claim, now).owners, [api.clone(), owner("PersistentVolumeClaim", "data")].into());
    assert_eq!(names(index.pods_of_claim("shop", "data")), ["api-1"]);
    let node = fact(Kind::Node, json!({"metadata": {"name": "n1", "uid": "u"}}));
    let n1 = ObjectRef { kind: "Node".into(), namespace: Text::new(), name: "n1".into() };
    assert_eq!(index.apply(node, now).owners, [api.clone(), n1].into());
    let event = |name: &str, time: &str| {
        fact(
            Kind::Event,
            json!({"metadata": {"name": name, "namespace": "shop"}, "lastTimestamp": format!("2026-11-24T{time}Z"),
                   "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "api-1", "uid": "uid-api-1"}}),
        )
    };
    assert_eq!(index.apply(event("a", "03:00:00"), now).owners, [api.clone()].into());
    assert_eq!(index.apply(event("b", "02:00:00"), now).owners, [api.clone()].into());
    let events = index.events_of(&"uid-api-1".into()).map(|event| event.meta().name.as_str());
    assert_eq!(events.collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(index.delete(&key(Kind::Service, "api"), now).owners, [api, owner("Service", "api")].into());
    assert_eq!(index.delete(&key(Kind::Service, "api"), now), Touched::default());
}

#[test]
fn what_a_node_evicts_touches_the_node_and_all_it_evicted_before() {
    let evicted = |name: &str, version: u64| {
        let mut object =
            json!({"metadata": meta(name, version, None), "spec": {"nodeName": "n1"}, "status": {"phase": "Failed"}});
        object["status"]["reason"] = json!("Evicted");
        fact(Kind::Pod, object)
    };
    let node = fact(Kind::Node, json!({"metadata": {"name": "n1", "uid": "n1", "resourceVersion": "1"}}));
    let mut index = index(vec![node, pod("well", 1, None, 0, true), evicted("first", 1)]);
    let n1 = ObjectRef { kind: "Node".into(), namespace: Text::new(), name: "n1".into() };
    let all = [n1, owner("Pod", "first"), owner("Pod", "second")];
    assert_eq!(index.apply(evicted("second", 2), at("04:00:00")).owners, all.into());
}

#[test]
fn events_that_say_that_all_goes_well_are_not_held() {
    let event = |kind: &str, reason: &str| {
        let about = json!({"kind": "Pod", "namespace": "shop", "name": "api-1", "uid": "uid-api-1"});
        let metadata = json!({"name": reason, "namespace": "shop", "uid": reason, "resourceVersion": "1"});
        fact(Kind::Event, json!({"metadata": metadata, "involvedObject": about, "type": kind, "reason": reason}))
    };
    let mut index = index(vec![pod("api-1", 1, None, 0, true)]);
    assert_eq!(index.apply(event("Normal", "Pulled"), at("04:00:00")), Touched::default());
    for read in [event("Warning", "Failed"), event("Normal", "Killing"), event("", "Unknown")] {
        assert_eq!(index.apply(read, at("04:00:00")).owners, [owner("Pod", "api-1")].into());
    }
    assert_eq!(index.count(Kind::Event), 3);
}

#[test]
fn services_count_the_endpoints_of_their_slices_else_the_pods_they_select() {
    let api = owner("Deployment", "api");
    let facts =
        vec![replica_set("api-1a", API), pod("api-1", 1, SET, 0, true), pod("api-2", 1, SET, 0, false), service()];
    let mut index = index(facts);
    let counts = |index: &ClusterIndex| {
        index.services_hit_by(&api).iter().map(|s| (s.name.clone(), s.ready_endpoints, s.endpoints)).collect::<Vec<_>>()
    };
    assert_eq!(counts(&index), [("api".to_owned(), 1, 2)]);
    index.apply(slice(1, true), at("04:00:00"));
    assert_eq!(counts(&index), [("api".to_owned(), 1, 2)]);
    let touched = index.apply(slice(2, false), at("04:00:00"));
    assert_eq!(counts(&index), [("api".to_owned(), 0, 2)]);
    let lost = TransitionKind::LostLastEndpoint("api".into());
    let lost = |owner| Transition { owner, at: at("04:00:00"), kind: lost.clone() };
    assert_eq!(touched.transitions, [lost(api), lost(owner("Service", "api"))]);
}

#[test]
fn a_fresh_list_takes_out_what_is_not_in_it_in_its_scope_only() {
    let mut index = index(vec![pod("a", 1, None, 0, true), pod("b", 1, None, 0, true), service()]);
    assert_eq!(index.replace(Kind::Pod, Some("other"), vec![], at("04:00:00")), Touched::default());
    let touched = index.replace(Kind::Pod, Some("shop"), vec![pod("b", 1, None, 0, true)], at("04:00:00"));
    assert_eq!(touched.owners, [owner("Pod", "a"), owner("Service", "api")].into());
    assert_eq!((index.count(Kind::Pod), index.count(Kind::Service)), (1, 1));
    index.replace(Kind::Pod, None, vec![], at("04:00:00"));
    index.replace(Kind::Service, None, vec![], at("04:00:00"));
    assert_eq!(index.namespaces(), BTreeSet::new());
}

/// What may happen to each object, in its own order.
fn stories() -> Vec<Vec<Option<Fact>>> {
    let claim = fact(Kind::PersistentVolumeClaim, json!({"metadata": meta("data", 1, None)}));
    let deployment = fact(Kind::Deployment, json!({"metadata": meta("api", 1, None)}));
    let event = fact(
        Kind::Event,
        json!({"metadata": {"name": "e", "namespace": "shop"}, "involvedObject": {"uid": "uid-api-1"}}),
    );
    let ingress = fact(
        Kind::Ingress,
        json!({"metadata": meta("web", 1, None), "spec": {"defaultBackend": {"service": {"name": "api"}}}}),
    );
    let scaler = fact(
        Kind::HorizontalPodAutoscaler,
        json!({"metadata": meta("scaler", 1, None),
               "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}}}),
    );
    let of = |kind: Kind, name: &str, body: Value| {
        let mut object = body;
        object["metadata"] = json!({"name": name, "uid": format!("uid-{name}"), "resourceVersion": "1"});
        if kind.is_namespaced() {
            object["metadata"]["namespace"] = json!("shop");
        }
        vec![Some(fact(kind, object))]
    };
    let hook =
        json!({"webhooks": [{"name": "a.example", "clientConfig": {"service": {"namespace": "shop", "name": "api"}}}]});
    let job =
        |name: &str| fact(Kind::Job, json!({"metadata": meta(name, 1, Some(("batch/v1", "CronJob", "nightly")))}));
    vec![
        of(Kind::Namespace, "shop", json!({})),
        of(Kind::Node, "n1", json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}})),
        of(Kind::ValidatingWebhookConfiguration, "validates", hook.clone()),
        of(Kind::MutatingWebhookConfiguration, "mutates", hook),
        of(
            Kind::ApiService,
            "v1beta1.metrics.k8s.io",
            json!({"spec": {"service": {"namespace": "shop", "name": "api"}}}),
        ),
        of(Kind::StorageClass, "fast", json!({})),
        of(Kind::PersistentVolume, "disk", json!({"status": {"phase": "Bound"}})),
        of(Kind::IngressClass, "nginx", json!({})),
        of(Kind::Certificate, "tls", json!({"spec": {"secretName": "tls"}})),
        of(Kind::CronJob, "nightly", json!({"spec": {"schedule": "0 3 * * *"}})),
        vec![Some(job("nightly-1")), None],
        vec![Some(job("nightly-2"))],
        vec![Some(pod("nightly-2-x", 1, Some(("batch/v1", "Job", "nightly-2")), 1, false))],
        vec![Some(deployment)],
        vec![Some(replica_set("api-1a", API))],
        vec![
            Some(pod("api-1", 1, SET, 0, false)),
            Some(pod("api-1", 2, SET, 1, true)),
            Some(pod("api-1", 3, SET, 2, false)),
            Some(pod("api-1", 4, SET, 2, true)),
        ],
        vec![Some(pod("api-2", 1, SET, 1, true)), Some(pod("api-2", 2, SET, 2, true))],
        vec![Some(pod("lone", 1, None, 1, true)), None],
        vec![Some(pod("static", 1, Some(("v1", "Node", "n1")), 1, true))],
        vec![Some(claim)],
        of(
            Kind::Pod,
            "mounts",
            json!({"spec": {"nodeName": "n1", "volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}}),
        ),
        vec![Some(service())],
        vec![Some(slice(1, true))],
        vec![Some(event)],
        vec![Some(ingress)],
        vec![Some(scaler)],
        vec![Some(pod("r", 1, Some(("argoproj.io/v1alpha1", "Rollout", "web")), 1, true))],
    ]
}

/// Everything a verdict can read, and what the history knows of the owners there are in the end.
fn picture(index: &ClusterIndex, history: &crate::cluster::History) -> String {
    let mut lines = Vec::new();
    for owner in index.owners() {
        let pods = names(index.pods_of(&owner)).join(",");
        let services = index.services_hit_by(&owner);
        let events = index.pods_of(&owner).map(|pod| index.events_of(&pod.meta().uid).count()).sum::<usize>();
        let past: Vec<_> = history.since(&owner, Timestamp::MIN).map(|t| format!("{} {:?}", t.at, t.kind)).collect();
        lines.push(format!("{owner}: pods {pods}; {services:?}; {events} events; {past:?}"));
    }
    lines.push(format!("{:?}", index.links));
    lines.join("\n")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_order_that_keeps_each_objects_own_order_gives_the_same_index(
        turns in Just(stories().iter().enumerate().flat_map(|(i, s)| vec![i; s.len()]).collect::<Vec<_>>()).prop_shuffle()
    ) {
        let play = |turns: &[usize]| {
            let (mut index, mut history) = (ClusterIndex::default(), crate::cluster::History::default());
            let mut stories: Vec<_> = stories().into_iter().map(|story| (story[0].as_ref().unwrap().key(), story.into_iter())).collect();
            for turn in turns {
                let (key, story) = &mut stories[*turn];
                let touched = match story.next().unwrap() {
                    Some(fact) => index.apply(fact, at("04:00:00")),
                    None => index.delete(key, at("04:00:00")),
                };
                for transition in touched.transitions {
                    history.record(transition);
                }
            }
            let one_by_one: BTreeSet<ObjectRef> = queries::JUDGED
                .iter()
                .flat_map(|kind| index.all(*kind))
                .map(|fact| index.owner_of(&fact.key()))
                .collect();
            assert_eq!(index.owners().collect::<BTreeSet<_>>(), one_by_one);
            let picture = picture(&index, &history);
            // Nothing is left of what is deleted.
            for turn in turns {
                index.delete(&stories[*turn].0, at("04:00:00"));
            }
            assert_eq!(format!("{index:?}"), format!("{:?}", ClusterIndex::default()));
            picture
        };
        let mut in_order = turns.clone();
        in_order.sort_unstable();
        prop_assert_eq!(play(&turns), play(&in_order));
    }
}
