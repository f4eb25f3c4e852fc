//! The right to write: taken at the start, held while the bot runs, taken anew if it ran out and nobody else has it.

use std::{
    hash::{BuildHasher, Hasher},
    sync::Arc,
    time::Duration,
};

use anyhow::bail;
use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{App, STORE};
use crate::{
    event::Event,
    store::{Lease, Store},
};

/// Its name in the store.
const NAME: &str = "bot";
/// How long it lasts unless it is renewed; a crashed bot is followed after this.
const LENGTH: Duration = Duration::from_secs(15);
/// How long to wait for the store of an instance that may have crashed: a little longer than it holds it.
pub(super) const UNTIL_A_CRASHED_ONE_LOSES_IT: Duration = Duration::from_secs(17);
/// How often to look whether it is free.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Takes it; while another instance holds it, looks again for as long as `patience`. None if `stop` comes while it waits.
pub(super) async fn take(
    store: &Store,
    now: Timestamp,
    patience: Duration,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Lease>> {
    // Process ids come again, also in containers that are all number 1.
    let random = std::hash::RandomState::new().build_hasher().finish();
    let holder = format!("process {} at {now}, {random:x}", std::process::id());
    let begun = Instant::now();
    let mut told = false;
    loop {
        if let Some(lease) = store.take_lease(NAME, &holder, LENGTH).await? {
            return Ok(Some(lease));
        }
        let seconds = LENGTH.as_secs();
        if patience.is_zero() {
            bail!("another instance holds the store; stop it, or wait {seconds} s if it crashed");
        }
        if begun.elapsed() >= patience {
            bail!("another instance runs on this store; stop one of them, or give each its own DATABASE_URL");
        }
        if !told {
            tracing::warn!("another instance holds the store; if it crashed, it loses it within {seconds} s: waiting");
            told = true;
        }
        if stop.run_until_cancelled(tokio::time::sleep(LOOK_AGAIN)).await.is_none() {
            return Ok(None);
        }
    }
}

/// Renews it until the bot stops. Without it this bot may no longer write, so the bot stops if another has it.
pub(super) async fn keep(app: Arc<App>) {
    let every = LENGTH / 3;
    loop {
        let next = app.clock.now().checked_add(every).unwrap_or(Timestamp::MAX);
        tokio::select! {
            () = app.stop.cancelled() => return,
            // The database's clock goes on, whatever a clock moved by hand says.
            () = tokio::time::sleep(every) => {}
            () = app.clock.sleep_until(next) => {}
        }
        let lease = app.held().clone();
        let held = match app.store.renew(&lease, LENGTH).await {
            Ok(true) => Ok(()),
            Ok(false) => take_anew(&app, lease).await,
            Err(error) => Err(error),
        };
        match held {
            Ok(()) => app.health.ready(STORE),
            Err(error) => {
                tracing::warn!(%error, "the store's lease could not be renewed");
                app.health.not_ready(STORE, error.to_string());
            }
        }
    }
}

/// It ran out: the machine slept, or the database was away. Nobody may have noticed.
async fn take_anew(app: &Arc<App>, lease: Lease) -> Result<(), crate::store::StoreError> {
    match app.store.take_lease(NAME, &lease.holder, LENGTH).await? {
        Some(anew) => {
            tracing::warn!("the store's lease had run out and was taken anew");
            *app.held() = anew;
            // Not waited for: the loop may be busy, and the lease must be renewed.
            let sender = Arc::clone(app);
            app.spawn(async move { sender.send(Event::LeaseAnew).await });
        }
        None => app.give_up(format!(
            "another instance took the store over, because this one did not renew its lease for {} s",
            LENGTH.as_secs()
        )),
    }
    Ok(())
}
