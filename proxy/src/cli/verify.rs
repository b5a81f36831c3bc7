//! `cutover verify`: what was stored or recorded, as a test.

mod recorded;
mod stored;

pub(super) use stored::read_file;

use crate::recorded::Format;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// What `cutover verify` takes.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct VerifyArgs {
    /// A file that `cutover findings export` wrote, or a directory: every `*.finding.json` below it.
    /// Their stored answers are compared, with no network.
    #[arg(
        value_name = "DIR",
        required_unless_present_any = ["har", "goreplay"],
        conflicts_with_all = ["har", "goreplay", "legacy", "modern"]
    )]
    files: Option<PathBuf>,
    /// Send the requests of a HAR file, as browsers export it, to both sides.
    #[arg(long, value_name = "FILE", conflicts_with = "goreplay", requires_all = ["legacy", "modern"])]
    har: Option<PathBuf>,
    /// Send the requests of a file that GoReplay wrote to both sides.
    #[arg(long, value_name = "FILE", requires_all = ["legacy", "modern"])]
    goreplay: Option<PathBuf>,
    /// Where legacy is: `https://old.example.com:8443`, and a path to put before all others.
    #[arg(long, value_name = "URL")]
    legacy: Option<String>,
    /// Where modern is.
    #[arg(long, value_name = "URL")]
    modern: Option<String>,
    /// Take the routes and rules of this routes.toml: instead of the rules in the files, or for what
    /// was recorded, which is compared without any rule otherwise.
    #[arg(long, value_name = "FILE")]
    routes: Option<PathBuf>,
    /// Also send recorded requests that change something, to both sides and in their order.
    #[arg(long = "unsafe", conflicts_with = "files")]
    unsafe_too: bool,
    /// Send what was recorded of this host alone, or of any with `*`. Default: of a HAR file that of
    /// the first entry, of GoReplay's any.
    #[arg(long, value_name = "NAME", conflicts_with = "files")]
    host: Option<String>,
    /// How many recorded requests are under way at once. Default 4, with `--unsafe` 1.
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "files",
        value_parser = clap::value_parser!(u8).range(1..=64)
    )]
    concurrency: Option<u8>,
    /// Print the result as one JSON document.
    #[arg(long)]
    json: bool,
}

const EXIT_CODES: &str = "\
The two answers in a finding's file are compared under the rules of today. The file says with
`expect` what is good: `differs` while its finding is open, `matches` once the rules hide it.

Recorded requests are sent as they were, apart from their connection, host and length; ids, cookies
and tokens of one side may mean nothing to the other.

Examples:
  cutover verify findings/ --routes routes.toml
  cutover verify --har shop.har --legacy http://old:8080 --modern http://new:3000

Exit codes: 0 all is as expected, 1 something is not, 2 something could not be told, 64 wrong usage.";

pub(super) fn run(args: &VerifyArgs) -> ExitCode {
    let recorded = match (&args.har, &args.goreplay) {
        (Some(file), _) => Some((Format::Har, file)),
        (None, Some(file)) => Some((Format::GoReplay, file)),
        (None, None) => None,
    };
    match (recorded, &args.files) {
        (Some((format, file)), _) => recorded::run(args, format, file),
        (None, Some(files)) => stored::run(files, args.routes.as_deref(), args.json),
        (None, None) => ExitCode::from(super::USAGE),
    }
}

/// The exit code where so many are not good and so many can't be told.
fn conclude(bad: u64, untold: u64) -> ExitCode {
    match (bad, untold) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(super::UNKNOWN),
        _ => ExitCode::FAILURE,
    }
}
