//! Slack slows a channel down: that channel waits, no other, and one pass waits for all of it.

use std::time::Duration;

use k8s_monitor::{
    alerts::{Message, Outgoing},
    sandbox::slack::Fault,
    store::OutboxCounts,
};

use super::{a_healthy_shop, answer, put, said, send, summary};
use crate::harness::{BotTester, run_test};

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
async fn one_pass_waits_until_everything_is_sent() {
    run_test(async |bot| {
        a_healthy_shop(bot);
        bot.starts().await?;
        bot.workspace().fail_next("chat.postMessage", Fault::RateLimited(20));
        put(bot, &[summary("alerts", "the first"), summary("alerts", "the second")]).await?;
        let code = tokio::select! {
            code = bot.bot()?.one_pass() => code?,
            () = time_passes(bot) => 99,
        };
        assert_eq!(code, 0);
        insta::assert_snapshot!(bot.everything_new("#alerts").await?, @"
        posted in #alerts:
        the first

        posted in #alerts:
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
        // What waits for it is not waited for.
        put(bot, &[summary("alrets", "the first")]).await?;
        assert_eq!(bot.bot()?.one_pass().await?, 2);
        bot.stops().await;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn an_answer_for_a_channel_without_the_bot_is_given_up_and_no_pass_waits_for_it() {
    run_test(async |bot| {
        bot.may_be_refused();
        a_healthy_shop(bot);
        bot.starts().await?;
        let thread = said(bot, "#general", "what is wrong?")?;
        send(bot, &[answer("C0GENERAL", &thread, "nothing")]).await?;
        let store = &bot.app()?.store;
        assert_eq!(store.counts().await?.pending, 1);
        assert_eq!(bot.bot()?.one_pass().await?, 0);
        bot.wait(Duration::from_mins(36)).await?;
        assert_eq!(bot.app()?.store.counts().await?, OutboxCounts::default());
        bot.everything_new("#general").await?;
        Ok(())
    })
    .await;
}

/// Time passes by itself, for whoever waits without looking at it.
async fn time_passes(bot: &BotTester) {
    loop {
        tokio::time::sleep(Duration::from_millis(5)).await;
        bot.clock().advance(Duration::from_secs(1));
    }
}

#[tokio::test]
async fn answers_that_hang_hold_up_no_alert() {
    run_test(async |bot| {
        a_healthy_shop(bot);
        bot.starts().await?;
        // It takes connections and never answers.
        let silent = std::net::TcpListener::bind("127.0.0.1:0")?;
        let message = Message { text: "late".to_owned(), blocks: Vec::new(), colour: None };
        for n in 0..5 {
            let response_url = format!("http://{}/{n}", silent.local_addr()?);
            put(bot, &[Outgoing::Respond { response_url, message: message.clone() }]).await?;
        }
        put(bot, &[summary("alerts", "five things were wrong")]).await?;
        assert_eq!(bot.next_message("#alerts").await?, "five things were wrong");
        bot.workspace().wait_for_acks().await?;
        // Their connections break, so that stopping waits for nothing.
        drop(silent);
        bot.stops().await;
        Ok(())
    })
    .await;
}
