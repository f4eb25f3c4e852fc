//! Saying things: `chat.*` and reactions, with every limit of the real workspace.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::api::{Answer, Refusal};
use super::args::Args;
use super::blocks;
use super::state::{BOT, BOT_USER, Channel, Content, Message, State};

const TEXT: usize = 40_000;
const UPDATED_TEXT: usize = 4000;
const ATTACHMENTS: usize = 100;

/// The content that somebody sends, judged; missing ids of blocks and actions are filled in.
pub(crate) fn content_of(state: &mut State, args: &Args) -> Result<Content, Refusal> {
    let mut blocks = args.list("blocks").map_err(|()| "invalid_blocks_format")?.unwrap_or_default();
    let mut attachments = args.list("attachments").map_err(|()| "invalid_attachments")?.unwrap_or_default();
    let text = args.text("text").unwrap_or_default().to_owned();
    if text.is_empty() && blocks.is_empty() && attachments.is_empty() {
        return Err("no_text".into());
    }
    if text.chars().count() > TEXT {
        return Err("msg_too_long".into());
    }
    if attachments.len() > ATTACHMENTS {
        return Err("too_many_attachments".into());
    }
    let mut faults = blocks::faults_of(&blocks, "/blocks");
    let mut size = blocks.iter().map(blocks::text_size).sum::<usize>();
    for (at, attachment) in attachments.iter_mut().enumerate() {
        let inner = attachment.get("blocks").and_then(Value::as_array).cloned().unwrap_or_default();
        faults.extend(blocks::faults_of(&inner, &format!("/attachments/{at}/blocks")));
        size += inner.iter().map(blocks::text_size).sum::<usize>();
        let Some(object) = attachment.as_object_mut() else { return Err("invalid_attachments".into()) };
        object.insert("id".to_owned(), json!(at + 1));
        object.entry("fallback").or_insert_with(|| json!("[no preview available]"));
        if let Some(Value::Array(inner)) = object.get_mut("blocks") {
            fill_ids(state, inner);
        }
    }
    if !faults.is_empty() {
        let messages = faults.iter().map(|fault| format!("[ERROR] {fault}")).collect::<Vec<_>>();
        return Err(Refusal::from("invalid_blocks")
            .with("errors", json!(faults))
            .with("response_metadata", json!({ "messages": messages })));
    }
    if size > blocks::MESSAGE_TEXT {
        return Err("msg_blocks_too_long".into());
    }
    fill_ids(state, &mut blocks);
    Ok(Content { text, blocks, attachments })
}

fn fill_ids(state: &mut State, blocks: &mut [Value]) {
    for block in blocks {
        let Some(block) = block.as_object_mut() else { continue };
        block.entry("block_id").or_insert_with(|| json!(format!("b{}", state.next_id())));
        let elements = match block.get("type").and_then(Value::as_str) {
            Some("actions") => block.get_mut("elements").and_then(Value::as_array_mut),
            _ => None,
        };
        for element in elements.into_iter().flatten().filter_map(Value::as_object_mut) {
            element.entry("action_id").or_insert_with(|| json!(format!("a{}", state.next_id())));
        }
        if let Some(accessory) = block.get_mut("accessory").and_then(Value::as_object_mut)
            && accessory.get("type").and_then(Value::as_str) != Some("image")
        {
            accessory.entry("action_id").or_insert_with(|| json!(format!("a{}", state.next_id())));
        }
    }
}

/// A channel that the bot may write to.
fn writable(state: &State, args: &Args) -> Result<Channel, Refusal> {
    let channel = args.text("channel").and_then(|asked| state.channel(asked)).ok_or("channel_not_found")?;
    if channel.private && !channel.bot_in {
        return Err("channel_not_found".into());
    }
    if channel.archived {
        return Err("is_archived".into());
    }
    if !channel.bot_in {
        return Err("not_in_channel".into());
    }
    Ok(channel.clone())
}

/// The root of the thread that `thread_ts` names, be it the root itself or a reply.
pub(crate) fn root_of(state: &State, channel: &str, thread_ts: Option<&str>) -> Result<Option<String>, Refusal> {
    let Some(ts) = thread_ts else { return Ok(None) };
    let message = state.message(channel, ts).filter(|message| message.only_for.is_none());
    let message = message.ok_or("cannot_reply_to_message")?;
    Ok(Some(message.thread_ts.clone().unwrap_or_else(|| message.ts.clone())))
}

fn metadata_of(args: &Args) -> Result<Option<Value>, Refusal> {
    let metadata = args.json("metadata").map_err(|()| "invalid_metadata_format")?;
    let Some(metadata) = metadata else { return Ok(None) };
    let named = metadata.get("event_type").is_some_and(Value::is_string);
    let filled = metadata.get("event_payload").is_some_and(Value::is_object);
    let empty = metadata.as_object().is_some_and(serde_json::Map::is_empty);
    if (named && filled) || empty { Ok(Some(metadata)) } else { Err("invalid_metadata_format".into()) }
}

/// A message of the bot that is not stored yet.
pub(crate) fn said_by_bot(ts: String, channel: &str, content: Content, thread_ts: Option<String>) -> Message {
    Message {
        ts,
        channel: channel.to_owned(),
        user: BOT_USER.to_owned(),
        content,
        metadata: None,
        thread_ts,
        broadcast: false,
        edited: None,
        reactions: std::collections::BTreeMap::new(),
        only_for: None,
    }
}

pub(crate) fn post(state: &mut State, args: &Args, now: Timestamp) -> Answer {
    let channel = writable(state, args)?;
    let root = root_of(state, &channel.id, args.text("thread_ts"))?;
    let metadata = metadata_of(args)?;
    let content = content_of(state, args)?;
    let ts = state.next_ts(now);
    let broadcast = root.is_some() && args.flag("reply_broadcast");
    let message = Message { metadata, broadcast, ..said_by_bot(ts.clone(), &channel.id, content, root) };
    let json = state.message_json(&message, true);
    state.add(message);
    state.tell_of_message(&channel.id, &ts, now);
    Ok(json!({"channel": channel.id, "ts": ts, "message": json}))
}

pub(crate) fn update(state: &mut State, args: &Args, now: Timestamp) -> Answer {
    let channel = writable(state, args)?;
    let ts = args.text("ts").unwrap_or_default();
    let old = state.message(&channel.id, ts).filter(|message| message.only_for.is_none()).ok_or("message_not_found")?;
    if old.user != BOT_USER {
        return Err("cant_update_message".into());
    }
    let (old, old_json) = (old.clone(), state.message_json(old, false));
    if args.text("text").is_some_and(|text| text.chars().count() > UPDATED_TEXT) {
        return Err("msg_too_long".into());
    }
    let metadata = metadata_of(args)?;
    let mut content = content_of(state, args)?;
    // What is not sent stays; an empty list takes it away.
    if args.text("text").is_none() {
        content.text = old.content.text;
    }
    if !args.0.contains_key("blocks") {
        content.blocks = old.content.blocks;
    }
    if !args.0.contains_key("attachments") {
        content.attachments = old.content.attachments;
    }
    let edited = state.next_ts(now);
    let text = content.text.clone();
    state.edit(&channel.id, ts, content, Some(edited));
    if let (Some(metadata), Some(message)) = (metadata, state.message_mut(&channel.id, ts)) {
        message.metadata = Some(metadata).filter(|metadata| metadata.get("event_type").is_some());
    }
    let json = state.message(&channel.id, ts).map(|message| state.message_json(message, true));
    state.tell_of_edit(&channel.id, ts, &old_json, now);
    Ok(json!({"channel": channel.id, "ts": ts, "text": text, "message": json}))
}

pub(crate) fn post_ephemeral(state: &mut State, args: &Args, now: Timestamp) -> Answer {
    let channel = writable(state, args)?;
    let user = args.text("user").and_then(|user| state.people.get(user)).ok_or("user_not_in_channel")?.id.clone();
    let root = root_of(state, &channel.id, args.text("thread_ts"))?;
    let content = content_of(state, args)?;
    let ts = state.next_ts(now);
    state.add(Message { only_for: Some(user), ..said_by_bot(ts.clone(), &channel.id, content, root) });
    Ok(json!({ "message_ts": ts }))
}

pub(crate) fn delete(state: &mut State, args: &Args, now: Timestamp) -> Answer {
    let channel = args.text("channel").and_then(|asked| state.channel(asked)).ok_or("channel_not_found")?.id.clone();
    let ts = args.text("ts").unwrap_or_default();
    let old = state.message(&channel, ts).filter(|message| message.only_for.is_none()).ok_or("message_not_found")?;
    if old.user != BOT_USER {
        return Err("cant_delete_message".into());
    }
    let old = state.message_json(old, false);
    state.remove(&channel, ts);
    state.tell_of_deletion(&channel, ts, &old, now);
    Ok(json!({"channel": channel, "ts": ts}))
}

pub(crate) fn react(state: &mut State, args: &Args) -> Answer {
    let channel = args.text("channel").and_then(|asked| state.channel(asked)).ok_or("channel_not_found")?.id.clone();
    let name = args.text("name").ok_or("no_item_specified")?.to_owned();
    let ts = args.text("timestamp").ok_or("no_item_specified")?;
    let message = state.message_mut(&channel, ts).ok_or("message_not_found")?;
    if message.reactions.entry(name).or_default().insert(BOT_USER.to_owned()) {
        Ok(json!({ "bot_id": BOT }))
    } else {
        Err("already_reacted".into())
    }
}
