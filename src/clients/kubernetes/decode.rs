//! Bytes of an answer become facts: protobuf or JSON, lists, single objects and Status.

use bytes::{Buf, Bytes};
use prost::Message;
use serde::de::DeserializeOwned;

use crate::cluster::{
    Fact, Kind,
    facts::{self, ListMeta, Slim},
};

/// How an answer is written; its content type says so, whatever was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    /// By content type; None for anything that is not an answer of the API (HTML of a proxy).
    pub(super) fn of(content_type: &str) -> Option<Self> {
        match content_type.split(';').next().unwrap_or_default().trim() {
            "application/vnd.kubernetes.protobuf" => Some(Self::Protobuf),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }

    pub(super) fn decode<T: Message + Default + DeserializeOwned>(self, body: Bytes) -> Result<T, String> {
        match self {
            Self::Json => serde_json::from_slice(&body).map_err(|e| format!("broken JSON ({e})")),
            Self::Protobuf => T::decode(unwrap(body)?).map_err(|e| format!("broken protobuf ({e})")),
        }
    }
}

/// The envelope of protobuf: `k8s\0`, then this.
#[derive(Clone, PartialEq, Message)]
struct Unknown {
    #[prost(bytes = "bytes", optional, tag = "2")]
    raw: Option<Bytes>,
}

fn unwrap(mut body: Bytes) -> Result<Bytes, String> {
    if !body.starts_with(b"k8s\0") {
        return Err("protobuf without its envelope".to_owned());
    }
    body.advance(4);
    let envelope = Unknown::decode(body).map_err(|e| format!("broken protobuf envelope ({e})"))?;
    Ok(envelope.raw.unwrap_or_default())
}

/// The kept part of a `metav1.Status`.
#[derive(Clone, PartialEq, Message, serde::Deserialize)]
#[serde(default)]
pub(super) struct Status {
    #[prost(string, tag = "3")]
    pub(super) message: String,
    #[prost(string, tag = "4")]
    pub(super) reason: String,
    #[prost(int32, tag = "6")]
    pub(super) code: i32,
}

impl Status {
    pub(super) fn read(encoding: Encoding, body: Bytes) -> Result<Self, String> {
        encoding.decode(body)
    }
}

/// One page of a list.
pub(super) struct Page {
    pub(super) meta: ListMeta,
    pub(super) facts: Vec<Fact>,
}

macro_rules! decoders {
    ($($kind:ident as $list:ident),* $(,)?) => {
        $(
            #[derive(Clone, PartialEq, Message, serde::Deserialize)]
            #[serde(default)]
            struct $list {
                #[prost(message, optional, tag = "1")]
                metadata: Option<<ListMeta as Slim>::Wire>,
                #[prost(message, repeated, tag = "2")]
                #[serde(deserialize_with = "crate::cluster::facts::nullable")]
                items: Vec<<facts::$kind as Slim>::Wire>,
            }
        )*

        /// A list of that kind.
        pub(super) fn page(kind: Kind, encoding: Encoding, body: Bytes) -> Result<Page, String> {
            match kind {
                $(Kind::$kind => {
                    let list: $list = encoding.decode(body)?;
                    let facts = list.items.into_iter().map(|object| Fact::$kind(Slim::slim(object)).trimmed());
                    Ok(Page { meta: ListMeta::slim(list.metadata.unwrap_or_default()), facts: facts.collect() })
                })*
            }
        }

        /// One object of that kind.
        pub(crate) fn object(kind: Kind, encoding: Encoding, body: Bytes) -> Result<Fact, String> {
            match kind {
                $(Kind::$kind => {
                    let object: <facts::$kind as Slim>::Wire = encoding.decode(body)?;
                    Ok(Fact::$kind(Slim::slim(object)).trimmed())
                })*
            }
        }

        /// The object of a watch line in JSON.
        pub(super) fn json_line(kind: Kind, line: &[u8]) -> Result<Fact, String> {
            match kind {
                $(Kind::$kind => {
                    let object: <facts::$kind as Slim>::Wire = line_object(line)?;
                    Ok(Fact::$kind(Slim::slim(object)).trimmed())
                })*
            }
        }
    };
}

decoders! {
    Namespace as Namespaces,
    Node as Nodes,
    Pod as Pods,
    Deployment as Deployments,
    ReplicaSet as ReplicaSets,
    StatefulSet as StatefulSets,
    DaemonSet as DaemonSets,
    Job as Jobs,
    CronJob as CronJobs,
    PersistentVolumeClaim as Claims,
    Service as Services,
    EndpointSlice as EndpointSlices,
    Event as Events,
    HorizontalPodAutoscaler as Autoscalers,
    Ingress as Ingresses,
    IngressClass as IngressClasses,
    ValidatingWebhookConfiguration as ValidatingWebhooks,
    MutatingWebhookConfiguration as MutatingWebhooks,
    ApiService as ApiServices,
    PersistentVolume as Volumes,
    StorageClass as StorageClasses,
    Certificate as Certificates,
    ConfigMap as ConfigMaps,
    NetworkPolicy as NetworkPolicies,
    PodDisruptionBudget as Budgets,
}

/// The uid of an object of any kind, as it is written.
pub(super) fn uid(encoding: Encoding, body: Bytes) -> Result<String, String> {
    let namespace: <facts::Namespace as Slim>::Wire = encoding.decode(body)?;
    Ok(namespace.metadata.map(|meta| meta.uid).unwrap_or_default())
}

/// What is in the `object` of a line `{"type":..,"object":{..}}`.
pub(super) fn line_object<T: DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    #[derive(serde::Deserialize)]
    struct Line<T> {
        object: T,
    }
    let line: Line<T> = serde_json::from_slice(line).map_err(|e| format!("a broken watch line ({e})"))?;
    Ok(line.object)
}
