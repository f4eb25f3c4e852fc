//! Once an hour what nobody asks for any more is forgotten: old rows, and owners that are gone.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::App;
use crate::event::Event;

/// How often.
const EVERY: SignedDuration = SignedDuration::from_hours(1);

/// Tidies until the bot stops, for the first time at once.
pub(super) async fn run(app: Arc<App>) {
    loop {
        let now = app.clock.now();
        match app.store.prune(now, app.config.retention).await {
            Ok(pruned) => tracing::debug!(?pruned, "old rows were tidied away"),
            Err(error) => tracing::warn!(%error, "old rows could not be tidied away"),
        }
        for site in app.sites().into_iter().filter(|site| site.right().is_held()) {
            site.send(Event::Tidy).await;
        }
        let next = now.checked_add(EVERY).unwrap_or(Timestamp::MAX);
        app.pulse.send_modify(|pulse| pulse.next_tidy = Some(next));
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = app.clock.sleep_until(next) => {}
        }
    }
}
