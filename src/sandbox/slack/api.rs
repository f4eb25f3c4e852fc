//! The Web API: who may call what, which fault was ordered, and which function answers.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State as Extract};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::args::Args;
use super::reading::Call;
use super::state::{APP, BOT, BOT_USER, State, TEAM};
use super::{Shared, chat, conversations, users};

/// A refusal: the error word and what the real workspace adds to it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    pub(crate) error: String,
    pub(crate) more: Map<String, Value>,
}

impl Refusal {
    pub(crate) fn with(mut self, key: &str, value: Value) -> Self {
        self.more.insert(key.to_owned(), value);
        self
    }

    fn into_json(self) -> Value {
        let mut json = self.more;
        json.insert("ok".to_owned(), json!(false));
        json.insert("error".to_owned(), json!(self.error));
        Value::Object(json)
    }
}

impl From<&str> for Refusal {
    fn from(error: &str) -> Self {
        Self { error: error.to_owned(), more: Map::new() }
    }
}

pub(crate) type Answer = Result<Value, Refusal>;

pub(crate) async fn call(
    Extract(shared): Extract<Arc<Shared>>,
    Path(method): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header_text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let args = Args::read(query.as_deref(), header_text(header::CONTENT_TYPE), &body);
    let bearer = header_text(header::AUTHORIZATION).strip_prefix("Bearer ").map(str::to_owned);
    let mut fault = shared.with(|state| state.faults.take(&method));
    if fault == Some(super::Fault::Held) {
        shared.hold().await;
        fault = None;
    }
    let now = shared.clock.now();
    let (answer, scopes) = shared.change(|state| {
        let works = fault.as_ref().is_none_or(super::Fault::takes_effect);
        let answer = match &args {
            _ if !works => Ok(json!({})),
            Err(word) => Err(Refusal::from(*word)),
            Ok(args) => {
                let token = bearer.as_deref().or_else(|| args.text("token"));
                permitted(state, &method, token, args).and_then(|()| answer(state, &method, args, now))
            }
        };
        let error = answer.as_ref().err().map(|refusal| refusal.error.clone());
        let arguments = args.as_ref().map(|args| Value::Object(args.0.clone())).unwrap_or_default();
        state.note_call(Call { method: method.clone(), arguments, error, fault: fault.clone() });
        (answer, state.scopes.iter().map(String::as_str).collect::<Vec<_>>().join(","))
    });
    if let Some(fault) = fault {
        let Some(response) = fault.answer() else {
            shared.stop.cancelled().await;
            return ().into_response();
        };
        return response;
    }
    let json = match answer {
        Ok(Value::Object(mut json)) => {
            json.insert("ok".to_owned(), json!(true));
            Value::Object(json)
        }
        Ok(_) => json!({"ok": true}),
        Err(refusal) => refusal.into_json(),
    };
    let mut response = Json(json).into_response();
    if let Ok(scopes) = HeaderValue::from_str(&scopes) {
        response.headers_mut().insert("x-oauth-scopes", scopes);
    }
    response
}

/// The right kind of token, known, with the scope that the method needs.
fn permitted(state: &State, method: &str, token: Option<&str>, args: &Args) -> Result<(), Refusal> {
    let token = token.ok_or("not_authed")?;
    let of_app = token == state.app_token;
    if !of_app && token != state.bot_token {
        return Err("invalid_auth".into());
    }
    if of_app != (method == "apps.connections.open") && !(of_app && method == "auth.test") {
        return Err("not_allowed_token_type".into());
    }
    let private = || args.text("channel").and_then(|asked| state.channel(asked)).is_some_and(|channel| channel.private);
    let needed = match method {
        "chat.postMessage" | "chat.update" | "chat.postEphemeral" | "chat.delete" => "chat:write",
        "conversations.info" if private() => "groups:read",
        "conversations.list" | "conversations.info" => "channels:read",
        "conversations.history" | "conversations.replies" if private() => "groups:history",
        "conversations.history" | "conversations.replies" => "channels:history",
        "conversations.join" => "channels:join",
        "users.info" | "users.list" => "users:read",
        "reactions.add" => "reactions:write",
        _ => return Ok(()),
    };
    if state.scopes.contains(needed) {
        return Ok(());
    }
    let provided = state.scopes.iter().map(String::as_str).collect::<Vec<_>>().join(",");
    Err(Refusal::from("missing_scope").with("needed", json!(needed)).with("provided", json!(provided)))
}

fn answer(state: &mut State, method: &str, args: &Args, now: Timestamp) -> Answer {
    match method {
        "auth.test" => Ok(json!({
            "url": format!("http://{}/", state.authority), "team": state.team_name, "user": "k8s-monitor",
            "team_id": TEAM, "user_id": BOT_USER, "bot_id": BOT, "is_enterprise_install": false,
        })),
        "apps.connections.open" => {
            let ticket = format!("ticket-{}", state.next_id());
            let url = format!("ws://{}/link/?ticket={ticket}&app_id={APP}", state.authority);
            state.tickets.insert(ticket);
            Ok(json!({ "url": url }))
        }
        "chat.postMessage" => chat::post(state, args, now),
        "chat.update" => chat::update(state, args, now),
        "chat.postEphemeral" => chat::post_ephemeral(state, args, now),
        "chat.delete" => chat::delete(state, args, now),
        "conversations.list" => conversations::list(state, args),
        "conversations.info" => conversations::info(state, args),
        "conversations.history" => conversations::history(state, args),
        "conversations.replies" => conversations::replies(state, args),
        "conversations.join" => conversations::join(state, args),
        "users.info" => users::info(state, args),
        "users.list" => users::list(state, args),
        "reactions.add" => chat::react(state, args),
        _ => Err("unknown_method".into()),
    }
}
