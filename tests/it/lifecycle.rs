//! Start, lease, loop, passes and stop: a bot that is slow, blind, robbed of its store or told to go neither loses a word nor repeats one.

use std::time::Duration;

use k8s_monitor::{
    cluster::{ClusterId, Kind},
    sandbox::{kubernetes::CLUSTER_ID, slack::Fault},
};

use crate::harness::{
    BotTester, run_test,
    shop::{a_cluster, apply, workload},
};

/// The texts of a channel's messages, with the address of the API server as people would see it.
pub(crate) fn messages(bot: &mut BotTester) -> Vec<String> {
    let address = bot.cluster().url();
    let all = bot.workspace().messages("#alerts");
    // What the network says differs with the moment at which it is asked.
    let steady = |text: String| match text
        .split_once("cannot be reached (")
        .and_then(|(a, rest)| rest.split_once("): is").map(|(_, b)| format!("{a}cannot be reached (...): is{b}")))
    {
        Some(steady) => steady,
        None => text,
    };
    all.into_iter().map(|message| steady(message.text.replace(&address, "https://cluster:6443"))).collect()
}

#[tokio::test]
async fn an_api_server_that_is_away_is_one_alert_and_nothing_is_resolved_or_repeated() {
    run_test(async |bot| {
        a_cluster(bot);
        let web = workload(bot, "shop/web");
        apply(bot, &web.clone().crash_looping(6, false));
        bot.starts().await?;
        bot.wait(Duration::from_mins(1)).await?;
        assert_eq!(messages(bot).len(), 1);

        bot.loses_the_cluster().await?;
        bot.wait(Duration::from_mins(2)).await?;
        let told = messages(bot);
        assert_eq!(told.len(), 2, "{told:#?}");
        insta::assert_snapshot!(told[1], @r"
        🔴 *SEV-1 · I cannot see production: its API does not answer* · INC-2026-11-24-002
        ▌#a30200
        The Kubernetes API cannot be read: nothing is known of this cluster until it answers again
        Do: See whether the API server runs and whether I can reach it; until then no incident is resolved
        ```
        reading namespaces: https://cluster:6443 cannot be reached (...): is the address right, is the API server running?
        ```
        [ Acknowledge ]
        SEV-1 because nothing is known of the cluster · since 14:01 UTC · seen 14:02 UTC
        ");
        insta::assert_snapshot!(told[0].lines().find(|line| line.contains("cannot judge")).unwrap_or_default(), @"I cannot judge it at the moment, so it stays as it was: cannot read pods: https://cluster:6443 cannot be reached (...): is the address right, is the API server running?");
        let readiness = bot.bot()?.app().health.readyz().1["parts"]["cluster"].to_string();
        assert!(readiness.contains("cannot read namespaces, nodes, pods"), "{readiness}");
        assert_eq!(bot.bot()?.app().health.healthz().0, 200, "the process itself is well");

        bot.finds_the_cluster().await?;
        bot.wait(Duration::from_mins(7)).await?;
        let told = messages(bot);
        assert_eq!(told.len(), 2, "{told:#?}");
        assert!(!told[0].contains("Resolved") && !told[0].contains("cannot judge"), "{}", told[0]);
        insta::assert_snapshot!(told[1], @r"
        ✅ *Resolved after 7 min · production: everything could be read for 5 min (was SEV-1)* · INC-2026-11-24-002
        ▌#2eb886
        Was: The Kubernetes API cannot be read: nothing is known of this cluster until it answers again
        ```
        reading namespaces: https://cluster:6443 cannot be reached (...): is the address right, is the API server running?
        ```
        since 14:01 UTC · seen 14:02 UTC · resolved 14:08 UTC
        ");
        assert_eq!(bot.bot()?.app().health.readyz().0, 200);
        bot.everything_new("#alerts").await.map(drop)
    })
    .await;
}

#[tokio::test]
async fn what_was_wrong_just_before_an_outage_and_healed_in_it_is_not_told() {
    run_test(async |bot| {
        a_cluster(bot);
        let web = workload(bot, "shop/web");
        apply(bot, &web);
        bot.starts().await?;
        let now = bot.now();
        let mut blip = web.clone().not_ready().objects(now);
        for condition in blip.iter_mut().filter_map(|object| object.pointer_mut("/status/conditions")) {
            for condition in condition.as_array_mut().into_iter().flatten() {
                condition["lastTransitionTime"] = serde_json::json!(now);
            }
        }
        bot.cluster().apply_all(blip);
        bot.settle().await?;
        bot.loses_the_cluster().await?;
        bot.wait(Duration::from_mins(5)).await?;
        apply(bot, &web);
        bot.finds_the_cluster().await?;
        bot.wait(Duration::from_mins(2)).await?;
        let told = bot.everything_new("#alerts").await?;
        assert!(told.contains("I see production again") && !told.contains("web"), "{told}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn by_schedule_alerts_leave_at_passes_only() {
    run_test(async |bot| {
        bot.set("DETECTION", "schedule");
        bot.set("MONITORING_INTERVAL_MINUTES", "10");
        a_cluster(bot);
        let web = workload(bot, "shop/web");
        apply(bot, &web);
        bot.starts().await?;
        bot.wait(Duration::from_mins(1)).await?;
        apply(bot, &web.clone().crash_looping(6, false));
        bot.wait(Duration::from_secs(8 * 60 + 45)).await?;
        assert_eq!(bot.everything_new("#alerts").await?, "");
        bot.wait(Duration::from_secs(30)).await?;
        let told = bot.next_message("#alerts").await?;
        assert!(told.contains("web serves nobody"), "{told}");
        // What was rolled out is read after it.
        bot.everything_new("#alerts").await?;

        apply(bot, &web);
        bot.loses_the_cluster().await?;
        bot.wait(Duration::from_mins(5)).await?;
        bot.finds_the_cluster().await?;
        assert_eq!(bot.everything_new("#alerts").await?, "");
        bot.wait(Duration::from_mins(5)).await?;
        let told = bot.everything_new("#alerts").await?;
        assert!(told.contains("recovering") && !told.contains("posted"), "{told}");
        bot.wait(Duration::from_mins(10)).await?;
        let told = bot.everything_new("#alerts").await?;
        assert!(told.contains("Resolved"), "{told}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn five_things_that_were_broken_before_the_first_start_are_one_summary() {
    run_test(async |bot| {
        a_cluster(bot);
        five_are_broken(bot);
        bot.starts().await?;
        bot.wait(Duration::from_secs(30)).await?;
        let told = messages(bot);
        insta::assert_snapshot!(first_lines(bot), @"
        🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-002
        🟠 *SEV-2 · production: 4 problems were there before I began to watch it* · INC-2026-11-24-001
        ");
        let summary = told.iter().find(|text| text.contains("problems")).unwrap();
        insta::assert_snapshot!(summary, @"
        🟠 *SEV-2 · production: 4 problems were there before I began to watch it* · INC-2026-11-24-001
        ▌#a30200
        🟠 *SEV-2 · cart serves nobody* · INC-2026-11-24-003 · Deployment shop/cart · since 11:00 UTC
        🟠 *SEV-2 · mail serves nobody* · INC-2026-11-24-004 · Deployment shop/mail · since 11:00 UTC
        🟠 *SEV-2 · search serves nobody* · INC-2026-11-24-005 · Deployment shop/search · since 11:00 UTC
        🟠 *SEV-2 · web serves nobody* · INC-2026-11-24-006 · Deployment shop/web · since 11:00 UTC
        This list is kept up to date. A SEV-1 has a message of its own; the others are taken with `/k8s ack` and their name.
        [ Acknowledge ]
        SEV-2 because many problems at once · since 11:00 UTC · seen 14:00 UTC
        ");
        bot.everything_new("#alerts").await?;

        // A restart does not say it again, and what is only in the summary stays quiet while nothing happens.
        bot.stops().await;
        bot.starts().await?;
        bot.wait(Duration::from_mins(3)).await?;
        let told = bot.everything_new("#alerts").await?;
        assert!(!told.contains("posted"), "{told}");

        bot.person("ana").runs("/k8s ack 3", "#alerts")?;
        let mended = workload(bot, "shop/mail");
        apply(bot, &mended);
        bot.wait(Duration::from_mins(6)).await?;
        let told = bot.story("#alerts").await?;
        assert!(!told.contains("posted"), "{told}");
        let summary = messages(bot).into_iter().find(|text| text.contains("problems")).unwrap_or_default();
        insta::assert_snapshot!(summary, @"
        🟠 *SEV-2 · production: 4 problems were there before I began to watch it, 1 of them is over* · INC-2026-11-24-001
        ▌#a30200
        🟠 *SEV-2 · acknowledged · cart serves nobody* · INC-2026-11-24-003 · Deployment shop/cart · since 11:00 UTC
        🟠 *SEV-2 · search serves nobody* · INC-2026-11-24-005 · Deployment shop/search · since 11:00 UTC
        🟠 *SEV-2 · web serves nobody* · INC-2026-11-24-006 · Deployment shop/web · since 11:00 UTC
        ✅ *SEV-2 · over · mail: CrashLoopBackOff* · INC-2026-11-24-004 · Deployment shop/mail · since 11:00 UTC
        This list is kept up to date. A SEV-1 has a message of its own; the others are taken with `/k8s ack` and their name.
        [ Acknowledge ]
        SEV-2 because many problems at once · since 11:00 UTC · seen 14:00 UTC · updated 14:08 UTC
        ");

        // What it tells of would be told nowhere if it were closed.
        bot.person("ana").runs("/k8s resolve 1", "#alerts")?;
        bot.settle().await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        only for ana in #alerts:
        INC-2026-11-24-001 is a list of others, and over when they are. Close each by its own name: `/k8s incidents` has them.
        ");
        Ok(())
    })
    .await;
}

/// Five workloads that crash, one of which is business critical.
fn five_are_broken(bot: &mut BotTester) {
    for name in ["shop/api", "shop/cart", "shop/mail", "shop/search", "shop/web"] {
        let broken = workload(bot, name).crash_looping(6, false);
        apply(bot, &broken);
    }
}

/// The first lines of a channel's messages, in the order of the alphabet.
fn first_lines(bot: &mut BotTester) -> String {
    let told = messages(bot);
    let mut lines: Vec<_> = told.iter().map(|text| text.lines().next().unwrap_or_default()).collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[tokio::test]
async fn what_was_broken_before_is_one_summary_though_a_kind_is_forbidden() {
    run_test(async |bot| {
        a_cluster(bot);
        five_are_broken(bot);
        for verb in ["list", "watch"] {
            bot.cluster().forbid(verb, Kind::Job, None);
        }
        bot.starts().await?;
        bot.until("every kind was tried", |pulse| pulse.complete).await?;
        bot.wait(Duration::from_secs(30)).await?;
        insta::assert_snapshot!(first_lines(bot), @"
        🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-002
        🟠 *SEV-2 · production: 4 problems were there before I began to watch it* · INC-2026-11-24-001
        ");
        bot.wait(Duration::from_mins(2)).await?;
        insta::assert_snapshot!(first_lines(bot), @"
        🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-002
        🟠 *SEV-2 · I do not see everything in production* · INC-2026-11-24-007
        🟠 *SEV-2 · production: 4 problems were there before I began to watch it* · INC-2026-11-24-001
        ");
        bot.everything_new("#alerts").await?;

        bot.stops().await;
        bot.starts().await?;
        bot.wait(Duration::from_mins(3)).await?;
        let told = bot.everything_new("#alerts").await?;
        assert!(!told.contains("posted"), "{told}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_was_broken_before_is_one_summary_though_the_api_server_came_after_the_bot() {
    run_test(async |bot| {
        a_cluster(bot);
        five_are_broken(bot);
        bot.cluster().stop().await;
        bot.sets_out().await?;
        bot.workspace().wait_for_sockets(2).await?;
        bot.until("every kind was tried", |pulse| pulse.complete).await?;
        bot.wait(Duration::from_mins(2)).await?;
        insta::assert_snapshot!(first_lines(bot), @"🔴 *SEV-1 · I cannot see production: its API does not answer* · INC-2026-11-24-001");
        bot.finds_the_cluster().await?;
        // Time enough to learn who the cluster is: what was said of it counts.
        bot.wait(Duration::from_mins(2)).await?;
        insta::assert_snapshot!(first_lines(bot), @"
        🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-003
        🔴 *SEV-1 · recovering · I see production again* · INC-2026-11-24-001
        🟠 *SEV-2 · production: 4 problems were there before I began to watch it* · INC-2026-11-24-002
        ");
        bot.everything_new("#alerts").await.map(drop)
    })
    .await;
}

#[tokio::test]
async fn three_things_that_were_broken_before_are_told_one_by_one() {
    run_test(async |bot| {
        a_cluster(bot);
        for name in ["shop/cart", "shop/mail", "shop/web"] {
            let broken = workload(bot, name).crash_looping(6, false);
            apply(bot, &broken);
        }
        bot.starts().await?;
        assert_eq!(messages(bot).len(), 3);
        bot.everything_new("#alerts").await.map(drop)
    })
    .await;
}

#[tokio::test]
async fn an_alert_from_before_slack_answered_is_posted_when_it_does() {
    run_test(async |bot| {
        a_cluster(bot);
        let broken = workload(bot, "shop/web").crash_looping(6, false);
        apply(bot, &broken);
        bot.workspace().fail_always("auth.test", Some(Fault::Unavailable));
        bot.starts().await?;
        assert_eq!(messages(bot), Vec::<String>::new());
        bot.workspace().fail_always("auth.test", None);
        bot.wait(Duration::from_secs(45)).await?;
        let told = bot.next_message("#alerts").await?;
        assert!(told.contains("web serves nobody"), "{told}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_slack_that_hangs_holds_up_neither_the_start_nor_the_judging_nor_the_stop() {
    run_test(async |bot| {
        a_cluster(bot);
        let broken = workload(bot, "shop/web").crash_looping(6, false);
        apply(bot, &broken);
        bot.workspace().fail_always("auth.test", Some(Fault::Hang));
        bot.sets_out().await?;
        bot.until("the first picture is complete", |pulse| pulse.complete).await?;
        let store = bot.store().await?;
        assert_eq!(store.open_incidents(&ClusterId(CLUSTER_ID.into())).await?.len(), 1);
        store.close().await;
        bot.stops().await;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn stopping_takes_less_than_ten_seconds_though_slack_does_not_answer() {
    run_test(async |bot| {
        a_cluster(bot);
        let broken = workload(bot, "shop/web").crash_looping(6, false);
        apply(bot, &broken);
        bot.workspace().fail_always("chat.postMessage", Some(Fault::Hang));
        bot.sets_out().await?;
        // It is there, and its answer never comes.
        assert!(bot.next_message("#alerts").await?.contains("web serves nobody"));
        bot.workspace().wait_for_sockets(2).await?;
        bot.workspace().wait_for_acks().await?;
        let stopped = tokio::time::timeout(Duration::from_secs(10), bot.stops()).await;
        assert!(stopped.is_ok(), "Docker would have killed it");
        let store = bot.store().await?;
        assert_eq!(store.lease_holder("bot").await?, None, "the next one need not wait");
        store.close().await;
        bot.everything_new("#alerts").await.map(drop)
    })
    .await;
}

#[tokio::test]
async fn people_are_told_times_as_their_clocks_show_them() {
    run_test(async |bot| {
        bot.set("MONITORING_TIMEZONE", "Europe/Berlin");
        a_cluster(bot);
        let web = workload(bot, "shop/web");
        apply(bot, &web.clone().crash_looping(6, false));
        bot.starts().await?;
        bot.wait(Duration::from_mins(2)).await?;
        let told = bot.story("#alerts").await?;
        insta::assert_snapshot!(told.lines().last().unwrap_or_default(), @"SEV-2 because unlisted workload: nothing ready for over 1 min · since 12:00 CET · seen 15:00 CET");
        for typed in
            ["ack 1 on it", "silence 1 1h", "silences", "show 1", "status", "incidents", "history", "analyze shop"]
        {
            bot.person("ana").runs(&format!("/k8s {typed}"), "#alerts")?;
            bot.settle().await?;
        }
        bot.person("ana").replies("#alerts", &bot.root("#alerts")?, "since when?")?;
        bot.settle().await?;
        let told = bot.story("#alerts").await?;
        assert!(told.contains("15:02 CET") && !told.contains("UTC"), "{told}");
        Ok(())
    })
    .await;
}
