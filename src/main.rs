//! The binary: which subcommand, and its exit code.

use std::process::ExitCode;

use clap::Parser;
use k8s_monitor::cli::{self, Arguments};

/// Memory that a large list needed for a moment is given back; glibc keeps it in an arena of each thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    cli::run(Arguments::parse()).await
}
