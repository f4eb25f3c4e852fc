//! What most stories begin with: a cluster whose workloads have been well for hours, and what becomes of them.

use std::time::Duration;

use k8s_monitor::sandbox::kubernetes::{Workload, deployment, story};

use super::BotTester;

/// How long everything has been there when a story begins.
pub(crate) const HOURS: Duration = Duration::from_hours(3);

/// A namespace `shop` on one node.
pub(crate) fn a_cluster(bot: &mut BotTester) {
    a_cluster_with(bot, &["shop"]);
}

/// These namespaces on one node.
pub(crate) fn a_cluster_with(bot: &mut BotTester, namespaces: &[&str]) {
    let then = bot.now() - HOURS;
    let namespaces = namespaces.iter().map(|name| story::namespace(name, then));
    bot.cluster().apply_all(std::iter::once(story::node("node-1", true, Ok(then))).chain(namespaces));
}

/// A workload of two replicas that is well.
pub(crate) fn workload(bot: &BotTester, name: &str) -> Workload {
    deployment(name, bot.now() - HOURS).replicas(2)
}

/// It is there as it is said to be.
pub(crate) fn apply(bot: &mut BotTester, workload: &Workload) {
    let now = bot.now();
    bot.cluster().apply_all(workload.objects(now));
}

/// From one moment to the next; pods that are replaced are gone.
pub(crate) fn becomes(bot: &mut BotTester, before: &Workload, after: &Workload) {
    let changes = after.change_from(Some(before), bot.now());
    bot.cluster().play(&changes);
}

/// All its pods crash.
pub(crate) fn crashes(bot: &mut BotTester, workload: &Workload) -> Workload {
    let broken = workload.clone().pods_made_anew(bot.now() - Duration::from_mins(10)).crash_looping(6, false);
    becomes(bot, workload, &broken);
    broken
}
