//! What was measured of pods and volumes: put against their limits, and told to whom it belongs.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::ClusterIndex;
use crate::cluster::{Gauge, Kind, Meter, ObjectKey, ObjectRef, Reading, Text, Usage, Visibility};

/// One thing that was measured, before its limit is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measured {
    /// Memory of a container, in bytes.
    Memory {
        /// Namespace of its Pod.
        namespace: Text,
        /// Its Pod.
        pod: Text,
        /// The container.
        container: Text,
        /// How much it holds.
        used: u64,
    },
    /// The volume of a claim.
    Volume {
        /// Namespace of the claim.
        namespace: Text,
        /// The claim.
        claim: Text,
        /// Used and possible bytes.
        bytes: (u64, u64),
        /// Used and possible files.
        inodes: (u64, u64),
    },
}

impl ClusterIndex {
    /// How full things are.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Sets from which percentage on what a meter reads is near its limit.
    pub fn near_limit_from(&mut self, meter: Meter, percent: u64) {
        self.usage.near_from(meter, percent);
    }

    /// Knows how full things are from another index of the same cluster.
    pub fn measured_like(&mut self, other: &Self) {
        self.usage = other.usage.clone();
    }

    /// Takes in what a meter read, all there is or a part of it; gives back the owners whose verdicts may have changed.
    pub fn take_measured(
        &mut self,
        meter: Meter,
        measured: Vec<Measured>,
        is_all: bool,
        now: Timestamp,
    ) -> BTreeSet<ObjectRef> {
        let readings = measured.into_iter().flat_map(|one| self.readings(one)).collect();
        let changed = self.usage.take(meter, readings, is_all, now);
        changed.iter().flat_map(|gauge| self.owners_measured_by(gauge)).collect()
    }

    /// The kubelets of these nodes answered when all were asked last.
    pub fn kubelets_answered(&mut self, nodes: BTreeSet<Text>) {
        self.usage.answered(nodes);
    }

    /// A meter cannot be read, or is not there.
    pub fn lose_meter(&mut self, meter: Meter, why: Visibility) {
        self.usage.lost(meter, why);
    }

    fn readings(&self, measured: Measured) -> Vec<Reading> {
        match measured {
            Measured::Memory { namespace, pod, container, used } => {
                let pod = ObjectKey { kind: Kind::Pod, namespace, name: pod };
                let limit = self.pod(&pod).and_then(|pod| pod.memory_limit(&container));
                let of = |limit| Reading { gauge: Gauge::Memory { pod, container }, used, limit };
                limit.map(of).into_iter().collect()
            }
            Measured::Volume { namespace, claim, bytes, inodes } => {
                let claim = ObjectKey { kind: Kind::PersistentVolumeClaim, namespace, name: claim };
                let of = |gauge, (used, limit)| Reading { gauge, used, limit };
                vec![of(Gauge::Bytes(claim.clone()), bytes), of(Gauge::Inodes(claim), inodes)]
            }
        }
    }

    /// The top owners of the Pod, or of the pods that mount the claim.
    fn owners_measured_by(&self, gauge: &Gauge) -> BTreeSet<ObjectRef> {
        match gauge {
            Gauge::Memory { pod, .. } => BTreeSet::from([self.owner_of(pod)]),
            Gauge::Bytes(claim) | Gauge::Inodes(claim) => {
                self.links.of_claim(&claim.namespace, &claim.name).map(|pod| self.owner_of(pod)).collect()
            }
        }
    }
}
