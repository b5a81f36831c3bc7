//! Recorded requests, sent to both sides: a table by route, and where the answers differ.

use super::{VerifyArgs, conclude};
use crate::cli::{UNKNOWN, USAGE, printable, read_routes, say};
use crate::recorded::{Ended, Entry, Format, Host, Judge, ReadError, Sides, Tally, read};
use std::fmt::Write as _;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;
use tokio::sync::mpsc;

/// Entries that are read ahead.
const AHEAD: usize = 16;

pub(super) fn run(args: &VerifyArgs, format: Format, path: &Path) -> ExitCode {
    let tally = match sent(args, format, path) {
        Ok(tally) => tally,
        Err((code, problem)) => {
            eprintln!("{problem}");
            return ExitCode::from(code);
        }
    };
    if args.json {
        match serde_json::to_string(&tally) {
            Ok(text) => say(text),
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::from(UNKNOWN);
            }
        }
    } else {
        show(&tally);
    }
    // Where nothing was compared, nothing was verified.
    let compared = tally.count(Ended::Matched) + tally.count(Ended::Different);
    let untold = tally.untold() + u64::from(compared == 0 || tally.incomplete);
    conclude(tally.count(Ended::Different), untold)
}

/// Sends what the file holds, and counts; or says why it was not begun.
fn sent(args: &VerifyArgs, format: Format, path: &Path) -> Result<Tally, (u8, String)> {
    let unknown = |problem: String| (UNKNOWN, problem);
    let table = args.routes.as_deref().map(read_routes).transpose();
    let table = table.map_err(unknown)?;
    let file = File::open(path).map_err(|error| unknown(format!("{}: {error}", path.display())))?;
    let (Some(legacy), Some(modern)) = (&args.legacy, &args.modern) else {
        return Err((USAGE, "--legacy and --modern are missing".to_owned()));
    };
    let host = match args.host.as_deref() {
        Some("*") => Host::Any,
        Some(name) => Host::Named(name.to_owned()),
        None if format == Format::Har => Host::First,
        None => Host::Any,
    };
    let usual = if args.unsafe_too { 1 } else { 4 };
    let at_once = args.concurrency.unwrap_or(usual).into();
    let runtime = tokio::runtime::Runtime::new().map_err(|error| unknown(error.to_string()))?;
    runtime.block_on(async {
        let sides = Sides::find(legacy, modern).await;
        let judge = Judge {
            sides: sides.map_err(|error| (USAGE, error.to_string()))?,
            table,
            unsafe_too: args.unsafe_too,
            host,
        };
        let (entries, queue) = mpsc::channel(AHEAD);
        let reading = tokio::task::spawn_blocking(move || {
            let mut each = |entry: Entry| match entries.blocking_send(entry) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            };
            read(format, file, &mut each)
        });
        let mut tally = Tally::of(queue, judge, at_once).await;
        let end = reading.await.map_err(|error| unknown(error.to_string()))?;
        if let Err(error) = end {
            tally.incomplete = true;
            tally.problem(unfinished(path, &tally, &error));
        }
        Ok(tally)
    })
}

fn unfinished(path: &Path, tally: &Tally, error: &ReadError) -> String {
    let (file, entries) = (path.display(), tally.entries);
    format!("{file}: the rest after {entries} entries can't be read: {error}")
}

fn show(tally: &Tally) {
    let shown: Vec<Ended> = tally.outcomes.keys().copied().collect();
    let widest = tally.routes.keys().map(|row| row.chars().count()).max();
    let width = widest.unwrap_or(0).clamp(5, 60);
    let line = |name: &str, cells: &mut dyn Iterator<Item = String>| {
        let mut line = format!("{name:<width$}");
        for (cell, ended) in cells.zip(&shown) {
            // Writing to a string cannot fail.
            let _ = write!(line, "  {cell:>0$}", ended.as_str().len());
        }
        say(printable(&line));
    };
    let words = shown.iter().map(|ended| ended.as_str().to_owned());
    line("route", &mut words.into_iter());
    for (row, counts) in &tally.routes {
        let cells = shown
            .iter()
            .map(|ended| counts.get(ended).copied().unwrap_or(0).to_string());
        line(row, &mut cells.into_iter());
    }
    let all = shown.iter().map(|ended| tally.count(*ended).to_string());
    line("all", &mut all.into_iter());
    let mut differences: Vec<_> = tally.differences.values().collect();
    differences.sort_by_key(|difference| (&difference.route, std::cmp::Reverse(difference.count)));
    for difference in differences {
        let found = &difference.found;
        let (path, kind) = (found.general_path(), found.kind);
        let path = if path.is_empty() {
            "(whole body)"
        } else {
            &path
        };
        let value = |side: &Option<String>| side.clone().unwrap_or("nothing".to_owned());
        let (legacy, modern) = (value(&found.legacy), value(&found.modern));
        say(printable(&format!(
            "\n{}  {path}  {kind}, {} times\n    entry {}, {}: legacy {legacy}, modern {modern}",
            difference.route, difference.count, difference.entry, difference.request
        )));
    }
    for problem in &tally.problems {
        say(printable(&format!("\n{problem}")));
    }
    let compared = tally.count(Ended::Matched) + tally.count(Ended::Different);
    say(format_args!(
        "\n{} entries, {compared} compared, {} different",
        tally.entries,
        tally.count(Ended::Different)
    ));
}
