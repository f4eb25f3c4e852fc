//! `/k8s changes`: what was rolled out to the workloads that are meant is read in a task of its own, which answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use futures::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};

use super::{Mind, people, rollouts::newest_set, settings, versions};
use crate::{
    alerts::Outgoing,
    app::Site,
    changes::SettingChange,
    cluster::{Fact, Kind, ObjectRef, facts::Workload},
    conversation::commands::changes::{self, Found, Of},
};

/// So many workloads are looked at, those first to which something was rolled out last; each is two requests, and up to four
/// more where Argo CD or Flux keeps it.
const MOST: usize = 40;
/// So many at once.
const AT_ONCE: usize = 4;

/// What somebody wants to know.
#[derive(Debug)]
pub(super) struct Asked {
    /// The row that the answer settles.
    pub(super) inbox: i64,
    pub(super) of: Of,
    pub(super) within: SignedDuration,
    pub(super) response_url: String,
}

/// Reads what is meant and answers; nobody waits for it.
pub(super) fn begin(app: &Arc<Site>, mind: &Mind, asked: Asked) {
    app.pulse.send_modify(|pulse| pulse.looks += 1);
    let meant = meant(mind, &asked.of);
    let settings = settings::of(mind, &asked.of, &meant);
    let site = Arc::clone(app);
    app.spawn(async move {
        let done = site.stop.run_until_cancelled(answer(&site, (meant, settings), asked)).await;
        if done.is_some() {
            site.pulse.send_modify(|pulse| pulse.looks = pulse.looks.saturating_sub(1));
        }
    });
}

async fn answer(app: &Site, (meant, settings): (Vec<ObjectRef>, Vec<SettingChange>), asked: Asked) {
    let mut found = Found { left_out: meant.len().saturating_sub(MOST), settings, ..Found::default() };
    found.looked_at = meant.len() - found.left_out;
    let mut reading = stream::iter(meant.into_iter().take(MOST))
        .map(|owner| async move { versions::read(&app.kubernetes, &owner).await })
        .buffer_unordered(AT_ONCE);
    let mut failed = BTreeSet::new();
    while let Some(read) = reading.next().await {
        match read {
            Ok(read) => {
                found.rollouts.extend(read.rollouts);
                failed.extend(read.unknown);
            }
            Err(error) => drop(failed.insert(error.to_string())),
        }
    }
    found.failed = failed.into_iter().collect();
    let now = app.clock.now();
    let message = people::named(app, changes::told(&asked.of, asked.within, found, app.present(now)));
    let outgoing = Outgoing::Respond { response_url: asked.response_url, message };
    match app.store.settle(asked.inbox, None, &[outgoing], now).await {
        Ok(_) => app.outbox_wake.wake(),
        Err(error) => tracing::warn!(%error, "what was rolled out could not be said; it is asked again"),
    }
}

/// The workloads that are meant, those first whose versions are the newest.
fn meant(mind: &Mind, of: &Of) -> Vec<ObjectRef> {
    let is_meant = |owner: &ObjectRef| match of {
        Of::Everything => true,
        Of::Namespace(namespace) => owner.namespace == namespace.as_str(),
        Of::Workload { namespace, name } => owner.namespace == namespace.as_str() && owner.name == name.as_str(),
        Of::Service(service) => {
            mind.priorities.catalogue().service_of(owner, &mind.index).is_some_and(|it| it.name == *service)
        }
    };
    let mut newest: BTreeMap<ObjectRef, Timestamp> = BTreeMap::new();
    for kind in [Kind::Deployment, Kind::StatefulSet, Kind::DaemonSet] {
        for fact in mind.index.all(kind) {
            let owner = owner(fact);
            if is_meant(&owner) {
                let at = last_version(mind, &owner, fact);
                newest.insert(owner, at);
            }
        }
    }
    let mut all: Vec<(ObjectRef, Timestamp)> = newest.into_iter().collect();
    all.sort_by_key(|(_, at)| std::cmp::Reverse(*at));
    all.into_iter().map(|(owner, _)| owner).collect()
}

fn owner(fact: &Fact) -> ObjectRef {
    let meta = fact.meta();
    ObjectRef { kind: fact.kind().name().into(), namespace: meta.namespace.clone(), name: meta.name.clone() }
}

/// When the newest version of a workload was made; of what keeps its versions elsewhere the newest pod tells.
fn last_version(mind: &Mind, owner: &ObjectRef, fact: &Fact) -> Timestamp {
    let made = match fact.workload() {
        Some(Workload::Deployment(_)) => newest_set(mind, owner),
        _ => mind.index.pods_of(owner).filter_map(|pod| pod.meta().created()).max(),
    };
    made.or_else(|| fact.meta().created()).unwrap_or_default()
}
