//! What a watch says: objects applied and deleted, a kind seen or lost.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Mind, first_look, incidents};
use crate::{
    app::App,
    clients::kubernetes::{Change, Kubernetes, ReadError, Scope, Watched, Watcher},
    cluster::{ClusterId, Kind, ObjectRef, Touched, Transition, Visibility},
    config::Detection,
    event::Event,
    findings,
    store::StoreError,
};

/// Starts one watch for each kind; what they say arrives as events.
pub fn watch_cluster(app: &Arc<App>, kubernetes: &Kubernetes, cluster: &ClusterId) {
    for kind in Kind::ALL {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(64);
        let watch = Watcher::new(kubernetes.clone(), Scope { kind, namespace: None }, app.clock.clone());
        let stop = app.stop.clone();
        // A watch that ended would be taken for a kind in which nothing happens.
        app.spawn_vital(format!("the watch of {}", kind.plural()), async move {
            stop.run_until_cancelled(watch.run(sender)).await;
        });
        let (app_of_task, cluster) = (Arc::clone(app), cluster.clone());
        app.spawn(async move {
            loop {
                tokio::select! {
                    () = app_of_task.stop.cancelled() => return,
                    seen = receiver.recv() => match seen {
                        Some(watched) => app_of_task.send(Event::Cluster { cluster: cluster.clone(), watched: Box::new(watched) }).await,
                        None => return,
                    },
                }
            }
        });
    }
}

/// Takes in what a watch said, and judges what it touched.
pub(super) async fn changed(app: &App, mind: &mut Mind, watched: Watched) {
    let Watched { scope: Scope { kind, .. }, at, change } = watched;
    let now = app.clock.now();
    let mut heard = false;
    let mut sight_changed = false;
    let touched = match change {
        Change::Listed { facts, resource_version } => {
            mind.moved_to(kind, &resource_version);
            heard = true;
            sight_changed = mind.see(kind, Visibility::Seen(now));
            mind.index.replace(kind, None, facts, now)
        }
        Change::Applied { fact, resource_version: version } => {
            mind.moved_to(kind, &version);
            mind.index.apply(fact, now)
        }
        Change::Deleted { key, resource_version: version } => {
            mind.moved_to(kind, &version);
            mind.index.delete(&key, now)
        }
        Change::Bookmark(version) => {
            mind.moved_to(kind, &version);
            Touched::default()
        }
        Change::Live => {
            // What was lost is seen again with its next list: until then all that is known of it is from before.
            if matches!(mind.index.sight().of(kind), Some(Visibility::Seen(_))) {
                mind.see(kind, Visibility::Seen(at));
            }
            Touched::default()
        }
        Change::Lost(ReadError::NotServed { .. }) => {
            heard = true;
            sight_changed = mind.see(kind, Visibility::NotApplicable);
            Touched::default()
        }
        Change::Lost(error) => {
            heard = true;
            let since = match mind.index.sight().of(kind) {
                Some(Visibility::Blind { since, .. }) => *since,
                _ => now,
            };
            sight_changed = mind.see(kind, Visibility::Blind { since, why: error.to_string() });
            Touched::default()
        }
    };
    if heard {
        mind.heard.insert(kind);
    }
    let heard_again = mind.index.sight().blind(kind, "").is_none();
    mind.remember(app, touched.transitions).await;
    if !mind.complete {
        if mind.heard.len() == Kind::ALL.len() {
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
    } else if sight_changed && heard_again && mind.blind().is_some() {
        // After an outage the kinds come back one by one; in between there is nothing to say.
        let soon = now.checked_add(COMES_BACK_WITHIN).unwrap_or(Timestamp::MAX);
        mind.due.insert(findings::sight_owner(&mind.name), soon);
    } else if sight_changed {
        // Whoever reads this kind freezes or thaws; it is rare, so all are judged.
        incidents::judge_if_watching(app, mind).await;
    } else if app.config.detection == Detection::Watch {
        incidents::consider(app, mind, touched.owners).await;
    }
}

/// How long the kinds may take to come back after the first of them.
const COMES_BACK_WITHIN: SignedDuration = SignedDuration::from_secs(10);
/// How many transitions wait for a store that does not take them.
const MOST_UNWRITTEN: usize = 10_000;

impl Mind {
    fn moved_to(&mut self, kind: Kind, version: &str) {
        if let Ok(version) = version.parse() {
            self.positions.insert(kind, version);
        }
    }

    /// Sets what is seen of a kind; says whether that changed from seen to blind or back.
    fn see(&mut self, kind: Kind, visibility: Visibility) -> bool {
        let sort = |v: Option<&Visibility>| v.map(std::mem::discriminant);
        let changed = sort(self.index.sight().of(kind)) != sort(Some(&visibility));
        self.index.sight_mut().set(kind, None, visibility);
        changed
    }

    /// Keeps transitions, here and in the store. What cannot be written is written with what comes next: the rules read it here.
    pub(super) async fn remember(&mut self, app: &App, transitions: Vec<Transition>) {
        for transition in &transitions {
            self.history.record(transition.clone());
        }
        self.unwritten.extend(transitions);
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

    /// Forgets what happened to owners that are gone. Nobody asks for it any more; a new one of that name begins anew.
    pub(super) async fn forget_what_is_gone(&mut self, app: &App) -> Result<(), StoreError> {
        let is_seen = |kind: Kind| self.index.sight().blind(kind, "").is_none();
        if !self.complete || !Kind::ALL.into_iter().filter(|kind| kind.is_required()).all(is_seen) {
            return Ok(());
        }
        let is_gone = |owner: &&ObjectRef| {
            owner.watched_kind().is_none_or(is_seen) && !self.index.contains(owner) && !self.open.contains_key(*owner)
        };
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
