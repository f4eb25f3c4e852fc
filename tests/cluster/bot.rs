//! The bot beside a real cluster, with the pretend Slack; its clock goes with the real one and can be moved ahead.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, ensure};
use k8s_monitor::{
    app::Bot,
    clients::kubernetes::{Places, find},
    clock::Clock,
    config::{Config, Purpose, Sources, Text},
    sandbox::slack::{Options, Shown, Workspace},
    store::testing,
};
use tokio::{task::JoinSet, time::Instant};

/// How long something visible may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often the clock is moved.
const STEP: Duration = Duration::from_millis(20);

/// A bot that watches a real cluster.
pub(crate) struct WatchingBot {
    clock: Clock,
    workspace: Workspace,
    bot: Option<Bot>,
    url: String,
    places: Places,
    _database: testing::Guard,
    _time: JoinSet<()>,
}

impl WatchingBot {
    /// Starts it, with `shop/gateway` as a P0.
    pub(crate) async fn start(places: Places) -> Result<Self> {
        drop(rustls::crypto::ring::default_provider().install_default());
        let clock = Clock::by_hand(Clock::System.now());
        let mut time = JoinSet::new();
        let moving = clock.clone();
        time.spawn(async move {
            let mut last = Instant::now();
            loop {
                tokio::time::sleep(STEP).await;
                moving.advance(last.elapsed());
                last = Instant::now();
            }
        });
        let database = testing::empty().await?;
        let workspace = Workspace::start(Options { clock: clock.clone(), ..Options::default() }).await?;
        let url = database.url().to_owned();
        let mut it = Self { clock, workspace, bot: None, url, places, _database: database, _time: time };
        it.starts().await?;
        Ok(it)
    }

    /// Starts the bot again, as a new process would.
    pub(crate) async fn starts(&mut self) -> Result<()> {
        let tokens = Options::default();
        let env: BTreeMap<String, String> = [
            ("SLACK_BOT_TOKEN", tokens.bot_token.as_str()),
            ("SLACK_APP_TOKEN", tokens.app_token.as_str()),
            ("SLACK_CHANNEL", "alerts"),
            ("SLACK_API_URL", &self.workspace.base_url()),
            ("DATABASE_URL", &self.url),
            ("CLUSTER_NAME", "real"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        // The clock runs ahead of the cluster's: what is deleted now seems to have been so long ago.
        let text = "[priorities]\nP0 = [\"shop/gateway\"]\n[http]\nlisten = \"127.0.0.1:0\"\n[checks.stuck-terminating]\ngrace = \"24h\"\n".to_owned();
        let file = Some(Text { path: "k8s-monitor.toml".to_owned(), text });
        let (config, _) = Config::load(&Sources { purpose: Purpose::Run, env, file, ..Sources::default() })?;
        let found = find(&self.places).await?;
        self.bot = Some(Bot::start(config, vec![found.config], self.clock.clone()).await?);
        self.workspace.wait_for_sockets(2).await?;
        self.until("the first picture is complete", |it| it.pulse().complete).await
    }

    /// Stops the bot, as SIGTERM does; whatever it did must have left nothing behind.
    pub(crate) async fn stops(&mut self) -> Result<()> {
        self.settles().await?;
        let bot = self.bot.take().context("it does not run")?;
        let left = bot.app().store.counts().await?;
        bot.stop().await;
        ensure!(left.pending == 0 && left.dead == 0, "left in the outbox: {left:?}");
        let wrong: Vec<_> = self.workspace.calls().into_iter().filter(|call| call.error.is_some()).collect();
        ensure!(wrong.is_empty(), "Slack refused: {wrong:#?}");
        Ok(())
    }

    fn pulse(&self) -> k8s_monitor::app::SitePulse {
        let site = self.bot.as_ref().and_then(|bot| bot.sites().first());
        site.map(|site| site.pulse.borrow().clone()).unwrap_or_default()
    }

    /// Whether every kind is listed and watched.
    pub(crate) fn sees_everything(&self) -> bool {
        let pulse = self.pulse();
        pulse.complete && pulse.blind == 0
    }

    /// The alerts, as they are now.
    pub(crate) fn alerts(&self) -> Vec<Shown> {
        self.workspace.messages("#alerts")
    }

    /// What was said in the thread of an alert.
    pub(crate) fn thread(&self, alert: &Shown) -> Vec<String> {
        let thread = self.workspace.thread("#alerts", &alert.ts);
        thread.into_iter().filter(|m| m.ts != alert.ts).map(|m| m.text).collect()
    }

    /// Waits until something is true.
    pub(crate) async fn until(&self, what: &str, is_true: impl Fn(&Self) -> bool) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !is_true(self) {
            ensure!(
                Instant::now() < deadline,
                "it did not come true that {what}; in Slack: {:#?}; {:?}",
                self.alerts(),
                self.pulse()
            );
            tokio::time::sleep(STEP).await;
        }
        Ok(())
    }

    /// Waits until everything that is due was dealt with.
    pub(crate) async fn settles(&self) -> Result<()> {
        self.until("everything is dealt with", |it| {
            it.bot.as_ref().is_some_and(Bot::is_settled) && it.workspace.unacked().is_empty()
        })
        .await?;
        // What only waits for its channel's pace is on its way.
        let deadline = Instant::now() + PATIENCE;
        while self.bot.as_ref().context("it does not run")?.app().store.counts().await?.pending > 0 {
            ensure!(Instant::now() < deadline, "something cannot be sent");
            tokio::time::sleep(STEP).await;
        }
        Ok(())
    }

    /// Moves the clock ahead, in steps in which everything that becomes due is dealt with.
    pub(crate) async fn wait(&self, how_long: Duration) -> Result<()> {
        let steps = how_long.as_secs().div_ceil(15);
        for _ in 0..steps {
            self.clock.advance(Duration::from_secs(15));
            self.settles().await?;
        }
        Ok(())
    }

    /// What `/k8s status` answers.
    pub(crate) async fn status(&self) -> Result<String> {
        let before = self.workspace.ephemeral_for("ana").len();
        self.workspace.person("ana").runs("/k8s status", "#alerts")?;
        self.until("the status is answered", |it| it.workspace.ephemeral_for("ana").len() > before).await?;
        Ok(self.workspace.ephemeral_for("ana").last().context("no answer")?.text.clone())
    }
}
