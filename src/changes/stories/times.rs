//! Stories in which the order of things decides: decoys, two rollouts, rollbacks, clocks that differ, slow trouble.

use serde_json::json;

use super::{
    Story,
    causes::{ENV, IMAGE, MEMORY, crash, killed},
    words::{App, HOUR, MIN, app, broke, story},
};
use crate::{
    findings::ConditionClass::ImagePull,
    incidents::Confidence::{High, Low, Medium},
};

fn image(app: App, at: i64, tag: &str) -> App {
    app.then(at, [(IMAGE, json!(format!("ghcr.io/shop/api:{tag}")))])
}

fn limit(app: App, at: i64, limit: &str) -> App {
    app.then(at, [(MEMORY, json!(limit))])
}

fn env(app: App, at: i64, value: &str) -> App {
    app.then(at, [(ENV, json!([{"name": "DEPLOY_ENV", "value": value}]))])
}

#[expect(clippy::too_many_lines, reason = "a table of stories")]
pub(super) fn stories() -> Vec<Story> {
    let decoys = || env(image(limit(app(), -6 * HOUR, "600Mi"), -4 * HOUR, "5.7.1"), -3 * HOUR, "blue");
    let probe = |app: App, at| app.then(at, [("/spec/containers/0/readinessProbe/periodSeconds", json!(5))]);
    vec![
        story("the last of five rollouts", &limit(decoys(), -4 * MIN, "256Mi"), &killed().pods_of([5]), Some(5), High),
        story(
            "a limit, and two minutes later a probe: killed for memory",
            &probe(limit(app(), -6 * MIN, "256Mi"), -4 * MIN),
            &killed().pods_of([3]),
            Some(2),
            High,
        ),
        story(
            "a probe, and two minutes later a limit: killed for memory",
            &limit(probe(app(), -6 * MIN), -4 * MIN, "256Mi"),
            &killed().pods_of([3]),
            Some(3),
            High,
        ),
        story(
            "a bad image, and two minutes later a limit: the image cannot be pulled",
            &limit(image(app(), -5 * MIN, "5.8.O"), -3 * MIN, "1Gi"),
            &broke([(ImagePull, None)]).pods_of([3]),
            Some(2),
            High,
        ),
        story(
            "two images within minutes: the later one crashes",
            &image(image(app(), -6 * MIN, "5.8.0"), -2 * MIN, "5.8.1"),
            &crash().pods_of([3]),
            Some(3),
            High,
        ),
        story(
            "a rollout that goes on while the one before crashes",
            &image(image(app(), -9 * MIN, "5.8.0"), 2 * MIN, "5.8.1"),
            &crash().pods_of([2, 3]),
            Some(2),
            High,
        ),
        story(
            "somebody sets another variable after it broke, and it does not help",
            &env(limit(app(), -4 * MIN, "256Mi"), 5 * MIN, "blue"),
            &killed().pods_of([3]),
            Some(2),
            High,
        ),
        story("a rollout after it broke", &image(app(), 5 * MIN, "5.8.0"), &crash().pods_of([1]), None, Low),
        story("a clock that is 20 s late", &image(app(), 20, "5.8.0"), &crash().pods_of([2]), Some(2), High),
        story("a clock that is 20 s early", &image(app(), -20, "5.8.0"), &crash().pods_of([2]), Some(2), High),
        story("in the same second", &image(app(), 0, "5.8.0"), &crash().pods_of([2]), Some(2), High),
        story(
            "two minutes after it broke is no clock",
            &image(app(), 2 * MIN, "5.8.0"),
            &crash().pods_of([2]),
            None,
            Low,
        ),
        story(
            "rolled back to a version that no longer works",
            &image(app(), -5 * HOUR, "5.8.0").back_to(-3 * MIN, 1),
            &crash().pods_of([3]),
            Some(3),
            High,
        ),
        story(
            "a revert as a new version: the limit is as small as before",
            &limit(limit(app(), -5 * HOUR, "2Gi"), -4 * MIN, "500Mi"),
            &killed().pods_of([3]),
            Some(3),
            High,
        ),
        story(
            "rolled back after it broke, while the bad pods still end",
            &image(app(), -5 * MIN, "5.8.0").back_to(4 * MIN, 1),
            &crash().pods_of([2]),
            Some(2),
            High,
        ),
        // The pods that come up now are not ready yet, or it was not the rollout.
        story(
            "rolled back after it broke, and only those pods are hit",
            &image(app(), -5 * MIN, "5.8.0").back_to(4 * MIN, 1),
            &crash().pods_of([3]),
            Some(2),
            Medium,
        ),
        story(
            "a leak, three hours after the limit",
            &limit(app(), -3 * HOUR, "400Mi"),
            &killed().pods_of([2]),
            Some(2),
            Medium,
        ),
        story(
            "a leak, twenty hours after the limit",
            &limit(app(), -20 * HOUR, "400Mi"),
            &killed().pods_of([2]),
            Some(2),
            Medium,
        ),
        story(
            "a leak that came with an image ten hours ago",
            &image(app(), -10 * HOUR, "5.8.0"),
            &killed().pods_of([2]),
            Some(2),
            Low,
        ),
        story("25 hours before", &limit(app(), -25 * HOUR, "400Mi"), &killed().pods_of([2]), None, Low),
        story("20 minutes before", &limit(app(), -20 * MIN, "256Mi"), &killed().pods_of([2]), Some(2), High),
        story("40 minutes before", &limit(app(), -40 * MIN, "256Mi"), &killed().pods_of([2]), Some(2), Medium),
        // What leaks hits those that are well later.
        story(
            "a limit, and two minutes later a probe: the newest pod is the first that is killed",
            &probe(limit(app(), -6 * MIN, "256Mi"), -4 * MIN),
            &killed().pods_of([3]).spares([2]),
            Some(2),
            High,
        ),
        // That the ones before run well speaks for the newest, whatever it changed.
        story(
            "two rollouts within minutes, and only the pods of the later one crash",
            &image(app(), -6 * MIN, "5.8.0")
                .then(-2 * MIN, [("/metadata/annotations/prometheus.io~1scrape", json!("true"))]),
            &crash().pods_of([3]).spares([2]),
            Some(3),
            Medium,
        ),
    ]
}
