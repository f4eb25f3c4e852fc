//! The binary: which subcommand, and its exit code.

use std::process::ExitCode;

use clap::Parser;
use k8s_monitor::cli::{self, Arguments};

#[cfg(all(feature = "jemalloc", target_os = "linux"))]
#[global_allocator]
static HEAP: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

// One thread is enough for what it does, and has memory of its own: by default there would be one for each core of the node. A second
// one makes nothing faster that waits for a server, and costs a tenth more processor time for waking it.
#[tokio::main(worker_threads = 1)]
async fn main() -> ExitCode {
    cli::run(Arguments::parse()).await
}
