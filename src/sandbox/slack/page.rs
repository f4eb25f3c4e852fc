//! The page for people: one HTML file, the workspace as JSON over Server-Sent Events, and what a visitor does.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{Query, State as Extract};
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::Stream;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shared;
use super::people::Person;
use super::state::{BOT_USER, Message, Standing, State};

const HTML: &str = include_str!("page.html");
/// The page shows so many messages; older ones are there, but not shown.
const SHOWN: usize = 300;

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(html))
        .route("/ui/events", get(events))
        .route("/ui/say", post(say))
        .route("/ui/press", post(press))
}

async fn html() -> impl IntoResponse {
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:";
    ([(header::CONTENT_SECURITY_POLICY, policy), (header::CACHE_CONTROL, "no-store")], Html(HTML))
}

#[derive(Deserialize)]
struct Viewer {
    #[serde(default)]
    r#as: String,
}

/// The whole picture at once, and again after every change.
async fn events(
    Extract(shared): Extract<Arc<Shared>>,
    Query(viewer): Query<Viewer>,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let versions = shared.version.subscribe();
    let stream =
        futures::stream::unfold((shared, versions, viewer.r#as, true), async |(shared, mut versions, who, first)| {
            if !first {
                tokio::select! {
                    () = shared.stop.cancelled() => return None,
                    changed = versions.changed() => changed.ok()?,
                }
            }
            versions.borrow_and_update();
            let picture = shared.with(|state| picture(state, &who)).to_string();
            Some((Ok(Event::default().data(picture)), (shared, versions, who, false)))
        });
    Sse::new(stream).keep_alive(KeepAlive::default())
}

fn picture(state: &State, who: &str) -> Value {
    let viewer = state.person(who).map(|person| person.id.clone()).unwrap_or_default();
    let mine = state.messages.iter().filter(|message| message.only_for.as_ref().is_none_or(|only| *only == viewer));
    let mine = mine.collect::<Vec<_>>();
    let messages = mine.iter().skip(mine.len().saturating_sub(SHOWN)).map(|message| json_of(state, message));
    let channels = state.channels.values().filter(|channel| !channel.archived && !channel.private);
    let people = state.people.values().filter(|person| {
        matches!(
            person.standing,
            Standing::Member | Standing::Guest | Standing::SingleChannelGuest | Standing::Foreigner
        )
    });
    let names = state.people.values().map(|person| (person.id.clone(), json!(person.name)));
    let channel_names = state.channels.values().map(|channel| (channel.id.clone(), json!(channel.name)));
    json!({
        "team": state.team_name, "caption": state.caption, "sockets": state.sockets.len(),
        "channels": channels.map(|channel| json!({"id": channel.id, "name": channel.name, "bot": channel.bot_in})).collect::<Vec<_>>(),
        "people": people.map(|person| json!({"name": person.name, "guest": person.standing != Standing::Member})).collect::<Vec<_>>(),
        "names": names.chain(channel_names).collect::<serde_json::Map<_, _>>(),
        "messages": messages.collect::<Vec<_>>(),
    })
}

fn json_of(state: &State, message: &Message) -> Value {
    let author = state.people.get(&message.user).map_or(message.user.as_str(), |person| person.name.as_str());
    json!({
        "ts": message.ts, "channel": message.channel, "author": author, "bot": message.user == BOT_USER,
        "text": message.content.text, "blocks": message.content.blocks, "attachments": message.content.attachments,
        "thread": message.thread_ts.as_ref().filter(|root| **root != message.ts), "broadcast": message.broadcast,
        "edited": message.edited.is_some(), "private": message.only_for.is_some(), "reactions": message.reactions.keys().collect::<Vec<_>>(),
        "replies": state.replies(&message.channel, &message.ts).count(),
    })
}

#[derive(Deserialize)]
struct Said {
    r#as: String,
    channel: String,
    thread: Option<String>,
    text: String,
}

#[derive(Deserialize)]
struct Pressed {
    r#as: String,
    channel: String,
    ts: String,
    action: String,
    value: Option<String>,
}

fn outcome<T>(result: anyhow::Result<T>) -> (StatusCode, String) {
    match result {
        Ok(_) => (StatusCode::OK, String::new()),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error:#}")),
    }
}

async fn say(Extract(shared): Extract<Arc<Shared>>, Json(said): Json<Said>) -> (StatusCode, String) {
    let text = said.text.trim();
    let person = Person { shared, name: said.r#as };
    if text.is_empty() {
        return (StatusCode::BAD_REQUEST, "nothing was written".to_owned());
    }
    // The real client escapes what people type.
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let named = escaped.replace("@k8s-monitor", &format!("<@{BOT_USER}>"));
    match said.thread {
        Some(thread) => outcome(person.replies(&said.channel, &thread, &named)),
        None if text.starts_with('/') => outcome(person.runs(text, &said.channel)),
        None => outcome(person.says(&said.channel, &named)),
    }
}

async fn press(Extract(shared): Extract<Arc<Shared>>, Json(pressed): Json<Pressed>) -> (StatusCode, String) {
    let person = Person { shared, name: pressed.r#as };
    match pressed.value {
        Some(value) => outcome(person.chooses(&pressed.channel, &pressed.ts, &pressed.action, &value)),
        None => outcome(person.presses(&pressed.channel, &pressed.ts, &pressed.action)),
    }
}
