//! What the pretend workspace holds: channels, people, messages, sockets, envelopes, and the log of what became visible.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::faults::Faults;
use super::reading::{Call, Seen};
use super::render;
use super::socket::{Envelope, Socket};

/// The team, bot and app that exist in the workspace.
pub const TEAM: &str = "T0PRETEND";
/// The team of people from another workspace.
pub const FOREIGN_TEAM: &str = "T0ELSEWHERE";
/// The bot's user id.
pub const BOT_USER: &str = "U0BOT";
/// The bot's bot id.
pub const BOT: &str = "B0BOT";
/// The app's id.
pub const APP: &str = "A0PRETEND";

/// How many calls and visible changes are remembered: a demo may run for days.
pub(crate) const REMEMBERED: usize = 10_000;

/// What somebody is in the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A full member.
    Member,
    /// A guest of several channels.
    Guest,
    /// A guest of one channel.
    SingleChannelGuest,
    /// Somebody of another workspace in a shared channel.
    Foreigner,
    /// Somebody whose account was closed.
    Deactivated,
    /// The bot itself.
    Bot,
}

#[derive(Clone, Debug)]
pub(crate) struct PersonRow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) standing: Standing,
}

impl PersonRow {
    pub(crate) fn team(&self) -> &'static str {
        if self.standing == Standing::Foreigner { FOREIGN_TEAM } else { TEAM }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Channel {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) private: bool,
    pub(crate) archived: bool,
    pub(crate) bot_in: bool,
}

impl Channel {
    /// Whether it is the direct messages of a person with the bot.
    pub(crate) fn is_direct(&self) -> bool {
        self.id.starts_with('D')
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pub(crate) text: String,
    pub(crate) blocks: Vec<Value>,
    pub(crate) attachments: Vec<Value>,
}

#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) ts: String,
    pub(crate) channel: String,
    pub(crate) user: String,
    pub(crate) content: Content,
    pub(crate) metadata: Option<Value>,
    pub(crate) thread_ts: Option<String>,
    pub(crate) broadcast: bool,
    pub(crate) edited: Option<String>,
    pub(crate) reactions: BTreeMap<String, BTreeSet<String>>,
    /// Ephemeral: visible to this person only.
    pub(crate) only_for: Option<String>,
}

impl Message {
    pub(crate) fn is_root(&self) -> bool {
        self.thread_ts.as_ref().is_none_or(|root| *root == self.ts)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct ResponseUrl {
    pub(crate) channel: String,
    pub(crate) user: String,
    pub(crate) uses_left: u32,
    pub(crate) expires: Timestamp,
    /// The message that `replace_original` and `delete_original` mean: that of the pressed button; a command has none.
    pub(crate) original: Option<String>,
    pub(crate) thread_ts: Option<String>,
}

pub(crate) struct State {
    pub(crate) bot_token: String,
    pub(crate) app_token: String,
    pub(crate) scopes: BTreeSet<String>,
    pub(crate) team_name: String,
    pub(crate) authority: String,
    pub(crate) channels: BTreeMap<String, Channel>,
    pub(crate) people: BTreeMap<String, PersonRow>,
    pub(crate) messages: Vec<Message>,
    pub(crate) tickets: BTreeSet<String>,
    pub(crate) sockets: BTreeMap<u64, Socket>,
    pub(crate) turn: u64,
    pub(crate) undelivered: VecDeque<String>,
    pub(crate) envelopes: BTreeMap<String, Envelope>,
    pub(crate) duplicate_next: bool,
    pub(crate) response_urls: BTreeMap<String, ResponseUrl>,
    pub(crate) log: VecDeque<(Seen, bool)>,
    pub(crate) calls: VecDeque<Call>,
    pub(crate) faults: Faults,
    pub(crate) caption: String,
    pub(crate) last_micros: i64,
    pub(crate) last_id: u64,
}

impl State {
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// A message's timestamp: the time, moved on where needed so that no two are the same.
    pub(crate) fn next_ts(&mut self, now: Timestamp) -> String {
        self.last_micros = now.as_microsecond().max(self.last_micros + 1);
        format!("{}.{:06}", self.last_micros.div_euclid(1_000_000), self.last_micros.rem_euclid(1_000_000))
    }

    /// A channel by id, by name or by `#name`.
    pub(crate) fn channel(&self, asked: &str) -> Option<&Channel> {
        let name = asked.strip_prefix('#').unwrap_or(asked);
        self.channels.get(asked).or_else(|| self.channels.values().find(|channel| channel.name == name))
    }

    pub(crate) fn person(&self, asked: &str) -> Option<&PersonRow> {
        let name = asked.strip_prefix('@').unwrap_or(asked);
        self.people.get(asked).or_else(|| self.people.values().find(|person| person.name == name))
    }

    pub(crate) fn channel_label(&self, id: &str) -> String {
        self.channels.get(id).map_or_else(|| id.to_owned(), |channel| format!("#{}", channel.name))
    }

    pub(crate) fn message(&self, channel: &str, ts: &str) -> Option<&Message> {
        self.messages.iter().find(|message| message.channel == channel && message.ts == ts)
    }

    pub(crate) fn message_mut(&mut self, channel: &str, ts: &str) -> Option<&mut Message> {
        self.messages.iter_mut().find(|message| message.channel == channel && message.ts == ts)
    }

    /// The messages of one thread without its root.
    pub(crate) fn replies<'a>(&'a self, channel: &'a str, root: &'a str) -> impl Iterator<Item = &'a Message> {
        self.messages.iter().filter(move |message| {
            message.channel == channel
                && message.only_for.is_none()
                && message.ts != root
                && message.thread_ts.as_deref() == Some(root)
        })
    }

    pub(crate) fn rendered(&self, content: &Content) -> String {
        render::plain_text(&content.text, &content.blocks, &content.attachments, &|id| {
            let person = self.people.get(id).map(|person| person.name.clone());
            person.or_else(|| self.channels.get(id).map(|channel| channel.name.clone()))
        })
    }

    /// Remembers what people can see now and could not before.
    pub(crate) fn note(&mut self, seen: Seen) {
        if self.log.len() == REMEMBERED {
            self.log.pop_front();
        }
        self.log.push_back((seen, false));
    }

    pub(crate) fn note_call(&mut self, call: Call) {
        if self.calls.len() == REMEMBERED {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
    }

    /// Adds a message; what the bot says is noted as seen.
    pub(crate) fn add(&mut self, message: Message) {
        if message.user == BOT_USER {
            let channel = self.channel_label(&message.channel);
            let text = self.rendered(&message.content);
            let ts = message.ts.clone();
            let seen = match (&message.only_for, &message.thread_ts) {
                (Some(user), thread) => {
                    let user = self.people.get(user).map_or_else(|| user.clone(), |person| person.name.clone());
                    Seen::Ephemeral { channel, user, ts, thread_ts: thread.clone(), text }
                }
                (None, Some(root)) => {
                    Seen::Replied { channel, thread_ts: root.clone(), ts, broadcast: message.broadcast, text }
                }
                (None, None) => Seen::Posted { channel, ts, text },
            };
            self.note(seen);
        }
        self.messages.push(message);
    }

    /// Puts new content into a message; noted when people see a difference.
    pub(crate) fn edit(&mut self, channel: &str, ts: &str, content: Content, edited: Option<String>) {
        let Some(message) = self.message(channel, ts) else { return };
        let before = self.rendered(&message.content);
        let after = self.rendered(&content);
        if let Some(message) = self.message_mut(channel, ts) {
            message.content = content;
            message.edited = edited.or_else(|| message.edited.take());
        }
        if before != after {
            let channel = self.channel_label(channel);
            self.note(Seen::Edited { channel, ts: ts.to_owned(), text: after });
        }
    }

    /// Takes a message away; its replies stay, as in the real workspace.
    pub(crate) fn remove(&mut self, channel: &str, ts: &str) -> Option<Message> {
        let at = self.messages.iter().position(|message| message.channel == channel && message.ts == ts)?;
        let message = self.messages.remove(at);
        let channel = self.channel_label(channel);
        self.note(Seen::Deleted { channel, ts: ts.to_owned() });
        Some(message)
    }

    /// A message as the Web API and the events show it.
    pub(crate) fn message_json(&self, message: &Message, with_metadata: bool) -> Value {
        let mut json = Map::new();
        let mut put = |key: &str, value: Value| json.insert(key.to_owned(), value);
        put("type", json!("message"));
        put("user", json!(message.user));
        put("team", json!(self.people.get(&message.user).map_or(TEAM, PersonRow::team)));
        put("text", json!(message.content.text));
        put("ts", json!(message.ts));
        if message.user == BOT_USER {
            put("bot_id", json!(BOT));
            put("app_id", json!(APP));
            put(
                "bot_profile",
                json!({"id": BOT, "app_id": APP, "name": "k8s-monitor", "user_id": BOT_USER, "deleted": false, "updated": 1_700_000_000, "team_id": TEAM}),
            );
        } else {
            put("client_msg_id", json!(format!("00000000-0000-4000-8000-{}", message.ts.replace('.', ""))));
        }
        if !message.content.blocks.is_empty() {
            put("blocks", json!(message.content.blocks));
        }
        if !message.content.attachments.is_empty() {
            put("attachments", json!(message.content.attachments));
        }
        if let Some(edited) = &message.edited {
            put("edited", json!({"user": message.user, "ts": edited}));
        }
        if !message.reactions.is_empty() {
            let reactions = message.reactions.iter();
            let all = reactions.map(|(name, users)| json!({"name": name, "users": users, "count": users.len()}));
            put("reactions", all.collect());
        }
        if with_metadata && let Some(metadata) = &message.metadata {
            put("metadata", metadata.clone());
        }
        if let Some(root) = message.thread_ts.as_ref().filter(|root| **root != message.ts) {
            put("thread_ts", json!(root));
            if let Some(parent) = self.message(&message.channel, root) {
                put("parent_user_id", json!(parent.user));
            }
            if message.broadcast {
                put("subtype", json!("thread_broadcast"));
            }
        }
        let replies = self.replies(&message.channel, &message.ts).collect::<Vec<_>>();
        if let Some(latest) = replies.last() {
            let users = replies.iter().map(|reply| reply.user.as_str()).collect::<BTreeSet<_>>();
            put("thread_ts", json!(message.ts));
            put("reply_count", json!(replies.len()));
            put("reply_users_count", json!(users.len()));
            put("reply_users", json!(users));
            put("latest_reply", json!(latest.ts));
            put("subscribed", json!(false));
        }
        Value::Object(json)
    }
}
