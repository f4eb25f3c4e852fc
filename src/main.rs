//! The binary: which subcommand, and its exit code.

use std::process::ExitCode;

use clap::Parser;
use k8s_monitor::cli::{self, Arguments};

// Two threads are enough for what it does, and each has memory of its own: by default there would be one for each core of the node.
#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    cli::run(Arguments::parse()).await
}
