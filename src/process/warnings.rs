//! What can wait: open SEV-3 incidents of which nobody heard yet are told in one message, in business hours.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::Mind;
use crate::{
    alerts::{Outgoing, message},
    app::Site,
    cluster::ClusterId,
    incidents::{Incident, IncidentId, Severity, later},
    store::StoreError,
};

/// How long to wait after the store did not take it.
const AGAIN: SignedDuration = SignedDuration::from_secs(30);
/// How long a warning waits for others.
const COLLECTED_FOR: SignedDuration = SignedDuration::from_mins(15);

/// Which warnings people heard of.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    told: BTreeSet<IncidentId>,
    /// When something is to be told next.
    pub(super) due: Option<Timestamp>,
    /// The store did not take it: until then it is left alone.
    not_before: Option<Timestamp>,
}

fn key(cluster: &ClusterId) -> String {
    format!("warnings told of {cluster}")
}

impl Warnings {
    /// What was told before a restart.
    pub(super) async fn load(app: &Site, cluster: &ClusterId) -> Result<Self, StoreError> {
        let stored = app.store.get(&key(cluster)).await?;
        // One that cannot be read is told once more, which is better than never.
        let told = stored.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        Ok(Self { told, ..Self::default() })
    }
}

/// Considers what can wait, once everything was seen; what cannot be written is tried again a little later.
pub(super) async fn look(app: &Site, mind: &mut Mind) {
    let now = app.clock.now();
    if !mind.complete || mind.warnings.not_before.is_some_and(|at| now < at) {
        return;
    }
    if let Err(error) = consider(app, mind).await {
        tracing::warn!(%error, "warnings could not be told and are tried again");
        mind.warnings.not_before = now.checked_add(AGAIN).ok();
        mind.warnings.due = mind.warnings.not_before;
    }
}

/// Tells what is to be told now, and finds out when that is to be asked again.
async fn consider(app: &Site, mind: &mut Mind) -> Result<(), StoreError> {
    let now = app.clock.now();
    let mut new: Vec<&Incident> = mind.open.values().filter(|it| is_new(it, &mind.warnings.told)).collect();
    let collected = new.iter().map(|it| later(it.opened_at, COLLECTED_FOR)).min();
    let from = collected.and_then(|at| app.config.hours.from(at.max(now)));
    if from.is_none_or(|from| from > now) {
        mind.warnings.due = from;
        return Ok(());
    }
    new.sort_by_key(|it| (it.stake.priority.is_none(), it.stake.priority, it.since));
    let message = message::warnings(&new, &app.times(now));
    let post = |channel: &String| Outgoing::Post { channel: channel.clone(), message: message.clone() };
    let rows: Vec<Outgoing> = app.channels.sev3.iter().map(post).collect();
    // What is over is forgotten.
    let mut told: BTreeSet<IncidentId> = mind.open.values().map(|it| it.id.clone()).collect();
    told.retain(|id| mind.warnings.told.contains(id));
    told.extend(new.iter().map(|it| it.id.clone()));
    let value = serde_json::to_string(&told).unwrap_or_default();
    // Who slept and lost the cluster must not tell what its successor tells.
    let kept = (&*key(&mind.cluster), &*value);
    if !app.store.put_and_say(&app.right().lease(), kept, (&mind.cluster, None), &rows, now).await? {
        return Ok(());
    }
    mind.warnings = Warnings { told, ..Warnings::default() };
    app.outbox_wake.wake();
    Ok(())
}

/// Whether people are to hear of it as a warning, and have not yet.
fn is_new(it: &Incident, told: &BTreeSet<IncidentId>) -> bool {
    it.severity == Severity::Sev3
        && it.is_open()
        && it.healthy_since.is_none()
        && !it.is_told()
        && it.symptom_of.is_none()
        && it.silenced.is_none()
        && it.acknowledged.is_none()
        && !told.contains(&it.id)
}
