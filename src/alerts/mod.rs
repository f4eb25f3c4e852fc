//! Who hears of it, once: what must be said about an incident's change of state, and the rows that say it.

pub(crate) mod blocks;
mod calls;
mod from_incidents;
pub mod message;
pub mod outbox;
mod rooms;
#[cfg(test)]
pub(crate) mod testing;

pub use from_incidents::{Alert, Channels, Note, needs_update, say};
pub use rooms::{Rooms, is_channel_id};

use serde_json::Value;

/// A message for Slack: blocks, and a text for notifications.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Message {
    /// Shown above the bar of a message with a colour; else only where blocks are not shown, so it is complete by itself.
    pub text: String,
    /// Block Kit blocks, within Slack's limits.
    pub blocks: Vec<Value>,
    /// Colour bar (`#a30200`), if any: blocks then go into one attachment beside it, below the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<String>,
}

impl Message {
    /// The whole visible text, for a terminal and for tests; buttons as `[ Acknowledge ]`.
    pub fn plain(&self) -> String {
        blocks::plain(self)
    }

    /// The same without blocks and colour, for when Slack refuses their form: everything that is to be read, as text.
    #[must_use]
    pub fn bare(&self) -> Self {
        Self { text: blocks::bare(self), blocks: Vec::new(), colour: None }
    }
}

/// What a reply is worth once what comes after it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// It tells how things are, until something newer does.
    #[default]
    News,
    /// It calls somebody, who does not come otherwise.
    Call,
    /// Nothing that was to be said before is worth saying any more.
    Last,
}

/// Something to be sent, as a row of the outbox.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", tag = "do")]
pub enum Outgoing {
    /// Posts the root message of an incident in a channel. Where it is already, it is edited instead.
    Post {
        /// The channel as it is configured: its name or its id.
        channel: String,
        /// The message.
        message: Message,
    },
    /// Edits the root message of an incident in a channel. Where there is none (any more), it is posted instead.
    Edit {
        /// The channel as it is configured: its name or its id.
        channel: String,
        /// The message.
        message: Message,
    },
    /// Replies in the thread of the incident's root message.
    Reply {
        /// The channel as it is configured: its name or its id.
        channel: String,
        /// The message.
        message: Message,
        /// Also shown in the channel (it notifies people).
        broadcast: bool,
        /// What becomes of it, and of others, while Slack cannot be reached.
        #[serde(default)]
        word: Word,
    },
    /// Replies in a thread that is not an incident's root (a question elsewhere).
    ReplyTo {
        /// Channel id.
        channel: String,
        /// Timestamp of the thread's first message.
        thread_ts: String,
        /// The message.
        message: Message,
    },
    /// Answers a slash command or a button, seen by the asker only.
    Respond {
        /// Where Slack takes the answer for 30 minutes.
        response_url: String,
        /// The message.
        message: Message,
    },
    /// Calls the configured address.
    Webhook {
        /// What it is told.
        body: Value,
    },
    /// Tells `PagerDuty` of an event; the key of the service is added when it is sent.
    PagerDuty {
        /// An event of the Events API v2.
        event: Value,
    },
}
