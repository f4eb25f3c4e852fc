//! What the checks say of an owner becomes a transition of its incident, with its outbox rows, in one transaction.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tokio::time::Instant;

use super::{
    Mind,
    first_look::{self, FirstLook},
};
use crate::{
    alerts::{self, Outgoing, message::Times},
    app::App,
    cluster::ObjectRef,
    config::Detection,
    findings::{self, Impact, Judgement, Look},
    incidents::{self, Incident, Step, step},
    store::{StoreError, TransitionRequest},
};

/// How long after a failure an owner is judged again; doubles with each, up to the longest.
const FIRST_RETRY: SignedDuration = SignedDuration::from_secs(5);
const LAST_RETRY: SignedDuration = SignedDuration::from_secs(30);

/// Judges owners whose time has come.
pub(super) async fn judge_due(app: &App, mind: &mut Mind) {
    let now = app.clock.now();
    let due: BTreeSet<_> = mind.due.iter().filter(|(_, at)| **at <= now).map(|(owner, _)| owner.clone()).collect();
    if due.iter().any(|owner| owner.kind == findings::CLUSTER) {
        // What can be seen changed a while ago, and with it what can be said of all others.
        return first_look::judge_everything(app, mind).await;
    }
    consider(app, mind, due).await;
}

/// Judges everything, unless that waits for the next pass.
pub(super) async fn judge_if_watching(app: &App, mind: &mut Mind) {
    if mind.complete && app.config.detection == Detection::Watch {
        first_look::judge_everything(app, mind).await;
    }
}

/// Judges every owner there is, and the owner of every open incident.
pub(super) async fn judge_all_owners(app: &App, mind: &mut Mind) {
    let mut owners: BTreeSet<_> = mind.index.owners().collect();
    owners.extend(mind.open.keys().cloned());
    owners.insert(findings::sight_owner(&mind.name));
    consider(app, mind, owners).await;
}

/// The incidents that judging everything would open.
pub(super) fn would_open(app: &App, mind: &Mind) -> impl Iterator<Item = Incident> {
    let now = app.clock.now();
    let owners = mind.index.owners().filter(|owner| !mind.open.contains_key(owner));
    owners.filter_map(move |owner| {
        let (judgements, impact) = judge(app, mind, &owner, now);
        step(None, &now_step(app, mind, &owner, (&judgements, &impact), now))
    })
}

/// Judges these owners now and writes what changed. What cannot be written is tried again; one owner never holds up the others.
pub(super) async fn consider(app: &App, mind: &mut Mind, owners: BTreeSet<ObjectRef>) {
    for owner in owners {
        let now = app.clock.now();
        if mind.failures.contains_key(&owner) && mind.due.get(&owner).is_some_and(|again| *again > now) {
            continue;
        }
        match consider_one(app, mind, &owner).await {
            Ok(()) => drop(mind.failures.remove(&owner)),
            Err(error) => {
                tracing::error!(%error, %owner, "an incident could not be written and is tried again");
                postpone(app, mind, owner).await;
            }
        }
    }
}

/// An owner is judged again a little later. If it is the store that does not answer, it is left alone until then.
async fn postpone(app: &App, mind: &mut Mind, owner: ObjectRef) {
    let failures = mind.failures.entry(owner.clone()).or_default();
    let wait = FIRST_RETRY.checked_mul(1_i32 << (*failures).min(8)).map_or(LAST_RETRY, |wait| wait.min(LAST_RETRY));
    *failures = failures.saturating_add(1);
    let is_away = app.store.ping().await.is_err();
    // Asking takes its time where nobody answers.
    let again = app.clock.now().checked_add(wait).unwrap_or(Timestamp::MAX);
    mind.due.insert(owner, again);
    if is_away {
        mind.store_is_away_until = Some(again);
    }
}

fn look<'a>(app: &'a App, mind: &'a Mind, now: Timestamp) -> Look<'a> {
    Look {
        index: &mind.index,
        history: &mind.history,
        now,
        no_grace: false,
        settings: &app.config.settings,
        known: None,
    }
}

/// What the checks say of an owner, and who is hit.
fn judge(app: &App, mind: &Mind, owner: &ObjectRef, now: Timestamp) -> (Vec<Judgement>, Impact) {
    let look = look(app, mind, now);
    let judgements = if owner.kind == findings::CLUSTER {
        vec![findings::judge_sight(owner, mind.index.sight(), now)]
    } else {
        findings::judge(owner, &look)
    };
    (judgements, findings::impact_of(owner, &look))
}

fn now_step<'a>(
    app: &App,
    mind: &'a Mind,
    owner: &'a ObjectRef,
    (judgements, impact): (&'a [Judgement], &'a Impact),
    now: Timestamp,
) -> Step<'a> {
    Step {
        cluster: &mind.cluster,
        owner,
        judgements,
        impact: Some(impact),
        priority: app.priority_of(owner),
        role: app.priorities.role_in(owner, &mind.index),
        last: None,
        now,
    }
}

async fn consider_one(app: &App, mind: &mut Mind, owner: &ObjectRef) -> Result<(), StoreError> {
    let now = app.clock.now();
    let begun = Instant::now();
    let (judgements, impact) = judge(app, mind, owner, now);
    app.metrics.evaluated(begun.elapsed().as_secs_f64());
    let now_step = now_step(app, mind, owner, (&judgements, &impact), now);
    let before = mind.open.get(owner);
    // In memory first: most changes change nothing that is stored.
    if step(before, &now_step).as_ref() != before {
        if let Some(until) = mind.store_is_away_until.filter(|until| *until > now) {
            mind.due.insert(owner.clone(), until);
            return Ok(());
        }
        let channels = app.channels.clone();
        let first_look = mind.first_look;
        let posted = AtomicUsize::new(0);
        let done = app
            .store
            .transition(
                TransitionRequest { cluster: mind.cluster.clone(), owner: owner.clone(), fence: app.fence(), now },
                |open, last| {
                    let after = step(open, &Step { last, ..now_step })?;
                    Some(with_its_summary(open.is_none() && last.is_none(), open, after, first_look))
                },
                |before, after| {
                    let rows = alerts::say(before, after, &channels, &Times { now, zone: &TimeZone::UTC });
                    // Set, not added: a transaction may be tried several times.
                    posted.store(rows.iter().filter(|row| is_alert(row)).count(), Ordering::Relaxed);
                    rows
                },
            )
            .await?;
        mind.store_is_away_until = None;
        if done.rows > 0 {
            mind.rows += done.rows;
            mind.said += posted.into_inner();
            app.outbox_wake.wake();
        }
        match done.after {
            Some(after) if after.is_open() => {
                tracing::info!(incident = %after.id, severity = %after.severity, %owner, "incident");
                mind.open.insert(owner.clone(), after);
            }
            _ => {
                mind.open.remove(owner);
            }
        }
    }
    let again = findings::looks_again(owner, &look(app, mind, now));
    match incidents::due(mind.open.get(owner), &judgements, now).into_iter().chain(again).min() {
        Some(at) => mind.due.insert(owner.clone(), at),
        None => mind.due.remove(owner),
    };
    Ok(())
}

/// The incident with whether only the summary of the first look speaks of it: until there is something to note of it.
fn with_its_summary(is_new: bool, before: Option<&Incident>, after: Incident, first_look: FirstLook) -> Incident {
    let in_summary = if is_new {
        first_look.is_only_in_summary(&after)
    } else {
        after.in_summary && alerts::needs_update(before, &after).is_empty()
    };
    Incident { in_summary, ..after }
}

/// Whether people are notified by it, not only shown it.
fn is_alert(row: &Outgoing) -> bool {
    match row {
        Outgoing::Post { .. } => true,
        Outgoing::Reply { broadcast, .. } => *broadcast,
        Outgoing::Edit { .. } | Outgoing::ReplyTo { .. } | Outgoing::Respond { .. } => false,
    }
}
