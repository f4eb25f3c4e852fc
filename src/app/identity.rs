//! Who the cluster is: its own word, or what it said last time while it cannot be asked.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Right, Site};
use crate::{
    clients::kubernetes::ReadError,
    cluster::ClusterId,
    event::Event,
    store::{Store, StoreError},
};

/// How long to wait before it is asked again.
const AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// The id of a cluster that could never be asked who it is. Its rows move to the real one as soon as that is known.
pub(crate) fn provisional(name: &str) -> ClusterId {
    ClusterId(format!("unidentified {name}"))
}

/// Who the cluster is. If it cannot be asked now, that is tried again for as long as the bot runs, and its word arrives as an
/// event.
pub(super) async fn of(site: &Arc<Site>) -> Result<ClusterId, StoreError> {
    match site.kubernetes.identity().await {
        Ok(id) => {
            claim(site, &id).await?;
            // What was written while it could never be asked.
            site.store.adopt(&provisional(&site.name), &id).await?;
            site.store.put(&key(&site.name), &id.0).await?;
            Ok(id)
        }
        Err(error) => {
            let known = known(&site.store, &site.name).await?;
            tracing::error!(cluster = %site.name, %error, "the cluster cannot be asked who it is; going on as blind");
            site.spawn(ask_until_it_answers(Arc::clone(site), error));
            Ok(known.unwrap_or_else(|| provisional(&site.name)))
        }
    }
}

/// What a cluster of that name said last time it was asked.
pub(crate) async fn known(store: &Store, name: &str) -> Result<Option<ClusterId>, StoreError> {
    Ok(store.get(&key(name)).await?.map(ClusterId))
}

/// It is this one and no other: one cluster under two names would have two incidents of everything.
async fn claim(site: &Site, id: &ClusterId) -> Result<(), StoreError> {
    // Written before it is compared: of two processes that do so at once, one reads what the other wrote.
    let mine = claimed_by(&site.right().lease().holder, id);
    site.store.put(&claim_key(&site.name), &mine).await?;
    for other in site.cluster_names.iter().filter(|other| **other != site.name) {
        // Under what a former process wrote there may be another cluster by now.
        let Some(holder) = site.store.lease_holder(&Right::name_of(other)).await? else { continue };
        if site.store.get(&claim_key(other)).await? == Some(claimed_by(&holder, id)) {
            let name = &site.name;
            site.give_up(format!(
                "`{other}` and `{name}` are one and the same cluster ({id}); take one of them out of CLUSTERS"
            ));
        }
    }
    site.pulse.send_modify(|pulse| pulse.cluster = Some(id.clone()));
    Ok(())
}

fn claimed_by(holder: &str, id: &ClusterId) -> String {
    format!("{id} {holder}")
}

fn claim_key(name: &str) -> String {
    format!("cluster {name} as it is watched")
}

async fn ask_until_it_answers(app: Arc<Site>, mut said: ReadError) {
    loop {
        let at = app.clock.now().checked_add(AGAIN).unwrap_or(Timestamp::MAX);
        tokio::select! {
            () = app.stop.cancelled() => return,
            () = app.clock.sleep_until(at) => {}
        }
        let Some(answer) = app.stop.run_until_cancelled(app.kubernetes.identity()).await else { return };
        match answer {
            Ok(cluster) => {
                tracing::info!(name = %app.name, %cluster, "the cluster said who it is");
                let told = async {
                    claim(&app, &cluster).await?;
                    app.store.put(&key(&app.name), &cluster.0).await
                };
                if let Err(error) = told.await {
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
