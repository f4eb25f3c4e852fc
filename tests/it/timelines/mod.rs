//! What happens in clusters, as time goes by, and every message people see of it: each story asserts the whole list.

#![expect(clippy::indexing_slicing, reason = "fields of objects that the story made itself")]

mod alone;
mod away;
mod nodes;
mod quiet;
mod shared;
mod storm;

use k8s_monitor::sandbox::kubernetes::{Workload, story};
use serde_json::Value;

use crate::harness::{
    BotTester,
    shop::{HOURS, apply, becomes, workload},
};

/// A namespace `shop` on a control-plane node and a worker.
fn a_cluster(bot: &mut BotTester) {
    let then = bot.now() - HOURS;
    let nodes = [story::node("node-1", true, Ok(then)), story::node("node-2", false, Ok(then))];
    bot.cluster().apply_all(nodes.into_iter().chain([story::namespace("shop", then)]));
}

/// All of them at once.
fn apply_all(bot: &mut BotTester, workloads: impl IntoIterator<Item = Workload>) {
    let now = bot.now();
    let objects: Vec<Value> = workloads.into_iter().flat_map(|workload| workload.objects(now)).collect();
    bot.cluster().apply_all(objects);
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
