//! Slack in the configuration: tokens by their shape, channels by severity, and what is missing of them.

use secrecy::{ExposeSecret as _, SecretString};

use super::{sources::Purpose, values::Values};
use crate::incidents::{Severity, escalation::EscalationStep};

/// Slack.
#[derive(Clone, Debug, Default)]
pub struct SlackConfig {
    /// Whether the bot talks to Slack.
    pub enabled: bool,
    /// `xoxb-...`.
    pub bot_token: Option<SecretString>,
    /// `xapp-...`.
    pub app_token: Option<SecretString>,
    /// Channels by id or name (without `#`), for every severity without its own.
    pub channels: Vec<String>,
    /// Channels of SEV-1, SEV-2 and SEV-3; empty means `channels`.
    pub by_severity: [Vec<String>; 3],
    /// Channels that are called when nobody acknowledges.
    pub of_escalation: Vec<String>,
    /// Address of the Web API, without a slash at its end.
    pub api_url: String,
}

impl SlackConfig {
    /// Where alerts of that severity go. Nothing is posted for SEV-4.
    pub fn channels_for(&self, severity: Severity) -> &[String] {
        let [first, second, third] = &self.by_severity;
        let own = match severity {
            Severity::Sev1 => first,
            Severity::Sev2 => second,
            Severity::Sev3 => third,
            Severity::Sev4 => return &[],
        };
        if own.is_empty() { &self.channels } else { own }
    }

    /// Every channel that is named, once.
    pub fn all_channels(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for channel in self.channels.iter().chain(self.by_severity.iter().flatten()).chain(&self.of_escalation) {
            if !all.contains(channel) {
                all.push(channel.clone());
            }
        }
        all
    }
}

/// Reads the section; what is missing of it is a mistake if the bot needs it.
pub(super) fn read(values: &mut Values<'_>, purpose: Purpose, escalation: &[EscalationStep]) -> SlackConfig {
    let enabled = values.yes_or_no("slack.enabled");
    let bot_token = token(values, "slack.bot_token", "xoxb-");
    let app_token = token(values, "slack.app_token", "xapp-");
    let config = SlackConfig {
        enabled,
        bot_token,
        app_token,
        channels: channels(values, "slack.channel"),
        by_severity: ["slack.channel_sev1", "slack.channel_sev2", "slack.channel_sev3"].map(|k| channels(values, k)),
        of_escalation: escalation.iter().filter_map(EscalationStep::channel).map(str::to_owned).collect(),
        api_url: values.address("slack.api_url"),
    };
    if enabled && matches!(purpose, Purpose::Post | Purpose::Run) {
        judge_slack(values, &config, purpose);
    }
    config
}

/// Slack is configured as far as it is needed, or not at all: then alerts are printed. Half of it is a mistake.
fn judge_slack(values: &mut Values<'_>, config: &SlackConfig, purpose: Purpose) {
    let mistaken = |values: &Values<'_>, key: &str| values.problems.iter().any(|p| p.key == key);
    let no_channel = config.all_channels().is_empty();
    let is_meant = config.bot_token.is_some()
        || config.app_token.is_some()
        || !no_channel
        || values.problems.iter().any(|p| p.key.starts_with("slack."));
    if !is_meant {
        let remedy = "set SLACK_BOT_TOKEN, SLACK_APP_TOKEN and SLACK_CHANNEL, or SLACK_ENABLED=false if that is meant";
        return values.warn("slack.bot_token", "is not set, so alerts are printed and nothing is posted", remedy);
    }
    if config.bot_token.is_none() && !mistaken(values, "slack.bot_token") {
        let remedy = "set SLACK_BOT_TOKEN: the Bot User OAuth Token of your Slack app, xoxb-...";
        values.problem("slack.bot_token", "is missing", remedy);
    }
    if no_channel && !mistaken(values, "slack.channel") {
        let remedy = "set SLACK_CHANNEL to the id or name of a channel the bot is a member of";
        values.problem("slack.channel", "is missing", remedy);
    }
    // The prototype had no such token; its settings go on posting.
    let is_posting = config.bot_token.is_some() && purpose == Purpose::Run;
    if is_posting && config.app_token.is_none() && !mistaken(values, "slack.app_token") {
        let message = "is not set, so alerts are posted, but commands, buttons and threads do not work";
        let remedy = "set SLACK_APP_TOKEN: an app-level token with connections:write, xapp-...";
        values.warn("slack.app_token", message, remedy);
    }
}

/// A token of Slack by its shape; a swapped or foreign one is named without being shown.
fn token(values: &mut Values<'_>, key: &str, prefix: &str) -> Option<SecretString> {
    let token = values.secret(key)?;
    let text = token.expose_secret();
    if !text.starts_with(prefix) {
        let is = match text.split_once('-').map(|(kind, _)| kind) {
            Some("xoxb") => "is a bot token (xoxb-)",
            Some("xapp") => "is an app-level token (xapp-)",
            Some("xoxp") => "is a user token (xoxp-)",
            Some("xoxe" | "xoxa") => "is a configuration or legacy token",
            _ => "does not look like a token of Slack",
        };
        let remedy = match is {
            "is a bot token (xoxb-)" | "is an app-level token (xapp-)" => {
                "the two tokens are swapped: SLACK_BOT_TOKEN is xoxb-..., SLACK_APP_TOKEN is xapp-...".to_owned()
            }
            _ => format!("write the token that begins with {prefix}"),
        };
        values.problem(key, is, remedy);
    } else if text.contains(char::is_whitespace) || text.len() < prefix.len() + 4 {
        values.problem(key, "is not whole", "copy the token again, in one line");
    }
    Some(token)
}

fn channels(values: &mut Values<'_>, key: &str) -> Vec<String> {
    let written = values.list(key);
    let mut channels = Vec::new();
    for name in written.iter().map(|c| c.trim_start_matches('#')) {
        if !is_channel(name) {
            values.problem(
                key,
                format!("{name:?} is not a channel"),
                "write its name in lower case (alerts) or its id (C0123456789)",
            );
        } else if !channels.iter().any(|c| c == name) {
            channels.push(name.to_owned());
        }
    }
    channels
}

/// Whether it can be the id or the name of a channel.
pub(super) fn is_channel(name: &str) -> bool {
    let is_id = name.len() >= 9
        && name.starts_with(['C', 'G', 'D'])
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let is_name =
        !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_uppercase() || "@<>/".contains(c));
    is_id || is_name
}
