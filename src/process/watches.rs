//! What a watch says: objects applied and deleted, a kind seen or lost.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};

use super::{Mind, first_look, incidents, reconcile};
use crate::{
    app::Site,
    clients::kubernetes::{Change, ReadError, Scope, WatchHandle, Watched, Watcher},
    cluster::{ClusterId, Kind, ObjectRef, Relist, Touched, Transition, Visibility},
    config::Detection,
    event::Event,
    findings,
    store::StoreError,
};

/// A list that has begun and is not at its end.
#[derive(Debug)]
pub(super) struct RunningList {
    list: Relist,
    /// Whom it touched: they are judged at its end, when nothing of before is left among what is new.
    owners: BTreeSet<ObjectRef>,
}

/// Starts one watch for each kind, or for each kind and namespace that is configured; what they say arrives as events.
pub fn watch_cluster(app: &Arc<Site>, cluster: &ClusterId) -> BTreeMap<Scope, WatchHandle> {
    let namespaces = &app.config.cluster.namespaces;
    let scopes = Scope::all(namespaces).into_iter().chain(Scope::for_changes(namespaces));
    scopes.map(|scope| (scope.clone(), start_watch(app, cluster, scope))).collect()
}

fn start_watch(app: &Arc<Site>, cluster: &ClusterId, scope: Scope) -> WatchHandle {
    // What waits here is read and not taken in yet, and with it waits the server: that keeps lists out of our memory.
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    let place = scope.namespace.as_ref().map(|ns| format!(" in {ns}")).unwrap_or_default();
    let what = format!("the watch of {}{place}", scope.kind.plural());
    let watch = Watcher::new(app.kubernetes.clone(), scope, app.clock.clone());
    let (handle, stop) = (watch.handle(), app.stop.clone());
    // A watch that ended would be taken for a kind in which nothing happens.
    app.spawn_vital(what, async move {
        stop.run_until_cancelled(Box::pin(watch.run(sender))).await;
    });
    let (app_of_task, cluster) = (Arc::clone(app), cluster.clone());
    app.spawn(async move {
        let hand_on = async {
            while let Some(watched) = receiver.recv().await {
                let mut place = None;
                if matches!(watched.change, Change::Page(_)) {
                    place = Arc::clone(&app_of_task.places).acquire_owned().await.ok();
                }
                let (cluster, watched) = (cluster.clone(), Box::new(watched));
                app_of_task.send(Event::Cluster { cluster, watched, place }).await;
            }
        };
        app_of_task.stop.run_until_cancelled(hand_on).await;
    });
    handle
}

/// Takes in what a watch said, and judges what it touched.
pub(super) async fn changed(app: &Site, mind: &mut Mind, watched: Watched) {
    let Watched { scope, at, received, change } = watched;
    let now = app.clock.now();
    let rows = mind.rows;
    mind.measure(app, &scope, &change);
    let is_piece = matches!(change, Change::Page(_));
    let (touched, visibility) = mind.take_in(&scope, at, change, now);
    if is_piece {
        // Until its end a list neither shows nor hides anything, and the store is asked once for all of it.
        return mind.note(touched.transitions);
    }
    let mut sight_changed = false;
    if let Some(visibility) = visibility {
        sight_changed = mind.see(&scope, visibility);
        mind.heard.insert(scope.clone());
    }
    reconcile::moved(app, mind, &scope);
    mind.remember(app, touched.transitions).await;
    if !mind.complete {
        // Nothing waits for what no check reads.
        if mind.watches.keys().all(|scope| scope.kind.is_for_changes() || mind.heard.contains(scope)) {
            mind.complete = true;
            let pods = mind.index.count(Kind::Pod);
            match mind.blind() {
                None => tracing::info!(cluster = %mind.name, pods, "the first picture is complete"),
                Some((kinds, why)) => {
                    let unseen = kinds.len();
                    tracing::warn!(cluster = %mind.name, pods, unseen, %why, "the first picture has holes");
                }
            }
            // The pass at the start may have found too little to judge, so this belongs to it.
            first_look::judge_everything(app, mind).await;
        }
    } else if sight_changed && mind.sees(&scope) && mind.blind().is_some() {
        // After an outage the kinds come back one by one; in between there is nothing to say.
        let soon = now.checked_add(COMES_BACK_WITHIN).unwrap_or(Timestamp::MAX);
        mind.due.insert(findings::sight_owner(&mind.name), soon);
    } else if sight_changed {
        // Whoever reads this kind freezes or thaws; it is rare, so all are judged.
        incidents::judge_if_watching(app, mind).await;
    } else if app.config.detection == Detection::Watch {
        incidents::consider(app, mind, touched.owners).await;
    }
    if mind.rows > rows {
        app.metrics.said(received.elapsed().as_secs_f64());
    }
}

/// How long the kinds may take to come back after the first of them.
const COMES_BACK_WITHIN: SignedDuration = SignedDuration::from_secs(10);
/// How many transitions wait for a store that does not take them.
const MOST_UNWRITTEN: usize = 10_000;

impl Mind {
    /// Takes a change into the index: whom it touched, and what can be seen of the scope if that was said.
    fn take_in(
        &mut self,
        scope: &Scope,
        at: Timestamp,
        change: Change,
        now: Timestamp,
    ) -> (Touched, Option<Visibility>) {
        let namespace = scope.namespace.as_deref();
        match change {
            Change::Begin(_) => {
                self.reconciling.forget(scope);
                let list = self.index.begin_list(scope.kind, namespace);
                // What a list touched that expired is judged at the end of the next.
                let owners = self.lists.remove(scope).map(|before| before.owners).unwrap_or_default();
                self.lists.insert(scope.clone(), RunningList { list, owners });
                (Touched::default(), None)
            }
            Change::Page(facts) => {
                let Some(running) = self.lists.get_mut(scope) else { return (Touched::default(), None) };
                let mut touched = Touched::default();
                for fact in facts {
                    self.settings.noticed(&fact, &self.index);
                    self.rollout_notes.noticed(&fact);
                    touched.absorb(self.index.note(&mut running.list, fact, now));
                }
                // The first picture is judged as a whole.
                if self.complete {
                    running.owners.append(&mut touched.owners);
                }
                touched.owners.clear();
                (touched, None)
            }
            Change::Listed { resource_version } => {
                let mut touched = Touched::default();
                if let Some(RunningList { list, owners }) = self.lists.remove(scope) {
                    touched = self.index.finish_list(list, now);
                    self.settings.listed(scope.kind, namespace, &self.index);
                    touched.owners.extend(owners);
                }
                self.moved_to(scope, &resource_version);
                (touched, Some(Visibility::Seen(now)))
            }
            Change::Applied { fact, resource_version } => {
                self.moved_to(scope, &resource_version);
                self.settings.noticed(&fact, &self.index);
                self.rollout_notes.noticed(&fact);
                (self.index.apply(fact, now), None)
            }
            Change::Deleted { key, resource_version } => {
                if !self.lists.contains_key(scope) {
                    self.moved_to(scope, &resource_version);
                }
                self.reconciling.deleted(scope, &key);
                self.settings.deleted(&key);
                (self.index.delete(&key, now), None)
            }
            Change::Bookmark(version) => {
                self.moved_to(scope, &version);
                (Touched::default(), None)
            }
            Change::Live => {
                // What was lost is seen again with its next list: until then all that is known of it is from before.
                if matches!(self.index.sight().known(scope.kind, namespace), Some(Visibility::Seen(_))) {
                    self.see(scope, Visibility::Seen(at));
                }
                (Touched::default(), None)
            }
            Change::Lost(error) => {
                self.reconciling.forget(scope);
                let owners = self.lists.remove(scope).map(|void| void.owners).unwrap_or_default();
                let since = match self.index.sight().known(scope.kind, namespace) {
                    Some(Visibility::Blind { since, .. }) => *since,
                    _ => at.min(now),
                };
                let visibility = if matches!(error, ReadError::NotServed { .. }) {
                    Visibility::NotApplicable
                } else {
                    Visibility::Blind { since, why: error.to_string() }
                };
                (Touched { owners, ..Touched::default() }, Some(visibility))
            }
        }
    }

    /// Counts a change, and notes how its watch is.
    fn measure(&mut self, app: &Site, scope: &Scope, change: &Change) {
        let kind = scope.kind.name();
        let state = match change {
            Change::Begin(reason) => return app.metrics.listed(&app.name, kind, reason.word()),
            Change::Live => return app.metrics.connected(&app.name, kind),
            Change::Listed { .. } => "seen",
            Change::Lost(ReadError::NotServed { .. }) => "not_applicable",
            Change::Lost(ReadError::Silent { .. }) => "stale",
            Change::Lost(_) => "blind",
            Change::Page(_) | Change::Applied { .. } | Change::Deleted { .. } | Change::Bookmark(_) => return,
        };
        self.states.insert(scope.clone(), state);
    }

    fn moved_to(&mut self, scope: &Scope, version: &str) {
        if let Ok(version) = version.parse() {
            self.positions.insert(scope.clone(), version);
        }
    }

    /// Up to which version everything of a watch was taken in; 0 if it was not listed yet.
    pub(super) fn position(&self, scope: &Scope) -> u64 {
        self.positions.get(scope).copied().unwrap_or(0)
    }

    fn sees(&self, scope: &Scope) -> bool {
        matches!(
            self.index.sight().known(scope.kind, scope.namespace.as_deref()),
            Some(Visibility::Seen(_) | Visibility::NotApplicable)
        )
    }

    /// Sets what is seen of a scope; says whether that changed from seen to blind or back.
    fn see(&mut self, scope: &Scope, visibility: Visibility) -> bool {
        let namespace = scope.namespace.as_deref();
        let sort = |v: Option<&Visibility>| v.map(std::mem::discriminant);
        let changed = sort(self.index.sight().known(scope.kind, namespace)) != sort(Some(&visibility));
        self.index.sight_mut().set(scope.kind, namespace, visibility);
        changed
    }

    /// Keeps transitions, here and in the store. What cannot be written is written with what comes next: the rules read it here.
    pub(super) async fn remember(&mut self, app: &Site, transitions: Vec<Transition>) {
        self.note(transitions);
        let now = app.clock.now();
        if self.unwritten.is_empty() || self.store_is_away_until.is_some_and(|until| until > now) {
            return;
        }
        match app.store.record_transitions(&self.cluster, &self.unwritten).await {
            Ok(()) => self.unwritten.clear(),
            Err(error) => {
                let too_many = self.unwritten.len().saturating_sub(MOST_UNWRITTEN);
                self.unwritten.drain(..too_many);
                tracing::warn!(%error, waiting = self.unwritten.len(), "the history could not be written yet");
            }
        }
    }

    /// Keeps transitions here; they are written with the next.
    fn note(&mut self, transitions: Vec<Transition>) {
        for transition in &transitions {
            self.history.record(transition.clone());
        }
        self.unwritten.extend(transitions);
    }

    /// Forgets what happened to owners that are gone. Nobody asks for it any more; a new one of that name begins anew.
    pub(super) async fn forget_what_is_gone(&mut self, app: &Site) -> Result<(), StoreError> {
        let now = app.clock.now();
        self.silences.retain(|silence| silence.until > now);
        let month = super::a_month_before(now);
        self.past.retain(|_, began| {
            began.retain(|began| began.at >= month);
            !began.is_empty()
        });
        if !self.complete {
            return Ok(());
        }
        let sight = self.index.sight();
        // What is not watched is there as long as something that is watched belongs to it.
        let is_seen = |owner: &ObjectRef| match owner.watched_kind() {
            Some(kind) => sight.blind(kind, &owner.namespace).is_none(),
            None => sight.sees_all(),
        };
        let is_gone =
            |owner: &&ObjectRef| is_seen(owner) && !self.index.contains(owner) && !self.open.contains_key(*owner);
        let gone: Vec<ObjectRef> = self.history.owners().filter(is_gone).cloned().collect();
        for owner in gone {
            app.store.forget_transitions(&self.cluster, &owner).await?;
            self.history.forget(&owner);
            self.due.remove(&owner);
            self.failures.remove(&owner);
        }
        Ok(())
    }
}
