//! What containers and volumes use: memory by the metrics API, volumes by each kubelet itself; what was measured comes out.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use serde::Deserialize;

use super::{Asked, Kubernetes, ReadError, error};
use crate::cluster::{
    Kind, Measured, Text,
    facts::{amount, nullable},
};

/// Pods of the metrics API.
const METRICS: &str = "/apis/metrics.k8s.io/v1beta1/pods";
/// Kubelets asked at the same time.
const AT_ONCE: usize = 8;
/// A kubelet's port serves its statistics here to who may `get` `nodes/stats`; `nodes/proxy`, which allows far more, is not needed.
const SUMMARY: &str = "/stats/summary";

/// Where a kubelet listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubelet {
    /// Name of its Node.
    pub node: Text,
    /// Address.
    pub address: Text,
    /// Port.
    pub port: u16,
}

/// What the kubelets said.
#[derive(Debug, Default)]
pub struct Volumes {
    /// The volumes they mount.
    pub measured: Vec<Measured>,
    /// The nodes of those that answered.
    pub answered: BTreeSet<Text>,
    /// Why others could not be asked (the first of them).
    pub wrong: Option<ReadError>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodMetricsList {
    #[serde(deserialize_with = "nullable")]
    items: Vec<PodMetrics>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodMetrics {
    metadata: Name,
    #[serde(deserialize_with = "nullable")]
    containers: Vec<ContainerMetrics>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Name {
    name: Text,
    namespace: Text,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContainerMetrics {
    name: Text,
    usage: Used,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Used {
    memory: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Summary {
    #[serde(deserialize_with = "nullable")]
    pods: Vec<PodStats>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodStats {
    #[serde(deserialize_with = "nullable")]
    volume: Vec<VolumeStats>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct VolumeStats {
    #[serde(deserialize_with = "nullable")]
    pvc_ref: Option<Name>,
    used_bytes: u64,
    capacity_bytes: u64,
    inodes_used: u64,
    inodes: u64,
}

/// So many kubelets that refuse, and none that answers: the others are not asked.
const ENOUGH: usize = 3;

impl Kubernetes {
    /// The memory of every container, as the metrics API last measured it.
    ///
    /// # Errors
    /// `NotServed` where the cluster has no metrics API; `Forbidden` without the right to list `pods.metrics.k8s.io`.
    pub async fn memory_used(&self) -> Result<Vec<Measured>, ReadError> {
        let asked =
            Asked { verb: "list", kind: Kind::Pod, resource: "", subresource: ".metrics.k8s.io", namespace: None };
        let body = self.read_json(METRICS, asked).await?;
        let list: PodMetricsList = serde_json::from_slice(&body).map_err(|e| self.broken("metrics", &e))?;
        let measured = list.items.into_iter().flat_map(|pod| {
            let Name { name, namespace } = pod.metadata;
            pod.containers.into_iter().filter_map(move |container| {
                let (namespace, pod, used) = (namespace.clone(), name.clone(), amount(&container.usage.memory)?);
                Some(Measured::Memory { namespace, pod, container: container.name, used })
            })
        });
        Ok(measured.collect())
    }

    /// The volumes that each kubelet mounts.
    pub async fn volumes_used(&self, kubelets: Vec<Kubelet>) -> Volumes {
        let asked = kubelets.into_iter().map(|kubelet| async move { (self.volumes_on(&kubelet).await, kubelet.node) });
        let mut answers = stream::iter(asked).buffer_unordered(AT_ONCE);
        let (mut all, mut refused) = (Volumes::default(), 0_usize);
        while let Some((answer, node)) = answers.next().await {
            match answer {
                Ok(volumes) => {
                    all.measured.extend(volumes);
                    all.answered.insert(node);
                }
                // What is forbidden at the first few is forbidden at all; one alone may be set up otherwise.
                Err(error @ (ReadError::Forbidden { .. } | ReadError::Unauthorized { .. })) => {
                    refused = refused.saturating_add(1);
                    all.wrong = Some(error);
                    if refused == ENOUGH && all.answered.is_empty() {
                        break;
                    }
                }
                Err(error) => all.wrong = all.wrong.or(Some(error)),
            }
        }
        all
    }

    async fn volumes_on(&self, kubelet: &Kubelet) -> Result<Vec<Measured>, ReadError> {
        let there = self.beside(&kubelet.address, kubelet.port)?;
        let asked = Asked { verb: "get", kind: Kind::Node, resource: "", subresource: "/stats", namespace: None };
        let body = there.read_json(SUMMARY, asked).await?;
        let summary: Summary = serde_json::from_slice(&body).map_err(|e| there.broken("statistics", &e))?;
        let volumes = summary.pods.into_iter().flat_map(|pod| pod.volume).filter_map(|volume| {
            let Name { name: claim, namespace } = volume.pvc_ref?;
            let (bytes, inodes) = ((volume.used_bytes, volume.capacity_bytes), (volume.inodes_used, volume.inodes));
            Some(Measured::Volume { namespace, claim, bytes, inodes })
        });
        Ok(volumes.collect())
    }

    /// One request and its whole answer, in JSON.
    async fn read_json(&self, uri: &str, asked: Asked<'_>) -> Result<Bytes, ReadError> {
        self.within(async {
            let response = self.send(uri, "application/json").await?;
            if !response.status().is_success() {
                return Err(self.refused(response, asked).await);
            }
            self.whole(response.into_body()).await
        })
        .await
    }

    /// A server beside the API server that trusts the same authority and takes the same credentials: a kubelet.
    fn beside(&self, address: &str, port: u16) -> Result<Self, ReadError> {
        let scheme = self.config.kube.cluster_url.scheme_str().unwrap_or("https");
        let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
        let mut config = self.config.clone();
        config.kube.cluster_url = format!("{scheme}://{host}:{port}")
            .parse()
            .map_err(|_| self.garbage(format!("the address {} of a kubelet", error::capped(&host))))?;
        Self::connect(config)
    }

    fn broken(&self, what: &str, error: &serde_json::Error) -> ReadError {
        self.garbage(format!("{what} that are none ({})", error::capped(&error.to_string())))
    }
}

#[cfg(test)]
#[cfg(feature = "sandbox")]
#[path = "usage_tests.rs"]
mod tests;
