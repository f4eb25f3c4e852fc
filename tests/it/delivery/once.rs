//! An answer is lost, a process is killed, a message is deleted: what people see is there once.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use k8s_monitor::{
    alerts::{Message, Outgoing, Word, outbox::Sender},
    sandbox::slack::Fault,
};
use serde_json::json;

use super::{a_healthy_shop, alerts, answer, it_breaks, said, send, shown};
use crate::harness::run_test;

#[tokio::test]
async fn a_post_that_could_not_be_written_down_is_looked_for_and_not_posted_again() {
    run_test(async |bot| {
        let steps = a_healthy_shop(bot);
        bot.starts().await?;
        bot.database().fails_when("outbox", "NEW.state = 'sent'").await?;
        it_breaks(bot, steps, "Fifth restart").await?;
        assert_eq!(bot.workspace().count("chat.postMessage"), 1);
        bot.database().works_again("outbox").await?;
        bot.wait(Duration::from_secs(15)).await?;
        insta::assert_snapshot!(shown(bot, "#alerts"), @"🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001 (0 in its thread)");
        bot.everything_new("#alerts").await?;
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
        insta::assert_snapshot!(shown(bot, "#alerts"), @"🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001 (0 in its thread)");
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
        let mut steps = it_breaks(bot, steps, "Somebody deploys").await?;
        bot.workspace().fail_next("chat.postMessage", Fault::Hang);
        for step in steps.drain(..2) {
            bot.cluster().play(&step.changes);
        }
        assert_eq!(bot.workspace().count("chat.postMessage"), 0);
        bot.wait_for_calls("chat.postMessage", 1).await?;
        bot.crashes().await?;
        bot.starts().await?;
        it_breaks(bot, steps, "Fifth restart").await?;
        insta::assert_snapshot!(shown(bot, "#alerts"), @"🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001 (0 in its thread)");
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
        app.store.enqueue(&bot.cluster_id()?, None, &[answer("C0ALERTS", &thread, "once")], bot.now()).await?;
        let (mut one, mut two) = (Sender::new(Arc::clone(app)), Sender::new(Arc::clone(app)));
        let (first, second) = tokio::join!(one.send_due(), two.send_due());
        first?;
        second?;
        assert_eq!(bot.workspace().thread("#alerts", &thread).len(), 1);
        bot.everything_new("#alerts").await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_a_sender_posts_after_it_slept_and_another_had_posted_it_is_taken_back() {
    run_test(async |bot| {
        a_healthy_shop(bot);
        bot.starts().await?;
        let thread = said(bot, "#alerts", "one")?;
        bot.settle().await?;
        let app = bot.app()?;
        // Nobody wakes the bot's own sender.
        app.store.enqueue(&bot.cluster_id()?, None, &[answer("C0ALERTS", &thread, "once")], bot.now()).await?;
        bot.workspace().fail_next("chat.postMessage", Fault::Held);
        let (mut asleep, mut other) = (Sender::new(Arc::clone(app)), Sender::new(Arc::clone(app)));
        let meanwhile = async {
            bot.workspace().wait_for_held(1).await?;
            other.send_due().await?;
            assert_eq!(bot.workspace().thread("#alerts", &thread).len(), 1);
            bot.workspace().lets_go();
            anyhow::Ok(())
        };
        let (late, in_time) = tokio::join!(asleep.send_due(), meanwhile);
        late?;
        in_time?;
        insta::assert_snapshot!(bot.everything_new("#alerts").await?, @r"
        replied in #alerts:
        once

        replied in #alerts:
        once

        deleted in #alerts
        ");
        assert_eq!(bot.workspace().thread("#alerts", &thread).len(), 1);
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
        app.store.release(&app.right().lease()).await?;
        app.store.enqueue(&bot.cluster_id()?, None, &[answer("C0ALERTS", &thread, "once")], bot.now()).await?;
        Sender::new(Arc::clone(app)).send_due().await?;
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
        insta::assert_snapshot!(shown(bot, "#alerts"), @"🔴 *SEV-1 · api serves nobody* · INC-2026-11-24-001 (0 in its thread)");

        // Deleted again, when nothing but a reply is to be said.
        let alert = alerts(bot, "#alerts").remove(0);
        bot.person("ana").deletes("#alerts", &alert.ts)?;
        bot.everything_new("#alerts").await?;
        let incident = bot.app()?.store.find_incident("1").await?.context("no incident")?;
        let message = Message { text: "Still at it".to_owned(), blocks: Vec::new(), colour: None };
        let reply = Outgoing::Reply { channel: "alerts".to_owned(), message, broadcast: false, word: Word::News };
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
async fn what_slack_refuses_for_its_form_is_posted_as_plain_text() {
    run_test(async |bot| {
        a_healthy_shop(bot);
        bot.starts().await?;
        bot.workspace().fail_next("chat.postMessage", Fault::Refused("invalid_blocks".into()));
        let section =
            json!({"type": "section", "text": {"type": "mrkdwn", "text": "0 of 2 replicas ready &amp; <!here>"}});
        let text = json!({"type": "plain_text", "text": "Acknowledge"});
        let button = json!({"type": "actions", "elements": [{"type": "button", "text": text, "value": "INC-1"}]});
        let message = Message {
            text: "*api serves nobody*".to_owned(),
            blocks: vec![section, button],
            colour: Some("#a30200".to_owned()),
        };
        send(bot, &[Outgoing::Post { channel: "alerts".to_owned(), message }]).await?;
        insta::assert_snapshot!(bot.next_message("#alerts").await?, @"
        *api serves nobody*
        0 of 2 replicas ready & <!here>
        ");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_alert_that_slack_refuses_in_every_form_is_given_up_with_its_thread() {
    run_test(async |bot| {
        let steps = a_healthy_shop(bot);
        bot.starts().await?;
        bot.workspace().fail_always("chat.postMessage", Some(Fault::Refused("msg_too_long".into())));
        it_breaks(bot, steps, "Fifth restart").await?;
        bot.wait(Duration::from_mins(1)).await?;
        assert_eq!(bot.app()?.store.counts().await?.pending, 0);
        let calls = bot.workspace().count("chat.postMessage");
        bot.wait(Duration::from_mins(1)).await?;
        assert_eq!(bot.workspace().count("chat.postMessage"), calls, "it is not tried without end");
        bot.stops().await;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_alert_that_cannot_be_edited_any_more_stays_and_its_thread_goes_on() {
    run_test(async |bot| {
        let steps = a_healthy_shop(bot);
        bot.starts().await?;
        let steps = it_breaks(bot, steps, "Third restart").await?;
        bot.workspace().fail_always("chat.update", Some(Fault::Refused("edit_window_closed".into())));
        it_breaks(bot, steps, "Fifth restart").await?;
        let root = bot.root("#alerts")?;
        assert_eq!(alerts(bot, "#alerts").len(), 1);
        let thread = bot.workspace().thread("#alerts", &root);
        assert!(thread.iter().any(|m| m.text.starts_with("🔴 *SEV-1 · api serves nobody*")), "{thread:#?}");
        bot.workspace().fail_always("chat.update", None);
        bot.everything_new("#alerts").await?;
        Ok(())
    })
    .await;
}
