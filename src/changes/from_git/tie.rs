//! A rollout and commits come in; the commit that brought it, and how sure that is, come out: by what both changed, else by the time.

use jiff::{SignedDuration, Timestamp};

use super::Brought;
use crate::changes::{
    Difference, Field,
    correlation::SKEW,
    deployed::CommitFile,
    rollout::{Before, Rollout},
};

/// What was committed so long before a rollout may be it although nothing else says so.
const SOON: SignedDuration = SignedDuration::from_hours(1);
/// Values shorter than this say something only next to their name.
const TELLING: usize = 3;

/// How a commit belongs to a rollout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tie {
    /// It is what the tool that keeps the workload put in place with it.
    Synced,
    /// Its patch changes the same values in the same way.
    SameDifference,
    /// It was the last one before it.
    Before,
}

/// The commit that brought a rollout; commits are given the newest first.
pub fn tie<'a>(rollout: &Rollout, commits: &'a [Brought]) -> Option<(&'a Brought, Tie)> {
    let before = || candidates(rollout, commits);
    let synced = rollout.source.as_ref().map(|source| source.revision.as_str());
    if let Some(synced) = commits.iter().find(|it| Some(it.commit.sha.as_str()) == synced) {
        return Some((synced, Tie::Synced));
    }
    if let Before::Revision(_, differences) = &rollout.before
        && let Some(same) = before().find(|commit| is_same(differences, commit))
    {
        return Some((same, Tie::SameDifference));
    }
    // What was read and makes another difference is not it.
    let may_be = |commit: &&Brought| commit.files.is_none() || !tells(rollout);
    let is_soon =
        |commit: &&Brought| commit.commit.committed_at.is_some_and(|at| rollout.at.duration_since(at) <= SOON);
    before().filter(is_soon).find(may_be).map(|commit| (commit, Tie::Before))
}

/// The commits that may have brought a rollout, the newest first: those before it.
pub fn candidates<'a>(rollout: &Rollout, commits: &'a [Brought]) -> impl Iterator<Item = &'a Brought> + use<'a> {
    let until = rollout.at.checked_add(SKEW).unwrap_or(Timestamp::MAX);
    commits.iter().filter(move |commit| commit.is_known_before(until))
}

/// Whether what a rollout changed can be found in a patch at all.
fn tells(rollout: &Rollout) -> bool {
    let Before::Revision(_, differences) = &rollout.before else { return false };
    differences.iter().any(|difference| !values(difference).is_empty())
}

/// Whether a commit changes a value of a rollout as the rollout did.
fn is_same(differences: &[Difference], commit: &Brought) -> bool {
    let files = commit.files.iter().flat_map(|files| &files.items);
    let patches: Vec<&str> = files.filter_map(|file: &CommitFile| file.patch.text()).collect();
    differences.iter().any(|difference| {
        let values = values(difference);
        let has = |sign: char, value: &str| {
            let lines = patches.iter().flat_map(|patch| patch.lines()).filter_map(|line| line.strip_prefix(sign));
            lines
                .into_iter()
                .any(|line| holds(line, value) && (value.len() >= TELLING || names(line, &difference.field)))
        };
        !values.is_empty()
            && values.iter().any(|(from, to)| {
                from.as_ref().is_none_or(|from| has('-', from)) && to.as_ref().is_none_or(|to| has('+', to))
            })
    })
}

/// The values before and after, as they may be written; none if they are not shown whole.
fn values(difference: &Difference) -> Vec<(Option<String>, Option<String>)> {
    let (from, to) = (difference.from.clone(), difference.to.clone());
    let is_whole =
        |value: &Option<String>| value.as_ref().is_none_or(|value| !value.contains('…') && !value.is_empty());
    if from == to || !is_whole(&from) || !is_whole(&to) || !is_literal(&difference.field) {
        return Vec::new();
    }
    let mut all = vec![(from.clone(), to.clone())];
    if difference.field == Field::Image {
        // Kustomize and Helm write the tag by itself.
        let version = |image: &String| version(image).map(str::to_owned);
        let both = (from.as_ref().and_then(version), to.as_ref().and_then(version));
        if both.0.is_some() && both.1.is_some() && both.0 != both.1 {
            all.push(both);
        }
    }
    all
}

/// Whether a value is shown as it is written in a manifest, and not in words.
fn is_literal(field: &Field) -> bool {
    matches!(
        field,
        Field::Image
            | Field::PullPolicy
            | Field::Limit(_)
            | Field::Request(_)
            | Field::Env(_)
            | Field::WorkingDirectory
            | Field::NodeSelector(_)
            | Field::ServiceAccount
            | Field::Label(_)
            | Field::Annotation(_)
    )
}

/// The tag or digest of an image.
pub(super) fn version(image: &str) -> Option<&str> {
    if let Some((_, digest)) = image.split_once('@') {
        return Some(digest.rsplit(':').next().unwrap_or(digest)).filter(|it| !it.is_empty());
    }
    let last = image.rsplit('/').next()?;
    last.split_once(':').map(|(_, tag)| tag).filter(|tag| !tag.is_empty())
}

/// Whether a value stands in a line by itself.
fn holds(line: &str, value: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || "._-".contains(c);
    line.match_indices(value).any(|(at, _)| {
        let before = line.get(..at).and_then(|head| head.chars().next_back());
        let after = line.get(at.saturating_add(value.len())..).and_then(|tail| tail.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// Whether a line names what a difference is about.
fn names(line: &str, field: &Field) -> bool {
    let (Field::Limit(name)
    | Field::Request(name)
    | Field::Env(name)
    | Field::Label(name)
    | Field::Annotation(name)
    | Field::NodeSelector(name)) = field
    else {
        return false;
    };
    line.contains(name.as_str())
}
