//! A kind of trouble and what a difference touches come in; how well such a change explains such trouble comes out, as a table.

#[cfg(test)]
mod tests;

use super::{Probe, Touches};
use crate::findings::ConditionClass;

/// How well a kind of change explains a kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// It hardly can.
    Hardly,
    /// It may; much else may, too.
    May,
    /// It is what makes such trouble.
    Makes,
}

/// How well what was touched explains what is wrong.
pub fn fit(class: ConditionClass, touches: Touches) -> Fit {
    use Fit::{Hardly, Makes, May};
    use Touches::{
        Configuration, Containers, CpuLimit, Identity, Image, MemoryLimit, Other, Ports, Requests, Restart, Scheduling,
        Security, Storage,
    };
    match class {
        ConditionClass::OutOfMemory | ConditionClass::NearLimit => match touches {
            MemoryLimit => Makes,
            Image | Containers | Configuration | CpuLimit | Other => May,
            Requests | Touches::Probe(_) | Storage | Ports | Scheduling | Security | Identity | Restart => Hardly,
        },
        ConditionClass::ImagePull => match touches {
            Image | Containers => Makes,
            // The credentials may be those of the account, and one node may have the image already.
            Identity | Scheduling => May,
            MemoryLimit
            | CpuLimit
            | Requests
            | Touches::Probe(_)
            | Configuration
            | Storage
            | Ports
            | Security
            | Restart
            | Other => Hardly,
        },
        ConditionClass::CannotCreateContainer => match touches {
            Configuration | Storage | Security | Containers => Makes,
            Image | Identity | Other => May,
            MemoryLimit | CpuLimit | Requests | Touches::Probe(_) | Ports | Scheduling | Restart => Hardly,
        },
        ConditionClass::Volume | ConditionClass::VolumeFull | ConditionClass::VolumeNearLimit => match touches {
            Storage | Configuration => Makes,
            Scheduling | Security | Containers | Image | Other => May,
            MemoryLimit | CpuLimit | Requests | Touches::Probe(_) | Ports | Identity | Restart => Hardly,
        },
        ConditionClass::Unschedulable => match touches {
            Requests | Scheduling | Storage => Makes,
            // A container that came brings requests of its own; without one a limit is the request.
            Containers | MemoryLimit | CpuLimit | Ports | Other => May,
            Image | Touches::Probe(_) | Configuration | Security | Identity | Restart => Hardly,
        },
        ConditionClass::Refused | ConditionClass::KubeletRefused => match touches {
            Requests | MemoryLimit | CpuLimit | Security | Identity | Containers | Scheduling => Makes,
            Image | Storage | Ports | Configuration | Other => May,
            Touches::Probe(_) | Restart => Hardly,
        },
        ConditionClass::Crash => match touches {
            Image | Containers | Configuration | Touches::Probe(Probe::Liveness | Probe::Startup) => Makes,
            MemoryLimit | CpuLimit | Security | Identity | Storage | Ports | Restart | Other => May,
            Requests | Scheduling | Touches::Probe(Probe::Readiness) => Hardly,
        },
        ConditionClass::Evicted => match touches {
            Storage | Requests => Makes,
            MemoryLimit | Image | Containers | Other => May,
            CpuLimit | Touches::Probe(_) | Configuration | Ports | Scheduling | Security | Identity | Restart => Hardly,
        },
        ConditionClass::NotReady => match touches {
            Image | Containers | Configuration | Ports | Touches::Probe(Probe::Readiness | Probe::Startup) => Makes,
            CpuLimit | MemoryLimit | Security | Identity | Storage | Restart | Other => May,
            Requests | Scheduling | Touches::Probe(Probe::Liveness) => Hardly,
        },
        ConditionClass::NoEndpoints | ConditionClass::IngressBroken => match touches {
            Identity | Ports | Touches::Probe(Probe::Readiness) => Makes,
            Image | Containers | Configuration | Other => May,
            MemoryLimit | CpuLimit | Requests | Touches::Probe(_) | Storage | Scheduling | Security | Restart => Hardly,
        },
        // It is the rollout that does not get on.
        ConditionClass::RolloutStuck | ConditionClass::ReplicasMissing if touches == Restart => May,
        ConditionClass::RolloutStuck | ConditionClass::ReplicasMissing => Makes,
        // Not of a template of pods.
        ConditionClass::Many
        | ConditionClass::Blind
        | ConditionClass::PartlyBlind
        | ConditionClass::NodeDown
        | ConditionClass::WebhookDown
        | ConditionClass::ApiServiceDown
        | ConditionClass::MetricsApiDown
        | ConditionClass::CertificateExpired
        | ConditionClass::CertificateExpires
        | ConditionClass::CertificateNotReady
        | ConditionClass::NodePressure
        | ConditionClass::RegistryDown
        | ConditionClass::JobFailed
        | ConditionClass::CronStopped
        | ConditionClass::StuckTerminating
        | ConditionClass::VolumeFailed
        | ConditionClass::ScalingBroken => Hardly,
    }
}

/// What is wrong, behind "fits".
pub(super) fn trouble(class: ConditionClass) -> &'static str {
    match class {
        ConditionClass::OutOfMemory => "being killed for its memory",
        ConditionClass::NearLimit => "coming near a limit",
        ConditionClass::ImagePull => "an image that cannot be pulled",
        ConditionClass::CannotCreateContainer => "a container that cannot be created",
        ConditionClass::Volume | ConditionClass::VolumeFull | ConditionClass::VolumeNearLimit => {
            "trouble with a volume"
        }
        ConditionClass::Unschedulable => "pods that find no node",
        ConditionClass::Refused | ConditionClass::KubeletRefused => "pods that are refused",
        ConditionClass::Crash => "a crash",
        ConditionClass::Evicted => "an eviction",
        ConditionClass::NotReady => "pods that do not become ready",
        ConditionClass::NoEndpoints | ConditionClass::IngressBroken => "a Service without endpoints",
        ConditionClass::RolloutStuck => "a rollout that is stuck",
        ConditionClass::ReplicasMissing => "missing replicas",
        ConditionClass::Many
        | ConditionClass::Blind
        | ConditionClass::PartlyBlind
        | ConditionClass::NodeDown
        | ConditionClass::WebhookDown
        | ConditionClass::ApiServiceDown
        | ConditionClass::MetricsApiDown
        | ConditionClass::CertificateExpired
        | ConditionClass::CertificateExpires
        | ConditionClass::CertificateNotReady
        | ConditionClass::NodePressure
        | ConditionClass::RegistryDown
        | ConditionClass::JobFailed
        | ConditionClass::CronStopped
        | ConditionClass::StuckTerminating
        | ConditionClass::VolumeFailed
        | ConditionClass::ScalingBroken => "what is wrong",
    }
}
