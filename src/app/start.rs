//! How the bot starts: the store first, then every part; Slack is not waited for.

use std::sync::{Arc, Mutex, OnceLock, atomic::AtomicU64};

use anyhow::Context;
use secrecy::ExposeSecret;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    App, Bot, CLUSTER, STORE, Sockets, Turn, Wake, catalogue, identity, lease, lock, measure, passes, scrape, spawn_in,
    stop, tidy, undelivered,
};
use crate::{
    alerts::outbox,
    clients::{
        kubernetes::{ClusterConfig, Kubernetes},
        page::Pager,
        slack::Slack,
    },
    clock::Clock,
    cluster::ClusterId,
    config::Config,
    conversation::permissions::Policy,
    event::Event,
    http::{self, Health},
    process::{self, slack_side},
    store::Store,
};

/// Why a start ended that nothing was wrong with.
const STOPPED: &str = "it was told to stop before it had started";

/// How many pieces of lists may wait to be taken in: the loop is never idle for want of one, and none waits long.
const PIECES: usize = 4;

/// Takes the store and starts every part; a start that fails lets the store go.
pub(super) async fn begin(
    config: Config,
    cluster: ClusterConfig,
    clock: Clock,
    (turn, stop): (Turn, CancellationToken),
) -> anyhow::Result<Bot> {
    let name = config.cluster.name.clone().unwrap_or_else(|| cluster.name().to_owned());
    let kubernetes = Kubernetes::connect(cluster)?;
    let slack = match (&config.slack.bot_token, config.slack.enabled) {
        (Some(token), true) => Some(Slack::new(&config.slack.api_url, token.clone())?),
        _ => None,
    };
    let pagerduty = config.pagerduty.token.clone().map(|key| (config.pagerduty.url.clone(), key));
    let pager = Pager::new(config.webhook.clone(), pagerduty).context("the client for webhooks")?;
    let opening = Store::open(config.database_url.expose_secret());
    let store = stop.run_until_cancelled(opening).await.context(STOPPED)??;
    let (events, receiver) = mpsc::channel(256);
    let started = clock.now();
    let app = Arc::new(App {
        catalogue: watch::Sender::new(catalogue::at_start(config.priorities.catalogue())),
        me: OnceLock::new(),
        health: Health::new(clock.clone(), &[CLUSTER, STORE]),
        clock,
        kubernetes,
        cluster_name: name.clone(),
        pager,
        channels: slack_side::channels(&config.slack, slack.is_some()),
        rooms: watch::Sender::default(),
        doubts: Wake::default(),
        slack,
        people: watch::Sender::new(Policy::default()),
        sockets: OnceLock::new(),
        lease: Mutex::new(lease::not_held(&name, started)),
        undelivered_file: undelivered::place(config.log_dir.as_deref(), &store),
        undelivered: watch::Sender::default(),
        standbys: watch::Sender::default(),
        events,
        places: Arc::new(Semaphore::new(PIECES)),
        watches: OnceLock::new(),
        metrics: Arc::default(),
        sent: AtomicU64::new(0),
        outbox_wake: Wake::default(),
        inbox_wake: Wake::default(),
        passing: watch::Sender::default(),
        pulse: watch::Sender::default(),
        failed: OnceLock::new(),
        stop,
        drained: CancellationToken::new(),
        tasks: TaskTracker::new(),
        senders: TaskTracker::new(),
        store,
        config,
    });
    // Not cut off: what the database has already given would be held until it runs out.
    let taken = lease::take(&app, turn).await;
    if !matches!(taken, Ok(true)) {
        stop::end(&app, &Sockets::default()).await;
        taken?;
        anyhow::bail!(STOPPED);
    }
    app.health.ready(STORE);
    // First of all: whatever comes now may be slow, and a lease that ran out cannot be renewed.
    app.spawn_vital("the task that holds the store", lease::keep(Arc::clone(&app)));
    let sockets = Sockets::default();
    let setting_out = app.stop.run_until_cancelled(Box::pin(set_out(&app, &sockets, &name, receiver))).await;
    let why = || app.failed.get().map_or(STOPPED, String::as_str).to_owned();
    match setting_out.with_context(why).flatten() {
        Ok(cluster) => Ok(Bot { app, cluster, started, sockets }),
        Err(error) => {
            stop::end(&app, &sockets).await;
            Err(error)
        }
    }
}

/// Starts what needs the store; the identity of the cluster is what takes time.
async fn set_out(
    app: &Arc<App>,
    sockets: &Sockets,
    name: &str,
    receiver: mpsc::Receiver<Event>,
) -> anyhow::Result<ClusterId> {
    if app.pulse.borrow().listens.is_none() {
        serve_health(app).await?;
    }
    let connecting = connect_slack(Arc::clone(app), Arc::clone(sockets));
    app.spawn_vital("the task that opens the sockets to Slack", connecting);
    let cluster = identity::of(app, name).await?;
    let mut mind = process::Mind::load(app, cluster.clone(), name.to_owned()).await?;
    mind.watches = process::watch_cluster(app, &app.kubernetes, &cluster);
    // It is set once.
    drop(app.watches.set(mind.watches.clone()));
    app.spawn_vital("the loop that judges", process::run(Arc::clone(app), mind, receiver));
    let sender = Arc::clone(app).vital("the task that sends".to_owned(), outbox::run(Arc::clone(app)));
    spawn_in(&app.senders, sender);
    app.spawn_vital("the task that starts passes", passes::run(Arc::clone(app)));
    app.spawn(tidy::run(Arc::clone(app)));
    app.spawn(undelivered::run(Arc::clone(app)));
    app.spawn(measure::run(Arc::clone(app)));
    app.spawn(catalogue::run(Arc::clone(app)));
    Ok(cluster)
}

/// Opens the sockets to Slack, however long that takes; they are closed at once if the bot stops meanwhile. It ends when the
/// bot stops.
async fn connect_slack(app: Arc<App>, sockets: Sockets) {
    let opened = app.stop.run_until_cancelled(slack_side::connect(&app)).await.flatten();
    app.pulse.send_modify(|pulse| pulse.connected = true);
    let late = {
        let mut sockets = lock(&sockets);
        if app.stop.is_cancelled() {
            opened
        } else {
            *sockets = opened;
            None
        }
    };
    if let Some(late) = late {
        late.shutdown().await;
    }
    // Ending earlier would look like a failure.
    app.stop.cancelled().await;
}

/// Serves `/healthz`, `/readyz` and `/metrics` where the configuration says.
pub(super) async fn serve_health(app: &Arc<App>) -> anyhow::Result<()> {
    let Some(address) = app.config.http_listen else { return Ok(()) };
    let listener = tokio::net::TcpListener::bind(address).await.with_context(|| {
        format!("HTTP_LISTEN: cannot listen on {address}; choose another address, or leave it empty")
    })?;
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "/healthz, /readyz and /metrics are served");
        app.pulse.send_modify(|pulse| pulse.listens = Some(address));
    }
    let (served, stop) = (http::Served { health: app.health.clone(), scrape: scrape::of(app) }, app.stop.clone());
    app.spawn(async move {
        if let Err(error) = http::serve(listener, served, stop).await {
            tracing::error!(%error, "the health endpoints ended");
        }
    });
    Ok(())
}
