//! `cutover replay`: is what was found still so?

use super::UNKNOWN;
use super::control::{Control, encoded};
use super::select::Selected;
use clap::Args;
use serde_json::Value;
use std::process::ExitCode;

/// What `cutover replay` takes.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    selected: Selected,
    /// Also send requests that change something, to both sides.
    #[arg(long = "unsafe")]
    unsafe_too: bool,
    #[command(flatten)]
    control: Control,
}

const EXIT_CODES: &str = "\
The stored requests are sent to both sides again and compared under the rules of today; what no
longer differs is marked as fixed. Requests that were redacted can't be replayed.

Exit codes: 0 nothing differs any more, 1 something does, 2 something could not be told, 64 wrong
usage.";

/// Replays findings one after the other, and says of each what came of it.
pub(super) fn run(args: &ReplayArgs) -> ExitCode {
    match replay(args) {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(UNKNOWN)
        }
    }
}

fn replay(args: &ReplayArgs) -> Result<ExitCode, String> {
    let ids = args.selected.ids(&args.control)?;
    let body = serde_json::json!({ "unsafe": args.unsafe_too }).to_string();
    let (mut differ, mut untold) = (0_usize, 0_usize);
    for id in &ids {
        let path = format!("/api/discrepancies/{}/replay", encoded(id));
        let told = args.control.granted(args.control.post(&path, &body))?;
        let told: Value = serde_json::from_str(&told)
            .map_err(|error| format!("cannot read the answer: {error}"))?;
        let result = told["result"].as_str().unwrap_or("untold");
        differ += usize::from(result == "differs");
        untold += usize::from(!matches!(result, "differs" | "gone"));
        let closed = if told["closed"] == true {
            ", fixed"
        } else {
            ""
        };
        let why = told["why"].as_array().into_iter().flatten();
        super::say(format_args!("{id}  {result}{closed}"));
        for why in why.filter_map(Value::as_str) {
            super::say(format_args!("{:18}{why}", ""));
        }
    }
    let gone = ids.len() - differ - untold;
    super::say(format_args!(
        "{differ} differ, {gone} are gone, {untold} can't be told"
    ));
    Ok(match (differ, untold) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(UNKNOWN),
        _ => ExitCode::FAILURE,
    })
}
