//! What a tool says of itself comes in; what people are told of it beside the changes comes out.

use jiff::{SignedDuration, Timestamp};

use super::{KeeperKind, Source, brought::change_source, repository};
use crate::{
    findings::cap,
    incidents::{CHANGES_WITHIN, ChangeSource, Changed, in_words},
};

/// Longest reason of a failure, in characters.
const LONGEST: usize = 200;

/// Adds what the object that keeps a workload says of itself, and why some of that is not known.
pub fn told(changed: Changed, source: Option<&Source>, unknown: Option<&str>, began: Timestamp) -> Changed {
    let all: Vec<&Source> = source.into_iter().chain(source.and_then(|it| it.from.as_deref())).collect();
    let failure = |it: &&Source| {
        let failure = it.failure.as_ref()?;
        let when = failure.at.map(|at| format!(" {}", when(at, began))).unwrap_or_default();
        let text = format!("{}: sync failed{when}: {}", it.keeper, cap(&failure.message, LONGEST));
        let is_recent = failure.at.is_none_or(|at| began.duration_since(at) <= CHANGES_WITHIN);
        Some((is_recent, text))
    };
    let (recent, old): (Vec<_>, Vec<_>) = all.iter().filter_map(failure).partition(|(is_recent, _)| *is_recent);
    let runs = source.and_then(|source| {
        let of = source.from.as_deref().filter(|from| !from.applied.is_empty()).unwrap_or(source);
        let newest = change_source(source, of, of.applied.first()?);
        let is_told =
            changed.suspects.iter().any(|it| it.source.as_ref().is_some_and(|it| it.revision == newest.revision));
        (!is_told).then(|| format!("{} runs {}, applied {}", newest.keeper, place(&newest), when(newest.at, began)))
    });
    let states = all.iter().flat_map(|it| states(it));
    let notes = runs.into_iter().chain(states).chain(old.into_iter().map(|(_, text)| text));
    let notes = notes.chain(unknown.map(str::to_owned)).collect();
    Changed { sync_failed: recent.into_iter().map(|(_, text)| text).next(), notes, ..changed }
}

/// What is in Git and not in force.
fn states(source: &Source) -> Vec<String> {
    let differs = source.sync.as_deref() == Some("OutOfSync");
    let differs = differs.then(|| format!("{} is out of sync: what is in Git is not what runs", source.keeper));
    let waits = source.waits.then(|| match source.keeper.kind {
        KeeperKind::ArgoCdApplication => format!("{} syncs only when somebody says so", source.keeper),
        KeeperKind::FluxKustomization | KeeperKind::FluxHelmRelease | KeeperKind::K3sHelmChart => {
            format!("{} is suspended: what is in Git is not put in place", source.keeper)
        }
    });
    differs.into_iter().chain(waits).collect()
}

/// `3 min before it began`, `2 min after it began`.
fn when(at: Timestamp, began: Timestamp) -> String {
    let ago = began.duration_since(at);
    if ago.abs() < SignedDuration::from_secs(1) {
        return "as it began".to_owned();
    }
    format!("{} {} it began", in_words(ago.abs()), if ago.is_positive() { "before" } else { "after" })
}

/// `commit abc1234 of github.com/acme/gitops, path apps/shop (before it 9f3c2ab)`.
pub(in crate::changes) fn place(source: &ChangeSource) -> String {
    let of = source.repository.as_ref().map(|url| format!(" of {}", address(url))).unwrap_or_default();
    let path = source.path.as_ref().map(|path| format!(", path {path}")).unwrap_or_default();
    let before = source.previous_short().map(|before| format!(" (before it {before})")).unwrap_or_default();
    let commit = if source.is_commit() { "commit " } else { "" };
    format!("{commit}{}{of}{path}{before}", source.short())
}

/// A repository as people write it: `github.com/acme/gitops`.
pub(in crate::changes) fn address(url: &str) -> String {
    match repository(url) {
        Some(found) => format!("{}/{}", found.host, found.name),
        None => url.trim_start_matches("https://").trim_end_matches('/').to_owned(),
    }
}
