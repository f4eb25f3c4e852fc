//! Rollouts and what was applied when come in; the rollouts come out with the commit that brought each.

use jiff::{SignedDuration, Timestamp};

use super::{Applied, Source};
use crate::{changes::Rollout, incidents::ChangeSource};

/// What is applied is rolled out in the same moment; clocks differ, and Flux's helper hands on what another one fetched.
const ABOUT: SignedDuration = SignedDuration::from_mins(2);

/// Names with each rollout what was applied as it began, and with it who brought those of which nothing tells. What somebody else did
/// to the workload is left as it is.
pub fn name_syncs(rollouts: &mut [Rollout], source: &Source) {
    for rollout in rollouts {
        let is_of_others = rollout.by.as_ref().is_some_and(|by| by.tool != source.keeper.kind.tool());
        if is_of_others {
            continue;
        }
        rollout.source = brought(source, rollout.at);
        if rollout.source.is_some() && rollout.by.is_none() {
            rollout.by = rollout.kept_by.clone();
        }
    }
}

/// What was applied about then: the commit, where the object that applied it is itself kept in Git.
fn brought(source: &Source, at: Timestamp) -> Option<ChangeSource> {
    let from_git = source.from.as_deref().and_then(|from| Some((from, about(from, at)?)));
    let (of, applied) = from_git.or_else(|| Some((source, about(source, at)?)))?;
    Some(change_source(source, of, applied))
}

/// What was applied nearest to a moment, the newest first.
fn about(source: &Source, at: Timestamp) -> Option<&Applied> {
    let near = source.applied.iter().filter_map(|it| Some((distance(it, at)?, it)));
    near.min_by_key(|(far, _)| *far).map(|(_, applied)| applied)
}

/// What a source put in place, told by itself or by where it is itself kept from.
pub(super) fn change_source(source: &Source, of: &Source, applied: &Applied) -> ChangeSource {
    ChangeSource {
        keeper: source.keeper.to_string(),
        repository: of.repository.clone(),
        path: of.path.clone(),
        revision: applied.name().to_owned(),
        previous: of.before(applied).map(|before| before.name().to_owned()),
        at: applied.at,
        waits: source.waits || of.waits,
    }
}

/// How far something that was applied is from a moment; None if that is too far.
fn distance(applied: &Applied, at: Timestamp) -> Option<SignedDuration> {
    let before = applied.began.unwrap_or(applied.at).min(applied.at).duration_since(at);
    let after = at.duration_since(applied.at);
    let far = before.max(after).max(SignedDuration::ZERO);
    (far <= ABOUT).then_some(far)
}
