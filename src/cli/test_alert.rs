//! `test-alert`: a marked sample in every configured channel, so that people see that alerts arrive.

use std::process::ExitCode;

use anyhow::{Context, bail};

use super::{Options, load, print};
use crate::{
    alerts::message::{self, Times},
    clients::slack::Slack,
    clock::{Clock, Now},
    config::Purpose,
};

/// Posts the sample; the exit code is 0 only if every channel took it.
pub(super) async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let config = load(options, Purpose::Post)?;
    let sample = message::test_alert(&Times {
        now: Now { at: Clock::System.now(), zone: &config.zone },
        cluster: "",
        is_one_of_many: false,
    });
    let Some(token) = config.slack.bot_token.as_ref().filter(|_| config.slack.enabled) else {
        print(&sample.plain());
        let why = if config.slack.enabled { "SLACK_BOT_TOKEN is not set" } else { "SLACK_ENABLED is false" };
        print(&format!("{why}: the sample was printed here instead of posted"));
        return Ok(ExitCode::SUCCESS);
    };
    let slack = Slack::new(&config.slack.api_url, token.clone())?;
    let channels = config.slack.all_channels();
    if channels.is_empty() {
        bail!("no channel is configured: set SLACK_CHANNEL");
    }
    for name in channels {
        let channel = slack.resolve_channel(&name).await.with_context(|| format!("channel {name}"))?;
        slack
            .post(&channel.id, None, false, &sample, "test-alert")
            .await
            .with_context(|| format!("posting in {name}"))?;
        print(&format!("posted a sample alert in {name}"));
    }
    Ok(ExitCode::SUCCESS)
}
