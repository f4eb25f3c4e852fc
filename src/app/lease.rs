//! The right to write: taken at the start, held while the bot runs, taken anew if it ran out and nobody else has it.

use std::{
    hash::{BuildHasher, Hasher},
    sync::Arc,
    time::Duration,
};

use anyhow::bail;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{App, STORE, Turn, stand_by};
use crate::{
    event::Event,
    store::{Lease, StoreError},
};

/// Its name in the store.
const NAME: &str = "bot";
/// How long it lasts unless it is renewed: a bot that crashed is followed after this, and a second to notice it.
pub(super) const LENGTH: Duration = Duration::from_secs(10);
/// How long to wait for the store of an instance that may have crashed: a little longer than it holds it.
const UNTIL_A_CRASHED_ONE_LOSES_IT: Duration = Duration::from_secs(12);
/// How often to look whether it is free.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What stands between the cluster's name and the process in the name of a holder.
const PROCESS: &str = ": process ";

/// The right of a process that does not hold it yet: with number 0, which every row refuses.
pub(super) fn not_held(cluster: &str, now: Timestamp) -> Lease {
    // Process ids come again, also in containers that are all number 1.
    let random = std::hash::RandomState::new().build_hasher().finish();
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "this machine" } else { host.trim() };
    let holder = format!("{cluster}{PROCESS}{} on {host}, since {now}, {random:x}", std::process::id());
    Lease { name: NAME.to_owned(), holder, fence: 0 }
}

/// The cluster that a holder watches, and which process on which machine it is.
pub(crate) fn cluster_and_process(holder: &str) -> (&str, &str) {
    let (cluster, process) = holder.rsplit_once(PROCESS).unwrap_or(("", holder));
    (cluster, process.split(", since ").next().unwrap_or(process))
}

/// Takes it; while another instance holds it, waits as `turn` says. False if the bot is stopped while it waits.
pub(super) async fn take(app: &Arc<App>, turn: Turn) -> anyhow::Result<bool> {
    let begun = Instant::now();
    let mut told = false;
    loop {
        if attempt(app).await? {
            return Ok(true);
        }
        let seconds = LENGTH.as_secs();
        if turn == Turn::Now {
            bail!("another instance holds the store; stop it, or wait {seconds} s if it crashed");
        }
        let holder = holder(app).await?.unwrap_or_default();
        let (cluster, process) = cluster_and_process(&holder);
        let may_stand_by = app.store.is_shared() && cluster == app.cluster_name;
        if may_stand_by {
            return stand_by::until_it_leads(app, process).await;
        }
        if begun.elapsed() >= UNTIL_A_CRASHED_ONE_LOSES_IT {
            if app.store.is_shared() && !cluster.is_empty() {
                bail!(
                    "process {process} runs on this store and watches the cluster `{cluster}`, not `{}`; give each cluster its own \
                     DATABASE_URL (a database or a schema), or the same CLUSTER_NAME if it is the same cluster",
                    app.cluster_name
                );
            }
            bail!("another instance runs on this store; stop one of them, or give each its own DATABASE_URL");
        }
        if !told {
            tracing::warn!("another instance holds the store; if it crashed, it loses it within {seconds} s: waiting");
            told = true;
        }
        if app.stop.run_until_cancelled(tokio::time::sleep(LOOK_AGAIN)).await.is_none() {
            return Ok(false);
        }
    }
}

/// Who holds it.
pub(super) async fn holder(app: &App) -> Result<Option<String>, StoreError> {
    app.store.lease_holder(NAME).await
}

/// Takes it if it is free.
pub(super) async fn attempt(app: &App) -> Result<bool, StoreError> {
    let wanted = app.lease();
    let taken = app.store.take_lease(NAME, &wanted.holder, LENGTH).await?;
    let is_taken = taken.is_some();
    if let Some(taken) = taken {
        *app.held() = taken;
    }
    Ok(is_taken)
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
        let lease = app.lease();
        let held = match app.store.renew(&lease, LENGTH).await {
            Ok(true) => Ok(()),
            Ok(false) => take_anew(&app).await,
            Err(error) => Err(error),
        };
        match held {
            Ok(()) => {
                app.health.ready(STORE);
                stand_by::see_others(&app).await;
            }
            Err(error) => {
                tracing::warn!(%error, "the store's lease could not be renewed");
                app.health.not_ready(STORE, error.to_string());
            }
        }
    }
}

/// It ran out: the machine slept, or the database was away. Nobody may have noticed.
async fn take_anew(app: &Arc<App>) -> Result<(), StoreError> {
    if attempt(app).await? {
        tracing::warn!("the store's lease had run out and was taken anew");
        // Not waited for: the loop may be busy, and the lease must be renewed.
        let sender = Arc::clone(app);
        app.spawn(async move { sender.send(Event::LeaseAnew).await });
    } else {
        app.give_up(format!(
            "another instance took the store over, because this one did not renew its lease for {} s",
            LENGTH.as_secs()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_says_what_it_watches_and_where_it_runs() {
        let lease = not_held("prod: process west", Timestamp::UNIX_EPOCH);
        assert_eq!((lease.name.as_str(), lease.fence), ("bot", 0));
        let (cluster, process) = cluster_and_process(&lease.holder);
        assert_eq!(cluster, "prod: process west");
        assert!(process.starts_with(&format!("{} on ", std::process::id())), "{process}");
        assert!(!process.contains("since"), "{process}");
        assert_ne!(not_held("prod", Timestamp::UNIX_EPOCH).holder, not_held("prod", Timestamp::UNIX_EPOCH).holder);
        assert_eq!(cluster_and_process("somebody"), ("", "somebody"));
    }
}
