//! Who the cluster is: its own word, or what it said last time while it cannot be asked.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::App;
use crate::{clients::kubernetes::ReadError, cluster::ClusterId, event::Event, store::StoreError};

/// How long to wait before it is asked again.
const AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// The id of a cluster that could never be asked who it is. Its rows move to the real one as soon as that is known.
pub(crate) fn provisional(name: &str) -> ClusterId {
    ClusterId(format!("unidentified {name}"))
}

/// Who the cluster is. If it cannot be asked now, that is tried again for as long as the bot runs, and its word arrives as an
/// event.
pub(super) async fn of(app: &Arc<App>, name: &str) -> Result<ClusterId, StoreError> {
    match app.kubernetes.identity().await {
        Ok(id) => {
            app.store.put(&key(name), &id.0).await?;
            Ok(id)
        }
        Err(error) => {
            tracing::error!(%error, "the cluster cannot be asked who it is; going on as blind");
            let known = app.store.get(&key(name)).await?.map(ClusterId);
            app.spawn(ask_until_it_answers(Arc::clone(app), name.to_owned(), error));
            Ok(known.unwrap_or_else(|| provisional(name)))
        }
    }
}

async fn ask_until_it_answers(app: Arc<App>, name: String, mut said: ReadError) {
    loop {
        let at = app.clock.now().checked_add(AGAIN).unwrap_or(Timestamp::MAX);
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = app.clock.sleep_until(at) => {}
        }
        let Some(answer) = app.stop.run_until_cancelled(app.kubernetes.identity()).await else { return };
        match answer {
            Ok(cluster) => {
                tracing::info!(%cluster, "the cluster said who it is");
                if let Err(error) = app.store.put(&key(&name), &cluster.0).await {
                    tracing::warn!(%error, "who the cluster is could not be stored");
                }
                return app.send(Event::Identified { cluster }).await;
            }
            // The same again is no news.
            Err(error) if error == said => {}
            Err(error) => {
                tracing::error!(%error, "the cluster still cannot be asked who it is");
                said = error;
            }
        }
    }
}

fn key(name: &str) -> String {
    format!("cluster {name}")
}
