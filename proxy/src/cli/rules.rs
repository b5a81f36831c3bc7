//! `cutover rules preview`: what would one more rule hide?

use super::control::Control;
use super::{UNKNOWN, USAGE};
use crate::findings::{Preview, PreviewError, preview, read_rule};
use crate::journal::Reader;
use clap::{Args, Subcommand};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What `cutover rules` takes.
#[derive(Debug, Args)]
pub(super) struct RulesArgs {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    /// List the stored findings that one more rule would hide. Nothing is changed.
    Preview(PreviewArgs),
}

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
struct PreviewArgs {
    /// The rule as it would stand in the `rules` of routes.toml; author and reason may be left out.
    rule: String,
    /// The route that it would be for; all routes when not given.
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// Read this journal instead of asking a running proxy.
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// The routes and rules that the journal is read with.
    #[arg(long, value_name = "FILE", default_value = "routes.toml")]
    routes: PathBuf,
    /// Print the result as one JSON document.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: Control,
}

const EXAMPLES: &str = "\
Example:
  cutover rules preview '{ path = \"/total\", number = { tolerance = \"0.01\" } }' --route orders

Exit codes: 0 it hides something, 1 it hides nothing, 2 could not tell, 64 wrong usage or no rule.";

pub(super) fn run(args: &RulesArgs) -> ExitCode {
    let RulesCommand::Preview(args) = &args.command;
    let rule = match read_rule(&args.rule) {
        Ok(rule) => rule,
        Err(error) => return complain(USAGE, &error),
    };
    let found = match &args.journal {
        None => ask(args),
        Some(journal) => read(journal, &args.routes, &rule, args.route.as_deref()),
    };
    match found {
        Ok(preview) => conclude(args, &preview),
        Err(code) => code,
    }
}

/// Asks the proxy.
fn ask(args: &PreviewArgs) -> Result<Preview, ExitCode> {
    let body = serde_json::json!({"rule": args.rule, "route": args.route});
    let address = args.control.address;
    let reply = args
        .control
        .post("/api/rules/preview", &body.to_string())
        .map_err(|error| {
            complain(
                UNKNOWN,
                &format!("cannot ask the proxy at {address}: {error}"),
            )
        })?;
    match reply.status {
        200 => serde_json::from_str(&reply.body)
            .map_err(|error| complain(UNKNOWN, &format!("cannot read the answer: {error}"))),
        422 => Err(complain(USAGE, &reply.message())),
        _ => Err(complain(UNKNOWN, &reply.message())),
    }
}

/// Reads the journal itself.
fn read(
    journal: &Path,
    routes: &Path,
    rule: &comparator::RuleConfig,
    route: Option<&str>,
) -> Result<Preview, ExitCode> {
    let table = super::read_routes(routes).map_err(|problem| complain(UNKNOWN, &problem))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| complain(UNKNOWN, &error))?;
    runtime.block_on(async {
        let reader = Reader::open(journal)
            .await
            .map_err(|error| complain(UNKNOWN, &error))?;
        preview(&reader, &table, rule, route)
            .await
            .map_err(|error| match error {
                PreviewError::Rule(_) => complain(USAGE, &error),
                _ => complain(UNKNOWN, &error),
            })
    })
}

fn conclude(args: &PreviewArgs, preview: &Preview) -> ExitCode {
    if args.json {
        match serde_json::to_string(preview) {
            Ok(text) => super::say(text),
            Err(error) => return complain(UNKNOWN, &error),
        }
    } else {
        show(preview);
    }
    if preview.hides.is_empty() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

fn show(preview: &Preview) {
    for found in &preview.hides {
        let (id, route, path) = (&found.id, &found.route, &found.path);
        let path = if path.is_empty() {
            "(whole body)"
        } else {
            path
        };
        super::say(format_args!(
            "{id}  {route}  {path}  seen {} times, hidden in {} of {} samples\n{:18}{}",
            found.count, found.samples, found.of, "", found.explanation
        ));
    }
    let (hides, checked) = (preview.hides.len(), preview.checked);
    super::say(format_args!("it would hide {hides} of {checked} findings"));
    if preview.untold > 0 {
        let untold = preview.untold;
        super::say(format_args!(
            "{untold} can't be told: their samples are redacted, shortened or gone"
        ));
    }
}

fn complain(code: u8, problem: &impl Display) -> ExitCode {
    eprintln!("{problem}");
    ExitCode::from(code)
}
