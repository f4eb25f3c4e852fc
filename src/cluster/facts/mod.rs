//! Facts: slim values taken from Kubernetes objects, decoded by the same structs from protobuf, JSON and dumps.
//!
//! Only the fields a rule or a message needs are named; `prost` and `serde` skip the rest (managedFields, env, annotations of
//! other tools) without keeping it. A missing field and a JSON `null` are the default in both encodings. The protobuf tags are
//! those of `generated.proto` in k8s.io/api and k8s.io/apimachinery.

mod api;
mod autoscaling;
mod certificate;
mod changing;
mod config_use;
mod event;
mod job;
mod kept;
mod meta;
mod network;
mod node;
mod pod;
mod quantity;
mod scalars;
mod storage;
#[cfg(test)]
mod tests;
mod workload;

pub use api::*;
pub use autoscaling::*;
pub use certificate::*;
pub use changing::*;
pub use config_use::*;
pub use event::*;
pub use job::*;
pub use kept::*;
pub use meta::*;
pub use network::*;
pub use node::*;
pub use pod::*;
pub use quantity::Quantity;
pub(crate) use quantity::{amount, number};
pub use scalars::*;
pub use storage::*;
pub use workload::*;

use super::{Kind, ObjectKey};

/// Declares slim structs with their decoders. Every field is public and named as in the Kubernetes API (in snake case); its type
/// is what is kept, from which follows how it is decoded.
macro_rules! slim {
    ($($(#[$doc:meta])* $name:ident { $($(#[$m:meta])* $field:ident : $ty:ty),* $(,)? })*) => { $(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name {
            $(
                #[doc = concat!("`", stringify!($field), "` of the Kubernetes API.")]
                pub $field: $ty,
            )*
        }

        const _: () = {
            /// The form of the decoders.
            #[derive(Clone, PartialEq, prost::Message, serde::Deserialize)]
            #[serde(rename_all = "camelCase", default)]
            pub struct Wire {
                $(
                    #[doc = concat!("`", stringify!($field), "` of the Kubernetes API.")]
                    $(#[$m])*
                    #[serde(deserialize_with = "crate::cluster::facts::nullable")]
                    pub $field: <$ty as crate::cluster::facts::Slim>::Wire,
                )*
            }

            impl crate::cluster::facts::Slim for $name {
                type Wire = Wire;

                fn slim(wire: Wire) -> Self {
                    Self { $($field: crate::cluster::facts::Slim::slim(wire.$field)),* }
                }
            }
        };
        crate::cluster::facts::deserialize_slim!($name);
    )* };
}
pub(crate) use slim;

/// Reads a slim struct by the form of the decoders.
macro_rules! deserialize_slim {
    ($name:ident) => {
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let wire =
                    <<Self as crate::cluster::facts::Slim>::Wire as serde::Deserialize>::deserialize(deserializer)?;
                Ok(crate::cluster::facts::Slim::slim(wire))
            }
        }
    };
}
pub(crate) use deserialize_slim;

/// JSON `null` counts as "not set", as it does for the API server.
pub(crate) fn nullable<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + serde::Deserialize<'de>,
{
    Ok(<Option<T> as serde::Deserialize>::deserialize(deserializer)?.unwrap_or_default())
}

/// One Kubernetes object of a watched kind, as slim as the rules allow.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "each variant is the kind it names")]
pub enum Fact {
    Namespace(Box<Namespace>),
    Node(Box<Node>),
    Pod(Box<Pod>),
    Deployment(Box<Deployment>),
    ReplicaSet(Box<ReplicaSet>),
    StatefulSet(Box<StatefulSet>),
    DaemonSet(Box<DaemonSet>),
    Job(Box<Job>),
    CronJob(Box<CronJob>),
    PersistentVolumeClaim(Box<PersistentVolumeClaim>),
    Service(Box<Service>),
    EndpointSlice(Box<EndpointSlice>),
    Event(Box<Event>),
    HorizontalPodAutoscaler(Box<HorizontalPodAutoscaler>),
    Ingress(Box<Ingress>),
    IngressClass(Box<IngressClass>),
    ValidatingWebhookConfiguration(Box<ValidatingWebhookConfiguration>),
    MutatingWebhookConfiguration(Box<MutatingWebhookConfiguration>),
    ApiService(Box<ApiService>),
    PersistentVolume(Box<PersistentVolume>),
    StorageClass(Box<StorageClass>),
    Certificate(Box<Certificate>),
    ConfigMap(Box<ConfigMap>),
    NetworkPolicy(Box<NetworkPolicy>),
    PodDisruptionBudget(Box<PodDisruptionBudget>),
}

impl Fact {
    /// The kind of the object.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Namespace(_) => Kind::Namespace,
            Self::Node(_) => Kind::Node,
            Self::Pod(_) => Kind::Pod,
            Self::Deployment(_) => Kind::Deployment,
            Self::ReplicaSet(_) => Kind::ReplicaSet,
            Self::StatefulSet(_) => Kind::StatefulSet,
            Self::DaemonSet(_) => Kind::DaemonSet,
            Self::Job(_) => Kind::Job,
            Self::CronJob(_) => Kind::CronJob,
            Self::PersistentVolumeClaim(_) => Kind::PersistentVolumeClaim,
            Self::Service(_) => Kind::Service,
            Self::EndpointSlice(_) => Kind::EndpointSlice,
            Self::Event(_) => Kind::Event,
            Self::HorizontalPodAutoscaler(_) => Kind::HorizontalPodAutoscaler,
            Self::Ingress(_) => Kind::Ingress,
            Self::IngressClass(_) => Kind::IngressClass,
            Self::ValidatingWebhookConfiguration(_) => Kind::ValidatingWebhookConfiguration,
            Self::MutatingWebhookConfiguration(_) => Kind::MutatingWebhookConfiguration,
            Self::ApiService(_) => Kind::ApiService,
            Self::PersistentVolume(_) => Kind::PersistentVolume,
            Self::StorageClass(_) => Kind::StorageClass,
            Self::Certificate(_) => Kind::Certificate,
            Self::ConfigMap(_) => Kind::ConfigMap,
            Self::NetworkPolicy(_) => Kind::NetworkPolicy,
            Self::PodDisruptionBudget(_) => Kind::PodDisruptionBudget,
        }
    }

    /// The object's metadata.
    pub fn meta(&self) -> &Meta {
        match self {
            Self::Namespace(x) => x.meta(),
            Self::Node(x) => x.meta(),
            Self::Pod(x) => x.meta(),
            Self::Deployment(x) => x.meta(),
            Self::ReplicaSet(x) => x.meta(),
            Self::StatefulSet(x) => x.meta(),
            Self::DaemonSet(x) => x.meta(),
            Self::Job(x) => x.meta(),
            Self::CronJob(x) => x.meta(),
            Self::PersistentVolumeClaim(x) => x.meta(),
            Self::Service(x) => x.meta(),
            Self::EndpointSlice(x) => x.meta(),
            Self::Event(x) => x.meta(),
            Self::HorizontalPodAutoscaler(x) => x.meta(),
            Self::Ingress(x) => x.meta(),
            Self::IngressClass(x) => x.meta(),
            Self::ValidatingWebhookConfiguration(x) => x.meta(),
            Self::MutatingWebhookConfiguration(x) => x.meta(),
            Self::ApiService(x) => x.meta(),
            Self::PersistentVolume(x) => x.meta(),
            Self::StorageClass(x) => x.meta(),
            Self::Certificate(x) => x.meta(),
            Self::ConfigMap(x) | Self::NetworkPolicy(x) | Self::PodDisruptionBudget(x) => x.meta(),
        }
    }

    /// The object's metadata, to change it.
    pub(crate) fn meta_mut(&mut self) -> Option<&mut Meta> {
        match self {
            Self::Namespace(x) => x.metadata.as_mut(),
            Self::Node(x) => x.metadata.as_mut(),
            Self::Pod(x) => x.metadata.as_mut(),
            Self::Deployment(x) => x.metadata.as_mut(),
            Self::ReplicaSet(x) => x.metadata.as_mut(),
            Self::StatefulSet(x) => x.metadata.as_mut(),
            Self::DaemonSet(x) => x.metadata.as_mut(),
            Self::Job(x) => x.metadata.as_mut(),
            Self::CronJob(x) => x.metadata.as_mut(),
            Self::PersistentVolumeClaim(x) => x.metadata.as_mut(),
            Self::Service(x) => x.metadata.as_mut(),
            Self::EndpointSlice(x) => x.metadata.as_mut(),
            Self::Event(x) => x.metadata.as_mut(),
            Self::HorizontalPodAutoscaler(x) => x.metadata.as_mut(),
            Self::Ingress(x) => x.metadata.as_mut(),
            Self::IngressClass(x) => x.metadata.as_mut(),
            Self::ValidatingWebhookConfiguration(x) => x.metadata.as_mut(),
            Self::MutatingWebhookConfiguration(x) => x.metadata.as_mut(),
            Self::ApiService(x) => x.metadata.as_mut(),
            Self::PersistentVolume(x) => x.metadata.as_mut(),
            Self::StorageClass(x) => x.metadata.as_mut(),
            Self::Certificate(x) => x.metadata.as_mut(),
            Self::ConfigMap(x) | Self::NetworkPolicy(x) | Self::PodDisruptionBudget(x) => x.metadata.as_mut(),
        }
    }

    /// Without what was decoded and nobody reads: what old `ReplicaSet`s that run nothing had asked for, addresses of pods. It is
    /// forgotten before the next object is decoded, whose place it then is.
    #[must_use]
    pub(crate) fn trimmed(mut self) -> Self {
        if let Self::ReplicaSet(set) = &mut self {
            set.keep_what_is_read();
        } else if let Self::EndpointSlice(slice) = &mut self {
            slice.keep_what_is_read();
        } else if let Self::ConfigMap(x) | Self::NetworkPolicy(x) | Self::PodDisruptionBudget(x) = &mut self {
            x.keep_what_is_read();
        }
        self
    }

    /// Kind, namespace and name.
    pub fn key(&self) -> ObjectKey {
        let meta = self.meta();
        ObjectKey { kind: self.kind(), namespace: meta.namespace.clone(), name: meta.name.clone() }
    }
}

/// Gives `meta()`, which never fails: an object without metadata has empty metadata.
macro_rules! has_meta {
    ($($name:ident),*) => { $(
        impl $name {
            /// The object's metadata; empty if the API sent none.
            pub fn meta(&self) -> &$crate::cluster::facts::Meta {
                self.metadata.as_ref().unwrap_or(&$crate::cluster::facts::EMPTY_META)
            }
        }
    )* };
}
pub(crate) use has_meta;
