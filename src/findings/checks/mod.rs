//! The rules: one file each, which is also its documentation. `ALL` is the list; help texts and tables come from it.

mod api_service;
mod autoscaler;
mod certificate;
mod claim_pending;
mod container_create;
mod crash_loop;
mod create_refused;
mod cronjob_stopped;
mod evicted;
mod image_pull;
mod ingress_backend;
mod job_failed;
mod kubelet_refused;
mod memory_near_limit;
mod near_limit;
mod node_not_ready;
mod node_pressure;
mod not_ready;
mod out_of_memory;
mod pod_failed;
mod references;
mod replicas_missing;
mod rollout_stuck;
mod service_no_endpoints;
mod stuck_terminating;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_apis;
#[cfg(test)]
mod tests_of_crashes;
#[cfg(test)]
mod tests_of_edges;
#[cfg(test)]
mod tests_of_jobs;
#[cfg(test)]
mod tests_of_refusals;
mod unschedulable;
mod volume_failed;
mod volume_nearly_full;
mod webhook_backend;
pub(super) mod workload;

use super::{Check, Settings};
use crate::cluster::Meter;

/// From which percentage on something that is measured is near its limit.
pub(crate) fn near_limit_from(meter: Meter, settings: &Settings) -> u64 {
    let parameter = match meter {
        Meter::Metrics => &memory_near_limit::FULL,
        Meter::Kubelets => &volume_nearly_full::FULL,
    };
    u64::try_from(settings.number(parameter)).unwrap_or(u64::MAX)
}

/// Every check, the strongest causes first.
pub const ALL: &[&dyn Check] = &[
    &node_not_ready::NodeNotReady,
    &node_pressure::NodePressure,
    &webhook_backend::WebhookBackend,
    &api_service::ApiServiceUnavailable,
    &out_of_memory::OutOfMemory,
    &container_create::ContainerCreate,
    &image_pull::ImagePull,
    &claim_pending::ClaimPending,
    &unschedulable::Unschedulable,
    &create_refused::CreateRefused,
    &crash_loop::CrashLoop,
    &kubelet_refused::KubeletRefused,
    &evicted::Evicted,
    &job_failed::JobFailed,
    &cronjob_stopped::CronJobStopped,
    &pod_failed::PodFailed,
    &not_ready::NotReady,
    &service_no_endpoints::ServiceNoEndpoints,
    &rollout_stuck::RolloutStuck,
    &replicas_missing::ReplicasMissing,
    &stuck_terminating::StuckTerminating,
    &ingress_backend::IngressBackend,
    &autoscaler::Autoscaler,
    &certificate::Certificate,
    &volume_failed::VolumeFailed,
    &volume_nearly_full::VolumeNearlyFull,
    &memory_near_limit::MemoryNearLimit,
];
