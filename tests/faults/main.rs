//! The bot as a process that is killed again and again while Slack and the database fail: afterwards every incident has one message,
//! and it says how things are. Prints what happened; `cargo test --test faults -- KILLS SEED REPLICAS`
//! does it longer, and `-- takeover TIMES` measures how soon a second replica takes over (both on PostgreSQL).
#![expect(clippy::print_stdout, reason = "the counts are its output")]

mod chance;
mod takeover;
mod trouble;
mod verdict;

use std::{process::Stdio, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use chance::Chance;
use k8s_monitor::{
    clock::Clock,
    sandbox::{
        kubernetes::{Cluster, Edit, Workload, deployment, story},
        slack::{Options, Workspace},
    },
    store::testing,
};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep},
};
use trouble::Counts;

/// How it is configured, beside the clusters.
const CONFIG: &str = "[alerts]\nfirst_post_wait = \"0s\"\nstorm_from = 1000\nbusiness_hours = \"never\"\n[http]\nlisten = \"off\"\n\
                      [priorities]\nP0 = [\"shop/w-0\"]\n";
/// How often it is killed when nobody says how often: as a part of all tests it must be short.
const KILLS: usize = 12;
/// How long it may take until everything is said once nothing fails any more: what failed often waits for five minutes.
const QUIET_WITHIN: Duration = Duration::from_mins(7);

#[tokio::main]
async fn main() -> Result<()> {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let kills = numbers.first().and_then(|n| usize::try_from(*n).ok()).unwrap_or(KILLS);
    let seed = numbers.get(1).copied().unwrap_or(20_261_127);
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut world = World::start(seed).await?;
    // Only one may run on SQLite.
    let is_shared = world.database_name() == "PostgreSQL";
    world.replicas = numbers.get(2).and_then(|n| usize::try_from(*n).ok()).unwrap_or(if is_shared { 3 } else { 1 });
    if std::env::args().any(|argument| argument == "takeover") {
        ensure!(is_shared, "taking over needs PostgreSQL: K8S_MONITOR_TEST_DATABASE_URL");
        world.replicas = 3;
        return takeover::measure(&mut world, numbers.first().and_then(|n| usize::try_from(*n).ok()).unwrap_or(5))
            .await;
    }
    ensure!(is_shared || world.replicas == 1, "several replicas need PostgreSQL");
    println!("faults: {kills} kills or pauses, seed {seed}, {}, {} at once", world.database_name(), world.replicas);
    let begun = Instant::now();
    world.survives(kills).await?;
    let said = world.calms_down().await?;
    println!("{}", world.counts);
    println!("{said} in {} s", begun.elapsed().as_secs());
    Ok(())
}

/// One running bot.
struct Replica {
    process: Child,
    /// It slept for long, so it may have given way to another.
    was_paused: bool,
}

/// The clusters, as people call them.
const CLUSTERS: [&str; 2] = ["production", "edge"];

/// Pretend clusters and a workspace, a database, and the bots that run.
struct World {
    chance: Chance,
    clusters: Vec<Cluster>,
    workspace: Workspace,
    /// Those with even numbers are in the first cluster.
    workloads: Vec<Workload>,
    database: testing::Guard,
    folder: tempfile::TempDir,
    /// How many run at once.
    replicas: usize,
    bots: Vec<Replica>,
    counts: Counts,
}

impl World {
    async fn start(seed: u64) -> Result<Self> {
        let (store, database) = testing::fresh().await?;
        store.close().await;
        let workspace = Workspace::start(Options::default()).await?;
        let folder = tempfile::tempdir()?;
        let then = Clock::System.now() - Duration::from_hours(3);
        let (mut clusters, mut places) = (Vec::new(), Vec::new());
        for (name, id) in CLUSTERS.iter().zip(1..) {
            let cluster = Cluster::start_as(&format!("5a4db0c5-0000-4000-8000-{id:012}")).await?;
            let file = folder.path().join(name);
            std::fs::write(&file, cluster.kubeconfig())?;
            places.push(format!("\"{name}={}\"", file.display()));
            cluster.apply_all([story::node("node-1", true, Ok(then)), story::namespace("shop", then)]);
            clusters.push(cluster);
        }
        // Everything is told by itself, at once.
        let config = format!("clusters = [{}]\n{CONFIG}", places.join(", "));
        std::fs::write(folder.path().join("k8s-monitor.toml"), config)?;
        let workloads: Vec<_> = (0..8).map(|n| deployment(&format!("shop/w-{n}"), then).replicas(2)).collect();
        for (workload, cluster) in workloads.iter().zip(clusters.iter().cycle()) {
            cluster.apply_all(workload.objects(Clock::System.now()));
        }
        Ok(Self {
            chance: Chance::new(seed),
            clusters,
            workspace,
            workloads,
            database,
            folder,
            replicas: 1,
            bots: Vec::new(),
            counts: Counts::default(),
        })
    }

    fn database_name(&self) -> &'static str {
        if self.database.url().starts_with("sqlite") { "SQLite" } else { "PostgreSQL" }
    }

    fn run(&mut self) -> Result<()> {
        let tokens = Options::default();
        let errors = std::fs::File::options().create(true).append(true).open(self.folder.path().join("log"))?;
        let bot = Command::new(env!("CARGO_BIN_EXE_k8s-monitor"))
            .arg("run")
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("DATABASE_URL", self.database.url())
            .env("SLACK_API_URL", self.workspace.base_url())
            .env("SLACK_BOT_TOKEN", &tokens.bot_token)
            .env("SLACK_APP_TOKEN", &tokens.app_token)
            .env("SLACK_CHANNEL", "alerts")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()?;
        self.bots.push(Replica { process: bot, was_paused: false });
        self.counts.starts += 1;
        Ok(())
    }

    /// As many run as there should be; one that slept may have given way, no other may have ended.
    fn all_run(&mut self) -> Result<()> {
        for at in (0..self.bots.len()).rev() {
            let Some(bot) = self.bots.get_mut(at) else { continue };
            if bot.process.try_wait()?.is_some() {
                ensure!(bot.was_paused, "a bot ended by itself: {}", self.last_words());
                self.counts.gave_way += 1;
                self.bots.remove(at);
            }
        }
        while self.bots.len() < self.replicas {
            self.run()?;
        }
        Ok(())
    }

    fn anyone(&mut self) -> usize {
        let last = u64::try_from(self.bots.len().saturating_sub(1)).unwrap_or(0);
        usize::try_from(self.chance.between(0, last)).unwrap_or(0)
    }

    /// Ends it as `kill -9` does. Who comes next would wait until its right to write expires: that time passes here at once.
    async fn kill(&mut self) -> Result<()> {
        let at = self.anyone();
        let mut bot = self.bots.remove(at).process;
        let Some(id) = bot.id() else { return Ok(()) };
        bot.kill().await?;
        self.counts.kills += 1;
        trouble::expire_leases(self.database.url(), id).await
    }

    /// One sleeps for so long that another takes over, and then goes on in the middle of what it did.
    async fn pause(&mut self) -> Result<()> {
        let at = self.anyone();
        let Some(bot) = self.bots.get_mut(at) else { return Ok(()) };
        bot.was_paused = true;
        let Some(id) = bot.process.id() else { return Ok(()) };
        signal(id, "STOP").await?;
        trouble::expire_leases(self.database.url(), id).await?;
        self.lives(1500, 4000).await?;
        self.counts.pauses += 1;
        signal(id, "CONT").await
    }

    /// Lets things happen, and kills it at some point, so many times.
    async fn survives(&mut self, kills: usize) -> Result<()> {
        for _ in 0..kills {
            self.all_run()?;
            self.lives(50, 2500).await?;
            // What ended meanwhile is not killed.
            self.all_run()?;
            if self.replicas > 1 && self.chance.between(0, 2) == 0 {
                self.pause().await?;
            } else {
                self.kill().await?;
            }
        }
        Ok(())
    }

    /// Things happen for some time between so many milliseconds.
    async fn lives(&mut self, least: u64, most: u64) -> Result<()> {
        let lives_for = Duration::from_millis(self.chance.between(least, most));
        let ends_at = Instant::now() + lives_for;
        while Instant::now() < ends_at {
            self.something_happens().await?;
            sleep(Duration::from_millis(self.chance.between(20, 400)).min(lives_for)).await;
        }
        Ok(())
    }

    async fn something_happens(&mut self) -> Result<()> {
        match self.chance.between(0, 9) {
            0..=4 => self.a_workload_changes(),
            5..=7 => trouble::of_slack(&mut self.chance, &self.workspace, &mut self.counts),
            8 => trouble::of_a_locked_database(&mut self.chance, self.database.url(), &mut self.counts).await?,
            _ => trouble::of_a_full_disk(&mut self.chance, &self.database, &mut self.counts).await?,
        }
        Ok(())
    }

    fn a_workload_changes(&mut self) {
        let now = Clock::System.now();
        let count = u64::try_from(self.workloads.len()).unwrap_or(1);
        let at = usize::try_from(self.chance.between(0, count - 1)).unwrap_or(0);
        let Some(before) = self.workloads.get(at).cloned() else { return };
        let after = match self.chance.between(0, 3) {
            0 => before.clone().healthy(),
            1 => before.clone().pods_made_anew(now - Duration::from_mins(10)).image_pull_failing(),
            _ => before
                .clone()
                .pods_made_anew(now - Duration::from_mins(10))
                .crash_looping(6, self.chance.between(0, 1) == 0),
        };
        self.changes(at, &after.change_from(Some(&before), now));
        if let Some(there) = self.workloads.get_mut(at) {
            *there = after;
        }
    }

    /// The cluster in which that workload is changes.
    fn changes(&mut self, workload: usize, edits: &[Edit]) {
        if let Some(cluster) = self.clusters.iter().cycle().nth(workload) {
            cluster.play(edits);
            self.counts.changes += 1;
        }
    }

    /// Nothing fails any more: what was to be said is said, and then it is looked at.
    async fn calms_down(&mut self) -> Result<String> {
        trouble::no_more(&self.workspace);
        self.database.works_again_if_it_fails("outbox").await?;
        let begun = Instant::now();
        loop {
            sleep(Duration::from_millis(500)).await;
            self.all_run()?;
            match verdict::of(self.database.url(), &self.workspace).await {
                Ok(said) => {
                    self.counts.doubles = self.workspace.count("chat.delete");
                    return Ok(said);
                }
                Err(why) if begun.elapsed() > QUIET_WITHIN => {
                    bail!("{why:#}\n{}\nlast lines of its log:\n{}", self.counts, self.last_words())
                }
                Err(_) => {}
            }
        }
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("log")).context("its log").unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.iter().skip(lines.len().saturating_sub(20)).copied().collect::<Vec<_>>().join("\n")
    }
}

/// Only the shell can do that without unsafe code.
async fn signal(process: u32, name: &str) -> Result<()> {
    let done = Command::new("sh").arg("-c").arg(format!("kill -{name} {process}")).status().await?;
    ensure!(done.success(), "kill -{name} {process}: {done}");
    Ok(())
}
