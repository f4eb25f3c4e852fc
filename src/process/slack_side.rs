//! The bot's side of Slack: tokens, channels and sockets at start, envelopes into the inbox, and from there to the loop.

use std::{collections::BTreeMap, sync::Arc};

use futures::FutureExt;
use jiff::SignedDuration;

use crate::{
    alerts::Channels,
    app::App,
    clients::{
        slack::{self, Slack},
        slack_socket::{self, RawEnvelope, SocketHandle},
    },
    conversation::{
        from_slack::{self, EnvelopeKind, What},
        permissions::{Person, Policy},
    },
    event::Event,
    incidents::Severity,
    store::InboxRow,
};

/// How long what Slack said of a person is believed.
const BELIEVED: SignedDuration = SignedDuration::from_mins(10);
/// How long to wait before Slack is asked again after it could not be reached.
const AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// Checks the tokens, resolves the channels and opens the sockets. What fails is said in words and tried again; nothing is lost.
pub async fn connect(app: &Arc<App>) -> Option<SocketHandle> {
    let slack = app.slack.as_ref()?;
    for problem in slack::check(slack, app.config.slack.app_token.as_ref()).await {
        tracing::error!("{problem}");
    }
    if !introduce(app, slack).await {
        let again = Arc::clone(app);
        app.spawn(async move {
            let Some(slack) = &again.slack else { return };
            loop {
                let at = again.clock.now().saturating_add(AGAIN).unwrap_or_else(|_| again.clock.now());
                tokio::select! {
                    () = again.stop.cancelled() => return,
                    () = again.clock.sleep_until(at) => {}
                }
                if introduce(&again, slack).await {
                    again.outbox_wake.wake();
                    return;
                }
            }
        });
    }
    app.spawn(listen(Arc::clone(app)));
    let app_token = app.config.slack.app_token.as_ref()?;
    let receiver = {
        let app = Arc::clone(app);
        Arc::new(move |envelope: RawEnvelope| {
            let app = Arc::clone(&app);
            async move { receive(&app, envelope).await }.boxed()
        })
    };
    match slack_socket::start(slack, app_token, receiver, app.clock.clone(), &app.tasks).await {
        Ok(handle) => {
            if app.sockets.set(handle.health()).is_err() {
                tracing::debug!("the sockets were opened before");
            }
            Some(handle)
        }
        Err(error) => {
            tracing::error!(%error, "no Socket Mode: commands, buttons and threads do not work");
            None
        }
    }
}

/// Learns who the bot is and which channels are meant; false if Slack has to be asked again.
async fn introduce(app: &App, slack: &Slack) -> bool {
    let identity = match slack.identity().await {
        Ok(identity) => identity,
        Err(error) => {
            tracing::error!(%error, "Slack does not answer yet");
            return false;
        }
    };
    let mut ids = BTreeMap::new();
    let mut complete = true;
    for name in app.config.slack.all_channels() {
        match slack.resolve_channel(&name).await {
            Ok(channel) => {
                ids.insert(name, channel.id);
            }
            Err(error) => {
                tracing::error!(%error, "a channel of the configuration cannot be used");
                complete = false;
            }
        }
    }
    let of = |severity: Severity| -> Vec<String> {
        app.config.slack.channels_for(severity).iter().filter_map(|name| ids.get(name).cloned()).collect()
    };
    app.channels.send_replace(Channels { sev1: of(Severity::Sev1), sev2: of(Severity::Sev2) });
    app.me.get_or_init(|| identity.user_id.clone());
    app.people.send_replace(Policy { team_id: identity.team_id, channels: ids.into_values().collect() });
    complete
}

/// Stores an envelope before it is acknowledged.
async fn receive(app: &App, envelope: RawEnvelope) -> Result<(), String> {
    let body = envelope.payload.to_string();
    let kind = match envelope.kind {
        EnvelopeKind::Command => "command",
        EnvelopeKind::Interaction => "interaction",
        EnvelopeKind::Event => "event",
    };
    let stored = app.store.receive(&envelope.unique_id, kind, &body, app.clock.now()).await;
    app.inbox_wake.wake();
    stored.map(|_| ()).map_err(|error| error.to_string())
}

/// Takes stored envelopes in order, asks who said it, and hands both to the loop.
async fn listen(app: Arc<App>) {
    let mut people: BTreeMap<String, (jiff::Timestamp, Person)> = BTreeMap::new();
    let mut handed = 0;
    loop {
        let call = app.inbox_wake.calls();
        match app.store.inbox_open().await {
            Ok(rows) => {
                for row in rows.into_iter().filter(|row| row.id > handed).collect::<Vec<_>>() {
                    handed = handed.max(row.id);
                    understand(&app, &mut people, row).await;
                }
            }
            Err(error) => tracing::error!(%error, "the inbox cannot be read"),
        }
        app.pulse.send_modify(|pulse| pulse.inbox = call);
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = app.inbox_wake.called() => {}
        }
    }
}

async fn understand(app: &App, people: &mut BTreeMap<String, (jiff::Timestamp, Person)>, row: InboxRow) {
    let now = app.clock.now();
    let kind = match row.kind.as_str() {
        "command" => EnvelopeKind::Command,
        "interaction" => EnvelopeKind::Interaction,
        _ => EnvelopeKind::Event,
    };
    let said = serde_json::from_str(&row.body).map_err(|error| error.to_string()).and_then(|payload| {
        from_slack::parse(kind, &payload, app.me.get().map_or("", String::as_str)).map_err(|error| error.to_string())
    });
    let said = match said {
        Ok(said) => said,
        Err(why) => {
            tracing::warn!(inbox = row.id, %why, "an envelope cannot be understood");
            if let Err(error) = app.store.settle(row.id, Some(&why), &[], now).await {
                tracing::error!(%error, "an envelope could not be settled");
            }
            return;
        }
    };
    let person = if matches!(said.what, What::Ignored(_)) { None } else { who(app, people, &said.asker.user).await };
    app.send(Event::Said { inbox: row.id, said, person }).await;
}

/// Asks Slack who that is, at most every ten minutes.
async fn who(app: &App, people: &mut BTreeMap<String, (jiff::Timestamp, Person)>, user: &str) -> Option<Person> {
    let now = app.clock.now();
    people.retain(|_, (at, _)| now.duration_since(*at) < BELIEVED);
    if let Some((_, person)) = people.get(user) {
        return Some(person.clone());
    }
    match app.slack.as_ref()?.person(user).await {
        Ok(person) => {
            people.insert(user.to_owned(), (now, person.clone()));
            Some(person)
        }
        Err(error) => {
            tracing::warn!(%error, "Slack could not say who that is");
            None
        }
    }
}
