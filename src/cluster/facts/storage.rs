//! PersistentVolumeClaims, the volumes they are bound to, and the classes these come from.

use super::{Condition, Meta, ObjectReference, Time, has_meta, slim};

slim! {
    /// A PersistentVolumeClaim.
    PersistentVolumeClaim {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, optional, tag = "2")] spec: Option<ClaimSpec>,
        #[prost(message, optional, tag = "3")] status: Option<ClaimStatus>,
    }
    /// What a claim asks for.
    ClaimSpec {
        #[prost(string, tag = "3")] volume_name: String,
        #[prost(string, tag = "5")] storage_class_name: String,
    }
    /// Where a claim is.
    ClaimStatus {
        #[prost(string, tag = "1")] phase: String,
        #[prost(message, repeated, tag = "4")] conditions: Vec<Condition>,
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
        #[prost(string, tag = "5")] persistent_volume_reclaim_policy: String,
        #[prost(string, tag = "6")] storage_class_name: String,
    }
    /// Where a volume is.
    VolumeStatus {
        #[prost(string, tag = "1")] phase: String,
        #[prost(string, tag = "2")] message: String,
        #[prost(string, tag = "3")] reason: String,
        #[prost(message, optional, tag = "4")] last_phase_transition_time: Option<Time>,
    }
    /// A StorageClass.
    StorageClass {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(string, tag = "2")] provisioner: String,
        #[prost(string, tag = "7")] volume_binding_mode: String,
    }
}
has_meta!(PersistentVolumeClaim, PersistentVolume, StorageClass);

impl StorageClass {
    /// Whether a volume is made only when a pod that mounts the claim was given to a node.
    pub fn waits_for_consumer(&self) -> bool {
        self.volume_binding_mode == "WaitForFirstConsumer"
    }
}
