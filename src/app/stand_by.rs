//! Several replicas on one store: each takes the rights that are free, keeps what people say in Slack for who answers, and takes over what another one lost.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};

use super::{App, Crew, STORE, lease};
use crate::{
    process::slack_side,
    store::{Lease, StoreError},
};

/// What the leases of those that do not send are called; a number follows.
const SEAT: &str = "stand-by ";
/// How many of them listen to Slack: with the two sockets of the one that sends at most eight are open of Slack's ten, so that
/// a socket can be renewed before the old one is closed.
const SEATS: u32 = 6;
/// How long a seat lasts unless it is renewed, which happens every second.
const SEAT_LENGTH: Duration = Duration::from_secs(5);
/// How long to wait before Slack is asked for a socket again.
const SOCKET_AGAIN: Duration = Duration::from_secs(5);
/// How long a free cluster is left to the one that sends, which so keeps a single cluster together with its messages.
const LEFT_TO_SENDER: Duration = Duration::from_millis(1500);
/// How long a free cluster is left to those that watch less than their share.
const LEFT_TO_OTHERS: Duration = Duration::from_millis(2500);

/// How this process works beside others.
struct Beside {
    crew: Crew,
    seat: Option<Lease>,
    /// Since when clusters were seen to be free.
    free: BTreeMap<String, Instant>,
}

/// Takes what is free and begins to work on it, until it has everything or is stopped. `has_begun` is told when it has anything.
pub(super) async fn run(crew: Crew, has_begun: watch::Sender<bool>) {
    let app = Arc::clone(&crew.app);
    let is_seated = watch::Sender::new(false);
    app.spawn(listen(Arc::clone(&app), is_seated.subscribe()));
    let mut beside = Beside { crew, seat: None, free: BTreeMap::new() };
    let mut is_well = true;
    loop {
        // Nothing else may happen here that could show that it is alive.
        app.health.beat(SEAT);
        match beside.look().await {
            Ok(()) => {
                let idle = !app.right().is_held() && app.sites().iter().all(|site| !site.right().is_held());
                let who = if idle { Some(format!("{} watches", who_sends(&app).await)) } else { None };
                app.health.stands_by(who.as_deref());
                has_begun.send_if_modified(|has| std::mem::replace(has, !idle) == idle);
                is_well = true;
            }
            Err(error) => {
                if is_well {
                    tracing::warn!(%error, "the store does not say who watches; asking again every second");
                }
                app.health.stands_by(None);
                app.health.not_ready(STORE, error.to_string());
                is_well = false;
            }
        }
        let has_seat = beside.seat.is_some();
        is_seated.send_if_modified(|is| std::mem::replace(is, has_seat) != has_seat);
        let has_all = app.right().is_held() && app.sites().iter().all(|site| site.right().is_held());
        if has_all || app.stop.run_until_cancelled(tokio::time::sleep(lease::LOOK_AGAIN)).await.is_none() {
            break;
        }
    }
    app.health.forget(SEAT);
    if let Some(seat) = beside.seat
        && let Err(error) = app.store.release(&seat).await
    {
        tracing::debug!(%error, "a place to stand by is free a little later");
    }
}

/// Another one may send by now.
async fn who_sends(app: &App) -> String {
    match app.right().holder(&app.store).await {
        Ok(Some(holder)) => format!("process {}", lease::clusters_and_process(&holder).1),
        Ok(None) | Err(_) => "another process".to_owned(),
    }
}

impl Beside {
    /// Takes the right to send if it is free, else keeps a seat or takes one; then the clusters that nobody watches.
    async fn look(&mut self) -> Result<(), StoreError> {
        let app = Arc::clone(&self.crew.app);
        if !app.right().is_held() {
            if app.right().attempt(&app.store).await? {
                tracing::info!("nobody sent, so this process does from now on");
                self.crew.sends();
            } else {
                self.sit(&app).await?;
            }
        }
        if app.right().is_held()
            && let Some(seat) = self.seat.take()
        {
            app.store.release(&seat).await?;
        }
        let sites = app.sites();
        let mut mine = sites.iter().filter(|site| site.right().is_held()).count();
        let share = sites.len().div_ceil(1 + app.store.lease_holders(SEAT).await?.len());
        for site in sites.iter().filter(|site| !site.right().is_held()) {
            if site.right().holder(&app.store).await?.is_some() {
                self.free.remove(&site.name);
                continue;
            }
            let since = *self.free.entry(site.name.clone()).or_insert_with(Instant::now);
            let left = match (mine < share, app.right().is_held()) {
                (true, true) => Duration::ZERO,
                (true, false) => LEFT_TO_SENDER,
                (false, _) => LEFT_TO_OTHERS,
            };
            if since.elapsed() >= left && site.right().attempt(&app.store).await? {
                tracing::info!(cluster = %site.name, "nobody watched it, so this process does from now on");
                mine += 1;
                self.crew.watches(Arc::clone(site));
            }
        }
        Ok(())
    }

    async fn sit(&mut self, app: &App) -> Result<(), StoreError> {
        if let Some(mine) = self.seat.as_ref() {
            if app.store.renew(mine, SEAT_LENGTH).await? {
                return Ok(());
            }
            self.seat = None;
        }
        let holder = app.right().lease().holder;
        for number in 1..=SEATS {
            self.seat = app.store.take_lease(&format!("{SEAT}{number}"), &holder, SEAT_LENGTH).await?;
            if self.seat.is_some() {
                break;
            }
        }
        Ok(())
    }
}

/// Keeps a socket open while it has a seat; once it sends, until it has the sockets of one that sends, so that nothing is missed
/// between.
async fn listen(app: Arc<App>, mut is_seated: watch::Receiver<bool>) {
    let mut pulse = app.pulse.subscribe();
    let mut socket = None;
    loop {
        let wants = *is_seated.borrow_and_update();
        if wants && socket.is_none() {
            match app.stop.run_until_cancelled(slack_side::listen_only(&app)).await {
                Some(Some(Ok(opened))) => socket = Some(opened),
                Some(Some(Err(error))) => {
                    tracing::warn!(%error, "no socket to Slack while standing by; trying again");
                }
                // Without Slack there is nothing to listen to, and a bot that stops needs nothing.
                Some(None) | None => return,
            }
        } else if !wants
            && !app.right().is_held()
            && let Some(open) = socket.take()
        {
            open.shutdown().await;
        }
        tokio::select! {
            () = app.stop.cancelled() => break,
            seated = is_seated.changed() => if seated.is_err() { break },
            () = tokio::time::sleep(SOCKET_AGAIN), if wants && socket.is_none() => {}
        }
        if app.right().is_held() {
            break;
        }
    }
    if let Some(socket) = socket {
        let handed_over = pulse.wait_for(|pulse| pulse.connected);
        // An end of the bot is as good as a handover.
        drop(app.stop.run_until_cancelled(handed_over).await);
        socket.shutdown().await;
    }
}

/// The one that sends learns who stands by.
pub(super) async fn see_others(app: &App) {
    if !app.store.is_shared() || !app.right().is_held() {
        return;
    }
    match app.store.lease_holders(SEAT).await {
        Ok(others) => {
            let is_new = app.standbys.send_if_modified(|known| {
                let is_new = *known != others;
                *known = others;
                is_new
            });
            if is_new {
                app.inbox_wake.wake();
                app.outbox_wake.wake();
            }
        }
        Err(error) => tracing::debug!(%error, "who stands by is not known"),
    }
}
