//! `history`: how often, how long, how soon somebody took care, from what is stored; the same as in Slack, for every cluster.

use std::process::ExitCode;

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;

use super::{Options, load, print};
use crate::{
    clock::Clock,
    config::Purpose,
    conversation::commands::history,
    store::{Store, StoreError},
};

/// How many incidents of one cluster are looked at.
const MOST: u32 = 5000;

/// Exit code 0; a database that cannot be read is an error.
pub(super) async fn run(of: Option<&str>, days: u16, options: &Options) -> anyhow::Result<ExitCode> {
    let config = load(options, Purpose::Look)?;
    let store = Store::open(config.database_url.expose_secret()).await?;
    let told = told(&store, of, days, Clock::System.now()).await;
    store.close().await;
    print(&told?.join("\n\n"));
    Ok(ExitCode::SUCCESS)
}

async fn told(store: &Store, of: Option<&str>, days: u16, now: Timestamp) -> Result<Vec<String>, StoreError> {
    let since = now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN);
    let clusters = store.clusters().await?;
    let mut all = Vec::new();
    for cluster in &clusters {
        let incidents = store.recent_incidents(cluster, since, MOST).await?;
        let passes = store.passes_since(cluster, since).await?;
        let told = history::told(&incidents, &passes, (of, days), now).plain();
        all.push(if clusters.len() > 1 { format!("Cluster {cluster}\n{told}") } else { told });
    }
    if all.is_empty() {
        all.push("No cluster was watched yet with this database.".to_owned());
    }
    Ok(all)
}
