//! The reading side for tests and for the story: what people saw, in order, and what was asked of the workspace.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::faults::Fault;
use super::socket::{Ack, EnvelopeKind};
use super::state::{Message, State};
use super::{Shared, Workspace};

/// One thing that the bot made visible. Channels are `#names`, texts are as a person reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A new message in a channel.
    Posted {
        /// Where.
        channel: String,
        /// The message.
        ts: String,
        /// What it says.
        text: String,
    },
    /// A message that says something else now.
    Edited {
        /// Where.
        channel: String,
        /// The message.
        ts: String,
        /// What it says now.
        text: String,
    },
    /// A reply in a thread.
    Replied {
        /// Where.
        channel: String,
        /// The root of the thread.
        thread_ts: String,
        /// The reply.
        ts: String,
        /// Shown in the channel too.
        broadcast: bool,
        /// What it says.
        text: String,
    },
    /// A message that one person sees.
    Ephemeral {
        /// Where.
        channel: String,
        /// Who sees it.
        user: String,
        /// The message.
        ts: String,
        /// The root of the thread, if in one.
        thread_ts: Option<String>,
        /// What it says.
        text: String,
    },
    /// A message that is gone.
    Deleted {
        /// Where.
        channel: String,
        /// The message.
        ts: String,
    },
}

impl Seen {
    /// Where it was seen.
    pub fn channel(&self) -> &str {
        match self {
            Self::Posted { channel, .. }
            | Self::Edited { channel, .. }
            | Self::Replied { channel, .. }
            | Self::Ephemeral { channel, .. }
            | Self::Deleted { channel, .. } => channel,
        }
    }

    /// The message's timestamp.
    pub fn ts(&self) -> &str {
        match self {
            Self::Posted { ts, .. }
            | Self::Edited { ts, .. }
            | Self::Replied { ts, .. }
            | Self::Ephemeral { ts, .. }
            | Self::Deleted { ts, .. } => ts,
        }
    }

    /// What it says; empty for what is gone.
    pub fn text(&self) -> &str {
        match self {
            Self::Posted { text, .. }
            | Self::Edited { text, .. }
            | Self::Replied { text, .. }
            | Self::Ephemeral { text, .. } => text,
            Self::Deleted { .. } => "",
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Posted { channel, text, .. } => write!(out, "posted in {channel}:\n{text}"),
            Self::Edited { channel, text, .. } => write!(out, "edited in {channel}:\n{text}"),
            Self::Replied { channel, broadcast: false, text, .. } => write!(out, "replied in {channel}:\n{text}"),
            Self::Replied { channel, broadcast: true, text, .. } => {
                write!(out, "replied in {channel}, shown in the channel too:\n{text}")
            }
            Self::Ephemeral { channel, user, text, .. } => write!(out, "only for {user} in {channel}:\n{text}"),
            Self::Deleted { channel, .. } => write!(out, "deleted in {channel}"),
        }
    }
}

/// A message as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The message.
    pub ts: String,
    /// Who wrote it, by name.
    pub author: String,
    /// What it says.
    pub text: String,
    /// Changed after it was posted.
    pub edited: bool,
    /// How many replies its thread has.
    pub replies: usize,
    /// The data that the app attached.
    pub metadata: Option<Value>,
}

/// A call of the Web API.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// For instance `chat.postMessage`.
    pub method: String,
    /// All arguments.
    pub arguments: Value,
    /// The error word, if it was refused.
    pub error: Option<String>,
    /// The fault that was ordered for it.
    pub fault: Option<Fault>,
}

fn shown(state: &State, message: &Message) -> Shown {
    let author = state.people.get(&message.user).map_or_else(|| message.user.clone(), |person| person.name.clone());
    Shown {
        ts: message.ts.clone(),
        author,
        text: state.rendered(&message.content),
        edited: message.edited.is_some(),
        replies: state.replies(&message.channel, &message.ts).count(),
        metadata: message.metadata.clone(),
    }
}

impl Shared {
    /// Looks after every change until `look` finds something; an error says what was waited for.
    pub(crate) async fn wait_for<T>(&self, what: &str, mut look: impl FnMut(&mut State) -> Option<T>) -> Result<T> {
        let mut versions = self.version.subscribe();
        let search = async {
            loop {
                versions.borrow_and_update();
                if let Some(found) = self.with(&mut look) {
                    return Ok(found);
                }
                versions.changed().await?;
            }
        };
        if let Ok(found) = tokio::time::timeout(self.patience, search).await {
            return found;
        }
        let unread = self.with(|state| unread(state).map(ToString::to_string).collect::<Vec<_>>()).join("\n");
        anyhow::bail!("waited {:?} in vain for {what}; seen and not read:\n{unread}", self.patience)
    }
}

fn unread(state: &State) -> impl Iterator<Item = &Seen> {
    state.log.iter().filter(|(_, read)| !read).map(|(seen, _)| seen)
}

impl Workspace {
    /// What the bot made visible and no test has read, in order.
    pub fn unread(&self) -> Vec<Seen> {
        self.shared.with(|state| unread(state).cloned().collect())
    }

    /// Everything that the bot made visible so far, read or not.
    pub fn log(&self) -> Vec<Seen> {
        self.shared.with(|state| state.log.iter().map(|(seen, _)| seen.clone()).collect())
    }

    /// The oldest unread thing, waited for; it is read then.
    pub async fn next_seen(&self) -> Result<Seen> {
        self.next_where("anything", |_| true).await
    }

    /// The oldest unread thing in a channel, waited for; it is read then.
    pub async fn next_in(&self, channel: &str) -> Result<Seen> {
        self.next_where(channel, |seen| seen.channel() == channel).await
    }

    /// The oldest unread thing that is `wanted`, waited for; it is read then.
    pub async fn next_where(&self, what: &str, wanted: impl Fn(&Seen) -> bool) -> Result<Seen> {
        let look = |state: &mut State| {
            let (seen, read) = state.log.iter_mut().find(|(seen, read)| !read && wanted(seen))?;
            *read = true;
            Some(seen.clone())
        };
        self.shared.wait_for(what, look).await
    }

    /// The messages of a channel, oldest first, without replies.
    pub fn messages(&self, channel: &str) -> Vec<Shown> {
        self.shared.with(|state| {
            let Some(id) = state.channel(channel).map(|channel| channel.id.clone()) else { return Vec::new() };
            let mine = state.messages.iter().filter(|message| message.channel == id && message.only_for.is_none());
            mine.filter(|message| message.is_root() || message.broadcast).map(|message| shown(state, message)).collect()
        })
    }

    /// The replies of a thread, oldest first.
    pub fn thread(&self, channel: &str, root: &str) -> Vec<Shown> {
        self.shared.with(|state| {
            let Some(id) = state.channel(channel).map(|channel| channel.id.clone()) else { return Vec::new() };
            state.replies(&id, root).map(|message| shown(state, message)).collect()
        })
    }

    /// What only this person sees, oldest first.
    pub fn ephemeral_for(&self, person: &str) -> Vec<Shown> {
        self.shared.with(|state| {
            let Some(id) = state.person(person).map(|person| person.id.clone()) else { return Vec::new() };
            let mine = state.messages.iter().filter(|message| message.only_for.as_ref() == Some(&id));
            mine.map(|message| shown(state, message)).collect()
        })
    }

    /// Every call of the Web API, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.with(|state| state.calls.iter().cloned().collect())
    }

    /// How often a method was called.
    pub fn count(&self, method: &str) -> usize {
        self.shared.with(|state| state.calls.iter().filter(|call| call.method == method).count())
    }

    /// Waits until a method was called this often.
    pub async fn wait_for_calls(&self, method: &str, times: usize) -> Result<()> {
        let called = |state: &mut State| {
            (state.calls.iter().filter(|call| call.method == method).count() >= times).then_some(())
        };
        self.shared.wait_for(&format!("{times} calls of {method}"), called).await
    }

    /// Waits until so many sockets are open; their numbers.
    pub async fn wait_for_sockets(&self, at_least: usize) -> Result<Vec<u64>> {
        let open =
            |state: &mut State| (state.sockets.len() >= at_least).then(|| state.sockets.keys().copied().collect());
        self.shared.wait_for(&format!("{at_least} sockets"), open).await
    }

    /// The sockets that are open.
    pub fn sockets(&self) -> Vec<u64> {
        self.shared.with(|state| state.sockets.keys().copied().collect())
    }

    /// Waits for the acknowledgement of an envelope.
    pub async fn ack_of(&self, envelope: &str) -> Result<Ack> {
        let acked = |state: &mut State| state.envelopes.get(envelope)?.ack.clone();
        self.shared.wait_for(&format!("the acknowledgement of {envelope}"), acked).await
    }

    /// Every acknowledgement so far, by envelope.
    pub fn acks(&self) -> Vec<Ack> {
        self.shared.with(|state| state.envelopes.values().filter_map(|envelope| envelope.ack.clone()).collect())
    }

    /// The slowest acknowledgement so far.
    pub fn slowest_ack(&self) -> Option<Duration> {
        self.acks().into_iter().map(|ack| ack.latency).max()
    }

    /// Envelopes that were not acknowledged, lost ones included.
    pub fn unacked(&self) -> Vec<(String, EnvelopeKind)> {
        self.shared.with(|state| {
            let open = state.envelopes.iter().filter(|(_, envelope)| envelope.ack.is_none());
            open.map(|(id, envelope)| (id.clone(), envelope.kind)).collect()
        })
    }

    /// Waits until every envelope that still can be is acknowledged.
    pub async fn wait_for_acks(&self) -> Result<()> {
        let done = |state: &mut State| {
            let mut all = state.envelopes.values();
            all.all(|envelope| envelope.ack.is_some() || envelope.given_up).then_some(())
        };
        self.shared.wait_for("all acknowledgements", done).await.context("an envelope was not acknowledged")
    }
}
