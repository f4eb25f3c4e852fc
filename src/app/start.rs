//! How the bot starts: the store first, then every part; Slack is not waited for.

use std::sync::{Arc, OnceLock};

use anyhow::Context;
use futures::future::try_join_all;
use secrecy::ExposeSecret;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    App, Bot, Right, STORE, Site, Sockets, Turn, Wake, catalogue, identity, lease, lock, measure, passes, scrape,
    spawn_in, stand_by, stop, tidy, undelivered,
};
use crate::{
    alerts::outbox,
    clients::{
        github::{self, Auth, CacheBound, GitHub},
        kubernetes::{ClusterConfig, Kubernetes},
        page::Pager,
        slack::Slack,
    },
    clock::Clock,
    cluster::ClusterId,
    config::{Config, GitHubConfig, GitHubCredentials},
    conversation::permissions::Policy,
    http::{self, Health},
    process::{self, slack_side},
    store::Store,
};

/// Why a start ended that nothing was wrong with.
const STOPPED: &str = "it was told to stop before it had started";

/// Takes the store and starts every part; a start that fails lets the store go.
pub(super) async fn begin(
    config: Config,
    clusters: Vec<ClusterConfig>,
    clock: Clock,
    (turn, stop): (Turn, CancellationToken),
) -> anyhow::Result<Bot> {
    let connect = |cluster: ClusterConfig| {
        let own = config.cluster.name.clone().filter(|_| config.clusters.is_empty());
        let name = own.unwrap_or_else(|| cluster.name().to_owned());
        Ok((name, Kubernetes::connect(cluster)?))
    };
    let clusters = clusters.into_iter().map(connect).collect::<anyhow::Result<Vec<_>>>()?;
    let names = clusters.iter().map(|(name, _)| name.clone()).collect();
    let app = Arc::new(parts(config, names, clock, stop).await?);
    let sites: Vec<_> = clusters.into_iter().map(|(name, client)| Site::new(&app, &name, client)).collect();
    // It is set once.
    drop(app.sites.set(sites.iter().map(Arc::downgrade).collect()));
    let crew = Crew { app: Arc::clone(&app), sockets: Sockets::default() };
    // Not cut off: what the database has already given would be held until it runs out.
    let begun = crew.begin(&sites, turn).await;
    if let Err(error) = begun {
        stop::end(&app, &sites, &crew.sockets).await;
        return Err(error);
    }
    Ok(Bot { app, sites, sockets: crew.sockets })
}

/// What all clusters share, with nothing running yet.
async fn parts(config: Config, names: Vec<String>, clock: Clock, stop: CancellationToken) -> anyhow::Result<App> {
    let slack = match (&config.slack.bot_token, config.slack.enabled) {
        (Some(token), true) => Some(Slack::new(&config.slack.api_url, token.clone())?),
        _ => None,
    };
    let pagerduty = config.pagerduty.token.clone().map(|key| (config.pagerduty.url.clone(), key));
    let pager = Pager::new(config.webhook.clone(), pagerduty).context("the client for webhooks")?;
    let github = github(&config.github, &clock)?;
    let opening = Store::open(config.database_url.expose_secret());
    let store = stop.run_until_cancelled(opening).await.context(STOPPED)??;
    Ok(App {
        catalogue: watch::Sender::new(catalogue::at_start(config.priorities.catalogue())),
        priorities: watch::Sender::new(Arc::new(config.priorities.clone())),
        me: OnceLock::new(),
        health: Health::new(clock.clone(), &[STORE]),
        right: Right::to_send(&names, clock.now()),
        started: clock.now(),
        clock,
        cluster_names: names,
        sites: OnceLock::new(),
        pager,
        github,
        github_trouble: watch::Sender::default(),
        channels: slack_side::channels(&config.slack, slack.is_some()),
        rooms: watch::Sender::default(),
        doubts: Wake::default(),
        slack,
        people: watch::Sender::new(Policy::default()),
        sockets: OnceLock::new(),
        undelivered_file: undelivered::place(config.log_dir.as_deref(), &store),
        undelivered: watch::Sender::default(),
        standbys: watch::Sender::default(),
        metrics: Arc::default(),
        outbox_wake: Wake::default(),
        inbox_wake: Wake::default(),
        pulse: watch::Sender::default(),
        failed: OnceLock::new(),
        stop,
        drained: CancellationToken::new(),
        tasks: TaskTracker::new(),
        senders: TaskTracker::new(),
        store,
        config,
    })
}

/// GitHub, if something of it is configured.
fn github(config: &GitHubConfig, clock: &Clock) -> anyhow::Result<Option<GitHub>> {
    if !config.is_asked() {
        return Ok(None);
    }
    let auth = match &config.credentials {
        GitHubCredentials::None => Auth::None,
        GitHubCredentials::Token(token) => Auth::Token(token.clone()),
        GitHubCredentials::App { id, installation, key } => {
            Auth::App(Box::new(github::App::new(id, *installation, key.clone())?))
        }
    };
    Ok(Some(GitHub::new(&config.url, auth, CacheBound::default(), clock.clone())?))
}

/// Who starts what this process has the right to do.
#[derive(Clone)]
pub(super) struct Crew {
    pub(super) app: Arc<App>,
    pub(super) sockets: Sockets,
}

impl Crew {
    /// Takes its rights and starts what they are for. On a store that several may use it is enough to have one of them.
    async fn begin(&self, sites: &[Arc<Site>], turn: Turn) -> anyhow::Result<()> {
        let app = &self.app;
        let why = || app.failed.get().map_or(STOPPED, String::as_str).to_owned();
        if turn == Turn::Waits && app.store.is_shared() {
            return self.begin_beside_others().await;
        }
        match turn {
            Turn::Now => lease::take_all(app, sites).await?,
            Turn::Waits => anyhow::ensure!(lease::take_all_in_turn(app, sites).await?, STOPPED),
        }
        let setting_out = async {
            self.works().await?;
            self.sends();
            try_join_all(sites.iter().map(watch)).await
        };
        app.stop.run_until_cancelled(Box::pin(setting_out)).await.with_context(why).flatten().map(drop)
    }

    async fn begin_beside_others(&self) -> anyhow::Result<()> {
        let app = &self.app;
        anyhow::ensure!(lease::wait_for_strangers(app).await?, STOPPED);
        if let Some(holder) = app.right.holder(&app.store).await? {
            let process = lease::clusters_and_process(&holder).1;
            tracing::info!("process {process} is there already; this one stands by and takes over what becomes free");
        }
        serve_health(app).await?;
        let has_begun = watch::Sender::new(false);
        let mut begun = has_begun.subscribe();
        app.spawn(stand_by::run(self.clone(), has_begun));
        let begun = begun.wait_for(|begun| *begun);
        let why = || app.failed.get().map_or(STOPPED, String::as_str).to_owned();
        app.stop.run_until_cancelled(begun).await.with_context(why)?.context(STOPPED)?;
        self.works().await
    }

    /// Starts what a process needs that has any right.
    async fn works(&self) -> anyhow::Result<()> {
        let app = &self.app;
        app.health.ready(STORE);
        // First of all: whatever comes now may be slow, and a lease that ran out cannot be renewed.
        app.spawn_vital("the task that holds the store", lease::keep(Arc::clone(app)));
        if app.pulse.borrow().listens.is_none() {
            serve_health(app).await?;
        }
        slack_side::begin(app);
        app.spawn(tidy::run(Arc::clone(app)));
        app.spawn(catalogue::run(Arc::clone(app)));
        Ok(())
    }

    /// Starts what the right to send is for.
    pub(super) fn sends(&self) {
        let app = &self.app;
        let connecting = connect_slack(Arc::clone(app), Arc::clone(&self.sockets));
        app.spawn_vital("the task that opens the sockets to Slack", connecting);
        let sender = Arc::clone(app).vital("the task that sends".to_owned(), outbox::run(Arc::clone(app)));
        spawn_in(&app.senders, sender);
        app.spawn(undelivered::run(Arc::clone(app)));
    }

    /// Starts what the right to write of a cluster is for; nobody waits for it.
    pub(super) fn watches(&self, site: Arc<Site>) {
        let stop = self.app.stop.clone();
        self.app.spawn(async move {
            let begin = async {
                // It is asked once; what it did not answer is asked again beside this.
                let mut identity = None;
                loop {
                    // Nothing else shows that it is alive before its loop is.
                    site.health.beat(&site.name);
                    let Err(error) = Box::pin(watch_as(&site, &mut identity)).await else { return };
                    // The others go on: a database that was away is back in a moment.
                    tracing::warn!(cluster = %site.name, error = format!("{error:#}"), "its watch cannot begin yet; trying again");
                    tokio::time::sleep(lease::LOOK_AGAIN).await;
                }
            };
            stop.run_until_cancelled(begin).await;
        });
    }
}

/// Starts to watch a cluster; its identity is what takes time.
async fn watch(site: &Arc<Site>) -> anyhow::Result<()> {
    watch_as(site, &mut None).await
}

/// The same; what is known of who it is may be known from a try before.
async fn watch_as(site: &Arc<Site>, known: &mut Option<ClusterId>) -> anyhow::Result<()> {
    site.health.not_ready(&site.part(), "not yet");
    let cluster = match known {
        Some(cluster) => cluster.clone(),
        None => known.insert(identity::of(site).await?).clone(),
    };
    let mut mind = process::Mind::load(site, cluster.clone()).await?;
    site.pulse.send_modify(|pulse| pulse.cluster = Some(cluster.clone()));
    mind.watches = process::watch_cluster(site, &cluster);
    // It is set once.
    drop(site.watches.set(mind.watches.clone()));
    let mailbox = site.mailbox().context("it is watched already")?;
    site.spawn_vital("the loop that judges", process::run(Arc::clone(site), mind, mailbox));
    site.spawn_vital("the task that starts passes", passes::run(Arc::clone(site)));
    site.spawn(measure::run(Arc::clone(site)));
    if site.store.is_shared() {
        site.spawn(process::write_down(Arc::clone(site)));
    }
    Ok(())
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
async fn serve_health(app: &Arc<App>) -> anyhow::Result<()> {
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
