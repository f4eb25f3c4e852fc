//! A rollout comes in; the way back comes out, as text to copy, or to read where the way back is in Git.

use super::{
    Tool,
    rollout::{Before, Rollout},
};

/// The way back from the rollout in force; None if there is none, or another rollout came after it.
pub(super) fn undo(rollout: &Rollout, all: &[Rollout]) -> Option<String> {
    let Before::Revision(before, _) = &rollout.before else { return None };
    // What was in force before may be gone from the list since.
    if !rollout.is_current || !all.iter().any(|known| known.number == *before) {
        return None;
    }
    let (namespace, name) = (&rollout.owner.namespace, &rollout.owner.name);
    let by_hand = || {
        let kind = rollout.owner.kind.to_ascii_lowercase();
        format!("kubectl -n {namespace} rollout undo {kind}/{name} --to-revision={before}")
    };
    let was_by_hand =
        rollout.by.as_ref().is_some_and(|by| rollout.kept_by.as_ref().is_none_or(|it| it.tool != by.tool));
    Some(match &rollout.kept_by {
        // What is undone by hand is put back by it; what was done by hand is undone by it sooner or later.
        Some(keeper) if keeper.is_gitops() && was_by_hand => {
            format!("{}   ({keeper} puts in place what is in Git)", by_hand())
        }
        Some(keeper) if keeper.is_gitops() => format!("revert the change in Git: {keeper} puts in place what is there"),
        Some(keeper) if keeper.tool == Tool::Helm && !was_by_hand => {
            match keeper.of.as_ref().and_then(|of| of.split(' ').next()) {
                Some(release) => format!("helm -n {namespace} rollback {release}"),
                None => by_hand(),
            }
        }
        Some(_) | None => by_hand(),
    })
}
