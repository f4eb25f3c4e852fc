//! What was changed just before: alerts say it with how sure that is and the way back; `/k8s changes` lists it, broken or not.

use std::time::Duration;

use k8s_monitor::sandbox::kubernetes::{Workload, stateful_set};

use crate::harness::{
    BotTester, run_test,
    shop::{HOURS, a_cluster, apply, becomes, workload},
};

/// The lines of the only alert that are about changes, as it is now.
async fn changed(bot: &mut BotTester) -> anyhow::Result<String> {
    let alert = bot.alert("#alerts").await?;
    let is_meant = |line: &&str| {
        ["What changed", "Also changed", "Rolled out since", "Undo", "SEV-"].iter().any(|head| line.starts_with(head))
    };
    let lines = alert.lines().filter(is_meant).map(|line| line.split(" · since").next().unwrap_or(line));
    let mut lines: Vec<_> = lines.collect();
    // What got worse says it once more, unless the message was not out yet.
    lines.dedup();
    Ok(lines.join("\n"))
}

/// From one moment to the next a new version is rolled out, and its pods crash.
async fn is_rolled_out_and_crashes(bot: &mut BotTester, before: &Workload, image: &str) -> anyhow::Result<Workload> {
    let after = before.clone().rollout(bot.now()).image(image).crash_looping(3, false);
    becomes(bot, before, &after);
    bot.wait(Duration::from_mins(5)).await?;
    Ok(after)
}

#[tokio::test]
async fn a_new_image_whose_pods_crash_explains_it_for_sure_and_the_way_back_can_be_copied() {
    run_test(async |bot| {
        a_cluster(bot);
        let web = workload(bot, "shop/web");
        apply(bot, &web);
        bot.starts().await?;
        let broken = is_rolled_out_and_crashes(bot, &web, "shop/web:1.1.0").await?;
        insta::assert_snapshot!(changed(bot).await?, @r"
        What changed: image web:1.0.0 → 1.1.0 · rollout #2 by kubectl apply, as it began · *HIGH*
        Undo: kubectl -n shop rollout undo deployment/web --to-revision=1
        SEV-1 because unlisted workload: nothing ready for over 3 min; SEV-2 otherwise, raised because rollout #2 explains it
        ");

        // The way back is a rollout, too: it comes after what was wrong, and explains nothing of it.
        becomes(bot, &broken, &broken.clone().rollout(bot.now()).image("shop/web:1.0.0").healthy());
        bot.wait(Duration::from_mins(8)).await?;
        insta::assert_snapshot!(changed(bot).await?, @"What changed: image web:1.0.0 → 1.1.0 · rollout #2 by kubectl apply, as it began · *HIGH*");
        bot.everything_new("#alerts").await?;
        insta::assert_snapshot!(bot.asks("/k8s changes shop/web").await?, @r"
        only for ana in #alerts:
        *3 rollouts to `shop/web` in the last 24 h*
        • 14:05 UTC (8 min ago) *shop/web* rollout #3 by kubectl apply: image web:1.1.0 → 1.0.0
        • 14:00 UTC (13 min ago) *shop/web* rollout #2: image web:1.0.0 → 1.1.0
        • 11:00 UTC (3 h 13 min ago) *shop/web* rollout #1: it is new
        ");
        // The pods are replaced one after the other; what was last wrong may name one or both.
        let shown = bot.asks("/k8s show INC-2026-11-24-001").await?.replace(" (2 pods)", "");
        insta::assert_snapshot!(shown, @r"
        only for ana in #alerts:
        *SEV-1* INC-2026-11-24-001 · Deployment shop/web · CrashLoopBackOff · 2 of 2 replicas ready, Service shop/web has 2 of 2 endpoints ready · since 13:59 UTC (13 min) · healthy for 7 min, resolves after 5 min
        • *CrashLoopBackOff*: container web ends with exit code 1, cause unknown; restarted 3 times
           _Pod shop/web-8bch2cqsr-dcm4d container web_ (13:59 UTC): ended: Error, exit code 1, ran 3 s, restarted 3 times
           _Pod shop/web-8bch2cqsr-dcm4d container web_: waiting: CrashLoopBackOff: back-off restarting failed container=web
        *How its severity was reached*
        Resolved; it was SEV-1 at its worst
        1. Deployment shop/web is not listed: no priority is known
        2. 2 of 2 replicas ready, Service shop/web has 2 of 2 endpoints ready
        3. Table: degraded (Something is wrong, and it serves; or nothing is ready, but not for long yet), column unlisted: SEV-3
        4. As another priority: P0 SEV-2, P2 SEV-4, P3 SEV-4
        5. Raised because rollout #2 explains it: SEV-2
        6. Changed before: rollout #2, HIGH (100 of 100): it began with it; such a change fits a crash; the pods that are hit run it
        *Its life*
        Wrong since 13:59 UTC, seen at 14:00 UTC
        Last told at 14:03 UTC
        Resolved at 14:10 UTC: 2 of 2 replicas ready for 5 min
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_is_rolled_out_while_something_is_wrong_is_said_and_what_came_of_it() {
    run_test(async |bot| {
        a_cluster(bot);
        let web = workload(bot, "shop/web");
        apply(bot, &web);
        bot.starts().await?;
        let broken = is_rolled_out_and_crashes(bot, &web, "shop/web:1.1.0").await?;
        let worse = broken.clone().rollout(bot.now()).image("shop/web:1.0.O").image_pull_failing();
        becomes(bot, &broken, &worse);
        bot.wait(Duration::from_mins(8)).await?;
        insta::assert_snapshot!(changed(bot).await?, @r"
        What changed: image web:1.0.0 → 1.1.0 · rollout #2, as it began · *MEDIUM*
        Rolled out since: image web:1.1.0 → 1.0.O · rollout #3 by kubectl apply, 5 min after it began; then an image that cannot be pulled 3 s later
        SEV-2 because unlisted workload: nothing ready for over 3 min
        SEV-1 because unlisted workload: nothing ready for over 3 min; SEV-2 otherwise, raised because rollout #2 explains it
        ");
        let shown = bot.asks("/k8s show INC-2026-11-24-001").await?;
        let since = shown.lines().filter(|line| line.contains("olled out since")).collect::<Vec<_>>().join("\n");
        insta::assert_snapshot!(since, @"6. Rolled out since: rollout #3, 5 min after it began");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_stateful_set_keeps_its_versions_elsewhere_and_is_told_alike() {
    run_test(async |bot| {
        a_cluster(bot);
        let db = stateful_set("shop/db", bot.now() - HOURS);
        apply(bot, &db);
        bot.starts().await?;
        let small = db.clone().rollout(bot.now()).memory("64Mi").crash_looping(4, true);
        becomes(bot, &db, &small);
        bot.wait(Duration::from_mins(5)).await?;
        insta::assert_snapshot!(changed(bot).await?, @r"
        What changed: memory limit 512Mi → 64Mi, memory request 512Mi → 64Mi · rollout #2 by kubectl apply, as it began · *HIGH*
        Undo: kubectl -n shop rollout undo statefulset/db --to-revision=1
        SEV-1 because unlisted workload: nothing ready for over 1 min; SEV-2 otherwise, raised because rollout #2 explains it
        ");
        bot.everything_new("#alerts").await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_broke_together_with_others_is_not_put_down_to_a_rollout_for_sure() {
    run_test(async |bot| {
        a_cluster(bot);
        let all = ["shop/web", "shop/api", "shop/pay"].map(|name| workload(bot, name));
        for one in &all {
            apply(bot, one);
        }
        bot.starts().await?;
        let [web, api, pay] = &all;
        // A database is away: who was rolled out a moment ago is as innocent as the others.
        let rolled_out = web.clone().rollout(bot.now()).image("shop/web:1.1.0").healthy();
        becomes(bot, web, &rolled_out);
        bot.wait(Duration::from_mins(2)).await?;
        for one in [&rolled_out, api, pay] {
            becomes(bot, one, &one.clone().pods_made_anew(bot.now()).crash_looping(3, false));
        }
        bot.wait(Duration::from_mins(6)).await?;
        let told = bot.everything_new("#alerts").await?;
        let is_meant = |line: &&str| ["🟠", "🔴", "What changed", "Undo"].iter().any(|head| line.starts_with(head));
        insta::assert_snapshot!(told.lines().filter(is_meant).collect::<Vec<_>>().join("\n"), @r"
        🟠 *SEV-2 · api serves nobody* · INC-2026-11-24-001
        What changed: nothing that explains it; rollout #1 was 3 h 1 min before
        🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001
        What changed: nothing that explains it; rollout #1 was 3 h 1 min before
        🔴 *Worse: SEV-1 · api serves nobody* · INC-2026-11-24-001
        🟠 *SEV-2 · pay serves nobody* · INC-2026-11-24-002
        What changed: nothing that explains it; rollout #1 was 3 h 1 min before
        🟠 *SEV-2 · web serves nobody* · INC-2026-11-24-003
        What changed: image web:1.0.0 → 1.1.0 · rollout #2 by kubectl apply, 1 min before · *MEDIUM*
        Undo: kubectl -n shop rollout undo deployment/web --to-revision=1
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_was_rolled_out_is_listed_whether_anything_is_wrong_or_not() {
    run_test(async |bot| {
        a_cluster(bot);
        let web = workload(bot, "shop/web");
        let api = workload(bot, "shop/api");
        apply(bot, &web);
        apply(bot, &api);
        bot.starts().await?;
        becomes(bot, &web, &web.clone().rollout(bot.now()).memory("256Mi").healthy());
        bot.wait(Duration::from_mins(10)).await?;
        becomes(bot, &api, &api.clone().rollout(bot.now()).image("shop/api:2.0.0").healthy());
        bot.wait(Duration::from_mins(10)).await?;
        insta::assert_snapshot!(bot.asks("/k8s changes").await?, @r"
        only for ana in #alerts:
        *4 rollouts in the last 24 h*
        • 14:10 UTC (10 min ago) *shop/api* rollout #2 by kubectl apply: image api:1.0.0 → 2.0.0
        • 14:00 UTC (20 min ago) *shop/web* rollout #2 by kubectl apply: memory limit 512Mi → 256Mi, memory request 512Mi → 256Mi
        • 11:00 UTC (3 h 20 min ago) *shop/web* rollout #1: it is new
        • 11:00 UTC (3 h 20 min ago) *shop/api* rollout #1: it is new
        ");
        insta::assert_snapshot!(bot.asks("/k8s changes shop 15m").await?, @r"
        only for ana in #alerts:
        *1 rollout to `shop` in the last 15 min*
        • 14:10 UTC (10 min ago) *shop/api* rollout #2 by kubectl apply: image api:1.0.0 → 2.0.0
        ");
        insta::assert_snapshot!(bot.asks("/k8s changes shop/api 5m").await?, @r"
        only for ana in #alerts:
        *Nothing was rolled out to `shop/api` in the last 5 min.*
        ");
        insta::assert_snapshot!(bot.asks("/k8s changes shop/nothing").await?, @r"
        only for ana in #alerts:
        *No workload is there of `shop/nothing`.*
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_breaks_with_every_rollout_is_said_to_also_after_a_restart() {
    run_test(async |bot| {
        a_cluster(bot);
        let mut web = workload(bot, "shop/web");
        apply(bot, &web);
        bot.starts().await?;
        for image in ["shop/web:1.1.0", "shop/web:1.2.0"] {
            let broken = is_rolled_out_and_crashes(bot, &web, image).await?;
            web = broken.clone().rollout(bot.now()).image("shop/web:1.0.0").healthy();
            becomes(bot, &broken, &web);
            // What comes back within a day would be the same incident; at another hour it has that not in common.
            bot.wait(Duration::from_hours(30)).await?;
        }
        bot.stops().await;
        bot.starts().await?;
        bot.everything_new("#alerts").await?;
        is_rolled_out_and_crashes(bot, &web, "shop/web:1.3.0").await?;
        let told = bot.everything_new("#alerts").await?;
        let line = told.lines().rfind(|line| line.starts_with("Before: ")).unwrap_or_default();
        insta::assert_snapshot!(line, @"Before: twice within 30 days, last 2026-11-25 20:05 UTC; all 3 just after a change of it");
        insta::assert_snapshot!(bot.asks("/k8s history").await?, @r"
        only for ana in #alerts:
        *In the last 7 days something was wrong 3 times, with 1 service or workload, for 1 h 15 min in all.* · over after 35 min on average
        • *Deployment shop/web*: 3 times, 1 h 15 min in all, SEV-1 at worst · last 4 min ago · over after 35 min on average · all 3 just after a change of it
        257 passes, all complete
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn one_line_says_that_a_rollout_of_what_matters_begins_if_somebody_wants_to_know() {
    run_test(async |bot| {
        bot.set("ROLLOUT_NOTES", "P1");
        bot.lists_services(
            "[[service]]\nname = \"web\"\nnamespace = \"shop\"\npriority = \"P0\"\nworkloads = [\"web\"]\n\
             [[service]]\nname = \"cart\"\nnamespace = \"shop\"\npriority = \"P1\"\nworkloads = [\"cart\"]\n\
             [[service]]\nname = \"lab\"\nnamespace = \"shop\"\npriority = \"P2\"\nworkloads = [\"lab\"]\n",
        )?;
        a_cluster(bot);
        let all = ["web", "cart", "lab"].map(|name| workload(bot, &format!("shop/{name}")));
        for it in &all {
            apply(bot, it);
        }
        bot.starts().await?;
        bot.wait(Duration::from_mins(1)).await?;
        assert_eq!(bot.story("#alerts").await?, "");
        let rolled_out = |bot: &mut BotTester, before: &Workload, image: &str| {
            let after = before.clone().rollout(bot.now()).image(image).healthy();
            becomes(bot, before, &after);
            after
        };
        let web = rolled_out(bot, &all[0], "shop/web:1.1.0");
        rolled_out(bot, &all[1], "shop/cart:2.0.0");
        rolled_out(bot, &all[2], "shop/lab:3.0.0");
        bot.wait(Duration::from_mins(1)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        posted in #alerts:
        🚀 *shop/web* (P0) rollout #2 by kubectl apply began 14:01 UTC: image web:1.0.0 → 1.1.0
        🚀 *shop/cart* (P1) rollout #2 by kubectl apply began 14:01 UTC: image cart:1.0.0 → 2.0.0
        ");

        // What is wrong with it already has a thread, and a restart says nothing again.
        let broken = is_rolled_out_and_crashes(bot, &web, "shop/web:1.2.0").await?;
        insta::assert_snapshot!(bot.story("#alerts").await?.lines().filter(|line| line.contains("🚀")).collect::<String>(), @"🚀 *shop/web* (P0) rollout #3 by kubectl apply began 14:02 UTC: image web:1.1.0 → 1.2.0");
        bot.stops().await;
        bot.starts().await?;
        bot.wait(Duration::from_mins(1)).await?;
        assert!(!bot.everything_new("#alerts").await?.contains("🚀"));
        rolled_out(bot, &broken, "shop/web:1.3.0");
        bot.wait(Duration::from_mins(1)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        edited in #alerts: 🔴 *SEV-1 · recovering · web: 2 of 2 ready again* · INC-2026-11-24-001

        replied in #alerts:
        🚀 *shop/web* (P0) rollout #4 by kubectl apply began 14:08 UTC: image web:1.2.0 → 1.3.0
        ");
        Ok(())
    })
    .await;
}
