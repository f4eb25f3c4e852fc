//! PersistentVolumeClaims, the volumes they are bound to, and the classes these come from.

use super::{Condition, Meta, ObjectReference, Text, Time, has_meta, slim};

slim! {
    /// A PersistentVolumeClaim.
    PersistentVolumeClaim {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, optional, tag = "2")] spec: Option<ClaimSpec>,
        #[prost(message, optional, tag = "3")] status: Option<ClaimStatus>,
    }
    /// What a claim asks for.
    ClaimSpec {
        #[prost(string, tag = "3")] volume_name: Text,
        #[prost(string, tag = "5")] storage_class_name: Text,
    }
    /// Where a claim is.
    ClaimStatus {
        #[prost(string, tag = "1")] phase: Text,
        #[prost(message, repeated, tag = "4")] conditions: Box<[Condition]>,
    }
    /// A PersistentVolume.
    PersistentVolume {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, optional, tag = "2")] spec: Option<VolumeSpec>,
        #[prost(message, optional, tag = "3")] status: Option<VolumeStatus>,
    }
    /// What a volume is.
    VolumeSpec {
        #[prost(message, optional, tag = "4")] claim_ref: Option<ObjectReference>,
        #[prost(string, tag = "5")] persistent_volume_reclaim_policy: Text,
        #[prost(string, tag = "6")] storage_class_name: Text,
    }
    /// Where a volume is.
    VolumeStatus {
        #[prost(string, tag = "1")] phase: Text,
        #[prost(string, tag = "2")] message: Text,
        #[prost(string, tag = "3")] reason: Text,
        #[prost(message, optional, tag = "4")] last_phase_transition_time: Option<Time>,
    }
    /// A StorageClass.
    StorageClass {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(string, tag = "2")] provisioner: Text,
        #[prost(string, tag = "7")] volume_binding_mode: Text,
    }
}
has_meta!(PersistentVolumeClaim, PersistentVolume, StorageClass);

impl StorageClass {
    /// Whether a volume is made only when a pod that mounts the claim was given to a node.
    pub fn waits_for_consumer(&self) -> bool {
        self.volume_binding_mode == "WaitForFirstConsumer"
    }
}
