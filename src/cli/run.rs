//! `run`: the bot from its configuration until it is told to stop, or for one full pass.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use super::{Options, find_cluster, load, say};
use crate::{app::Bot, clock::Clock, config::Purpose, process::parts, telemetry};

/// Starts the bot and waits for a signal (or, with `once`, for the end of one pass).
pub(super) async fn run(once: bool, options: &Options) -> anyhow::Result<ExitCode> {
    let config = load(options, Purpose::Run)?;
    telemetry::start(&config)?;
    let (place, described) = find_cluster(&config).await?;
    say(&format!("cluster: {described}"));
    let bot = Bot::start(config, place, Clock::System).await?;
    for part in parts(bot.app()) {
        match part.state {
            Ok(state) => say(&format!("{}: {state}", part.name)),
            Err(missing) => say(&format!("{} is missing: {missing}", part.name)),
        }
    }
    if once {
        let code = bot.one_pass().await?;
        bot.stop().await;
        return Ok(ExitCode::from(code));
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: finishing what is in flight");
    bot.stop().await;
    Ok(ExitCode::SUCCESS)
}
