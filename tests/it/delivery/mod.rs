//! Whatever Slack does, every alert arrives, and arrives once; what cannot be sent yet is said, and why.

mod hearing;
mod once;
mod pace;
mod waiting;

use k8s_monitor::{
    alerts::{Message, Outgoing},
    sandbox::{kubernetes::story, slack::Shown},
};

use crate::harness::BotTester;

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

/// Somebody says something; the message's timestamp.
fn said(bot: &BotTester, channel: &str, text: &str) -> anyhow::Result<String> {
    Ok(bot.person("ana").says(channel, text)?.ts)
}

fn answer(channel: &str, thread: &str, text: &str) -> Outgoing {
    let message = Message { text: text.to_owned(), blocks: Vec::new(), colour: None };
    Outgoing::ReplyTo { channel: channel.to_owned(), thread_ts: thread.to_owned(), message }
}

/// Something that is about no single incident.
fn summary(channel: &str, text: &str) -> Outgoing {
    let message = Message { text: text.to_owned(), blocks: Vec::new(), colour: None };
    Outgoing::Post { channel: channel.to_owned(), message }
}

/// Puts something into the outbox.
async fn put(bot: &BotTester, outgoing: &[Outgoing]) -> anyhow::Result<()> {
    let app = bot.app()?;
    app.store.enqueue(&bot.cluster_id()?, None, outgoing, bot.now()).await?;
    app.outbox_wake.wake();
    Ok(())
}

/// Puts something into the outbox and lets it be sent.
async fn send(bot: &BotTester, outgoing: &[Outgoing]) -> anyhow::Result<()> {
    put(bot, outgoing).await?;
    bot.settle().await
}
