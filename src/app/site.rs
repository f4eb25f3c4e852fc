//! One of the clusters that are watched: its client, the right to write of it, and the mailbox of its loop.

use std::{
    collections::BTreeMap,
    ops::Deref,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc, watch};

use super::{App, CLUSTER, Right, SitePulse};
use crate::{
    alerts::message::Times,
    clients::kubernetes::{Kubernetes, Scope, WatchHandle},
    event::Event,
};

/// How many pieces of lists may wait to be taken in: the loop is never idle for want of one, and none waits long.
const PIECES: usize = 4;

/// One of the clusters, with what all of them share behind it: whatever works on a cluster needs both.
#[derive(Debug)]
pub struct Site {
    app: Arc<App>,
    /// The cluster, as people call it.
    pub name: String,
    /// Its client.
    pub kubernetes: Kubernetes,
    /// The right to write of it.
    right: Right,
    events: mpsc::Sender<Event>,
    mailbox: Mutex<Option<mpsc::Receiver<Event>>>,
    /// Places for pieces of lists that wait to be taken in: they are large, so only a few may.
    pub places: Arc<Semaphore>,
    /// Events sent so far.
    pub sent: AtomicU64,
    /// The watches, once they were started.
    pub watches: OnceLock<BTreeMap<Scope, WatchHandle>>,
    /// Whether a monitoring pass runs: the next one is asked for when it is over.
    pub passing: watch::Sender<bool>,
    /// What the health endpoints and the tests look at.
    pub pulse: watch::Sender<SitePulse>,
}

impl Deref for Site {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

impl Site {
    /// A cluster that is not watched yet.
    pub(super) fn new(app: &Arc<App>, name: &str, kubernetes: Kubernetes) -> Arc<Self> {
        let (events, mailbox) = mpsc::channel(256);
        Arc::new(Self {
            app: Arc::clone(app),
            name: name.to_owned(),
            kubernetes,
            right: Right::of_cluster(name, &app.right),
            events,
            mailbox: Mutex::new(Some(mailbox)),
            places: Arc::new(Semaphore::new(PIECES)),
            sent: AtomicU64::new(0),
            watches: OnceLock::new(),
            passing: watch::Sender::default(),
            pulse: watch::Sender::default(),
        })
    }

    /// What all clusters share.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The right to write of this cluster.
    pub fn right(&self) -> &Right {
        &self.right
    }

    /// The number under which this process writes of this cluster; rows written under a greater one refuse it.
    pub fn fence(&self) -> i64 {
        self.right.fence()
    }

    /// What arrives for its loop; there is one loop.
    pub(super) fn mailbox(&self) -> Option<mpsc::Receiver<Event>> {
        // Nothing panics while it is held.
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// As [`App::spawn_vital`].
    pub fn spawn_vital(&self, what: impl Into<String>, task: impl Future<Output = ()> + Send + 'static) {
        self.app.spawn_vital(what, task);
    }

    /// Sends an event; a bot that is stopping drops it, and reads its state anew when it starts.
    pub async fn send(&self, event: Event) {
        self.sent.fetch_add(1, Ordering::SeqCst);
        if self.events.send(event).await.is_err() {
            tracing::debug!("an event arrived while stopping");
        }
    }

    /// Sends an event unless the mailbox is full: false.
    pub fn offer(&self, event: Event) -> bool {
        // Counted first: what was handled is never more than what was sent.
        self.sent.fetch_add(1, Ordering::SeqCst);
        let is_full = matches!(self.events.try_send(event), Err(mpsc::error::TrySendError::Full(_)));
        if is_full {
            self.sent.fetch_sub(1, Ordering::SeqCst);
        }
        !is_full
    }

    /// How times are told in messages: those of now, of this cluster.
    pub fn times(&self, now: Timestamp) -> Times<'_> {
        self.app.times(&self.name, now)
    }

    /// What of it is ready or not in `/readyz`.
    pub fn part(&self) -> String {
        if self.cluster_names.len() > 1 { format!("{CLUSTER} {}", self.name) } else { CLUSTER.to_owned() }
    }
}
