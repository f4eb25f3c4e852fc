//! When a monitoring pass begins: when it is due by the schedule, and the one before is over.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::Site;
use crate::{
    event::Event,
    schedule::{self, Tick},
};

/// Under this name, with that of the cluster, the store remembers when the last pass was due.
const LAST_PASS: &str = "last pass of";

/// Asks for passes until the bot stops. The ticker notices a clock that was stepped.
pub(super) async fn run(app: Arc<Site>) {
    let (sender, mut ticks) = mpsc::channel(1);
    app.spawn(schedule::tick(sender, app.stop.clone()));
    let mut passing = app.passing.subscribe();
    // A pass at every start, whatever the store says of the last one.
    let mut last: Option<Timestamp> = None;
    loop {
        // What becomes due while one runs is made up for once, when it is over.
        let running = *passing.borrow_and_update();
        let now = app.clock.now();
        if let Some(due) = schedule::due(&app.config.schedule, last, now).filter(|_| !running) {
            if due.missed {
                tracing::info!(due = %due.at, "a pass was missed and is made up for now");
            }
            last = Some(due.at);
            app.passing.send_replace(true);
            if let Err(error) = app.store.put(&format!("{LAST_PASS} {}", app.name), &due.at.to_string()).await {
                tracing::warn!(%error, "the time of the pass could not be stored");
            }
            app.send(Event::Pass { at: due.at }).await;
            continue;
        }
        let next = schedule::next(&app.config.schedule, last, now).unwrap_or(Timestamp::MAX);
        app.pulse.send_modify(|pulse| pulse.next_pass = Some(next));
        tokio::select! {
            () = app.stop.cancelled() => return,
            tick = ticks.recv() => if tick == Some(Tick::Restarted) {
                app.health.ticker_restarted();
            },
            // The sender is held by `app`, so this cannot fail.
            _ = passing.changed() => {}
            () = app.clock.sleep_until(next), if !running => {}
        }
    }
}
