//! A replica that stands by: it keeps what people say in Slack for the one that watches, and takes over when that is gone.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{App, STORE, lease, start};
use crate::{
    process::slack_side,
    store::{Lease, StoreError},
};

/// What the leases of those that stand by are called; a number follows.
const SEAT: &str = "stand-by ";
/// How many of them listen to Slack: with the two sockets of the one that watches at most eight are open of Slack's ten, so that
/// a socket can be renewed before the old one is closed.
const SEATS: u32 = 6;
/// How long a seat lasts unless it is renewed, which happens every second.
const SEAT_LENGTH: Duration = Duration::from_secs(5);
/// How long to wait before Slack is asked for a socket again.
const SOCKET_AGAIN: Duration = Duration::from_secs(5);

/// Stands by until this replica leads; false if it is stopped before.
pub(super) async fn until_it_leads(app: &Arc<App>, leader: &str) -> anyhow::Result<bool> {
    tracing::info!("process {leader} watches this cluster; this one stands by and takes over when that one is gone");
    start::serve_health(app).await?;
    let is_seated = watch::Sender::new(false);
    app.spawn(listen(Arc::clone(app), is_seated.subscribe()));
    let mut seat = None;
    let mut is_well = true;
    let leads = loop {
        // Nothing else happens here that could show that it is alive.
        app.health.beat();
        let looked = look(app, &mut seat).await;
        is_seated.send_if_modified(|is| std::mem::replace(is, seat.is_some()) != seat.is_some());
        match looked {
            Ok(true) => break true,
            Ok(false) => {
                app.health.stands_by(Some(&format!("{} watches", who_watches(app).await)));
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
        if app.stop.run_until_cancelled(tokio::time::sleep(lease::LOOK_AGAIN)).await.is_none() {
            break false;
        }
    };
    app.health.stands_by(None);
    if let Some(seat) = seat
        && let Err(error) = app.store.release(&seat).await
    {
        tracing::debug!(%error, "a place to stand by is free a little later");
    }
    if leads {
        tracing::warn!("the replica that watched this cluster is gone; this one has taken over");
    }
    Ok(leads)
}

/// It may be another one by now.
async fn who_watches(app: &App) -> String {
    match lease::holder(app).await {
        Ok(Some(holder)) => format!("process {}", lease::cluster_and_process(&holder).1),
        Ok(None) | Err(_) => "another process".to_owned(),
    }
}

/// Takes the lease if it is free, else keeps a seat or takes one.
async fn look(app: &App, seat: &mut Option<Lease>) -> Result<bool, StoreError> {
    if lease::attempt(app).await? {
        return Ok(true);
    }
    let holder = app.lease().holder;
    if let Some(mine) = seat.as_ref() {
        if app.store.renew(mine, SEAT_LENGTH).await? {
            return Ok(false);
        }
        *seat = None;
    }
    for number in 1..=SEATS {
        *seat = app.store.take_lease(&format!("{SEAT}{number}"), &holder, SEAT_LENGTH).await?;
        if seat.is_some() {
            break;
        }
    }
    Ok(false)
}

/// Keeps a socket open while it has a seat; once it leads, until it has the sockets of one that leads, so that nothing is missed
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
        } else if !wants && let Some(open) = socket.take() {
            open.shutdown().await;
        }
        tokio::select! {
            () = app.stop.cancelled() => break,
            seated = is_seated.changed() => if seated.is_err() { break },
            () = tokio::time::sleep(SOCKET_AGAIN), if wants && socket.is_none() => {}
        }
    }
    if let Some(socket) = socket {
        let handed_over = pulse.wait_for(|pulse| pulse.connected);
        // An end of the bot is as good as a handover.
        drop(app.stop.run_until_cancelled(handed_over).await);
        socket.shutdown().await;
    }
}

/// The one that watches learns who stands by. What those took in or wrote does not wake it by itself.
pub(super) async fn see_others(app: &App) {
    if !app.store.is_shared() {
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
            }
            if !app.standbys.borrow().is_empty() {
                app.outbox_wake.wake();
            }
        }
        Err(error) => tracing::debug!(%error, "who stands by is not known"),
    }
}
