//! The rules: one file each, which is also its documentation. `ALL` is the list; help texts and tables come from it.

mod claim_pending;
mod container_create;
mod crash_loop;
mod create_refused;
mod evicted;
mod image_pull;
mod job_failed;
mod near_limit;
mod node_not_ready;
mod not_ready;
mod out_of_memory;
mod pod_failed;
mod replicas_missing;
mod rollout_stuck;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod unschedulable;
mod workload;

use super::Check;

/// Every check, the strongest causes first.
pub const ALL: &[&dyn Check] = &[
    &node_not_ready::NodeNotReady,
    &out_of_memory::OutOfMemory,
    &container_create::ContainerCreate,
    &image_pull::ImagePull,
    &claim_pending::ClaimPending,
    &unschedulable::Unschedulable,
    &create_refused::CreateRefused,
    &crash_loop::CrashLoop,
    &evicted::Evicted,
    &job_failed::JobFailed,
    &pod_failed::PodFailed,
    &not_ready::NotReady,
    &rollout_stuck::RolloutStuck,
    &replicas_missing::ReplicasMissing,
    &near_limit::VolumeNearlyFull,
    &near_limit::MemoryNearLimit,
];
