//! The loop: one event in, one handler; what is due by time is handled in between.

mod analysis;
mod incidents;
mod looks;
mod people;
pub mod slack_side;
mod standing;
mod watches;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use tokio::sync::mpsc;

pub use standing::parts;
pub use watches::watch_cluster;

use crate::{
    app::App,
    cluster::{ClusterId, ClusterIndex, History, Kind, ObjectRef},
    event::Event,
    incidents::Incident,
    store::StoreError,
};

/// What the loop knows of one cluster. Everything here can be read anew from the cluster and the store.
#[derive(Debug)]
pub struct Mind {
    /// The cluster.
    pub cluster: ClusterId,
    /// Its name for people.
    pub name: String,
    /// Its facts.
    pub index: ClusterIndex,
    /// What happened before.
    pub history: History,
    /// Open incidents, as the store has them.
    pub open: BTreeMap<ObjectRef, Incident>,
    /// When an owner must be judged again by time alone.
    pub due: BTreeMap<ObjectRef, Timestamp>,
    /// Kinds that were listed or are known to be blind.
    heard: BTreeSet<Kind>,
    /// Whether the first picture is complete.
    pub complete: bool,
    /// Last resource version seen per kind.
    positions: BTreeMap<Kind, u64>,
    /// Since when the running pass runs; passes never overlap.
    pass_since: Option<Timestamp>,
    /// Alerts said since the last pass ended.
    said: usize,
    /// When the last pass was due.
    last_pass: Option<Timestamp>,
    /// When the bot was started.
    started_at: Timestamp,
}

impl Mind {
    /// Reads what the store knows of a cluster.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn load(app: &App, cluster: ClusterId, name: String) -> Result<Self, StoreError> {
        let open = app.store.open_incidents(&cluster).await?;
        let history = app.store.load_history(&cluster).await?;
        Ok(Self {
            cluster,
            name,
            index: ClusterIndex::default(),
            history,
            open: open.into_iter().map(|i| (i.owner.clone(), i)).collect(),
            due: BTreeMap::new(),
            heard: BTreeSet::new(),
            complete: false,
            positions: BTreeMap::new(),
            pass_since: None,
            said: 0,
            last_pass: None,
            started_at: app.clock.now(),
        })
    }

    /// The earliest instant at which something is due.
    fn next_due(&self) -> Option<Timestamp> {
        self.due.values().min().copied()
    }
}

/// How often an idle loop says that it is alive.
const BEAT: std::time::Duration = std::time::Duration::from_secs(20);

/// Handles events until the bot stops, then those that are already there.
pub async fn run(app: Arc<App>, mut mind: Mind, mut events: mpsc::Receiver<Event>) {
    loop {
        let due = async {
            match mind.next_due() {
                Some(at) if mind.complete => app.clock.sleep_until(at).await,
                _ => std::future::pending().await,
            }
        };
        let event = tokio::select! {
            biased;
            () = app.stop.cancelled() => break,
            event = events.recv() => event,
            () = due => Some(Event::Due),
            // Nothing to do is health, too.
            () = tokio::time::sleep(BEAT) => {
                app.health.beat();
                continue;
            }
        };
        let Some(event) = event else { break };
        handle_and_count(&app, &mut mind, event).await;
    }
    events.close();
    while let Ok(event) = events.try_recv() {
        handle_and_count(&app, &mut mind, event).await;
    }
}

async fn handle_and_count(app: &Arc<App>, mind: &mut Mind, event: Event) {
    let was_sent = !matches!(event, Event::Due);
    // The one place where a failure of our own is logged; the state is in the store, and the next pass looks again.
    if let Err(error) = handle(app, mind, event).await {
        tracing::error!(%error, "an event could not be handled");
    }
    app.health.beat();
    if mind.complete {
        app.health.ready(crate::app::CLUSTER);
    } else {
        app.health.not_ready(crate::app::CLUSTER, "the first picture is not complete");
    }
    app.pulse.send_modify(|pulse| {
        pulse.handled += u64::from(was_sent);
        pulse.complete = mind.complete;
        pulse.positions.clone_from(&mind.positions);
        pulse.next_due = mind.next_due();
    });
}

async fn handle(app: &Arc<App>, mind: &mut Mind, event: Event) -> Result<(), StoreError> {
    match event {
        Event::Cluster { cluster, watched } => {
            if cluster == mind.cluster {
                watches::changed(app, mind, *watched).await?;
            }
        }
        Event::Pass { at } => looks::begin_pass(app, mind, at),
        Event::Listed { look, lists } => looks::arrived(app, mind, look, lists).await?,
        Event::Said { inbox, said, person } => people::said(app, mind, inbox, said, person).await?,
        Event::Due => incidents::judge_due(app, mind).await?,
    }
    Ok(())
}
