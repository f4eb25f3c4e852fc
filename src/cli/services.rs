//! `services`: the catalogue held against the cluster; `services import`: the prototype's outline as `services.toml`.

use std::{fmt::Write as _, fs, path::Path, process::ExitCode};

use anyhow::{Context, bail};

use super::{Options, ServicesArguments, ServicesCommand, check, load, print, say};
use crate::{
    clock::Clock,
    cluster::{ClusterIndex, Dump, ObjectRef},
    config::Purpose,
    services::{Catalogue, Fit, Lint, Priorities, Service},
};

/// How many of the workloads that are not listed are named.
const MOST_NAMED: usize = 20;

/// Exit code 0: nothing to mend; 1: something; 2: it could not be read.
pub(super) async fn run(arguments: ServicesArguments, options: &Options) -> anyhow::Result<ExitCode> {
    if let Some(ServicesCommand::Import { file }) = &arguments.command {
        return import(file);
    }
    let config = load(options, Purpose::Look)?;
    let index = match &arguments.from {
        Some(from) => {
            let dump = Dump::load(Path::new(from))?;
            if let Some(problem) = dump.problems.first() {
                bail!("{problem}");
            }
            dump.into_index(Clock::System.now()).0
        }
        None => check::read_cluster(&config, options, None, Clock::System.now()).await?.0,
    };
    let fit = Fit::of(&config.priorities, &index);
    let file = config.services_file.as_deref();
    print(&text(&config.priorities, &fit, file, &index));
    // Why it cannot be read was said as a warning of the configuration.
    let is_unread = file.is_some() && config.priorities.catalogue().services.is_empty();
    Ok(ExitCode::from(if is_unread { 2 } else { u8::from(!fit.lints.is_empty()) }))
}

fn import(file: &Path) -> anyhow::Result<ExitCode> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let (catalogue, mut lints) = Catalogue::from_services_txt(&text);
    lints.extend(catalogue.lint());
    lints.sort();
    for lint in &lints {
        say(&in_words(lint, Some(file)));
    }
    if catalogue.services.is_empty() {
        bail!("{} lists no service", file.display());
    }
    print(&catalogue.to_toml().context("writing TOML")?);
    Ok(ExitCode::SUCCESS)
}

fn in_words(it: &Lint, file: Option<&Path>) -> String {
    let place = match (file, it.line) {
        (Some(file), line) if line > 0 => format!("{}:{line}: ", file.display()),
        _ => String::new(),
    };
    format!("{place}{}; {}", it.message, it.remedy)
}

fn text(priorities: &Priorities, fit: &Fit, file: Option<&Path>, index: &ClusterIndex) -> String {
    let services = &priorities.catalogue().services;
    let mut out = match (file, services.is_empty()) {
        (None, _) => "No catalogue is configured: set services.file (SERVICES_FILE).\n".to_owned(),
        (Some(file), true) => format!("{} lists no service.\n", file.display()),
        (Some(file), false) => format!("{} lists {}.\n", file.display(), count(services.len(), "service")),
    };
    let mut rows: Vec<(&Service, &Vec<ObjectRef>)> = services.iter().zip(&fit.of_service).collect();
    rows.sort_by_key(|(service, _)| (service.priority.is_none(), service.priority, service.line));
    let width = services.iter().map(|service| service.name.chars().count()).max().unwrap_or(0);
    for (service, workloads) in rows {
        let priority = service.priority.map_or_else(|| "--".to_owned(), |priority| priority.to_string());
        let workloads: Vec<String> = workloads.iter().map(ToString::to_string).collect();
        let stands_for = if workloads.is_empty() { "(matches nothing)".to_owned() } else { workloads.join(", ") };
        let needed_by = priorities.catalogue().needed_by(service);
        let needed_by: Vec<&str> = needed_by.iter().map(|who| who.name.as_str()).collect();
        let needed = if needed_by.is_empty() { String::new() } else { format!("; needed by {}", needed_by.join(", ")) };
        // Writing to a text cannot fail.
        let _infallible = writeln!(out, "  {priority}  {:width$}  {stands_for}{needed}", service.name);
    }
    let unlisted: Vec<String> = fit
        .unlisted
        .iter()
        .map(|(owner, priority)| priority.map_or_else(|| owner.to_string(), |p| format!("{owner} ({p})")))
        .collect();
    if !unlisted.is_empty() && !services.is_empty() {
        let more = unlisted.len().saturating_sub(MOST_NAMED);
        let named = unlisted.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join(", ");
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let _infallible = writeln!(out, "\nNot listed: {named}{more}");
    }
    let lost: Vec<String> = index.sight().lost().map(|(kind, _, _, why)| format!("{kind}: {why}")).collect();
    if !lost.is_empty() {
        let _infallible = writeln!(out, "\nCould not be seen, so more may be there: {}", lost.join("; "));
    }
    if !fit.lints.is_empty() {
        let _infallible = writeln!(out, "\nTo mend:");
        for lint in &fit.lints {
            let _infallible = writeln!(out, "  {}", in_words(lint, file));
        }
    }
    out
}

fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}
