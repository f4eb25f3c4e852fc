//! Envelopes into the inbox, and from there, with who said it, to the loop.

use std::{collections::BTreeMap, sync::Arc};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use jiff::{SignedDuration, Timestamp};

use super::{AGAIN, SOON};
use crate::{
    app::App,
    clients::slack_socket::RawEnvelope,
    conversation::{
        Said,
        from_slack::{self, EnvelopeKind, What},
        permissions::Person,
    },
    process::{Arrived, Busy, arrived},
    store::{InboxRow, StoreError},
};

/// How long what Slack said of a person is believed.
const BELIEVED: SignedDuration = SignedDuration::from_mins(10);

/// How often to look for what replicas that stand by took in, and for whether a busy loop takes more: people notice more than a second.
const OTHERS: SignedDuration = SignedDuration::from_millis(500);

/// Stores an envelope before it is acknowledged. What people say to each other is not stored at all.
pub(super) async fn receive(app: &App, envelope: RawEnvelope) -> Result<(), String> {
    if let Some(me) = app.me.get()
        && let Ok(said) = from_slack::parse(envelope.kind, &envelope.payload, me)
        && !may_be_meant(&said.what)
    {
        return Ok(());
    }
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

/// Whether a row is dealt with in this process: by who decides whose it is, or by who watches the cluster that it was left to.
fn is_here(app: &App, cluster: &str) -> bool {
    if app.cluster_names.iter().all(|name| name != cluster) {
        return app.right().is_held();
    }
    app.sites().iter().any(|site| site.name == cluster && site.right().is_held())
}

/// Whether it may be meant for the bot: a plain message in a channel is not.
fn may_be_meant(what: &What) -> bool {
    match what {
        What::Ignored(_) => false,
        What::Message { channel, thread_ts, .. } => thread_ts.is_some() || from_slack::is_direct(channel),
        What::Command { .. } | What::Button { .. } | What::Mention { .. } => true,
    }
}

/// An answer of Slack to the question who somebody is.
type Asked = BoxFuture<'static, (String, Option<Person>)>;

/// What was read from the inbox and is not dealt with yet.
#[derive(Default)]
struct Listener {
    /// Whom Slack was asked about, and when.
    people: BTreeMap<String, (Timestamp, Person)>,
    /// What people said about whom Slack is being asked, in the order in which they said it.
    waiting: BTreeMap<String, Vec<(i64, String, Said)>>,
    asking: FuturesUnordered<Asked>,
    /// When rows were handed to the loop that are not settled yet.
    handed: BTreeMap<i64, Timestamp>,
    /// The clusters whose loops took nothing more when they were last offered something.
    busy: Busy,
}

/// Takes stored envelopes in order, asks who said it, and hands both to the loop. Slack's answer about one person holds up
/// nobody else, and what was handed over and is still not settled is handed over again.
pub(super) async fn listen(app: Arc<App>) {
    let mut listener = Listener::default();
    loop {
        let call = app.inbox_wake.calls();
        let again = match listener.read(&app).await {
            // Nothing tells when a loop has caught up.
            Ok(()) if !listener.busy.is_empty() => OTHERS,
            // What another replica stored does not wake this one.
            Ok(()) if app.has_others() => OTHERS,
            Ok(()) => AGAIN,
            Err(error) => {
                tracing::error!(%error, "the inbox cannot be read or written");
                SOON
            }
        };
        let is_idle = listener.handed.is_empty() && listener.waiting.is_empty() && again == AGAIN;
        if listener.waiting.is_empty() {
            app.pulse.send_modify(|pulse| pulse.inbox = call);
        }
        let now = app.clock.now();
        let at = now.saturating_add(again).unwrap_or(now);
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = app.inbox_wake.called() => {}
            () = app.clock.sleep_until(at), if !is_idle => {}
            Some((user, person)) = listener.asking.next(), if !listener.asking.is_empty() => {
                listener.answered(&app, user, person).await;
            }
        }
    }
}

impl Listener {
    /// Reads what is not settled. Without knowing who the bot is, nothing can be understood.
    async fn read(&mut self, app: &Arc<App>) -> Result<(), StoreError> {
        let Some(me) = app.me.get() else { return Ok(()) };
        let now = app.clock.now();
        self.busy.clear();
        let mut rows = app.store.inbox_open().await?;
        rows.retain(|row| is_here(app, &row.cluster));
        self.handed.retain(|id, at| now.duration_since(*at) < AGAIN && rows.iter().any(|row| row.id == *id));
        for row in rows {
            let is_asked = self.waiting.values().flatten().any(|(id, ..)| *id == row.id);
            if !is_asked && !self.handed.contains_key(&row.id) {
                self.understand(app, me, &row, now).await?;
            }
        }
        Ok(())
    }

    async fn understand(&mut self, app: &Arc<App>, me: &str, row: &InboxRow, now: Timestamp) -> Result<(), StoreError> {
        let kind = match row.kind.as_str() {
            "command" => EnvelopeKind::Command,
            "interaction" => EnvelopeKind::Interaction,
            _ => EnvelopeKind::Event,
        };
        let said = serde_json::from_str(&row.body)
            .map_err(|error| error.to_string())
            .and_then(|payload| from_slack::parse(kind, &payload, me).map_err(|error| error.to_string()));
        let said = match said {
            Ok(said) => said,
            Err(why) => {
                tracing::warn!(inbox = row.id, %why, "an envelope cannot be understood");
                app.store.settle(row.id, Some(&why), &[], now).await?;
                return Ok(());
            }
        };
        let mut is_meant = may_be_meant(&said.what);
        if let What::Message { channel, thread_ts: Some(root), .. } = &said.what
            && !from_slack::is_direct(channel)
        {
            // Only the threads of alerts are answered in.
            is_meant = app.store.incident_of_message(channel, root).await?.is_some();
        }
        if !is_meant {
            app.store.settle(row.id, None, &[], now).await?;
            return Ok(());
        }
        self.people.retain(|_, (at, _)| now.duration_since(*at) < BELIEVED);
        let user = said.asker.user.clone();
        if let Some((_, person)) = self.people.get(&user)
            && !self.waiting.contains_key(&user)
        {
            let person = Some(person.clone());
            return self.hand_over(app, (row.id, &row.cluster), said, person).await;
        }
        if !self.waiting.contains_key(&user) {
            let (app, user) = (Arc::clone(app), user.clone());
            self.asking.push(async move { (user.clone(), who(&app, &user).await) }.boxed());
        }
        self.waiting.entry(user).or_default().push((row.id, row.cluster.clone(), said));
        Ok(())
    }

    /// Slack said who somebody is, or did not.
    async fn answered(&mut self, app: &Arc<App>, user: String, person: Option<Person>) {
        for (id, cluster, said) in self.waiting.remove(&user).unwrap_or_default() {
            if let Err(error) = self.hand_over(app, (id, &cluster), said, person.clone()).await {
                tracing::error!(%error, "what somebody said could not be handed over and is tried again");
            }
        }
        if let Some(person) = person {
            self.people.insert(user, (app.clock.now(), person));
        }
    }

    async fn hand_over(
        &mut self,
        app: &Arc<App>,
        (inbox, cluster): (i64, &str),
        said: Said,
        person: Option<Person>,
    ) -> Result<(), StoreError> {
        if arrived(app, cluster, Arrived { inbox, said, person }, &mut self.busy).await? {
            self.handed.insert(inbox, app.clock.now());
        }
        Ok(())
    }
}

/// Asks Slack who that is.
async fn who(app: &App, user: &str) -> Option<Person> {
    match app.slack.as_ref()?.person(user).await {
        Ok(person) => Some(person),
        Err(error) => {
            tracing::warn!(%error, "Slack could not say who that is");
            None
        }
    }
}
