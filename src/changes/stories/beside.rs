//! Stories in which something beside the workload was changed: its settings, its autoscaler, who may talk to it; guilty or not.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    Story,
    causes::{IMAGE, crash},
    words::{App, Broke, HOUR, MIN, app, broke, story, time},
};
use crate::{
    changes::{Grip, Read, SettingChange, change, reading},
    cluster::ObjectRef,
    findings::ConditionClass::{
        CannotCreateContainer, Evicted, IngressBroken, NoEndpoints, NotReady, OutOfMemory, ScalingBroken, Unschedulable,
    },
    incidents::Confidence::{self, High, Low, Medium},
};

const CONFIG: &str = "ConfigMap shop/api-config";

/// An object before and after, changed then by `kubectl edit`.
fn changed(kind: &'static str, name: &str, at: i64, before: Option<&Value>, after: Option<&Value>) -> SettingChange {
    let of = ObjectRef { kind: kind.into(), namespace: "shop".into(), name: name.into() };
    let read = |object: &Value| reading(&of, object, &|text| text.len().to_string()).unwrap();
    let after = after.map(|object| {
        let mut object = object.clone();
        object["metadata"] = json!({"creationTimestamp": time(at), "managedFields": [
            {"manager": "kubectl-edit", "operation": "Update", "time": time(at), "fieldsV1": {"f:spec": {}, "f:data": {}}}]});
        object
    });
    let after = after.as_ref().map(|object| (object, read(object)));
    let now = time(at) + SignedDuration::from_secs(1);
    let when = Read { now, before: before.map(|_| time(at - HOUR)) };
    change(&of, before.map(read).as_ref(), after.as_ref().map(|(object, reading)| (*object, reading)), when).unwrap()
}

fn key_changed(at: i64) -> SettingChange {
    let data = |host: &str| json!({"data": {"DATABASE_HOST": host}});
    changed("ConfigMap", "api-config", at, Some(&data("db")), Some(&data("db-new")))
}

fn key_removed(at: i64) -> SettingChange {
    let before = json!({"data": {"DATABASE_HOST": "db"}});
    changed("ConfigMap", "api-config", at, Some(&before), Some(&json!({"data": {}})))
}

fn deny_all(at: i64) -> SettingChange {
    let policy = json!({"spec": {"podSelector": {}, "policyTypes": ["Ingress"]}});
    changed("NetworkPolicy", "deny-all", at, None, Some(&policy))
}

fn at_most(at: i64, max: i32) -> SettingChange {
    let of = |max: i32| json!({"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "api"}, "maxReplicas": max}});
    changed("HorizontalPodAutoscaler", "api", at, Some(&of(10)), Some(&of(max)))
}

/// One change beside, and what it makes.
struct One(SettingChange, Grip, bool, usize);

fn tell(name: &'static str, app: &App, one: One, broke: &Broke, right: Option<&str>, at_most: Confidence) -> Story {
    let One(change, grip, is_named, elsewhere) = one;
    let told = story(name, app, broke, None, at_most);
    Story { settings: vec![(change, grip, is_named, elsewhere)], right: right.map(str::to_owned), ..told }
}

#[expect(clippy::too_many_lines, reason = "a table of stories")]
pub(super) fn stories() -> Vec<Story> {
    use Grip::{Itself, LeadsTo, Mounted, OthersAreWell, Scales, Selects, SelectsSome, StartedBefore, StartedSince};
    let restarted = app()
        .then(-3 * MIN, [("/metadata/annotations/kubectl.kubernetes.io~1restartedAt", json!("2026-11-24T13:57:00Z"))]);
    let image = || app().then(-3 * MIN, [(IMAGE, json!("ghcr.io/shop/api:5.8.0"))]);
    let cannot_create = broke([(CannotCreateContainer, Some("api"))]).pods_of([1]);
    let not_ready = broke([(NotReady, Some("api"))]).pods_of([1]);
    let crashes = crash().pods_of([1]);
    let route = |service: &str| {
        json!({"spec": {"rules": [{"host": "shop.example", "http": {"paths": [
        {"path": "/", "backend": {"service": {"name": service, "port": {"number": 80}}}}]}}]}})
    };
    let leads_wrong = || changed("Ingress", "web", -2 * MIN, Some(&route("api")), Some(&route("apii")));
    let budget = |least: i32| json!({"spec": {"minAvailable": least, "selector": {"matchLabels": {"app": "api"}}}});
    vec![
        tell(
            "a key that is gone, and the container cannot be created for just that",
            &app(),
            One(key_removed(-4 * MIN), StartedSince, true, 0),
            &cannot_create,
            Some(CONFIG),
            High,
        ),
        tell(
            "a key that is gone since hours, until a pod was moved",
            &app(),
            One(key_removed(-9 * HOUR), StartedSince, true, 0),
            &cannot_create,
            Some(CONFIG),
            High,
        ),
        tell(
            "a key was changed, and it is a Secret that is missing",
            &app(),
            One(key_changed(-4 * MIN), StartedSince, false, 0),
            &cannot_create,
            None,
            Low,
        ),
        tell(
            "another database, read at a restart by hand",
            &restarted,
            One(key_changed(-4 * MIN), StartedSince, false, 0),
            &crash().pods_of([2]),
            Some(CONFIG),
            High,
        ),
        tell(
            "another database and a new image at once: either may be it",
            &image(),
            One(key_changed(-4 * MIN), StartedSince, false, 0),
            &crash().pods_of([2]),
            Some("rollout #2"),
            Medium,
        ),
        tell(
            "a key was changed, and the pods that crash started long before",
            &app(),
            One(key_changed(-4 * MIN), StartedBefore, false, 0),
            &crashes,
            None,
            Low,
        ),
        tell(
            "a file was changed that is mounted, and nothing was started anew",
            &app(),
            One(key_changed(-4 * MIN), Mounted, false, 0),
            &crashes,
            Some(CONFIG),
            Medium,
        ),
        tell(
            "a key was changed, and other pods that read it are well",
            &app(),
            One(key_changed(-4 * MIN), OthersAreWell, false, 0),
            &crashes,
            None,
            Low,
        ),
        tell(
            "a key was changed, and others that do not read it crash as well",
            &app(),
            One(key_changed(-4 * MIN), StartedSince, false, 3),
            &crashes.clone().with_others(3),
            Some(CONFIG),
            Medium,
        ),
        tell(
            "a key was changed after it broke",
            &app(),
            One(key_changed(3 * MIN), StartedSince, false, 0),
            &crashes,
            None,
            Low,
        ),
        tell(
            "a policy lets nothing in any more",
            &app(),
            One(deny_all(-2 * MIN), Selects, false, 0),
            &not_ready,
            Some("NetworkPolicy shop/deny-all"),
            High,
        ),
        tell(
            "a policy lets nothing in any more, and its Service has no endpoints",
            &app(),
            One(deny_all(-2 * MIN), Selects, false, 0),
            &broke([(NoEndpoints, None)]),
            Some("NetworkPolicy shop/deny-all"),
            High,
        ),
        tell(
            "a policy that selects only some of the pods that are hit",
            &app(),
            One(deny_all(-2 * MIN), SelectsSome, false, 0),
            &not_ready,
            None,
            Low,
        ),
        tell(
            "a policy was made, and the pods are killed for memory",
            &app(),
            One(deny_all(-2 * MIN), Selects, false, 0),
            &broke([(OutOfMemory, Some("api"))]).pods_of([1]),
            None,
            Low,
        ),
        tell(
            "fewer replicas at most, and those that are left are not ready",
            &app(),
            One(at_most(-10 * MIN, 2), Scales, false, 0),
            &not_ready,
            Some("HorizontalPodAutoscaler shop/api"),
            Medium,
        ),
        tell(
            "more replicas at most than the nodes take",
            &app(),
            One(at_most(-4 * MIN, 90), Scales, false, 0),
            &broke([(Unschedulable, None)]).pods_of([1]),
            Some("HorizontalPodAutoscaler shop/api"),
            Medium,
        ),
        tell(
            "an autoscaler that was changed cannot scale",
            &app(),
            One(at_most(-8 * MIN, 2), Itself, false, 0),
            &broke([(ScalingBroken, None)]),
            Some("HorizontalPodAutoscaler shop/api"),
            High,
        ),
        tell(
            "an Ingress leads to a Service that is not there",
            &app(),
            One(leads_wrong(), Itself, false, 0),
            &broke([(IngressBroken, None)]),
            Some("Ingress shop/web"),
            High,
        ),
        tell(
            "an Ingress was changed, and what is behind it crashes",
            &app(),
            One(leads_wrong(), LeadsTo, false, 0),
            &crashes,
            None,
            Low,
        ),
        tell(
            "a budget was lowered, and a kubelet that is short of memory evicts",
            &app(),
            One(changed("PodDisruptionBudget", "api", -5 * MIN, Some(&budget(2)), Some(&budget(1))), Selects, false, 0),
            &broke([(Evicted, None)]).pods_of([1]),
            None,
            Low,
        ),
    ]
}
