//! Pods: what was asked for, and what the kubelet says of each container.

use std::collections::BTreeMap;

use super::{Condition, Meta, Quantity, Time, has_meta, nullable, slim};

slim! {
    /// A Pod.
    Pod {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, optional, tag = "2")] spec: Option<PodSpec>,
        #[prost(message, optional, tag = "3")] status: Option<PodStatus>,
    }
    /// What the Pod asks for.
    PodSpec {
        #[prost(message, repeated, tag = "1")] volumes: Vec<Volume>,
        #[prost(message, repeated, tag = "20")] init_containers: Vec<Container>,
        #[prost(message, repeated, tag = "2")] containers: Vec<Container>,
        #[prost(string, tag = "3")] restart_policy: String,
        #[prost(int64, optional, tag = "4")] termination_grace_period_seconds: Option<i64>,
        #[prost(btree_map = "string, string", tag = "7")] node_selector: BTreeMap<String, String>,
        #[prost(string, tag = "10")] node_name: String,
        #[prost(bool, tag = "11")] host_network: bool,
        #[prost(message, repeated, tag = "28")] readiness_gates: Vec<ReadinessGate>,
        #[prost(message, repeated, tag = "38")] scheduling_gates: Vec<SchedulingGate>,
    }
    /// A condition that must be true besides the containers' readiness.
    ReadinessGate {
        #[prost(string, tag = "1")] condition_type: String,
    }
    /// A gate that keeps a Pod from being scheduled, on purpose.
    SchedulingGate {
        #[prost(string, tag = "1")] name: String,
    }
    /// A container as asked for.
    Container {
        #[prost(string, tag = "1")] name: String,
        #[prost(string, tag = "2")] image: String,
        #[prost(message, optional, tag = "8")] resources: Option<Resources>,
        #[prost(message, optional, tag = "10")] liveness_probe: Option<Probe>,
        #[prost(message, optional, tag = "11")] readiness_probe: Option<Probe>,
        #[prost(message, optional, tag = "22")] startup_probe: Option<Probe>,
        #[prost(string, tag = "24")] restart_policy: String,
    }
    /// Limits and requests, as written.
    Resources {
        #[prost(btree_map = "string, message", tag = "1")] limits: BTreeMap<String, Quantity>,
        #[prost(btree_map = "string, message", tag = "2")] requests: BTreeMap<String, Quantity>,
    }
    /// Timing of a probe, in seconds.
    Probe {
        #[prost(int32, tag = "2")] initial_delay_seconds: i32,
        #[prost(int32, tag = "4")] period_seconds: i32,
        #[prost(int32, tag = "6")] failure_threshold: i32,
    }
    /// A volume that names a claim.
    ClaimVolume {
        #[prost(string, tag = "1")] claim_name: String,
    }
    /// What the Pod is doing.
    PodStatus {
        #[prost(string, tag = "1")] phase: String,
        #[prost(message, repeated, tag = "2")] conditions: Vec<Condition>,
        #[prost(string, tag = "3")] message: String,
        #[prost(string, tag = "4")] reason: String,
        #[prost(message, optional, tag = "7")] start_time: Option<Time>,
        #[prost(message, repeated, tag = "10")] init_container_statuses: Vec<ContainerStatus>,
        #[prost(message, repeated, tag = "8")] container_statuses: Vec<ContainerStatus>,
    }
    /// What a container is doing.
    ContainerStatus {
        #[prost(string, tag = "1")] name: String,
        #[prost(message, optional, tag = "2")] state: Option<ContainerState>,
        #[prost(message, optional, tag = "3")] last_state: Option<ContainerState>,
        #[prost(bool, tag = "4")] ready: bool,
        #[prost(int32, tag = "5")] restart_count: i32,
        #[prost(string, tag = "6")] image: String,
        #[prost(string, tag = "7")] #[serde(rename = "imageID")] image_id: String,
        #[prost(bool, optional, tag = "9")] started: Option<bool>,
    }
    /// One of waiting, running, terminated.
    ContainerState {
        #[prost(message, optional, tag = "1")] waiting: Option<Waiting>,
        #[prost(message, optional, tag = "2")] running: Option<Running>,
        #[prost(message, optional, tag = "3")] terminated: Option<Terminated>,
    }
    /// Why a container does not run yet.
    Waiting {
        #[prost(string, tag = "1")] reason: String,
        #[prost(string, tag = "2")] message: String,
    }
    /// Since when a container runs.
    Running {
        #[prost(message, optional, tag = "1")] started_at: Option<Time>,
    }
    /// How a container ended.
    Terminated {
        #[prost(int32, tag = "1")] exit_code: i32,
        #[prost(int32, tag = "2")] signal: i32,
        #[prost(string, tag = "3")] reason: String,
        #[prost(string, tag = "4")] message: String,
        #[prost(message, optional, tag = "5")] started_at: Option<Time>,
        #[prost(message, optional, tag = "6")] finished_at: Option<Time>,
    }
}
has_meta!(Pod);

/// A volume; only the name of its claim is kept. JSON writes the source beside the name, protobuf in a message of its own.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Volume {
    /// `name` of the Kubernetes API.
    #[prost(string, tag = "1")]
    pub name: String,
    /// The source, if it is one of those kept.
    #[prost(message, optional, tag = "2")]
    pub source: Option<VolumeSource>,
}

/// The kept part of a volume's source.
#[derive(Clone, PartialEq, prost::Message)]
pub struct VolumeSource {
    /// `persistentVolumeClaim` of the Kubernetes API.
    #[prost(message, optional, tag = "10")]
    pub persistent_volume_claim: Option<ClaimVolume>,
}

impl<'de> serde::Deserialize<'de> for Volume {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, serde::Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct Written {
            #[serde(deserialize_with = "nullable")]
            name: String,
            #[serde(deserialize_with = "nullable")]
            persistent_volume_claim: Option<ClaimVolume>,
        }
        let Written { name, persistent_volume_claim } = Written::deserialize(deserializer)?;
        let source = persistent_volume_claim.map(|claim| VolumeSource { persistent_volume_claim: Some(claim) });
        Ok(Self { name, source })
    }
}

impl Pod {
    /// The condition of that type, if the kubelet set it.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status.as_ref()?.conditions.iter().find(|c| c.kind == kind)
    }

    /// Whether the Pod is ready to serve.
    pub fn is_ready(&self) -> bool {
        self.condition("Ready").is_some_and(|c| c.status == "True")
    }

    /// The phase; empty if there is no status.
    pub fn phase(&self) -> &str {
        self.status.as_ref().map_or("", |s| s.phase.as_str())
    }

    /// The node it was given to; empty if it was given to none.
    pub fn node_name(&self) -> &str {
        self.spec.as_ref().map_or("", |s| s.node_name.as_str())
    }

    /// The claims its volumes name.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.spec
            .iter()
            .flat_map(|s| &s.volumes)
            .filter_map(|v| v.source.as_ref()?.persistent_volume_claim.as_ref().map(|c| c.claim_name.as_str()))
    }
}
