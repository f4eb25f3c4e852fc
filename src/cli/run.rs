//! `run`: the bot from its configuration until it is told to stop, or for one full pass.

use std::{io, process::ExitCode};

use anyhow::bail;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{Options, find_clusters, load, say};
use crate::{app::Bot, clock::Clock, config::Purpose, process::parts, telemetry};

/// Starts the bot and waits for a signal (or, with `once`, for the end of one pass). A bot that stops by itself is an error.
pub(super) async fn run(once: bool, options: &Options) -> anyhow::Result<ExitCode> {
    // Before anything else: a signal while the bot starts must not be lost, nor end it in the middle.
    let mut signals = Signals::install()?;
    if let Some(name) = &options.cluster {
        bail!("`run` watches every cluster of CLUSTERS; --cluster {name} is for `check` and `services`");
    }
    let config = load(options, Purpose::Run)?;
    telemetry::start(&config)?;
    let mut places = Vec::new();
    for (place, described) in find_clusters(&config).await? {
        say(&format!("cluster: {described}"));
        places.push(place);
    }
    let stop = CancellationToken::new();
    let starting = Bot::start_unless(stop.clone(), !once, config, places, Clock::System);
    tokio::pin!(starting);
    let bot = tokio::select! {
        bot = &mut starting => bot?,
        () = signals.next() => {
            say("stopped before it had started");
            stop.cancel();
            // What has begun is ended as it should be, and the store let go.
            if let Ok(bot) = starting.await {
                bot.stop().await;
            }
            return Ok(told_to_stop(once));
        }
    };
    for part in parts(bot.app()) {
        match part.state {
            Ok(state) => say(&format!("{}: {state}", part.name)),
            Err(missing) => say(&format!("{} is missing: {missing}", part.name)),
        }
    }
    let pass = async { if once { bot.one_pass().await } else { std::future::pending().await } };
    let outcome = tokio::select! {
        code = pass => code.map(|code| Ok(ExitCode::from(code))),
        why = bot.ended() => Ok(Err(why)),
        () = signals.next() => {
            tracing::info!("stopping: finishing what is in flight");
            Ok(Ok(told_to_stop(once)))
        }
    };
    bot.stop().await;
    match outcome? {
        Ok(code) => Ok(code),
        Err(why) => bail!("the bot stopped by itself: {why}"),
    }
}

/// The exit code after a signal: one pass that did not end says nothing of the cluster.
fn told_to_stop(once: bool) -> ExitCode {
    if once { ExitCode::from(2) } else { ExitCode::SUCCESS }
}

/// What tells the bot to stop: `docker stop` and Kubernetes send the one, Ctrl-C the other.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn install() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
