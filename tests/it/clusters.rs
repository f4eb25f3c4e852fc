//! Several clusters side by side: every message says which it is about, and a command goes to the one that is meant.

use std::time::Duration;

use k8s_monitor::{
    cluster::Kind,
    sandbox::kubernetes::{deployment, story},
};

use crate::harness::{
    BotTester, run_test,
    shop::{HOURS, a_cluster, apply, workload},
};

/// `production` and `edge`, each with a shop that is well; edge has a garden, too.
async fn two_clusters(bot: &mut BotTester) -> anyhow::Result<()> {
    a_cluster(bot);
    let (now, then) = (bot.now(), bot.now() - HOURS);
    let web = workload(bot, "shop/web");
    apply(bot, &web);
    bot.has_too("edge").await?;
    let mut objects = vec![story::node("edge-1", true, Ok(then))];
    objects.extend(["shop", "garden"].map(|name| story::namespace(name, then)));
    objects.extend(web.objects(now));
    objects.extend(workload(bot, "garden/pump").objects(now));
    bot.other("edge")?.apply_all(objects);
    bot.starts().await
}

#[tokio::test]
async fn each_cluster_has_its_own_incident_and_every_message_names_its_cluster() {
    run_test(async |bot| {
        two_clusters(bot).await?;
        let (now, web) = (bot.now(), workload(bot, "shop/web"));
        let broken = web.clone().crash_looping(6, false);
        bot.other("edge")?.apply_all(broken.objects(now));
        bot.wait(Duration::from_mins(2)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        posted in #alerts:
        🟠 *SEV-2 · edge · web serves nobody* · INC-2026-11-24-001
        ▌#a30200
        Container web ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        0 of 2 replicas ready · Deployment shop/web (unlisted)
        Hit: Service shop/web has no ready endpoint
        What changed: it is new · rollout #1 by kubectl apply, 3 s before · *MEDIUM*
        Do: Read why it ended: kubectl -n shop logs web-vghrfp76r-hlwsz -c web --previous
        ```
        Pod shop/web-vghrfp76r-hlwsz container web: ended: Error, exit code 1, ran 3 s, restarted 6 times
        Pod shop/web-vghrfp76r-hlwsz container web: waiting: CrashLoopBackOff: back-off restarting failed container=web
        Event BackOff ×6: Back-off restarting failed container web in pod web-vghrfp76r-hlwsz
        ```
        [ Acknowledge ]
        SEV-2 because unlisted workload: nothing ready for over 1 min · since 11:00 UTC · seen 14:00 UTC
        ");
        apply(bot, &broken);
        bot.wait(Duration::from_mins(2)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        posted in #alerts:
        🟠 *SEV-2 · production · web serves nobody* · INC-2026-11-24-002
        ▌#a30200
        Container web ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        0 of 2 replicas ready · Deployment shop/web (unlisted)
        Hit: Service shop/web has no ready endpoint
        What changed: it is new · rollout #1 by kubectl apply, 3 s before · *MEDIUM*
        Do: Read why it ended: kubectl -n shop logs web-vghrfp76r-hlwsz -c web --previous
        ```
        Pod shop/web-vghrfp76r-hlwsz container web: ended: Error, exit code 1, ran 3 s, restarted 6 times
        Pod shop/web-vghrfp76r-hlwsz container web: waiting: CrashLoopBackOff: back-off restarting failed container=web
        Event BackOff ×6: Back-off restarting failed container web in pod web-vghrfp76r-hlwsz
        ```
        [ Acknowledge ]
        SEV-2 because unlisted workload: nothing ready for over 1 min · since 11:00 UTC · seen 14:02 UTC
        ");
        insta::assert_snapshot!(bot.asks("/k8s status").await?, @r"
        only for ana in #alerts:
        *2 clusters, 0 healthy*
        🟠 *production: 1 open incident* · the oldest news is 4 min old
        • *SEV-2* INC-2026-11-24-002 · Deployment shop/web · CrashLoopBackOff · 0 of 2 replicas ready, Service shop/web has 0 of 2 endpoints ready · since 11:00 UTC (3 h 3 min)
        🟠 *edge: 1 open incident* · the oldest news is 4 min old
        • *SEV-2* INC-2026-11-24-001 · Deployment shop/web · CrashLoopBackOff · 0 of 2 replicas ready, Service shop/web has 0 of 2 endpoints ready · since 11:00 UTC (3 h 3 min)
        `/k8s status --cluster` and a name says more of one.
        k8s-monitor 0.1.0 up 4 min · next pass in 1 min · Slack sockets 2 of 2 (last heard 0 s ago) · nothing waits to be sent
        Not configured: Services (SERVICES_FILE is not set: priorities come from [priorities], annotations and what is built in)
        Not configured: Escalation (escalation.steps is not set: nobody is called while nobody acknowledges)
        Not configured: Model (ANTHROPIC_API_KEY is not set: answers come from the evidence alone)
        Not configured: GitHub (GITHUB_TOKEN is not set: no commits and pull requests in alerts)
        Store: SQLite · Slack: alerts, commands, buttons and threads
        ");
        insta::assert_snapshot!(bot.asks("/k8s status --cluster edge").await?, @r"
        only for ana in #alerts:
        🟠 *edge: 1 open incident*
        • *SEV-2* INC-2026-11-24-001 · Deployment shop/web · CrashLoopBackOff · 0 of 2 replicas ready, Service shop/web has 0 of 2 endpoints ready · since 11:00 UTC (3 h 3 min)
        Watching 25 kinds, the oldest news is 4 min old: 4 Namespaces, 1 Node, 4 Pods, 2 Deployments, 2 Services
        Nothing heard of namespaces for 4 min, nodes for 4 min, statefulsets for 4 min, daemonsets for 4 min, jobs for 4 min, 15 more
        Last pass 0 s ago: complete, 1 finding, 0 alerts, 0.0 s
        k8s-monitor 0.1.0 up 4 min · next pass in 1 min · Slack sockets 2 of 2 (last heard 0 s ago) · nothing waits to be sent
        Not configured: Services (SERVICES_FILE is not set: priorities come from [priorities], annotations and what is built in)
        Not configured: Escalation (escalation.steps is not set: nobody is called while nobody acknowledges)
        Not configured: Model (ANTHROPIC_API_KEY is not set: answers come from the evidence alone)
        Not configured: GitHub (GITHUB_TOKEN is not set: no commits and pull requests in alerts)
        Store: SQLite · Slack: alerts, commands, buttons and threads
        ");
        insta::assert_snapshot!(bot.asks("/k8s incidents").await?, @r"
        only for ana in #alerts:
        Cluster *production*
        *1 incident open*
        • *SEV-2* INC-2026-11-24-002 · Deployment shop/web · CrashLoopBackOff · 0 of 2 replicas ready, Service shop/web has 0 of 2 endpoints ready · since 11:00 UTC (3 h 3 min)
        Cluster *edge*
        *1 incident open*
        • *SEV-2* INC-2026-11-24-001 · Deployment shop/web · CrashLoopBackOff · 0 of 2 replicas ready, Service shop/web has 0 of 2 endpoints ready · since 11:00 UTC (3 h 3 min)
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_life_of_an_incident_goes_on_in_its_cluster_whatever_is_typed() {
    run_test(async |bot| {
        two_clusters(bot).await?;
        let (now, web) = (bot.now(), workload(bot, "shop/web"));
        bot.other("edge")?.apply_all(web.clone().crash_looping(6, false).objects(now));
        bot.wait(Duration::from_mins(4)).await?;
        bot.everything_new("#alerts").await?;
        // A short name is enough: the numbers go through all clusters.
        insta::assert_snapshot!(bot.asks("/k8s ack 1 on my way").await?, @r"
        only for ana in #alerts:
        Cluster *edge*
        INC-2026-11-24-001 acknowledged by @ana: on my way
        *SEV-2* INC-2026-11-24-001 · Deployment shop/web · CrashLoopBackOff · 0 of 2 replicas ready, Service shop/web has 0 of 2 endpoints ready · since 11:00 UTC (3 h 3 min)
        I stay silent about it until it gets worse or is resolved.

        edited in #alerts: 🟠 *SEV-2 · acknowledged · edge · web serves nobody* · INC-2026-11-24-001

        replied in #alerts:
        Acknowledged by @ana at 14:04 UTC: on my way
        ");
        bot.person("ana").replies("#alerts", &bot.root("#alerts")?, "why?")?;
        bot.settle().await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        replied in #alerts:
        *CrashLoopBackOff*: container web ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        • _Pod shop/web-vghrfp76r-hlwsz container web_ (13:59 UTC): ended: Error, exit code 1, ran 3 s, restarted 6 times
        • _Pod shop/web-vghrfp76r-hlwsz container web_: waiting: CrashLoopBackOff: back-off restarting failed container=web
        • _Event BackOff ×6_ (14:00 UTC): Back-off restarting failed container web in pod web-vghrfp76r-hlwsz
        More than these facts prove I do not claim.
        ");
        let now = bot.now();
        bot.other("edge")?.apply_all(web.objects(now));
        bot.wait(Duration::from_mins(7)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        edited in #alerts: ✅ *Resolved after 3 h 9 min · edge · web: 2 of 2 replicas ready for 5 min (was SEV-2)* · INC-2026-11-24-001

        replied in #alerts:
        ✅ *Resolved after 3 h 9 min · edge · web: 2 of 2 replicas ready for 5 min (was SEV-2)* · INC-2026-11-24-001
        ");
        insta::assert_snapshot!(bot.asks("/k8s incidents 7").await?, @r"
        only for ana in #alerts:
        Cluster *production*
        There is no incident of the last 7 days.
        Cluster *edge*
        *1 incident of the last 7 days*
        • SEV-2 INC-2026-11-24-001 · Deployment shop/web · CrashLoopBackOff · over, since 11:00 UTC, lasted 3 h 9 min: 2 of 2 replicas ready for 5 min
        ");
        insta::assert_snapshot!(bot.asks("/k8s history").await?, @r"
        only for ana in #alerts:
        Cluster *production*
        *In the last 7 days nothing was wrong.*
        12 passes, all complete
        Cluster *edge*
        *In the last 7 days something was wrong once, with 1 service or workload, for 3 h 9 min in all.* · acknowledged after 3 min, over after 3 h 9 min on average
        • *Deployment shop/web*: once, 3 h 9 min in all, SEV-2 at worst · last 10 min ago · acknowledged after 3 min, over after 3 h 9 min on average
        12 passes, all complete
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_is_in_one_cluster_only_needs_no_name_and_what_is_in_both_does() {
    run_test(async |bot| {
        two_clusters(bot).await?;
        insta::assert_snapshot!(bot.asks("/k8s analyze garden").await?, @r"
        only for ana in #alerts:
        Cluster *edge*
        Looking at `garden` now; the result follows.

        only for ana in #alerts:
        Cluster *edge*
        *`garden`: nothing is wrong.*
        _Looked at 2 Pods, 1 Deployment, 1 Service in 0.0 s, by rules; no model was asked._
        ");
        insta::assert_snapshot!(bot.asks("/k8s analyze shop").await?, @r"
        only for ana in #alerts:
        In which cluster? Say it with `--cluster`:
        • `/k8s analyze shop --cluster production`
        • `/k8s analyze shop --cluster edge`
        ");
        insta::assert_snapshot!(bot.asks("/k8s analyze shop --cluster edge").await?, @r"
        only for ana in #alerts:
        Cluster *edge*
        Looking at `shop` now; the result follows.

        only for ana in #alerts:
        Cluster *edge*
        *`shop`: nothing is wrong.*
        _Looked at 2 Pods, 1 Deployment, 1 Service in 0.0 s, by rules; no model was asked._
        ");
        insta::assert_snapshot!(bot.asks("/k8s analyze gardn").await?, @r"
        only for ana in #alerts:
        There is no namespace `gardn`. Did you mean `garden`?
        ");
        insta::assert_snapshot!(bot.asks("/k8s analyze shop --cluster egde").await?, @r"
        only for ana in #alerts:
        I watch no cluster `egde`. Did you mean `edge`?
        ");
        insta::assert_snapshot!(bot.asks("/k8s silence check crash-loop 1h").await?, @r"
        only for ana in #alerts:
        In which cluster? Say it with `--cluster`:
        • `/k8s silence check crash-loop 1h --cluster production`
        • `/k8s silence check crash-loop 1h --cluster edge`
        ");
        insta::assert_snapshot!(bot.asks("/k8s silence check crash-loop 1h --cluster edge we move it").await?, @r"
        only for ana in #alerts:
        Cluster *edge*
        Silenced: 1 · check crash-loop until 15:00 UTC (1 h), by @ana: we move it
        No open incident is meant by that at present; those to come are.
        What is still wrong then is told. `/k8s unsilence 1` ends it before.
        ");
        insta::assert_snapshot!(bot.asks("/k8s silences").await?, @r"
        only for ana in #alerts:
        *1 silence*
        Cluster *edge*
        • 1 · check crash-loop until 15:00 UTC (1 h), by @ana: we move it
        `/k8s unsilence <number>` ends one before its time.
        ");
        // Only there.
        let now = bot.now();
        let broken = workload(bot, "shop/web").crash_looping(6, false);
        bot.other("edge")?.apply_all(broken.objects(now));
        bot.wait(Duration::from_mins(1)).await?;
        apply(bot, &broken);
        bot.wait(Duration::from_mins(2)).await?;
        insta::assert_snapshot!(bot.story("#alerts").await?, @r"
        posted in #alerts:
        🟠 *SEV-2 · production · web serves nobody* · INC-2026-11-24-002
        ▌#a30200
        Container web ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        0 of 2 replicas ready · Deployment shop/web (unlisted)
        Hit: Service shop/web has no ready endpoint
        What changed: it is new · rollout #1 by kubectl apply, 3 s before · *MEDIUM*
        Do: Read why it ended: kubectl -n shop logs web-vghrfp76r-hlwsz -c web --previous
        ```
        Pod shop/web-vghrfp76r-hlwsz container web: ended: Error, exit code 1, ran 3 s, restarted 6 times
        Pod shop/web-vghrfp76r-hlwsz container web: waiting: CrashLoopBackOff: back-off restarting failed container=web
        Event BackOff ×6: Back-off restarting failed container web in pod web-vghrfp76r-hlwsz
        ```
        [ Acknowledge ]
        SEV-2 because unlisted workload: nothing ready for over 1 min · since 11:00 UTC · seen 14:01 UTC
        ");
        insta::assert_snapshot!(bot.asks("/k8s unsilence 1").await?, @r"
        only for ana in #alerts:
        Cluster *edge*
        Not silenced any more: 1 · check crash-loop until 15:00 UTC (57 min), by @ana: we move it. What is still wrong is told now.

        posted in #alerts:
        🟠 *SEV-2 · edge · web serves nobody* · INC-2026-11-24-001
        ▌#a30200
        Container web ends with exit code 1, cause unknown; restarted 6 times (2 pods)
        0 of 2 replicas ready · Deployment shop/web (unlisted)
        Hit: Service shop/web has no ready endpoint
        What changed: it is new · rollout #1 by kubectl apply, 3 s before · *MEDIUM*
        Do: Read why it ended: kubectl -n shop logs web-vghrfp76r-hlwsz -c web --previous
        ```
        Pod shop/web-vghrfp76r-hlwsz container web: ended: Error, exit code 1, ran 3 s, restarted 6 times
        Pod shop/web-vghrfp76r-hlwsz container web: waiting: CrashLoopBackOff: back-off restarting failed container=web
        Event BackOff ×6: Back-off restarting failed container web in pod web-vghrfp76r-hlwsz
        ```
        [ Acknowledge ]
        SEV-2 because unlisted workload: nothing ready for over 1 min · since 11:00 UTC · seen 14:00 UTC · updated 14:03 UTC
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_incident_is_changed_by_its_own_cluster_only() {
    run_test(async |bot| {
        two_clusters(bot).await?;
        let broken = workload(bot, "shop/web").crash_looping(6, false);
        apply(bot, &broken);
        bot.wait(Duration::from_mins(2)).await?;
        bot.everything_new("#alerts").await?;
        for typed in ["ack INC-2026-11-24-001", "resolve INC-2026-11-24-001", "silence INC-2026-11-24-001 1h"] {
            let said = bot.asks(&format!("/k8s {typed} --cluster edge")).await?;
            assert!(said.contains("is of the cluster `production`, so nothing was changed"), "{said}");
        }
        // Had edge written of it, production could not any more.
        let other = deployment("shop/pay", bot.now() - HOURS).replicas(2).crash_looping(6, false);
        apply(bot, &other);
        bot.wait(Duration::from_mins(2)).await?;
        assert!(bot.story("#alerts").await?.contains("SEV-2 · production · pay serves nobody"));
        insta::assert_snapshot!(bot.asks("/k8s incidents --cluster edge").await?, @r"
        only for ana in #alerts:
        Cluster *edge*
        No incident is open.
        ");
        insta::assert_snapshot!(bot.asks("/k8s ack 9 --cluster edge").await?, @r"
        only for ana in #alerts:
        Cluster *edge*
        I know no open incident `9`. None is open.
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn names_that_are_changed_for_each_other_keep_what_is_known_of_each_cluster() {
    run_test(async |bot| {
        two_clusters(bot).await?;
        let broken = workload(bot, "shop/web").crash_looping(6, false);
        apply(bot, &broken);
        bot.wait(Duration::from_mins(2)).await?;
        bot.everything_new("#alerts").await?;
        // Twice, so that the numbers of the two rights drift apart.
        for _ in 0..2 {
            bot.stops().await;
            bot.swaps_names();
            bot.starts().await?;
            bot.wait(Duration::from_mins(1)).await?;
        }
        bot.stops().await;
        bot.swaps_names();
        bot.starts().await?;
        let other = deployment("shop/pay", bot.now() - HOURS).replicas(2).crash_looping(6, false);
        apply(bot, &other);
        bot.wait(Duration::from_mins(2)).await?;
        let told = bot.story("#alerts").await?;
        assert!(told.contains("SEV-2 · edge · pay serves nobody"), "it goes by the other name now: {told}");
        assert!(bot.asks("/k8s status").await?.contains("*2 clusters, 1 healthy*"));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_cluster_that_is_away_leaves_the_other_as_it_is() {
    run_test(async |bot| {
        two_clusters(bot).await?;
        bot.other("edge")?.stop().await;
        let required = Kind::ALL.into_iter().filter(|kind| kind.is_required()).count();
        bot.until_other("edge", "nothing of edge can be seen", |pulse| pulse.blind == required).await?;
        bot.wait(Duration::from_mins(3)).await?;
        let told = bot.story("#alerts").await?;
        insta::assert_snapshot!(told.lines().nth(1).unwrap_or_default(), @"🔴 *SEV-1 · I cannot see edge: its API does not answer* · INC-2026-11-24-001");
        let status = bot.asks("/k8s status").await?;
        insta::assert_snapshot!(status.lines().skip(1).take(2).collect::<Vec<_>>().join("\n"), @r"
        *2 clusters, 1 healthy*
        🔴 *edge: 1 open incident*, and I do not see everything
        ");
        assert!(status.contains("🟢 *production: healthy.* No incident is open."), "{status}");
        let broken = workload(bot, "shop/web").crash_looping(6, false);
        apply(bot, &broken);
        bot.wait(Duration::from_mins(2)).await?;
        let told = bot.story("#alerts").await?;
        assert!(told.contains("SEV-2 · production · web serves nobody"), "{told}");
        Ok(())
    })
    .await;
}
