//! PersistentVolumeClaims.

use super::{Condition, Meta, Text, has_meta, slim};

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
}
has_meta!(PersistentVolumeClaim);
