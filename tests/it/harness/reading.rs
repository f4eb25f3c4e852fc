//! How a story reads what people see in Slack: what is new, in which order, and how a message is now.

use anyhow::{Context as _, bail};
use k8s_monitor::sandbox::slack::Seen;

use super::BotTester;

impl BotTester {
    /// The next thing that becomes visible in a channel.
    pub(crate) async fn next(&self, channel: &str) -> anyhow::Result<Seen> {
        self.workspace.next_in(channel).await
    }

    /// The next new message of a channel, as a person reads it.
    pub(crate) async fn next_message(&self, channel: &str) -> anyhow::Result<String> {
        let seen = self.next(channel).await?;
        let Seen::Posted { text, .. } = seen else { bail!("expected a new message, but saw {seen:?}") };
        Ok(text)
    }

    /// Everything that became visible in a channel and was not read yet.
    pub(crate) async fn everything_new(&self, channel: &str) -> anyhow::Result<String> {
        let mut all = Vec::new();
        while self.workspace.unread().iter().any(|seen| seen.channel() == channel) {
            all.push(self.next(channel).await?.to_string());
        }
        Ok(all.join("\n\n"))
    }

    /// What people saw in a channel since it was last read, in order: posts and replies as they were, edits by their first line
    /// where that is new. (How often a message was edited on the way depends on what arrived together.)
    pub(crate) async fn story(&self, channel: &str) -> anyhow::Result<String> {
        let mut told: Vec<(Option<String>, String)> = Vec::new();
        while self.workspace.unread().iter().any(|seen| seen.channel() == channel) {
            let seen = self.next(channel).await?;
            let title = seen.text().lines().next().unwrap_or_default().to_owned();
            match &seen {
                Seen::Edited { ts, .. } => {
                    let line = format!("edited in {channel}: {title}");
                    if self.titles.borrow_mut().insert(ts.clone(), title.clone()) == Some(title) {
                        continue;
                    }
                    match told.last_mut().filter(|(of, _)| of.as_ref() == Some(ts)) {
                        Some((_, last)) => *last = line,
                        None => told.push((Some(ts.clone()), line)),
                    }
                }
                Seen::Posted { ts, .. } => {
                    self.titles.borrow_mut().insert(ts.clone(), title);
                    told.push((None, seen.to_string()));
                }
                Seen::Replied { .. } | Seen::Ephemeral { .. } | Seen::Deleted { .. } => {
                    told.push((None, seen.to_string()));
                }
            }
        }
        // What only one person sees goes another way, so it may come before or after what all see.
        let (alone, all): (Vec<_>, Vec<_>) =
            told.into_iter().map(|(_, line)| line).partition(|line| line.starts_with("only for "));
        Ok([alone, all].concat().join("\n\n"))
    }

    /// The first message of a channel as it is now, and the last reply in its thread. How often it was edited on the way depends
    /// on what arrived together, so it is not looked at.
    pub(crate) async fn alert(&self, channel: &str) -> anyhow::Result<String> {
        self.everything_new(channel).await?;
        let root = self.workspace.messages(channel).into_iter().next().context("no message there")?;
        let last = self.workspace.thread(channel, &root.ts).into_iter().rfind(|m| m.ts != root.ts);
        // Evidence alone makes no edit, so how often an event was counted depends on what came first.
        let steady = |line: &str| if line.starts_with("Event ") { "Event ...".to_owned() } else { line.to_owned() };
        let text = root.text.lines().map(steady).collect::<Vec<_>>().join("\n");
        Ok(format!("{text}\n\nlast in its thread:\n{}", last.map(|m| m.text).unwrap_or_default()))
    }

    /// The timestamp of the channel's first message.
    pub(crate) fn root(&self, channel: &str) -> anyhow::Result<String> {
        Ok(self.workspace.messages(channel).first().context("no message there")?.ts.clone())
    }

    /// What ana is answered, alone, by a bot that never settles: others write to its database.
    pub(crate) async fn hears(&self, typed: &str) -> anyhow::Result<String> {
        let seen = self.workspace.unread().len();
        anyhow::ensure!(seen == 0, "something was not read before `{typed}`");
        self.person("ana").runs(typed, "#alerts")?;
        Ok(self.next("#alerts").await?.to_string())
    }

    /// What ana sees after she typed that, and what it made visible to all. The stories are the same on both databases.
    pub(crate) async fn asks(&self, typed: &str) -> anyhow::Result<String> {
        self.person("ana").runs(typed, "#alerts")?;
        self.settle().await?;
        Ok(self.story("#alerts").await?.replace("Store: PostgreSQL", "Store: SQLite"))
    }
}
