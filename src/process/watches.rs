//! What a watch says: objects applied and deleted, a kind seen or lost.

use std::sync::Arc;

use super::{Mind, incidents};
use crate::{
    app::App,
    clients::kubernetes::{Change, Kubernetes, ReadError, Scope, Watched, Watcher},
    cluster::{ClusterId, Kind, Touched, Visibility},
    config::Detection,
    event::Event,
    store::StoreError,
};

/// Starts one watch for each kind; what they say arrives as events.
pub fn watch_cluster(app: &Arc<App>, kubernetes: &Kubernetes, cluster: &ClusterId) {
    for kind in Kind::ALL {
        let (sender, mut receiver) = tokio::sync::mpsc::channel(64);
        let watch = Watcher::new(kubernetes.clone(), Scope { kind, namespace: None }, app.clock.clone());
        let stop = app.stop.clone();
        app.spawn(async move {
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
pub(super) async fn changed(app: &App, mind: &mut Mind, watched: Watched) -> Result<(), StoreError> {
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
            sight_changed = mind.see(kind, Visibility::Seen(at));
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
    mind.remember(app, touched.transitions).await?;
    if heard && mind.heard.insert(kind) && mind.heard.len() == Kind::ALL.len() {
        mind.complete = true;
        tracing::info!(cluster = %mind.name, pods = mind.index.count(Kind::Pod), "the first picture is complete");
        return incidents::judge_everything(app, mind).await;
    }
    if !mind.complete {
        return Ok(());
    }
    if sight_changed {
        // Whoever reads this kind freezes or thaws; it is rare, so all are judged.
        return incidents::judge_everything(app, mind).await;
    }
    if app.config.detection == Detection::Schedule {
        return Ok(());
    }
    incidents::consider(app, mind, touched.owners).await
}

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

    /// Keeps transitions, here and in the store.
    pub(super) async fn remember(
        &mut self,
        app: &App,
        transitions: Vec<crate::cluster::Transition>,
    ) -> Result<(), StoreError> {
        if transitions.is_empty() {
            return Ok(());
        }
        app.store.record_transitions(&self.cluster, &transitions).await?;
        for transition in transitions {
            self.history.record(transition);
        }
        Ok(())
    }
}
