//! Socket Mode: two sockets in, raw envelopes out; an envelope is stored before it is acknowledged.

use std::{error::Error, fmt, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use slack_morphism::{
    SlackApiToken, SlackClientSocketModeConfig, SlackClientSocketModeListener, SlackSocketModeListenerCallbacks,
    errors::{SlackClientError, SlackClientProtocolError},
    events::{
        SlackCommandEvent, SlackCommandEventResponse, SlackInteractionEvent, SlackInteractionResponse,
        SlackPushEventCallback,
    },
    hyper_tokio::{SlackClientHyperHttpsConnector, SlackHyperClient},
    listener::{HttpStatusCode, SlackClientEventsListenerEnvironment, SlackClientEventsUserState},
};
use tokio::sync::{mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::slack::{Slack, SlackError};
use crate::{
    clock::Clock,
    conversation::from_slack::{EnvelopeKind, unique_id},
};

/// Of the bot that watches: two, because a command in the gap of a lost single socket is lost for good.
pub const SOCKETS: u32 = 2;
/// Slack shows an error to the person after 3 s without an acknowledgement.
const STORE_WITHIN: Duration = Duration::from_millis(2500);
/// Envelopes the library cannot read that may wait to be stored.
const UNREADABLE_WAITING: usize = 64;

/// Something that came from Slack, not yet understood.
#[derive(Clone, Debug, PartialEq)]
pub struct RawEnvelope {
    /// The same for every delivery of the same thing.
    pub unique_id: String,
    /// What it is.
    pub kind: EnvelopeKind,
    /// Slack's JSON.
    pub payload: Value,
}

/// Stores an envelope; an error means "not stored", and Slack is asked to deliver it again.
pub type Receiver = Arc<dyn Fn(RawEnvelope) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// How the sockets are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketHealth {
    /// Sockets that said hello and were not seen to break. One that cannot be opened again after Slack closed it is
    /// still counted until its sibling says hello or breaks.
    pub sockets: u32,
    /// When anything last came in. Slack renews every socket several times a day, so hours of silence are an illness.
    pub last_frame_at: Option<Timestamp>,
    /// What last broke.
    pub last_error: Option<String>,
}

type Listener = SlackClientSocketModeListener<SlackClientHyperHttpsConnector>;
type BoxError = Box<dyn Error + Send + Sync>;

/// The running sockets.
pub struct SocketHandle {
    listener: Listener,
    health: watch::Receiver<SocketHealth>,
}

impl fmt::Debug for SocketHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocketHandle").field("health", &*self.health.borrow()).finish_non_exhaustive()
    }
}

impl SocketHandle {
    /// How the sockets are, now and from now on.
    pub fn health(&self) -> watch::Receiver<SocketHealth> {
        self.health.clone()
    }

    /// Closes the sockets; Slack delivers to other replicas from then on.
    pub async fn shutdown(&self) {
        self.listener.shutdown().await;
    }
}

/// What the callbacks share.
struct Shared {
    clock: Clock,
    receiver: Receiver,
    health: watch::Sender<SocketHealth>,
    unreadable: mpsc::Sender<RawEnvelope>,
    /// How many sockets there should be.
    wanted: u32,
}

/// The receiver did not take it; it must not be acknowledged.
#[derive(Debug)]
struct NotStored(String);

impl fmt::Display for NotStored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an envelope from Slack was not stored and is left to be delivered again: {}", self.0)
    }
}

impl Error for NotStored {}

/// Opens so many sockets with the app token and keeps them open until `shutdown`. Its own task is in `tasks` and ends with `stop`.
pub async fn start(
    slack: &Slack,
    app_token: &SecretString,
    receiver: Receiver,
    clock: Clock,
    (tasks, stop): (&TaskTracker, &CancellationToken),
    wanted: u32,
) -> Result<SocketHandle, SlackError> {
    let (health, watched) = watch::channel(SocketHealth { sockets: 0, last_frame_at: None, last_error: None });
    let (unreadable, waiting) = mpsc::channel::<RawEnvelope>(UNREADABLE_WAITING);
    let shared = Arc::new(Shared { clock, receiver, health, unreadable, wanted });

    // The library's error handler cannot wait, so what only it gets to see is stored by this task. It does not end with the
    // sockets: the library holds on to them while it tries to open one.
    tasks.spawn(rescue(Arc::clone(&shared.receiver), waiting, stop.clone()));

    let environment =
        SlackClientEventsListenerEnvironment::new(slack.client()).with_error_handler(on_error).with_user_state(shared);
    let callbacks = SlackSocketModeListenerCallbacks::new()
        .with_hello_events(|hello, _client, state| async move {
            if let Some(shared) = shared_of(&state).await {
                shared.hello(hello.num_connections);
            }
        })
        .with_command_events(on_command)
        .with_interaction_events(on_interaction)
        .with_push_events(on_event);
    let config = SlackClientSocketModeConfig::new()
        .with_max_connections_count(wanted)
        .with_initial_backoff_in_seconds(1)
        .with_reconnect_timeout_in_seconds(5);
    let listener = SlackClientSocketModeListener::new(&config, Arc::new(environment), callbacks);
    listener
        .listen_for(&SlackApiToken::new(app_token.expose_secret().into()))
        .await
        .map_err(|e| SlackError::Setup(format!("Socket Mode cannot start: {e}")))?;
    listener.start().await;
    Ok(SocketHandle { listener, health: watched })
}

/// Stores what the library cannot read, until it is told to stop; what came before that is stored.
async fn rescue(receiver: Receiver, mut waiting: mpsc::Receiver<RawEnvelope>, stop: CancellationToken) {
    loop {
        let envelope = tokio::select! {
            biased;
            envelope = waiting.recv() => envelope,
            () = stop.cancelled(), if !waiting.is_closed() => {
                waiting.close();
                continue;
            }
        };
        let Some(envelope) = envelope else { return };
        if let Err(why) = store(&receiver, envelope).await {
            tracing::error!(%why, "an envelope from Slack was lost");
        }
    }
}

impl Shared {
    fn frame(&self) {
        let now = self.clock.now();
        self.health.send_modify(|h| h.last_frame_at = Some(now));
    }

    fn hello(&self, connections_slack_sees: u32) {
        let now = self.clock.now();
        self.health.send_modify(|h| {
            h.last_frame_at = Some(now);
            // Slack counts the other replicas too, so it is only an upper bound.
            h.sockets = (h.sockets + 1).min(self.wanted).min(connections_slack_sees.max(1));
        });
    }

    fn broken(&self, why: String) {
        self.health.send_modify(|h| {
            h.sockets = h.sockets.saturating_sub(1);
            h.last_error = Some(why);
        });
    }
}

async fn shared_of(state: &SlackClientEventsUserState) -> Option<Arc<Shared>> {
    state.read().await.get_user_state::<Arc<Shared>>().cloned()
}

/// Stores within the time Slack gives. A panic of the receiver would silently kill the socket's reader.
async fn store(receiver: &Receiver, envelope: RawEnvelope) -> Result<(), NotStored> {
    let stored = AssertUnwindSafe(async { receiver(envelope).await }).catch_unwind();
    match tokio::time::timeout(STORE_WITHIN, stored).await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(why))) => Err(NotStored(why)),
        Ok(Err(_panic)) => Err(NotStored("the receiver panicked".to_owned())),
        Err(_elapsed) => Err(NotStored(format!("not within {} ms", STORE_WITHIN.as_millis()))),
    }
}

async fn hand_over(
    kind: EnvelopeKind,
    payload: serde_json::Result<Value>,
    state: SlackClientEventsUserState,
) -> Result<(), BoxError> {
    let shared = shared_of(&state).await.ok_or("the sockets' state is gone")?;
    shared.frame();
    let payload = payload?;
    let envelope = RawEnvelope { unique_id: unique_id(kind, &payload), kind, payload };
    Ok(store(&shared.receiver, envelope).await?)
}

async fn on_command(
    event: SlackCommandEvent,
    _client: Arc<SlackHyperClient>,
    state: SlackClientEventsUserState,
) -> Result<SlackCommandEventResponse, BoxError> {
    hand_over(EnvelopeKind::Command, serde_json::to_value(&event), state).await?;
    Ok(SlackCommandEventResponse::new(slack_morphism::SlackMessageContent::new()))
}

async fn on_interaction(
    event: SlackInteractionEvent,
    _client: Arc<SlackHyperClient>,
    state: SlackClientEventsUserState,
) -> Result<SlackInteractionResponse, BoxError> {
    hand_over(EnvelopeKind::Interaction, serde_json::to_value(&event), state).await?;
    Ok(SlackInteractionResponse::Empty)
}

async fn on_event(
    event: SlackPushEventCallback,
    _client: Arc<SlackHyperClient>,
    state: SlackClientEventsUserState,
) -> Result<(), BoxError> {
    hand_over(EnvelopeKind::Event, serde_json::to_value(&event), state).await
}

/// Errors of sockets and callbacks. Anything but "not stored" is answered OK, or Slack would deliver it for ever.
#[expect(clippy::needless_pass_by_value, reason = "the library fixes the signature")]
fn on_error(error: BoxError, _client: Arc<SlackHyperClient>, state: SlackClientEventsUserState) -> HttpStatusCode {
    if error.is::<NotStored>() {
        tracing::error!(%error);
        return HttpStatusCode::INTERNAL_SERVER_ERROR;
    }
    let shared = state.try_read().ok().and_then(|s| s.get_user_state::<Arc<Shared>>().cloned());
    let Some(shared) = shared else { return HttpStatusCode::OK };
    if let Some(SlackClientError::SocketModeProtocolError(broken)) = error.downcast_ref() {
        tracing::warn!(why = %broken.message, "a socket to Slack broke; it is opened again");
        shared.broken(broken.message.clone());
        return HttpStatusCode::OK;
    }
    shared.frame();
    // What the library's models cannot read arrives with its frame; the library acknowledges it.
    let unread = error.downcast_ref::<SlackClientProtocolError>().and_then(|e| e.json_body.as_deref());
    if let Some(envelope) = unread.and_then(rescued) {
        if shared.unreadable.try_send(envelope).is_err() {
            tracing::error!("an envelope from Slack was lost: too many unreadable ones at once");
        }
    } else {
        tracing::warn!("something from Slack was not understood and is left out");
    }
    HttpStatusCode::OK
}

/// The envelope in a frame that the library's models cannot read.
fn rescued(frame: &str) -> Option<RawEnvelope> {
    let mut frame: Value = serde_json::from_str(frame).ok()?;
    let kind = match frame.get("type")?.as_str()? {
        "slash_commands" => EnvelopeKind::Command,
        "interactive" => EnvelopeKind::Interaction,
        "events_api" => EnvelopeKind::Event,
        _ => return None,
    };
    let payload = frame.get_mut("payload")?.take();
    Some(RawEnvelope { unique_id: unique_id(kind, &payload), kind, payload })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_the_library_cannot_read_is_still_handed_over() {
        let frame = r#"{"envelope_id":"e","type":"interactive","payload":{"type":"new_thing","trigger_id":"1.2.3"}}"#;
        let envelope = rescued(frame).unwrap();
        assert_eq!(
            (envelope.unique_id.as_str(), envelope.kind, envelope.payload["type"].as_str()),
            ("interaction:1.2.3", EnvelopeKind::Interaction, Some("new_thing"))
        );
        assert_eq!(rescued(r#"{"type":"disconnect","reason":"warning"}"#), None);
        assert_eq!(rescued("<html>"), None);
    }

    #[tokio::test]
    async fn what_waits_is_stored_when_the_bot_stops_though_the_library_holds_on_to_its_end() {
        let stored = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = Arc::clone(&stored);
        let counting: Receiver = Arc::new(move |_| {
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            async { Ok(()) }.boxed()
        });
        let (unreadable, waiting) = mpsc::channel(UNREADABLE_WAITING);
        let envelope = RawEnvelope { unique_id: "1".into(), kind: EnvelopeKind::Event, payload: Value::Null };
        unreadable.send(envelope).await.unwrap();
        let stop = CancellationToken::new();
        stop.cancel();
        rescue(counting, waiting, stop).await;
        assert_eq!(stored.load(std::sync::atomic::Ordering::SeqCst), 1);
        assert!(unreadable.is_closed());
    }

    #[tokio::test]
    async fn a_receiver_that_panics_or_fails_is_an_error_and_not_the_end_of_the_socket() {
        let envelope = RawEnvelope { unique_id: "1".into(), kind: EnvelopeKind::Event, payload: Value::Null };
        let failing: Receiver = Arc::new(|_| async { Err("disk full".to_owned()) }.boxed());
        assert_eq!(store(&failing, envelope.clone()).await.unwrap_err().0, "disk full");
        let panicking: Receiver = Arc::new(|_| async { panic!("no") }.boxed());
        assert_eq!(store(&panicking, envelope).await.unwrap_err().0, "the receiver panicked");
    }
}
