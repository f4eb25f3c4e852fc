//! Whatever Slack does, every alert arrives, and arrives once; what cannot be sent yet is said, and why.

use std::time::Duration;

use anyhow::Context;
use k8s_monitor::{
    alerts::{
        Message, Outgoing,
        outbox::{Pace, send_due},
    },
    sandbox::{
        kubernetes::story,
        slack::{Fault, Seen, Shown},
    },
};

use crate::harness::{BotTester, run_test};

/// What of the Web API is needed to post.
const POSTING: [&str; 5] =
    ["auth.test", "conversations.list", "conversations.history", "chat.postMessage", "chat.update"];

/// The healthy shop is there before the bot starts; the rest of the story is given back.
fn a_healthy_shop(bot: &mut BotTester) -> Vec<story::Step> {
    let mut steps = story::bad_deploy(bot.now());
    let first = steps.remove(0);
    bot.cluster().play(&first.changes);
    steps
}

/// The shop breaks, up to this step of the story; what is left of it is given back.
async fn it_breaks(bot: &mut BotTester, steps: Vec<story::Step>, until: &str) -> anyhow::Result<Vec<story::Step>> {
    let mut steps = steps.into_iter();
    for step in steps.by_ref() {
        bot.wait(step.at.duration_since(bot.now()).try_into().unwrap_or_default()).await?;
        bot.cluster().play(&step.changes);
        bot.settle().await?;
        if step.caption.starts_with(until) {
            break;
        }
    }
    Ok(steps.collect())
}

/// The alerts in a channel. A reply that is shown in the channel too is none of them.
fn alerts(bot: &BotTester, channel: &str) -> Vec<Shown> {
    let messages = bot.workspace().messages(channel);
    messages.into_iter().filter(|m| m.text.contains("INC-") && !m.text.contains("*Worse:")).collect()
}

/// The alerts in a channel: the first line of each, and how many replies it has.
fn shown(bot: &BotTester, channel: &str) -> String {
    let line = |alert: &Shown| alert.text.lines().next().unwrap_or_default().to_owned();
    let lines =
        alerts(bot, channel).into_iter().map(|alert| format!("{} ({} in its thread)", line(&alert), alert.replies));
    lines.collect::<Vec<_>>().join("\n")
}

/// What `/readyz` says of Slack.
fn ready(bot: &BotTester) -> anyhow::Result<String> {
    let (_, body) = bot.app()?.health.readyz();
    Ok(body.pointer("/parts/slack").and_then(|why| why.as_str()).unwrap_or_default().to_owned())
}

/// The lines of the status that tell of Slack. How many messages wait depends on what came while one was tried.
async fn status(bot: &mut BotTester, channel: &str) -> anyhow::Result<String> {
    bot.person("ana").runs("/k8s status", channel)?;
    bot.settle().await?;
    let seen = bot.workspace().ephemeral_for("ana").pop().map(|m| m.text).unwrap_or_default();
    bot.everything_new(channel).await?;
    let telling = seen.lines().filter(|line| line.contains("to be sent") || line.contains('⚠'));
    let tail = |line: &str| line.split(" ago) · ").last().unwrap_or_default().to_owned();
    let lines = telling.map(tail).map(|line| match line.split_once(" to be sent, ") {
        Some((_, rest)) => format!("some wait to be sent, {rest}"),
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
        insta::assert_snapshot!(shown(bot, "#alerts"), @"🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001 (1 in its thread)");
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
        insta::assert_snapshot!(ready(bot)?, @"no channel #alrets that the bot can see; did you mean #alerts? A private channel is seen after `/invite @k8s-monitor` there; its id works too");
        assert_eq!(bot.app()?.store.outbox_error().await?, Some(ready(bot)?));

        bot.stops().await;
        bot.is_configured_for("alerts");
        bot.starts().await?;
        insta::assert_snapshot!(shown(bot, "#alerts"), @"🟠 *SEV-2 · api serves nobody* · INC-2026-11-24-001 (0 in its thread)");
        it_breaks(bot, steps, "Fifth restart").await?;
        insta::assert_snapshot!(shown(bot, "#alerts"), @"🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001 (1 in its thread)");
        bot.everything_new("#alerts").await?;
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
        bot.starts().await?;
        it_breaks(bot, steps, "Fifth restart").await?;
        assert_eq!(bot.workspace().messages("#general"), []);
        insta::assert_snapshot!(status(bot, "#general").await?, @"
        some wait to be sent, the oldest for 3 min
        ⚠ Slack: the bot is not in #general: /invite @k8s-monitor there
        ");

        bot.workspace().let_bot_in("general", true);
        bot.wait(Duration::from_secs(45)).await?;
        insta::assert_snapshot!(shown(bot, "#general"), @"🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001 (1 in its thread)");
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
        insta::assert_snapshot!(shown(bot, "#pager"), @"🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001 (1 in its thread)");
        bot.everything_new("#pager").await?;
        assert_eq!(bot.everything_new("#alerts").await?, "");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_post_whose_answer_was_lost_is_looked_for_until_slack_says_whether_it_is_there() {
    run_test(async |bot| {
        let steps = a_healthy_shop(bot);
        bot.starts().await?;
        bot.workspace().fail_next("chat.postMessage", Fault::CutAfter);
        bot.workspace().fail_next("conversations.history", Fault::Refused("internal_error".into()));
        bot.workspace().fail_next("conversations.history", Fault::RateLimited(5));
        bot.workspace().fail_next("conversations.history", Fault::Unavailable);
        it_breaks(bot, steps, "Fifth restart").await?;
        bot.wait(Duration::from_mins(1)).await?;
        insta::assert_snapshot!(shown(bot, "#alerts"), @"🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001 (1 in its thread)");
        bot.everything_new("#alerts").await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_bot_that_was_killed_while_it_posted_does_not_post_again() {
    run_test(async |bot| {
        let steps = a_healthy_shop(bot);
        bot.starts().await?;
        let mut steps = it_breaks(bot, steps, "They are restarted").await?;
        bot.workspace().fail_next("chat.postMessage", Fault::Hang);
        for step in steps.drain(..3) {
            bot.cluster().play(&step.changes);
        }
        bot.wait_for_calls("chat.postMessage", 1).await?;
        bot.crashes().await?;
        bot.starts().await?;
        it_breaks(bot, steps, "Fifth restart").await?;
        insta::assert_snapshot!(shown(bot, "#alerts"), @"🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001 (1 in its thread)");
        bot.everything_new("#alerts").await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn two_senders_at_once_leave_one_message() {
    run_test(async |bot| {
        a_healthy_shop(bot);
        bot.starts().await?;
        let thread = said(bot, "#alerts", "one")?;
        bot.settle().await?;
        let app = bot.app()?;
        // Nobody wakes the bot's own sender.
        app.store.enqueue(bot.bot()?.cluster(), None, &[answer("C0ALERTS", &thread, "once")], bot.now()).await?;
        let (mut one, mut two) = (Pace::default(), Pace::default());
        let (first, second) = tokio::join!(send_due(app, &mut one), send_due(app, &mut two));
        first?;
        second?;
        assert_eq!(bot.workspace().thread("#alerts", &thread).len(), 1);
        bot.everything_new("#alerts").await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn who_lost_the_right_to_send_sends_nothing() {
    run_test(async |bot| {
        a_healthy_shop(bot);
        bot.starts().await?;
        let thread = said(bot, "#alerts", "one")?;
        bot.settle().await?;
        let app = bot.app()?;
        app.store.release(&app.lease).await?;
        app.store.enqueue(bot.bot()?.cluster(), None, &[answer("C0ALERTS", &thread, "once")], bot.now()).await?;
        send_due(app, &mut Pace::default()).await?;
        assert_eq!(bot.workspace().count("chat.postMessage"), 0);
        bot.crashes().await?;
        bot.starts().await?;
        assert_eq!(bot.workspace().thread("#alerts", &thread).len(), 1);
        bot.everything_new("#alerts").await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_channel_that_slack_slows_down_is_left_alone_as_long_as_it_wants() {
    run_test(async |bot| {
        a_healthy_shop(bot);
        bot.workspace().add_channel("pager", false, true);
        bot.starts().await?;
        let threads = [said(bot, "#alerts", "one")?, said(bot, "#alerts", "two")?, said(bot, "#pager", "three")?];
        bot.workspace().fail_next("chat.postMessage", Fault::RateLimited(20));
        let answers = [
            answer("C0ALERTS", &threads[0], "the first"),
            answer("C0ALERTS", &threads[1], "the second"),
            answer("C0PAGER", &threads[2], "elsewhere"),
        ];
        send(bot, &answers).await?;
        assert_eq!(bot.workspace().count("chat.postMessage"), 2);
        assert!(bot.next("#pager").await?.text().contains("elsewhere"));
        bot.wait(Duration::from_secs(15)).await?;
        assert_eq!(bot.everything_new("#alerts").await?, "");
        bot.wait(Duration::from_secs(15)).await?;
        insta::assert_snapshot!(bot.everything_new("#alerts").await?, @"
        replied in #alerts:
        the first

        replied in #alerts:
        the second
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_unknown_fate_holds_up_its_own_thread_only() {
    run_test(async |bot| {
        a_healthy_shop(bot);
        bot.starts().await?;
        let threads = [said(bot, "#alerts", "one")?, said(bot, "#alerts", "two")?];
        bot.workspace().fail_next("chat.postMessage", Fault::CutAfter);
        bot.workspace().fail_always("conversations.replies", Some(Fault::Unavailable));
        send(bot, &[answer("C0ALERTS", &threads[0], "the first"), answer("C0ALERTS", &threads[1], "the second")])
            .await?;
        bot.wait(Duration::from_secs(30)).await?;
        insta::assert_snapshot!(bot.everything_new("#alerts").await?, @"
        replied in #alerts:
        the first

        replied in #alerts:
        the second
        ");
        bot.workspace().fail_always("conversations.replies", None);
        bot.wait(Duration::from_mins(2)).await?;
        assert_eq!(bot.everything_new("#alerts").await?, "");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_alert_that_somebody_deleted_is_posted_anew_and_its_thread_goes_on_below() {
    run_test(async |bot| {
        bot.may_be_refused();
        let steps = a_healthy_shop(bot);
        bot.starts().await?;
        let steps = it_breaks(bot, steps, "Third restart").await?;
        let root = bot.root("#alerts")?;
        bot.everything_new("#alerts").await?;
        bot.person("ana").deletes("#alerts", &root)?;
        it_breaks(bot, steps, "Fifth restart").await?;
        insta::assert_snapshot!(shown(bot, "#alerts"), @"🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001 (1 in its thread)");

        // Deleted again, when nothing but a reply is to be said.
        let alert = alerts(bot, "#alerts").remove(0);
        bot.person("ana").deletes("#alerts", &alert.ts)?;
        bot.everything_new("#alerts").await?;
        let incident = bot.app()?.store.find_incident("1").await?.context("no incident")?;
        let message = Message { text: "Still at it".to_owned(), blocks: Vec::new(), colour: None };
        let reply = Outgoing::Reply { channel: "alerts".to_owned(), message, broadcast: false };
        bot.app()?.store.enqueue(&incident.cluster, Some(&incident.id), &[reply], bot.now()).await?;
        bot.app()?.outbox_wake.wake();
        bot.settle().await?;
        insta::assert_snapshot!(shown(bot, "#alerts"), @"🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001 (1 in its thread)");
        assert_eq!(bot.workspace().thread("#alerts", &alerts(bot, "#alerts")[0].ts)[0].text, "Still at it");
        bot.everything_new("#alerts").await?;
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
        some wait to be sent, the oldest for 48 s (chat.postMessage needs the scope chat:write (the token has app_mentions:read,channels:history,channels:join,channels:read,commands,groups:history,groups:read,im:history,reactions:write,users:read): add it under OAuth & Permissions, or update the app from manifests/slack-app.yaml, then reinstall it)
        ⚠ Slack: SLACK_BOT_TOKEN: the app lacks chat:write (alerts, edits and replies); add them under OAuth & Permissions, or update the app from manifests/slack-app.yaml, then reinstall it
        ");
        insta::assert_snapshot!(ready(bot)?, @"SLACK_BOT_TOKEN: the app lacks chat:write (alerts, edits and replies); add them under OAuth & Permissions, or update the app from manifests/slack-app.yaml, then reinstall it");
        bot.workspace().fail_always("auth.test", Some(Fault::Refused("token_revoked".into())));
        bot.wait(Duration::from_secs(45)).await?;
        insta::assert_snapshot!(status(bot, "#alerts").await?, @"
        some wait to be sent, the oldest for 1 min (chat.postMessage needs the scope chat:write (the token has app_mentions:read,channels:history,channels:join,channels:read,commands,groups:history,groups:read,im:history,reactions:write,users:read): add it under OAuth & Permissions, or update the app from manifests/slack-app.yaml, then reinstall it)
        ⚠ Slack: SLACK_BOT_TOKEN: Slack does not accept the bot token for auth.test (token_revoked): copy it again from the app's settings (SLACK_BOT_TOKEN starts with xoxb-, SLACK_APP_TOKEN with xapp-)
        ");

        bot.workspace().fail_always("auth.test", None);
        bot.workspace().grant_scope("chat:write");
        bot.wait(Duration::from_secs(45)).await?;
        insta::assert_snapshot!(shown(bot, "#alerts"), @"🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001 (1 in its thread)");
        bot.everything_new("#alerts").await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_slack_refuses_for_its_form_is_posted_as_plain_text() {
    run_test(async |bot| {
        let steps = a_healthy_shop(bot);
        bot.starts().await?;
        bot.workspace().fail_next("chat.update", Fault::Refused("msg_too_long".into()));
        bot.workspace().fail_next("chat.postMessage", Fault::Refused("invalid_blocks".into()));
        it_breaks(bot, steps, "Third restart").await?;
        insta::assert_snapshot!(bot.next_message("#alerts").await?, @"
        🟠 *SEV-2 · api serves nobody* · INC-2026-11-24-001
        Container api killed 1 time for using more than its 64Mi memory limit (2 pods)
        0 of 2 replicas ready · Deployment shop/api (P0)
        Hit: Service shop/api has no ready endpoint
        Do: Raise the memory limit of container api or find what grows: kubectl -n shop top pod api-vh9ggj9h7-9s9tz --containers
        Pod shop/api-vh9ggj9h7-9s9tz container api: ended: OOMKilled, exit code 137, ran 3 s
        SEV-2 because P0 service: nothing ready, for less than a minute · since 14:00 UTC
        ");
        bot.everything_new("#alerts").await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn one_pass_waits_until_everything_is_sent() {
    run_test(async |bot| {
        a_healthy_shop(bot);
        bot.starts().await?;
        let threads = [said(bot, "#alerts", "one")?, said(bot, "#alerts", "two")?];
        bot.workspace().fail_next("chat.postMessage", Fault::RateLimited(20));
        put(bot, &[answer("C0ALERTS", &threads[0], "the first"), answer("C0ALERTS", &threads[1], "the second")])
            .await?;
        let code = tokio::select! {
            code = bot.bot()?.one_pass() => code?,
            () = time_passes(bot) => 99,
        };
        assert_eq!(code, 0);
        insta::assert_snapshot!(bot.everything_new("#alerts").await?, @"
        replied in #alerts:
        the first

        replied in #alerts:
        the second
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn one_pass_with_a_channel_that_is_not_to_be_found_is_a_failure() {
    run_test(async |bot| {
        a_healthy_shop(bot);
        bot.is_configured_for("alrets");
        bot.starts().await?;
        assert_eq!(bot.bot()?.one_pass().await?, 2);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_envelope_that_slack_delivers_again_is_answered_once() {
    run_test(async |bot| {
        a_healthy_shop(bot);
        bot.starts().await?;
        bot.workspace().duplicate_next();
        let envelope = bot.person("ana").runs("/k8s help", "#alerts")?;
        bot.settle().await?;
        bot.workspace().send_again(&envelope);
        bot.settle().await?;
        assert!(matches!(bot.next("#alerts").await?, Seen::Ephemeral { .. }));
        assert_eq!(bot.everything_new("#alerts").await?, "");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_people_say_to_each_other_is_neither_stored_nor_looked_into() {
    run_test(async |bot| {
        a_healthy_shop(bot);
        bot.starts().await?;
        let thread = said(bot, "#alerts", "lunch?")?;
        bot.person("ben").replies("#alerts", &thread, "yes")?;
        bot.settle().await?;
        assert_eq!(bot.workspace().count("users.info"), 0);
        assert_eq!(bot.app()?.store.inbox_open().await?, []);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn somebody_of_whom_slack_says_nothing_holds_up_nobody_else() {
    run_test(async |bot| {
        a_healthy_shop(bot);
        bot.starts().await?;
        bot.workspace().fail_next("users.info", Fault::Hang);
        bot.person("ana").runs("/k8s help", "#alerts")?;
        bot.workspace().wait_for_calls("users.info", 1).await?;
        bot.person("ben").runs("/k8s help", "#alerts")?;
        let Seen::Ephemeral { user, .. } = bot.next("#alerts").await? else { anyhow::bail!("no answer") };
        assert_eq!(user, "ben");
        bot.settle().await?;
        insta::assert_snapshot!(bot.everything_new("#alerts").await?, @"
        only for ana in #alerts:
        I could not ask Slack who you are (no answer to users.info), so I did nothing. Please try again.
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn who_writes_to_the_bot_directly_is_told_where_it_answers() {
    run_test(async |bot| {
        a_healthy_shop(bot);
        bot.starts().await?;
        bot.person("ana").writes_to_the_bot("what is broken?")?;
        bot.person("gus").writes_to_the_bot("what is broken?")?;
        bot.settle().await?;
        insta::assert_snapshot!(bot.workspace().next_seen().await?.to_string(), @"
        replied in #ana:
        I answer in #alerts: mention me there, or ask in the thread of an alert.
        ");
        Ok(())
    })
    .await;
}

/// Somebody says something; the message's timestamp.
fn said(bot: &BotTester, channel: &str, text: &str) -> anyhow::Result<String> {
    Ok(bot.person("ana").says(channel, text)?.ts)
}

fn answer(channel: &str, thread: &str, text: &str) -> Outgoing {
    let message = Message { text: text.to_owned(), blocks: Vec::new(), colour: None };
    Outgoing::ReplyTo { channel: channel.to_owned(), thread_ts: thread.to_owned(), message }
}

/// Puts something into the outbox.
async fn put(bot: &BotTester, outgoing: &[Outgoing]) -> anyhow::Result<()> {
    let app = bot.app()?;
    app.store.enqueue(bot.bot()?.cluster(), None, outgoing, bot.now()).await?;
    app.outbox_wake.wake();
    Ok(())
}

/// Puts something into the outbox and lets it be sent.
async fn send(bot: &BotTester, outgoing: &[Outgoing]) -> anyhow::Result<()> {
    put(bot, outgoing).await?;
    bot.settle().await
}

/// Time passes by itself, for whoever waits without looking at it.
async fn time_passes(bot: &BotTester) {
    loop {
        tokio::time::sleep(Duration::from_millis(5)).await;
        bot.clock().advance(Duration::from_secs(1));
    }
}
