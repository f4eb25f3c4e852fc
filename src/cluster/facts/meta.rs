//! Metadata that every object has: names, times, labels, owners.

use std::{collections::BTreeMap, sync::LazyLock};

use jiff::Timestamp;

use super::slim;

slim! {
    /// Metadata of a list: where to go on reading, and from where to watch.
    ListMeta {
        #[prost(string, tag = "2")] resource_version: String,
        #[prost(string, tag = "3")] #[serde(rename = "continue")] continue_: String,
    }
    /// An owner of an object; `controller` marks the one that manages it.
    OwnerReference {
        #[prost(string, tag = "5")] api_version: String,
        #[prost(string, tag = "1")] kind: String,
        #[prost(string, tag = "3")] name: String,
        #[prost(string, tag = "4")] uid: String,
        #[prost(bool, tag = "6")] controller: bool,
    }
    /// Metadata of an object.
    Meta {
        #[prost(string, tag = "1")] name: String,
        #[prost(string, tag = "3")] namespace: String,
        #[prost(string, tag = "5")] uid: String,
        #[prost(string, tag = "6")] resource_version: String,
        #[prost(int64, tag = "7")] generation: i64,
        #[prost(message, optional, tag = "8")] creation_timestamp: Option<Time>,
        #[prost(message, optional, tag = "9")] deletion_timestamp: Option<Time>,
        #[prost(btree_map = "string, string", tag = "11")] labels: BTreeMap<String, String>,
        #[prost(btree_map = "string, string", tag = "12")] annotations: BTreeMap<String, String>,
        #[prost(message, repeated, tag = "13")] owner_references: Vec<OwnerReference>,
        #[prost(string, repeated, tag = "14")] finalizers: Vec<String>,
    }
    /// A condition of a Pod, Node, Job or claim.
    Condition {
        #[prost(string, tag = "1")] #[serde(rename = "type")] kind: String,
        #[prost(string, tag = "2")] status: String,
        #[prost(message, optional, tag = "4")] last_transition_time: Option<Time>,
        #[prost(string, tag = "5")] reason: String,
        #[prost(string, tag = "6")] message: String,
    }
    /// A label selector; an empty one selects everything.
    LabelSelector {
        #[prost(btree_map = "string, string", tag = "1")] match_labels: BTreeMap<String, String>,
        #[prost(message, repeated, tag = "2")] match_expressions: Vec<LabelSelectorRequirement>,
    }
    /// One expression of a label selector.
    LabelSelectorRequirement {
        #[prost(string, tag = "1")] key: String,
        #[prost(string, tag = "2")] operator: String,
        #[prost(string, repeated, tag = "3")] values: Vec<String>,
    }
    /// A reference to another object.
    ObjectReference {
        #[prost(string, tag = "1")] kind: String,
        #[prost(string, tag = "2")] namespace: String,
        #[prost(string, tag = "3")] name: String,
        #[prost(string, tag = "4")] uid: String,
        #[prost(string, tag = "7")] field_path: String,
    }
}

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
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        self.match_labels.iter().all(|(k, v)| labels.get(k) == Some(v))
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

/// A `metav1.Time` or `metav1.MicroTime`: RFC 3339 in JSON, seconds and nanoseconds in protobuf.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, prost::Message)]
pub struct Time {
    /// Seconds since 1970.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Nanoseconds of the second.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

impl Time {
    /// As an instant; a time no calendar holds is cut to the nearest one it does.
    pub fn at(self) -> Timestamp {
        Timestamp::new(self.seconds, self.nanos).unwrap_or(if self.seconds < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
    }
}

impl From<Timestamp> for Time {
    fn from(at: Timestamp) -> Self {
        Self { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
    }
}

impl<'de> serde::Deserialize<'de> for Time {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(<Timestamp as serde::Deserialize>::deserialize(deserializer)?.into())
    }
}

/// A `resource.Quantity` as it is written: `256Mi`, `500m`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Quantity {
    /// The text of the quantity.
    #[prost(string, tag = "1")]
    pub string: String,
}

impl<'de> serde::Deserialize<'de> for Quantity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Written {
            Text(String),
            Whole(i64),
            Broken(f64),
        }
        let string = match Written::deserialize(deserializer)? {
            Written::Text(text) => text,
            Written::Whole(n) => n.to_string(),
            Written::Broken(x) => x.to_string(),
        };
        Ok(Self { string })
    }
}
