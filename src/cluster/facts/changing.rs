//! What is only watched for its changes: `ConfigMap`s, policies and budgets, of which no more than the metadata ever comes in.

use super::{Annotations, Labels, List, Meta, has_meta, slim};

slim! {
    /// An object of which only the metadata is known.
    Changing {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
    }
}
has_meta!(Changing);

/// A `ConfigMap`; its data never comes in by a watch.
pub type ConfigMap = Changing;
/// A `NetworkPolicy`.
pub type NetworkPolicy = Changing;
/// A `PodDisruptionBudget`.
pub type PodDisruptionBudget = Changing;

impl Changing {
    /// Of thousands only name and version are read: each is some 250 bytes.
    pub(crate) fn keep_what_is_read(&mut self) {
        if let Some(meta) = &mut self.metadata {
            (meta.labels, meta.annotations) = (Labels::default(), Annotations::default());
            (meta.owner_references, meta.finalizers) = (List::default(), List::default());
        }
    }
}
