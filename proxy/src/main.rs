//! The command `cutover`.

use clap::Parser;
use cutover::cli::Cli;
use std::process::ExitCode;

/// Worth 1.1 to 1.15 times the system's allocator in the data plane.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => cli.run(),
        Err(error) => {
            // Printing to a closed terminal is nothing to fail over.
            let _ = error.print();
            // Help and version are no errors; anything else is EX_USAGE of sysexits.h.
            ExitCode::from(if error.use_stderr() { 64 } else { 0 })
        }
    }
}
