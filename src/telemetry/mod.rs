//! Logs: one line per event on standard error, as text or JSON, at the configured level. And metrics.

mod github;
mod metrics;

use std::io::IsTerminal as _;

use anyhow::anyhow;
use tracing_subscriber::{EnvFilter, fmt};

pub use self::github::{GitHubNow, OfOutcome};
pub use self::metrics::{METRICS, Metric, Metrics, Moment, OfKind, OfReason, OfSeverity, OfState, OfWatch};
use crate::config::{Config, LogFormat, LogLevel};

/// Starts logging for the whole process; it can be done once.
pub fn start(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::new(directives(config.log_level));
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match config.log_format {
        LogFormat::Text => lines.with_target(false).with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).try_init(),
    };
    started.map_err(|why| anyhow!("logging cannot be started: {why}"))
}

/// Who is never heard, or only when something is wrong.
const SILENT: &str =
    "slack_morphism::hyper_tokio::socket_mode=off,kube_client::client::builder=off,tokio_cron_scheduler=warn";

/// What is logged at a level. Connections are never followed byte by byte: a token would be among them.
fn directives(level: LogLevel) -> String {
    let own = match level {
        LogLevel::Trace => "trace",
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
        LogLevel::Off => return "off".to_owned(),
    };
    let others = match level {
        LogLevel::Trace | LogLevel::Debug | LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error | LogLevel::Off => "error",
    };
    // At debug, slack_morphism prints whole requests and answers. What it says of its sockets has their addresses in it, and
    // with such an address anybody can listen in: we say ourselves how the sockets are. kube reports every request that fails as
    // an error of its own; each watch says once that it lost sight.
    format!("{others},k8s_monitor={own},slack_morphism={others},{SILENT}")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(LogLevel::Trace, "info,k8s_monitor=trace,slack_morphism=info")]
    #[case(LogLevel::Info, "info,k8s_monitor=info,slack_morphism=info")]
    #[case(LogLevel::Warn, "warn,k8s_monitor=warn,slack_morphism=warn")]
    #[case(LogLevel::Error, "error,k8s_monitor=error,slack_morphism=error")]
    fn the_crates_that_see_tokens_never_log_more_than_info_and_nothing_of_the_sockets(
        #[case] level: LogLevel,
        #[case] expected: &str,
    ) {
        assert_eq!(directives(level), format!("{expected},{SILENT}"));
        assert_eq!(directives(LogLevel::Off), "off");
    }
}
