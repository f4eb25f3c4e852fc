//! One cause hits many: a registry, cluster DNS. It is one message that names them, and what is told already joins it.

use std::time::Duration;

use k8s_monitor::sandbox::kubernetes::Workload;

use super::{a_cluster, apply, apply_all, becomes, workload};
use crate::harness::{BotTester, run_test};

fn shops(bot: &BotTester, many: usize) -> Vec<Workload> {
    let mut all: Vec<_> = (1..many).map(|n| workload(bot, &format!("shop/web-{n:02}"))).collect();
    all.push(workload(bot, "shop/api"));
    all.into_iter().map(|shop| shop.image("ghcr.io/shop/app:1")).collect()
}

/// Their pods are made anew and cannot pull their image.
fn cannot_pull(bot: &mut BotTester, shops: &mut [Workload]) {
    let now = bot.now();
    for shop in shops {
        let before = shop.clone();
        *shop = before.clone().pods_made_anew(now).registry_away();
        becomes(bot, &before, shop);
    }
}

/// Their containers end again and again.
fn crash(bot: &mut BotTester, shops: &mut [Workload], restarts: u32) {
    let now = bot.now();
    for shop in shops {
        let before = shop.clone();
        *shop = before.clone().pods_made_anew(now).crash_looping(restarts, false);
        becomes(bot, &before, shop);
    }
}

/// They are well again.
fn heal(bot: &mut BotTester, shops: &[Workload]) {
    apply_all(bot, shops.iter().map(|shop| shop.clone().healthy()));
}

#[tokio::test]
async fn a_registry_that_is_away_for_thirty_is_one_alert_that_names_them() {
    run_test(async |bot| {
        a_cluster(bot);
        let mut shops = shops(bot, 30);
        apply_all(bot, shops.clone());
        bot.starts().await?;
        cannot_pull(bot, &mut shops);
        bot.wait(Duration::from_mins(4)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r#"
        posted in #alerts:
        🔴 *SEV-1 · images of ghcr.io cannot be pulled* · INC-2026-11-24-001
        ▌#a30200
        No node gets images of ghcr.io: the registry refuses connections
        Hit: 30 workloads, none of which serves anybody: shop/api (P0), shop/web-01, shop/web-02, shop/web-03, shop/web-04 and 25 more
        Hit: Services shop/api, shop/web-01, shop/web-02 and 27 more have no ready endpoint
        Do: See whether ghcr.io works (its status page, pull limits) and whether the nodes reach it: DNS, proxy, firewall, certificates
        ```
        Event Failed ×3: Failed to pull image "ghcr.io/shop/app:1": failed to do request: dial tcp 203.0.113.7:443: connect: connection refused
        Pod shop/api-w5hx8jq6s-4dnm2 container api: waiting: ImagePullBackOff: Back-off pulling image "ghcr.io/shop/app:1"
        ```
        [ Acknowledge ]
        SEV-1 because it hits Deployment shop/api (P0 service: nothing ready for over 1 min) · since 14:00 UTC · seen 14:01 UTC
        "#);
        heal(bot, &shops);
        bot.wait(Duration::from_mins(7)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        edited in #alerts: ✅ *Resolved after 9 min · ghcr.io: no pull from it has failed for 5 min (was SEV-1)* · INC-2026-11-24-001

        replied in #alerts:
        ✅ *Resolved after 9 min · ghcr.io: no pull from it has failed for 5 min (was SEV-1)* · INC-2026-11-24-001
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_was_told_before_a_third_was_hit_becomes_part_of_the_registrys_alert() {
    run_test(async |bot| {
        a_cluster(bot);
        let mut shops = shops(bot, 5);
        apply_all(bot, shops.clone());
        bot.starts().await?;
        cannot_pull(bot, &mut shops[..1]);
        bot.wait(Duration::from_mins(3)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r#"
        posted in #alerts:
        🟠 *SEV-2 · web-01 serves nobody* · INC-2026-11-24-001
        ▌#a30200
        Image ghcr.io/shop/app:1 of container web-01 cannot be pulled: the registry refuses connections (2 pods)
        0 of 2 replicas ready · Deployment shop/web-01 (unlisted)
        Hit: Service shop/web-01 has no ready endpoint
        What changed: nothing that explains it; rollout #1 was 3 h before
        Do: Check the image's name and the access to its registry: kubectl -n shop describe pod web-01-w5hx8jq6s-4dnm2
        ```
        Event Failed ×3: Failed to pull image "ghcr.io/shop/app:1": failed to do request: dial tcp 203.0.113.7:443: connect: connection refused
        Pod shop/web-01-w5hx8jq6s-4dnm2 container web-01: waiting: ImagePullBackOff: Back-off pulling image "ghcr.io/shop/app:1"
        ```
        [ Acknowledge ]
        SEV-2 because unlisted workload: nothing ready for over 1 min · since 14:00 UTC · seen 14:01 UTC
        "#);
        cannot_pull(bot, &mut shops[1..]);
        bot.wait(Duration::from_mins(3)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r#"
        posted in #alerts:
        🟠 *SEV-2 · images of ghcr.io cannot be pulled* · INC-2026-11-24-002
        ▌#a30200
        No node gets images of ghcr.io: the registry refuses connections
        Hit: 5 workloads, none of which serves anybody: shop/api (P0), shop/web-01, shop/web-02, shop/web-03, shop/web-04
        Hit: Services shop/api, shop/web-01, shop/web-02 and 2 more have no ready endpoint
        Do: See whether ghcr.io works (its status page, pull limits) and whether the nodes reach it: DNS, proxy, firewall, certificates
        ```
        Event Failed ×3: Failed to pull image "ghcr.io/shop/app:1": failed to do request: dial tcp 203.0.113.7:443: connect: connection refused
        Pod shop/api-w5hx8jq6s-4dnm2 container api: waiting: ImagePullBackOff: Back-off pulling image "ghcr.io/shop/app:1"
        ```
        [ Acknowledge ]
        SEV-2 because it hits Deployment shop/api (P0 service: nothing ready, for less than a minute) · since 14:00 UTC · seen 14:03 UTC

        edited in #alerts: ⚪ *Part of INC-2026-11-24-002 (Registry ghcr.io) · web-01 serves nobody* · INC-2026-11-24-001

        replied in #alerts:
        This is part of INC-2026-11-24-002 (Registry ghcr.io): everything is told there from now on.

        edited in #alerts: 🔴 *SEV-1 · images of ghcr.io cannot be pulled* · INC-2026-11-24-002

        replied in #alerts, shown in the channel too:
        🔴 *Worse: SEV-1 · images of ghcr.io cannot be pulled* · INC-2026-11-24-002
        No node gets images of ghcr.io: the registry refuses connections
        SEV-1 because it hits Deployment shop/api (P0 service: nothing ready for over 1 min)
        Hit: 5 workloads, none of which serves anybody: shop/api (P0), shop/web-01, shop/web-02, shop/web-03, shop/web-04
        Hit: Services shop/api, shop/web-01, shop/web-02 and 2 more have no ready endpoint
        "#);

        // A bot that starts anew knows what belongs where.
        bot.stops().await;
        bot.starts().await?;
        bot.wait(Duration::from_mins(3)).await?;
        assert_eq!(bot.everything_new("#alerts").await?, "");

        // All but the first are well again; it is its own problem after all.
        heal(bot, &shops[4..]);
        bot.settle().await?;
        heal(bot, &shops[1..4]);
        bot.settle().await?;
        apply(bot, &shops[0].clone().image_pull_failing());
        bot.wait(Duration::from_mins(8)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        edited in #alerts: 🟠 *SEV-2 · recovering · images of ghcr.io are pulled again* · INC-2026-11-24-002

        edited in #alerts: 🟠 *SEV-2 · web-01 serves nobody* · INC-2026-11-24-001

        replied in #alerts, shown in the channel too:
        🟠 *Not over: SEV-2 · web-01 serves nobody* · INC-2026-11-24-001
        What it was a symptom of is over, and this is still wrong: image ghcr.io/shop/app:1 of container web-01 cannot be pulled: the registry does not have it (2 pods)

        edited in #alerts: ✅ *Resolved after 14 min · ghcr.io: no pull from it has failed for 5 min (was SEV-1)* · INC-2026-11-24-002

        replied in #alerts:
        ✅ *Resolved after 14 min · ghcr.io: no pull from it has failed for 5 min (was SEV-1)* · INC-2026-11-24-002
        ");
        heal(bot, &shops[..1]);
        bot.wait(Duration::from_mins(7)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        edited in #alerts: ✅ *Resolved after 22 min · web-01: 2 of 2 replicas ready for 5 min (was SEV-2)* · INC-2026-11-24-001

        replied in #alerts:
        ✅ *Resolved after 22 min · web-01: 2 of 2 replicas ready for 5 min (was SEV-2)* · INC-2026-11-24-001
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn cluster_dns_that_is_down_is_one_alert_and_what_is_wrong_after_it_is_told_by_itself() {
    run_test(async |bot| {
        a_cluster(bot);
        let dns = workload(bot, "kube-system/coredns");
        let mut shops = shops(bot, 6);
        apply(bot, &dns);
        apply_all(bot, shops.clone());
        bot.starts().await?;
        let mut dns = [dns];
        crash(bot, &mut dns, 3);
        bot.settle().await?;
        bot.clock().advance(Duration::from_secs(5));
        crash(bot, &mut shops, 2);
        bot.settle().await?;
        bot.wait(Duration::from_mins(3)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        posted in #alerts:
        🟠 *SEV-2 · coredns serves nobody* · INC-2026-11-24-001
        ▌#a30200
        Container coredns ends with exit code 1, cause unknown; restarted 3 times (2 pods)
        0 of 2 replicas ready · Deployment kube-system/coredns (P0, cluster DNS)
        Hit: 6 workloads, none of which serves anybody: shop/api (P0), shop/web-01, shop/web-02, shop/web-03, shop/web-04 and 1 more
        Hit: Services kube-system/coredns, shop/api, shop/web-01 and 4 more have no ready endpoint
        What changed: nothing that explains it; rollout #1 was 2 h 59 min before
        Do: Read why it ended: kubectl -n kube-system logs coredns-qmjg2s96c-wlq9w -c coredns --previous
        ```
        Pod kube-system/coredns-qmjg2s96c-wlq9w container coredns: ended: Error, exit code 1, ran 3 s, restarted 3 times
        Pod kube-system/coredns-qmjg2s96c-wlq9w container coredns: waiting: CrashLoopBackOff: back-off restarting failed container=coredns
        Event BackOff ×3: Back-off restarting failed container coredns in pod coredns-qmjg2s96c-wlq9w
        ```
        [ Acknowledge ]
        SEV-2 because cluster DNS: nothing ready, for less than a minute · since 13:59 UTC · seen 14:00 UTC

        edited in #alerts: 🔴 *SEV-1 · coredns serves nobody* · INC-2026-11-24-001

        replied in #alerts, shown in the channel too:
        🔴 *Worse: SEV-1 · coredns serves nobody* · INC-2026-11-24-001
        Container coredns ends with exit code 1, cause unknown; restarted 3 times (2 pods)
        SEV-1 because cluster DNS: nothing ready for over 1 min
        Hit: 6 workloads, none of which serves anybody: shop/api (P0), shop/web-01, shop/web-02, shop/web-03, shop/web-04 and 1 more
        Hit: Services kube-system/coredns, shop/api, shop/web-01 and 4 more have no ready endpoint
        ");
        heal(bot, &dns);
        bot.wait(Duration::from_secs(30)).await?;
        heal(bot, &shops[1..]);
        bot.wait(Duration::from_mins(6)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        edited in #alerts: 🔴 *SEV-1 · recovering · coredns: 2 of 2 ready again* · INC-2026-11-24-001

        posted in #alerts:
        🟠 *SEV-2 · web-01 serves nobody* · INC-2026-11-24-002
        ▌#a30200
        Container web-01 ends with exit code 1, cause unknown; restarted 2 times (2 pods)
        0 of 2 replicas ready · Deployment shop/web-01 (unlisted)
        Hit: Service shop/web-01 has no ready endpoint
        What changed: nothing that explains it; rollout #1 was 3 h before
        Do: Read why it ended: kubectl -n shop logs web-01-w5hx8jq6s-4dnm2 -c web-01 --previous
        ```
        Pod shop/web-01-w5hx8jq6s-4dnm2 container web-01: ended: Error, exit code 1, ran 3 s, restarted 2 times
        Pod shop/web-01-w5hx8jq6s-4dnm2 container web-01: waiting: CrashLoopBackOff: back-off restarting failed container=web-01
        Event BackOff ×2: Back-off restarting failed container web-01 in pod web-01-w5hx8jq6s-4dnm2
        ```
        [ Acknowledge ]
        SEV-2 because unlisted workload: nothing ready for over 1 min · since 14:00 UTC · seen 14:04 UTC

        edited in #alerts: ✅ *Resolved after 8 min · coredns: 2 of 2 replicas ready for 5 min (was SEV-1)* · INC-2026-11-24-001

        replied in #alerts:
        ✅ *Resolved after 8 min · coredns: 2 of 2 replicas ready for 5 min (was SEV-1)* · INC-2026-11-24-001
        ");
        heal(bot, &shops[..1]);
        bot.wait(Duration::from_mins(6)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        edited in #alerts: ✅ *Resolved after 14 min · web-01: 2 of 2 replicas ready for 5 min (was SEV-2)* · INC-2026-11-24-002

        replied in #alerts:
        ✅ *Resolved after 14 min · web-01: 2 of 2 replicas ready for 5 min (was SEV-2)* · INC-2026-11-24-002
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_dependency_that_is_down_is_one_alert_that_names_who_needs_it() {
    run_test(async |bot| {
        a_cluster(bot);
        bot.lists_services(
            r#"
[[service]]
name = "mysql"
namespace = "data"
priority = "P1"
[[service]]
name = "orders"
namespace = "shop"
priority = "P0"
dependencies = ["mysql"]
[[service]]
name = "checkout"
namespace = "shop"
priority = "P1"
dependencies = ["orders"]
[[service]]
name = "blog"
namespace = "shop"
priority = "P1"
"#,
        )?;
        let mut mysql = [workload(bot, "data/mysql")];
        let mut needs_it = [workload(bot, "shop/orders"), workload(bot, "shop/checkout")];
        let mut alone = [workload(bot, "shop/blog")];
        for workloads in [&mysql[..], &needs_it[..], &alone[..]] {
            apply_all(bot, workloads.to_vec());
        }
        bot.starts().await?;
        crash(bot, &mut mysql, 3);
        bot.settle().await?;
        bot.clock().advance(Duration::from_secs(5));
        crash(bot, &mut needs_it, 2);
        crash(bot, &mut alone, 2);
        bot.settle().await?;
        bot.wait(Duration::from_mins(6)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        posted in #alerts:
        🟠 *SEV-2 · mysql serves nobody* · INC-2026-11-24-001
        ▌#a30200
        Container mysql ends with exit code 1, cause unknown; restarted 3 times (2 pods)
        0 of 2 replicas ready · Deployment data/mysql (P1)
        Hit: 2 workloads, none of which serves anybody: shop/orders (P0), shop/checkout (P1)
        Hit: Services data/mysql, shop/orders, shop/checkout have no ready endpoint
        What changed: nothing that explains it; rollout #1 was 2 h 59 min before
        Do: Read why it ended: kubectl -n data logs mysql-gdclsvl9r-krbbl -c mysql --previous
        ```
        Pod data/mysql-gdclsvl9r-krbbl container mysql: ended: Error, exit code 1, ran 3 s, restarted 3 times
        Pod data/mysql-gdclsvl9r-krbbl container mysql: waiting: CrashLoopBackOff: back-off restarting failed container=mysql
        Event BackOff ×3: Back-off restarting failed container mysql in pod mysql-gdclsvl9r-krbbl
        ```
        [ Acknowledge ]
        SEV-2 because it hits Deployment shop/orders (P0 service: nothing ready, for less than a minute) · since 13:59 UTC · seen 14:00 UTC

        edited in #alerts: 🔴 *SEV-1 · mysql serves nobody* · INC-2026-11-24-001

        replied in #alerts, shown in the channel too:
        🔴 *Worse: SEV-1 · mysql serves nobody* · INC-2026-11-24-001
        Container mysql ends with exit code 1, cause unknown; restarted 3 times (2 pods)
        SEV-1 because it hits Deployment shop/orders (P0 service: nothing ready for over 1 min)
        Hit: 2 workloads, none of which serves anybody: shop/orders (P0), shop/checkout (P1)
        Hit: Services data/mysql, shop/orders, shop/checkout have no ready endpoint

        posted in #alerts:
        🟠 *SEV-2 · blog serves nobody* · INC-2026-11-24-002
        ▌#a30200
        Container blog ends with exit code 1, cause unknown; restarted 2 times (2 pods)
        0 of 2 replicas ready · Deployment shop/blog (P1)
        Hit: Service shop/blog has no ready endpoint
        What changed: nothing that explains it; rollout #1 was 3 h before
        Do: Read why it ended: kubectl -n shop logs blog-pc7n6dmtk-lgkbq -c blog --previous
        ```
        Pod shop/blog-pc7n6dmtk-lgkbq container blog: ended: Error, exit code 1, ran 3 s, restarted 2 times
        Pod shop/blog-pc7n6dmtk-lgkbq container blog: waiting: CrashLoopBackOff: back-off restarting failed container=blog
        Event BackOff ×2: Back-off restarting failed container blog in pod blog-pc7n6dmtk-lgkbq
        ```
        [ Acknowledge ]
        SEV-2 because P1 service: nothing ready for over 5 min · since 14:00 UTC · updated 14:05 UTC
        ");
        Ok(())
    })
    .await;
}
