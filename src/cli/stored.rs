//! What the bot has stored: opens its database, which must be there already, and finds which of its clusters is meant.

use anyhow::bail;
use secrecy::ExposeSecret as _;

use crate::{
    app::identity,
    cluster::ClusterId,
    config::Config,
    conversation::nearest,
    store::{Store, StoreError},
};

/// The database that is configured. Who only reads makes no empty one, of which it would say that nothing happened.
pub(super) async fn open(config: &Config) -> Result<Store, StoreError> {
    Store::open_existing(config.database_url.expose_secret()).await
}

/// The clusters of which anything is stored, with their names as they are configured, else their ids.
pub(super) async fn clusters(store: &Store, config: &Config) -> Result<Vec<(ClusterId, String)>, StoreError> {
    let configured = config.clusters.iter().map(|entry| entry.name.as_str()).chain(config.cluster.name.as_deref());
    let mut names = Vec::new();
    for name in configured {
        let id = identity::known(store, name).await?.unwrap_or_else(|| identity::provisional(name));
        names.push((id, name.to_owned()));
    }
    let name_of = |id: ClusterId| {
        let name = names.iter().find(|(known, _)| *known == id).map_or_else(|| id.0.clone(), |(_, name)| name.clone());
        (id, name)
    };
    Ok(store.clusters().await?.into_iter().map(name_of).collect())
}

/// Of the clusters that are stored the one of that name.
///
/// # Errors
/// If there is none: what is asked of a name nobody knows has no answer.
pub(super) fn meant<'a>(wanted: &str, stored: &'a [(ClusterId, String)]) -> anyhow::Result<&'a (ClusterId, String)> {
    let is_exact = |(id, name): &&(ClusterId, String)| name == wanted || id.0 == wanted;
    let is_alike = |(_, name): &&(ClusterId, String)| name.eq_ignore_ascii_case(wanted);
    if let Some(found) = stored.iter().find(is_exact).or_else(|| stored.iter().find(is_alike)) {
        return Ok(found);
    }
    let names = || stored.iter().map(|(_, name)| name.as_str());
    let near = nearest(wanted, names());
    let hint = match (near.as_slice(), stored) {
        (_, []) => "no cluster was watched yet with this database".to_owned(),
        ([], _) => format!("stored are {}", names().collect::<Vec<_>>().join(", ")),
        (near, _) => format!("did you mean {}?", near.join(" or ")),
    };
    bail!("nothing is stored of a cluster {wanted:?}; {hint}")
}
