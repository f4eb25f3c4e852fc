//! Stories in which no rollout is the cause, although there may be one nearby.

use serde_json::json;

use super::{
    Story,
    causes::{IMAGE, MEMORY, crash, killed},
    words::{App, HOUR, MIN, app, broke, new_app, story},
};
use crate::{
    findings::ConditionClass::{ImagePull, NotReady, Unschedulable},
    incidents::Confidence::{Low, Medium},
};

fn image(at: i64) -> App {
    app().then(at, [(IMAGE, json!("ghcr.io/shop/api:5.8.0"))])
}

pub(super) fn stories() -> Vec<Story> {
    let port = || app().then(-3 * MIN, [("/metadata/annotations/prometheus.io~1scrape", json!("true"))]);
    vec![
        story("nothing was rolled out", &app(), &crash().pods_of([1]), None, Low),
        // These make no version of the template: what is scaled, by hand or by an autoscaler, and what is noted at the workload.
        story(
            "only scaled, by hand or by an autoscaler",
            &app(),
            &broke([(Unschedulable, None)]).pods_of([1]),
            None,
            Low,
        ),
        story("a CronJob ran at that time", &image(-48 * HOUR), &crash().pods_of([2]), None, Low),
        story(
            "a node is down, and its pods are of the version before",
            &image(-6 * MIN),
            &broke([(NotReady, Some("api"))]).pods_of([1]).with_others(4),
            None,
            Low,
        ),
        story(
            "a node is down, and its pods are of the new version",
            &image(-12 * MIN),
            &broke([(NotReady, Some("api"))]).pods_of([2]).with_others(4),
            None,
            Medium,
        ),
        story(
            "the database is down, and pods of both versions crash",
            &image(-3 * MIN),
            &crash().pods_of([1, 2]).with_others(3),
            None,
            Medium,
        ),
        story(
            "a database elsewhere is down, and pods of both versions crash",
            &image(-3 * MIN),
            &crash().pods_of([1, 2]),
            None,
            Medium,
        ),
        story(
            "the database is down long after a rollout",
            &image(-25 * MIN),
            &crash().pods_of([2]).with_others(3),
            None,
            Medium,
        ),
        story(
            "the registry is down, and a limit was changed",
            &app().then(-10 * MIN, [(MEMORY, json!("1Gi"))]),
            &broke([(ImagePull, None)]).pods_of([2]).with_others(6),
            None,
            Low,
        ),
        story(
            "the cluster is full, and an image was rolled out an hour ago",
            &image(-HOUR),
            &broke([(Unschedulable, None)]).pods_of([2]),
            None,
            Low,
        ),
        story(
            "a pod of the version before is killed for memory while another is rolled out",
            &app().then(-2 * MIN, [(MEMORY, json!("256Mi"))]),
            &killed().pods_of([1]),
            None,
            Low,
        ),
        story(
            "an annotation for the metrics, and the image cannot be pulled",
            &port(),
            &broke([(ImagePull, None)]).pods_of([2]),
            None,
            Medium,
        ),
        story(
            "rolled back hours ago, and what came before that is not to blame",
            &image(-8 * HOUR).back_to(-7 * HOUR, 1),
            &crash().pods_of([3]),
            None,
            Low,
        ),
        story(
            "the sidecar's limit, and the main container is killed for memory",
            &app().then(-10 * MIN, [("/spec/containers/1/resources/limits/memory", json!("64Mi"))]),
            &killed().pods_of([2]),
            None,
            Medium,
        ),
        // Only the newest version is broken; what it has from the one before does no harm there.
        story(
            "a new workload is rolled out again with a harmless change, and only those pods cannot pull",
            &new_app(-4 * MIN).then(-2 * MIN, [("/metadata/annotations/prometheus.io~1scrape", json!("true"))]),
            &broke([(ImagePull, None)]).pods_of([2]).spares([1]),
            None,
            Low,
        ),
    ]
}
