//! Slack is away, the channel is wrong, the token lost a right: alerts wait, it is said why, and they go on by themselves.

use std::time::Duration;

use k8s_monitor::sandbox::slack::Fault;

use super::{a_healthy_shop, it_breaks, put, send, shown, summary};
use crate::harness::{BotTester, run_test};

/// What of the Web API is needed to post.
const POSTING: [&str; 5] =
    ["auth.test", "conversations.list", "conversations.history", "chat.postMessage", "chat.update"];

/// What `/readyz` says of Slack.
fn ready(bot: &BotTester) -> anyhow::Result<String> {
    let (_, body) = bot.app()?.health.readyz();
    Ok(body.pointer("/parts/slack").and_then(|why| why.as_str()).unwrap_or_default().to_owned())
}

/// The lines of the status that tell of Slack. How many messages wait, and how long, depends on what came while one was tried.
async fn status(bot: &mut BotTester, channel: &str) -> anyhow::Result<String> {
    bot.person("ana").runs("/k8s status", channel)?;
    bot.settle().await?;
    let seen = bot.workspace().ephemeral_for("ana").pop().map(|m| m.text).unwrap_or_default();
    bot.everything_new(channel).await?;
    let telling = seen.lines().filter(|line| line.contains("to be sent") || line.contains('⚠'));
    let tail = |line: &str| line.split(" ago) · ").last().unwrap_or_default().to_owned();
    let lines = telling.map(tail).map(|line| match line.split_once(" to be sent, the oldest for ") {
        Some((_, rest)) => format!("some wait{}", rest.find('(').map_or("", |at| rest.split_at(at - 1).1)),
        None => line,
    });
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

#[tokio::test]
async fn an_alert_of_a_time_when_slack_was_away_is_posted_when_it_is_back() {
    run_test(async |bot| {
        let steps = a_healthy_shop(bot);
        for method in POSTING {
            bot.workspace().fail_always(method, Some(Fault::Unavailable));
        }
        bot.starts().await?;
        it_breaks(bot, steps, "Fifth restart").await?;
        assert_eq!(bot.everything_new("#alerts").await?, "");
        insta::assert_snapshot!(ready(bot)?, @"Slack does not answer (HTTP 503 Service Unavailable)");

        for method in POSTING {
            bot.workspace().fail_always(method, None);
        }
        bot.wait(Duration::from_secs(45)).await?;
        insta::assert_snapshot!(shown(bot, "#alerts"), @"🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001 (0 in its thread)");
        assert_eq!(ready(bot)?, "ok");
        bot.everything_new("#alerts").await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_alert_for_a_channel_that_does_not_exist_goes_to_the_mended_one() {
    run_test(async |bot| {
        let steps = a_healthy_shop(bot);
        bot.is_configured_for("alrets");
        bot.starts().await?;
        let steps = it_breaks(bot, steps, "Third restart").await?;
        // By then the channels were asked for again.
        bot.wait(Duration::from_secs(30)).await?;
        insta::assert_snapshot!(ready(bot)?, @"no channel #alrets that the bot can see; did you mean #alerts? A private channel is seen after `/invite @k8s-monitor` there; its id works too");
        assert_eq!(bot.app()?.store.outbox_error().await?, Some(ready(bot)?));
        // A summary is about no single incident.
        put(bot, &[summary("alrets", "Five things were wrong")]).await?;

        bot.stops().await;
        bot.is_configured_for("alerts");
        bot.starts().await?;
        insta::assert_snapshot!(shown(bot, "#alerts"), @"🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001 (0 in its thread)");
        assert!(bot.everything_new("#alerts").await?.contains("Five things were wrong"));
        it_breaks(bot, steps, "Fifth restart").await?;
        insta::assert_snapshot!(shown(bot, "#alerts"), @"🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001 (0 in its thread)");
        bot.everything_new("#alerts").await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_alert_for_wrong_channel_ids_goes_to_the_mended_ones_and_a_summary_goes_once() {
    run_test(async |bot| {
        bot.may_be_refused();
        let steps = a_healthy_shop(bot);
        bot.workspace().add_channel("pager", false, true);
        bot.is_configured_for("C0WRONG000,C0WRONG001,pager");
        bot.starts().await?;
        it_breaks(bot, steps, "Third restart").await?;
        send(bot, &["C0WRONG000", "C0WRONG001", "pager"].map(|channel| summary(channel, "Five things were wrong")))
            .await?;

        bot.stops().await;
        bot.is_configured_for("alerts,pager");
        bot.starts().await?;
        for channel in ["#alerts", "#pager"] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(shown(bot, channel), @"🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001 (0 in its thread)");
            }
            assert_eq!(bot.everything_new(channel).await?.matches("Five things were wrong").count(), 1);
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_alert_for_a_channel_without_the_bot_waits_for_the_invitation_and_the_status_says_so() {
    run_test(async |bot| {
        bot.may_be_refused();
        let steps = a_healthy_shop(bot);
        bot.is_configured_for("general");
        let logs = bot.folder();
        bot.set("LOG_DIR", &logs);
        bot.starts().await?;
        it_breaks(bot, steps, "Fifth restart").await?;
        assert_eq!(bot.workspace().messages("#general"), []);
        insta::assert_snapshot!(status(bot, "#general").await?, @"
        some wait
        ⚠ Slack: the bot is not in #general: /invite @k8s-monitor there
        ");

        // Whoever is at the machine can read what Slack does not take.
        let file = std::path::Path::new(&logs).join("incidents/undelivered.md");
        let in_the_way = file.parent().unwrap_or(&file);
        std::fs::write(in_the_way, "no folder")?;
        bot.wait(Duration::from_mins(6)).await?;
        status(bot, "#general").await?;
        let seen = bot.workspace().ephemeral_for("ana").pop().map(|message| message.text).unwrap_or_default();
        assert!(!seen.contains("to be read in"), "{seen}");
        std::fs::remove_file(in_the_way)?;
        bot.wait(Duration::from_mins(1)).await?;
        let text = std::fs::read_to_string(&file)?;
        insta::assert_snapshot!(text.lines().take(10).collect::<Vec<_>>().join("\n"), @"
        # Not delivered

        What people should have read in Slack, the oldest first. What waits is delivered by itself when the reason is mended, as it is then; this file goes when all is delivered.

        ## general · INC-2026-11-24-001

        Written 2026-11-24 14:00 UTC, waits: the bot is not in #general: /invite @k8s-monitor there

            🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001
            Container api killed 5 times for using more than its 64Mi memory limit (2 pods)
        ");
        status(bot, "#general").await?;
        // Who watches the metrics sees it too: one that waits, for how long.
        let metrics = bot.metrics().await?;
        assert!(metrics.contains("k8s_monitor_outbox_undelivered 1\n"), "{metrics}");
        let age = metrics.lines().find_map(|line| line.strip_prefix("k8s_monitor_outbox_oldest_age_seconds "));
        assert!(age.and_then(|age| age.parse::<f64>().ok()).is_some_and(|age| age > 300.0), "{age:?}");
        let seen = bot.workspace().ephemeral_for("ana").pop().map(|message| message.text).unwrap_or_default();
        assert!(seen.contains(&format!("1 to be read in `{}`", file.display())), "{seen}");

        bot.workspace().let_bot_in("general", true);
        bot.wait(Duration::from_mins(2)).await?;
        assert!(!file.exists());
        insta::assert_snapshot!(shown(bot, "#general"), @"🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001 (0 in its thread)");
        insta::assert_snapshot!(status(bot, "#general").await?, @"nothing waits to be sent");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_open_incident_follows_when_another_channel_is_configured() {
    run_test(async |bot| {
        let steps = a_healthy_shop(bot);
        bot.starts().await?;
        let steps = it_breaks(bot, steps, "Third restart").await?;
        bot.everything_new("#alerts").await?;
        bot.stops().await;

        bot.workspace().add_channel("pager", false, true);
        bot.is_configured_for("pager");
        bot.starts().await?;
        it_breaks(bot, steps, "Fifth restart").await?;
        insta::assert_snapshot!(shown(bot, "#pager"), @"🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001 (0 in its thread)");
        bot.everything_new("#pager").await?;
        assert_eq!(bot.everything_new("#alerts").await?, "");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_token_that_lost_a_right_is_named_in_the_status_and_nothing_is_lost() {
    run_test(async |bot| {
        bot.may_be_refused();
        let steps = a_healthy_shop(bot);
        bot.starts().await?;
        bot.workspace().revoke_scope("chat:write");
        it_breaks(bot, steps, "Third restart").await?;
        insta::assert_snapshot!(status(bot, "#alerts").await?, @"
        some wait
        ⚠ Slack: SLACK_BOT_TOKEN: the app lacks chat:write (alerts, edits and replies); add it under OAuth & Permissions, or update the app from manifests/slack-app.yaml, then reinstall it
        ");
        insta::assert_snapshot!(ready(bot)?, @"SLACK_BOT_TOKEN: the app lacks chat:write (alerts, edits and replies); add it under OAuth & Permissions, or update the app from manifests/slack-app.yaml, then reinstall it");
        bot.workspace().fail_always("auth.test", Some(Fault::Refused("token_revoked".into())));
        bot.wait(Duration::from_secs(45)).await?;
        insta::assert_snapshot!(status(bot, "#alerts").await?, @"
        some wait (chat.postMessage needs the scope chat:write (the token has app_mentions:read,channels:history,channels:join,channels:read,commands,groups:history,groups:read,im:history,reactions:write,users:read): add it under OAuth & Permissions, or update the app from manifests/slack-app.yaml, then reinstall it)
        ⚠ Slack: SLACK_BOT_TOKEN: Slack does not accept the bot token for auth.test (token_revoked): copy it again from the app's settings (SLACK_BOT_TOKEN starts with xoxb-, SLACK_APP_TOKEN with xapp-)
        ");

        bot.workspace().fail_always("auth.test", None);
        bot.workspace().grant_scope("chat:write");
        bot.wait(Duration::from_secs(45)).await?;
        insta::assert_snapshot!(shown(bot, "#alerts"), @"🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001 (0 in its thread)");
        bot.everything_new("#alerts").await?;
        Ok(())
    })
    .await;
}
