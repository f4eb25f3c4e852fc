//! What is to be left alone: by an annotation, by the configuration; and a check that is set otherwise.

use std::time::Duration;

use anyhow::Context as _;
use k8s_monitor::{cluster::Kind, sandbox::kubernetes::story};
use serde_json::json;

use crate::harness::{BotTester, run_test};

/// The healthy shop is there; the rest of the story is given back.
fn a_healthy_shop(bot: &mut BotTester) -> Vec<story::Step> {
    let mut steps = story::bad_deploy(bot.now());
    let first = steps.remove(0);
    bot.cluster().play(&first.changes);
    steps
}

/// Plays the bad deploy up to its fifth restart.
async fn goes_bad(bot: &mut BotTester, steps: Vec<story::Step>) -> anyhow::Result<()> {
    bot.starts().await?;
    for step in steps {
        bot.wait(step.at.duration_since(bot.now()).try_into()?).await?;
        bot.cluster().play(&step.changes);
        bot.settle().await?;
        if step.caption == "Fifth restart" {
            break;
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_alert_ends_with_the_reason_when_somebody_says_to_ignore_the_workload() {
    run_test(async |bot| {
        let story = a_healthy_shop(bot);
        goes_bad(bot, story).await?;
        bot.everything_new("#alerts").await?;
        let mut api = bot.cluster().get(Kind::Deployment, "shop", "api").context("the workload")?;
        api["metadata"]["annotations"]["k8s-monitor.io/ignore"] = json!("true");
        bot.cluster().apply(api);
        bot.settle().await?;
        bot.wait(Duration::from_mins(2)).await?;
        insta::assert_snapshot!(bot.alert("#alerts").await?, @r"
        ✅ *Resolved after 4 min · api: ignored by the annotation k8s-monitor.io/ignore of Deployment shop/api (was SEV-1)* · INC-2026-11-24-001
        ▌#2eb886
        Was: container api killed 5 times for using more than its 64Mi memory limit (2 pods)
        0 of 2 replicas ready · Deployment shop/api (P0)
        What changed: image api:2.3.1 → 2.4.0, memory limit 512Mi → 64Mi, memory request 512Mi → 64Mi · rollout #2 by kubectl apply, 3 s before · *HIGH*
        ```
        Pod shop/api-vh9ggj9h7-9s9tz container api: ended: OOMKilled, exit code 137, ran 3 s, restarted 5 times
        Pod shop/api-vh9ggj9h7-9s9tz container api: waiting: CrashLoopBackOff: back-off restarting failed container=api
        Event ...
        ```
        since 14:00 UTC · resolved 14:04 UTC

        last in its thread:
        ✅ *Resolved after 4 min · api: ignored by the annotation k8s-monitor.io/ignore of Deployment shop/api (was SEV-1)* · INC-2026-11-24-001
        ");
        bot.person("ana").runs("/k8s analyze shop", "#alerts")?;
        bot.settle().await?;
        insta::assert_snapshot!(bot.everything_new("#alerts").await?, @"
        only for ana in #alerts:
        Looking at `shop` now; the result follows.

        only for ana in #alerts:
        *`shop`: nothing is wrong in what I look at.*
        I leave alone Deployment shop/api: ignored by the annotation k8s-monitor.io/ignore of Deployment shop/api
        _Looked at 6 Pods, 3 Deployments, 1 StatefulSet, 4 Services in 0.0 s, by rules; no model was asked._
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_namespace_that_is_to_be_ignored_is_looked_at_again_when_its_annotation_goes() {
    run_test(async |bot| {
        let story = a_healthy_shop(bot);
        let mut shop = bot.cluster().get(Kind::Namespace, "", "shop").context("the namespace")?;
        shop["metadata"]["annotations"] = json!({"k8s-monitor.io/ignore": "true"});
        bot.cluster().apply(shop.clone());
        goes_bad(bot, story).await?;
        assert_eq!(bot.everything_new("#alerts").await?, "");
        shop["metadata"]["annotations"] = json!({});
        bot.cluster().apply(shop);
        bot.settle().await?;
        bot.wait(Duration::from_secs(15)).await?;
        let first = bot.next_message("#alerts").await?;
        assert!(first.contains("api serves nobody"), "{first}");
        bot.everything_new("#alerts").await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_the_configuration_ignores_is_not_worth_a_word() {
    for sections in [
        "[ignore]\nnamespaces = ['sh*']\n",
        "[ignore]\nowners = ['Deployment shop/ap*']\n",
        "[only]\nnamespaces = ['lab']\n",
        "[checks.crash-loop]\nenabled = false\n[checks.out-of-memory]\nenabled = false\n[checks.replicas-missing]\ngrace = '24h'\n[checks.not-ready]\nenabled = false\n",
    ] {
        run_test(async |bot| {
            bot.writes(sections);
            let story = a_healthy_shop(bot);
            goes_bad(bot, story).await?;
            assert_eq!(bot.everything_new("#alerts").await?, "", "{sections}");
            Ok(())
        })
        .await;
    }
}
