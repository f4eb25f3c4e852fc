//! What the checks say of an owner becomes a transition of its incident, with its outbox rows, in one transaction.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicUsize, Ordering},
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{
    Mind,
    first_look::{self, FirstLook},
    scene::{self, Judged},
};
use crate::{
    alerts::{self, Outgoing, message::Times},
    app::App,
    cluster::ObjectRef,
    config::Detection,
    findings::{self, REGISTRY},
    incidents::{self, Hit, Incident, Step, step},
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

/// What the checks say now of every owner there is, and of the owner of every open incident.
pub(super) fn look_at_all(app: &App, mind: &mut Mind) -> Round {
    let mut owners: BTreeSet<_> = mind.index.owners().collect();
    owners.extend(mind.open.keys().cloned());
    owners.insert(findings::sight_owner(&mind.name));
    look(app, mind, owners)
}

/// Judges these owners now and writes what changed. What cannot be written is tried again; one owner never holds up the others.
pub(super) async fn consider(app: &App, mind: &mut Mind, owners: BTreeSet<ObjectRef>) {
    let round = look(app, mind, owners);
    settle(app, mind, round).await;
}

/// Owners of whom something may have to be said, with what the checks say of them.
#[derive(Debug, Default)]
pub(super) struct Round(BTreeMap<ObjectRef, Judged>);

impl Round {
    /// The incidents this round would open.
    pub(super) fn would_open(&self, app: &App, mind: &Mind) -> impl Iterator<Item = Incident> {
        let now = app.clock.now();
        self.0.iter().filter(|(owner, _)| !mind.open.contains_key(owner)).filter_map(move |(owner, judged)| {
            let hits = mind.scene.hits(owner);
            step(None, &now_step(app, mind, owner, (judged, &hits), now))
        })
    }
}

/// Judges owners and finds the causes of what is wrong. What is well and was so before needs no more.
fn look(app: &App, mind: &mut Mind, owners: BTreeSet<ObjectRef>) -> Round {
    let now = app.clock.now();
    let mut round = BTreeMap::new();
    for owner in &owners {
        let judged = scene::look_at(app, mind, owner, now);
        if mind.scene.is_well(owner) && owner.kind != findings::CLUSTER && !mind.open.contains_key(owner) {
            mind.scene.waits_no_more(owner);
            mind.failures.remove(owner);
            mind.due.remove(owner);
        } else {
            round.insert(owner.clone(), judged);
        }
    }
    for owner in scene::regroup(app, mind, &owners, now) {
        // What is said of a registry follows from the others.
        if owner.kind == REGISTRY || !round.contains_key(&owner) {
            let judged = scene::judge(mind, &owner, now);
            round.insert(owner, judged);
        }
    }
    Round(round)
}

/// Writes what changed, causes first.
pub(super) async fn settle(app: &App, mind: &mut Mind, Round(mut round): Round) {
    for owner in mind.scene.in_order(round.keys().cloned().collect()) {
        let now = app.clock.now();
        let Some(judged) = round.remove(&owner) else { continue };
        if mind.failures.contains_key(&owner) && mind.due.get(&owner).is_some_and(|again| *again > now) {
            continue;
        }
        match consider_one(app, mind, &owner, &judged).await {
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

fn now_step<'a>(
    app: &App,
    mind: &'a Mind,
    owner: &'a ObjectRef,
    ((judgements, impact), hits): (&'a Judged, &'a [Hit]),
    now: Timestamp,
) -> Step<'a> {
    Step {
        cluster: &mind.cluster,
        owner,
        judgements,
        impact: Some(impact),
        priority: app.priority_of(owner),
        role: app.priorities.role_in(owner, &mind.index),
        standing: scene::standing(mind, owner, now),
        hits,
        last: None,
        now,
    }
}

async fn consider_one(app: &App, mind: &mut Mind, owner: &ObjectRef, judged: &Judged) -> Result<(), StoreError> {
    let now = app.clock.now();
    let hits = mind.scene.hits(owner);
    let due = |mind: &mut Mind, at: Option<Timestamp>| {
        let at = at.into_iter().chain(mind.scene.released_until(owner)).filter(|at| *at > now).min();
        match at {
            Some(at) => drop(mind.due.insert(owner.clone(), at)),
            None => drop(mind.due.remove(owner)),
        }
    };
    let opens = {
        let now_step = now_step(app, mind, owner, (judged, &hits), now);
        !mind.open.contains_key(owner) && step(None, &now_step).is_some()
    };
    if opens && let Some(until) = wait(app, mind, owner, now) {
        let at = incidents::due(None, &judged.0, now).map_or(until, |at| at.min(until));
        due(mind, Some(at));
        return Ok(());
    }
    mind.scene.waits_no_more(owner);
    let now_step = now_step(app, mind, owner, (judged, &hits), now);
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
    let at = incidents::due(mind.open.get(owner), &judged.0, now);
    due(mind, at);
    Ok(())
}

/// Until when an incident that would open now waits for its cause or company. What was there before the bot waits no more.
fn wait(app: &App, mind: &mut Mind, owner: &ObjectRef, now: Timestamp) -> Option<Timestamp> {
    let wait = if mind.first_look.is_going_on() { SignedDuration::ZERO } else { scene::first_post_wait(app) };
    Some(mind.scene.waits_until(owner, wait, now)).filter(|until| *until > now)
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
