//! The running bot's parts: configuration, clock, store, clients, and how its tasks are started and stopped.

mod catalogue;
pub(crate) mod identity;
pub(crate) mod lease;
mod measure;
mod passes;
mod scrape;
mod stand_by;
mod start;
mod stop;
mod tidy;
mod undelivered;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
use jiff::{Timestamp, tz::TimeZone};
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use self::catalogue::CatalogueFile;
pub(crate) use self::measure::EVERY as MEASURED_EVERY;
use crate::{
    alerts::{Channels, Rooms, message::Times},
    clients::{
        kubernetes::{ClusterConfig, Kubernetes, Scope, WatchHandle},
        page::Pager,
        slack::Slack,
        slack_socket::{SocketHandle, SocketHealth},
    },
    clock::Clock,
    cluster::{ClusterId, Kind},
    config::Config,
    conversation::permissions::Policy,
    event::Event,
    http::Health,
    incidents::Severity,
    store::{Lease, Store, StoreError},
    telemetry::Metrics,
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
    /// What is in force of the catalogue of services, and what is wrong with its file.
    pub catalogue: watch::Sender<CatalogueFile>,
    /// The time.
    pub clock: Clock,
    /// Durable state.
    pub store: Store,
    /// The cluster, as people call it.
    pub cluster_name: String,
    /// Who is called when nobody acknowledges.
    pub pager: Pager,
    /// Slack, or None: then messages are printed.
    pub slack: Option<Slack>,
    /// The channels by severity, as they are configured.
    pub channels: Channels,
    /// Where they are in Slack, and what stands in the way.
    pub rooms: watch::Sender<Rooms>,
    /// How the sockets to Slack are, once they were opened.
    pub sockets: OnceLock<watch::Receiver<SocketHealth>>,
    /// Where what cannot be delivered is written down; None if there is no folder for it.
    pub undelivered_file: Option<PathBuf>,
    /// How many messages are in that file.
    pub undelivered: watch::Sender<usize>,
    /// Who stands by to take over, as their leases call them.
    pub standbys: watch::Sender<Vec<String>>,
    /// The right to write; it may be taken anew, with a greater number. With number 0, which every row refuses, it is not held yet.
    lease: Mutex<Lease>,
    /// Where events go.
    pub events: mpsc::Sender<Event>,
    /// Places for pieces of lists that wait to be taken in: they are large, so only a few may.
    pub places: Arc<Semaphore>,
    /// The watches, once they were started.
    pub watches: OnceLock<BTreeMap<Scope, WatchHandle>>,
    /// What is measured.
    pub metrics: Arc<Metrics>,
    /// Events sent so far.
    pub sent: AtomicU64,
    /// Wakes the outbox: rows were written.
    pub outbox_wake: Wake,
    /// Wakes the conversation: an envelope was stored.
    pub inbox_wake: Wake,
    /// Wakes who asks Slack how it is: something could not be sent.
    pub doubts: Wake,
    /// Whether a monitoring pass runs: the next one is asked for when it is over.
    pub passing: watch::Sender<bool>,
    /// What the health endpoints and the tests look at.
    pub pulse: watch::Sender<Pulse>,
    /// Why the bot stops by itself, if it does.
    failed: OnceLock<String>,
    /// Told when the bot must stop.
    pub stop: CancellationToken,
    /// Told when nobody writes to the outbox any more: what is due is sent, then the sender ends.
    pub drained: CancellationToken,
    /// Every task but the senders, so that stopping waits for them.
    pub tasks: TaskTracker,
    /// The tasks that empty the outbox; they end last.
    pub senders: TaskTracker,
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
    /// Where `/healthz`, `/readyz` and `/metrics` are served.
    pub listens: Option<SocketAddr>,
    /// Every kind was listed, or is known to be blind.
    pub complete: bool,
    /// The cluster the loop watches; None until it handled an event.
    pub cluster: Option<ClusterId>,
    /// Events handled so far.
    pub handled: u64,
    /// How many required kinds cannot be seen.
    pub blind: usize,
    /// Last resource version taken in per kind.
    pub positions: BTreeMap<Kind, u64>,
    /// How each watch is, in a word.
    pub watches: BTreeMap<Scope, &'static str>,
    /// Objects that are known, per kind.
    pub objects: BTreeMap<Kind, usize>,
    /// Open incidents per severity.
    pub open: BTreeMap<Severity, usize>,
    /// When something is due by time alone.
    pub next_due: Option<Timestamp>,
    /// When the next pass is due.
    pub next_pass: Option<Timestamp>,
    /// When is tidied next; None before the first time.
    pub next_tidy: Option<Timestamp>,
    /// When is next looked after what cannot be delivered; None before the first time.
    pub next_undelivered: Option<Timestamp>,
    /// When is measured next; None before the first time.
    pub next_measure: Option<Timestamp>,
    /// When the file of the catalogue is looked at next; None before the first time.
    pub next_catalogue: Option<Timestamp>,
    /// Fresh lists that are being read.
    pub looks: u64,
    /// The call for which the outbox last woke, and when it looks again.
    pub outbox: (u64, Option<Timestamp>),
    /// The call for which the inbox last woke.
    pub inbox: u64,
    /// Slack was asked for the first time, with whatever result; true where there is no Slack.
    pub connected: bool,
    /// The doubt for which Slack was last asked how it is, and when it is asked again; None until it was asked.
    pub slack: Option<(u64, Option<Timestamp>)>,
}

impl App {
    /// Starts a task that is waited for when the bot stops. It has to end by itself when `stop` is cancelled.
    pub fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) {
        spawn_in(&self.tasks, task);
    }

    /// Starts a task without which the bot is none: if it ends before the bot is stopped, or panics, the bot stops and says why.
    pub fn spawn_vital(self: &Arc<Self>, what: impl Into<String>, task: impl Future<Output = ()> + Send + 'static) {
        spawn_in(&self.tasks, Arc::clone(self).vital(what.into(), task));
    }

    async fn vital(self: Arc<Self>, what: String, task: impl Future<Output = ()> + Send) {
        let ended = AssertUnwindSafe(task).catch_unwind().await;
        if ended.is_err() {
            self.give_up(format!("{what} ended by a bug; the lines above say where"));
        } else if !self.stop.is_cancelled() {
            self.give_up(format!("{what} ended, which it never should"));
        }
    }

    /// Stops the bot by itself. The first reason counts.
    pub fn give_up(&self, why: String) {
        tracing::error!("stopping: {why}");
        // A later reason follows from the first.
        drop(self.failed.set(why));
        self.stop.cancel();
    }

    /// How times are told in messages: those of now, of this cluster.
    pub fn times(&self, now: Timestamp) -> Times<'_> {
        static ZONE: TimeZone = TimeZone::UTC;
        Times { now, zone: &ZONE, cluster: &self.cluster_name }
    }

    /// The number under which this bot writes; rows written under a greater one refuse it.
    pub fn fence(&self) -> i64 {
        self.held().fence
    }

    /// The right to write, as it is now.
    pub fn lease(&self) -> Lease {
        self.held().clone()
    }

    fn held(&self) -> MutexGuard<'_, Lease> {
        // Nothing panics while it is held, and a plain value cannot be half written.
        self.lease.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends an event; a bot that is stopping drops it, and reads its state anew when it starts.
    pub async fn send(&self, event: Event) {
        self.sent.fetch_add(1, Ordering::SeqCst);
        if self.events.send(event).await.is_err() {
            tracing::debug!("an event arrived while stopping");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where tasks are started")]
fn spawn_in(tracker: &TaskTracker, task: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(tracker.track_future(task)));
}

/// What to do while another instance holds the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Nothing: it is an error.
    Now,
    /// Wait until it crashed or stopped.
    Waits,
}

/// A running bot.
#[derive(Debug)]
pub struct Bot {
    app: Arc<App>,
    cluster: ClusterId,
    started: Timestamp,
    sockets: Sockets,
}

/// The sockets to Slack, once they were opened: by a task, because Slack may hang.
type Sockets = Arc<Mutex<Option<SocketHandle>>>;

/// The part that is ready when every required kind of the cluster can be seen.
pub const CLUSTER: &str = "cluster";
/// The part that is ready when the store answers.
pub const STORE: &str = "store";
/// How long `run --once` may take.
const ONE_PASS: Duration = Duration::from_mins(2);

impl Bot {
    /// Starts every part; what is not configured is left out. Slack is not waited for.
    ///
    /// # Errors
    /// If the store cannot be opened or is held by another instance, or if an address cannot be listened on.
    pub async fn start(config: Config, cluster: ClusterConfig, clock: Clock) -> anyhow::Result<Self> {
        start::begin(config, cluster, clock, (Turn::Now, CancellationToken::new())).await
    }

    /// [`Bot::start`] as a process that may be told to stop while it starts: it ends soon after that, and the store is let go.
    /// With `in_turn` an instance that crashed is waited for until it loses the store; on PostgreSQL, which several may share, it
    /// stands by for as long as another one watches the same cluster.
    ///
    /// # Errors
    /// As `start`; if with `in_turn` another instance is alive that it may not stand by for; and if it was told to stop before it had started.
    pub async fn start_unless(
        stop: CancellationToken,
        in_turn: bool,
        config: Config,
        cluster: ClusterConfig,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let turn = if in_turn { Turn::Waits } else { Turn::Now };
        start::begin(config, cluster, clock, (turn, stop)).await
    }

    /// Returns when the bot stops by itself, with the reason for people: the store was taken over, or a part of it ended.
    pub async fn ended(&self) -> String {
        self.app.stop.cancelled().await;
        self.app.failed.get().cloned().unwrap_or_else(|| "it was told to stop".to_owned())
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
            && pulse.connected
            && pulse.looks == 0
            && !*app.passing.borrow()
            && pulse.handled == app.sent.load(Ordering::SeqCst)
            && later(pulse.next_due)
            && pulse.next_pass.is_some_and(|at| at > now)
            && pulse.next_tidy.is_some_and(|at| at > now)
            && pulse.next_measure.is_some_and(|at| at > now)
            && (app.undelivered_file.is_none() || pulse.next_undelivered.is_some_and(|at| at > now))
            && (app.config.services_file.is_none() || pulse.next_catalogue.is_some_and(|at| at > now))
            && pulse.outbox.0 == app.outbox_wake.calls()
            && later(pulse.outbox.1)
            && pulse.inbox == app.inbox_wake.calls()
            && match pulse.slack {
                None => app.slack.is_none(),
                Some((_, Some(next))) => next > now,
                Some((call, None)) => call == app.doubts.calls(),
            }
    }

    /// Waits for one full pass and until everything it had to say is sent, two minutes at most, and not for a channel that
    /// Slack says is not to be found; the exit code is that of `check`: 0 nothing wrong, 1 something is, 2 a required kind
    /// could not be seen, something could not be sent, or a channel is not to be found.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn one_pass(&self) -> anyhow::Result<u8> {
        let app = &self.app;
        let mut pulse = app.pulse.subscribe();
        let settled = async {
            // What a channel's pace holds up is sent by and by; the pulse beats each time.
            while !self.is_settled() || self.waits_for_slack().await? {
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
        let cluster = self.cluster_now();
        let is_unsent = self.unsent(&cluster).await?.next().is_some() || app.store.dead_since(self.started).await? > 0;
        let rooms = app.rooms.borrow().clone();
        let is_lost = app.slack.is_some()
            && app.config.slack.all_channels().iter().any(|name| rooms.id_of(name).is_none() || rooms.is_lost(name));
        let cycle = app.store.last_cycles(&cluster, 1).await?.into_iter().next();
        let open = !app.store.open_incidents(&cluster).await?.is_empty();
        Ok(match cycle {
            Some(cycle) if cycle.status == "blind" => 2,
            _ if !in_time || is_unsent || is_lost => 2,
            Some(cycle) => u8::from(cycle.findings > 0 || open),
            None => 2,
        })
    }

    /// Whether an alert of this cluster waits for a channel that may still take it.
    async fn waits_for_slack(&self) -> Result<bool, StoreError> {
        let rooms = self.app.rooms.borrow().clone();
        Ok(self.unsent(&self.cluster_now()).await?.any(|channel| !rooms.is_lost(&channel)))
    }

    /// The configured channels for which an alert of a cluster waits.
    async fn unsent(&self, cluster: &ClusterId) -> Result<impl Iterator<Item = String>, StoreError> {
        let configured = self.app.channels.of(Severity::Sev1);
        let waiting = self.app.store.waiting_alerts(cluster).await?;
        Ok(waiting.into_iter().filter(move |channel| configured.contains(channel)))
    }

    /// The cluster as the loop knows it: it may have said who it is after the start.
    fn cluster_now(&self) -> ClusterId {
        self.app.pulse.borrow().cluster.clone().unwrap_or_else(|| self.cluster.clone())
    }

    /// Stops: no new work is taken, what is in flight is finished and what it had to say is sent, the store is let go; all of it
    /// within ten seconds.
    pub async fn stop(self) {
        stop::end(&self.app, &self.sockets).await;
    }
}

fn lock(sockets: &Sockets) -> MutexGuard<'_, Option<SocketHandle>> {
    // Nothing panics while it is held.
    sockets.lock().unwrap_or_else(PoisonError::into_inner)
}
