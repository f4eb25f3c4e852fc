//! The running bot's parts: configuration, clock, store, clients, and how its tasks are started and stopped.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    alerts::{Channels, Rooms, outbox},
    clients::{
        kubernetes::{ClusterConfig, Kubernetes},
        slack::Slack,
        slack_socket::{SocketHandle, SocketHealth},
    },
    clock::Clock,
    cluster::{ClusterId, Kind, ObjectRef},
    config::Config,
    conversation::permissions::Policy,
    event::Event,
    http::{self, Health},
    process,
    process::slack_side,
    schedule,
    services::{Priorities, Priority},
    store::{Lease, Store, StoreError},
};

/// What every handler may use. Cheap to share.
#[derive(Debug)]
pub struct App {
    /// What is in force.
    pub config: Config,
    /// The cluster.
    pub kubernetes: Kubernetes,
    /// Who may act in Slack; empty until Slack could be asked.
    pub people: watch::Sender<Policy>,
    /// What `/healthz` and `/readyz` say.
    pub health: Health,
    /// The bot's own user id in Slack, once Slack told it.
    pub me: OnceLock<String>,
    /// What is built in of who matters; the configuration's lists come first.
    pub priorities: Priorities,
    /// The time.
    pub clock: Clock,
    /// Durable state.
    pub store: Store,
    /// Slack, or None: then messages are printed.
    pub slack: Option<Slack>,
    /// The channels by severity, as they are configured.
    pub channels: watch::Sender<Channels>,
    /// Where they are in Slack, and what stands in the way.
    pub rooms: watch::Sender<Rooms>,
    /// How the sockets to Slack are, once they were opened.
    pub sockets: OnceLock<watch::Receiver<SocketHealth>>,
    /// The right to write, with its fencing number.
    pub lease: Lease,
    /// Where events go.
    pub events: mpsc::Sender<Event>,
    /// Events sent so far.
    pub sent: AtomicU64,
    /// Wakes the outbox: rows were written.
    pub outbox_wake: Wake,
    /// Wakes the conversation: an envelope was stored.
    pub inbox_wake: Wake,
    /// Wakes who asks Slack how it is: something could not be sent.
    pub doubts: Wake,
    /// What the health endpoints and the tests look at.
    pub pulse: watch::Sender<Pulse>,
    /// Told when the bot must stop.
    pub stop: CancellationToken,
    /// Every task, so that stopping waits for them.
    pub tasks: TaskTracker,
}

/// Wakes one task, and counts, so that everybody can see whether it has woken for the last call.
#[derive(Debug, Default)]
pub struct Wake {
    notify: Notify,
    calls: AtomicU64,
}

impl Wake {
    /// Wakes the task.
    pub fn wake(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.notify.notify_one();
    }

    /// Waits for a call; one that came before counts.
    pub async fn called(&self) {
        self.notify.notified().await;
    }

    /// How often it was called.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }
}

/// How far the bot is: what `/readyz` says, and what [`Bot::is_settled`] compares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pulse {
    /// Every kind was listed, or is known to be blind.
    pub complete: bool,
    /// Events handled so far.
    pub handled: u64,
    /// Last resource version seen per kind.
    pub positions: BTreeMap<Kind, u64>,
    /// When something is due by time alone.
    pub next_due: Option<Timestamp>,
    /// When the next pass is due.
    pub next_pass: Option<Timestamp>,
    /// Fresh lists that are being read.
    pub looks: u64,
    /// The call for which the outbox last woke, and when it looks again.
    pub outbox: (u64, Option<Timestamp>),
    /// The call for which the inbox last woke.
    pub inbox: u64,
    /// The doubt for which Slack was last asked how it is, and when it is asked again; None until it was asked.
    pub slack: Option<(u64, Option<Timestamp>)>,
}

impl App {
    /// Starts a task that is waited for when the bot stops. It has to end by itself when `stop` is cancelled.
    pub fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        #[expect(clippy::disallowed_methods, reason = "the one place where tasks are started")]
        drop(tokio::spawn(self.tasks.track_future(task)));
    }

    /// The priority of an owner by the configuration, else the built-in one of the K3s system set.
    pub fn priority_of(&self, owner: &ObjectRef) -> Option<Priority> {
        self.config.priorities.of(owner).or_else(|| self.priorities.priority_of(owner))
    }

    /// Sends an event; a bot that is stopping drops it, and reads its state anew when it starts.
    pub async fn send(&self, event: Event) {
        self.sent.fetch_add(1, Ordering::SeqCst);
        if self.events.send(event).await.is_err() {
            tracing::debug!("an event arrived while stopping");
        }
    }
}

/// A running bot.
#[derive(Debug)]
pub struct Bot {
    app: Arc<App>,
    cluster: ClusterId,
    started: Timestamp,
    socket: Option<SocketHandle>,
}

/// The part that is ready when the first picture of the cluster is complete.
pub const CLUSTER: &str = "cluster";
/// How long the store's lease lasts unless it is renewed; a crashed bot is followed after this.
const LEASE: Duration = Duration::from_secs(15);
/// How long stopping waits for what is in flight.
const GRACE: Duration = Duration::from_secs(10);
/// How long `run --once` may take.
const ONE_PASS: Duration = Duration::from_mins(2);

impl Bot {
    /// Starts every part; what is not configured is left out.
    ///
    /// # Errors
    /// If the store cannot be opened or is held by another instance, or if there is no cluster to watch.
    pub async fn start(config: Config, cluster: ClusterConfig, clock: Clock) -> anyhow::Result<Self> {
        let store = Store::open(config.database_url.expose_secret()).await?;
        let holder = format!("process {} at {}", std::process::id(), clock.now());
        let lease = store.take_lease("bot", &holder, LEASE).await?.ok_or_else(|| {
            let seconds = LEASE.as_secs();
            anyhow::anyhow!("another instance holds the store; stop it, or wait {seconds} s if it crashed")
        })?;
        let kubernetes = Kubernetes::connect(cluster)?;
        let name = config.cluster.name.clone().unwrap_or_else(|| kubernetes.server().to_owned());
        let id = identify(&store, &kubernetes, &name).await?;
        let slack = match (&config.slack.bot_token, config.slack.enabled) {
            (Some(token), true) => Some(Slack::new(&config.slack.api_url, token.clone())?),
            _ => None,
        };
        let (events, receiver) = mpsc::channel(256);
        let started = clock.now();
        let health = Health::new(clock.clone(), &[CLUSTER]);
        let app = Arc::new(App {
            priorities: Priorities::default(),
            me: OnceLock::new(),
            health,
            clock,
            channels: watch::Sender::new(slack_side::channels(&config.slack, slack.is_some())),
            rooms: watch::Sender::new(Rooms::default()),
            slack,
            people: watch::Sender::new(Policy::default()),
            sockets: OnceLock::new(),
            lease,
            events,
            sent: AtomicU64::new(0),
            outbox_wake: Wake::default(),
            inbox_wake: Wake::default(),
            doubts: Wake::default(),
            pulse: watch::Sender::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            kubernetes: kubernetes.clone(),
            store,
            config,
        });
        serve_health(&app).await?;
        let socket = slack_side::connect(&app).await;
        let mind = process::Mind::load(&app, id.clone(), name).await?;
        process::watch_cluster(&app, &kubernetes, &id);
        app.spawn(process::run(Arc::clone(&app), mind, receiver));
        app.spawn(outbox::run(Arc::clone(&app)));
        app.spawn(keep_lease(Arc::clone(&app)));
        app.spawn(passes(Arc::clone(&app)));
        Ok(Self { app, cluster: id, started, socket })
    }

    /// The cluster it watches.
    pub fn cluster(&self) -> &ClusterId {
        &self.cluster
    }

    /// The parts of the running bot, for the tests and the demo.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Whether everything that happened up to now, by its clock, was dealt with: events handled, passes made, rows sent.
    pub fn is_settled(&self) -> bool {
        let (app, now) = (&self.app, self.app.clock.now());
        let pulse = app.pulse.borrow().clone();
        let later = |at: Option<Timestamp>| at.is_none_or(|at| at > now);
        pulse.complete
            && pulse.looks == 0
            && pulse.handled == app.sent.load(Ordering::SeqCst)
            && later(pulse.next_due)
            && pulse.next_pass.is_some_and(|at| at > now)
            && pulse.outbox.0 == app.outbox_wake.calls()
            && later(pulse.outbox.1)
            && pulse.inbox == app.inbox_wake.calls()
            && match pulse.slack {
                None => app.slack.is_none(),
                Some((_, Some(next))) => next > now,
                Some((call, None)) => call == app.doubts.calls(),
            }
    }

    /// Waits for one full pass and until everything it had to say is sent, two minutes at most; the exit code is that of
    /// `check`: 0 nothing wrong, 1 something is, 2 a required kind could not be seen, something could not be sent, or a
    /// channel is not to be found.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn one_pass(&self) -> anyhow::Result<u8> {
        let mut pulse = self.app.pulse.subscribe();
        let settled = async {
            // What a channel's pace holds up is sent by and by; the pulse beats each time.
            while !self.is_settled() || self.app.store.counts().await?.pending > 0 {
                // Nothing is lost if the sender of the pulse is gone: the bot has stopped then.
                if pulse.changed().await.is_err() {
                    break;
                }
            }
            Ok::<(), StoreError>(())
        };
        let in_time = match tokio::time::timeout(ONE_PASS, settled).await {
            Ok(done) => done.map(|()| true)?,
            Err(_) => false,
        };
        let unsent = self.app.store.counts().await?.pending + self.app.store.dead_since(self.started).await?;
        let rooms = self.app.rooms.borrow().clone();
        let is_lost = self.app.slack.is_some()
            && self.app.config.slack.all_channels().iter().any(|channel| rooms.id_of(channel).is_none());
        let cycle = self.app.store.last_cycles(&self.cluster, 1).await?.into_iter().next();
        let open = !self.app.store.open_incidents(&self.cluster).await?.is_empty();
        Ok(match cycle {
            Some(cycle) if cycle.status == "blind" => 2,
            _ if !in_time || unsent > 0 || is_lost => 2,
            Some(cycle) => u8::from(cycle.findings > 0 || open),
            None => 2,
        })
    }

    /// Stops: no new work is taken, what is in flight is finished within ten seconds, the store is let go.
    pub async fn stop(self) {
        if let Some(socket) = self.socket {
            // Dropped here: its tasks end with it.
            socket.shutdown().await;
        }
        self.app.stop.cancel();
        self.app.tasks.close();
        if tokio::time::timeout(GRACE, self.app.tasks.wait()).await.is_err() {
            tracing::warn!("some work did not end in time; it is in the store and goes on at the next start");
        }
        if let Err(error) = self.app.store.release(&self.app.lease).await {
            tracing::warn!(%error, "the store's lease could not be let go; it ends by itself");
        }
        self.app.store.close().await;
    }
}

/// Serves `/healthz` and `/readyz` where the configuration says.
async fn serve_health(app: &Arc<App>) -> anyhow::Result<()> {
    let Some(address) = app.config.http_listen else { return Ok(()) };
    let listener = tokio::net::TcpListener::bind(address).await.with_context(|| {
        format!("HTTP_LISTEN: cannot listen on {address}; choose another address, or leave it empty")
    })?;
    let (health, stop) = (app.health.clone(), app.stop.clone());
    app.spawn(async move {
        if let Err(error) = http::serve(listener, health, stop).await {
            tracing::error!(%error, "the health endpoints ended");
        }
    });
    Ok(())
}

/// Who the cluster is: its own word, or what it said last time if it cannot be reached now.
async fn identify(store: &Store, kubernetes: &Kubernetes, name: &str) -> anyhow::Result<ClusterId> {
    let key = format!("cluster {name}");
    match kubernetes.identity().await {
        Ok(id) => {
            store.put(&key, &id.0).await?;
            Ok(id)
        }
        Err(error) => {
            tracing::error!(%error, "the cluster cannot be asked who it is; going on as blind");
            let known = store.get(&key).await?;
            Ok(ClusterId(known.unwrap_or_else(|| format!("unidentified {name}"))))
        }
    }
}

/// Renews the lease; without it this bot may no longer write, so it stops.
async fn keep_lease(app: Arc<App>) {
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = tokio::time::sleep(LEASE / 3) => {}
        }
        match app.store.renew(&app.lease, LEASE).await {
            Ok(true) => {}
            Ok(false) => {
                tracing::error!("another instance took the store over; stopping");
                app.stop.cancel();
            }
            Err(error) => tracing::warn!(%error, "the store's lease could not be renewed"),
        }
    }
}

/// Sends a pass when one is due by the schedule and the last one in the store. The ticker notices a clock that was stepped.
async fn passes(app: Arc<App>) {
    const LAST_PASS: &str = "last pass";
    let (sender, mut ticks) = mpsc::channel(1);
    app.spawn(schedule::tick(sender, app.stop.clone()));
    // A pass at every start, whatever the store says of the last one.
    let mut last: Option<Timestamp> = None;
    loop {
        let now = app.clock.now();
        if let Some(due) = schedule::due(&app.config.schedule, last, now) {
            if due.missed {
                tracing::info!(due = %due.at, "a pass was missed and is made up for now");
            }
            last = Some(due.at);
            if let Err(error) = app.store.put(LAST_PASS, &due.at.to_string()).await {
                tracing::warn!(%error, "the time of the pass could not be stored");
            }
            app.send(Event::Pass { at: due.at }).await;
        }
        let next = schedule::next(&app.config.schedule, last, now).unwrap_or(Timestamp::MAX);
        app.pulse.send_modify(|pulse| pulse.next_pass = Some(next));
        tokio::select! {
            () = app.stop.cancelled() => return,
            _ = ticks.recv() => {}
            () = app.clock.sleep_until(next) => {}
        }
    }
}
