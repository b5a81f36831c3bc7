//! `cutover verify DIR`: findings' files as tests, with no network.

mod stored;

pub(super) use stored::read_file;

use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// What `cutover verify` takes.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct VerifyArgs {
    /// A file that `cutover findings export` wrote, or a directory: every `*.finding.json` below it.
    #[arg(value_name = "DIR")]
    files: PathBuf,
    /// Take the rules of this routes.toml instead of those in the files.
    #[arg(long, value_name = "FILE")]
    routes: Option<PathBuf>,
    /// Print the result as one JSON document.
    #[arg(long)]
    json: bool,
}

const EXIT_CODES: &str = "\
The two answers in each file are compared under the rules of today. A file says with `expect` what
is good: `differs` while its finding is open, `matches` once the rules hide it.

Exit codes: 0 all is as expected, 1 something is not, 2 something could not be told, 64 wrong usage.";

pub(super) fn run(args: &VerifyArgs) -> ExitCode {
    stored::run(&args.files, args.routes.as_deref(), args.json)
}

/// The exit code where so many are not good and so many can't be told.
fn conclude(bad: usize, untold: usize) -> ExitCode {
    match (bad, untold) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(super::UNKNOWN),
        _ => ExitCode::FAILURE,
    }
}
