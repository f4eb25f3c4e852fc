//! A rollout comes in; the way back comes out, as text to copy, or to read where the way back is in Git.

#[cfg(test)]
mod tests;

use super::{
    Actor, Tool,
    gitops::address,
    rollout::{Before, Rollout},
};
use crate::incidents::ChangeSource;

/// The way back from a rollout that is in force, by itself or in those after it; None if there is none. `all` are those of its workload,
/// the newest first.
pub(super) fn undo(rollout: &Rollout, all: &[Rollout]) -> Option<String> {
    let Before::Revision(before, _) = &rollout.before else { return None };
    let (namespace, name) = (&*rollout.owner.namespace, &*rollout.owner.name);
    let kind = rollout.owner.kind.to_ascii_lowercase();
    let target = number_now(*before, all)?;
    let after: Vec<String> =
        all.iter().rev().filter(|it| it.number > rollout.number).map(|it| it.number.to_string()).collect();
    if all.iter().any(|it| it.is_current && it.number == target) || ![namespace, name, &kind].into_iter().all(is_plain)
    {
        return None;
    }
    let by_hand = |but: Option<String>| {
        let also = (!after.is_empty()).then(|| format!("takes back #{} as well", after.join(", #")));
        let notes: Vec<String> = also.into_iter().chain(but).collect();
        let notes = if notes.is_empty() { String::new() } else { format!("   ({})", notes.join("; ")) };
        format!("kubectl -n {namespace} rollout undo {kind}/{name} --to-revision={target}{notes}")
    };
    let was_by_hand =
        rollout.by.as_ref().is_some_and(|by| rollout.kept_by.as_ref().is_none_or(|it| it.tool != by.tool));
    Some(match &rollout.kept_by {
        // What is undone by hand is put back by it; what was done by hand is undone by it sooner or later.
        Some(keeper) if keeper.is_gitops() && was_by_hand => {
            by_hand(Some(format!("{} puts in place what is in Git", named(keeper))))
        }
        Some(keeper) if keeper.is_gitops() => in_git(keeper, rollout.source.as_ref()),
        // Its last release is the rollout in force, if it made that; of those before it is not known which release they were.
        Some(keeper) if keeper.tool == Tool::Helm && !was_by_hand && rollout.is_current => {
            let of_chart = rollout.source.as_ref().filter(|source| source.keeper.split([' ', '/']).all(is_word));
            let until = |it: &ChangeSource| format!("until K3s installs {} again: mend that as well", it.keeper);
            match (helm(keeper, namespace), of_chart.map(until)) {
                (Some(back), Some(until)) => format!("{back}   ({until})"),
                (Some(back), None) => back,
                (None, until) => by_hand(until),
            }
        }
        Some(keeper) if keeper.tool == Tool::K3sAddon && !was_by_hand => {
            by_hand(Some("until K3s applies its manifest again: mend that as well".to_owned()))
        }
        Some(_) | None => by_hand(None),
    })
}

/// The way back where a tool puts in place what is in Git: the commit, where it is known.
fn in_git(keeper: &Actor, source: Option<&ChangeSource>) -> String {
    let of = source.and_then(|source| {
        let repository = source.repository.as_ref().map(|url| address(url)).filter(|it| it.split('/').all(is_word));
        let place = repository.map(|it| format!(" in {it}")).unwrap_or_default();
        let path = source.path.as_ref().filter(|path| path.split('/').all(is_word));
        let path = path.map(|path| format!(", path {path}")).unwrap_or_default();
        let before = source.previous_short().filter(|before| is_word(before));
        if source.is_commit() {
            let before = before.map(|before| format!(" (before it {before})")).unwrap_or_default();
            return Some(format!("revert {}{place}{path}{before}", source.short()));
        }
        before.map(|before| format!("put version {before} back in Git"))
    });
    let what = of.unwrap_or_else(|| "revert the change in Git".to_owned());
    let waits = if source.is_some_and(|source| source.waits) { ", once somebody tells it to" } else { "" };
    format!("{what}: {} puts in place what is there{waits}", named(keeper))
}

/// Whether a word of a name or a path means nothing to a shell.
fn is_word(word: &str) -> bool {
    !word.is_empty()
        && !word.starts_with('-')
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._+:@".contains(&byte))
}

/// The number that a version has now: `kubectl rollout undo` does not know those that it had before.
fn number_now(number: u64, all: &[Rollout]) -> Option<u64> {
    let of = all.iter().find(|it| it.number == number)?;
    all.iter().filter(|it| it.revision == of.revision).map(|it| it.number).max()
}

/// `helm -n shop rollback api`, of a release that may be kept in another namespace.
fn helm(keeper: &Actor, namespace: &str) -> Option<String> {
    let of = keeper.of.as_ref()?.split(' ').next()?;
    let (namespace, release) = of.split_once('/').unwrap_or((namespace, of));
    (is_plain(namespace) && is_plain(release)).then(|| format!("helm -n {namespace} rollback {release}"))
}

/// Who keeps it, in words that may stand behind a command that is copied.
fn named(keeper: &Actor) -> String {
    match &keeper.of {
        Some(of) if of.split(['/', ' ']).all(is_plain) => keeper.to_string(),
        Some(_) | None => keeper.tool.to_string(),
    }
}

/// Whether a shell takes a word as it stands, and a command takes it as no option. The API server lets no other names of workloads and
/// namespaces pass; in an annotation that names a release anybody may write anything.
fn is_plain(word: &str) -> bool {
    let is_safe = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
    word.bytes().all(is_safe) && word.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
}
