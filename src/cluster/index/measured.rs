//! What was measured of pods and volumes: put against their limits, and told to whom it belongs.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::ClusterIndex;
use crate::cluster::{
    Gauge, Kind, Meter, NearLimit, ObjectKey, ObjectRef, Reading, Text, Usage, Visibility, facts::Pod,
};

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

    /// Takes in what a meter read; gives back the owners whose verdicts may have changed.
    pub fn take_measured(&mut self, meter: Meter, measured: Vec<Measured>, now: Timestamp) -> BTreeSet<ObjectRef> {
        let readings = measured.into_iter().flat_map(|one| self.readings(one)).collect();
        let mut usage = std::mem::take(&mut self.usage);
        let mut changed = usage.take(meter, readings, now);
        changed.extend(usage.forget(|gauge, near| gauge.meter() == meter && self.is_gone(gauge, near)));
        self.usage = usage;
        changed.iter().flat_map(|gauge| self.owners_measured_by(gauge)).collect()
    }

    /// The kubelets of these nodes answered when all were asked last.
    pub fn kubelets_answered(&mut self, nodes: BTreeSet<Text>) {
        self.usage.answered(nodes);
    }

    /// A meter cannot be read, or is not there; gives back the owners whose verdicts may have changed.
    pub fn lose_meter(&mut self, meter: Meter, why: Visibility) -> BTreeSet<ObjectRef> {
        let changed = self.usage.lost(meter, why);
        changed.iter().flat_map(|gauge| self.owners_measured_by(gauge)).collect()
    }

    /// Whether what was near its limit is not there any more: another pod or another run of the container, or nobody mounts the claim.
    fn is_gone(&self, gauge: &Gauge, near: &NearLimit) -> bool {
        let is_mounted = |pod: &Pod| !matches!(pod.phase(), "Succeeded" | "Failed");
        match gauge {
            Gauge::Memory { pod, container } => {
                let begun = self.pod(pod).and_then(|pod| pod.running_since(container));
                // One that is down for now is told of otherwise; measured is the next that runs.
                begun.is_none_or(|begun| begun > near.at)
            }
            Gauge::Bytes(claim) | Gauge::Inodes(claim) => {
                !self.pods_of_claim(&claim.namespace, &claim.name).any(is_mounted)
            }
        }
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
