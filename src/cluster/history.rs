//! The transitions of each owner, bounded: what rules like "restarted twice in 15 min" or "served before" read.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{ObjectRef, Text, room_for_one};

/// What happened to an owner.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum TransitionKind {
    /// A container of one of its pods was restarted (pod, container, how it ended: `OOMKilled`, `Error (exit 1)`).
    Restarted {
        /// Pod name.
        pod: Text,
        /// Container name.
        container: Text,
        /// Reason of the last termination.
        ended: Text,
    },
    /// One of its pods became ready.
    BecameReady,
    /// One of its pods stopped being ready.
    LostReady,
    /// One of its pods was asked to go from a node that takes no more pods: the node is being drained.
    Drained,
    /// It had ready endpoints in a Service, and now has none (Service name).
    LostLastEndpoint(Text),
    /// A run of a `CronJob` failed. Kubernetes keeps one failed Job by default, so the one before is known from here only.
    RunFailed {
        /// Job name.
        job: Text,
    },
    /// Something it names (`Service shop/api`) was taken away or offers something else, or it names something else that is not
    /// there.
    ReferenceChanged(Text),
    /// A node was started: it was seen with this boot id, for the first time or in place of another.
    NodeBooted {
        /// The id of its boot.
        boot_id: Text,
    },
}

/// A transition of an owner at a time.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Transition {
    /// The top owner.
    pub owner: ObjectRef,
    /// When it happened by the object's own times where it has one, else when it was seen.
    pub at: Timestamp,
    /// What happened.
    pub kind: TransitionKind,
}

/// One of an owner's transitions, as its history keeps it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Happened {
    /// See [`Transition::at`].
    pub at: Timestamp,
    /// What happened.
    pub kind: TransitionKind,
}

/// The last transitions of each owner.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    of: BTreeMap<ObjectRef, Vec<Happened>>,
}

impl History {
    /// How many transitions are kept of one owner.
    pub const KEPT: usize = 64;

    /// Remembers a transition in the order of time; the oldest of its owner is forgotten when there are too many. What is
    /// remembered already is not remembered twice.
    pub fn record(&mut self, transition: Transition) {
        let Transition { owner, at, kind } = transition;
        let happened = Happened { at, kind };
        let of = self.of.entry(owner).or_default();
        // A node that goes on running was booted once, however often it is seen for the first time.
        let is_boot = |t: &Happened| matches!(t.kind, TransitionKind::NodeBooted { .. });
        let booted = of.iter().rfind(|known| is_boot(known));
        if of.contains(&happened) || (is_boot(&happened) && booted.is_some_and(|b| b.kind == happened.kind)) {
            return;
        }
        let place = of.partition_point(|known| *known < happened);
        room_for_one(of);
        of.insert(place, happened);
        let too_many = of.len().saturating_sub(Self::KEPT);
        of.drain(..too_many);
    }

    /// The transitions of an owner since an instant, oldest first.
    pub fn since<'a>(&'a self, owner: &ObjectRef, from: Timestamp) -> impl Iterator<Item = &'a Happened> + use<'a> {
        self.of.get(owner).into_iter().flatten().filter(move |t| t.at >= from)
    }

    /// All transitions of all owners, to be written down.
    pub fn all(&self) -> impl Iterator<Item = Transition> {
        let of = |(owner, happened): (&ObjectRef, &Happened)| Transition {
            owner: owner.clone(),
            at: happened.at,
            kind: happened.kind.clone(),
        };
        self.of.iter().flat_map(|(owner, all)| all.iter().map(move |h| (owner, h))).map(of)
    }

    /// The owners something is remembered of.
    pub fn owners(&self) -> impl Iterator<Item = &ObjectRef> {
        self.of.keys()
    }

    /// Forgets an owner that is gone.
    pub fn forget(&mut self, owner: &ObjectRef) {
        self.of.remove(owner);
    }
}
