//! When it is measured how full things are: every minute; only events go out.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Site;
use crate::event::Event;

/// How often. The metrics API measures four times a minute, and what is near a limit is waited for five.
pub(crate) const EVERY: SignedDuration = SignedDuration::from_mins(1);

/// Asks for measurements until the bot stops, for the first time after the first picture.
pub(super) async fn run(app: Arc<Site>) {
    let mut pulse = app.pulse.subscribe();
    // Its sender is held by `app`, so waiting cannot fail.
    if app.stop.run_until_cancelled(pulse.wait_for(|pulse| pulse.complete)).await.is_none() {
        return;
    }
    loop {
        app.send(Event::Measure).await;
        let next = app.clock.now().checked_add(EVERY).unwrap_or(Timestamp::MAX);
        app.pulse.send_modify(|pulse| pulse.next_measure = Some(next));
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = app.clock.sleep_until(next) => {}
        }
    }
}
