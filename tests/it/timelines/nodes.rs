//! A node goes away with everything on it: one message, as bad as what it takes along.

use std::time::Duration;

use k8s_monitor::{
    cluster::Kind,
    sandbox::kubernetes::{Workload, story},
};

use serde_json::json;

use super::{HOURS, a_cluster, apply_all, objects_of, workload};
use crate::harness::{BotTester, run_test};

/// So many with one pod on each node, and so many with their only pod on the worker.
fn shops(bot: &BotTester, spread: usize, alone: usize) -> Vec<Workload> {
    let spread = (1..=spread).map(|n| workload(bot, &format!("shop/spread-{n:02}")));
    let alone = (1..=alone).map(|n| workload(bot, &format!("shop/alone-{n:02}")).replicas(1).on_node("node-2"));
    spread.chain(alone).collect()
}

/// The worker stops reporting, and so do its pods.
fn the_worker_is_lost(bot: &mut BotTester, shops: &[Workload]) {
    let now = bot.now();
    bot.cluster().apply(story::node("node-2", false, Err(now)));
    apply_all(bot, shops.iter().map(|shop| shop.clone().lost_node("node-2", now)));
}

/// The worker reports again, and so do its pods.
fn the_worker_is_back(bot: &mut BotTester, shops: &[Workload]) {
    let then = bot.now() - HOURS;
    bot.cluster().apply(story::node("node-2", false, Ok(then)));
    apply_all(bot, shops.to_vec());
}

#[tokio::test]
async fn a_node_that_is_lost_with_fifty_pods_is_one_alert() {
    run_test(async |bot| {
        a_cluster(bot);
        let shops = shops(bot, 25, 25);
        apply_all(bot, shops.clone());
        bot.starts().await?;
        the_worker_is_lost(bot, &shops);
        bot.wait(Duration::from_mins(4)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        posted in #alerts:
        🟠 *SEV-2 · node node-2 is down* · INC-2026-11-24-001
        ▌#a30200
        The node has stopped reporting: Kubelet stopped posting node status (50 pods)
        Node node-2 (worker node)
        Hit: 50 workloads, 25 of them serve nobody: shop/alone-01, shop/alone-02, shop/alone-03, shop/alone-04, shop/alone-05 and 45 more
        Hit: Services shop/alone-01, shop/alone-02, shop/alone-03 and 22 more have no ready endpoint
        Do: Look at the machine and its kubelet: kubectl describe node node-2
        ```
        Node node-2 condition Ready: Unknown NodeStatusUnknown: Kubelet stopped posting node status.
        ```
        [ Acknowledge ]
        SEV-2 because a worker node is down · since 14:00 UTC · seen 14:01 UTC
        ");
        the_worker_is_back(bot, &shops);
        bot.wait(Duration::from_mins(7)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        edited in #alerts: ✅ *Resolved after 9 min · node-2: healthy for 5 min (was SEV-2)* · INC-2026-11-24-001

        replied in #alerts:
        ✅ *Resolved after 9 min · node-2: healthy for 5 min (was SEV-2)* · INC-2026-11-24-001
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_node_that_takes_a_critical_service_along_is_as_bad_as_that() {
    run_test(async |bot| {
        a_cluster(bot);
        let mut shops = shops(bot, 1, 1);
        shops.push(workload(bot, "shop/api").on_node("node-2"));
        apply_all(bot, shops.clone());
        bot.starts().await?;
        the_worker_is_lost(bot, &shops);
        bot.wait(Duration::from_mins(2)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        posted in #alerts:
        🔴 *SEV-1 · node node-2 is down* · INC-2026-11-24-001
        ▌#a30200
        The node has stopped reporting: Kubelet stopped posting node status (4 pods)
        Node node-2 (worker node)
        Hit: 3 workloads, 2 of them serve nobody: shop/api (P0), shop/alone-01, shop/spread-01
        Hit: Services shop/api, shop/alone-01 have no ready endpoint
        Do: Look at the machine and its kubelet: kubectl describe node node-2
        ```
        Node node-2 condition Ready: Unknown NodeStatusUnknown: Kubelet stopped posting node status.
        ```
        [ Acknowledge ]
        SEV-1 because it hits Deployment shop/api (P0 service: nothing ready for over 1 min) · since 14:00 UTC · seen 14:01 UTC
        ");

        // Their pods are asked to go, and new ones find no place: still the same problem.
        let now = bot.now();
        for name in shops[2].pod_names() {
            let mut pod = bot.cluster().get(Kind::Pod, "shop", &name).unwrap_or_default();
            pod["metadata"]["deletionTimestamp"] = serde_json::json!(now);
            bot.cluster().apply(pod);
        }
        bot.wait(Duration::from_mins(8)).await?;
        assert_eq!(bot.story("#alerts").await?, "");
        Ok(())
    })
    .await;
}

/// The worker was started again: it is ready, and what runs on it crashes until everything it needs is up.
fn the_worker_restarts(bot: &mut BotTester, shops: &[Workload]) {
    let now = bot.now();
    let mut node = story::node("node-2", false, Ok(now));
    node["status"]["nodeInfo"]["bootID"] = serde_json::json!("another boot");
    bot.cluster().apply(node);
    apply_all(bot, shops.iter().map(|shop| shop.clone().crash_looping(3, false)));
}

#[tokio::test]
async fn a_node_that_was_restarted_gives_its_workloads_five_minutes() {
    run_test(async |bot| {
        a_cluster(bot);
        let shops = shops(bot, 0, 4);
        apply_all(bot, shops.clone());
        bot.starts().await?;
        the_worker_is_lost(bot, &shops);
        bot.wait(Duration::from_secs(40)).await?;
        the_worker_restarts(bot, &shops);
        bot.wait(Duration::from_mins(4)).await?;
        apply_all(bot, shops[1..].to_vec());
        bot.wait(Duration::from_secs(45)).await?;
        assert_eq!(bot.everything_new("#alerts").await?, "");
        bot.wait(Duration::from_mins(2)).await?;
        // Whether the cause or the restart let go of it last is chance, so the minute is not looked at.
        let told = bot.story("#alerts").await?;
        assert_eq!(told.matches("posted").count(), 1, "{told}");
        insta::assert_snapshot!(told.lines().take(5).collect::<Vec<_>>().join("\n"), @"
        posted in #alerts:
        🟠 *SEV-2 · alone-01 serves nobody* · INC-2026-11-24-001
        ▌#a30200
        Container alone-01 ends with exit code 1, cause unknown; restarted 3 times
        0 of 1 replicas ready · Deployment shop/alone-01 (unlisted)
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_bot_that_was_restarted_with_its_node_knows_that() {
    run_test(async |bot| {
        a_cluster(bot);
        let shops = shops(bot, 0, 4);
        apply_all(bot, shops.clone());
        bot.starts().await?;
        bot.stops().await;
        the_worker_restarts(bot, &shops);
        bot.starts().await?;
        bot.wait(Duration::from_secs(280)).await?;
        apply_all(bot, shops.clone());
        bot.wait(Duration::from_mins(6)).await
    })
    .await;
}

#[tokio::test]
async fn a_node_that_reports_again_within_its_grace_is_not_worth_a_word() {
    run_test(async |bot| {
        a_cluster(bot);
        let shops = shops(bot, 3, 3);
        apply_all(bot, shops.clone());
        bot.starts().await?;
        the_worker_is_lost(bot, &shops);
        bot.wait(Duration::from_secs(50)).await?;
        the_worker_is_back(bot, &shops);
        bot.wait(Duration::from_mins(8)).await
    })
    .await;
}

#[tokio::test]
async fn a_node_that_is_short_of_disk_and_evicts_from_three_owners_is_one_alert() {
    run_test(async |bot| {
        a_cluster(bot);
        let shops = ["shop/api", "shop/web-2", "shop/web-3"].map(|name| workload(bot, name));
        apply_all(bot, shops.clone());
        bot.starts().await?;
        let now = bot.now();
        let mut node = story::node("node-2", false, Ok(now - HOURS));
        let pressure = json!({"type": "DiskPressure", "status": "True", "reason": "KubeletHasDiskPressure",
            "message": "kubelet has disk pressure", "lastTransitionTime": now});
        node["status"]["conditions"].as_array_mut().unwrap().push(pressure);
        bot.cluster().apply(node);
        for turn in 0..4 {
            for shop in &shops {
                let now = bot.now();
                let pods = objects_of(shop, "Pod", bot);
                let mut gone = pods.into_iter().find(|pod| pod["spec"]["nodeName"] == "node-2").unwrap();
                let name = gone["metadata"]["name"].as_str().unwrap().to_owned();
                gone["metadata"]["name"] = json!(format!("{name}-evicted-{turn}"));
                gone["metadata"]["uid"] = json!(format!("uid-{name}-evicted-{turn}"));
                gone["metadata"]["creationTimestamp"] = json!(now);
                gone["status"] = json!({"phase": "Failed", "reason": "Evicted", "startTime": now,
                    "message": "The node was low on resource: ephemeral-storage.",
                    "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": now}]});
                bot.cluster().apply(gone);
            }
            bot.wait(Duration::from_secs(30)).await?;
        }
        bot.wait(Duration::from_mins(2)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        posted in #alerts:
        🟠 *SEV-2 · node node-2: DiskPressure* · INC-2026-11-24-001
        ▌#a30200
        The node is short of disk space; it evicted pods of 3 owners (12 pods)
        Node node-2 (worker node)
        Hit: 3 workloads: shop/api (P0), shop/web-2, shop/web-3
        Do: See what uses it up: kubectl describe node node-2; kubectl top node node-2
        ```
        Node node-2 condition DiskPressure: True KubeletHasDiskPressure: kubelet has disk pressure
        ```
        [ Acknowledge ]
        SEV-2 because worker node: short of something, and its pods are hit · since 14:00 UTC · seen 14:02 UTC
        ");
        // There is room again; what it evicted is still counted for some minutes.
        let mut node = story::node("node-2", false, Ok(now - HOURS));
        let relieved = json!({"type": "DiskPressure", "status": "False", "reason": "KubeletHasNoDiskPressure",
            "message": "kubelet has no disk pressure", "lastTransitionTime": bot.now()});
        node["status"]["conditions"].as_array_mut().unwrap().push(relieved);
        bot.cluster().apply(node);
        bot.wait(Duration::from_mins(12)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        edited in #alerts: ✅ *Resolved after 9 min · node-2: healthy for 5 min (was SEV-2)* · INC-2026-11-24-001

        replied in #alerts:
        ✅ *Resolved after 9 min · node-2: healthy for 5 min (was SEV-2)* · INC-2026-11-24-001
        ");
        Ok(())
    })
    .await;
}
