//! `explain INC-...`: how the severity of an incident was reached, step by step, from what is stored.

use std::process::ExitCode;

use anyhow::bail;
use secrecy::ExposeSecret as _;

use super::{Options, load, print};
use crate::{
    clock::{Clock, Now},
    config::Purpose,
    incidents::{Explained, explain},
    store::Store,
};

/// Exit code 0; an incident nobody knows is an error.
pub(super) async fn run(incident: &str, options: &Options) -> anyhow::Result<ExitCode> {
    let config = load(options, Purpose::Look)?;
    let store = Store::open(config.database_url.expose_secret()).await?;
    let found = store.find_incident(incident).await;
    store.close().await;
    let Some(found) = found? else {
        bail!("no incident {incident:?} is stored; write INC-2026-11-24-001, or the end of it: 1124-1, or 1")
    };
    let Explained { sentence, steps } =
        explain(&found, &config.policy, Now { at: Clock::System.now(), zone: &config.zone });
    let steps: Vec<String> = steps.iter().enumerate().map(|(n, step)| format!("  {}. {step}", n + 1)).collect();
    print(&format!("{} · {}\n{sentence}\n\n{}", found.id, found.owner, steps.join("\n")));
    Ok(ExitCode::SUCCESS)
}
