//! The configuration: compiled-in defaults, a file, `.env`, the environment and flags become one checked value, or every problem at once.

mod checks;
mod clusters;
mod escalation;
mod gather;
mod github;
mod hours;
pub mod keys;
mod policy;
mod priorities;
mod problem;
mod slack;
mod sources;
mod table;
mod values;

use std::{net::SocketAddr, path::PathBuf};

use jiff::{SignedDuration, tz::TimeZone};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    findings::Settings,
    incidents::{Hours, Policy, Priority, escalation::EscalationStep},
    schedule::{CronLine, Schedule},
    services::Priorities,
    store::Retention,
};
pub use clusters::{ClusterEntry, ClusterPlace};
use gather::{Gathered, gather};
pub use github::{GitHubConfig, GitHubCredentials};
pub use priorities::read_catalogue;
pub use problem::{ConfigErrors, Place, Problem, Warning};
pub use slack::SlackConfig;
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
    /// Of what matters so much it is told when a rollout begins; None: of nothing.
    pub rollout_notes: Option<Priority>,
    /// When what can wait is told.
    pub hours: Hours,
    /// Who is called, one after the other, as long as nobody acknowledges.
    pub escalation: Vec<EscalationStep>,
    /// The address that is called.
    pub webhook: Option<SecretString>,
    /// `PagerDuty`'s Events API and the key of a service.
    pub pagerduty: ApiConfig,
    pub slack: SlackConfig,
    pub github: GitHubConfig,
    pub anthropic: ApiConfig,
    pub priorities: Priorities,
    /// How bad what is.
    pub policy: Policy,
    pub services_file: Option<PathBuf>,
    /// How the checks are set, and what is to be left alone.
    pub settings: Settings,
    pub database_url: SecretString,
    /// How long is kept what people may want to look back on.
    pub retention: Retention,
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
        escalation::judge_key(&mut values, pagerduty.token.as_ref());
        let escalation = escalation::read(&mut values, webhook.is_some(), pagerduty.token.is_some());
        let slack = slack::read(&mut values, sources.purpose, &escalation);
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
            rollout_notes: values.choice(
                "alerts.rollout_notes",
                &[("off", None), ("P0", Some(Priority::P0)), ("P1", Some(Priority::P1))],
            ),
            hours: hours::read(&mut values, zone.clone()),
            zone,
            escalation,
            webhook,
            pagerduty,
            slack,
            github: github::read(&mut values),
            anthropic: ApiConfig {
                token: values.secret("anthropic.api_key"),
                url: values.address("anthropic.base_url"),
            },
            priorities: priorities::read(&mut values, services_file.as_deref(), &sources.named_files),
            policy: policy::read(&mut values),
            services_file,
            settings: checks::read(&mut values),
            database_url: database(&mut values),
            retention: Retention {
                incidents: values.number("store.keep_incidents_days", 7, 3650),
                passes: values.number("store.keep_passes_days", 1, 365),
            },
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
