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
#[expect(clippy::too_many_lines, reason = "a table")]
pub fn fit(class: ConditionClass, touches: Touches) -> Fit {
    use Fit::{Hardly, Makes, May};
    use Touches::{
        Configuration, Containers, CpuLimit, Disruption, Identity, Image, MemoryLimit, Other, Policy, Ports, Requests,
        Restart, Routes, Scaling, Scheduling, Security, Storage,
    };
    match class {
        ConditionClass::OutOfMemory | ConditionClass::NearLimit => match touches {
            MemoryLimit => Makes,
            Image | Containers | Configuration | CpuLimit | Scaling | Other => May,
            Requests
            | Touches::Probe(_)
            | Storage
            | Ports
            | Scheduling
            | Security
            | Identity
            | Restart
            | Policy
            | Routes
            | Disruption => Hardly,
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
            | Scaling
            | Policy
            | Routes
            | Disruption
            | Other => Hardly,
        },
        ConditionClass::CannotCreateContainer => match touches {
            Configuration | Storage | Security | Containers => Makes,
            Image | Identity | Other => May,
            MemoryLimit
            | CpuLimit
            | Requests
            | Touches::Probe(_)
            | Ports
            | Scheduling
            | Restart
            | Scaling
            | Policy
            | Routes
            | Disruption => Hardly,
        },
        ConditionClass::Volume | ConditionClass::VolumeFull | ConditionClass::VolumeNearLimit => match touches {
            Storage | Configuration => Makes,
            Scheduling | Security | Containers | Image | Other => May,
            MemoryLimit
            | CpuLimit
            | Requests
            | Touches::Probe(_)
            | Ports
            | Identity
            | Restart
            | Scaling
            | Policy
            | Routes
            | Disruption => Hardly,
        },
        ConditionClass::Unschedulable => match touches {
            Requests | Scheduling | Storage => Makes,
            // A container that came brings requests of its own; without one a limit is the request.
            Containers | MemoryLimit | CpuLimit | Ports | Scaling | Other => May,
            Image
            | Touches::Probe(_)
            | Configuration
            | Security
            | Identity
            | Restart
            | Policy
            | Routes
            | Disruption => Hardly,
        },
        ConditionClass::Refused | ConditionClass::KubeletRefused => match touches {
            Requests | MemoryLimit | CpuLimit | Security | Identity | Containers | Scheduling => Makes,
            // More pods than a quota lets.
            Image | Storage | Ports | Configuration | Scaling | Other => May,
            Touches::Probe(_) | Restart | Policy | Routes | Disruption => Hardly,
        },
        ConditionClass::Crash => match touches {
            Image | Containers | Configuration | Touches::Probe(Probe::Liveness | Probe::Startup) => Makes,
            // By a policy: what it needs at its start cannot be reached.
            MemoryLimit | CpuLimit | Policy | Security | Identity | Storage | Ports | Restart | Other => May,
            Requests | Scheduling | Touches::Probe(Probe::Readiness) | Scaling | Routes | Disruption => Hardly,
        },
        ConditionClass::Evicted => match touches {
            Storage | Requests => Makes,
            MemoryLimit | Image | Containers | Other => May,
            // The kubelet asks no budget.
            CpuLimit
            | Touches::Probe(_)
            | Configuration
            | Ports
            | Scheduling
            | Security
            | Identity
            | Restart
            | Scaling
            | Policy
            | Routes
            | Disruption => Hardly,
        },
        ConditionClass::NotReady => match touches {
            Image | Containers | Configuration | Ports | Policy | Touches::Probe(Probe::Readiness | Probe::Startup) => {
                Makes
            }
            // Too few for the load.
            CpuLimit | MemoryLimit | Security | Identity | Storage | Restart | Scaling | Other => May,
            Requests | Scheduling | Touches::Probe(Probe::Liveness) | Routes | Disruption => Hardly,
        },
        ConditionClass::IngressBroken if touches == Routes => Makes,
        ConditionClass::NoEndpoints | ConditionClass::IngressBroken => match touches {
            Identity | Ports | Policy | Touches::Probe(Probe::Readiness) => Makes,
            Image | Containers | Configuration | Scaling | Disruption | Other => May,
            MemoryLimit
            | CpuLimit
            | Requests
            | Touches::Probe(_)
            | Storage
            | Scheduling
            | Security
            | Restart
            | Routes => Hardly,
        },
        // It is the rollout that does not get on.
        ConditionClass::RolloutStuck | ConditionClass::ReplicasMissing
            if matches!(touches, Restart | Scaling | Policy | Disruption) =>
        {
            May
        }
        ConditionClass::RolloutStuck | ConditionClass::ReplicasMissing if touches == Routes => Hardly,
        ConditionClass::ScalingBroken if touches == Scaling => Makes,
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
