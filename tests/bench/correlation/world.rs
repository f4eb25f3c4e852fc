//! The bot as it runs, in a pretend world with the machine's clock: cluster, Slack and a GitHub that takes its time.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use jiff::SignedDuration;
use k8s_monitor::{
    app::Bot,
    clients::kubernetes::ClusterConfig,
    clock::Clock,
    config::{Config, Purpose, Sources, Text},
    sandbox::{
        github::{Forge, Push},
        kubernetes::{Cluster, Workload, deployment, story},
        slack::{Options, Workspace},
    },
    store::testing,
};

/// How long everything has been there.
const HOURS: Duration = Duration::from_hours(3);
/// Nobody waits for company, everything matters, and many may break one after the other.
const CONFIG: &str = "[alerts]\nfirst_post_wait = \"0s\"\nstorm_from = 1000\n[priorities]\nP0 = [\"shop/*\"]\n\
    [http]\nlisten = \"127.0.0.1:0\"\n";
/// After so long the channel has nothing more to say.
const QUIET: Duration = Duration::from_secs(4);
const GITOPS: &str = "acme/gitops";

/// A running bot with its pretend world.
pub(crate) struct World {
    pub(crate) workspace: Workspace,
    pub(crate) forge: Forge,
    cluster: Cluster,
    /// What is broken, and what it will be.
    broken: Option<(Workload, Workload)>,
    bot: Bot,
    _database: testing::Guard,
}

impl World {
    /// Of each service there are `web-N` and `worker-N`, both from the same place in Git, where their version was just changed.
    pub(crate) async fn start(delay: Duration, services: usize, is_code_known: bool) -> Result<Self> {
        drop(rustls::crypto::ring::default_provider().install_default());
        let workspace = Workspace::start(Options { patience: Duration::from_mins(1), ..Options::default() }).await?;
        let forge = Forge::start(delay).await?;
        let (store, database) = testing::fresh().await?;
        store.close().await;
        let cluster = Cluster::start().await?;
        let now = Clock::System.now();
        let then = now - HOURS;
        cluster.apply_all([story::node("node-1", true, Ok(then)), story::namespace("shop", then)]);
        for service in 0..services {
            for sort in ["web", "worker"] {
                cluster.apply_all(well(&format!("{sort}-{service}")).objects(now));
            }
            is_committed(&forge, service);
        }
        let listed = (0..services).map(|service| listed(service, is_code_known)).collect();
        let config = configuration(&workspace, &forge, database.url(), listed)?;
        let places = vec![ClusterConfig::at(&cluster.url(), None)?.named("production")];
        let bot = Bot::start(config, places, Clock::System).await?;
        workspace.wait_for_sockets(2).await?;
        let mut pulse = bot.sites().first().map(|site| site.pulse.subscribe());
        if let Some(pulse) = &mut pulse {
            pulse.wait_for(|pulse| pulse.complete).await?;
        }
        Ok(Self { workspace, forge, cluster, broken: None, bot, _database: database })
    }

    /// A new version of a workload is rolled out, and its pods crash.
    pub(crate) fn breaks(&mut self, name: &str) {
        let (before, now) = (well(name), Clock::System.now());
        let after = before.clone().rollout(now).image(&format!("shop/{name}:1.1.0"));
        let broken = after.clone().crash_looping(3, false);
        self.cluster.play(&broken.change_from(Some(&before), now));
        self.broken = Some((broken, after));
    }

    /// What broke is well again, and whoever reads the channel has read all of it.
    pub(crate) async fn mends(&mut self) {
        if let Some((broken, after)) = self.broken.take() {
            self.cluster.play(&after.change_from(Some(&broken), Clock::System.now()));
        }
        tokio::time::sleep(QUIET).await;
        while !self.workspace.unread().is_empty() {
            self.workspace.next_seen().await.ok();
        }
    }

    pub(crate) async fn stop(self) {
        self.bot.stop().await;
    }
}

fn well(name: &str) -> Workload {
    deployment(&format!("shop/{name}"), Clock::System.now() - HOURS).image(&format!("shop/{name}:1.0.0")).replicas(2)
}

/// Its version is changed, and then something else, which is read first; its code has tags with a `v`.
fn is_committed(forge: &Forge, service: usize) {
    let push = |repo: &str, minutes: i64, title: &str, file: String, patch: &str| {
        let at = Clock::System.now() - SignedDuration::from_mins(minutes);
        let files = vec![(file, patch.to_owned())];
        forge.push(repo, Push { title: title.to_owned(), author: "ana".to_owned(), at, files })
    };
    let code = format!("acme/web-{service}");
    push(&code, 200, "First", "src/main.rs".to_owned(), "+ fast");
    forge.tag(&code, "v1.0.0");
    push(&code, 90, "Cache more", "src/main.rs".to_owned(), "+ faster");
    forge.tag(&code, "v1.1.0");
    let folder = format!("base-apps/web-{service}");
    let bump = "@@ -4 +4 @@\n   images:\n-    newTag: 1.0.0\n+    newTag: 1.1.0";
    let sha = push(GITOPS, 12, "1.1.0", format!("{folder}/kustomization.yaml"), bump);
    forge.merged(GITOPS, &sha, 42, "1.1.0");
    forge.ran(GITOPS, &sha, "lint", Some("success"));
    push(GITOPS, 9, "Two replicas", format!("{folder}.yaml"), "@@ -1 +1 @@\n-replicas: 1\n+replicas: 2");
}

/// Its entry in the catalogue.
fn listed(service: usize, is_code_known: bool) -> String {
    let code = if is_code_known { format!("repository = \"acme/web-{service}\"\n") } else { String::new() };
    format!(
        "[[service]]\nname = \"web-{service}\"\nworkloads = [\"shop/web-{service}\", \"shop/worker-{service}\"]\n{code}"
    )
}

fn configuration(workspace: &Workspace, forge: &Forge, database: &str, catalogue: String) -> Result<Config> {
    const SERVICES: &str = "services.toml";
    let tokens = Options::default();
    let env: BTreeMap<String, String> = [
        ("SLACK_BOT_TOKEN", tokens.bot_token.as_str()),
        ("SLACK_APP_TOKEN", tokens.app_token.as_str()),
        ("SLACK_CHANNEL", "alerts"),
        ("SLACK_API_URL", &workspace.base_url()),
        ("GITHUB_API_URL", &forge.base_url()),
        ("GITHUB_TOKEN", "pretend-token"),
        ("GITHUB_REPO_OWNER", "acme"),
        ("GITHUB_REPO_NAME", "gitops"),
        ("DATABASE_URL", database),
        ("CLUSTER_NAME", "production"),
        ("SERVICES_FILE", SERVICES),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let file = Some(Text { path: "k8s-monitor.toml".to_owned(), text: CONFIG.to_owned() });
    let named_files = [(SERVICES.to_owned(), Ok(catalogue))].into();
    let sources = Sources { purpose: Purpose::Run, env, file, named_files, ..Sources::default() };
    Ok(Config::load(&sources)?.0)
}
