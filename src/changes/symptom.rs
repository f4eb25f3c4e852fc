//! What is wrong with a workload comes in; what a change is held against comes out: which troubles, since when, in which versions of its pods.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;

use crate::findings::{ConditionClass, Finding};

/// What a change may explain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symptom {
    /// What is wrong, the strongest proved cause first.
    pub classes: BTreeSet<ConditionClass>,
    /// The container at which it shows, where that is known.
    pub containers: BTreeMap<ConditionClass, String>,
    /// Since when.
    pub began: Timestamp,
    /// The `ReplicaSet`s or `ControllerRevision`s whose pods are hit; empty if that is not known.
    pub revisions: BTreeSet<String>,
    /// Those of whose pods some are ready and none is hit.
    pub spared: BTreeSet<String>,
    /// How many other workloads broke at about the same time although nothing was rolled out to them.
    pub elsewhere: usize,
}

impl Symptom {
    /// Of what is wrong now; None if nothing is. `before`: since when something is wrong with it already.
    pub fn of(findings: &[Arc<Finding>], before: Option<Timestamp>) -> Option<Self> {
        let began = findings.iter().map(|finding| finding.since).chain(before).min()?;
        let classes: BTreeSet<_> = findings.iter().map(|finding| finding.class).collect();
        // The log that may say why is that of the container at which it shows first.
        let container = |finding: &Arc<Finding>| Some((finding.class, finding.log.as_ref()?.container.clone()));
        let containers = findings.iter().filter_map(container).collect();
        let found =
            Self { classes, containers, began, revisions: BTreeSet::new(), spared: BTreeSet::new(), elsewhere: 0 };
        (!found.classes.is_empty()).then_some(found)
    }

    /// Whether something of it may come hours after what makes it.
    pub fn is_slow(&self) -> bool {
        self.classes.iter().copied().any(is_slow)
    }
}

/// Whether a trouble may come hours after what makes it: what leaks or piles up takes its time.
pub(super) fn is_slow(class: ConditionClass) -> bool {
    use ConditionClass::{Evicted, NearLimit, OutOfMemory, VolumeFull, VolumeNearLimit};
    matches!(class, Evicted | NearLimit | OutOfMemory | VolumeFull | VolumeNearLimit)
}
