//! What happens in clusters, as time goes by, and every message people see of it: each story asserts the whole list.

#![expect(clippy::indexing_slicing, reason = "fields of objects that the story made itself")]

mod alone;
mod away;
mod nodes;
mod quiet;
mod shared;
mod storm;

use std::time::Duration;

use k8s_monitor::sandbox::kubernetes::{Workload, deployment, story};
use serde_json::Value;

use crate::harness::BotTester;

const HOURS: Duration = Duration::from_hours(3);

/// A namespace `shop` on a control-plane node and a worker.
fn a_cluster(bot: &mut BotTester) {
    let then = bot.now() - HOURS;
    let nodes = [story::node("node-1", true, Ok(then)), story::node("node-2", false, Ok(then))];
    bot.cluster().apply_all(nodes.into_iter().chain([story::namespace("shop", then)]));
}

/// A workload of two replicas that has been there for hours.
fn workload(bot: &BotTester, name: &str) -> Workload {
    deployment(name, bot.now() - HOURS).replicas(2)
}

/// It is there as it is said to be.
fn apply(bot: &mut BotTester, workload: &Workload) {
    let now = bot.now();
    bot.cluster().apply_all(workload.objects(now));
}

/// All of them at once.
fn apply_all(bot: &mut BotTester, workloads: impl IntoIterator<Item = Workload>) {
    let now = bot.now();
    let objects: Vec<Value> = workloads.into_iter().flat_map(|workload| workload.objects(now)).collect();
    bot.cluster().apply_all(objects);
}

/// From one moment to the next; pods that are replaced are gone.
fn becomes(bot: &mut BotTester, before: &Workload, after: &Workload) {
    let changes = after.change_from(Some(before), bot.now());
    bot.cluster().play(&changes);
}

/// The objects of a kind among those of a workload.
fn objects_of(workload: &Workload, kind: &str, bot: &BotTester) -> Vec<Value> {
    workload.objects(bot.now()).into_iter().filter(|object| object["kind"] == kind).collect()
}

/// Shows a story without what differs from run to run: the address of the API server, and how the network says that it is away.
fn steady(bot: &mut BotTester, story: &str) -> String {
    let address = bot.cluster().url();
    let line = |line: &str| match line.split_once(&address) {
        Some((before, _)) => format!("{before}https://cluster:6443 ..."),
        None => line.to_owned(),
    };
    story.lines().map(line).collect::<Vec<_>>().join("\n")
}
