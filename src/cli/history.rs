//! `history`: how often, how long, how soon somebody took care, from what is stored; the same as in Slack, for every cluster.

use std::process::ExitCode;

use super::{Options, load, print, stored};
use crate::{
    clock::{Clock, Now},
    config::{Config, Purpose},
    process,
    store::Store,
};

/// Exit code 0; a database that cannot be read, and a cluster that is not in it, are errors.
pub(super) async fn run(of: Option<&str>, days: u16, options: &Options) -> anyhow::Result<ExitCode> {
    let config = load(options, Purpose::Look)?;
    let store = stored::open(&config).await?;
    let now = Now { at: Clock::System.now(), zone: &config.zone };
    let told = told(&store, &config, (options.cluster.as_deref(), of, days), now).await;
    store.close().await;
    print(&told?.join("\n\n"));
    Ok(ExitCode::SUCCESS)
}

async fn told(
    store: &Store,
    config: &Config,
    (cluster, of, days): (Option<&str>, Option<&str>, u16),
    now: Now<'_>,
) -> anyhow::Result<Vec<String>> {
    let clusters = stored::clusters(store, config).await?;
    let asked = match cluster {
        Some(wanted) => std::slice::from_ref(stored::meant(wanted, &clusters)?),
        None => clusters.as_slice(),
    };
    let mut all = Vec::new();
    for (id, name) in asked {
        let told = process::history(store, id, (of, days), now).await?.plain();
        all.push(if clusters.len() > 1 { format!("Cluster {name}\n{told}") } else { told });
    }
    if all.is_empty() {
        all.push("No cluster was watched yet with this database.".to_owned());
    }
    Ok(all)
}
