//! `config`: what is in force and where each value came from.

use std::process::ExitCode;

use super::{Options, load, print};
use crate::config::Purpose;

/// Prints the configuration, or only judges it.
pub(super) fn run(only_check: bool, options: &Options) -> anyhow::Result<ExitCode> {
    // Judged as `run` judges it, so that it says exactly what `run` would say.
    let config = load(options, if only_check { Purpose::Run } else { Purpose::Show })?;
    if only_check {
        print("the configuration is in order");
    } else {
        print(&config.explain());
    }
    Ok(ExitCode::SUCCESS)
}
