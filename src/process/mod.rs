//! The loop: one event in, one handler; what is due by time is handled in between.

mod analysis;
mod changes;
mod deployed;
mod desk;
mod first_look;
mod git;
mod incidents;
mod logs;
mod looks;
mod measures;
mod people;
mod reconcile;
mod rollout_notes;
mod rollouts;
mod scene;
mod settings;
pub mod slack_side;
mod standing;
mod versions;
mod warnings;
mod watches;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use tokio::{sync::mpsc, time::Instant};

pub use changes::history;
pub use desk::{Arrived, Busy, arrived, write_down};
pub use logs::LogRead;
pub use measures::Measurements;
pub use rollout_notes::Begun;
pub use rollouts::RolloutsRead;
pub use settings::SettingRead;
pub use standing::parts;
pub use watches::watch_cluster;

use self::{first_look::FirstLook, reconcile::Reconciling, scene::Scene, watches::RunningList};
use crate::{
    app::{Site, identity},
    clients::kubernetes::{Scope, WatchHandle},
    cluster::{ClusterId, ClusterIndex, History, Kind, Meter, ObjectRef, Transition},
    config::Detection,
    event::Event,
    findings::checks::near_limit_from,
    incidents::{Beginning, DOUBTED_AFTER, Incident, Silence, trends::LOOKS_BACK},
    services::Priorities,
    store::StoreError,
};

/// What the loop knows of one cluster. Everything here can be read anew from the cluster and the store.
#[derive(Debug)]
pub struct Mind {
    /// The cluster.
    pub cluster: ClusterId,
    /// What it was taken for before it said who it is: its watches still go by that.
    formerly: BTreeSet<ClusterId>,
    /// Its name for people.
    pub name: String,
    /// Who matters.
    pub priorities: Arc<Priorities>,
    /// Its facts.
    pub index: ClusterIndex,
    /// What happened before.
    pub history: History,
    /// Open incidents, as the store has them.
    pub open: BTreeMap<ObjectRef, Incident>,
    /// What was resolved by hand so lately that nothing is held against that.
    over_by_hand: BTreeMap<ObjectRef, Incident>,
    /// The beginnings of the incidents of the last month, by their owners.
    past: BTreeMap<ObjectRef, Vec<Beginning>>,
    /// What somebody wants to hear nothing of at present.
    pub silences: Vec<Silence>,
    /// Which warnings people heard of.
    warnings: warnings::Warnings,
    /// When an owner must be judged again by time alone.
    pub due: BTreeMap<ObjectRef, Timestamp>,
    /// Its watches: one for each kind, or for each kind and namespace.
    pub watches: BTreeMap<Scope, WatchHandle>,
    /// How each watch is, in a word for the metrics.
    states: BTreeMap<Scope, &'static str>,
    /// Rows of the outbox that were written because something was judged.
    rows: usize,
    /// What was listed or is known to be blind.
    heard: BTreeSet<Scope>,
    /// The lists that have begun.
    lists: BTreeMap<Scope, RunningList>,
    /// What is wrong with everybody at present, and why.
    scene: Scene,
    /// Whether the first picture is complete: every kind is known, or known to be blind.
    pub complete: bool,
    /// Whether this cluster was ever seen completely, by this process or an earlier one.
    first_look: FirstLook,
    /// Transitions that are not in the store yet.
    unwritten: Vec<Transition>,
    /// How often in a row an owner's incident could not be written.
    failures: BTreeMap<ObjectRef, u32>,
    /// Until when the store is left alone, because it did not answer.
    store_is_away_until: Option<Timestamp>,
    /// Up to which version everything of a watch was taken in.
    positions: BTreeMap<Scope, u64>,
    /// What the running pass has found.
    reconciling: Reconciling,
    /// Since when the running pass runs; passes never overlap.
    pass_since: Option<Timestamp>,
    /// Alerts posted since the last pass ended: root messages, and notes that are shown in the channel.
    said: usize,
    /// When the last pass was due.
    last_pass: Option<Timestamp>,
    /// When it is measured next how full things are.
    meters: measures::Meters,
    /// Which logs were read, and which are to be.
    logs: logs::Logs,
    /// What was rolled out to whom something is wrong with.
    rollouts: rollouts::Rollouts,
    /// Which rollouts people were told of as they began.
    rollout_notes: rollout_notes::RolloutNotes,
    /// What was changed beside the workloads.
    settings: settings::Settings,
}

impl Mind {
    /// Reads what the store knows of a cluster.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn load(app: &Site, cluster: ClusterId) -> Result<Self, StoreError> {
        let open = app.store.open_incidents(&cluster).await?;
        let history = app.store.load_history(&cluster).await?;
        let first_look = FirstLook::load(app, &cluster).await?;
        let over_by_hand = resolved_by_hand(app, &cluster).await?;
        let silences = app.store.silences(&cluster, app.clock.now()).await?;
        let warnings = warnings::Warnings::load(app, &cluster).await?;
        let past = app.store.beginnings(&cluster, a_month_before(app.clock.now())).await?;
        let settings = settings::Settings::load(app, &cluster).await?;
        let rollout_notes = rollout_notes::RolloutNotes::load(app, &cluster).await?;
        let mut index = ClusterIndex::default();
        index.sight_mut().watch_only(app.config.cluster.namespaces.iter().cloned());
        for meter in [Meter::Metrics, Meter::Kubelets] {
            index.near_limit_from(meter, near_limit_from(meter, &app.config.settings));
        }
        Ok(Self {
            first_look,
            priorities: Arc::clone(&app.priorities.borrow()),
            scene: Scene::remembered(open.iter()),
            logs: logs::Logs::remembered(open.iter(), app.clock.now()),
            rollouts: rollouts::Rollouts::new(app.github.is_some()),
            rollout_notes,
            settings,
            formerly: BTreeSet::new(),
            unwritten: Vec::new(),
            failures: BTreeMap::new(),
            store_is_away_until: None,
            cluster,
            name: app.name.clone(),
            index,
            history,
            open: open.into_iter().map(|i| (i.owner.clone(), i)).collect(),
            over_by_hand,
            past,
            silences,
            warnings,
            due: BTreeMap::new(),
            watches: BTreeMap::new(),
            states: BTreeMap::new(),
            rows: 0,
            heard: BTreeSet::new(),
            lists: BTreeMap::new(),
            complete: false,
            positions: BTreeMap::new(),
            reconciling: Reconciling::default(),
            pass_since: None,
            said: 0,
            last_pass: None,
            meters: measures::Meters::default(),
        })
    }

    /// Reads anew what the store knows: another instance may have written meanwhile, or the cluster has another id.
    async fn reload(&mut self, app: &Site) -> Result<(), StoreError> {
        let open = app.store.open_incidents(&self.cluster).await?;
        for transition in app.store.load_history(&self.cluster).await?.all() {
            self.history.record(transition);
        }
        let stored = FirstLook::load(app, &self.cluster).await?;
        self.first_look = self.first_look.or_stored(stored);
        self.over_by_hand = resolved_by_hand(app, &self.cluster).await?;
        self.silences = app.store.silences(&self.cluster, app.clock.now()).await?;
        self.warnings = warnings::Warnings::load(app, &self.cluster).await?;
        self.past = app.store.beginnings(&self.cluster, a_month_before(app.clock.now())).await?;
        self.open = open.into_iter().map(|i| (i.owner.clone(), i)).collect();
        self.rollout_notes = rollout_notes::RolloutNotes::load(app, &self.cluster).await?;
        self.settings.reload(app, &self.cluster).await
    }

    /// Takes the cluster for the one it says it is. What was written under a provisional id is moved to the real one.
    async fn identified(&mut self, app: &Site, cluster: ClusterId) -> Result<(), StoreError> {
        if cluster == self.cluster {
            return Ok(());
        }
        if self.cluster == identity::provisional(&self.name) {
            app.store.adopt(&self.cluster, &cluster).await?;
        } else {
            tracing::warn!(name = %self.name, was = %self.cluster, is = %cluster, "another cluster goes by this name now");
        }
        self.formerly.insert(std::mem::replace(&mut self.cluster, cluster));
        self.reload(app).await
    }

    /// The earliest instant at which something is due; with alerts at passes only there is none.
    fn next_due(&self, app: &Site) -> Option<Timestamp> {
        let earliest = self.due.values().copied().chain(self.warnings.due).chain(self.rollout_notes.due).min();
        earliest.filter(|_| self.complete && app.config.detection == Detection::Watch)
    }

    /// The required kinds that cannot be seen, with the reason of the first.
    fn blind(&self) -> Option<(Vec<Kind>, &str)> {
        let mut kinds = Vec::new();
        let mut reason = None;
        for (kind, _, _, why) in self.index.sight().lost() {
            reason.get_or_insert(why);
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        Some((kinds, reason?))
    }
}

/// How far back is looked for patterns.
fn a_month_before(now: Timestamp) -> Timestamp {
    now.checked_sub(LOOKS_BACK).unwrap_or(Timestamp::MIN)
}

/// What somebody resolved by hand a moment ago, before a restart.
async fn resolved_by_hand(app: &Site, cluster: &ClusterId) -> Result<BTreeMap<ObjectRef, Incident>, StoreError> {
    let now = app.clock.now();
    let since = now.checked_sub(DOUBTED_AFTER).unwrap_or(Timestamp::MIN);
    let recent = app.store.recent_incidents(cluster, since, 1000).await?;
    let believed = recent.into_iter().filter(|incident| incident.is_believed_over(now));
    Ok(believed.map(|incident| (incident.owner.clone(), incident)).collect())
}

/// How often an idle loop says that it is alive.
const BEAT: std::time::Duration = std::time::Duration::from_secs(20);

/// Handles events until the bot stops, then those that are already there.
pub async fn run(app: Arc<Site>, mut mind: Mind, mut events: mpsc::Receiver<Event>) {
    loop {
        let due = async {
            match mind.next_due(&app) {
                Some(at) => app.clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let event = tokio::select! {
            biased;
            () = app.stop.cancelled() => break,
            event = events.recv() => event,
            () = due => Some(Event::Due),
            // Nothing to do is health, too.
            () = tokio::time::sleep(BEAT) => {
                app.health.beat(&app.name);
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

async fn handle_and_count(app: &Arc<Site>, mind: &mut Mind, event: Event) {
    let begun = Instant::now();
    let was_sent = !matches!(event, Event::Due);
    // The one place where a failure of our own is logged; the state is in the store, and the next pass looks again.
    if let Err(error) = handle(app, mind, event).await {
        tracing::error!(%error, "an event could not be handled");
    }
    warnings::look(app, mind).await;
    rollout_notes::look(app, mind).await;
    logs::begin(app, mind);
    rollouts::begin(app, mind);
    settings::begin(app, mind);
    app.health.beat(&app.name);
    let blind = mind.blind();
    match &blind {
        _ if !mind.complete => app.health.not_ready(&app.part(), "the first picture is not complete"),
        Some((kinds, why)) => {
            let kinds: Vec<&str> = kinds.iter().map(|kind| kind.plural()).collect();
            app.health.not_ready(&app.part(), format!("cannot read {}: {why}", kinds.join(", ")));
        }
        None => app.health.ready(&app.part()),
    }
    let blind = blind.map_or(0, |(kinds, _)| kinds.len());
    app.metrics.handled(begun.elapsed().as_secs_f64());
    app.pulse.send_modify(|pulse| {
        pulse.handled += u64::from(was_sent);
        if pulse.cluster.as_ref() != Some(&mind.cluster) {
            pulse.cluster = Some(mind.cluster.clone());
        }
        pulse.complete = mind.complete;
        pulse.blind = blind;
        for kind in Kind::ALL {
            pulse.objects.insert(kind, mind.index.count(kind));
        }
        pulse.open.clear();
        for incident in mind.open.values() {
            *pulse.open.entry(incident.severity).or_default() += 1;
        }
        if pulse.watches != mind.states {
            pulse.watches.clone_from(&mind.states);
        }
        for (scope, position) in &mind.positions {
            let of_kind = pulse.positions.entry(scope.kind).or_default();
            *of_kind = (*of_kind).max(*position);
        }
        pulse.next_due = mind.next_due(app);
    });
}

async fn handle(app: &Arc<Site>, mind: &mut Mind, event: Event) -> Result<(), StoreError> {
    match event {
        Event::Cluster { cluster, watched, place } => {
            if cluster == mind.cluster || mind.formerly.contains(&cluster) {
                watches::changed(app, mind, *watched).await;
            }
            drop(place);
        }
        Event::Pass { at } => looks::begin_pass(app, mind, at),
        Event::Versions { scope, page, place } => {
            reconcile::compare(app, mind, &scope, &page);
            drop(place);
        }
        Event::PassRead { errors } => {
            let ended = looks::end_pass(app, mind, errors).await;
            app.passing.send_replace(false);
            ended?;
        }
        Event::Analysed { analysis, lists } => analysis::arrived(app, mind, analysis, lists).await?,
        Event::Said { inbox, said, person } => people::said(app, mind, inbox, said, person).await?,
        Event::Tell(answer) => {
            // Who asked may have given up.
            drop(answer.send(mind.of_cluster(app).await?));
        }
        Event::Due => incidents::judge_due(app, mind).await,
        Event::Identified { cluster } => {
            mind.identified(app, cluster).await?;
            incidents::judge_if_watching(app, mind).await;
        }
        Event::LeaseAnew => {
            mind.reload(app).await?;
            incidents::judge_if_watching(app, mind).await;
        }
        Event::Catalogue => {
            mind.priorities = Arc::clone(&app.priorities.borrow());
            mind.scene.look_again();
            incidents::judge_if_watching(app, mind).await;
        }
        Event::Measure => measures::begin(app, mind),
        Event::Measured(measured) => measures::arrived(app, mind, measured).await,
        Event::LogRead(read) => logs::arrived(app, mind, read).await?,
        Event::RolloutsRead(read) => rollouts::arrived(app, mind, read).await,
        Event::RolloutBegun(begun) => rollout_notes::arrived(app, mind, begun.map(|begun| *begun)),
        Event::SettingRead(read) => settings::arrived(app, mind, *read).await,
        Event::Tidy => {
            mind.forget_what_is_gone(app).await?;
            settings::forget_what_is_gone(app, mind).await?;
        }
    }
    Ok(())
}
