//! Reading channels: `conversations.*`, with pages and message metadata.

use serde_json::{Value, json};

use super::api::{Answer, Refusal};
use super::args::Args;
use super::state::{Channel, Message, State, TEAM};

fn json_of(channel: &Channel) -> Value {
    json!({
        "id": channel.id, "name": channel.name, "name_normalized": channel.name, "created": 1_700_000_000, "creator": "U0ANA",
        "is_channel": !channel.private, "is_group": channel.private, "is_private": channel.private, "is_im": false, "is_mpim": false,
        "is_archived": channel.archived, "is_member": channel.bot_in, "is_general": channel.name == "general",
        "is_shared": false, "is_org_shared": false, "is_ext_shared": false, "context_team_id": TEAM,
        "topic": {"value": "", "creator": "", "last_set": 0}, "purpose": {"value": "", "creator": "", "last_set": 0}, "num_members": 3,
    })
}

/// A channel that the bot can see; private ones only from the inside.
fn visible<'a>(state: &'a State, args: &Args) -> Result<&'a Channel, Refusal> {
    let asked = args.text("channel").unwrap_or_default();
    let channel = state.channels.get(asked).filter(|channel| channel.bot_in || !channel.private);
    channel.ok_or_else(|| "channel_not_found".into())
}

fn readable<'a>(state: &'a State, args: &Args) -> Result<&'a Channel, Refusal> {
    let channel = visible(state, args)?;
    if channel.bot_in { Ok(channel) } else { Err("not_in_channel".into()) }
}

/// One page of `items`: the page, and the cursor of the next, empty at the end.
pub(crate) fn page<T>(items: Vec<T>, args: &Args) -> Result<(Vec<T>, String), Refusal> {
    let start = match args.text("cursor") {
        None => 0,
        Some(cursor) => {
            cursor.strip_prefix("after:").and_then(|at| at.parse::<usize>().ok()).ok_or("invalid_cursor")?
        }
    };
    let limit = args.count("limit").filter(|limit| *limit > 0).unwrap_or(100).min(1000);
    let end = start.saturating_add(limit);
    let next = if end < items.len() { format!("after:{end}") } else { String::new() };
    Ok((items.into_iter().skip(start).take(limit).collect(), next))
}

pub(crate) fn list(state: &State, args: &Args) -> Answer {
    let types = args.text("types").unwrap_or("public_channel");
    let kind_of = |private: bool| if private { "private_channel" } else { "public_channel" };
    let wanted = |private: bool| types.split(',').any(|kind| kind.trim() == kind_of(private));
    let channels = state.channels.values().filter(|channel| {
        !channel.is_direct()
            && wanted(channel.private)
            && (channel.bot_in || !channel.private)
            && !(channel.archived && args.flag("exclude_archived"))
    });
    let (channels, next) = page(channels.map(json_of).collect(), args)?;
    Ok(json!({"channels": channels, "response_metadata": {"next_cursor": next}}))
}

pub(crate) fn info(state: &State, args: &Args) -> Answer {
    Ok(json!({"channel": json_of(visible(state, args)?)}))
}

pub(crate) fn join(state: &mut State, args: &Args) -> Answer {
    let id = visible(state, args)?.id.clone();
    let channel = state.channels.get_mut(&id).ok_or("channel_not_found")?;
    if channel.archived {
        return Err("is_archived".into());
    }
    if channel.private {
        return Err("method_not_supported_for_channel_type".into());
    }
    let warning = channel.bot_in.then_some("already_in_channel");
    channel.bot_in = true;
    Ok(json!({"channel": json_of(channel), "warning": warning}))
}

/// A timestamp as a number, so that `1700000000` and `1700000000.000100` compare rightly.
pub(crate) fn micros(ts: &str) -> i64 {
    let (seconds, rest) = ts.split_once('.').unwrap_or((ts, ""));
    let digits = rest.chars().chain(std::iter::repeat('0')).take(6).collect::<String>();
    let seconds = seconds.parse::<i64>().unwrap_or_default();
    seconds.saturating_mul(1_000_000).saturating_add(digits.parse().unwrap_or_default())
}

fn within(args: &Args, ts: &str) -> bool {
    let (ts, inclusive) = (micros(ts), args.flag("inclusive"));
    args.text("oldest").map(micros).is_none_or(|oldest| ts > oldest || (inclusive && ts == oldest))
        && args.text("latest").map(micros).is_none_or(|latest| ts < latest || (inclusive && ts == latest))
}

fn answer(state: &State, messages: Vec<&Message>, args: &Args) -> Answer {
    let (messages, next) = page(messages, args)?;
    let with_metadata = args.flag("include_all_metadata");
    let messages = messages.into_iter().map(|message| state.message_json(message, with_metadata)).collect::<Vec<_>>();
    let mut json = json!({"messages": messages, "has_more": !next.is_empty(), "pin_count": 0});
    if let Some(object) = json.as_object_mut().filter(|_| !next.is_empty()) {
        object.insert("response_metadata".to_owned(), json!({ "next_cursor": next }));
    }
    Ok(json)
}

pub(crate) fn history(state: &State, args: &Args) -> Answer {
    let channel = &readable(state, args)?.id;
    let shown = |message: &&Message| {
        message.channel == *channel
            && message.only_for.is_none()
            && (message.is_root() || message.broadcast)
            && within(args, &message.ts)
    };
    answer(state, state.messages.iter().rev().filter(shown).collect(), args)
}

pub(crate) fn replies(state: &State, args: &Args) -> Answer {
    let channel = &readable(state, args)?.id;
    let asked =
        state.message(channel, args.text("ts").unwrap_or_default()).filter(|message| message.only_for.is_none());
    let asked = asked.ok_or("thread_not_found")?;
    let root = asked.thread_ts.as_deref().unwrap_or(&asked.ts);
    // The root always comes first, whatever `oldest` says.
    let replies = state.replies(channel, root).filter(|message| within(args, &message.ts));
    answer(state, state.message(channel, root).into_iter().chain(replies).collect(), args)
}
