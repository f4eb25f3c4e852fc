//! How often people hear of the same, and what they say about it: acknowledge, take that back, silence, close by hand.

use std::time::Duration;

use k8s_monitor::sandbox::kubernetes::Workload;

use crate::harness::{
    BotTester, run_test,
    shop::{a_cluster, apply, becomes, crashes, workload},
};

/// `shop/api` (P0) and `shop/web`, two replicas each, on a node; both well, for hours.
fn a_shop(bot: &mut BotTester) -> [Workload; 2] {
    a_cluster(bot);
    let shop = ["shop/api", "shop/web"].map(|name| workload(bot, name));
    for workload in &shop {
        apply(bot, workload);
    }
    shop
}

fn heals(bot: &mut BotTester, broken: &Workload) {
    becomes(bot, broken, &broken.clone().healthy());
}

async fn runs(bot: &mut BotTester, command: &str) -> anyhow::Result<()> {
    bot.person("ana").runs(command, "#alerts")?;
    bot.settle().await
}

#[tokio::test]
async fn what_nobody_takes_care_of_is_told_again_and_again_ever_more_rarely() {
    run_test(async |bot| {
        let [api, _] = a_shop(bot);
        bot.starts().await?;
        crashes(bot, &api);
        bot.wait(Duration::from_mins(5)).await?;
        bot.everything_new("#alerts").await?;
        bot.wait(Duration::from_hours(10)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        replied in #alerts, shown in the channel too:
        🔴 *Still wrong after 3 h 14 min: SEV-1 · api serves nobody* · INC-2026-11-24-001
        Container api ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        0 of 2 replicas ready · Deployment shop/api (P0)
        Hit: Service shop/api has no ready endpoint
        Do: Read why it ended: kubectl -n shop logs api-6g2rghbgk-5bc7q -c api --previous
        Nobody takes care of it yet: `/k8s ack INC-2026-11-24-001`

        replied in #alerts, shown in the channel too:
        🔴 *Still wrong after 9 h 14 min: SEV-1 · api serves nobody* · INC-2026-11-24-001
        Container api ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        0 of 2 replicas ready · Deployment shop/api (P0)
        Hit: Service shop/api has no ready endpoint
        Do: Read why it ended: kubectl -n shop logs api-6g2rghbgk-5bc7q -c api --previous
        Nobody takes care of it yet: `/k8s ack INC-2026-11-24-001`
        ");

        // Somebody takes care of it: silence, but for a reminder.
        runs(bot, "/k8s ack 1 looking").await?;
        bot.wait(Duration::from_hours(13)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        only for ana in #alerts:
        INC-2026-11-24-001 acknowledged by @ana: looking
        *SEV-1* INC-2026-11-24-001 · Deployment shop/api · CrashLoopBackOff · 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready · since 2026-11-24 13:50 UTC (10 h 14 min)
        I stay silent about it until it gets worse or is resolved.

        edited in #alerts: 🔴 *SEV-1 · acknowledged · api serves nobody* · INC-2026-11-24-001

        replied in #alerts:
        Acknowledged by @ana at 00:05 UTC: looking

        replied in #alerts:
        @ana you acknowledged INC-2026-11-24-001 12 h ago, and it is still wrong: container api ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        If nobody works on it any more: `/k8s unack INC-2026-11-24-001`
        ");

        runs(bot, "/k8s unack 1").await?;
        bot.wait(Duration::from_hours(4)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        only for ana in #alerts:
        INC-2026-11-24-001 is not acknowledged any more.
        *SEV-1* INC-2026-11-24-001 · Deployment shop/api · CrashLoopBackOff · 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready · since 2026-11-24 13:50 UTC (23 h 14 min)
        I tell of it again in 3 h, and then more and more rarely, until somebody takes care of it.

        edited in #alerts: 🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001

        replied in #alerts:
        INC-2026-11-24-001 is not acknowledged any more

        replied in #alerts, shown in the channel too:
        🔴 *Still wrong after 26 h 14 min: SEV-1 · api serves nobody* · INC-2026-11-24-001
        Container api ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        0 of 2 replicas ready · Deployment shop/api (P0)
        Hit: Service shop/api has no ready endpoint
        Do: Read why it ended: kubectl -n shop logs api-6g2rghbgk-5bc7q -c api --previous
        Nobody takes care of it yet: `/k8s ack INC-2026-11-24-001`
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_is_silenced_is_not_told_and_what_is_still_wrong_afterwards_is() {
    run_test(async |bot| {
        let [api, web] = a_shop(bot);
        bot.starts().await?;
        let broken = crashes(bot, &web);
        bot.wait(Duration::from_mins(5)).await?;
        bot.everything_new("#alerts").await?;

        runs(bot, "/k8s silence namespace shop 30m we move it <!channel>").await?;
        crashes(bot, &api);
        bot.wait(Duration::from_mins(10)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        only for ana in #alerts:
        Silenced: 1 · namespace shop until 14:35 UTC (30 min), by @ana: we move it <!channel>
        • INC-2026-11-24-001 web serves nobody
        What is still wrong then is told. `/k8s unsilence 1` ends it before.

        edited in #alerts: 🟠 *SEV-2 · silenced · web serves nobody* · INC-2026-11-24-001

        replied in #alerts:
        Silenced by @ana until 14:35 UTC, with all of namespace shop: we move it <!channel>
        ");
        runs(bot, "/k8s silences").await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        only for ana in #alerts:
        *1 silence*
        • 1 · namespace shop until 14:35 UTC (19 min), by @ana: we move it <!channel>
        `/k8s unsilence <number>` ends one before its time.
        ");

        // What heals meanwhile ends as ever; what does not is told when the time is over.
        heals(bot, &broken);
        bot.wait(Duration::from_mins(25)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        edited in #alerts: ✅ *Resolved after 30 min · web: 2 of 2 replicas ready for 5 min (was SEV-2)* · INC-2026-11-24-001

        replied in #alerts:
        ✅ *Resolved after 30 min · web: 2 of 2 replicas ready for 5 min (was SEV-2)* · INC-2026-11-24-001

        posted in #alerts:
        🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-002
        ▌#a30200
        Container api ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        0 of 2 replicas ready · Deployment shop/api (P0)
        Hit: Service shop/api has no ready endpoint
        What changed: nothing that explains it; rollout #1 was 2 h 55 min before
        Do: Read why it ended: kubectl -n shop logs api-6g2rghbgk-5bc7q -c api --previous
        ```
        Pod shop/api-6g2rghbgk-5bc7q container api: ended: Error, exit code 1, ran 3 s, restarted 6 times
        Pod shop/api-6g2rghbgk-5bc7q container api: waiting: CrashLoopBackOff: back-off restarting failed container=api
        Event BackOff ×6: Back-off restarting failed container api in pod api-6g2rghbgk-5bc7q
        ```
        [ Acknowledge ]
        SEV-1 because P0 service: nothing ready for over 1 min · since 13:55 UTC · seen 14:05 UTC · updated 14:35 UTC
        ");
        runs(bot, "/k8s silences").await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        only for ana in #alerts:
        Nothing is silenced.
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_silence_that_is_ended_before_its_time_is_over_at_once_and_survives_a_restart_until_then() {
    run_test(async |bot| {
        let [api, _] = a_shop(bot);
        bot.starts().await?;
        crashes(bot, &api);
        bot.wait(Duration::from_mins(5)).await?;
        bot.everything_new("#alerts").await?;
        runs(bot, "/k8s silence 1 2h").await?;
        bot.stops().await;
        bot.starts().await?;
        bot.wait(Duration::from_mins(5)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        only for ana in #alerts:
        Silenced: 1 · INC-2026-11-24-001 until 16:05 UTC (2 h), by @ana
        • INC-2026-11-24-001 api serves nobody
        What is still wrong then is told. `/k8s unsilence 1` ends it before.

        edited in #alerts: 🔴 *SEV-1 · silenced · api serves nobody* · INC-2026-11-24-001

        replied in #alerts:
        Silenced by @ana until 16:05 UTC
        ");
        runs(bot, "/k8s unsilence 1").await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        only for ana in #alerts:
        Not silenced any more: 1 · INC-2026-11-24-001 until 16:05 UTC (1 h 54 min), by @ana. What is still wrong is told now.

        edited in #alerts: 🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001

        replied in #alerts, shown in the channel too:
        🔴 *The silence is over, and it is still wrong after 19 min: SEV-1 · api serves nobody* · INC-2026-11-24-001
        Container api ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        0 of 2 replicas ready · Deployment shop/api (P0)
        Hit: Service shop/api has no ready endpoint
        Do: Read why it ended: kubectl -n shop logs api-6g2rghbgk-5bc7q -c api --previous
        Nobody takes care of it yet: `/k8s ack INC-2026-11-24-001`
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_is_closed_by_hand_and_still_wrong_comes_back_in_its_thread() {
    run_test(async |bot| {
        let [api, _] = a_shop(bot);
        bot.starts().await?;
        let broken = crashes(bot, &api);
        bot.wait(Duration::from_mins(5)).await?;
        bot.everything_new("#alerts").await?;
        runs(bot, "/k8s resolve 1 it is only the test data").await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        only for ana in #alerts:
        INC-2026-11-24-001 is closed after 14 min: Deployment shop/api
        If it is still wrong in 5 min, it comes back in its thread.

        edited in #alerts: ✅ *Resolved by @ana after 14 min · api: closed by hand: it is only the test data (was SEV-1)* · INC-2026-11-24-001

        replied in #alerts:
        ✅ *Resolved by @ana after 14 min · api: closed by hand: it is only the test data (was SEV-1)* · INC-2026-11-24-001
        ");
        // A restart makes no difference.
        bot.stops().await;
        bot.starts().await?;
        bot.wait(Duration::from_mins(4)).await?;
        assert_eq!(bot.story("#alerts").await?, "");
        bot.wait(Duration::from_mins(2)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        edited in #alerts: 🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001

        replied in #alerts, shown in the channel too:
        🔴 *It is back: SEV-1 · api serves nobody* · INC-2026-11-24-001
        Container api ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        It came back once within a day, so it now has to be well for 10 min before it counts as resolved.
        ");

        // What is well when it is closed stays closed.
        runs(bot, "/k8s resolve 1").await?;
        heals(bot, &broken);
        bot.everything_new("#alerts").await?;
        bot.wait(Duration::from_mins(20)).await?;
        assert_eq!(bot.story("#alerts").await?, "");
        runs(bot, "/k8s resolve 1").await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        only for ana in #alerts:
        I know no open incident `1`. None is open.
        ");
        runs(bot, "/k8s incidents 1").await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        only for ana in #alerts:
        *1 incident of the last day*
        • SEV-1 INC-2026-11-24-001 · Deployment shop/api · CrashLoopBackOff · over, since 13:50 UTC, lasted 20 min: closed by hand
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_gets_worse_than_what_was_acknowledged_is_told_and_is_not_acknowledged_any_more() {
    run_test(async |bot| {
        let [api, _] = a_shop(bot);
        bot.starts().await?;
        // A bad rollout: that nothing is ready counts after three minutes.
        let bad = api.clone().rollout(bot.now()).crash_looping(6, false);
        let changes = bad.change_from(Some(&api), bot.now());
        bot.cluster().play(&changes);
        bot.wait(Duration::from_secs(30)).await?;
        runs(bot, "/k8s ack 1").await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        only for ana in #alerts:
        INC-2026-11-24-001 acknowledged by @ana
        *SEV-2* INC-2026-11-24-001 · Deployment shop/api · CrashLoopBackOff · 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready · since 13:59 UTC (31 s)
        I stay silent about it until it gets worse or is resolved.

        posted in #alerts:
        🟠 *SEV-2 · api serves nobody* · INC-2026-11-24-001
        ▌#a30200
        Container api ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        0 of 2 replicas ready · Deployment shop/api (P0)
        Hit: Service shop/api has no ready endpoint
        What changed: nothing that explains it; rollout #1 was 2 h 59 min before
        Do: Read why it ended: kubectl -n shop logs api-6g2rghbgk-5bc7q -c api --previous
        ```
        Pod shop/api-6g2rghbgk-5bc7q container api: ended: Error, exit code 1, ran 3 s, restarted 6 times
        Pod shop/api-6g2rghbgk-5bc7q container api: waiting: CrashLoopBackOff: back-off restarting failed container=api
        Event BackOff ×6: Back-off restarting failed container api in pod api-6g2rghbgk-5bc7q
        ```
        [ Acknowledge ]
        SEV-2 because P0 service: nothing ready, while it is rolled out · since 13:59 UTC · seen 14:00 UTC

        edited in #alerts: 🟠 *SEV-2 · acknowledged · api serves nobody* · INC-2026-11-24-001

        replied in #alerts:
        Acknowledged by @ana at 14:00 UTC
        ");
        bot.wait(Duration::from_mins(5)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        edited in #alerts: 🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001

        replied in #alerts, shown in the channel too:
        🔴 *Worse: SEV-1 · api serves nobody* · INC-2026-11-24-001
        Container api ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        SEV-1 because P0 service: nothing ready for over 3 min
        Hit: Service shop/api has no ready endpoint
        @ana acknowledged it at 14:00 UTC, before this: it is not acknowledged any more
        ");
        runs(bot, "/k8s show 1").await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        only for ana in #alerts:
        *SEV-1* INC-2026-11-24-001 · Deployment shop/api · CrashLoopBackOff · 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready · since 13:59 UTC (5 min)
        • *CrashLoopBackOff*: container api ends with exit code 1, cause unknown; restarted 6 times (2 pods)
           _Pod shop/api-6g2rghbgk-5bc7q container api_ (13:59 UTC): ended: Error, exit code 1, ran 3 s, restarted 6 times
           _Pod shop/api-6g2rghbgk-5bc7q container api_: waiting: CrashLoopBackOff: back-off restarting failed container=api
        *How its severity was reached*
        SEV-1 (posted at once) because P0 service: nothing ready for over 3 min
        1. Deployment shop/api is P0 by [priorities] of the configuration
        2. 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready, nothing ready since 2026-11-24 13:59:59 UTC
        3. Table: unserved (Nothing is ready), column P0: SEV-1
        4. As another priority: P1 SEV-3, P2 SEV-3, P3 SEV-4, unlisted SEV-2
        *Its life*
        Wrong since 13:59 UTC, seen at 14:00 UTC
        Last told at 14:03 UTC
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_comes_again_at_the_same_hour_says_so_and_the_past_can_be_asked_for() {
    run_test(async |bot| {
        let [api, _] = a_shop(bot);
        bot.starts().await?;
        for day in 0..3 {
            let broken = crashes(bot, &api);
            bot.wait(Duration::from_mins(5)).await?;
            if day == 1 {
                runs(bot, "/k8s ack 1").await?;
            }
            let healed = broken.clone().healthy();
            let changes = healed.change_from(Some(&broken), bot.now());
            bot.cluster().play(&changes);
            bot.wait(Duration::from_mins(10)).await?;
            bot.everything_new("#alerts").await?;
            let gone = api.change_from(Some(&healed), bot.now());
            bot.cluster().play(&gone);
            // A day and a little more: what comes back within a day is the same incident.
            bot.wait(Duration::from_hours(24)).await?;
        }
        assert_eq!(bot.story("#alerts").await?, "");
        crashes(bot, &api);
        bot.wait(Duration::from_secs(30)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        posted in #alerts:
        🔴 *SEV-1 · api serves nobody* · INC-2026-11-27-001
        ▌#a30200
        Container api ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        0 of 2 replicas ready · Deployment shop/api (P0)
        Hit: Service shop/api has no ready endpoint
        Before: 3 times within 30 days, last 2026-11-26 14:30 UTC; 4 of 4 between 14:00 and 15:00 UTC
        What changed: nothing that explains it; rollout #1 was 3 days before
        Do: Read why it ended: kubectl -n shop logs api-6g2rghbgk-5bc7q -c api --previous
        ```
        Pod shop/api-6g2rghbgk-5bc7q container api: ended: Error, exit code 1, ran 3 s, restarted 6 times
        Pod shop/api-6g2rghbgk-5bc7q container api: waiting: CrashLoopBackOff: back-off restarting failed container=api
        Event BackOff ×6: Back-off restarting failed container api in pod api-6g2rghbgk-5bc7q
        ```
        [ Acknowledge ]
        SEV-1 because P0 service: nothing ready for over 1 min · since 14:35 UTC · seen 14:45 UTC
        ");
        runs(bot, "/k8s history").await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @"
        only for ana in #alerts:
        *In the last 7 days something was wrong 4 times, with 1 service or workload, for 1 h 11 min in all.* · acknowledged after 4 min, over after 20 min on average
        • *Deployment shop/api* (P0): 4 times, 1 h 11 min in all, SEV-1 at worst · last 0 s ago · acknowledged after 4 min, over after 20 min on average · 4 of 4 between 14:00 and 15:00 UTC
        334 passes, all complete
        ");
        Ok(())
    })
    .await;
}
