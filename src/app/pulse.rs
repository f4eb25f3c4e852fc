//! How far the bot is, as a whole and with each cluster: what `/readyz` and the metrics say, and what tells whether it is settled.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::{
    clients::kubernetes::Scope,
    cluster::{ClusterId, Kind},
    incidents::Severity,
};

/// Wakes one task, and counts, so that everybody can see whether it has woken for the last call.
#[derive(Debug, Default)]
pub struct Wake {
    notify: Notify,
    calls: AtomicU64,
}

impl Wake {
    /// Wakes the task.
    pub fn wake(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.notify.notify_one();
    }

    /// Waits for a call; one that came before counts.
    pub async fn called(&self) {
        self.notify.notified().await;
    }

    /// How often it was called.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }
}

/// How far the bot is with what all clusters share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pulse {
    /// Where `/healthz`, `/readyz` and `/metrics` are served.
    pub listens: Option<SocketAddr>,
    /// When is tidied next; None before the first time.
    pub next_tidy: Option<Timestamp>,
    /// When is next looked after what cannot be delivered; None before the first time.
    pub next_undelivered: Option<Timestamp>,
    /// When the file of the catalogue is looked at next; None before the first time.
    pub next_catalogue: Option<Timestamp>,
    /// The call for which the outbox last woke, and when it looks again.
    pub outbox: (u64, Option<Timestamp>),
    /// The call for which the inbox last woke.
    pub inbox: u64,
    /// Slack was asked for the first time, with whatever result; true where there is no Slack.
    pub connected: bool,
    /// The doubt for which Slack was last asked how it is, and when it is asked again; None until it was asked.
    pub slack: Option<(u64, Option<Timestamp>)>,
}

/// How far the bot is with one cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SitePulse {
    /// Every kind was listed, or is known to be blind.
    pub complete: bool,
    /// The cluster the loop watches; None until it handled an event.
    pub cluster: Option<ClusterId>,
    /// Events handled so far.
    pub handled: u64,
    /// How many required kinds cannot be seen.
    pub blind: usize,
    /// Last resource version taken in per kind.
    pub positions: BTreeMap<Kind, u64>,
    /// How each watch is, in a word.
    pub watches: BTreeMap<Scope, &'static str>,
    /// Objects that are known, per kind.
    pub objects: BTreeMap<Kind, usize>,
    /// Open incidents per severity.
    pub open: BTreeMap<Severity, usize>,
    /// When something is due by time alone.
    pub next_due: Option<Timestamp>,
    /// When the next pass is due.
    pub next_pass: Option<Timestamp>,
    /// When is measured next; None before the first time.
    pub next_measure: Option<Timestamp>,
    /// Fresh lists that are being read.
    pub looks: u64,
}

impl Pulse {
    /// Whether nothing of this is due, and the tasks have woken for their last calls.
    pub(super) fn is_settled(&self, app: &super::App, now: Timestamp) -> bool {
        let later = |at: Option<Timestamp>| at.is_none_or(|at| at > now);
        self.connected
            && self.next_tidy.is_some_and(|at| at > now)
            && (app.undelivered_file.is_none() || self.next_undelivered.is_some_and(|at| at > now))
            && (app.config.services_file.is_none() || self.next_catalogue.is_some_and(|at| at > now))
            && self.outbox.0 == app.outbox_wake.calls()
            && later(self.outbox.1)
            && self.inbox == app.inbox_wake.calls()
            && match self.slack {
                None => app.slack.is_none(),
                Some((_, Some(next))) => next > now,
                Some((call, None)) => call == app.doubts.calls(),
            }
    }
}

impl SitePulse {
    /// Whether nothing of this cluster is due, and everything that was sent to its loop was handled.
    pub(super) fn is_settled(&self, site: &super::Site, now: Timestamp) -> bool {
        self.complete
            && self.looks == 0
            && !*site.passing.borrow()
            && self.handled == site.sent.load(Ordering::SeqCst)
            && self.next_due.is_none_or(|at| at > now)
            && self.next_pass.is_some_and(|at| at > now)
            && self.next_measure.is_some_and(|at| at > now)
    }
}
