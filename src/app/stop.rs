//! How the bot stops: work ends first, then what it wrote is sent, then the store is let go; within ten seconds, whatever hangs.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, timeout, timeout_at};

use super::{App, Site, Sockets, lock};

/// How long stopping waits for work that goes on, and then, from the same beginning, for what that wrote to be sent. Together
/// with the goodbyes it is less than the ten seconds Docker gives.
const GRACE: Duration = Duration::from_secs(5);
const GRACE_WITH_SENDING: Duration = Duration::from_secs(8);
/// How long the goodbye to the sockets, and that to the store, may each take.
const GOODBYE: Duration = Duration::from_secs(1);
/// Stops every part in its order; ends within ten seconds, whatever hangs.
pub(super) async fn end(app: &App, sites: &[Arc<Site>], sockets: &Sockets) {
    let begun = Instant::now();
    app.stop.cancel();
    let work = async {
        let sockets = lock(sockets).take();
        if let Some(sockets) = sockets
            && timeout(GOODBYE, sockets.shutdown()).await.is_err()
        {
            tracing::warn!("Slack's sockets do not close; they are dropped");
        }
        app.tasks.close();
        app.tasks.wait().await;
    };
    if timeout_at(begun + GRACE, work).await.is_err() {
        tracing::warn!("some work did not end in time; it is in the store and goes on at the next start");
    }
    app.drained.cancel();
    app.senders.close();
    if timeout_at(begun + GRACE_WITH_SENDING, app.senders.wait()).await.is_err() {
        tracing::warn!("not everything could be sent; it is in the store and is sent after the next start");
    }
    let goodbye = async {
        // The right to send last: who takes over finds the others free, too.
        let rights = sites.iter().map(|site| site.right()).chain([app.right()]);
        for right in rights.filter(|right| right.is_held()) {
            if let Err(error) = app.store.release(&right.lease()).await {
                tracing::warn!(%error, "the store could not be let go; the next instance waits for it a little");
            }
        }
        app.store.close().await;
    };
    // What the others left of their time is given to a slow database: a store that is not let go keeps the next instance waiting.
    if timeout_at(begun + GRACE_WITH_SENDING + GOODBYE, goodbye).await.is_err() {
        tracing::warn!("the store does not close; it is left alone");
    }
}
