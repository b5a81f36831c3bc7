//! `cutover check`: is a routes.toml right?

use super::UNKNOWN;
use crate::outcome::Ledger;
use crate::{routes, toml_file};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// What `cutover check` takes.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The file to check.
    #[arg(default_value = "routes.toml")]
    file: PathBuf,
}

/// Exits 0 when the file is right, 1 with every mistake listed when it isn't, 2 when it can't be
/// read.
pub(super) fn run(args: &CheckArgs) -> ExitCode {
    let text = match toml_file::read_text(&args.file) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("cannot read {}: {error}", args.file.display());
            return ExitCode::from(UNKNOWN);
        }
    };
    match routes::check(&args.file, &text, &Ledger::default(), None) {
        Ok(table) => {
            let (file, routes) = (args.file.display(), table.routes.len());
            super::say(format_args!("{file}: {routes} routes, no mistakes"));
            ExitCode::SUCCESS
        }
        Err(problems) => {
            eprintln!("{problems}");
            let count = problems.problems.len();
            eprintln!("{count} mistake{}", if count == 1 { "" } else { "s" });
            ExitCode::FAILURE
        }
    }
}
