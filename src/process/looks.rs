//! Fresh lists: the scheduled pass that reconciles and is stored as a cycle; those of an analysis are handed on.

use std::{collections::BTreeSet, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use jiff::Timestamp;

use super::{Mind, analysis, first_look};
use crate::{
    alerts::Outgoing,
    app::App,
    clients::kubernetes::{Listed, ReadError},
    cluster::{Kind, ObjectKey, Touched},
    event::{Event, Lists, LookId},
    findings::{self, Look, Verdict},
    store::{Cycle, StoreError},
};

/// How long the pass at the start waits for the first picture.
const FIRST_PICTURE: Duration = Duration::from_mins(1);

/// Begins a monitoring pass; who asks for it knows that none runs.
pub(super) fn begin_pass(app: &Arc<App>, mind: &mut Mind, at: Timestamp) {
    mind.pass_since = Some(app.clock.now());
    mind.last_pass = Some(at);
    read(app, at);
}

/// Reads every kind afresh in a task of its own; the lists come back as an event, whatever happens to the task.
fn read(app: &Arc<App>, at: Timestamp) {
    app.pulse.send_modify(|pulse| pulse.looks += 1);
    let app_of_task = Arc::clone(app);
    app.spawn(async move {
        // The pass at the start: the watches read everything anyhow, and before that nothing can be judged.
        let mut pulse = app_of_task.pulse.subscribe();
        let complete = tokio::time::timeout(FIRST_PICTURE, pulse.wait_for(|pulse| pulse.complete));
        if app_of_task.stop.run_until_cancelled(complete).await.is_none() {
            return;
        }
        let read = AssertUnwindSafe(app_of_task.kubernetes.list_all(None)).catch_unwind();
        let Some(read) = app_of_task.stop.run_until_cancelled(read).await else { return };
        let lists = read.unwrap_or_else(|_panic| {
            let server = app_of_task.kubernetes.server().to_owned();
            let why = ReadError::Unreachable { server, why: "the task that reads it ended by a bug".to_owned() };
            Kind::ALL.map(|kind| (kind, Err(why.clone()))).into()
        });
        app_of_task.send(Event::Listed { look: LookId::Pass(at), lists }).await;
    });
}

/// Takes fresh lists in.
pub(super) async fn arrived(app: &App, mind: &mut Mind, look: LookId, lists: Lists) -> Result<(), StoreError> {
    app.pulse.send_modify(|pulse| pulse.looks = pulse.looks.saturating_sub(1));
    match look {
        LookId::Pass(_) => {
            let ended = end_pass(app, mind, lists).await;
            app.passing.send_replace(false);
            ended
        }
        LookId::Analysis { namespace, response_url, asked_at } => {
            let answer = analysis::answer(app, mind, &namespace, asked_at, lists);
            let outgoing = Outgoing::Respond { response_url, message: answer, replace: false };
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
    let mut transitions = Vec::new();
    for (kind, list) in lists {
        match list {
            Ok(listed) => {
                let touched = mind.reconcile(kind, listed, now);
                corrected += touched.owners.len();
                transitions.extend(touched.transitions);
            }
            Err(ReadError::NotServed { .. }) => {}
            Err(error) => errors.push(error.to_string()),
        }
    }
    mind.remember(app, transitions).await;
    if corrected > 0 && mind.complete {
        tracing::warn!(corrected, "the fresh lists differed from what the watches had said");
    }
    if mind.complete {
        first_look::judge_everything(app, mind).await;
    }
    let look =
        Look { index: &mind.index, history: &mind.history, now, no_grace: false, settings: &app.config.settings };
    let findings = findings::judge_all(&look).iter().filter(|j| matches!(j.verdict, Verdict::Wrong(_))).count();
    let status = if !mind.complete {
        "starting"
    } else if mind.blind().is_some() {
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
        // Before the first picture nothing was found, because nothing was judged.
        findings: if mind.complete { count(findings) } else { 0 },
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
