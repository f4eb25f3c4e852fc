//! Objects of the pretend cluster as JSON or as Kubernetes protobuf, through the same slim structs the client decodes with.

use std::collections::BTreeMap;

use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;
use serde_json::{Value, json};

use crate::cluster::{Kind, facts};

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Protobuf,
    Json,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Whole objects.
    Objects,
    /// Only their metadata.
    Metadata,
    /// A watch.
    Stream,
}

impl Form {
    /// What the client would take of a list.
    pub(super) fn accepted(accept: &str) -> Self {
        if accept.contains("as=PartialObjectMetadataList") { Self::Metadata } else { Self::Objects }
    }
}

impl Encoding {
    /// What the client would take, in its order.
    pub(super) fn accepted(accept: &str) -> Self {
        let first =
            accept.split(',').map(|part| part.split(';').next().unwrap_or_default().trim()).find_map(
                |media| match media {
                    "application/vnd.kubernetes.protobuf" => Some(Self::Protobuf),
                    "application/json" | "*/*" => Some(Self::Json),
                    _ => None,
                },
            );
        first.unwrap_or(Self::Json)
    }

    pub(super) fn content_type(self, form: Form) -> &'static str {
        match (self, form) {
            (Self::Json, _) => "application/json",
            (Self::Protobuf, Form::Objects | Form::Metadata) => "application/vnd.kubernetes.protobuf",
            (Self::Protobuf, Form::Stream) => "application/vnd.kubernetes.protobuf;stream=watch",
        }
    }

    /// One object.
    pub(super) fn object(self, kind: Kind, object: &Value) -> Bytes {
        match self {
            Self::Json => object.to_string().into(),
            Self::Protobuf => envelope(kind.api_version(), kind.name(), protobuf(kind, object)),
        }
    }

    /// A list.
    pub(super) fn list(self, kind: Kind, page: &super::world::Page, form: Form) -> Bytes {
        let next = page.next.clone().unwrap_or_default();
        let (api_version, name) = match form {
            Form::Metadata => ("meta.k8s.io/v1", "PartialObjectMetadataList".to_owned()),
            Form::Objects | Form::Stream => (kind.api_version(), format!("{}List", kind.name())),
        };
        let items = page.items.iter().map(|item| match form {
            Form::Metadata => {
                let (kind, api_version) = ("PartialObjectMetadata", "meta.k8s.io/v1");
                json!({"kind": kind, "apiVersion": api_version, "metadata": item.get("metadata")})
            }
            // Items of a list do not repeat their kind.
            Form::Objects | Form::Stream => without_type(item),
        });
        match self {
            Self::Json => {
                let version = page.version.to_string();
                let metadata = if page.remaining > 0 {
                    json!({"resourceVersion": version, "continue": next, "remainingItemCount": page.remaining})
                } else {
                    json!({"resourceVersion": version})
                };
                let items: Vec<Value> = items.collect();
                // As upstream: a list of metadata without any is null.
                let items = if items.is_empty() && form == Form::Metadata { Value::Null } else { items.into() };
                json!({"kind": name, "apiVersion": api_version, "metadata": metadata, "items": items})
                    .to_string()
                    .into()
            }
            Self::Protobuf => {
                let list = List {
                    metadata: Some(ListMeta {
                        resource_version: page.version.to_string(),
                        continue_: next,
                        remaining: (page.remaining > 0).then(|| i64::try_from(page.remaining).unwrap_or(i64::MAX)),
                    }),
                    items: items.map(|item| protobuf(kind, &item)).collect(),
                };
                envelope(api_version, &name, list.encode_to_vec())
            }
        }
    }

    /// A `Status`, the API's way of saying no.
    pub(super) fn status(self, status: &Value) -> Bytes {
        match self {
            Self::Json => status.to_string().into(),
            Self::Protobuf => {
                let text = |key: &str| status.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                let code = status.get("code").and_then(Value::as_i64).unwrap_or(500);
                let status = Status {
                    outcome: text("status"),
                    message: text("message"),
                    reason: text("reason"),
                    code: i32::try_from(code).unwrap_or(500),
                };
                envelope("v1", "Status", status.encode_to_vec())
            }
        }
    }

    /// A bookmark, as a frame; the one that ends a streamed list is marked.
    pub(super) fn bookmark(self, kind: Kind, version: u64, ends_list: bool) -> Bytes {
        let version = version.to_string();
        let annotations: BTreeMap<String, String> =
            ends_list.then(|| ("k8s.io/initial-events-end".to_owned(), "true".to_owned())).into_iter().collect();
        let object = match self {
            Self::Json => {
                let metadata =
                    json!({"resourceVersion": version, "creationTimestamp": null, "annotations": annotations});
                json!({"kind": kind.name(), "apiVersion": kind.api_version(), "metadata": metadata}).to_string().into()
            }
            Self::Protobuf => {
                let metadata = Some(BookmarkMeta { resource_version: version, annotations });
                envelope(kind.api_version(), kind.name(), Bookmark { metadata }.encode_to_vec())
            }
        };
        self.frame("BOOKMARK", &object)
    }

    /// A frame of a watch around an object that is encoded already.
    pub(super) fn frame(self, change: &str, object: &Bytes) -> Bytes {
        match self {
            Self::Json => {
                let mut line = BytesMut::from(format!("{{\"type\":{change:?},\"object\":").as_bytes());
                line.extend_from_slice(object);
                line.extend_from_slice(b"}\n");
                line.freeze()
            }
            Self::Protobuf => {
                let event = WatchEvent { kind: change.to_owned(), object: Some(RawExtension { raw: object.clone() }) };
                let mut frame = BytesMut::new();
                frame.put_u32(u32::try_from(event.encoded_len()).unwrap_or(u32::MAX));
                frame.extend_from_slice(&event.encode_to_vec());
                frame.freeze()
            }
        }
    }
}

fn without_type(item: &Value) -> Value {
    let mut item = item.clone();
    if let Some(map) = item.as_object_mut() {
        map.remove("kind");
        map.remove("apiVersion");
    }
    item
}

/// The object in protobuf. One that does not fit its kind is empty, as a test would notice at once.
fn protobuf(kind: Kind, object: &Value) -> Vec<u8> {
    fn bytes<T: facts::SlimMessage>(object: &Value) -> Vec<u8> {
        serde_json::from_value::<T::Wire>(object.clone()).unwrap_or_default().encode_to_vec()
    }
    match kind {
        Kind::Namespace => bytes::<facts::Namespace>(object),
        Kind::Node => bytes::<facts::Node>(object),
        Kind::Pod => bytes::<facts::Pod>(object),
        Kind::Deployment => bytes::<facts::Deployment>(object),
        Kind::ReplicaSet => bytes::<facts::ReplicaSet>(object),
        Kind::StatefulSet => bytes::<facts::StatefulSet>(object),
        Kind::DaemonSet => bytes::<facts::DaemonSet>(object),
        Kind::Job => bytes::<facts::Job>(object),
        Kind::CronJob => bytes::<facts::CronJob>(object),
        Kind::PersistentVolumeClaim => bytes::<facts::PersistentVolumeClaim>(object),
        Kind::Service => bytes::<facts::Service>(object),
        Kind::EndpointSlice => bytes::<facts::EndpointSlice>(object),
        Kind::Event => bytes::<facts::Event>(object),
        Kind::HorizontalPodAutoscaler => bytes::<facts::HorizontalPodAutoscaler>(object),
        Kind::Ingress => bytes::<facts::Ingress>(object),
        Kind::IngressClass => bytes::<facts::IngressClass>(object),
        Kind::ValidatingWebhookConfiguration => bytes::<facts::ValidatingWebhookConfiguration>(object),
        Kind::MutatingWebhookConfiguration => bytes::<facts::MutatingWebhookConfiguration>(object),
        Kind::ApiService => bytes::<facts::ApiService>(object),
        Kind::PersistentVolume => bytes::<facts::PersistentVolume>(object),
        Kind::StorageClass => bytes::<facts::StorageClass>(object),
        Kind::Certificate => bytes::<facts::Certificate>(object),
        Kind::ConfigMap | Kind::NetworkPolicy | Kind::PodDisruptionBudget => bytes::<facts::Changing>(object),
    }
}

fn envelope(api_version: &str, kind: &str, raw: Vec<u8>) -> Bytes {
    let unknown = Unknown {
        type_meta: Some(TypeMeta { api_version: api_version.to_owned(), kind: kind.to_owned() }),
        raw: Some(raw),
    };
    let mut all = BytesMut::from(&b"k8s\0"[..]);
    all.extend_from_slice(&unknown.encode_to_vec());
    all.freeze()
}

#[derive(Clone, PartialEq, Message)]
struct TypeMeta {
    #[prost(string, tag = "1")]
    api_version: String,
    #[prost(string, tag = "2")]
    kind: String,
}

#[derive(Clone, PartialEq, Message)]
struct Unknown {
    #[prost(message, optional, tag = "1")]
    type_meta: Option<TypeMeta>,
    #[prost(bytes = "vec", optional, tag = "2")]
    raw: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct ListMeta {
    #[prost(string, tag = "2")]
    resource_version: String,
    #[prost(string, tag = "3")]
    continue_: String,
    #[prost(int64, optional, tag = "4")]
    remaining: Option<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct List {
    #[prost(message, optional, tag = "1")]
    metadata: Option<ListMeta>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    items: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(string, tag = "2")]
    outcome: String,
    #[prost(string, tag = "3")]
    message: String,
    #[prost(string, tag = "4")]
    reason: String,
    #[prost(int32, tag = "6")]
    code: i32,
}

#[derive(Clone, PartialEq, Message)]
struct RawExtension {
    #[prost(bytes = "bytes", tag = "1")]
    raw: Bytes,
}

#[derive(Clone, PartialEq, Message)]
struct WatchEvent {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(message, optional, tag = "2")]
    object: Option<RawExtension>,
}

#[derive(Clone, PartialEq, Message)]
struct Bookmark {
    #[prost(message, optional, tag = "1")]
    metadata: Option<BookmarkMeta>,
}

#[derive(Clone, PartialEq, Message)]
struct BookmarkMeta {
    #[prost(string, tag = "6")]
    resource_version: String,
    #[prost(btree_map = "string, string", tag = "12")]
    annotations: BTreeMap<String, String>,
}
