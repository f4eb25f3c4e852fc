//! People of the workspace and what they do: run commands, write, reply, mention, press.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::socket::EnvelopeKind;
use super::state::{APP, BOT_USER, Channel, Content, Message, PersonRow, State, TEAM};
use super::{Shared, Workspace};

/// How long the real workspace waits for the acknowledgement of a command.
const COMMAND_PATIENCE: Duration = Duration::from_secs(3);

/// Somebody in the workspace who does things.
#[derive(Clone)]
pub struct Person {
    pub(super) shared: Arc<Shared>,
    pub(super) name: String,
}

/// A message that a person wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The message.
    pub ts: String,
    /// The envelopes that tell the bot of it; none where it does not listen.
    pub envelopes: Vec<String>,
}

impl Workspace {
    /// A person by name.
    pub fn person(&self, name: &str) -> Person {
        Person { shared: Arc::clone(&self.shared), name: name.to_owned() }
    }
}

impl Person {
    /// Runs a command such as `/k8s status` in a channel; the envelope.
    pub fn runs(&self, command: &str, channel: &str) -> Result<String> {
        let (word, text) = command.split_once(' ').unwrap_or((command, ""));
        if !word.starts_with('/') {
            bail!("{command:?} is no slash command");
        }
        let now = self.shared.clock.now();
        let (id, response, lost) = self.shared.change(|state| {
            let (who, channel) = self.place(state, channel)?;
            let (response, url) = state.response_url("commands", &channel, &who.id, None, now);
            let name = state.channels.get(&channel).map(|channel| channel.name.clone());
            let payload = json!({
                "token": "pretend-verification-token", "team_id": who.team(), "team_domain": "pretend",
                "channel_id": channel, "channel_name": name, "user_id": who.id, "user_name": who.name,
                "command": word, "text": text.trim(), "api_app_id": APP, "is_enterprise_install": "false",
                "response_url": url, "trigger_id": trigger(state),
            });
            let id = state.deliver(EnvelopeKind::SlashCommands, payload, Some(response.clone()));
            let lost = state.envelopes.get(&id).is_some_and(|envelope| envelope.given_up);
            if lost {
                state.failed(&response, "dispatch_failed", now);
            }
            anyhow::Ok((id, response, lost))
        })?;
        if !lost {
            let (shared, envelope) = (Arc::clone(&self.shared), id.clone());
            self.shared.tasks.spawn_on(give_up_in_time(shared, envelope, response), &self.shared.runtime);
        }
        Ok(id)
    }

    /// Writes a message in a channel.
    pub fn says(&self, channel: &str, text: &str) -> Result<Written> {
        self.writes(channel, None, text)
    }

    /// Writes to the bot in direct messages, where nobody else reads; their name is that of the person.
    pub fn writes_to_the_bot(&self, text: &str) -> Result<Written> {
        let channel = self.shared.change(|state| {
            let name = state.person(&self.name).map(|person| person.name.clone());
            let name = name.with_context(|| format!("there is nobody called {:?}", self.name))?;
            let id = format!("D0{}", name.to_uppercase());
            let direct = Channel { id: id.clone(), name, private: true, archived: false, bot_in: true };
            state.channels.entry(id.clone()).or_insert(direct);
            anyhow::Ok(id)
        })?;
        self.writes(&channel, None, text)
    }

    /// Deletes a message, whoever wrote it: an administrator may. Its replies stay.
    pub fn deletes(&self, channel: &str, ts: &str) -> Result<()> {
        let now = self.shared.clock.now();
        self.shared.change(|state| {
            let (_, channel) = self.place(state, channel)?;
            let old = state.message(&channel, ts).with_context(|| format!("there is no message {ts} in {channel}"))?;
            let old = state.message_json(old, false);
            state.remove(&channel, ts);
            state.tell_of_deletion(&channel, ts, &old, now);
            Ok(())
        })
    }

    /// Replies in a thread, named by its root or by any reply.
    pub fn replies(&self, channel: &str, thread_ts: &str, text: &str) -> Result<Written> {
        self.writes(channel, Some(thread_ts), text)
    }

    /// Writes a message that names the bot.
    pub fn mentions(&self, channel: &str, text: &str) -> Result<Written> {
        self.writes(channel, None, &format!("<@{BOT_USER}> {text}"))
    }

    /// Names the bot in a thread.
    pub fn mentions_in_thread(&self, channel: &str, thread_ts: &str, text: &str) -> Result<Written> {
        self.writes(channel, Some(thread_ts), &format!("<@{BOT_USER}> {text}"))
    }

    /// Presses a button of a message; the envelope.
    pub fn presses(&self, channel: &str, ts: &str, action_id: &str) -> Result<String> {
        self.acts(channel, ts, action_id, None)
    }

    /// Chooses an option, by its value, from a menu of a message; the envelope.
    pub fn chooses(&self, channel: &str, ts: &str, action_id: &str, value: &str) -> Result<String> {
        self.acts(channel, ts, action_id, Some(value))
    }

    fn place(&self, state: &State, channel: &str) -> Result<(PersonRow, String)> {
        let who = state.person(&self.name).cloned();
        let channel = state.channel(channel).map(|channel| channel.id.clone()).with_context(|| {
            let names = state.channels.values().map(|channel| format!("#{}", channel.name)).collect::<Vec<_>>();
            format!("there is no channel {channel:?}, only {}", names.join(", "))
        })?;
        Ok((who.with_context(|| format!("there is nobody called {:?}", self.name))?, channel))
    }

    fn writes(&self, channel: &str, thread_ts: Option<&str>, text: &str) -> Result<Written> {
        let now = self.shared.clock.now();
        self.shared.change(|state| {
            let (who, channel) = self.place(state, channel)?;
            let root = super::chat::root_of(state, &channel, thread_ts);
            let Ok(thread_ts) = root else { bail!("there is no message {thread_ts:?} in {channel}") };
            let ts = state.next_ts(now);
            let element = json!({"type": "rich_text_section", "elements": [{"type": "text", "text": text}]});
            let block =
                json!({"type": "rich_text", "block_id": format!("r{}", state.next_id()), "elements": [element]});
            let content = Content { text: text.to_owned(), ..Content::default() };
            let message =
                Message { user: who.id, ..super::chat::said_by_bot(ts.clone(), &channel, content, thread_ts) };
            state.add(message);
            // The real client adds the same text as rich text to the event, not to what people see here.
            let envelopes = state.tell_of_message(&channel, &ts, now);
            for id in &envelopes {
                let event = state.envelopes.get_mut(id).and_then(|envelope| envelope.payload.get_mut("event"));
                if let Some(event) = event.and_then(Value::as_object_mut) {
                    event.insert("blocks".to_owned(), json!([block]));
                }
            }
            Ok(Written { ts, envelopes })
        })
    }

    fn acts(&self, channel: &str, ts: &str, action_id: &str, chosen: Option<&str>) -> Result<String> {
        let now = self.shared.clock.now();
        self.shared.change(|state| {
            let (who, channel) = self.place(state, channel)?;
            let message =
                state.message(&channel, ts).with_context(|| format!("there is no message {ts} in {channel}"))?;
            if message.only_for.as_ref().is_some_and(|only| *only != who.id) {
                bail!("{} cannot see the message {ts}", self.name);
            }
            let (mut action, attachment) = find(message, action_id)
                .with_context(|| format!("the message has no {action_id:?}:\n{}", state.rendered(&message.content)))?;
            let is_ephemeral = message.only_for.is_some();
            let mut payload = json!({
                "type": "block_actions", "api_app_id": APP, "token": "pretend-verification-token",
                "user": {"id": who.id, "username": who.name, "name": who.name, "team_id": who.team()},
                "team": {"id": TEAM, "domain": "pretend"}, "enterprise": null, "is_enterprise_install": false,
                "channel": {"id": channel, "name": state.channels.get(&channel).map(|channel| channel.name.clone())},
                "state": {"values": {}},
            });
            let message_json = (!is_ephemeral).then(|| state.message_json(message, true));
            let mut container =
                json!({"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": is_ephemeral});
            if let (Some(nr), Some(container)) = (attachment, container.as_object_mut()) {
                container.insert("type".to_owned(), json!("message_attachment"));
                container.insert("attachment_id".to_owned(), json!(nr));
                container.insert("is_app_unfurl".to_owned(), json!(false));
            }
            complete(&mut action, chosen, &state.next_ts(now))?;
            let (_, url) = state.response_url("actions", &channel, &who.id, Some(ts.to_owned()), now);
            let trigger_id = trigger(state);
            if let Some(payload) = payload.as_object_mut() {
                payload.insert("container".to_owned(), container);
                payload.insert("actions".to_owned(), json!([action]));
                payload.insert("response_url".to_owned(), json!(url));
                payload.insert("trigger_id".to_owned(), json!(trigger_id));
                payload.extend(message_json.map(|message| ("message".to_owned(), message)));
            }
            Ok(state.deliver(EnvelopeKind::Interactive, payload, None))
        })
    }
}

async fn give_up_in_time(shared: Arc<Shared>, envelope: String, response: String) {
    let acked = async {
        let mut versions = shared.version.subscribe();
        let open = |state: &mut State| state.envelopes.get(&envelope).is_some_and(|envelope| envelope.ack.is_none());
        while shared.with(open) && versions.changed().await.is_ok() {}
    };
    tokio::select! {
        () = shared.stop.cancelled() => {}
        result = tokio::time::timeout(COMMAND_PATIENCE, acked) => if result.is_err() {
            let now = shared.clock.now();
            shared.change(|state| {
                if let Some(envelope) = state.envelopes.get_mut(&envelope) {
                    envelope.given_up = true;
                }
                state.failed(&response, "operation_timeout", now);
            });
        }
    }
}

fn trigger(state: &mut State) -> String {
    let nr = state.next_id();
    format!("{nr}.{nr}.pretend{nr:08x}")
}

/// The button or menu with this id, with its block, and the attachment it is in, counted from one.
fn find(message: &Message, action_id: &str) -> Option<(Value, Option<usize>)> {
    let own = message.content.blocks.iter().map(|block| (block, None));
    let attached = message.content.attachments.iter().enumerate().flat_map(|(at, attachment)| {
        let blocks = attachment.get("blocks").and_then(Value::as_array).into_iter().flatten();
        blocks.map(move |block| (block, Some(at + 1)))
    });
    own.chain(attached).find_map(|(block, attachment)| {
        let elements = block.get("elements").and_then(Value::as_array).into_iter().flatten();
        let mut all = elements.chain(block.get("accessory"));
        let mut found =
            all.find(|element| element.get("action_id").and_then(Value::as_str) == Some(action_id))?.clone();
        found.as_object_mut()?.insert("block_id".to_owned(), block.get("block_id")?.clone());
        Some((found, attachment))
    })
}

/// Turns an element of a message into an action of a payload.
fn complete(action: &mut Value, chosen: Option<&str>, action_ts: &str) -> Result<()> {
    let Some(action) = action.as_object_mut() else { bail!("the element is no object") };
    if let Some(options) = action.remove("options") {
        let chosen = chosen.context("it is a menu: choose one of its values")?;
        let mut options = options.as_array().into_iter().flatten();
        let option = options.find(|option| option.get("value").and_then(Value::as_str) == Some(chosen));
        let option = option.with_context(|| format!("the menu has no option {chosen:?}"))?.clone();
        action.insert("selected_option".to_owned(), option);
    }
    for key in ["confirm", "url", "focus_on_load", "initial_option", "accessibility_label"] {
        action.remove(key);
    }
    action.insert("action_ts".to_owned(), json!(action_ts));
    Ok(())
}
