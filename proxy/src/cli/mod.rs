//! The command line: what can be typed. Each command is a file.

mod check;
mod compare;
mod control;
mod findings;
mod gate;
mod proxy;
mod reference;
mod replay;
mod rules;
mod select;
mod stop;
mod verify;

use crate::outcome::Ledger;
use crate::routing::Table;
use crate::{routes, toml_file};
use clap::{Parser, Subcommand};
use std::fmt::Display;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

/// Shadow-traffic proxy for replacing a legacy system endpoint by endpoint.
///
/// It answers every client, shadows requests to the other side, compares both answers, and says
/// with evidence when an endpoint can move.
#[derive(Debug, Parser)]
#[command(name = "cutover", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 good, 1 not good, 2 could not tell, 64 wrong usage.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the proxy, the control API and the dashboard.
    Proxy(proxy::ProxyArgs),
    /// Check a routes.toml and list every mistake with its line.
    Check(check::CheckArgs),
    /// Compare two stored responses under rules.
    Compare(compare::CompareArgs),
    /// Say whether a route may move to modern, criterion by criterion.
    Gate(gate::GateArgs),
    /// Put every route of a running proxy to legacy, at once. Exits with 3 where that is not in the file.
    Stop(stop::StopArgs),
    /// Send the stored requests of findings to both sides again; what is gone is fixed.
    Replay(replay::ReplayArgs),
    /// Findings as files: for a review, for another journal, and as tests.
    Findings(findings::FindingsArgs),
    /// Hold findings' files against the rules, with no network.
    Verify(verify::VerifyArgs),
    /// Try rules of comparison on what was found.
    Rules(rules::RulesArgs),
    /// Print the reference of routes.toml's keys, in Markdown.
    RoutesReference,
}

/// Prints a line. Whoever read it may have left, as in `cutover check | head`; a proxy that runs on
/// must not end over that.
fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

impl Cli {
    /// Runs the command.
    pub fn run(self) -> ExitCode {
        match self.command {
            Command::Proxy(args) => proxy::run(&args),
            Command::Check(args) => check::run(&args),
            Command::Compare(args) => compare::run(&args),
            Command::Gate(args) => gate::run(&args),
            Command::Stop(args) => stop::run(&args),
            Command::Replay(args) => replay::run(&args),
            Command::Findings(args) => findings::run(&args),
            Command::Verify(args) => verify::run(&args),
            Command::Rules(args) => rules::run(&args),
            Command::RoutesReference => reference::run(),
        }
    }
}

/// Reads and judges a routes.toml; nothing of it is started.
fn read_routes(file: &Path) -> Result<Table, String> {
    let text = toml_file::read_text(file)
        .map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    routes::check(file, &text, &Ledger::default(), None).map_err(|problems| problems.to_string())
}

/// A text that came from elsewhere must not command the terminal that shows it.
fn printable(text: &str) -> String {
    let shown = |c: char| {
        if c.is_control() && c != '\n' {
            c.escape_default().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(shown).collect()
}

/// Exit code of a command that could not tell.
const UNKNOWN: u8 = 2;
/// Wrong usage, as in sysexits.h.
const USAGE: u8 = 64;
