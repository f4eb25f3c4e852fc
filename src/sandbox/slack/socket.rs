//! Socket Mode: tickets, sockets, envelopes spread over them, acknowledgements and what they carry.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::{Message as Frame, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State as Extract};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::Shared;
use super::args::Args;
use super::chat::{content_of, said_by_bot};
use super::state::{APP, Message, REMEMBERED, State};

const MOST_SOCKETS: usize = 10;
const MOST_UNDELIVERED: usize = 1000;
const BEAT: Duration = Duration::from_secs(5);
const HOST: &str = "applink-pretend-1";

/// What an envelope carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvelopeKind {
    /// Somebody ran a slash command.
    SlashCommands,
    /// Somebody pressed a button or chose from a menu.
    Interactive,
    /// Something was said or changed.
    EventsApi,
}

impl EnvelopeKind {
    fn word(self) -> &'static str {
        match self {
            Self::SlashCommands => "slash_commands",
            Self::Interactive => "interactive",
            Self::EventsApi => "events_api",
        }
    }
}

/// Why the workspace asks a socket to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disconnect {
    /// Some seconds of notice; the socket stays open until it is dropped.
    Warning,
    /// The socket is closed right after.
    RefreshRequested,
    /// Socket Mode was switched off; the socket is closed right after.
    LinkDisabled,
}

/// An acknowledgement of the bot.
#[derive(Clone, Debug, PartialEq)]
pub struct Ack {
    /// The envelope.
    pub envelope_id: String,
    /// The socket that it came by.
    pub socket: u64,
    /// Time from sending to acknowledgement.
    pub latency: Duration,
    /// The answer to show at once.
    pub payload: Option<Value>,
}

#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) kind: EnvelopeKind,
    pub(crate) payload: Value,
    pub(crate) attempt: u32,
    pub(crate) sent: Option<Instant>,
    pub(crate) ack: Option<Ack>,
    /// Nobody waits for it any more.
    pub(crate) given_up: bool,
    /// The key of its response URL.
    pub(crate) response: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Order {
    Send(String),
    Mute,
    Close,
    Drop,
}

#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) orders: mpsc::UnboundedSender<Order>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the latency of an acknowledgement is measured, nothing is decided by it"
)]
fn instant() -> Instant {
    Instant::now()
}

impl State {
    /// Puts an envelope on the next socket. Events wait for a socket; commands and presses are lost without one.
    pub(crate) fn deliver(&mut self, kind: EnvelopeKind, payload: Value, response: Option<String>) -> String {
        let nr = self.next_id();
        let id = format!("e{nr:07x}-0000-4000-8000-{nr:012x}");
        let envelope = Envelope { kind, payload, attempt: 0, sent: None, ack: None, given_up: false, response };
        if self.envelopes.len() >= REMEMBERED {
            self.envelopes.pop_first();
        }
        self.envelopes.insert(id.clone(), envelope);
        if !self.send(&id) {
            if kind == EnvelopeKind::EventsApi && self.undelivered.len() < MOST_UNDELIVERED {
                self.undelivered.push_back(id.clone());
            } else if let Some(envelope) = self.envelopes.get_mut(&id) {
                envelope.given_up = true;
            }
        } else if std::mem::take(&mut self.duplicate_next) {
            self.send(&id);
        }
        id
    }

    /// Sends an envelope on the next socket in turn; false when there is none.
    pub(crate) fn send(&mut self, id: &str) -> bool {
        let last = self.turn;
        let next = self.sockets.range(last + 1..).next().or_else(|| self.sockets.iter().next());
        let Some((socket, orders)) = next.map(|(nr, socket)| (*nr, socket.orders.clone())) else { return false };
        let Some(envelope) = self.envelopes.get_mut(id) else { return false };
        let mut frame = json!({
            "envelope_id": id, "type": envelope.kind.word(), "payload": envelope.payload,
            "accepts_response_payload": envelope.kind == EnvelopeKind::SlashCommands,
        });
        if let (EnvelopeKind::EventsApi, Some(object)) = (envelope.kind, frame.as_object_mut()) {
            object.insert("retry_attempt".to_owned(), json!(envelope.attempt));
            object.insert("retry_reason".to_owned(), json!(if envelope.attempt == 0 { "" } else { "timeout" }));
        }
        envelope.sent = Some(instant());
        self.turn = socket;
        orders.send(Order::Send(frame.to_string())).is_ok()
    }

    fn acknowledged(&mut self, socket: u64, frame: &str, now: Timestamp) {
        let Ok(frame) = serde_json::from_str::<Value>(frame) else { return };
        let id = frame.get("envelope_id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let Some(envelope) = self.envelopes.get_mut(&id).filter(|envelope| envelope.ack.is_none()) else { return };
        let latency = envelope.sent.map(|sent| instant().duration_since(sent)).unwrap_or_default();
        let payload = frame.get("payload").filter(|payload| !payload.is_null()).cloned();
        envelope.ack = Some(Ack { envelope_id: id, socket, latency, payload: payload.clone() });
        if let (EnvelopeKind::SlashCommands, false, Some(Value::Object(payload)), Some(key)) =
            (envelope.kind, envelope.given_up, payload, envelope.response.clone())
        {
            self.answered(&key, payload, now);
        }
    }

    /// Shows what came with the acknowledgement of a command.
    fn answered(&mut self, response: &str, payload: Map<String, Value>, now: Timestamp) {
        if payload.is_empty() {
            return;
        }
        let Some(target) = self.response_urls.get(response).cloned() else { return };
        let args = Args(payload);
        let in_channel = args.text("response_type") == Some("in_channel");
        match content_of(self, &args) {
            Ok(content) => {
                let ts = self.next_ts(now);
                let only_for = (!in_channel).then(|| target.user.clone());
                let message = said_by_bot(ts.clone(), &target.channel, content, target.thread_ts.clone());
                self.add(Message { only_for, ..message });
                if let Some(target) = self.response_urls.get_mut(response) {
                    target.original = Some(ts);
                }
            }
            Err(refusal) if refusal.error == "no_text" => {}
            Err(refusal) => self.failed(response, &format!("invalid_command_response ({})", refusal.error), now),
        }
    }

    /// Tells the person who ran a command that nothing came of it, as the real client does.
    pub(crate) fn failed(&mut self, response: &str, why: &str, now: Timestamp) {
        let Some(target) = self.response_urls.get(response).cloned() else { return };
        let ts = self.next_ts(now);
        let text = format!("/k8s failed with the error \"{why}\"");
        let content = super::state::Content { text, ..Default::default() };
        let message = said_by_bot(ts, &target.channel, content, target.thread_ts);
        self.add(Message { only_for: Some(target.user), ..message });
    }

    /// Asks a socket to go; false when there is no such socket.
    pub(crate) fn ask_to_go(&mut self, socket: u64, why: Disconnect) -> bool {
        let Some(row) = self.sockets.get(&socket) else { return false };
        let reason = match why {
            Disconnect::Warning => "warning",
            Disconnect::RefreshRequested => "refresh_requested",
            Disconnect::LinkDisabled => "link_disabled",
        };
        let told = row.orders.send(Order::Send(disconnect_frame(reason))).is_ok();
        if why != Disconnect::Warning {
            row.orders.send(Order::Close).ok();
            self.sockets.remove(&socket);
        }
        told
    }
}

fn disconnect_frame(reason: &str) -> String {
    json!({"type": "disconnect", "reason": reason, "debug_info": {"host": HOST}, "connection_info": {"app_id": APP}})
        .to_string()
}

#[derive(Deserialize)]
pub(crate) struct Ticket {
    #[serde(default)]
    ticket: String,
}

pub(crate) async fn link(
    Extract(shared): Extract<Arc<Shared>>,
    Query(Ticket { ticket }): Query<Ticket>,
    upgrade: WebSocketUpgrade,
) -> Response {
    if shared.with(|state| state.tickets.remove(&ticket)) {
        upgrade.on_upgrade(move |socket| run(shared, socket))
    } else {
        (StatusCode::UNAUTHORIZED, "invalid ticket").into_response()
    }
}

async fn run(shared: Arc<Shared>, mut socket: WebSocket) {
    let (orders, mut received) = mpsc::unbounded_channel();
    let seat = shared.change(|state| {
        let open = state.sockets.len();
        (open < MOST_SOCKETS).then(|| {
            let id = state.next_id();
            state.sockets.insert(id, Socket { orders });
            for envelope in std::mem::take(&mut state.undelivered) {
                state.send(&envelope);
            }
            (id, open + 1)
        })
    });
    let Some((id, open)) = seat else {
        socket.send(Frame::Text(disconnect_frame("too_many_websockets").into())).await.ok();
        return;
    };
    let hello = json!({
        "type": "hello", "num_connections": open, "connection_info": {"app_id": APP},
        "debug_info": {"host": HOST, "build_number": 1, "approximate_connection_time": 18_060},
    });
    if socket.send(Frame::Text(hello.to_string().into())).await.is_ok() {
        let mut muted = false;
        let mut beat = tokio::time::interval(BEAT);
        loop {
            let outcome = tokio::select! {
                () = shared.stop.cancelled() => break,
                order = received.recv() => match order {
                    Some(Order::Send(_)) if muted => Ok(()),
                    Some(Order::Send(text)) => socket.send(Frame::Text(text.into())).await,
                    Some(Order::Mute) => {
                        muted = true;
                        Ok(())
                    }
                    Some(Order::Close) => {
                        socket.send(Frame::Close(None)).await.ok();
                        break;
                    }
                    Some(Order::Drop) | None => break,
                },
                frame = socket.recv(), if !muted => match frame {
                    Some(Ok(Frame::Text(text))) => {
                        let now = shared.clock.now();
                        shared.change(|state| state.acknowledged(id, &text, now));
                        Ok(())
                    }
                    Some(Ok(Frame::Binary(_) | Frame::Ping(_) | Frame::Pong(_))) => Ok(()),
                    Some(Ok(Frame::Close(_)) | Err(_)) | None => break,
                },
                _ = beat.tick(), if !muted => socket.send(Frame::Ping(format!("Ping from {HOST}").into())).await,
            };
            if outcome.is_err() {
                break;
            }
        }
    }
    shared.change(|state| drop(state.sockets.remove(&id)));
}
