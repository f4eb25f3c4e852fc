//! Beside another process on the same database, which is there as rows only: what is left to it, and what is said of it. On SQLite, which
//! is for one process, these stories do not happen.

use std::time::Duration;

use k8s_monitor::{cluster::ClusterId, conversation::standing::ClusterStanding, store::Store};
use serde_json::json;

use crate::harness::{
    BotTester, run_test,
    shop::{a_cluster, apply, workload},
};

/// Another process, as its leases call it.
const OTHER: &str = "process 7 on west, since 2026-11-24T13:00:00Z, beef";
/// The same machine, an hour before.
const EARLIER: &str = "process 6 on west, since 2026-11-24T12:00:00Z, cafe";

/// The bot's store, if other processes may use it, too.
async fn shared(bot: &BotTester) -> anyhow::Result<Option<Store>> {
    Ok(Some(bot.store().await?).filter(Store::is_shared))
}

/// The other process, which watches these clusters.
fn holder(clusters: &str, process: &str) -> String {
    format!("{clusters}: {process}")
}

/// The other process has the right to that cluster, for longer than any story.
async fn leaves(store: &Store, cluster: &str, holder: &str, seconds: u64) -> anyhow::Result<()> {
    store.take_lease(&format!("cluster {cluster}"), holder, Duration::from_secs(seconds)).await?;
    Ok(())
}

/// A process wrote down how its cluster stands.
async fn writes(bot: &BotTester, store: &Store, (cluster, by): (&str, &str), ago: i64) -> anyhow::Result<()> {
    let standing = ClusterStanding {
        name: cluster.to_owned(),
        id: Some(ClusterId("5a4db0c5-0000-4000-8000-000000000100".to_owned())),
        complete: true,
        ..ClusterStanding::default()
    };
    let at = bot.now() - jiff::SignedDuration::from_secs(ago);
    let written = json!({"by": by, "at": at, "standing": standing});
    store.put(&format!("standing of {cluster}"), &written.to_string()).await?;
    Ok(())
}

/// A shop in a cluster called `production`.
fn a_shop(bot: &mut BotTester) {
    a_cluster(bot);
    let web = workload(bot, "shop/web");
    apply(bot, &web);
}

#[tokio::test]
async fn a_cluster_that_another_process_watches_is_told_as_that_process_sees_it_and_no_longer_than_it_is_heard() {
    run_test(async |bot| {
        let Some(store) = shared(bot).await? else { return Ok(()) };
        a_shop(bot);
        bot.has_too("edge").await?;
        let other = holder("production, edge", OTHER);
        leaves(&store, "edge", &other, 600).await?;
        bot.sets_out_beside_others().await?;
        bot.workspace().wait_for_sockets(2).await?;
        bot.until("production is seen", |pulse| pulse.complete).await?;
        let mut told = Vec::new();
        told.push(bot.hears("/k8s status").await?);
        writes(bot, &store, ("edge", &holder("production, edge", EARLIER)), 1).await?;
        told.push(bot.hears("/k8s status").await?);
        writes(bot, &store, ("edge", &other), 60).await?;
        told.push(bot.hears("/k8s status").await?);
        writes(bot, &store, ("edge", &other), 5).await?;
        told.push(bot.hears("/k8s status").await?);
        let of_edge =
            |text: &String| text.lines().filter(|line| line.contains("*edge:")).collect::<Vec<_>>().join(" / ");
        insta::assert_snapshot!(told.iter().map(of_edge).collect::<Vec<_>>().join("\n"), @r"
        ⚪ *edge: I cannot say.* No incident is open, but process 7 on west has just begun to watch it.
        ⚪ *edge: I cannot say.* No incident is open, but process 7 on west has just begun to watch it.
        ⚪ *edge: I cannot say.* No incident is open, but process 7 on west watches it and is not heard.
        🟢 *edge: healthy.* No incident is open. · watched by process 7 on west
        ");
        store.close().await;
        bot.stops().await;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_only_cluster_may_be_watched_by_another_process_than_the_one_that_answers() {
    run_test(async |bot| {
        let Some(store) = shared(bot).await? else { return Ok(()) };
        a_shop(bot);
        let other = holder("production", OTHER);
        leaves(&store, "production", &other, 600).await?;
        bot.sets_out_beside_others().await?;
        bot.workspace().wait_for_sockets(2).await?;
        writes(bot, &store, ("production", &other), 1).await?;
        insta::assert_snapshot!(bot.hears("/k8s status").await?, @r"
        only for ana in #alerts:
        🟢 *production: healthy.* No incident is open.
        Watched by process 7 on west
        No pass was finished yet
        k8s-monitor 0.1.0 up 0 s · no pass is scheduled · Slack sockets 2 of 2 (last heard 0 s ago) · nothing waits to be sent
        Not configured: Services (SERVICES_FILE is not set: priorities come from [priorities], annotations and what is built in)
        Not configured: Escalation (escalation.steps is not set: nobody is called while nobody acknowledges)
        Not configured: Model (ANTHROPIC_API_KEY is not set: answers come from the evidence alone)
        Not configured: GitHub (GITHUB_TOKEN is not set: no commits and pull requests in alerts)
        Store: PostgreSQL · Slack: alerts, commands, buttons and threads
        ");
        insta::assert_snapshot!(bot.hears("/k8s incidents").await?, @r"
        only for ana in #alerts:
        No incident is open.
        ");
        store.close().await;
        bot.stops().await;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn one_cluster_under_two_names_is_noticed_also_where_another_process_watches_it_under_the_other() {
    run_test(async |bot| {
        let Some(store) = shared(bot).await? else { return Ok(()) };
        a_shop(bot);
        bot.has_too("edge").await?;
        let other = holder("production, edge", OTHER);
        leaves(&store, "edge", &other, 600).await?;
        let same = k8s_monitor::sandbox::kubernetes::CLUSTER_ID;
        store.put("cluster edge as it is watched", &format!("{same} {other}")).await?;
        // It may notice while it starts.
        let why = match bot.sets_out_beside_others().await {
            Ok(()) => bot.bot()?.ended().await,
            Err(error) => error.to_string(),
        };
        insta::assert_snapshot!(why, @"`edge` and `production` are one and the same cluster (5a4db0c5-0000-4000-8000-000000000001); take one of them out of CLUSTERS");
        store.close().await;
        bot.stops().await;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn who_watches_other_clusters_on_the_same_database_is_waited_for_in_case_it_crashed() {
    run_test(async |bot| {
        let Some(store) = shared(bot).await? else { return Ok(()) };
        a_shop(bot);
        leaves(&store, "home", &holder("home", EARLIER), 2).await?;
        bot.sets_out_beside_others().await?;
        bot.until("production is seen", |pulse| pulse.complete).await?;
        assert_eq!(store.lease_holders("cluster home").await?, Vec::<String>::new());
        store.close().await;
        bot.stops().await;
        Ok(())
    })
    .await;
}
