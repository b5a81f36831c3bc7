//! `cutover compare`.

use clap::Args;
use std::process::ExitCode;

/// What `cutover compare` takes.
#[derive(Debug, Args)]
pub(super) struct CompareArgs {}

pub(super) fn run(_: &CompareArgs) -> ExitCode {
    ExitCode::from(super::UNKNOWN)
}
