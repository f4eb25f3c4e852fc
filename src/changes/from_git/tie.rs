//! A rollout and commits come in; the commit that brought it, and how sure that is, come out: by what both changed, else by the time.

use jiff::{SignedDuration, Timestamp};

use super::{
    Brought,
    same::{Match, is_of_images_only, matches, tells},
};
use crate::changes::{
    Difference, Field, Tool,
    correlation::SKEW,
    rollout::{Before, Rollout},
};

/// What was committed so long before a rollout may be it although nothing else says so.
const SOON: SignedDuration = SignedDuration::from_hours(1);

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

/// The commit that brought a rollout; commits are given the newest first. Of several differences the first that a commit makes counts.
pub fn tie<'a>(rollout: &Rollout, commits: &'a [Brought]) -> Option<(&'a Brought, Tie)> {
    let with_it = put_in_place(rollout, commits);
    if let Some(synced) = with_it.and_then(<[Brought]>::first) {
        // The tool names the last of those that came with one sync.
        let same = same(rollout, &with_it.unwrap_or_default().iter()).filter(|it| it.commit.sha != synced.commit.sha);
        return Some(same.map_or((synced, Tie::Synced), |same| (same, Tie::SameDifference)));
    }
    if let Some(same) = same(rollout, &candidates(rollout, commits)) {
        return Some((same, Tie::SameDifference));
    }
    let is_soon =
        |commit: &&Brought| commit.commit.committed_at.is_some_and(|at| rollout.at.duration_since(at) <= SOON);
    let is_merged = |commit: &&Brought| commit.at().is_some_and(|at| at <= until(rollout));
    let mut before = candidates(rollout, commits).filter(is_soon).filter(is_merged).filter(|_| !is_by_hand(rollout));
    before.find(|commit| may_be(rollout, commit)).map(|commit| (commit, Tie::Before))
}

/// The commits that may have brought a rollout, the newest first: those before it.
fn candidates<'a>(rollout: &Rollout, commits: &'a [Brought]) -> impl Iterator<Item = &'a Brought> + Clone + use<'a> {
    let until = until(rollout);
    commits.iter().filter(move |commit| commit.is_known_before(until))
}

/// The next commit whose patch would tell more of a rollout, of so many at most; None: what can be told by them is.
pub fn unread<'a>(rollout: &Rollout, commits: &'a [Brought], most: usize) -> Option<&'a Brought> {
    let with_it = put_in_place(rollout, commits);
    let telling: Vec<&Difference> = differences(rollout).iter().filter(|it| tells(it)).collect();
    // One that came alone needs no patch, nor does any if a patch cannot tell them apart.
    if differences(rollout).is_empty() || with_it.is_some_and(|it| it.len() == 1 || telling.is_empty()) {
        return None;
    }
    let may_be: Vec<&Brought> = match with_it {
        Some(with_it) => with_it.iter().take(most).collect(),
        None => candidates(rollout, commits).take(most).collect(),
    };
    let is_found = |difference: &&Difference| may_be.iter().any(|it| matches(rollout, difference, it) == Match::Named);
    // Some annotations are made of other files.
    let is_written = |difference: &&&Difference| !matches!(difference.field, Field::Annotation(_));
    let is_done = telling.iter().any(is_found) && telling.iter().filter(is_written).all(is_found);
    may_be.iter().find(|it| it.files.is_none() && !is_done).copied()
}

/// Whether a commit is told with a rollout already: it brought it, or a part of it.
pub(super) fn is_told_with(rollout: &Rollout, commit: &Brought, commits: &[Brought]) -> bool {
    let makes_some = || differences(rollout).iter().any(|it| matches(rollout, it, commit) >= Match::Same);
    tie(rollout, commits).is_some_and(|(of, _)| of == commit)
        || (commit.is_known_before(until(rollout)) && makes_some())
}

fn until(rollout: &Rollout) -> Timestamp {
    rollout.at.checked_add(SKEW).unwrap_or(Timestamp::MAX)
}

fn differences(rollout: &Rollout) -> &[Difference] {
    match &rollout.before {
        Before::Revision(_, differences) => differences,
        Before::Nothing | Before::Forgotten => &[],
    }
}

/// What the tool that keeps the workload put in place with a rollout, the last of it first; None if it does not tell, or of another commit.
fn put_in_place<'a>(rollout: &Rollout, commits: &'a [Brought]) -> Option<&'a [Brought]> {
    let source = rollout.source.as_ref()?;
    let of = |revision: &str, all: &[Brought]| all.iter().position(|it| it.commit.sha.as_str() == revision);
    let and_before = commits.get(of(&source.revision, commits)?..)?;
    let previous = source.previous.as_deref().and_then(|previous| of(previous, and_before));
    and_before.get(..previous.unwrap_or(and_before.len()).max(1))
}

/// The commit that makes a difference of a rollout most plainly; of those that do alike the newest.
fn same<'a>(rollout: &Rollout, commits: &(impl Iterator<Item = &'a Brought> + Clone)) -> Option<&'a Brought> {
    let most_plainly = |difference: &Difference| {
        let matching = commits.clone().map(|it| (matches(rollout, difference, it), it));
        let best = matching.filter(|(how, _)| *how >= Match::Same).reduce(|a, b| if b.0 > a.0 { b } else { a });
        best.map(|(_, it)| it)
    };
    differences(rollout).iter().find_map(most_plainly)
}

/// Whether a commit may be what brought a rollout as far as its patch tells: what was read and makes another difference is not it.
fn may_be(rollout: &Rollout, commit: &Brought) -> bool {
    if commit.files.is_none() || differences(rollout).is_empty() {
        return true;
    }
    differences(rollout).iter().any(|difference| {
        if tells(difference) {
            matches(rollout, difference, commit) >= Match::MayBe
        } else {
            !is_of_images_only(commit)
        }
    })
}

/// Whether somebody did it in an editor or a console: then no commit did.
fn is_by_hand(rollout: &Rollout) -> bool {
    rollout.by.as_ref().is_some_and(|by| {
        matches!(&by.tool, Tool::Kubectl(word) if word == "edit")
            || matches!(by.tool, Tool::K9s | Tool::Lens | Tool::WebConsole)
    })
}
