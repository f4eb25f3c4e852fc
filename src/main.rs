//! The binary: which subcommand, and its exit code.

use std::process::ExitCode;

use clap::Parser;
use k8s_monitor::cli::{self, Arguments};

#[cfg(all(feature = "jemalloc", target_os = "linux"))]
#[global_allocator]
static HEAP: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

// Two threads are enough for what it does, and each has memory of its own: by default there would be one for each core of the node.
#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    cli::run(Arguments::parse()).await
}
