//! Fresh lists: the scheduled pass that reconciles and is stored as a cycle; those of an analysis are handed on.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;

use super::{Mind, analysis, incidents};
use crate::{
    alerts::Outgoing,
    app::App,
    clients::kubernetes::{Listed, ReadError},
    cluster::{Kind, ObjectKey, Touched},
    event::{Event, Lists, LookId},
    findings::{self, Look, Verdict},
    store::{Cycle, StoreError},
};

/// Begins a monitoring pass, unless one is still running: passes never overlap.
pub(super) fn begin_pass(app: &Arc<App>, mind: &mut Mind, at: Timestamp) {
    if mind.pass_since.is_some() {
        tracing::warn!(due = %at, "the last pass still runs; this one is left out");
        return;
    }
    mind.pass_since = Some(app.clock.now());
    mind.last_pass = Some(at);
    begin(app, LookId::Pass(at));
}

/// Reads every kind afresh in a task of its own; the lists come back as an event.
fn begin(app: &Arc<App>, look: LookId) {
    app.pulse.send_modify(|pulse| pulse.looks += 1);
    let app_of_task = Arc::clone(app);
    app.spawn(async move {
        let mut lists: Lists = Vec::with_capacity(Kind::ALL.len());
        for kind in Kind::ALL {
            let list = tokio::select! {
                list = app_of_task.kubernetes.list(kind, None) => list,
                () = app_of_task.stop.cancelled() => return,
            };
            lists.push((kind, list));
        }
        app_of_task.send(Event::Listed { look, lists }).await;
    });
}

/// Takes fresh lists in.
pub(super) async fn arrived(app: &App, mind: &mut Mind, look: LookId, lists: Lists) -> Result<(), StoreError> {
    app.pulse.send_modify(|pulse| pulse.looks = pulse.looks.saturating_sub(1));
    match look {
        LookId::Pass(_) => end_pass(app, mind, lists).await,
        LookId::Analysis { namespace, response_url, asked_at } => {
            let answer = analysis::answer(app, mind, &namespace, asked_at, lists);
            let outgoing = Outgoing::Respond { response_url, message: answer, replace: true };
            app.store.enqueue(&mind.cluster, None, &[outgoing], app.clock.now()).await?;
            app.outbox_wake.wake();
            Ok(())
        }
    }
}

async fn end_pass(app: &App, mind: &mut Mind, lists: Lists) -> Result<(), StoreError> {
    let now = app.clock.now();
    let started = mind.pass_since.take().unwrap_or(now);
    let mut corrected = 0;
    let mut errors = Vec::new();
    for (kind, list) in lists {
        match list {
            Ok(listed) => {
                let touched = mind.reconcile(kind, listed, now);
                corrected += touched.owners.len();
                mind.remember(app, touched.transitions).await?;
            }
            Err(ReadError::NotServed { .. }) => {}
            Err(error) => errors.push(error.to_string()),
        }
    }
    if corrected > 0 && mind.complete {
        tracing::warn!(corrected, "the fresh lists differed from what the watches had said");
    }
    if mind.complete {
        incidents::judge_everything(app, mind).await?;
    }
    let look = Look { index: &mind.index, history: &mind.history, now, no_grace: false };
    let findings = findings::judge_all(&look).iter().filter(|j| matches!(j.verdict, Verdict::Wrong(_))).count();
    let blind = mind.index.sight().all_blind().any(|(kind, ..)| kind.is_required());
    let status = if blind {
        "blind"
    } else if errors.is_empty() {
        "complete"
    } else {
        "partial"
    };
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let cycle = Cycle {
        cluster: mind.cluster.clone(),
        started,
        finished: app.clock.now(),
        status: status.to_owned(),
        findings: count(findings),
        alerts: count(std::mem::take(&mut mind.said)),
        incidents_open: count(mind.open.len()),
        error: errors.into_iter().next(),
    };
    app.store.record_cycle(&cycle).await
}

impl Mind {
    /// Corrects the index by a fresh list. Where the watch is already further than the list, the watch is right.
    fn reconcile(&mut self, kind: Kind, listed: Listed, now: Timestamp) -> Touched {
        let listed_at: u64 = listed.resource_version.parse().unwrap_or(0);
        let watch_is_further = self.positions.get(&kind).is_some_and(|at| *at > listed_at);
        let mut touched = Touched::default();
        let mut take = |more: Touched| {
            touched.owners.extend(more.owners);
            touched.transitions.extend(more.transitions);
        };
        let fresh: BTreeSet<ObjectKey> = listed.facts.iter().map(crate::cluster::Fact::key).collect();
        let gone: Vec<ObjectKey> = self
            .index
            .all(kind)
            .filter(|held| held.meta().resource_version.parse::<u64>().is_ok_and(|v| v <= listed_at))
            .map(crate::cluster::Fact::key)
            .filter(|key| !fresh.contains(key))
            .collect();
        for key in gone {
            take(self.index.delete(&key, now));
        }
        for fact in listed.facts {
            let key = fact.key();
            match self.index.get(&key) {
                Some(held) if held.meta().resource_version == fact.meta().resource_version => {}
                None if watch_is_further => {}
                Some(_) | None => take(self.index.apply(fact, now)),
            }
        }
        touched
    }
}
