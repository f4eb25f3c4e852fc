//! `explain INC-...`: how the severity of an incident was reached, step by step, from what is stored.

use std::process::ExitCode;

use anyhow::bail;

use super::{Options, load, print, stored};
use crate::{
    clock::{Clock, Now},
    config::Purpose,
    incidents::{Explained, explain},
};

/// Exit code 0; an incident nobody knows, or of another cluster than was named, is an error.
pub(super) async fn run(incident: &str, options: &Options) -> anyhow::Result<ExitCode> {
    let config = load(options, Purpose::Look)?;
    let store = stored::open(&config).await?;
    let found = store.find_incident(incident).await;
    let clusters = stored::clusters(&store, &config).await;
    store.close().await;
    let clusters = clusters?;
    let wanted = options.cluster.as_deref().map(|wanted| stored::meant(wanted, &clusters)).transpose()?;
    let Some(found) = found? else {
        bail!("no incident {incident:?} is stored; write INC-2026-11-24-001, or the end of it: 1124-1, or 1")
    };
    if let Some((_, wanted)) = wanted.filter(|(id, _)| *id != found.cluster) {
        let of = clusters.iter().find(|(id, _)| *id == found.cluster).map_or(&found.cluster.0, |(_, name)| name);
        bail!("{} is of the cluster {of}, not of {wanted}; leave --cluster out, or name that one", found.id);
    }
    let Explained { sentence, steps } =
        explain(&found, &config.policy, Now { at: Clock::System.now(), zone: &config.zone });
    let steps: Vec<String> = steps.iter().enumerate().map(|(n, step)| format!("  {}. {step}", n + 1)).collect();
    print(&format!("{} · {}\n{sentence}\n\n{}", found.id, found.owner, steps.join("\n")));
    Ok(ExitCode::SUCCESS)
}
