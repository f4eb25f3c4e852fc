//! The running bot's parts that all clusters share: configuration, clock, store, Slack; how its tasks are started and stopped.

mod catalogue;
pub(crate) mod identity;
pub(crate) mod lease;
mod measure;
mod passes;
mod pulse;
mod scrape;
mod site;
mod stand_by;
mod start;
mod stop;
mod tidy;
mod undelivered;

use std::{
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};

use futures::FutureExt;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use self::measure::EVERY as MEASURED_EVERY;
use self::start::Crew;
pub use self::{
    catalogue::CatalogueFile,
    lease::Right,
    pulse::{Pulse, SitePulse, Wake},
    site::Site,
};
use crate::{
    alerts::{Channels, Rooms, message::Times},
    clients::{
        github::GitHub,
        kubernetes::ClusterConfig,
        page::Pager,
        slack::Slack,
        slack_socket::{SocketHandle, SocketHealth},
    },
    clock::{Clock, Now},
    cluster::ClusterId,
    config::Config,
    conversation::permissions::Policy,
    http::Health,
    incidents::Severity,
    services::Priorities,
    store::{Store, StoreError},
    telemetry::Metrics,
};

/// What every handler may use. Cheap to share.
#[derive(Debug)]
pub struct App {
    /// What is in force.
    pub config: Config,
    /// Who may act in Slack; empty until Slack could be asked.
    pub people: watch::Sender<Policy>,
    /// What `/healthz` and `/readyz` say.
    pub health: Health,
    /// The bot's own user id in Slack, once Slack told it.
    pub me: OnceLock<String>,
    /// What is in force of the catalogue of services, and what is wrong with its file.
    pub catalogue: watch::Sender<CatalogueFile>,
    /// Who matters, with the catalogue that is in force.
    pub priorities: watch::Sender<Arc<Priorities>>,
    /// The time.
    pub clock: Clock,
    /// When this process was started.
    pub started: Timestamp,
    /// Durable state.
    pub store: Store,
    /// The clusters, as people call them, in the order of the configuration.
    pub cluster_names: Vec<String>,
    /// The clusters that are watched here; set once, at the start.
    sites: OnceLock<Vec<Weak<Site>>>,
    /// Who is called when nobody acknowledges.
    pub pager: Pager,
    /// GitHub, or None: then no commits are looked for.
    pub github: Option<GitHub>,
    /// What stood in the way when GitHub was last asked.
    pub github_trouble: watch::Sender<Option<String>>,
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
    /// The right to send.
    right: Right,
    /// What is measured.
    pub metrics: Arc<Metrics>,
    /// Wakes the outbox: rows were written.
    pub outbox_wake: Wake,
    /// Wakes the conversation: an envelope was stored.
    pub inbox_wake: Wake,
    /// Wakes who asks Slack how it is: something could not be sent.
    pub doubts: Wake,
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

impl App {
    /// Starts a task that is waited for when the bot stops. It has to end by itself when `stop` is cancelled.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
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

    /// The right to send.
    pub fn right(&self) -> &Right {
        &self.right
    }

    /// The clusters that may be watched here; none once the bot is gone.
    pub fn sites(&self) -> Vec<Arc<Site>> {
        self.sites.get().into_iter().flatten().filter_map(Weak::upgrade).collect()
    }

    /// Whether other processes work on the same store, so that what they write must be looked for.
    pub fn has_others(&self) -> bool {
        self.store.is_shared() && (!self.right.is_held() || !self.standbys.borrow().is_empty())
    }

    /// What people call a cluster; the only one there is, or what was last known of the configured ones.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn name_of(&self, cluster: &ClusterId) -> Result<String, StoreError> {
        if let [only] = self.cluster_names.as_slice() {
            return Ok(only.clone());
        }
        for name in &self.cluster_names {
            if *cluster == identity::provisional(name)
                || identity::known(&self.store, name).await?.as_ref() == Some(cluster)
            {
                return Ok(name.clone());
            }
        }
        Ok(cluster.to_string())
    }

    /// An instant as the present, in the zone of the configuration.
    pub fn present(&self, now: Timestamp) -> Now<'_> {
        Now { at: now, zone: &self.config.zone }
    }

    /// How times are told in messages: those of now, of the cluster of that name.
    pub fn times<'a>(&'a self, cluster: &'a str, now: Timestamp) -> Times<'a> {
        Times { now: self.present(now), cluster, is_one_of_many: self.cluster_names.len() > 1 }
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
    sites: Vec<Arc<Site>>,
    sockets: Sockets,
}

/// The sockets to Slack, once they were opened: by a task, because Slack may hang.
type Sockets = Arc<Mutex<Option<SocketHandle>>>;

/// The part that is ready when every required kind of the cluster can be seen.
pub const CLUSTER: &str = "cluster";
/// The part that is ready when the store answers.
pub const STORE: &str = "store";
/// How long `run --once` may take, and how often it looks whether everything is done.
const ONE_PASS: Duration = Duration::from_mins(2);
const GLANCE: Duration = Duration::from_millis(20);

impl Bot {
    /// Starts every part; what is not configured is left out. Slack is not waited for.
    ///
    /// # Errors
    /// If the store cannot be opened or is held by another instance, or if an address cannot be listened on.
    pub async fn start(config: Config, clusters: Vec<ClusterConfig>, clock: Clock) -> anyhow::Result<Self> {
        start::begin(config, clusters, clock, (Turn::Now, CancellationToken::new())).await
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
        clusters: Vec<ClusterConfig>,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let turn = if in_turn { Turn::Waits } else { Turn::Now };
        start::begin(config, clusters, clock, (turn, stop)).await
    }

    /// Returns when the bot stops by itself, with the reason for people: the store was taken over, or a part of it ended.
    pub async fn ended(&self) -> String {
        self.app.stop.cancelled().await;
        self.app.failed.get().cloned().unwrap_or_else(|| "it was told to stop".to_owned())
    }

    /// What all clusters share, for the tests and the demo.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The clusters, in the order of the configuration.
    pub fn sites(&self) -> &[Arc<Site>] {
        &self.sites
    }

    /// Whether everything that happened up to now, by its clock, was dealt with: events handled, passes made, rows sent.
    pub fn is_settled(&self) -> bool {
        let (app, now) = (&self.app, self.app.clock.now());
        let settled = |site: &Arc<Site>| site.pulse.borrow().clone().is_settled(site, now);
        // What one of them says is sent by what all share, so that is looked at last.
        self.sites.iter().all(settled) && app.pulse.borrow().clone().is_settled(app, now)
    }

    /// Waits for one full pass and until everything it had to say is sent, two minutes at most, and not for a channel that
    /// Slack says is not to be found; the exit code is that of `check`: 0 nothing wrong, 1 something is, 2 a required kind
    /// could not be seen, something could not be sent, or a channel is not to be found.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn one_pass(&self) -> anyhow::Result<u8> {
        let app = &self.app;
        let settled = async {
            // What a channel's pace holds up is sent by and by.
            while !self.is_settled() || self.waits_for_slack().await? {
                tokio::time::sleep(GLANCE).await;
            }
            Ok::<(), StoreError>(())
        };
        let in_time = match tokio::time::timeout(ONE_PASS, settled).await {
            Ok(done) => done.map(|()| true)?,
            Err(_) => false,
        };
        let is_unsent = !self.unsent().await?.is_empty() || app.store.dead_since(app.started).await? > 0;
        let rooms = app.rooms.borrow().clone();
        let is_lost = app.slack.is_some()
            && app.config.slack.all_channels().iter().any(|name| rooms.id_of(name).is_none() || rooms.is_lost(name));
        let mut code = if !in_time || is_unsent || is_lost { 2 } else { 0 };
        for cluster in self.clusters() {
            let open = !app.store.open_incidents(&cluster).await?.is_empty();
            code = code.max(match app.store.last_cycles(&cluster, 1).await?.first() {
                Some(cycle) if cycle.status != "blind" => u8::from(cycle.findings > 0 || open),
                Some(_) | None => 2,
            });
        }
        Ok(code)
    }

    /// Whether an alert waits for a channel that may still take it.
    async fn waits_for_slack(&self) -> Result<bool, StoreError> {
        let rooms = self.app.rooms.borrow().clone();
        Ok(self.unsent().await?.iter().any(|channel| !rooms.is_lost(channel)))
    }

    /// The configured channels for which an alert of the clusters waits.
    async fn unsent(&self) -> Result<Vec<String>, StoreError> {
        let configured = self.app.channels.of(Severity::Sev1);
        let mut unsent = Vec::new();
        for cluster in self.clusters() {
            let waiting = self.app.store.waiting_alerts(&cluster).await?;
            unsent.extend(waiting.into_iter().filter(|channel| configured.contains(channel)));
        }
        Ok(unsent)
    }

    /// The clusters as their loops know them.
    fn clusters(&self) -> Vec<ClusterId> {
        self.sites.iter().filter_map(|site| site.pulse.borrow().cluster.clone()).collect()
    }

    /// Stops: no new work is taken, what is in flight is finished and what it had to say is sent, the store is let go; all of it
    /// within ten seconds.
    pub async fn stop(self) {
        stop::end(&self.app, &self.sites, &self.sockets).await;
    }
}

fn lock(sockets: &Sockets) -> MutexGuard<'_, Option<SocketHandle>> {
    // Nothing panics while it is held.
    sockets.lock().unwrap_or_else(PoisonError::into_inner)
}
