//! Stories in which a rollout is the cause: each kind of change and the trouble it makes.

use serde_json::json;

use super::{
    Story,
    words::{App, Broke, MIN, app, broke, new_app, story},
};
use crate::{
    findings::ConditionClass::{
        CannotCreateContainer, Crash, ImagePull, NearLimit, NoEndpoints, NotReady, OutOfMemory, Refused, RolloutStuck,
        Unschedulable, Volume,
    },
    incidents::Confidence::{High, Medium},
};

/// Places in the template.
pub(super) const IMAGE: &str = "/spec/containers/0/image";
pub(super) const MEMORY: &str = "/spec/containers/0/resources/limits/memory";
pub(super) const ENV: &str = "/spec/containers/0/env";

pub(super) fn crash() -> Broke {
    broke([(Crash, Some("api"))])
}

pub(super) fn killed() -> Broke {
    broke([(OutOfMemory, Some("api"))])
}

/// One change five minutes before, and what it makes.
fn one(name: &'static str, path: &str, value: serde_json::Value, broke: &Broke) -> Story {
    story(name, &changed(path, value), &broke.clone().pods_of([2]), Some(2), High)
}

fn changed(path: &str, value: serde_json::Value) -> App {
    app().then(-5 * MIN, [(path, value)])
}

#[expect(clippy::too_many_lines, reason = "a table of stories")]
pub(super) fn stories() -> Vec<Story> {
    let image = || json!("ghcr.io/shop/api:5.8.0");
    let label = changed("/metadata/labels", json!({"app": "api"}));
    let sidecar = |at| app().then(at, [("/spec/containers/1/image", json!("envoy:1.31.0"))]);
    vec![
        one("a lower memory limit, killed for it", MEMORY, json!("256Mi"), &killed()),
        one("a lower memory limit, near it", MEMORY, json!("300Mi"), &broke([(NearLimit, Some("api"))])),
        one("an image that is not there", IMAGE, image(), &broke([(ImagePull, None), (RolloutStuck, None)])),
        one("a new image crashes", IMAGE, image(), &crash()),
        one("a new image is never ready", IMAGE, image(), &broke([(NotReady, Some("api"))])),
        one(
            "another path of the readiness probe",
            "/spec/containers/0/readinessProbe/httpGet/path",
            json!("/ready"),
            &broke([(NotReady, Some("api")), (RolloutStuck, None)]),
        ),
        one("a liveness probe that kills", "/spec/containers/0/livenessProbe/httpGet/path", json!("/alive"), &crash()),
        one(
            "requests no node has",
            "/spec/containers/0/resources/requests/cpu",
            json!("64"),
            &broke([(Unschedulable, None)]),
        ),
        one("a node selector no node has", "/spec/nodeSelector/disk", json!("ssd"), &broke([(Unschedulable, None)])),
        one(
            "settings from a ConfigMap that is not there",
            "/spec/containers/0/envFrom",
            json!([{"configMapRef": {"name": "settings"}}]),
            &broke([(CannotCreateContainer, None)]),
        ),
        one("a variable that is gone", ENV, json!([]), &crash()),
        one("other arguments", "/spec/containers/0/args", json!(["--prot=8080"]), &crash()),
        one(
            "a claim that is not there",
            "/spec/volumes",
            json!([{"name": "data", "persistentVolumeClaim": {"claimName": "date"}}]),
            &broke([(Volume, None)]),
        ),
        one(
            "as a user the policy forbids",
            "/spec/securityContext",
            json!({"runAsUser": 0}),
            &broke([(Refused, None)]),
        ),
        // Of a Service without endpoints it is not known which pods are meant.
        story(
            "another port, so nothing listens where the Service asks",
            &changed("/spec/containers/0/ports", json!([{"name": "http", "containerPort": 9090}])),
            &broke([(NoEndpoints, None)]),
            Some(2),
            Medium,
        ),
        story("a label that the Service selects is gone", &label, &broke([(NoEndpoints, None)]), Some(2), Medium),
        story(
            "image and limit at once, killed for memory",
            &app().then(-3 * MIN, [(IMAGE, image()), (MEMORY, json!("128Mi"))]),
            &killed().pods_of([2]),
            Some(2),
            High,
        ),
        story(
            "the first version of a new workload crashes",
            &new_app(-2 * MIN),
            &crash().pods_of([1]),
            Some(1),
            Medium,
        ),
        story(
            "only started anew, and what it reads has changed since",
            &app().then(
                -2 * MIN,
                [("/metadata/annotations/kubectl.kubernetes.io~1restartedAt", json!("2026-11-24T13:58:00Z"))],
            ),
            &crash().pods_of([2]),
            Some(2),
            Medium,
        ),
        story(
            "the sidecar's image, and the sidecar crashes",
            &sidecar(-2 * MIN),
            &broke([(Crash, Some("proxy"))]).pods_of([2]),
            Some(2),
            High,
        ),
        // It may have: the main one speaks through it. But it is not the one that was changed.
        story(
            "the sidecar's image, and the main container crashes",
            &sidecar(-2 * MIN),
            &crash().pods_of([2]),
            Some(2),
            Medium,
        ),
        story(
            "a database is rolled out and takes with it who needs it",
            &app().then(-MIN, [(IMAGE, image())]),
            &crash().pods_of([2]).with_others(5),
            Some(2),
            Medium,
        ),
        story(
            "versions before are not kept",
            &app().keeps(0).then(-2 * MIN, [(IMAGE, image())]),
            &crash().pods_of([2]),
            Some(2),
            Medium,
        ),
    ]
}
