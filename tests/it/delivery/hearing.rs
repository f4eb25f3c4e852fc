//! What people say: heard once, by whom it is meant, and whatever Slack says of others.

use std::time::Duration;

use k8s_monitor::sandbox::slack::{Fault, Seen};

use super::{a_healthy_shop, said};
use crate::harness::run_test;

#[tokio::test]
async fn a_command_that_could_not_be_dealt_with_is_answered_when_the_database_works_again() {
    run_test(async |bot| {
        a_healthy_shop(bot);
        bot.starts().await?;
        bot.database().fails_when("inbox", "NEW.done_ms IS NOT NULL").await?;
        bot.person("ana").runs("/k8s help", "#alerts")?;
        bot.settle().await?;
        assert_eq!(bot.everything_new("#alerts").await?, "");
        bot.database().works_again("inbox").await?;
        bot.wait(Duration::from_secs(45)).await?;
        assert!(matches!(bot.next("#alerts").await?, Seen::Ephemeral { .. }));
        assert_eq!(bot.everything_new("#alerts").await?, "");
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
