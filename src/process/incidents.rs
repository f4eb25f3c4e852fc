//! What the checks say of an owner becomes a transition of its incident, with its outbox rows, in one transaction.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use super::Mind;
use crate::{
    alerts::{self, message::Times},
    app::App,
    cluster::ObjectRef,
    findings::{self, Look},
    incidents::{self, Step, step},
    store::{StoreError, TransitionRequest},
};

/// Judges owners whose time has come.
pub(super) async fn judge_due(app: &App, mind: &mut Mind) -> Result<(), StoreError> {
    let now = app.clock.now();
    let due: BTreeSet<_> = mind.due.iter().filter(|(_, at)| **at <= now).map(|(owner, _)| owner.clone()).collect();
    consider(app, mind, due).await
}

/// Judges everything: every owner there is, and the owner of every open incident.
pub(super) async fn judge_everything(app: &App, mind: &mut Mind) -> Result<(), StoreError> {
    let mut owners: BTreeSet<_> = mind.index.owners().collect();
    owners.extend(mind.open.keys().cloned());
    owners.insert(findings::sight_owner(&mind.name));
    consider(app, mind, owners).await
}

/// Judges these owners now and writes what changed.
pub(super) async fn consider(app: &App, mind: &mut Mind, owners: BTreeSet<ObjectRef>) -> Result<(), StoreError> {
    for owner in owners {
        consider_one(app, mind, owner).await?;
    }
    Ok(())
}

async fn consider_one(app: &App, mind: &mut Mind, owner: ObjectRef) -> Result<(), StoreError> {
    let now = app.clock.now();
    let look = Look { index: &mind.index, history: &mind.history, now, no_grace: false };
    let judgements = if owner.kind == findings::CLUSTER {
        vec![findings::judge_sight(&owner, mind.index.sight(), now)]
    } else {
        findings::judge(&owner, &look)
    };
    let impact = findings::impact_of(&owner, &look);
    let now_step = Step {
        cluster: &mind.cluster,
        owner: &owner,
        judgements: &judgements,
        impact: Some(&impact),
        priority: app.priority_of(&owner),
        role: app.priorities.role_in(&owner, &mind.index),
        last: None,
        now,
    };
    let before = mind.open.get(&owner);
    // In memory first: most changes change nothing that is stored.
    if step(before, &now_step).as_ref() != before {
        let channels = app.channels.borrow().clone();
        let done = app
            .store
            .transition(
                TransitionRequest { cluster: mind.cluster.clone(), owner: owner.clone(), fence: app.lease.fence, now },
                |open, last| step(open, &Step { last, ..now_step }),
                |before, after| alerts::say(before, after, &channels, &Times { now, zone: &TimeZone::UTC }),
            )
            .await?;
        if done.rows > 0 {
            mind.said += done.rows;
            app.outbox_wake.wake();
        }
        match done.after {
            Some(after) if after.is_open() => {
                tracing::info!(incident = %after.id, severity = %after.severity, %owner, "incident");
                mind.open.insert(owner.clone(), after);
            }
            _ => {
                mind.open.remove(&owner);
            }
        }
    }
    match incidents::due(mind.open.get(&owner), &judgements, now) {
        Some(at) => mind.due.insert(owner, at),
        None => mind.due.remove(&owner),
    };
    Ok(())
}
