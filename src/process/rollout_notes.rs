//! A rollout of what matters begins: if somebody wants to know, one line says so, in the thread of what is wrong with it or in the channel.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use super::{Mind, rollouts, versions};
use crate::{
    alerts::{Outgoing, Word, message},
    app::Site,
    changes::Rollout,
    cluster::{ClusterId, Fact, ObjectRef},
    event::Event,
    incidents::{Incident, IncidentId, Priority, later},
    store::StoreError,
};

/// Several that begin so soon one after the other are told together.
const TOGETHER: SignedDuration = SignedDuration::from_secs(10);
/// What began longer ago is no news.
const NEWS: SignedDuration = SignedDuration::from_mins(15);
/// How long to wait after the store did not take it.
const AGAIN: SignedDuration = SignedDuration::from_secs(30);
/// Of so many workloads it is kept what was told.
const MOST: usize = 500;

/// Which rollouts are known, and which are to be told.
#[derive(Debug, Default)]
pub(super) struct RolloutNotes {
    /// Whether anybody wants to know.
    is_wanted: bool,
    /// The version that was in force when that was last looked at. None: everything is new, and nothing is news.
    seen: Option<BTreeMap<ObjectRef, String>>,
    /// Whose version may be another by now.
    touched: BTreeSet<ObjectRef>,
    /// The number of the last one that was told of each workload.
    told: BTreeMap<ObjectRef, u64>,
    /// What is to be told.
    waiting: Vec<Begun>,
    /// When that is.
    pub(super) due: Option<Timestamp>,
}

/// A rollout that began.
#[derive(Clone, Debug)]
pub struct Begun {
    rollout: Rollout,
    priority: Priority,
}

fn key(cluster: &ClusterId) -> String {
    format!("rollouts told of {cluster}")
}

impl RolloutNotes {
    /// What was told before a restart.
    pub(super) async fn load(app: &Site, cluster: &ClusterId) -> Result<Self, StoreError> {
        if app.config.rollout_notes.is_none() {
            return Ok(Self::default());
        }
        let stored = app.store.get(&key(cluster)).await?;
        let told: Vec<(ObjectRef, u64)> = stored.and_then(|it| serde_json::from_str(&it).ok()).unwrap_or_default();
        Ok(Self { is_wanted: true, told: told.into_iter().collect(), ..Self::default() })
    }

    /// An object was seen that may say that a workload has another version.
    pub(super) fn noticed(&mut self, fact: &Fact) {
        if !self.is_wanted {
            return;
        }
        if let Fact::ReplicaSet(set) = fact {
            self.touched.extend(set.meta().controller().map(|it| ObjectRef {
                kind: it.kind.to_string().into(),
                namespace: set.meta().namespace.clone(),
                name: it.name.clone(),
            }));
        } else if matches!(fact, Fact::StatefulSet(_) | Fact::DaemonSet(_)) {
            self.touched.insert(fact.key().into());
        }
    }
}

/// Reads what was rolled out to those that matter and whose version is another, once everything was seen; and tells what is to be told.
pub(super) async fn look(app: &Arc<Site>, mind: &mut Mind) {
    let Some(from) = app.config.rollout_notes else { return };
    if !mind.complete {
        return;
    }
    let touched = std::mem::take(&mut mind.rollout_notes.touched);
    let is_first = mind.rollout_notes.seen.is_none();
    for owner in touched {
        let Some(version) = rollouts::in_force(mind, &owner) else { continue };
        let seen = mind.rollout_notes.seen.get_or_insert_default();
        let before = seen.insert(owner.clone(), version.clone());
        if is_first || before.is_some_and(|before| before == version) {
            continue;
        }
        let priority = mind.priorities.stake_of(&owner, &mind.index).priority;
        if let Some(priority) = priority.filter(|it| *it <= from) {
            read(app, owner, priority);
        }
    }
    mind.rollout_notes.seen.get_or_insert_default();
    let now = app.clock.now();
    if mind.rollout_notes.due.is_some_and(|due| due <= now)
        && let Err(error) = tell(app, mind, now).await
    {
        tracing::warn!(%error, "that a rollout began could not be told and is tried again");
        mind.rollout_notes.due = Some(later(now, AGAIN));
    }
}

/// Reads it in a task of its own.
fn read(app: &Arc<Site>, owner: ObjectRef, priority: Priority) {
    app.pulse.send_modify(|pulse| pulse.looks += 1);
    let site = Arc::clone(app);
    app.spawn(async move {
        let read = site.stop.run_until_cancelled(versions::read(&site.kubernetes, &owner)).await;
        let Some(read) = read else { return };
        if let Err(error) = &read {
            tracing::warn!(%error, %owner, "a rollout began, and what it is cannot be read");
        }
        let newest = read.ok().and_then(|read| read.rollouts.into_iter().next());
        let begun = newest.map(|rollout| Box::new(Begun { rollout, priority }));
        site.send(Event::RolloutBegun(begun)).await;
    });
}

/// What began waits a little for others.
pub(super) fn arrived(app: &Site, mind: &mut Mind, begun: Option<Begun>) {
    app.pulse.send_modify(|pulse| pulse.looks = pulse.looks.saturating_sub(1));
    let now = app.clock.now();
    let notes = &mut mind.rollout_notes;
    let is_new = |it: &Begun| {
        now.duration_since(it.rollout.at) <= NEWS
            && notes.told.get(&it.rollout.owner).is_none_or(|told| *told < it.rollout.number)
    };
    let Some(begun) = begun.filter(is_new) else { return };
    // Of one that was followed by another at once only that is told.
    notes.waiting.retain(|it| it.rollout.owner != begun.rollout.owner);
    notes.waiting.push(begun);
    notes.due = notes.due.or(Some(later(now, TOGETHER)));
}

async fn tell(app: &Site, mind: &mut Mind, now: Timestamp) -> Result<(), StoreError> {
    while let Some(first) = mind.rollout_notes.waiting.first() {
        let thread = thread_of(mind, first);
        // Those that belong in the same place are told in one message.
        let (here, others): (Vec<Begun>, Vec<Begun>) =
            mind.rollout_notes.waiting.iter().cloned().partition(|it| thread_of(mind, it) == thread);
        let told: Vec<(&Rollout, Priority)> = here.iter().map(|it| (&it.rollout, it.priority)).collect();
        let message = message::rollouts_began(&told, &app.times(now));
        let row = |channel: String| match &thread {
            Some(_) => Outgoing::Reply { channel, message: message.clone(), broadcast: false, word: Word::News },
            None => Outgoing::Post { channel, message: message.clone() },
        };
        let channels = match thread.as_ref().and_then(|_| mind.open.get(&first.rollout.owner)) {
            Some(incident) => app.channels.of(incident.worst),
            None => app.channels.sev2.clone(),
        };
        let rows: Vec<Outgoing> = channels.into_iter().map(row).collect();
        let mut numbers: BTreeMap<ObjectRef, u64> = mind.rollout_notes.told.clone();
        numbers.extend(here.iter().map(|it| (it.rollout.owner.clone(), it.rollout.number)));
        numbers.retain(|owner, _| mind.index.get_ref(owner).is_some());
        let kept: Vec<(&ObjectRef, &u64)> = numbers.iter().take(MOST).collect();
        let value = serde_json::to_string(&kept).unwrap_or_default();
        // Who slept and lost the cluster must not tell what its successor tells.
        let origin = (&mind.cluster, thread.as_ref());
        app.store.put_and_say(&app.right().lease(), (&key(&mind.cluster), &value), origin, &rows, now).await?;
        mind.rollout_notes.told = numbers;
        mind.rollout_notes.waiting = others;
        app.outbox_wake.wake();
    }
    mind.rollout_notes.due = None;
    Ok(())
}

/// The incident in whose thread it belongs.
fn thread_of(mind: &Mind, begun: &Begun) -> Option<IncidentId> {
    let is_heard = |it: &&Incident| it.is_open() && it.worst.is_said() && it.symptom_of.is_none();
    mind.open.get(&begun.rollout.owner).filter(is_heard).map(|it| it.id.clone())
}
