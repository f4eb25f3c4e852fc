//! The command line: what each subcommand takes, and which file runs it.

mod backup;
mod check;
mod checks;
mod config;
#[cfg(feature = "sandbox")]
mod demo;
mod explain;
mod history;
mod run;
mod services;
mod stored;
mod test_alert;

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand, ValueEnum};

use crate::{
    clients::kubernetes::{self, ClusterConfig, Found, Places},
    config::{ClusterEntry, ClusterPlace, Config, Purpose, Sources},
    conversation::nearest,
};

/// Watches Kubernetes clusters, posts one clear alert in Slack when something that matters breaks, and answers there.
#[derive(Debug, Parser)]
#[command(name = "k8s-monitor", version, arg_required_else_help = true)]
pub struct Arguments {
    /// Configuration file (default: ./k8s-monitor.toml if it is there).
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The kubeconfig context to use.
    #[arg(long, global = true, value_name = "NAME")]
    pub context: Option<String>,
    /// The cluster to look at, where several are configured.
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "context")]
    pub cluster: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// One look at a cluster or a dump, printed. Exit code: 0 nothing wrong, 1 something wrong, 2 could not see.
    Check(CheckArguments),
    /// What is looked for: a table of the checks, or one of them in full.
    Checks {
        /// The check to explain: crash-loop.
        name: Option<String>,
    },
    /// The bot: watches, alerts and answers until it is stopped.
    Run {
        /// One full monitoring pass, everything sent, then exit.
        #[arg(long)]
        once: bool,
    },
    /// Prints the configuration in force and where each value came from; secrets are masked.
    Config {
        /// Only judges the configuration, as `run` does: exit code 0 or 2.
        #[arg(long)]
        check: bool,
    },
    /// Who matters: the catalogue of services held against a cluster or a dump. Exit code: 0 nothing to mend, 1 something, 2 could not see.
    Services(ServicesArguments),
    /// How the severity of an incident was reached, step by step: `explain INC-2026-11-24-001`, or only its end.
    Explain {
        /// The incident.
        incident: String,
    },
    /// How often something was wrong, how long, how soon somebody took care: of everything, or of a service, workload or namespace.
    History {
        /// The service, workload or namespace.
        of: Option<String>,
        /// How many days to look back.
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=365))]
        days: u16,
    },
    /// Writes a copy of the SQLite database, also while the bot runs.
    Backup {
        /// The file to write; it must not be there yet.
        file: PathBuf,
    },
    /// Posts a marked sample alert in the configured channels.
    TestAlert,
    /// The whole product in a pretend world: a cluster, a bad deploy and a Slack workspace in your browser.
    #[cfg(feature = "sandbox")]
    Demo {
        /// Port of the page (0: any free one).
        #[arg(long, default_value_t = 8787)]
        port: u16,
        /// How much faster than real time the story goes.
        #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
        speed: f64,
    },
}

/// What `check` takes.
#[derive(Debug, clap::Args)]
pub struct CheckArguments {
    /// A dump instead of a cluster: a file, a folder, or - for standard input (`kubectl get -A -o json ...`).
    #[arg(long, value_name = "FILE|DIR|-")]
    pub from: Option<String>,
    /// Only this namespace.
    #[arg(short, long)]
    pub namespace: Option<String>,
    /// How to print.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
    /// Ignore waiting times: say what looks wrong at once.
    #[arg(long)]
    pub no_grace: bool,
    /// The time to judge by (RFC 3339); of a dump by default its newest timestamp.
    #[arg(long, value_name = "TIME")]
    pub now: Option<jiff::Timestamp>,
}

/// What `services` takes.
#[derive(Debug, clap::Args)]
pub struct ServicesArguments {
    /// A dump instead of a cluster: a file, a folder, or - for standard input.
    #[arg(long, value_name = "FILE|DIR|-")]
    pub from: Option<String>,
    /// What else.
    #[command(subcommand)]
    pub command: Option<ServicesCommand>,
}

/// What is done with a file of services.
#[derive(Debug, Subcommand)]
pub enum ServicesCommand {
    /// Prints the prototype's services.txt as services.toml; what had to be guessed is said on standard error.
    Import {
        /// The services.txt.
        file: PathBuf,
    },
}

/// How `check` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For a person.
    Text,
    /// For a program; the schema is documented in the README.
    Json,
}

/// What every subcommand takes.
#[derive(Debug, Default)]
pub(crate) struct Options {
    config: Option<PathBuf>,
    context: Option<String>,
    cluster: Option<String>,
}

/// Runs a subcommand. Errors are printed once, here.
pub async fn run(arguments: Arguments) -> ExitCode {
    // Every TLS client of the process uses ring; a second call would only say that it is already there.
    drop(rustls::crypto::ring::default_provider().install_default());
    let options = Options { config: arguments.config, context: arguments.context, cluster: arguments.cluster };
    let result = match arguments.command {
        Command::Check(check) => check::run(check, &options).await,
        Command::Checks { name } => checks::run(name.as_deref()),
        Command::Run { once } => Box::pin(run::run(once, &options)).await,
        Command::Config { check } => config::run(check, &options),
        Command::Services(services) => services::run(services, &options).await,
        Command::Explain { incident } => explain::run(&incident, &options).await,
        Command::History { of, days } => history::run(of.as_deref(), days, &options).await,
        Command::Backup { file } => backup::run(&file, &options).await,
        Command::TestAlert => test_alert::run(&options).await,
        #[cfg(feature = "sandbox")]
        Command::Demo { port, speed } => demo::run(port, speed).await,
    };
    result.unwrap_or_else(|error| {
        say(&format!("error: {error:#}"));
        ExitCode::from(2)
    })
}

/// The configuration in force; its warnings are printed.
fn load(options: &Options, purpose: Purpose) -> anyhow::Result<Config> {
    let flags = [("cluster.context", "--context", options.context.as_deref())];
    let sources = Sources::from_process(purpose, options.config.as_deref(), &flags);
    let (config, warnings) = Config::load(&sources)?;
    for warning in warnings {
        say(&format!("warning: {warning}"));
    }
    Ok(config)
}

/// Where a cluster may be.
fn places(config: &Config) -> Places {
    Places {
        context: config.cluster.context.clone(),
        kubeconfig: config.cluster.kubeconfig.clone(),
        home: config.cluster.home.clone(),
        service_host: config.cluster.service_host.clone(),
        service_port: config.cluster.service_port.clone(),
        ..Places::default()
    }
}

/// Where every configured cluster is, with a word on each; what was tried before is printed as warnings.
async fn find_clusters(config: &Config) -> anyhow::Result<Vec<(ClusterConfig, String)>> {
    if config.clusters.is_empty() {
        return Ok(vec![find(&places(config)).await?]);
    }
    let mut found = Vec::new();
    for entry in &config.clusters {
        found.push(find_entry(config, entry).await?);
    }
    Ok(found)
}

async fn find_entry(config: &Config, entry: &ClusterEntry) -> anyhow::Result<(ClusterConfig, String)> {
    let places = places(config);
    let found = match &entry.place {
        ClusterPlace::Inside => kubernetes::find_inside(&places),
        ClusterPlace::Context(context) => kubernetes::find(&Places { context: Some(context.clone()), ..places }).await,
        ClusterPlace::Kubeconfig(file) => kubernetes::find_in(file).await,
    };
    let found = found.with_context(|| format!("the cluster `{}`", entry.name))?;
    let (cluster, described) = said(found);
    Ok((cluster.named(&entry.name), format!("{}: {described}", entry.name)))
}

async fn find(places: &Places) -> anyhow::Result<(ClusterConfig, String)> {
    Ok(said(kubernetes::find(places).await?))
}

/// The cluster with a word on it; what was passed over is printed.
fn said(found: Found) -> (ClusterConfig, String) {
    for warning in &found.warnings {
        say(&format!("warning: {warning}"));
    }
    (found.config, found.described)
}

/// Where the one cluster is that is to be looked at.
async fn find_cluster(config: &Config, options: &Options) -> anyhow::Result<(ClusterConfig, String)> {
    let names = || config.clusters.iter().map(|entry| entry.name.as_str());
    match (&options.cluster, config.clusters.as_slice()) {
        // A context that was named on the command line is meant, whatever is configured.
        _ if options.context.is_some() => find(&places(config)).await,
        (None, []) => find(&places(config)).await,
        (None, [only]) => find_entry(config, only).await,
        (None, _) => {
            bail!("several clusters are configured; say which: --cluster {}", names().collect::<Vec<_>>().join(" or "))
        }
        (Some(wanted), []) => bail!(
            "no clusters are configured (CLUSTERS), so there is no {wanted:?}; --context chooses one of the kubeconfig"
        ),
        (Some(wanted), all) => {
            if let Some(entry) = all.iter().find(|entry| entry.name == *wanted) {
                return find_entry(config, entry).await;
            }
            let near = nearest(wanted, names());
            let all = names().collect::<Vec<_>>().join(", ");
            let hint = if near.is_empty() { all } else { format!("did you mean {}?", near.join(" or ")) };
            bail!("no cluster {wanted:?} is configured; {hint}")
        }
    }
}

/// Prints a line for the person at the terminal, beside the output proper.
fn say(line: &str) {
    // There is nowhere else to say that nobody can be told.
    writeln!(std::io::stderr(), "{line}").ok();
}

/// Prints the output proper. A reader that has enough (`| head`) closes it, which is no error.
fn print(text: &str) {
    match writeln!(std::io::stdout(), "{}", text.trim_end()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => say(&format!("error: printing: {error}")),
        Ok(()) | Err(_) => {}
    }
}
