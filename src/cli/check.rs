//! `check`: one look at a cluster or a dump, printed.

use std::{io::IsTerminal, path::Path, process::ExitCode};

use anyhow::{Context, bail};
use jiff::Timestamp;

use super::{CheckArguments, Options, Output, find_cluster, load, print};
use crate::{
    clients::kubernetes::{Kubernetes, ReadError},
    clock::Clock,
    cluster::{ClusterIndex, Dump, History, Kind, ObjectRef, Visibility},
    config::{Config, Purpose},
    conversation::nearest,
    findings::Look,
    report::Report,
};

/// Looks once and prints; the exit code says what was found.
pub(super) async fn run(arguments: CheckArguments, options: &Options) -> anyhow::Result<ExitCode> {
    let config = load(options, Purpose::Look)?;
    let priority = |owner: &ObjectRef| config.priorities.priority_of(owner);
    let namespace = arguments.namespace.as_deref();
    let (index, history, problems, now, cluster) = if let Some(from) = &arguments.from {
        let mut dump = Dump::load(Path::new(from))?;
        let now = arguments.now.or_else(|| dump.newest()).unwrap_or_else(|| Clock::System.now());
        let mut problems = std::mem::take(&mut dump.problems);
        if dump.facts.is_empty() && problems.is_empty() {
            problems.push(dump.holds_nothing(from));
        }
        let (index, history) = dump.into_index(now);
        (index, history, problems, now, from.clone())
    } else {
        let now = arguments.now.unwrap_or_else(|| Clock::System.now());
        let (index, history, cluster) = read_cluster(&config, namespace, now).await?;
        (index, history, Vec::new(), now, cluster)
    };
    if let Some(unknown) = namespace.and_then(|namespace| unknown_namespace(&index, namespace)) {
        bail!(unknown);
    }
    let look = Look {
        index: &index,
        history: &history,
        now,
        no_grace: arguments.no_grace,
        settings: &config.settings,
        known: None,
    };
    let report = Report::of(&look, &cluster, namespace, priority).with_problems(problems);
    match arguments.output {
        Output::Json => print(&serde_json::to_string_pretty(&report.to_json()).context("writing JSON")?),
        Output::Text => print(&report.to_text(std::io::stdout().is_terminal())),
    }
    Ok(ExitCode::from(report.exit_code()))
}

/// What to say of a namespace that is not there; nothing where namespaces cannot be seen.
fn unknown_namespace(index: &ClusterIndex, namespace: &str) -> Option<String> {
    let known = index.namespaces();
    if index.sight().blind(Kind::Namespace, "").is_some() || known.contains(namespace) {
        return None;
    }
    let near = nearest(namespace, known.iter().map(String::as_str));
    let hint = if near.is_empty() {
        format!("there are {}, and none is called like it", known.len())
    } else {
        format!("did you mean {}?", near.join(" or "))
    };
    Some(format!("there is no namespace {namespace:?}; {hint}"))
}

/// Lists every kind once; what cannot be read is blind and does not stop the rest. Also returns the cluster as people call it.
async fn read_cluster(
    config: &Config,
    namespace: Option<&str>,
    now: Timestamp,
) -> anyhow::Result<(ClusterIndex, History, String)> {
    let (place, described) = find_cluster(config).await?;
    let kubernetes = Kubernetes::connect(place)?;
    let mut index = ClusterIndex::default();
    let mut history = History::default();
    for (kind, list) in kubernetes.list_all(namespace).await {
        let visibility = match list {
            Ok(listed) => {
                for transition in index.replace(kind, None, listed.facts, now).transitions {
                    history.record(transition);
                }
                Visibility::Seen(now)
            }
            Err(ReadError::NotServed { .. }) => Visibility::NotApplicable,
            Err(error) => Visibility::Blind { since: now, why: error.to_string() },
        };
        // What was read of one namespace says nothing of the others.
        index.sight_mut().set(kind, namespace.filter(|_| kind.is_namespaced()), visibility);
    }
    Ok((index, history, described))
}
