//! Metadata that every object has: names, times, labels, owners.

use std::{ops::Deref, sync::LazyLock};

use jiff::Timestamp;

use super::{Labels, List, Shared, Slim, Text, Time, Uid, deserialize_slim, slim};

slim! {
    /// Metadata of a list: where to go on reading, and from where to watch.
    ListMeta {
        #[prost(string, tag = "2")] resource_version: Text,
        #[prost(string, tag = "3")] #[serde(rename = "continue")] continue_: Text,
    }
    /// An owner of an object; `controller` marks the one that manages it.
    OwnerReference {
        #[prost(string, tag = "5")] api_version: Text,
        #[prost(string, tag = "1")] kind: Text,
        #[prost(string, tag = "3")] name: Text,
        #[prost(bool, tag = "6")] controller: bool,
    }
    /// Metadata of an object.
    Meta {
        #[prost(string, tag = "1")] name: Text,
        #[prost(string, tag = "3")] namespace: Text,
        #[prost(string, tag = "5")] uid: Uid,
        #[prost(string, tag = "6")] resource_version: Text,
        #[prost(int64, tag = "7")] generation: i64,
        #[prost(message, optional, tag = "8")] creation_timestamp: Option<Time>,
        #[prost(message, optional, tag = "9")] deletion_timestamp: Option<Time>,
        #[prost(btree_map = "string, string", tag = "11")] labels: Labels,
        #[prost(btree_map = "string, string", tag = "12")] annotations: Annotations,
        #[prost(message, repeated, tag = "13")] owner_references: List<OwnerReference>,
        #[prost(string, repeated, tag = "14")] finalizers: List<Text>,
    }
    /// A label selector; an empty one selects everything.
    LabelSelector {
        #[prost(btree_map = "string, string", tag = "1")] match_labels: Labels,
        #[prost(message, repeated, tag = "2")] match_expressions: Box<[LabelSelectorRequirement]>,
    }
    /// One expression of a label selector.
    LabelSelectorRequirement {
        #[prost(string, tag = "1")] key: Text,
        #[prost(string, tag = "2")] operator: Text,
        #[prost(string, repeated, tag = "3")] values: List<Text>,
    }
    /// A reference to another object.
    ObjectReference {
        #[prost(string, tag = "1")] kind: Text,
        #[prost(string, tag = "2")] namespace: Text,
        #[prost(string, tag = "3")] name: Text,
        #[prost(string, tag = "4")] uid: Uid,
        #[prost(string, tag = "7")] field_path: Text,
    }
}

slim! {
    /// A condition as it is written.
    WrittenCondition {
        #[prost(string, tag = "1")] #[serde(rename = "type")] kind: Text,
        #[prost(string, tag = "2")] status: Text,
        #[prost(message, optional, tag = "4")] last_transition_time: Option<Time>,
        #[prost(string, tag = "5")] reason: Text,
        #[prost(string, tag = "6")] message: Text,
    }
}

/// A condition of a Pod, Node, Job or claim. What it says is kept once: thousands of pods are ready in the same words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Condition {
    said: Shared<Said>,
    /// `lastTransitionTime` of the Kubernetes API.
    pub last_transition_time: Option<Time>,
}

/// What a condition says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Said {
    /// `type` of the Kubernetes API.
    pub kind: Text,
    /// `status` of the Kubernetes API: `True`, `False` or `Unknown`.
    pub status: Text,
    /// `reason` of the Kubernetes API.
    pub reason: Text,
    /// `message` of the Kubernetes API.
    pub message: Text,
}

impl Deref for Condition {
    type Target = Said;

    fn deref(&self) -> &Said {
        &self.said
    }
}

impl Slim for Condition {
    type Wire = <WrittenCondition as Slim>::Wire;

    fn slim(wire: Self::Wire) -> Self {
        let WrittenCondition { kind, status, last_transition_time, reason, message } = Slim::slim(wire);
        Self { said: Shared::new(Said { kind, status, reason, message }), last_transition_time }
    }
}
deserialize_slim!(Condition);

/// The annotations that are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Annotations(Labels);

impl Deref for Annotations {
    type Target = Labels;

    fn deref(&self) -> &Labels {
        &self.0
    }
}

impl Slim for Annotations {
    type Wire = <Labels as Slim>::Wire;

    fn slim(wire: Self::Wire) -> Self {
        let is_read = |name: &str| READ.contains(&name) || name.starts_with(OURS);
        Self(wire.into_iter().filter(|(name, _)| is_read(name)).map(|(name, value)| (name, value.into())).collect())
    }
}

/// Annotations that are read; the others are other tools' (whole manifests among them, sometimes with secrets) and not kept.
const READ: [&str; 3] = [
    "deployment.kubernetes.io/revision",
    "endpoints.kubernetes.io/last-change-trigger-time",
    "kubernetes.io/ingress.class",
];
/// Annotations made for this bot.
const OURS: &str = "k8s-monitor.io/";

/// What an object without metadata has.
pub(crate) static EMPTY_META: LazyLock<Meta> = LazyLock::new(Meta::default);

impl Meta {
    /// The owner that manages this object, if any.
    pub fn controller(&self) -> Option<&OwnerReference> {
        self.owner_references.iter().find(|o| o.controller)
    }

    /// When the object was created.
    pub fn created(&self) -> Option<Timestamp> {
        self.creation_timestamp.map(Time::at)
    }

    /// When deletion was asked for.
    pub fn deleted(&self) -> Option<Timestamp> {
        self.deletion_timestamp.map(Time::at)
    }
}

impl LabelSelector {
    /// Whether the labels satisfy the selector. An unknown operator selects nothing.
    pub fn selects(&self, labels: &Labels) -> bool {
        labels.include(&self.match_labels)
            && self.match_expressions.iter().all(|e| {
                let value = labels.get(&e.key);
                match e.operator.as_str() {
                    "In" => value.is_some_and(|v| e.values.contains(v)),
                    "NotIn" => value.is_none_or(|v| !e.values.contains(v)),
                    "Exists" => value.is_some(),
                    "DoesNotExist" => value.is_none(),
                    _ => false,
                }
            })
    }
}
