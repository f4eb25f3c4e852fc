//! A difference comes in; what it touches comes out, which is what it could explain, and how telling it is.

use super::{Difference, Field, Probe};

/// What a difference touches. Each is a group of differences that could explain the same troubles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Touches {
    /// What is pulled and run, and with which credentials: an image that cannot be pulled, a crash, anything the new code does.
    Image,
    /// A container that came or went: whatever it does or did for the others.
    Containers,
    /// A limit of memory: killed for it.
    MemoryLimit,
    /// A limit of CPU: slow, so probes fail.
    CpuLimit,
    /// What must be free on a node: pods without a node, and evictions.
    Requests,
    /// A probe: not ready, or restarted though it runs.
    Probe(Probe),
    /// What the process is told: a container that cannot be created for want of a `ConfigMap` or Secret, a crash.
    Configuration,
    /// Claims, folders of nodes, limits of disk: a volume that is not there or cannot be mounted, an eviction.
    Storage,
    /// Ports: nothing listens where the Service or probe asks.
    Ports,
    /// Which nodes may be used: pods without a node.
    Scheduling,
    /// As whom it runs, and what it may do: permission denied, pods that are not admitted.
    Security,
    /// Labels and service account: Services and policies that no longer select it, requests that are forbidden.
    Identity,
    /// How many there are: too few for the load, too many for the nodes.
    Scaling,
    /// Which traffic may pass: what is asked for cannot be reached.
    Policy,
    /// Which way traffic comes in: hosts, paths and the Services behind them.
    Routes,
    /// How many may be taken away at once on purpose.
    Disruption,
    /// Nothing of the template: the same was only started anew.
    Restart,
    /// Something else.
    Other,
}

impl Difference {
    /// What it touches.
    pub fn touches(&self) -> Touches {
        self.field.touches()
    }
}

impl Field {
    fn touches(&self) -> Touches {
        match self {
            Self::Image | Self::PullPolicy | Self::PullSecret => Touches::Image,
            Self::Container | Self::InitOrder => Touches::Containers,
            Self::Limit(resource) => match resource.as_str() {
                "memory" => Touches::MemoryLimit,
                "cpu" => Touches::CpuLimit,
                "ephemeral-storage" => Touches::Storage,
                // Of devices and huge pages the limit is the request.
                _ => Touches::Requests,
            },
            Self::Request(_) => Touches::Requests,
            Self::Probe(probe) | Self::ProbeSetting(probe, _) => Touches::Probe(*probe),
            Self::Env(_)
            | Self::EnvSource(_)
            | Self::EnvFrom
            | Self::Command
            | Self::Arguments
            | Self::WorkingDirectory
            | Self::Hook(_)
            | Self::Volume(_)
            | Self::Mount(_) => Touches::Configuration,
            Self::Storage(_) => Touches::Storage,
            Self::Port(_) => Touches::Ports,
            Self::NodeSelector(_) | Self::Toleration | Self::Affinity(_) | Self::Spread | Self::Scheduling(_) => {
                Touches::Scheduling
            }
            Self::Security(_) => Touches::Security,
            Self::ServiceAccount | Self::Label(_) => Touches::Identity,
            Self::Annotation(name) => of_annotation(name),
            Self::Restart(_) => Touches::Restart,
            Self::Other(path) => of_path(path),
        }
    }

    /// Where it stands among others: the most telling first.
    pub(super) fn rank(&self) -> usize {
        match self {
            Self::Image => 0,
            Self::Container => 1,
            Self::Limit(_) => 2,
            Self::Request(_) => 3,
            Self::Probe(_) | Self::ProbeSetting(..) => 4,
            Self::Env(_) | Self::EnvSource(_) | Self::EnvFrom => 5,
            Self::Command | Self::Arguments | Self::WorkingDirectory | Self::Hook(_) => 6,
            Self::Port(_) => 7,
            Self::Volume(_) | Self::Storage(_) | Self::Mount(_) => 8,
            Self::NodeSelector(_) | Self::Toleration | Self::Affinity(_) | Self::Spread | Self::Scheduling(_) => 9,
            Self::PullPolicy | Self::PullSecret | Self::InitOrder => 10,
            Self::Security(_) => 11,
            Self::ServiceAccount | Self::Label(_) => 12,
            Self::Other(_) => 13,
            Self::Annotation(_) => 14,
            Self::Restart(_) => 15,
        }
    }
}

/// Annotations that stand for the content of `ConfigMap`s and Secrets, or bring settings in.
fn of_annotation(name: &str) -> Touches {
    let stands_for_settings = ["checksum", "config-hash", "configmap", "secret", "reloader", "vault.hashicorp.com"];
    if stands_for_settings.iter().any(|part| name.contains(part)) { Touches::Configuration } else { Touches::Other }
}

fn of_path(path: &str) -> Touches {
    match path.split('.').next().unwrap_or(path) {
        "hostNetwork" => Touches::Ports,
        "hostPID" | "hostIPC" | "hostUsers" => Touches::Security,
        "dnsPolicy" | "dnsConfig" | "hostAliases" | "hostname" | "subdomain" | "enableServiceLinks" => {
            Touches::Configuration
        }
        "automountServiceAccountToken" | "serviceAccount" => Touches::Identity,
        "volumeDevices" => Touches::Storage,
        _ => Touches::Other,
    }
}
