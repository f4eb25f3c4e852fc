//! The scheduled pass: what there is, read as versions only, is held against the index; all is judged, and a cycle is stored.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use jiff::Timestamp;

use super::{Mind, first_look};
use crate::{
    app::Site,
    clients::kubernetes::{ReadError, Scope},
    event::Event,
    store::{Cycle, StoreError},
};

/// How long the pass at the start waits for the first picture.
const FIRST_PICTURE: Duration = Duration::from_mins(1);

/// Begins a monitoring pass; who asks for it knows that none runs.
pub(super) fn begin_pass(app: &Arc<Site>, mind: &mut Mind, at: Timestamp) {
    mind.pass_since = Some(app.clock.now());
    mind.last_pass = Some(at);
    mind.reconciling.begin(mind.watches.keys());
    let scopes = mind.watches.keys().cloned().collect();
    app.pulse.send_modify(|pulse| pulse.looks += 1);
    let app_of_task = Arc::clone(app);
    app.spawn(async move {
        // The pass at the start: the watches read everything anyhow, and before that nothing can be judged.
        let mut pulse = app_of_task.pulse.subscribe();
        let complete = tokio::time::timeout(FIRST_PICTURE, pulse.wait_for(|pulse| pulse.complete));
        if app_of_task.stop.run_until_cancelled(complete).await.is_none() {
            return;
        }
        let read = AssertUnwindSafe(read(&app_of_task, scopes)).catch_unwind();
        let Some(read) = app_of_task.stop.run_until_cancelled(read).await else { return };
        // However the task ends, the pass does.
        let errors = read.unwrap_or_else(|_panic| vec!["the task that reads ended by a bug".to_owned()]);
        app_of_task.send(Event::PassRead { errors }).await;
    });
}

/// Reads one kind after the other: nobody waits for it, and the API server has other things to do. Says what could not be read.
async fn read(app: &Site, scopes: Vec<Scope>) -> Vec<String> {
    let mut errors = Vec::new();
    let mut nothing_was_read = true;
    for scope in scopes {
        match read_one(app, &scope).await {
            Ok(()) => nothing_was_read = false,
            Err(ReadError::NotServed { .. }) => {}
            Err(error) => {
                errors.push(error.to_string());
                if error.holds_for_all(nothing_was_read) {
                    break;
                }
            }
        }
    }
    errors
}

async fn read_one(app: &Site, scope: &Scope) -> Result<(), ReadError> {
    let mut pages = app.kubernetes.versions(scope.kind, scope.namespace.as_deref());
    loop {
        let page = pages.next().await?;
        let is_last = page.is_last;
        // It is never closed.
        let Ok(place) = Arc::clone(&app.places).acquire_owned().await else { return Ok(()) };
        app.send(Event::Versions { scope: scope.clone(), page, place }).await;
        if is_last {
            return Ok(());
        }
    }
}

/// Ends the pass when everything was read: all is judged, the cycle is stored.
pub(super) async fn end_pass(app: &Site, mind: &mut Mind, errors: Vec<String>) -> Result<(), StoreError> {
    app.pulse.send_modify(|pulse| pulse.looks = pulse.looks.saturating_sub(1));
    let now = app.clock.now();
    let started = mind.pass_since.take().unwrap_or(now);
    mind.reconciling.end();
    // What could not be written when it happened.
    mind.remember(app, Vec::new()).await;
    // Before the first picture nothing was found, because nothing was judged.
    let findings = if mind.complete { first_look::judge_everything(app, mind).await } else { 0 };
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
        findings: count(findings),
        alerts: count(std::mem::take(&mut mind.said)),
        incidents_open: count(mind.open.len()),
        error: errors.into_iter().next(),
    };
    app.store.record_cycle(&cycle).await
}
