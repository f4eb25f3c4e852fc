//! The binary: which subcommand, and its exit code.

use std::process::ExitCode;

use clap::Parser;
use k8s_monitor::cli::{self, Arguments};

#[tokio::main]
async fn main() -> ExitCode {
    cli::run(Arguments::parse()).await
}
