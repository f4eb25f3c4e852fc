//! Deployments, ReplicaSets, StatefulSets and DaemonSets: desired, updated, ready.

use super::{CronJob, Fact, Job, Labels, Meta, Pod, Text, Time, has_meta, slim};

slim! {
    /// The template of the pods; only what a message needs.
    PodTemplate {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, optional, tag = "2")] spec: Option<TemplateSpec>,
    }
    /// The images of a template.
    TemplateSpec {
        #[prost(message, repeated, tag = "2")] containers: Box<[TemplateContainer]>,
    }
    /// Name and image of a container.
    TemplateContainer {
        #[prost(string, tag = "1")] name: Text,
        #[prost(string, tag = "2")] image: Text,
    }
    /// A Deployment.
    Deployment {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, optional, tag = "2")] spec: Option<DeploymentSpec>,
        #[prost(message, optional, tag = "3")] status: Option<DeploymentStatus>,
    }
    /// What a Deployment asks for; `replicas` not set means 1.
    DeploymentSpec {
        #[prost(int32, optional, tag = "1")] replicas: Option<i32>,
        #[prost(message, optional, tag = "3")] template: Option<Box<PodTemplate>>,
        #[prost(bool, tag = "7")] paused: bool,
        #[prost(int32, optional, tag = "9")] progress_deadline_seconds: Option<i32>,
    }
    /// Where a Deployment is.
    DeploymentStatus {
        #[prost(int64, tag = "1")] observed_generation: i64,
        #[prost(int32, tag = "2")] replicas: i32,
        #[prost(int32, tag = "3")] updated_replicas: i32,
        #[prost(int32, tag = "7")] ready_replicas: i32,
        #[prost(int32, tag = "4")] available_replicas: i32,
        #[prost(message, repeated, tag = "6")] conditions: Box<[DeploymentCondition]>,
    }
    /// A condition of a Deployment.
    DeploymentCondition {
        #[prost(string, tag = "1")] #[serde(rename = "type")] kind: Text,
        #[prost(string, tag = "2")] status: Text,
        #[prost(message, optional, tag = "6")] last_update_time: Option<Time>,
        #[prost(message, optional, tag = "7")] last_transition_time: Option<Time>,
        #[prost(string, tag = "4")] reason: Text,
        #[prost(string, tag = "5")] message: Text,
    }
    /// A ReplicaSet.
    ReplicaSet {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, optional, tag = "2")] spec: Option<ReplicaSetSpec>,
        #[prost(message, optional, tag = "3")] status: Option<ReplicaSetStatus>,
    }
    /// What a ReplicaSet asks for; `replicas` not set means 1.
    ReplicaSetSpec {
        #[prost(int32, optional, tag = "1")] replicas: Option<i32>,
        #[prost(message, optional, tag = "3")] template: Option<Box<PodTemplate>>,
    }
    /// Where a ReplicaSet is.
    ReplicaSetStatus {
        #[prost(int32, tag = "1")] replicas: i32,
        #[prost(int32, tag = "4")] ready_replicas: i32,
        #[prost(int32, tag = "5")] available_replicas: i32,
        #[prost(message, repeated, tag = "6")] conditions: Box<[ReplicaSetCondition]>,
    }
    /// A condition of a ReplicaSet or StatefulSet.
    ReplicaSetCondition {
        #[prost(string, tag = "1")] #[serde(rename = "type")] kind: Text,
        #[prost(string, tag = "2")] status: Text,
        #[prost(message, optional, tag = "3")] last_transition_time: Option<Time>,
        #[prost(string, tag = "4")] reason: Text,
        #[prost(string, tag = "5")] message: Text,
    }
    /// A StatefulSet.
    StatefulSet {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, optional, tag = "2")] spec: Option<StatefulSetSpec>,
        #[prost(message, optional, tag = "3")] status: Option<StatefulSetStatus>,
    }
    /// What a StatefulSet asks for; `replicas` not set means 1.
    StatefulSetSpec {
        #[prost(int32, optional, tag = "1")] replicas: Option<i32>,
        #[prost(message, optional, tag = "3")] template: Option<Box<PodTemplate>>,
        #[prost(string, tag = "5")] service_name: Text,
        #[prost(string, tag = "6")] pod_management_policy: Text,
        #[prost(message, optional, tag = "7")] update_strategy: Option<StatefulSetUpdate>,
    }
    /// How the pods of a StatefulSet are replaced.
    StatefulSetUpdate {
        #[prost(string, tag = "1")] #[serde(rename = "type")] kind: Text,
        #[prost(message, optional, tag = "2")] rolling_update: Option<RollingUpdate>,
    }
    /// Which pods of a StatefulSet are replaced: those from the partition on.
    RollingUpdate {
        #[prost(int32, tag = "1")] partition: i32,
    }
    /// Where a StatefulSet is.
    StatefulSetStatus {
        #[prost(int64, tag = "1")] observed_generation: i64,
        #[prost(int32, tag = "2")] replicas: i32,
        #[prost(int32, tag = "3")] ready_replicas: i32,
        #[prost(int32, tag = "4")] current_replicas: i32,
        #[prost(int32, tag = "5")] updated_replicas: i32,
        #[prost(string, tag = "6")] current_revision: Text,
        #[prost(string, tag = "7")] update_revision: Text,
        #[prost(int32, tag = "11")] available_replicas: i32,
    }
    /// A DaemonSet.
    DaemonSet {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, optional, tag = "2")] spec: Option<DaemonSetSpec>,
        #[prost(message, optional, tag = "3")] status: Option<DaemonSetStatus>,
    }
    /// What a DaemonSet asks for.
    DaemonSetSpec {
        #[prost(message, optional, tag = "2")] template: Option<Box<PodTemplate>>,
        #[prost(message, optional, tag = "3")] update_strategy: Option<DaemonSetUpdate>,
    }
    /// How the pods of a DaemonSet are replaced.
    DaemonSetUpdate {
        #[prost(string, tag = "1")] #[serde(rename = "type")] kind: String,
    }
    /// Where a DaemonSet is.
    DaemonSetStatus {
        #[prost(int32, tag = "1")] current_number_scheduled: i32,
        #[prost(int32, tag = "3")] desired_number_scheduled: i32,
        #[prost(int32, tag = "4")] number_ready: i32,
        #[prost(int64, tag = "5")] observed_generation: i64,
        #[prost(int32, tag = "6")] updated_number_scheduled: i32,
        #[prost(int32, tag = "7")] number_available: i32,
        #[prost(int32, tag = "8")] number_unavailable: i32,
    }
}
has_meta!(Deployment, ReplicaSet, StatefulSet, DaemonSet);

/// A fact that makes pods, or is one.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each variant is the kind it names")]
pub enum Workload<'a> {
    Pod(&'a Pod),
    Deployment(&'a Deployment),
    ReplicaSet(&'a ReplicaSet),
    StatefulSet(&'a StatefulSet),
    DaemonSet(&'a DaemonSet),
    Job(&'a Job),
    CronJob(&'a CronJob),
}

impl Fact {
    /// As a workload; None for what neither makes pods nor is one.
    pub fn workload(&self) -> Option<Workload<'_>> {
        Some(match self {
            Self::Pod(x) => Workload::Pod(x),
            Self::Deployment(x) => Workload::Deployment(x),
            Self::ReplicaSet(x) => Workload::ReplicaSet(x),
            Self::StatefulSet(x) => Workload::StatefulSet(x),
            Self::DaemonSet(x) => Workload::DaemonSet(x),
            Self::Job(x) => Workload::Job(x),
            Self::CronJob(x) => Workload::CronJob(x),
            Self::Namespace(_)
            | Self::Node(_)
            | Self::PersistentVolumeClaim(_)
            | Self::Service(_)
            | Self::EndpointSlice(_)
            | Self::HorizontalPodAutoscaler(_)
            | Self::Ingress(_)
            | Self::IngressClass(_)
            | Self::ValidatingWebhookConfiguration(_)
            | Self::MutatingWebhookConfiguration(_)
            | Self::ApiService(_)
            | Self::PersistentVolume(_)
            | Self::StorageClass(_)
            | Self::Certificate(_)
            | Self::ConfigMap(_)
            | Self::NetworkPolicy(_)
            | Self::PodDisruptionBudget(_)
            | Self::Event(_) => return None,
        })
    }
}

impl ReplicaSet {
    /// Of a revision that runs nothing any more only its name, its owner and its number are read; a Deployment keeps ten of them. The
    /// template of the present one is that of its Deployment.
    pub(crate) fn keep_what_is_read(&mut self) {
        let controller = self.meta().controller();
        let (is_controlled, by_deployment) = (controller.is_some(), controller.is_some_and(|c| c.kind == "Deployment"));
        let runs_nothing = self.status.as_ref().is_none_or(|status| status.replicas == 0);
        let is_over = runs_nothing && self.spec.as_ref().is_some_and(|spec| spec.replicas == Some(0));
        if let Some(spec) = self.spec.as_mut().filter(|_| is_over || by_deployment) {
            spec.template = None;
        }
        if let Some(meta) = self.metadata.as_mut().filter(|_| is_over && is_controlled) {
            meta.labels = Labels::default();
        }
    }
}
