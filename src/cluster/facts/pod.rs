//! Pods: what was asked for, and what the kubelet says of each container.

use std::ops::Deref;

use jiff::Timestamp;

use super::{
    Condition, ConfigKeys, ConfigName, ConfigNames, Labels, Map, Meta, Projected, Quantity, Shared, Slim, Text, Time,
    deserialize_slim, has_meta, nullable, slim,
};

slim! {
    /// A Pod.
    Pod {
        #[prost(message, optional, tag = "1")] metadata: Option<Meta>,
        #[prost(message, optional, tag = "2")] spec: Option<PodSpec>,
        #[prost(message, optional, tag = "3")] status: Option<PodStatus>,
    }
    /// What a Pod asks for, as it is written.
    WrittenPodSpec {
        #[prost(message, repeated, tag = "1")] volumes: Box<[Volume]>,
        #[prost(message, repeated, tag = "20")] init_containers: Box<[Container]>,
        #[prost(message, repeated, tag = "2")] containers: Box<[Container]>,
        #[prost(string, tag = "3")] restart_policy: Text,
        #[prost(int64, optional, tag = "4")] termination_grace_period_seconds: Option<i64>,
        #[prost(btree_map = "string, string", tag = "7")] node_selector: Labels,
        #[prost(string, tag = "10")] node_name: Text,
        #[prost(bool, tag = "11")] host_network: bool,
        #[prost(message, repeated, tag = "28")] readiness_gates: Box<[ReadinessGate]>,
        #[prost(message, repeated, tag = "38")] scheduling_gates: Box<[SchedulingGate]>,
    }
    /// A condition that must be true besides the containers' readiness.
    ReadinessGate {
        #[prost(string, tag = "1")] condition_type: Text,
    }
    /// A gate that keeps a Pod from being scheduled, on purpose.
    SchedulingGate {
        #[prost(string, tag = "1")] name: Text,
    }
    /// A container as asked for.
    Container {
        #[prost(string, tag = "1")] name: Text,
        #[prost(string, tag = "2")] image: Text,
        #[prost(message, repeated, tag = "7")] env: ConfigKeys,
        #[prost(message, optional, tag = "8")] resources: Option<Resources>,
        #[prost(message, optional, tag = "10")] liveness_probe: Option<Probe>,
        #[prost(message, optional, tag = "11")] readiness_probe: Option<Probe>,
        #[prost(message, optional, tag = "22")] startup_probe: Option<Probe>,
        #[prost(message, repeated, tag = "19")] env_from: ConfigNames,
        #[prost(string, tag = "24")] restart_policy: Text,
    }
    /// Limits and requests, as written.
    Resources {
        #[prost(btree_map = "string, message", tag = "1")] limits: Map<Quantity>,
        #[prost(btree_map = "string, message", tag = "2")] requests: Map<Quantity>,
    }
    /// Timing of a probe, in seconds.
    Probe {
        #[prost(int32, tag = "2")] initial_delay_seconds: i32,
        #[prost(int32, tag = "4")] period_seconds: i32,
        #[prost(int32, tag = "6")] failure_threshold: i32,
    }
    /// A volume that names a claim.
    ClaimVolume {
        #[prost(string, tag = "1")] claim_name: Text,
    }
    /// What the Pod is doing.
    PodStatus {
        #[prost(string, tag = "1")] phase: Text,
        #[prost(message, repeated, tag = "2")] conditions: Box<[Condition]>,
        #[prost(string, tag = "3")] message: Text,
        #[prost(string, tag = "4")] reason: Text,
        #[prost(message, optional, tag = "7")] start_time: Option<Time>,
        #[prost(message, repeated, tag = "10")] init_container_statuses: Box<[ContainerStatus]>,
        #[prost(message, repeated, tag = "8")] container_statuses: Box<[ContainerStatus]>,
    }
    /// What a container is doing.
    ContainerStatus {
        #[prost(string, tag = "1")] name: Text,
        #[prost(message, optional, tag = "2")] state: Option<ContainerState>,
        #[prost(message, optional, tag = "3")] last_state: Option<ContainerState>,
        #[prost(bool, tag = "4")] ready: bool,
        #[prost(int32, tag = "5")] restart_count: i32,
        #[prost(string, tag = "6")] image: Shared<Text>,
        #[prost(string, tag = "7")] #[serde(rename = "imageID")] image_id: Shared<Text>,
        #[prost(bool, optional, tag = "9")] started: Option<bool>,
    }
    /// One of waiting, running, terminated.
    ContainerState {
        #[prost(message, optional, tag = "1")] waiting: Option<Box<Waiting>>,
        #[prost(message, optional, tag = "2")] running: Option<Running>,
        #[prost(message, optional, tag = "3")] terminated: Option<Box<Terminated>>,
    }
    /// Why a container does not run yet.
    Waiting {
        #[prost(string, tag = "1")] reason: Text,
        #[prost(string, tag = "2")] message: Text,
    }
    /// Since when a container runs.
    Running {
        #[prost(message, optional, tag = "1")] started_at: Option<Time>,
    }
    /// How a container ended.
    Terminated {
        #[prost(int32, tag = "1")] exit_code: i32,
        #[prost(int32, tag = "2")] signal: i32,
        #[prost(string, tag = "3")] reason: Text,
        #[prost(string, tag = "4")] message: Text,
        #[prost(message, optional, tag = "5")] started_at: Option<Time>,
        #[prost(message, optional, tag = "6")] finished_at: Option<Time>,
    }
}
has_meta!(Pod);

/// What a Pod asks for: but for its node it is what its neighbours ask for, and kept once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PodSpec {
    /// `nodeName` of the Kubernetes API.
    pub node_name: Shared<Text>,
    asked: Shared<Asked>,
}

/// What the pods of one template ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the fields are those of the Kubernetes API, in snake case")]
pub struct Asked {
    /// The names of the claims its volumes name.
    pub claims: Box<[Text]>,
    /// The `ConfigMap`s its volumes name.
    pub config_volumes: Box<[Text]>,
    pub init_containers: Box<[Container]>,
    pub containers: Box<[Container]>,
    pub restart_policy: Text,
    pub termination_grace_period_seconds: Option<i64>,
    pub node_selector: Labels,
    pub host_network: bool,
    pub readiness_gates: Box<[ReadinessGate]>,
    pub scheduling_gates: Box<[SchedulingGate]>,
}

impl Deref for PodSpec {
    type Target = Asked;

    fn deref(&self) -> &Asked {
        &self.asked
    }
}

impl Slim for PodSpec {
    type Wire = <WrittenPodSpec as Slim>::Wire;

    fn slim(wire: Self::Wire) -> Self {
        let written = WrittenPodSpec::slim(wire);
        Self {
            node_name: Shared::new(written.node_name),
            asked: Shared::new(Asked {
                claims: written.volumes.iter().filter_map(|volume| volume.claim.clone()).collect(),
                config_volumes: written.volumes.iter().flat_map(|volume| volume.configs.iter().cloned()).collect(),
                init_containers: written.init_containers,
                containers: written.containers,
                restart_policy: written.restart_policy,
                termination_grace_period_seconds: written.termination_grace_period_seconds,
                node_selector: written.node_selector,
                host_network: written.host_network,
                readiness_gates: written.readiness_gates,
                scheduling_gates: written.scheduling_gates,
            }),
        }
    }
}
deserialize_slim!(PodSpec);

/// A volume; only the names of its claim and its `ConfigMap`s are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Volume {
    /// The claim it is made from, if it is.
    pub claim: Option<Text>,
    /// The `ConfigMap`s it is made from.
    pub configs: Box<[Text]>,
}

/// How a volume is decoded. JSON writes the source beside the name, protobuf in a message of its own.
#[derive(Clone, PartialEq, prost::Message)]
pub struct WireVolume {
    /// The source, if it is one of those kept.
    #[prost(message, optional, tag = "2")]
    pub source: Option<WireVolumeSource>,
}

/// The kept part of a volume's source.
#[derive(Clone, PartialEq, prost::Message)]
pub struct WireVolumeSource {
    /// `persistentVolumeClaim` of the Kubernetes API.
    #[prost(message, optional, tag = "10")]
    pub persistent_volume_claim: Option<<ClaimVolume as Slim>::Wire>,
    /// `configMap` of the Kubernetes API.
    #[prost(message, optional, tag = "19")]
    pub config_map: Option<<ConfigName as Slim>::Wire>,
    /// `projected` of the Kubernetes API.
    #[prost(message, optional, tag = "26")]
    pub projected: Option<<Projected as Slim>::Wire>,
}

impl Slim for Volume {
    type Wire = WireVolume;

    fn slim(wire: WireVolume) -> Self {
        let WireVolumeSource { persistent_volume_claim, config_map, projected } = wire.source.unwrap_or_default();
        let sources = projected.map(|all| Projected::slim(all).sources.into_vec()).unwrap_or_default();
        let projected = sources.into_iter().filter_map(|source| source.config_map);
        let configs = config_map.map(ConfigName::slim).into_iter().chain(projected);
        Self {
            claim: persistent_volume_claim.map(|claim| ClaimVolume::slim(claim).claim_name),
            configs: configs.filter_map(ConfigName::name).collect(),
        }
    }
}

impl<'de> serde::Deserialize<'de> for WireVolume {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Default, serde::Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        struct Written {
            #[serde(deserialize_with = "nullable")]
            persistent_volume_claim: Option<<ClaimVolume as Slim>::Wire>,
            #[serde(deserialize_with = "nullable")]
            config_map: Option<<ConfigName as Slim>::Wire>,
            #[serde(deserialize_with = "nullable")]
            projected: Option<<Projected as Slim>::Wire>,
        }
        let Written { persistent_volume_claim, config_map, projected } = Written::deserialize(deserializer)?;
        Ok(Self { source: Some(WireVolumeSource { persistent_volume_claim, config_map, projected }) })
    }
}

impl Pod {
    /// The condition of that type, if the kubelet set it.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.status.as_ref()?.conditions.iter().find(|c| c.kind == kind)
    }

    /// Whether a kubelet threw it out.
    pub fn is_evicted(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.reason == "Evicted")
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

    /// The memory limit of one of its containers, in bytes.
    pub fn memory_limit(&self, container: &str) -> Option<u64> {
        let spec = self.spec.as_ref()?;
        let asked = spec.containers.iter().chain(&spec.init_containers).find(|c| c.name == container)?;
        asked.resources.as_ref()?.limits.get("memory")?.amount().filter(|limit| *limit > 0)
    }

    /// Since when one of its containers runs; None: it does not.
    pub fn running_since(&self, container: &str) -> Option<Timestamp> {
        let status = self.status.as_ref()?;
        let all = status.container_statuses.iter().chain(&status.init_container_statuses);
        let running = all.filter(|c| c.name == container).find_map(|c| c.state.as_ref()?.running.as_ref());
        running?.started_at.map(Time::at)
    }

    /// Whether the memory of any of its containers is limited.
    pub fn limits_memory(&self) -> bool {
        let spec = self.spec.iter();
        spec.flat_map(|spec| spec.containers.iter().chain(&spec.init_containers))
            .any(|c| c.resources.as_ref().is_some_and(|r| r.limits.contains_key("memory")))
    }

    /// The claims its volumes name.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.spec.iter().flat_map(|s| &s.claims).map(Text::as_str)
    }
}
