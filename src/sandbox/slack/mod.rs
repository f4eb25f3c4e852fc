//! A pretend Slack workspace: Web API, Socket Mode, response URLs, people, faults on demand, and a page in the browser.
//!
//! [`Workspace::start`] binds a port on loopback; point the bot's base URL of Slack at [`Workspace::base_url`].
//! People act through [`Workspace::person`]; what the bot made visible is read with [`Workspace::next_seen`] and friends.

mod api;
mod args;
pub mod blocks;
mod chat;
mod conversations;
mod events;
mod faults;
mod page;
mod people;
mod reading;
pub mod render;
mod response_url;
mod socket;
mod state;
#[cfg(test)]
mod tests;
mod users;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::routing::{any, get, post};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

pub use self::faults::Fault;
pub use self::people::{Person, Written};
pub use self::reading::{Call, Seen, Shown};
pub use self::socket::{Ack, Disconnect, EnvelopeKind};
pub use self::state::{APP, BOT, BOT_USER, FOREIGN_TEAM, Standing, TEAM};

use self::socket::Order;
use self::state::{Channel, PersonRow, State};
use crate::clock::Clock;

/// The scopes that the app has from the start.
pub const SCOPES: [&str; 11] = [
    "app_mentions:read",
    "channels:history",
    "channels:join",
    "channels:read",
    "chat:write",
    "commands",
    "groups:history",
    "groups:read",
    "im:history",
    "reactions:write",
    "users:read",
];

/// How a workspace starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Where message timestamps and expiries come from.
    pub clock: Clock,
    /// The bot token that is accepted.
    pub bot_token: String,
    /// The token for Socket Mode that is accepted.
    pub app_token: String,
    /// The scopes of the bot token.
    pub scopes: BTreeSet<String>,
    /// The name of the workspace.
    pub team_name: String,
    /// How long a reader waits before it fails.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            clock: Clock::System,
            bot_token: "xoxb-pretend-bot-token".to_owned(),
            app_token: "xapp-1-pretend-app-token".to_owned(),
            scopes: SCOPES.into_iter().map(str::to_owned).collect(),
            team_name: "Pretend workspace".to_owned(),
            patience: Duration::from_secs(10),
        }
    }
}

pub(crate) struct Shared {
    state: Mutex<State>,
    pub(crate) version: watch::Sender<u64>,
    pub(crate) clock: Clock,
    pub(crate) patience: Duration,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
    pub(crate) runtime: Handle,
}

impl Shared {
    /// Looks at the state.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the state and wakes everybody who waits for a change.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = self.with(change);
        self.version.send_modify(|version| *version += 1);
        result
    }
}

impl Shared {
    /// Keeps a call until it is let go.
    async fn hold(&self) {
        let mut changed = self.version.subscribe();
        let turn = self.change(|state| {
            state.faults.held += 1;
            state.faults.held
        });
        while self.with(|state| state.faults.let_go < turn) {
            tokio::select! {
                () = self.stop.cancelled() => return,
                still = changed.changed() => if still.is_err() { return },
            }
        }
    }
}

/// A running workspace; it stops when the last clone is dropped.
#[derive(Clone)]
pub struct Workspace {
    shared: Arc<Shared>,
    address: SocketAddr,
    _stop: Arc<DropGuard>,
}

impl Workspace {
    /// Starts a workspace: channels `#alerts` (the bot is inside), `#general`, `#old-alerts` (archived) and the private
    /// `#secret`; people `ana` and `ben` (members), `gus` (a guest), `zoe` (of another workspace), `old` (deactivated).
    pub async fn start(options: Options) -> Result<Self> {
        let asked = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
        let listener = TcpListener::bind(asked).await.with_context(|| format!("cannot listen on {asked}"))?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            state: Mutex::new(furnished(&options, address)),
            version: watch::Sender::new(0),
            clock: options.clock,
            patience: options.patience,
            stop: stop.clone(),
            tasks: TaskTracker::new(),
            runtime: Handle::current(),
        });
        let router = Router::new()
            .route("/api/{method}", any(api::call))
            .route("/link/", get(socket::link))
            .route("/commands/{team}/{key}/{secret}", post(response_url::respond))
            .route("/actions/{team}/{key}/{secret}", post(response_url::respond))
            .merge(page::router())
            .with_state(Arc::clone(&shared));
        let stopped = stop.clone();
        shared.tasks.spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                result = axum::serve(listener, router) => if let Err(error) = result {
                    tracing::error!(%error, "the pretend Slack workspace stopped");
                }
            }
        });
        Ok(Self { shared, address, _stop: Arc::new(stop.drop_guard()) })
    }

    /// The base URL of the Web API, without a slash at its end.
    pub fn base_url(&self) -> String {
        format!("http://{}/api", self.address)
    }

    /// The address of the page for people.
    pub fn page_url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Stops serving: sockets close, calls fail.
    pub fn stop(&self) {
        self.shared.stop.cancel();
    }

    /// Adds a channel, or changes the one of that name.
    pub fn add_channel(&self, name: &str, private: bool, bot_in: bool) {
        self.shared.change(|state| add_channel(state, name, private, bot_in));
    }

    /// Adds somebody.
    pub fn add_person(&self, name: &str, standing: Standing) {
        self.shared.change(|state| add_person(state, name, standing));
    }

    /// Archives a channel.
    pub fn archive(&self, channel: &str) {
        self.change_channel(channel, |channel| channel.archived = true);
    }

    /// Invites the bot into a channel, or takes it out.
    pub fn let_bot_in(&self, channel: &str, inside: bool) {
        self.change_channel(channel, |channel| channel.bot_in = inside);
    }

    fn change_channel(&self, channel: &str, change: impl FnOnce(&mut Channel)) {
        self.shared.change(|state| {
            let id = state.channel(channel).map(|channel| channel.id.clone());
            if let Some(channel) = id.and_then(|id| state.channels.get_mut(&id)) {
                change(channel);
            }
        });
    }

    /// The id of a channel, by name.
    pub fn channel_id(&self, channel: &str) -> Option<String> {
        self.shared.with(|state| state.channel(channel).map(|channel| channel.id.clone()))
    }

    /// The id of a person, by name.
    pub fn user_id(&self, person: &str) -> Option<String> {
        self.shared.with(|state| state.person(person).map(|person| person.id.clone()))
    }

    /// Takes a scope away from the bot's token.
    pub fn revoke_scope(&self, scope: &str) {
        self.shared.change(|state| drop(state.scopes.take(scope)));
    }

    /// Gives the bot's token a scope.
    pub fn grant_scope(&self, scope: &str) {
        self.shared.change(|state| state.scopes.extend([scope.to_owned()]));
    }

    /// What the banner on top of the page says.
    pub fn set_caption(&self, text: &str) {
        self.shared.change(|state| text.clone_into(&mut state.caption));
    }

    /// Orders a fault for the next call of a method that has none ordered yet; several queue up.
    pub fn fail_next(&self, method: &str, fault: Fault) {
        self.shared.change(|state| state.faults.add(method, fault));
    }

    /// Waits until so many calls are held in all.
    ///
    /// # Errors
    /// If that does not happen in time.
    pub async fn wait_for_held(&self, calls: usize) -> Result<()> {
        let held = |state: &mut State| (state.faults.held >= calls).then_some(());
        self.shared.wait_for(&format!("{calls} held calls"), held).await
    }

    /// Lets go the call that is held for the longest time.
    pub fn lets_go(&self) {
        self.shared.change(|state| state.faults.let_go += 1);
    }

    /// Takes back every fault that was ordered for a method.
    pub fn fail_no_more(&self, method: &str) {
        self.shared.change(|state| state.faults.forget(method));
    }

    /// Orders a fault for every call of a method; nothing takes it back.
    pub fn fail_always(&self, method: &str, fault: Option<Fault>) {
        self.shared.change(|state| state.faults.stand(method, fault));
    }

    /// Asks a socket to go; false when it is not open.
    pub fn disconnect(&self, socket: u64, why: Disconnect) -> bool {
        self.shared.change(|state| state.ask_to_go(socket, why))
    }

    /// Drops a socket without a word.
    pub fn drop_socket(&self, socket: u64) {
        self.shared.change(|state| {
            if let Some(socket) = state.sockets.remove(&socket) {
                socket.orders.send(Order::Drop).ok();
            }
        });
    }

    /// Leaves a socket open that delivers nothing any more and answers no ping.
    pub fn mute_socket(&self, socket: u64) {
        self.shared.change(|state| {
            if let Some(socket) = state.sockets.get(&socket) {
                socket.orders.send(Order::Mute).ok();
            }
        });
    }

    /// Sends every unacknowledged event again, as the real workspace does after a time-out; how many.
    pub fn redeliver(&self) -> usize {
        self.shared.change(|state| {
            let open =
                state.envelopes.iter_mut().filter(|(_, row)| row.ack.is_none() && row.kind == EnvelopeKind::EventsApi);
            let ids = open.map(|(id, row)| {
                row.attempt += 1;
                id.clone()
            });
            let ids = ids.collect::<Vec<_>>();
            ids.iter().filter(|id| state.send(id)).count()
        })
    }

    /// Sends one envelope once more, acknowledged or not; false when there is no socket or no such envelope.
    pub fn send_again(&self, envelope: &str) -> bool {
        self.shared.change(|state| state.send(envelope))
    }

    /// Lets the next envelope arrive twice.
    pub fn duplicate_next(&self) {
        self.shared.change(|state| state.duplicate_next = true);
    }
}

fn add_channel(state: &mut State, name: &str, private: bool, bot_in: bool) {
    let name = name.trim_start_matches('#').to_owned();
    let id = format!("C0{}", name.to_uppercase().replace('-', ""));
    state.channels.insert(id.clone(), Channel { id, name, private, archived: false, bot_in });
}

fn add_person(state: &mut State, name: &str, standing: Standing) {
    let id = format!("U0{}", name.to_uppercase());
    state.people.insert(id.clone(), PersonRow { id, name: name.to_owned(), standing });
}

fn furnished(options: &Options, address: SocketAddr) -> State {
    let mut state = State {
        bot_token: options.bot_token.clone(),
        app_token: options.app_token.clone(),
        scopes: options.scopes.clone(),
        team_name: options.team_name.clone(),
        authority: address.to_string(),
        channels: BTreeMap::new(),
        people: BTreeMap::new(),
        messages: Vec::new(),
        tickets: BTreeSet::new(),
        sockets: BTreeMap::new(),
        turn: 0,
        undelivered: VecDeque::new(),
        envelopes: BTreeMap::new(),
        duplicate_next: false,
        response_urls: BTreeMap::new(),
        log: VecDeque::new(),
        calls: VecDeque::new(),
        faults: faults::Faults::default(),
        caption: String::new(),
        last_micros: 0,
        last_id: 0,
    };
    add_channel(&mut state, "alerts", false, true);
    add_channel(&mut state, "general", false, false);
    add_channel(&mut state, "old-alerts", false, true);
    add_channel(&mut state, "secret", true, false);
    for channel in state.channels.values_mut().filter(|channel| channel.name == "old-alerts") {
        channel.archived = true;
    }
    let people = [
        ("ana", Standing::Member),
        ("ben", Standing::Member),
        ("gus", Standing::Guest),
        ("zoe", Standing::Foreigner),
        ("old", Standing::Deactivated),
    ];
    for (name, standing) in people {
        add_person(&mut state, name, standing);
    }
    let bot = PersonRow { id: BOT_USER.to_owned(), name: "k8s-monitor".to_owned(), standing: Standing::Bot };
    state.people.insert(bot.id.clone(), bot);
    state
}
