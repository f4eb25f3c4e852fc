//! A workload comes in; its rollouts come out, each with what Argo CD, Flux or Helm put in place with it, and what these say of themselves.

use crate::{
    changes::{
        Rollout,
        gitops::{Source, name_syncs},
        rollouts,
    },
    clients::kubernetes::{Kubernetes, ReadError, SourceRead},
    cluster::ObjectRef,
};

/// What was read of a workload.
#[derive(Debug, Default)]
pub(super) struct Versions {
    /// What was rolled out, the newest first.
    pub(super) rollouts: Vec<Rollout>,
    /// Where it is kept from.
    pub(super) source: Option<Source>,
    /// Why that is not known, or not all of it.
    pub(super) unknown: Option<String>,
}

/// Reads what was rolled out to a workload.
///
/// # Errors
/// If the versions of its template cannot be read. Where it is kept from is told if it can be.
pub(super) async fn read(kubernetes: &Kubernetes, owner: &ObjectRef) -> Result<Versions, ReadError> {
    let Some(found) = kubernetes.revisions(owner).await? else { return Ok(Versions::default()) };
    let mut rollouts = rollouts(owner, &found.workload, &found.versions);
    let SourceRead { source, unknown } = kubernetes.source(&found.workload).await;
    if let Some(source) = &source {
        name_syncs(&mut rollouts, source);
    }
    Ok(Versions { rollouts, source, unknown })
}
