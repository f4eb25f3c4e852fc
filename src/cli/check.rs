//! `check`: one look at a cluster or a dump, printed.

use std::{collections::BTreeMap, io::IsTerminal, path::Path, process::ExitCode};

use anyhow::{Context, bail};
use jiff::Timestamp;

use super::{CheckArguments, Options, Output, find_cluster, load, print};
use crate::{
    clients::kubernetes::{Change, Kubernetes, ReadError, Scope, Watched},
    clock::Clock,
    cluster::{ClusterIndex, Dump, History, Kind, Relist, Touched, Visibility},
    config::{Config, Purpose},
    conversation::nearest,
    findings::Look,
    report::Report,
};

/// Looks once and prints; the exit code says what was found.
pub(super) async fn run(arguments: CheckArguments, options: &Options) -> anyhow::Result<ExitCode> {
    let config = load(options, Purpose::Look)?;
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
        let (index, history, cluster) = read_cluster(&config, options, namespace, now).await?;
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
    let report = Report::of(&look, &cluster, namespace, (&config.priorities, &config.policy)).with_problems(problems);
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

/// Reads everything once; what cannot be read is blind and does not stop the rest. Also returns the cluster as people call it.
pub(super) async fn read_cluster(
    config: &Config,
    options: &Options,
    namespace: Option<&str>,
    now: Timestamp,
) -> anyhow::Result<(ClusterIndex, History, String)> {
    let (place, described) = find_cluster(config, options).await?;
    let kubernetes = Kubernetes::connect(place)?;
    let (mut index, mut history) = (ClusterIndex::default(), History::default());
    let mut namespaces = config.cluster.namespaces.clone();
    if let Some(namespace) = namespace {
        // Where not everything is meant to be seen, this is all that is.
        if !namespaces.is_empty() {
            index.sight_mut().watch_only([namespace.to_owned()]);
        }
        namespaces = vec![namespace.to_owned()];
    } else {
        index.sight_mut().watch_only(namespaces.iter().cloned());
    }
    let mut lists: BTreeMap<Scope, Relist> = BTreeMap::new();
    let take = |Watched { scope, change, .. }: Watched| {
        let in_namespace = scope.namespace.as_deref();
        let mut touched = Touched::default();
        let mut visibility = None;
        match change {
            Change::Begin(_) => {
                lists.insert(scope.clone(), index.begin_list(scope.kind, in_namespace));
            }
            Change::Page(facts) => {
                let list = lists.entry(scope.clone()).or_default();
                for fact in facts {
                    touched.absorb(index.note(list, fact, now));
                }
            }
            Change::Applied { fact, .. } => touched = index.apply(fact, now),
            Change::Deleted { key, .. } => touched = index.delete(&key, now),
            Change::Listed { .. } => {
                touched = index.finish_list(lists.remove(&scope).unwrap_or_default(), now);
                visibility = Some(Visibility::Seen(now));
            }
            Change::Lost(ReadError::NotServed { .. }) => visibility = Some(Visibility::NotApplicable),
            Change::Lost(error) => visibility = Some(Visibility::Blind { since: now, why: error.to_string() }),
            Change::Bookmark(_) | Change::Live => {}
        }
        for transition in touched.transitions {
            history.record(transition);
        }
        if let Some(visibility) = visibility {
            index.sight_mut().set(scope.kind, in_namespace, visibility);
        }
    };
    kubernetes.read_once(&Scope::all(&namespaces), &Clock::System, take).await;
    Ok((index, history, described))
}
