//! A broken workload becomes one alert; it is edited, acknowledged, asked about, and closed when health was observed.

use std::time::Duration;

use anyhow::Context as _;
use k8s_monitor::{
    cluster::Kind,
    sandbox::kubernetes::{Fault, story},
};
use serde_json::json;

use crate::harness::{BotTester, run_test};

/// The healthy shop is there before the bot starts; the rest of the story is given back.
async fn a_healthy_shop(bot: &mut BotTester) -> anyhow::Result<Vec<story::Step>> {
    let mut steps = story::bad_deploy(bot.now());
    let first = steps.remove(0);
    bot.cluster().play(&first.changes);
    bot.starts().await?;
    Ok(steps)
}

#[tokio::test]
async fn a_healthy_shop_is_not_worth_a_word() {
    run_test(async |bot| {
        a_healthy_shop(bot).await?;
        bot.wait(Duration::from_mins(10)).await
    })
    .await;
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "the whole story, with every text people see")]
async fn a_bad_deploy_is_alerted_once_acknowledged_explained_and_closed_when_healthy() {
    run_test(async |bot| {
        for step in a_healthy_shop(bot).await? {
            bot.wait(step.at.duration_since(bot.now()).try_into()?).await?;
            bot.cluster().play(&step.changes);
            bot.settle().await?;
            if step.caption == "Fifth restart" {
                let first = bot.next_message("#alerts").await?;
                assert!(first.starts_with("🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001"), "{first}");
                insta::assert_snapshot!(bot.alert("#alerts").await?, @r"
                🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001
                ▌#a30200
                Container api killed 5 times for using more than its 64Mi memory limit (2 pods)
                0 of 2 replicas ready · Deployment shop/api (P0)
                Hit: Service shop/api has no ready endpoint
                What changed: image api:2.3.1 → 2.4.0, memory limit 512Mi → 64Mi, memory request 512Mi → 64Mi · rollout #2 by kubectl apply, 3 s before · *HIGH*
                Undo: kubectl -n shop rollout undo deployment/api --to-revision=1
                Do: Raise the memory limit of container api or find what grows: kubectl -n shop top pod api-vh9ggj9h7-9s9tz --containers
                Also: CrashLoopBackOff
                ```
                Pod shop/api-vh9ggj9h7-9s9tz container api: ended: OOMKilled, exit code 137, ran 3 s, restarted 5 times
                Pod shop/api-vh9ggj9h7-9s9tz container api: waiting: CrashLoopBackOff: back-off restarting failed container=api
                Event ...
                ```
                [ Acknowledge ]
                SEV-1 because P0 service: nothing ready for over 3 min · since 14:00 UTC · updated 14:03 UTC

                last in its thread:
                ");

                let root = bot.root("#alerts")?;
                bot.person("ana").presses("#alerts", &root, "ack")?;
                bot.settle().await?;
                insta::assert_snapshot!(bot.workspace().ephemeral_for("ana")[0].text, @"
                INC-2026-11-24-001 acknowledged by @ana
                *SEV-1* INC-2026-11-24-001 · Deployment shop/api · OOMKilled · 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready · since 14:00 UTC (3 min)
                I stay silent about it until it gets worse or is resolved.
                ");
                insta::assert_snapshot!(bot.alert("#alerts").await?, @r"
                🔴 *SEV-1 · acknowledged · api serves nobody* · INC-2026-11-24-001
                ▌#daa038
                Container api killed 5 times for using more than its 64Mi memory limit (2 pods)
                0 of 2 replicas ready · Deployment shop/api (P0)
                Hit: Service shop/api has no ready endpoint
                What changed: image api:2.3.1 → 2.4.0, memory limit 512Mi → 64Mi, memory request 512Mi → 64Mi · rollout #2 by kubectl apply, 3 s before · *HIGH*
                Undo: kubectl -n shop rollout undo deployment/api --to-revision=1
                Do: Raise the memory limit of container api or find what grows: kubectl -n shop top pod api-vh9ggj9h7-9s9tz --containers
                Also: CrashLoopBackOff
                Acknowledged by @ana at 14:03 UTC
                ```
                Pod shop/api-vh9ggj9h7-9s9tz container api: ended: OOMKilled, exit code 137, ran 3 s, restarted 5 times
                Pod shop/api-vh9ggj9h7-9s9tz container api: waiting: CrashLoopBackOff: back-off restarting failed container=api
                Event ...
                ```
                SEV-1 because P0 service: nothing ready for over 3 min · since 14:00 UTC · updated 14:03 UTC

                last in its thread:
                Acknowledged by @ana at 14:03 UTC
                ");

                bot.person("ben").replies("#alerts", &root, "why?")?;
                bot.settle().await?;
                insta::assert_snapshot!(bot.next("#alerts").await?.to_string(), @"
                replied in #alerts:
                *OOMKilled*: container api killed 5 times for using more than its 64Mi memory limit (2 pods)
                • _Pod shop/api-vh9ggj9h7-9s9tz container api_ (14:03 UTC): ended: OOMKilled, exit code 137, ran 3 s, restarted 5 times
                • _Pod shop/api-vh9ggj9h7-9s9tz container api_: waiting: CrashLoopBackOff: back-off restarting failed container=api
                • _Event BackOff ×5_ (14:03 UTC): Back-off restarting failed container api in pod api-vh9ggj9h7-9s9tz
                With it: CrashLoopBackOff
                More than these facts prove I do not claim.
                ");

                bot.person("ana").runs("/k8s status", "#alerts")?;
                bot.settle().await?;
                // The suite runs on both databases.
                let status = bot.next("#alerts").await?.to_string().replace("Store: PostgreSQL", "Store: SQLite");
                insta::assert_snapshot!(status, @r"
                only for ana in #alerts:
                🔴 *production: 1 open incident*
                • *SEV-1* INC-2026-11-24-001 · Deployment shop/api · OOMKilled · 0 of 2 replicas ready, Service shop/api has 0 of 2 endpoints ready · since 14:00 UTC (3 min) · acknowledged by @ana
                Watching 25 kinds, the oldest news is 3 min old: 3 Namespaces, 2 Nodes, 8 Pods, 5 Deployments, 1 StatefulSet, 6 Services
                Last pass 19 s ago: complete, 2 findings, 0 alerts, 0.0 s
                k8s-monitor 0.1.0 up 3 min · next pass in 27 s · Slack sockets 2 of 2 (last heard 0 s ago) · nothing waits to be sent
                Not configured: Services (SERVICES_FILE is not set: priorities come from [priorities], annotations and what is built in)
                Not configured: Escalation (escalation.steps is not set: nobody is called while nobody acknowledges)
                Not configured: Model (ANTHROPIC_API_KEY is not set: answers come from the evidence alone)
                Not configured: GitHub (GITHUB_TOKEN is not set: no commits and pull requests in alerts)
                Store: SQLite · Slack: alerts, commands, buttons and threads
                ");
            }
        }
        bot.wait(Duration::from_mins(7)).await?;
        // The pods are replaced one after the other; what was last wrong may name one or both.
        let closed = bot.alert("#alerts").await?.replace(" (2 pods)", "");
        insta::assert_snapshot!(closed, @r"
        ✅ *Resolved after 9 min · api: 2 of 2 replicas ready for 5 min (was SEV-1)* · INC-2026-11-24-001
        ▌#2eb886
        Was: container api killed 5 times for using more than its 64Mi memory limit
        2 of 2 replicas ready · Deployment shop/api (P0)
        What changed: image api:2.3.1 → 2.4.0, memory limit 512Mi → 64Mi, memory request 512Mi → 64Mi · rollout #2 by kubectl apply, 3 s before · *HIGH*
        Acknowledged by @ana at 14:03 UTC
        ```
        Pod shop/api-vh9ggj9h7-9s9tz container api: ended: OOMKilled, exit code 137, ran 3 s, restarted 5 times
        Pod shop/api-vh9ggj9h7-9s9tz container api: waiting: CrashLoopBackOff: back-off restarting failed container=api
        Event ...
        ```
        since 14:00 UTC · resolved 14:09 UTC

        last in its thread:
        ✅ *Resolved after 9 min · api: 2 of 2 replicas ready for 5 min (was SEV-1)* · INC-2026-11-24-001
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_restarted_bot_says_nothing_twice() {
    run_test(async |bot| {
        for step in a_healthy_shop(bot).await? {
            bot.wait(step.at.duration_since(bot.now()).try_into()?).await?;
            bot.cluster().play(&step.changes);
            bot.settle().await?;
            if step.caption == "Fifth restart" {
                break;
            }
        }
        bot.everything_new("#alerts").await?;
        bot.stops().await;
        bot.starts().await?;
        bot.wait(Duration::from_mins(5)).await?;
        assert_eq!(bot.everything_new("#alerts").await?, "");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_guest_is_told_who_may() {
    run_test(async |bot| {
        a_healthy_shop(bot).await?;
        bot.person("gus").runs("/k8s status", "#alerts")?;
        bot.settle().await?;
        insta::assert_snapshot!(bot.next("#alerts").await?.to_string(), @"
        only for gus in #alerts:
        You are a guest in this workspace, so asking me is not possible. Full members of this workspace may, in #alerts.
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_namespace_is_analysed_on_request_and_a_wrong_name_gets_the_nearest() {
    run_test(async |bot| {
        a_healthy_shop(bot).await?;
        bot.person("ana").runs("/k8s analyze shpo", "#alerts")?;
        bot.settle().await?;
        insta::assert_snapshot!(bot.next("#alerts").await?.to_string(), @"
        only for ana in #alerts:
        There is no namespace `shpo`. Did you mean `shop`?
        ");
        bot.person("ana").runs("/k8s analyze shop", "#alerts")?;
        bot.settle().await?;
        insta::assert_snapshot!(bot.everything_new("#alerts").await?, @"
        only for ana in #alerts:
        Looking at `shop` now; the result follows.

        only for ana in #alerts:
        *`shop`: nothing is wrong.*
        _Looked at 6 Pods, 3 Deployments, 1 StatefulSet, 4 Services in 0.0 s, by rules; no model was asked._
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_analysis_tells_of_the_node_below_and_of_what_nobody_knows() {
    run_test(async |bot| {
        a_healthy_shop(bot).await?;
        let mut node = bot.cluster().get(Kind::Node, "", "node-1").context("a node")?;
        node["status"]["conditions"] = json!([{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown",
            "message": "Kubelet stopped posting node status.", "lastTransitionTime": bot.now()}]);
        bot.cluster().apply(node);
        bot.settle().await?;
        bot.person("ana").runs("/k8s analyze shop", "#alerts")?;
        bot.settle().await?;
        insta::assert_snapshot!(bot.everything_new("#alerts").await?, @"
        only for ana in #alerts:
        Looking at `shop` now; the result follows.

        only for ana in #alerts:
        *`shop`: 1 thing looks wrong*, still within the waiting time, and I do not see everything.
        • *Node node-1* looks wrong, still within its waiting time (until 14:01 UTC): the control-plane node has stopped reporting: Kubelet stopped posting node status (4 pods)
        I cannot judge Deployment shop/api, Deployment shop/frontend, Deployment shop/redis and 1 more: node node-1 does not report on its pods
        _Looked at 6 Pods, 3 Deployments, 1 StatefulSet, 4 Services in 0.0 s, by rules; no model was asked._
        ");
        bot.wait(Duration::from_mins(2)).await?;
        bot.everything_new("#alerts").await?;
        bot.person("ana").runs("/k8s analyze shop", "#alerts")?;
        bot.settle().await?;
        insta::assert_snapshot!(bot.everything_new("#alerts").await?, @"
        only for ana in #alerts:
        Looking at `shop` now; the result follows.

        only for ana in #alerts:
        *`shop`: 1 finding*, and I do not see everything.
        • *Node node-1* · NodeStatusUnknown · since 14:00 UTC (2 min)
           the control-plane node has stopped reporting: Kubelet stopped posting node status (4 pods)
           _Node node-1 condition Ready_ (14:00 UTC): Unknown NodeStatusUnknown: Kubelet stopped posting node status.
           Do: Look at the machine and its kubelet: kubectl describe node node-1
        I cannot judge Deployment shop/api, Deployment shop/frontend, Deployment shop/redis and 1 more: node node-1 does not report on its pods
        Open incidents: INC-2026-11-24-001 (SEV-1)
        _Looked at 6 Pods, 3 Deployments, 1 StatefulSet, 4 Services in 0.0 s, by rules; no model was asked._
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_slow_analysis_says_what_it_still_reads() {
    run_test(async |bot| {
        a_healthy_shop(bot).await?;
        bot.cluster().fault(Some(Fault::Slow(Duration::from_secs(3))));
        bot.person("ana").runs("/k8s analyze shop", "#alerts")?;
        bot.cluster().asked(|request| request.contains("/namespaces/shop/pods?")).await;
        bot.wait(Duration::from_secs(2)).await?;
        bot.cluster().fault(None);
        insta::assert_snapshot!(bot.everything_new("#alerts").await?, @"
        only for ana in #alerts:
        Looking at `shop` now; the result follows.

        only for ana in #alerts:
        Still looking at `shop`; not read yet: namespaces, nodes, deployments, replicasets, statefulsets, daemonsets, cronjobs, jobs, pods, persistentvolumeclaims and 12 more kinds

        only for ana in #alerts:
        *`shop`: nothing is wrong.*
        _Looked at 6 Pods, 3 Deployments, 1 StatefulSet, 4 Services in 2.0 s, by rules; no model was asked._
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_analysis_of_a_cluster_that_does_not_answer_says_so_at_once() {
    run_test(async |bot| {
        a_healthy_shop(bot).await?;
        bot.cluster().stop().await;
        bot.person("ana").runs("/k8s analyze shop", "#alerts")?;
        bot.settle().await?;
        // Whether the watches had noticed before, and in which words a cut connection fails, is chance.
        let said = bot.everything_new("#alerts").await?;
        assert!(said.contains("The analysis of `shop` did not finish: http://127.0.0.1:"), "{said}");
        assert!(said.ends_with("This says nothing about its health."), "{said}");
        bot.cluster().start_again().await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_note_with_a_secret_or_a_shout_is_neither_kept_nor_shown_as_such() {
    run_test(async |bot| {
        for step in a_healthy_shop(bot).await? {
            bot.wait(step.at.duration_since(bot.now()).try_into()?).await?;
            bot.cluster().play(&step.changes);
            bot.settle().await?;
            if step.caption == "Fifth restart" {
                break;
            }
        }
        bot.everything_new("#alerts").await?;
        bot.person("ana").runs("/k8s ack 1 <!channel> @here the password=hunter2 is old", "#alerts")?;
        bot.settle().await?;
        // What disarms the shout is not seen.
        let answer = bot.workspace().ephemeral_for("ana")[0].text.replace("@\u{200b}here", "@ here");
        insta::assert_snapshot!(answer.lines().next().unwrap_or_default(), @"INC-2026-11-24-001 acknowledged by @ana: <!channel> @ here the password=*** is old");
        let said = bot.everything_new("#alerts").await?;
        assert!(!said.contains("hunter2"), "{said}");
        Ok(())
    })
    .await;
}
