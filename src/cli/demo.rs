//! `demo`: the unchanged bot against a pretend cluster and a pretend Slack workspace, with a page in the browser.

use std::{collections::BTreeMap, process::ExitCode, time::Duration};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

use super::print;
use crate::{
    app::Bot,
    clients::kubernetes::ClusterConfig,
    clock::Clock,
    config::{Config, Purpose, Sources},
    sandbox::{
        kubernetes::{Cluster, story},
        slack::{Options, Workspace},
    },
};

/// How often a clock that runs faster is moved.
const STEP: Duration = Duration::from_millis(50);

/// Starts the pretend world, plays the story and runs the bot until it is stopped.
pub(super) async fn run(port: u16, speed: f64) -> anyhow::Result<ExitCode> {
    anyhow::ensure!((0.1..=100.0).contains(&speed), "--speed takes a factor from 0.1 to 100");
    let clock = if (speed - 1.0).abs() < f64::EPSILON { Clock::System } else { Clock::by_hand(Clock::System.now()) };
    let workspace = Workspace::start(Options { port, clock: clock.clone(), ..Options::default() })
        .await
        .with_context(|| format!("the page cannot be served on port {port}; another one: --port 0"))?;
    let folder = std::env::temp_dir().join(format!("k8s-monitor-demo-{}", std::process::id()));
    let config = configuration(&workspace, &folder.join("demo.db").display().to_string())?;
    let cluster = Cluster::start().await.context("the pretend cluster")?;
    let mut steps = story::bad_deploy(clock.now()).into_iter();
    if let Some(first) = steps.next() {
        cluster.play(&first.changes);
        workspace.set_caption(first.caption);
    }
    let place = ClusterConfig::at(&cluster.url(), None)?;
    let bot = Bot::start(config, vec![place], clock.clone()).await?;
    print("k8s-monitor demo: a pretend cluster, a pretend Slack, the real bot");
    print(&format!("\n  Open {} in your browser\n", workspace.page_url()));
    print("In 20 seconds somebody deploys a bad version of shop/api. Watch #alerts, press Acknowledge,");
    print("type /k8s status, or reply \"why?\" in the alert's thread. Ctrl-C ends it; nothing is kept.");
    let tell = async {
        for step in steps {
            clock.sleep_until(step.at).await;
            workspace.set_caption(step.caption);
            cluster.play(&step.changes);
        }
        std::future::pending::<()>().await;
    };
    let hurry = async {
        let mut ticks = tokio::time::interval(STEP);
        loop {
            ticks.tick().await;
            clock.advance(STEP.mul_f64(speed));
        }
    };
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        () = tell => {}
        () = hurry => {}
        why = bot.ended() => print(&format!("the bot stopped by itself: {why}")),
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    bot.stop().await;
    workspace.stop();
    if let Err(error) = std::fs::remove_dir_all(&folder) {
        tracing::debug!(%error, "the demo's folder stays");
    }
    Ok(ExitCode::SUCCESS)
}

/// The configuration a person would write for this world.
fn configuration(workspace: &Workspace, database: &str) -> anyhow::Result<Config> {
    let tokens = Options::default();
    let env: BTreeMap<String, String> = [
        ("SLACK_BOT_TOKEN", tokens.bot_token.as_str()),
        ("SLACK_APP_TOKEN", tokens.app_token.as_str()),
        ("SLACK_CHANNEL", "alerts"),
        ("SLACK_API_URL", &workspace.base_url()),
        ("DATABASE_URL", &format!("sqlite:{database}")),
        ("CLUSTER_NAME", "demo"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let file = crate::config::Text {
        path: "the demo's configuration".to_owned(),
        text: "[priorities]\nP0 = [\"shop/api\", \"shop/frontend\"]\nP1 = [\"shop/db\", \"shop/redis\"]\n[http]\nlisten = \"127.0.0.1:0\"\n".to_owned(),
    };
    let sources = Sources { purpose: Purpose::Run, env, file: Some(file), ..Sources::default() };
    Ok(Config::load(&sources)?.0)
}
