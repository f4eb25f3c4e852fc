//! A rollout and the versions of the pods that are hit come in; whether it runs where it is broken comes out.

use std::fmt;

use super::{
    Difference,
    correlation::SKEW,
    rollout::{Before, Rollout},
    symptom::Symptom,
};

/// Whether a change is what runs where it is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// The pods that are hit are of it, or of a later rollout that kept something of it; these of its differences that one changed again.
    Runs(Vec<Difference>),
    /// Nothing names a version.
    Unknown,
    /// All pods that are hit are of a rollout that came after it began, so they do not tell what ran then.
    Since,
    /// Some of the pods that are hit run it, some are older.
    AlsoOlder,
    /// The pods that are hit are of another version.
    RunsNot,
    /// Pods of its version run well, where those that are hit are of another one.
    RunsWell,
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Runs(_) => "the pods that are hit run it",
            Self::Unknown => "which version the pods that are hit run is not known",
            Self::Since => "the pods that are hit are of a rollout that came after it began",
            Self::AlsoOlder => "pods of an older version are hit as well",
            Self::RunsNot => "the pods that are hit run another version",
            Self::RunsWell => "the pods that run just it are well",
        })
    }
}

/// Whether a rollout is what runs where it is broken. `all` are those of its workload, the newest first.
pub(super) fn proof(rollout: &Rollout, all: &[Rollout], symptom: &Symptom) -> Proof {
    if symptom.revisions.is_empty() {
        return Proof::Unknown;
    }
    // What takes its time would hit those that are well later.
    if symptom.spared.contains(&rollout.revision) && !symptom.is_slow() {
        return Proof::RunsWell;
    }
    // What came back is hit as what it was last.
    let of = |revision: &String| all.iter().find(|it| it.revision == *revision);
    let hit: Vec<Option<&Rollout>> = symptom.revisions.iter().map(of).collect();
    // A version that is not known any more is older than all that are.
    let is_older = |hit: Option<&Rollout>| hit.is_none_or(|hit| hit.number < rollout.number);
    let newer = hit.iter().flatten().filter(|hit| hit.number >= rollout.number);
    let gone = newer
        .filter_map(|hit| changed_again(rollout, hit, all))
        .reduce(|one, other| if one.len() <= other.len() { one } else { other });
    match gone {
        Some(_) if hit.iter().copied().any(is_older) => Proof::AlsoOlder,
        Some(gone) => Proof::Runs(gone),
        None if hit.iter().all(|hit| hit.is_some_and(|hit| is_since(hit, symptom))) => Proof::Since,
        None => Proof::RunsNot,
    }
}

fn is_since(hit: &Rollout, symptom: &Symptom) -> bool {
    symptom.began.duration_since(hit.at) < -SKEW
}

/// What of a rollout was changed again up to a later one; None if that was all of it.
fn changed_again(rollout: &Rollout, later: &Rollout, all: &[Rollout]) -> Option<Vec<Difference>> {
    let Before::Revision(_, own) = &rollout.before else { return Some(Vec::new()) };
    if later.revision == rollout.revision {
        return Some(Vec::new());
    }
    let between = all.iter().filter(|it| it.number > rollout.number && it.number <= later.number);
    let mut again = Vec::new();
    for it in between {
        match &it.before {
            Before::Revision(_, differences) => again.extend(differences),
            // What was changed then is not known.
            Before::Nothing | Before::Forgotten => return None,
        }
    }
    let is_again = |one: &&Difference| {
        let same = |other: &&&Difference| other.field == one.field && other.container == one.container;
        again.iter().find(same).is_some()
    };
    let gone: Vec<Difference> = own.iter().filter(is_again).cloned().collect();
    (gone.len() < own.len()).then_some(gone)
}
