//! `history`: how often, how long, how soon somebody took care, from what is stored; the same as in Slack, for every cluster.

use std::process::ExitCode;

use secrecy::ExposeSecret as _;

use super::{Options, load, print};
use crate::{
    app::identity,
    clock::{Clock, Now},
    config::{Config, Purpose},
    process,
    store::{Store, StoreError},
};

/// Exit code 0; a database that cannot be read is an error.
pub(super) async fn run(of: Option<&str>, days: u16, options: &Options) -> anyhow::Result<ExitCode> {
    let config = load(options, Purpose::Look)?;
    let store = Store::open(config.database_url.expose_secret()).await?;
    let told = told(&store, &config, (of, days), Now { at: Clock::System.now(), zone: &config.zone }).await;
    store.close().await;
    print(&told?.join("\n\n"));
    Ok(ExitCode::SUCCESS)
}

async fn told(
    store: &Store,
    config: &Config,
    what: (Option<&str>, u16),
    now: Now<'_>,
) -> Result<Vec<String>, StoreError> {
    let mut names = Vec::new();
    for entry in &config.clusters {
        names.extend(identity::known(store, &entry.name).await?.map(|id| (id, &entry.name)));
    }
    let clusters = store.clusters().await?;
    let mut all = Vec::new();
    for cluster in &clusters {
        let told = process::history(store, cluster, what, now).await?.plain();
        let name = names.iter().find(|(id, _)| id == cluster).map_or(&cluster.0, |(_, name)| name);
        all.push(if clusters.len() > 1 { format!("Cluster {name}\n{told}") } else { told });
    }
    if all.is_empty() {
        all.push("No cluster was watched yet with this database.".to_owned());
    }
    Ok(all)
}
