//! The configuration: compiled-in defaults, a file, `.env`, the environment and flags become one checked value, or every problem at once.

mod checks;
mod clusters;
mod escalation;
mod gather;
mod hours;
pub mod keys;
mod policy;
mod priorities;
mod problem;
mod sources;
mod table;
mod values;

use std::{net::SocketAddr, path::PathBuf};

use jiff::{SignedDuration, tz::TimeZone};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    findings::Settings,
    incidents::{Hours, Policy, Severity, escalation::EscalationStep},
    schedule::{CronLine, Schedule},
    services::Priorities,
};
pub use clusters::{ClusterEntry, ClusterPlace};
use gather::{Gathered, gather};
pub use priorities::read_catalogue;
pub use problem::{ConfigErrors, Place, Problem, Warning};
pub use sources::{Purpose, Sources, Text};
pub use table::Row;
use values::Values;

#[cfg(test)]
mod documents;
#[cfg(test)]
mod tests;

/// Which cluster.
#[derive(Clone, Debug, Default)]
pub struct ClusterConfig {
    /// As people call it.
    pub name: Option<String>,
    /// `KUBECONFIG` as written: one path, or several as kubectl separates them.
    pub kubeconfig: Option<String>,
    /// The context of the kubeconfig.
    pub context: Option<String>,
    /// The namespaces that are watched; none means all.
    pub namespaces: Vec<String>,
    /// The home folder, where kubectl's configuration is.
    pub home: Option<PathBuf>,
    /// `KUBERNETES_SERVICE_HOST`: set inside a cluster.
    pub service_host: Option<String>,
    /// `KUBERNETES_SERVICE_PORT`: set inside a cluster.
    pub service_port: Option<String>,
}

/// When alerts leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detection {
    /// As soon as something is wrong.
    #[default]
    Watch,
    /// At monitoring passes only.
    Schedule,
}

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

/// An API with a key.
#[derive(Clone, Debug, Default)]
pub struct ApiConfig {
    /// Its token or key.
    pub token: Option<SecretString>,
    /// Its address, without a slash at its end.
    pub url: String,
}

/// How much is logged. Python's names are understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants say what they are")]
pub enum LogLevel {
    Trace,
    Debug,
    #[default]
    Info,
    Warn,
    Error,
    Off,
}

/// Lines for people or for collectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants say what they are")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Everything that can be configured, checked.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the types say what the fields hold; default.toml explains every key")]
pub struct Config {
    /// Several clusters; none: there is one, as `cluster` says.
    pub clusters: Vec<ClusterEntry>,
    pub cluster: ClusterConfig,
    pub detection: Detection,
    pub schedule: Schedule,
    /// How long the first message of a problem waits for its cause or company.
    pub first_post_wait: SignedDuration,
    /// From so many new problems within [`crate::incidents::digest::STORM_WITHIN`] on they are told in one message.
    pub storm_from: usize,
    /// After what time who acknowledged something is reminded that it is still wrong; None: never.
    pub reminds_after: Option<SignedDuration>,
    /// The zone of the cron line, of the business hours, and in which people are told times.
    pub zone: TimeZone,
    /// When what can wait is told.
    pub hours: Hours,
    /// Who is called, one after the other, as long as nobody acknowledges.
    pub escalation: Vec<EscalationStep>,
    /// The address that is called.
    pub webhook: Option<SecretString>,
    /// `PagerDuty`'s Events API and the key of a service.
    pub pagerduty: ApiConfig,
    pub slack: SlackConfig,
    pub github: ApiConfig,
    pub anthropic: ApiConfig,
    pub priorities: Priorities,
    /// How bad what is.
    pub policy: Policy,
    pub services_file: Option<PathBuf>,
    /// How the checks are set, and what is to be left alone.
    pub settings: Settings,
    pub database_url: SecretString,
    pub http_listen: Option<SocketAddr>,
    pub log_level: LogLevel,
    pub log_format: LogFormat,
    pub log_dir: Option<PathBuf>,
    /// Every key with its value and where it came from, secrets masked.
    pub table: Vec<Row>,
}

const LEVELS: [(&str, LogLevel); 10] = [
    ("trace", LogLevel::Trace),
    ("debug", LogLevel::Debug),
    ("info", LogLevel::Info),
    ("warning", LogLevel::Warn),
    ("error", LogLevel::Error),
    ("off", LogLevel::Off),
    ("warn", LogLevel::Warn),
    ("critical", LogLevel::Error),
    ("fatal", LogLevel::Error),
    ("notset", LogLevel::Trace),
];

impl Config {
    /// Checks everything; either a configuration with what is worth knowing, or every problem.
    pub fn load(sources: &Sources) -> Result<(Self, Vec<Warning>), ConfigErrors> {
        let gathered: Gathered = gather(sources);
        let mut values = Values::new(gathered, &sources.named_files);
        let zone = zone(&mut values);
        let schedule = schedule(&mut values, zone.clone());
        let webhook = values.secret("escalation.webhook_url");
        let pagerduty = ApiConfig {
            token: values.secret("escalation.pagerduty_key"),
            url: values.address("escalation.pagerduty_url"),
        };
        let escalation = escalation::read(&mut values, webhook.is_some(), pagerduty.token.is_some());
        let slack = slack(&mut values, sources.purpose, &escalation);
        let services_file = values.path("services.file");
        let mut config = Self {
            clusters: clusters::read(&mut values),
            cluster: ClusterConfig {
                name: values.text("cluster.name"),
                kubeconfig: values.text("cluster.kubeconfig"),
                context: values.text("cluster.context"),
                namespaces: namespaces(&mut values),
                home: sources.env.get("HOME").map(PathBuf::from),
                service_host: sources.env.get("KUBERNETES_SERVICE_HOST").cloned(),
                service_port: sources.env.get("KUBERNETES_SERVICE_PORT").cloned(),
            },
            detection: values
                .choice("monitoring.detection", &[("watch", Detection::Watch), ("schedule", Detection::Schedule)]),
            schedule,
            first_post_wait: values.seconds("alerts.first_post_wait", 60),
            storm_from: values.number("alerts.storm_from", 3, 1000).into(),
            reminds_after: Some(values.duration("alerts.reminder_after", (0, 30 * 86_400)))
                .filter(|after| !after.is_zero()),
            hours: hours::read(&mut values, zone.clone()),
            zone,
            escalation,
            webhook,
            pagerduty,
            slack,
            github: ApiConfig { token: values.secret("github.token"), url: values.address("github.api_url") },
            anthropic: ApiConfig {
                token: values.secret("anthropic.api_key"),
                url: values.address("anthropic.base_url"),
            },
            priorities: priorities::read(&mut values, services_file.as_deref(), &sources.named_files),
            policy: policy::read(&mut values),
            services_file,
            settings: checks::read(&mut values),
            database_url: database(&mut values),
            http_listen: values.socket("http.listen"),
            log_level: values.choice("log.level", &LEVELS),
            log_format: values.choice("log.format", &[("text", LogFormat::Text), ("json", LogFormat::Json)]),
            log_dir: values.path("log.dir"),
            table: Vec::new(),
        };
        config.table = table::rows(&values);
        config.table.extend(checks::rows(&values, &config.settings));
        let Values { mut problems, mut warnings, .. } = values;
        if sources.purpose == Purpose::Look {
            warnings.extend(problems.extract_if(.., |problem| !is_looked_with(&problem.key)));
        }
        if problems.is_empty() { Ok((config, warnings)) } else { Err(ConfigErrors { problems, warnings }) }
    }

    /// The table of every key, for people.
    pub fn explain(&self) -> String {
        table::print(&self.table)
    }
}

/// Whether one look at a cluster uses the key; what is no key (a file, a section nobody knows) counts as used.
fn is_looked_with(key: &str) -> bool {
    !["slack.", "escalation.", "alerts.", "monitoring.", "github.", "anthropic.", "store.", "http."]
        .iter()
        .any(|unused| key.starts_with(unused))
}

/// Names of namespaces, each once.
fn namespaces(values: &mut Values<'_>) -> Vec<String> {
    let key = "cluster.namespaces";
    let mut all: Vec<String> = Vec::new();
    for name in values.list(key) {
        let is_inside = |at: usize| at > 0 && at + 1 < name.len();
        let is_good =
            |(at, c): (usize, char)| c.is_ascii_lowercase() || c.is_ascii_digit() || (c == '-' && is_inside(at));
        if name.len() > 63 || !name.char_indices().all(is_good) {
            let remedy = "write names of namespaces in lower case: [\"shop\", \"data\"]";
            values.problem(key, format!("{name:?} is not the name of a namespace"), remedy);
        } else if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

/// The zone of the cron line, of the business hours, and in which people are told times.
fn zone(values: &mut Values<'_>) -> TimeZone {
    let zone_name = values.text("monitoring.timezone").unwrap_or_else(|| "UTC".to_owned());
    TimeZone::get(&zone_name).unwrap_or_else(|_| {
        let remedy = "write a name of the IANA database: Europe/Berlin, America/New_York, UTC";
        values.problem("monitoring.timezone", format!("{zone_name:?} is not a time zone"), remedy);
        TimeZone::UTC
    })
}

fn schedule(values: &mut Values<'_>, zone: TimeZone) -> Schedule {
    let minutes = values.number("monitoring.interval_minutes", 1, 1440);
    let Some(line) = values.text("monitoring.schedule") else {
        return Schedule::Every { minutes };
    };
    if values.place("monitoring.interval_minutes").is_some_and(|p| p != Place::Default) {
        let message = "is ignored because monitoring.schedule is set";
        values.warn("monitoring.interval_minutes", message, "remove one of them");
    }
    match CronLine::parse(&line, zone) {
        Ok(line) => Schedule::Cron(Box::new(line)),
        Err(why) => {
            values.problem("monitoring.schedule", format!("{line:?} is not a cron line"), why.to_string());
            Schedule::default()
        }
    }
}

fn slack(values: &mut Values<'_>, purpose: Purpose, escalation: &[EscalationStep]) -> SlackConfig {
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
fn is_channel(name: &str) -> bool {
    let is_id = name.len() >= 9
        && name.starts_with(['C', 'G', 'D'])
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let is_name =
        !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_uppercase() || "@<>/".contains(c));
    is_id || is_name
}

fn database(values: &mut Values<'_>) -> SecretString {
    let key = "store.database_url";
    let url = values.secret(key).unwrap_or_default();
    let known = ["sqlite:", "postgres://", "postgresql://"].iter().any(|s| url.expose_secret().starts_with(s));
    if !known && !values.problems.iter().any(|p| p.key == key) {
        let remedy = "write sqlite:FILE, or postgres://user:password@host/database";
        values.problem(key, "names no database that is supported", remedy);
    }
    url
}
