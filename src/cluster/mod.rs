//! What Kubernetes says: slim facts and a pure index of them, with what can and cannot be seen.

pub mod facts;
mod from_dump;
mod history;
mod index;
mod sight;
mod usage;

use std::{borrow::Cow, fmt};

pub use facts::{Fact, Text};
pub use from_dump::{Dump, DumpProblem, LoadError};
pub use history::{Happened, History, Transition, TransitionKind};
pub use index::{ClusterIndex, Measured, Relist, ServiceImpact, Touched};
pub use sight::{Sight, Visibility};
pub use usage::{Gauge, Meter, NearLimit, Reading, Usage};

/// Makes room for one more. Most lists of an index stay short: up to so many they grow one by one and have no room to spare.
fn room_for_one<T>(list: &mut Vec<T>) {
    const FEW: usize = 16;
    if list.len() < FEW {
        list.reserve_exact(1);
    }
}

/// Identity of a cluster: the uid of its namespace `kube-system`. Its name is configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct ClusterId(pub String);

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The kinds that are watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "each variant is the kind it names")]
pub enum Kind {
    Namespace,
    Node,
    Pod,
    Deployment,
    ReplicaSet,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
    PersistentVolumeClaim,
    Service,
    EndpointSlice,
    Event,
    HorizontalPodAutoscaler,
    Ingress,
    IngressClass,
    ValidatingWebhookConfiguration,
    MutatingWebhookConfiguration,
    #[serde(rename = "APIService")]
    ApiService,
    PersistentVolume,
    StorageClass,
    Certificate,
    ConfigMap,
    NetworkPolicy,
    PodDisruptionBudget,
}

impl Kind {
    /// Every kind that is judged or that a judgement reads, in the order in which they are best listed (owners before pods).
    pub const ALL: [Self; 22] = [
        Self::Namespace,
        Self::Node,
        Self::Deployment,
        Self::ReplicaSet,
        Self::StatefulSet,
        Self::DaemonSet,
        Self::CronJob,
        Self::Job,
        Self::Pod,
        Self::PersistentVolumeClaim,
        Self::Service,
        Self::EndpointSlice,
        Self::Event,
        Self::StorageClass,
        Self::PersistentVolume,
        Self::IngressClass,
        Self::Ingress,
        Self::HorizontalPodAutoscaler,
        Self::ApiService,
        Self::ValidatingWebhookConfiguration,
        Self::MutatingWebhookConfiguration,
        Self::Certificate,
    ];

    /// The kinds of which only that they changed is watched, by their metadata: what changed is read then. No check reads them.
    pub const CHANGED: [Self; 3] = [Self::ConfigMap, Self::NetworkPolicy, Self::PodDisruptionBudget];

    /// Whether it is one of [`Self::CHANGED`].
    pub fn is_for_changes(self) -> bool {
        Self::CHANGED.contains(&self)
    }

    /// The name in the API (`Pod`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Namespace => "Namespace",
            Self::Node => "Node",
            Self::Pod => "Pod",
            Self::Deployment => "Deployment",
            Self::ReplicaSet => "ReplicaSet",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
            Self::PersistentVolumeClaim => "PersistentVolumeClaim",
            Self::Service => "Service",
            Self::EndpointSlice => "EndpointSlice",
            Self::Event => "Event",
            Self::HorizontalPodAutoscaler => "HorizontalPodAutoscaler",
            Self::Ingress => "Ingress",
            Self::IngressClass => "IngressClass",
            Self::ValidatingWebhookConfiguration => "ValidatingWebhookConfiguration",
            Self::MutatingWebhookConfiguration => "MutatingWebhookConfiguration",
            Self::ApiService => "APIService",
            Self::PersistentVolume => "PersistentVolume",
            Self::StorageClass => "StorageClass",
            Self::Certificate => "Certificate",
            Self::ConfigMap => "ConfigMap",
            Self::NetworkPolicy => "NetworkPolicy",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
        }
    }

    /// The plural in paths and in RBAC (`pods`).
    pub fn plural(self) -> &'static str {
        match self {
            Self::Namespace => "namespaces",
            Self::Node => "nodes",
            Self::Pod => "pods",
            Self::Deployment => "deployments",
            Self::ReplicaSet => "replicasets",
            Self::StatefulSet => "statefulsets",
            Self::DaemonSet => "daemonsets",
            Self::Job => "jobs",
            Self::CronJob => "cronjobs",
            Self::PersistentVolumeClaim => "persistentvolumeclaims",
            Self::Service => "services",
            Self::EndpointSlice => "endpointslices",
            Self::Event => "events",
            Self::HorizontalPodAutoscaler => "horizontalpodautoscalers",
            Self::Ingress => "ingresses",
            Self::IngressClass => "ingressclasses",
            Self::ValidatingWebhookConfiguration => "validatingwebhookconfigurations",
            Self::MutatingWebhookConfiguration => "mutatingwebhookconfigurations",
            Self::ApiService => "apiservices",
            Self::PersistentVolume => "persistentvolumes",
            Self::StorageClass => "storageclasses",
            Self::Certificate => "certificates",
            Self::ConfigMap => "configmaps",
            Self::NetworkPolicy => "networkpolicies",
            Self::PodDisruptionBudget => "poddisruptionbudgets",
        }
    }

    /// Group and version (`v1`, `apps/v1`).
    pub fn api_version(self) -> &'static str {
        match self {
            Self::Namespace
            | Self::Node
            | Self::Pod
            | Self::PersistentVolumeClaim
            | Self::PersistentVolume
            | Self::Service
            | Self::ConfigMap
            | Self::Event => "v1",
            Self::Deployment | Self::ReplicaSet | Self::StatefulSet | Self::DaemonSet => "apps/v1",
            Self::Job | Self::CronJob => "batch/v1",
            Self::EndpointSlice => "discovery.k8s.io/v1",
            Self::HorizontalPodAutoscaler => "autoscaling/v2",
            Self::Ingress | Self::IngressClass | Self::NetworkPolicy => "networking.k8s.io/v1",
            Self::PodDisruptionBudget => "policy/v1",
            Self::ValidatingWebhookConfiguration | Self::MutatingWebhookConfiguration => {
                "admissionregistration.k8s.io/v1"
            }
            Self::ApiService => "apiregistration.k8s.io/v1",
            Self::StorageClass => "storage.k8s.io/v1",
            Self::Certificate => "cert-manager.io/v1",
        }
    }

    /// The kind with that name in the API.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name)
    }

    /// Whether objects of this kind live in a namespace.
    pub fn is_namespaced(self) -> bool {
        !matches!(
            self,
            Self::Namespace
                | Self::Node
                | Self::IngressClass
                | Self::ValidatingWebhookConfiguration
                | Self::MutatingWebhookConfiguration
                | Self::ApiService
                | Self::PersistentVolume
                | Self::StorageClass
        )
    }

    /// Without these the bot cannot say that nothing is wrong; the others only make it know less.
    pub fn is_required(self) -> bool {
        !matches!(
            self,
            Self::CronJob
                | Self::Event
                | Self::EndpointSlice
                | Self::HorizontalPodAutoscaler
                | Self::Ingress
                | Self::IngressClass
                | Self::ValidatingWebhookConfiguration
                | Self::MutatingWebhookConfiguration
                | Self::ApiService
                | Self::PersistentVolume
                | Self::StorageClass
                | Self::Certificate
                | Self::ConfigMap
                | Self::NetworkPolicy
                | Self::PodDisruptionBudget
        )
    }

    /// Whether it is defined by something that is installed into the cluster: not everywhere there, and written in JSON only.
    pub fn is_custom(self) -> bool {
        self == Self::Certificate
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Key of a watched object. The namespace of a cluster-wide object is empty.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "kind, namespace, name")]
pub struct ObjectKey {
    pub kind: Kind,
    pub namespace: Text,
    pub name: Text,
}

/// A reference to any object, also of a kind that is not watched (an owner may be of any kind).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[expect(missing_docs, reason = "kind, namespace, name")]
pub struct ObjectRef {
    pub kind: Cow<'static, str>,
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub namespace: Text,
    pub name: Text,
}

impl ObjectRef {
    /// The watched kind this names, if it is one.
    pub fn watched_kind(&self) -> Option<Kind> {
        Kind::from_name(&self.kind)
    }
}

impl From<ObjectKey> for ObjectRef {
    fn from(key: ObjectKey) -> Self {
        Self { kind: Cow::Borrowed(key.kind.name()), namespace: key.namespace, name: key.name }
    }
}

impl fmt::Display for ObjectRef {
    /// `Deployment shop/api`; without a namespace `Node n1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{} {}", self.kind, self.name)
        } else {
            write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}
