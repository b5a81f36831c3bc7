//! `cutover stop`: every route to legacy, now.

use super::UNKNOWN;
use super::control::Control;
use clap::Args;
use std::process::ExitCode;

/// What `cutover stop` takes.
#[derive(Debug, Args)]
pub(super) struct StopArgs {
    #[command(flatten)]
    control: Control,
}

/// The routes are on legacy, and the file says otherwise.
const IN_MEMORY: u8 = 3;

/// Exits 0 when every route is on legacy, 1 when the proxy refused, 2 when it can't be reached, and 3
/// when every route is on legacy but the file could not be edited.
pub(super) fn run(args: &StopArgs) -> ExitCode {
    match args.control.post("/api/stop", "{}") {
        Ok(reply) if reply.status == 200 => {
            let why = not_in_file(&reply.body);
            super::say(reply.body);
            let Some(why) = why else {
                return ExitCode::SUCCESS;
            };
            eprintln!(
                "every route is on legacy now, but the file of routes could not be edited: {why}\n\
                 It counts again once somebody saves it, or the proxy starts anew: edit it"
            );
            ExitCode::from(IN_MEMORY)
        }
        Ok(reply) => {
            eprintln!("the proxy refused: {}", reply.body);
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("cannot ask the proxy at {}: {error}", args.control.address);
            ExitCode::from(UNKNOWN)
        }
    }
}

/// Why the file says otherwise, where it does.
fn not_in_file(answer: &str) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_str(answer).ok()?;
    Some(answer.get("not_in_file")?.as_str()?.to_owned())
}
