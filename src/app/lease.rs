//! The rights of a process: to send, and to write of each cluster; each a lease that is renewed while the bot runs, and taken anew if it ran out and nobody else has it.

use std::{
    hash::{BuildHasher, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::bail;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{App, STORE, Site, stand_by};
use crate::{
    event::Event,
    store::{Lease, Store, StoreError},
};

/// The name of the right to send, in the store; who has it also decides who answers what people say.
const SENDER: &str = "bot";
/// What the rights to write of a cluster are called; its name follows.
pub(super) const OF_CLUSTER: &str = "cluster ";
/// How long a right lasts unless it is renewed: a bot that crashed is followed after this, and a second to notice it.
pub(super) const LENGTH: Duration = Duration::from_secs(10);
/// How long to wait for the store of an instance that may have crashed: a little longer than it holds it.
const UNTIL_A_CRASHED_ONE_LOSES_IT: Duration = Duration::from_secs(12);
/// How often to look whether it is free.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What stands between the clusters' names and the process in the name of a holder.
const PROCESS: &str = ": process ";

/// A right of this process, as it is now: it may be taken anew, with a greater number. With number 0, which every row refuses,
/// it is not held yet.
#[derive(Debug)]
pub struct Right(Mutex<Lease>);

impl Right {
    /// The right to send, of a process that watches these clusters.
    pub(super) fn to_send(clusters: &[String], now: Timestamp) -> Self {
        // Process ids come again, also in containers that are all number 1.
        let random = std::hash::RandomState::new().build_hasher().finish();
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = if host.trim().is_empty() { "this machine" } else { host.trim() };
        let process = std::process::id();
        let holder = format!("{}{PROCESS}{process} on {host}, since {now}, {random:x}", clusters.join(", "));
        Self(Mutex::new(Lease { name: SENDER.to_owned(), holder, fence: 0 }))
    }

    /// The right to write of a cluster, of the same process.
    pub(super) fn of_cluster(cluster: &str, sender: &Self) -> Self {
        let holder = sender.lease().holder;
        Self(Mutex::new(Lease { name: Self::name_of(cluster), holder, fence: 0 }))
    }

    /// What the right to write of a cluster is called, in the store.
    pub(super) fn name_of(cluster: &str) -> String {
        format!("{OF_CLUSTER}{cluster}")
    }

    /// The lease behind it.
    pub fn lease(&self) -> Lease {
        self.held().clone()
    }

    /// The number under which this process writes; rows written under a greater one refuse it.
    pub fn fence(&self) -> i64 {
        self.held().fence
    }

    /// Whether this process has it.
    pub fn is_held(&self) -> bool {
        self.fence() > 0
    }

    /// Who has it.
    pub(crate) async fn holder(&self, store: &Store) -> Result<Option<String>, StoreError> {
        store.lease_holder(&self.lease().name).await
    }

    /// Takes it if it is free.
    pub(super) async fn attempt(&self, store: &Store) -> Result<bool, StoreError> {
        let Lease { name, holder, .. } = self.lease();
        let taken = store.take_lease(&name, &holder, LENGTH).await?;
        let is_taken = taken.is_some();
        if let Some(taken) = taken {
            *self.held() = taken;
        }
        Ok(is_taken)
    }

    /// Renews it, or takes it anew: it ran out because the machine slept or the database was away, and nobody may have noticed.
    async fn keep(&self, store: &Store) -> Result<Kept, StoreError> {
        if store.renew(&self.lease(), LENGTH).await? {
            return Ok(Kept::Still);
        }
        Ok(if self.attempt(store).await? { Kept::Anew } else { Kept::Lost })
    }

    fn held(&self) -> MutexGuard<'_, Lease> {
        // Nothing panics while it is held, and a plain value cannot be half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of a right that was to be kept.
enum Kept {
    Still,
    Anew,
    Lost,
}

/// The clusters that a holder watches, and which process on which machine it is.
pub(crate) fn clusters_and_process(holder: &str) -> (&str, &str) {
    let (clusters, process) = holder.rsplit_once(PROCESS).unwrap_or(("", holder));
    (clusters, process.split(", since ").next().unwrap_or(process))
}

/// Takes every right at once; an instance that has one of them is alive, or crashed a moment ago.
pub(super) async fn take_all(app: &App, sites: &[Arc<Site>]) -> anyhow::Result<()> {
    for right in std::iter::once(app.right()).chain(sites.iter().map(|site| site.right())) {
        if !right.attempt(&app.store).await? {
            bail!("another instance holds the store; stop it, or wait {} s if it crashed", LENGTH.as_secs());
        }
    }
    Ok(())
}

/// Takes every right of a store that only one process may use; one that crashed is waited for. False if the bot is stopped
/// meanwhile.
pub(super) async fn take_all_in_turn(app: &App, sites: &[Arc<Site>]) -> anyhow::Result<bool> {
    let begun = Instant::now();
    let mut told = false;
    for right in std::iter::once(app.right()).chain(sites.iter().map(|site| site.right())) {
        while !right.attempt(&app.store).await? {
            if begun.elapsed() >= UNTIL_A_CRASHED_ONE_LOSES_IT {
                bail!("another instance runs on this store; stop one of them, or give each its own DATABASE_URL");
            }
            if !told {
                let seconds = LENGTH.as_secs();
                tracing::warn!(
                    "another instance holds the store; if it crashed, it loses it within {seconds} s: waiting"
                );
                told = true;
            }
            if app.stop.run_until_cancelled(tokio::time::sleep(LOOK_AGAIN)).await.is_none() {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Refuses a store on which somebody watches other clusters: who sends must know of all of them. One that crashed is waited for;
/// false if the bot is stopped meanwhile.
pub(super) async fn wait_for_strangers(app: &App) -> anyhow::Result<bool> {
    let begun = Instant::now();
    let mine = app.cluster_names.join(", ");
    loop {
        let mut holders = app.store.lease_holders(OF_CLUSTER).await?;
        holders.extend(app.right().holder(&app.store).await?);
        let is_stranger = |clusters: &str| clusters != mine && !clusters.is_empty();
        let strangers = holders.iter().map(|holder| clusters_and_process(holder));
        let Some((clusters, process)) = strangers.into_iter().find(|(clusters, _)| is_stranger(clusters)) else {
            return Ok(true);
        };
        if begun.elapsed() >= UNTIL_A_CRASHED_ONE_LOSES_IT {
            bail!(
                "process {process} runs on this store and watches `{clusters}`, not `{mine}`; give all replicas on one store the \
                 same clusters under the same names (CLUSTERS, CLUSTER_NAME; stop the old ones first where that changes), or each \
                 its own DATABASE_URL (a database or a schema)"
            );
        }
        if app.stop.run_until_cancelled(tokio::time::sleep(LOOK_AGAIN)).await.is_none() {
            return Ok(false);
        }
    }
}

/// Renews what this process holds until the bot stops. Without it this bot may no longer write, so the bot stops if another has
/// it.
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
        match renew(&app).await {
            Ok(()) => {
                app.health.ready(STORE);
                stand_by::see_others(&app).await;
            }
            Err(error) => {
                tracing::warn!(%error, "the store's leases could not be renewed");
                app.health.not_ready(STORE, error.to_string());
            }
        }
    }
}

/// Renews them all, the right to send last: who takes over a store that only one may use then finds the others free, too.
async fn renew(app: &Arc<App>) -> Result<(), StoreError> {
    for site in app.sites().into_iter().filter(|site| site.right().is_held()) {
        if is_kept(app, site.right()).await? {
            continue;
        }
        // Not waited for: the loop may be busy, and the others must be renewed. What is stored may have changed meanwhile.
        let sender = Arc::clone(&site);
        app.spawn(async move { sender.send(Event::LeaseAnew).await });
    }
    if app.right().is_held() {
        is_kept(app, app.right()).await?;
    }
    Ok(())
}

/// Keeps one; false if it had run out.
async fn is_kept(app: &App, right: &Right) -> Result<bool, StoreError> {
    let what = right.lease().name;
    match right.keep(&app.store).await? {
        Kept::Still => return Ok(true),
        Kept::Anew => tracing::warn!(%what, "the store's lease had run out and was taken anew"),
        Kept::Lost => app.give_up(format!(
            "another instance took the store over, because this one did not renew its lease for {} s",
            LENGTH.as_secs()
        )),
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_says_what_it_watches_and_where_it_runs() {
        let right = || Right::to_send(&["prod: process west".to_owned(), "edge".to_owned()], Timestamp::UNIX_EPOCH);
        let sender = right();
        let Lease { name, holder, fence } = sender.lease();
        assert_eq!((name.as_str(), fence, sender.is_held()), ("bot", 0, false));
        let (clusters, process) = clusters_and_process(&holder);
        assert_eq!(clusters, "prod: process west, edge");
        assert!(process.starts_with(&format!("{} on ", std::process::id())), "{process}");
        assert!(!process.contains("since"), "{process}");
        assert_ne!(right().lease().holder, holder);
        assert_eq!(clusters_and_process("somebody"), ("", "somebody"));
        let of_cluster = Right::of_cluster("edge", &sender).lease();
        assert_eq!((of_cluster.name.as_str(), of_cluster.holder), ("cluster edge", holder));
    }
}
