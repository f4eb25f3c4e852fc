//! The words tests use: a bot, a cluster and a Slack workspace that start, are moved by hand, and complain of what nobody expected.

mod reading;
pub(crate) mod shop;

use std::{cell::RefCell, collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context, bail, ensure};
use jiff::Timestamp;
use k8s_monitor::{
    app::{App, Bot, Site, SitePulse},
    clients::kubernetes::ClusterConfig,
    clock::Clock,
    cluster::{ClusterId, Kind},
    config::{Config, Purpose, Sources, Text},
    sandbox::{
        kubernetes::Cluster,
        slack::{Options, Person, Workspace},
    },
    store::{Store, testing},
};
use sqlx::Connection as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

/// When every story begins.
pub(crate) const START: &str = "2026-11-24T14:00:00Z";
/// How long anything may take that does not depend on the clock.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running bot with its pretend world.
pub(crate) struct BotTester {
    clock: Clock,
    /// What the first cluster is called where there are several.
    name: &'static str,
    cluster: Cluster,
    /// More clusters, each with its name.
    others: Vec<(&'static str, Cluster)>,
    workspace: Workspace,
    bot: Option<Bot>,
    url: String,
    settings: BTreeMap<String, String>,
    channel: &'static str,
    written: &'static str,
    files: tempfile::TempDir,
    may_be_refused: bool,
    database: testing::Guard,
    /// The first line of each message when it was last told in a story.
    titles: RefCell<BTreeMap<String, String>>,
}

/// Runs a test with a bot, then fails it for everything that nobody expected.
pub(crate) async fn run_test(test: impl AsyncFnOnce(&mut BotTester) -> anyhow::Result<()>) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let outcome = async {
        let mut tester = BotTester::start().await?;
        // A whole story is large.
        Box::pin(test(&mut tester)).await?;
        tester.settle().await?;
        tester.expect_nothing_left().await
    };
    outcome.await.unwrap();
}

impl BotTester {
    async fn start() -> anyhow::Result<Self> {
        let clock = Clock::by_hand(START.parse()?);
        let (store, database) = testing::fresh().await?;
        store.close().await;
        let url = database.url().to_owned();
        let workspace = Workspace::start(Options { clock: clock.clone(), ..Options::default() }).await?;
        let cluster = Cluster::start().await?;
        let settings = BTreeMap::new();
        Ok(Self {
            clock,
            name: "production",
            cluster,
            others: Vec::new(),
            workspace,
            bot: None,
            url,
            settings,
            channel: "alerts",
            written: "",
            files: tempfile::tempdir()?,
            may_be_refused: false,
            database,
            titles: RefCell::default(),
        })
    }

    /// Starts the bot, as `run` does.
    pub(crate) async fn starts(&mut self) -> anyhow::Result<()> {
        self.sets_out().await?;
        self.workspace.wait_for_sockets(2).await?;
        // What its predecessor did not acknowledge comes again.
        self.workspace.redeliver();
        self.settle().await
    }

    /// Starts the bot and waits for nothing that it does not wait for itself.
    pub(crate) async fn sets_out(&mut self) -> anyhow::Result<()> {
        let places = self.places()?;
        self.bot = Some(Bot::start(self.configuration()?, places, self.clock.clone()).await?);
        Ok(())
    }

    /// The same, beside other processes on the same database, which are left what they have.
    pub(crate) async fn sets_out_beside_others(&mut self) -> anyhow::Result<()> {
        let (places, stop) = (self.places()?, CancellationToken::new());
        self.bot = Some(Bot::start_unless(stop, true, self.configuration()?, places, self.clock.clone()).await?);
        Ok(())
    }

    /// Where the clusters are.
    pub(crate) fn places(&self) -> anyhow::Result<Vec<ClusterConfig>> {
        let all = std::iter::once((self.name, &self.cluster)).chain(self.others.iter().map(|(name, it)| (*name, it)));
        all.map(|(name, cluster)| Ok(ClusterConfig::at(&cluster.url(), None)?.named(name))).collect()
    }

    /// There is another cluster, which is watched beside `production` from the next start.
    pub(crate) async fn has_too(&mut self, name: &'static str) -> anyhow::Result<()> {
        let id = format!("5a4db0c5-0000-4000-8000-{:012}", 100 + self.others.len());
        self.others.push((name, Cluster::start_as(&id).await?));
        let names: Vec<&str> = self.others.iter().map(|(name, _)| *name).collect();
        self.set("CLUSTERS", &format!("production,{}", names.join(",")));
        self.set("CLUSTER_NAME", "");
        Ok(())
    }

    /// The first cluster goes by the name of the second, and the other way round, from the next start.
    pub(crate) fn swaps_names(&mut self) {
        if let Some((other, _)) = self.others.first_mut() {
            std::mem::swap(&mut self.name, other);
            let names = format!("{},{other}", self.name);
            self.set("CLUSTERS", &names);
        }
    }

    /// One of those.
    pub(crate) fn other(&mut self, name: &str) -> anyhow::Result<&mut Cluster> {
        let found = self.others.iter_mut().find(|(known, _)| *known == name);
        Ok(&mut found.with_context(|| format!("no cluster {name}"))?.1)
    }

    /// Sets a variable of the environment for the next start.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.insert(name.to_owned(), value.to_owned());
    }

    /// Writes sections into the configuration file; they count from the next start.
    pub(crate) fn writes(&mut self, sections: &'static str) {
        self.written = sections;
    }

    /// Writes the file of the catalogue of services; a bot that runs without one reads it from its next start.
    pub(crate) fn lists_services(&mut self, catalogue: &str) -> anyhow::Result<()> {
        self.lists_services_in("services.toml", catalogue)
    }

    /// The same, in a file of that name, which says in which format.
    pub(crate) fn lists_services_in(&mut self, name: &str, catalogue: &str) -> anyhow::Result<()> {
        let path = self.files.path().join(name);
        std::fs::write(&path, catalogue)?;
        self.set("SERVICES_FILE", &path.display().to_string());
        Ok(())
    }

    /// The folder of this world's files: it differs from run to run.
    pub(crate) fn folder(&self) -> String {
        self.files.path().display().to_string()
    }

    /// What the bot is started with.
    pub(crate) fn configuration(&self) -> anyhow::Result<Config> {
        let tokens = Options::default();
        let mut env: BTreeMap<String, String> = [
            ("SLACK_BOT_TOKEN", tokens.bot_token.as_str()),
            ("SLACK_APP_TOKEN", tokens.app_token.as_str()),
            ("SLACK_CHANNEL", self.channel),
            ("SLACK_API_URL", &self.workspace.base_url()),
            ("DATABASE_URL", &self.url),
            ("CLUSTER_NAME", "production"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        env.extend(self.settings.clone());
        let listen = if env.contains_key("HTTP_LISTEN") { "" } else { "[http]\nlisten = \"127.0.0.1:0\"\n" };
        let text = format!("[priorities]\nP0 = [\"shop/api\"]\n{listen}{}", self.written);
        let file = Some(Text { path: "k8s-monitor.toml".to_owned(), text });
        let read = |path: &String| std::fs::read_to_string(path).map_err(|error| error.to_string());
        let named_files =
            self.settings.get("SERVICES_FILE").map(|path| (path.clone(), read(path))).into_iter().collect();
        let (config, _) =
            Config::load(&Sources { purpose: Purpose::Run, env, file, named_files, ..Sources::default() })?;
        Ok(config)
    }

    /// The running bot.
    pub(crate) fn bot(&self) -> anyhow::Result<&Bot> {
        self.bot.as_ref().context("the bot does not run")
    }

    /// The clock of this world.
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The bot's store, opened once more.
    pub(crate) async fn store(&self) -> anyhow::Result<Store> {
        Ok(Store::open(&self.url).await?)
    }

    /// Changes the bot's tables behind its back.
    pub(crate) async fn sql(&self, statement: &'static str) -> anyhow::Result<()> {
        let mut connection = sqlx::AnyConnection::connect(&self.url).await?;
        sqlx::query(statement).execute(&mut connection).await?;
        Ok(connection.close().await?)
    }

    /// Waits until the bot is so far, whatever the clock says.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&SitePulse) -> bool) -> anyhow::Result<()> {
        let mut pulse = self.site()?.pulse.subscribe();
        let reached = tokio::time::timeout(PATIENCE, pulse.wait_for(|pulse| is_so(pulse))).await;
        reached.with_context(|| format!("in vain waited until {what}"))?.context("the bot is gone")?;
        Ok(())
    }

    /// The same, of another cluster.
    pub(crate) async fn until_other(
        &self,
        name: &str,
        what: &str,
        is_so: impl Fn(&SitePulse) -> bool,
    ) -> anyhow::Result<()> {
        let site = self.bot()?.sites().iter().find(|site| site.name == name).context("no such cluster")?;
        let mut pulse = site.pulse.subscribe();
        let reached = tokio::time::timeout(PATIENCE, pulse.wait_for(|pulse| is_so(pulse))).await;
        reached.with_context(|| format!("in vain waited until {what}"))?.context("the bot is gone")?;
        Ok(())
    }

    /// What `/metrics` says.
    pub(crate) async fn metrics(&self) -> anyhow::Result<String> {
        let address = self.app()?.pulse.borrow().listens.context("nothing is served")?;
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: bot\r\nconnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (_, body) = answer.split_once("\r\n\r\n").context("no body")?;
        Ok(body.to_owned())
    }

    /// The API server goes away, and the bot notices.
    pub(crate) async fn loses_the_cluster(&mut self) -> anyhow::Result<()> {
        self.cluster.stop().await;
        let required = Kind::ALL.into_iter().filter(|kind| kind.is_required()).count();
        self.until("nothing can be seen", |pulse| pulse.blind == required).await
    }

    /// The API server is back, and the bot sees everything.
    pub(crate) async fn finds_the_cluster(&mut self) -> anyhow::Result<()> {
        self.cluster.start_again().await?;
        self.until("everything can be seen", |pulse| pulse.complete && pulse.blind == 0).await?;
        self.settle().await
    }

    /// Stops the bot, as SIGTERM does.
    pub(crate) async fn stops(&mut self) {
        if let Some(bot) = self.bot.take() {
            bot.stop().await;
        }
    }

    /// Ends the bot as `kill -9` does: what is on its way is not waited for.
    pub(crate) async fn crashes(&mut self) -> anyhow::Result<()> {
        let Some(bot) = self.bot.take() else { return Ok(()) };
        // Its successor would have to wait until the lease expires.
        for right in bot.sites().iter().map(|site| site.right()).chain([bot.app().right()]) {
            bot.app().store.release(&right.lease()).await?;
        }
        #[expect(clippy::disallowed_methods, reason = "what hangs in it ends with the test")]
        drop(tokio::spawn(bot.stop()));
        let gone = async {
            while !self.workspace.sockets().is_empty() {
                for socket in self.workspace.sockets() {
                    self.workspace.drop_socket(socket);
                }
                tokio::task::yield_now().await;
            }
        };
        Ok(tokio::time::timeout(PATIENCE, gone).await?)
    }

    /// The database, to make it fail.
    pub(crate) fn database(&self) -> &testing::Guard {
        &self.database
    }

    /// Names another channel in the configuration; it counts from the next start.
    pub(crate) fn is_configured_for(&mut self, channel: &'static str) {
        self.channel = channel;
    }

    /// Slack's refusals are part of the story.
    pub(crate) fn may_be_refused(&mut self) {
        self.may_be_refused = true;
    }

    /// The parts of the running bot.
    pub(crate) fn app(&self) -> anyhow::Result<&Arc<App>> {
        Ok(self.bot()?.app())
    }

    /// The running bot's first cluster.
    pub(crate) fn site(&self) -> anyhow::Result<&Arc<Site>> {
        self.bot()?.sites().first().context("no cluster")
    }

    /// Who that cluster says it is.
    pub(crate) fn cluster_id(&self) -> anyhow::Result<ClusterId> {
        self.site()?.pulse.borrow().cluster.clone().context("it was not asked who it is")
    }

    /// Lets time pass until a method of Slack was called so often, whether it was answered or not.
    pub(crate) async fn wait_for_calls(&self, method: &str, times: usize) -> anyhow::Result<()> {
        for _ in 0..200 {
            if self.workspace.count(method) >= times {
                return Ok(());
            }
            self.clock.advance(Duration::from_secs(1));
            // Long enough for a call to arrive; whoever hangs in it never settles.
            drop(tokio::time::timeout(Duration::from_millis(50), self.settle()).await);
        }
        bail!("{method} was called {} times, not {times}", self.workspace.count(method))
    }

    pub(crate) fn cluster(&mut self) -> &mut Cluster {
        &mut self.cluster
    }

    pub(crate) fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    pub(crate) fn person(&self, name: &str) -> Person {
        self.workspace.person(name)
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets time pass, in steps in which everything that becomes due is dealt with.
    pub(crate) async fn wait(&mut self, how_long: Duration) -> anyhow::Result<()> {
        // What takes hours is looked at by the minute, what takes days by the quarter of an hour.
        let step = match how_long.as_secs() / 3600 {
            20.. => Duration::from_mins(15),
            6.. => Duration::from_mins(5),
            1.. if how_long > Duration::from_hours(1) => Duration::from_mins(1),
            _ => Duration::from_secs(15),
        };
        let until = self.clock.now() + how_long;
        while self.clock.now() < until {
            let left = Duration::try_from(until.duration_since(self.clock.now()))?;
            self.clock.advance(left.min(step));
            self.settle().await?;
        }
        Ok(())
    }

    /// Returns when everything that happened was dealt with: seen by the watches, handled, sent.
    pub(crate) async fn settle(&self) -> anyhow::Result<()> {
        let Some(bot) = &self.bot else { return Ok(()) };
        let settled = async {
            while !self.is_settled(bot).await? {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            Ok(())
        };
        match tokio::time::timeout(PATIENCE, settled).await {
            Ok(result) => result,
            Err(_) => bail!(
                "the bot did not settle: {:?}, {:?}, unacknowledged {:?}, latest {:?}",
                bot.app().pulse.borrow(),
                bot.sites().iter().map(|site| site.pulse.borrow().clone()).collect::<Vec<_>>(),
                self.workspace.unacked(),
                Kind::ALL.map(|kind| (kind, self.cluster.latest_version(kind))),
            ),
        }
    }

    async fn is_settled(&self, bot: &Bot) -> anyhow::Result<bool> {
        let clusters = std::iter::once(&self.cluster).chain(self.others.iter().map(|(_, cluster)| cluster));
        let is_seen = bot.sites().iter().zip(clusters).all(|(site, cluster)| {
            let SitePulse { positions, watches, blind, .. } = site.pulse.borrow().clone();
            // What cannot be seen cannot be waited for.
            let is_hidden = |kind: Kind| watches.iter().any(|(scope, state)| scope.kind == kind && *state != "seen");
            let reached = |kind: &Kind| positions.get(kind).copied().unwrap_or(0) >= cluster.latest_version(*kind);
            blind > 0 || Kind::ALL.iter().chain(&Kind::CHANGED).all(|kind| is_hidden(*kind) || reached(kind))
        });
        if !self.workspace.unacked().is_empty() || !is_seen || !bot.is_settled() {
            return Ok(false);
        }
        // A channel takes a message a second: time passes while the outbox waits for that. What waits longer, or for Slack
        // to be mended, waits for the story to go on.
        if bot.app().store.counts().await?.pending > 0 {
            let next = bot.app().pulse.borrow().outbox.1;
            let wait = next.and_then(|at| Duration::try_from(at.duration_since(self.clock.now())).ok());
            if let Some(wait) = wait.filter(|wait| *wait <= Duration::from_secs(2)) {
                self.clock.advance(wait);
                return Ok(false);
            }
        }
        Ok(bot.is_settled())
    }

    async fn expect_nothing_left(&mut self) -> anyhow::Result<()> {
        let unread = self.workspace.unread();
        ensure!(unread.is_empty(), "nobody read: {unread:#?}");
        ensure!(self.workspace.unacked().is_empty(), "envelopes were not acknowledged");
        let wrong: Vec<_> =
            self.workspace.calls().into_iter().filter(|c| c.error.is_some() && c.fault.is_none()).collect();
        ensure!(wrong.is_empty() || self.may_be_refused, "Slack refused: {wrong:#?}");
        let writes: Vec<_> = self.cluster.requests().into_iter().filter(|r| !r.starts_with('/')).collect();
        ensure!(writes.is_empty(), "the bot wrote to the cluster: {writes:?}");
        if let Some(bot) = &self.bot {
            let left = bot.app().store.counts().await?;
            ensure!(left.pending == 0 && left.dead == 0, "left in the outbox: {left:?}");
        }
        self.stops().await;
        Ok(())
    }
}
