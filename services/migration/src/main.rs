//! `cutover-data`: moving and comparing rows from the command line.
//!
//! Exit codes: 0 all well, 1 rows refused or different, 2 it could not be told, 64 usage.

mod cli;

use std::process::ExitCode;

// Pages of rows are made on one thread and freed on another, which costs the usual allocator a
// fifth of a comparison's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    cli::run().await
}
