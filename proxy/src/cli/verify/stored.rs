//! Stored answers, each file by itself; one that can't be read is no reason to leave out the next.

use super::conclude;
use crate::cli::{UNKNOWN, printable, read_routes, say};
use crate::findings::{EXTENSION, Expect, FindingFile, LONGEST, Verified, verify};
use crate::routing::{Table, today};
use serde::Serialize;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Directories within directories; a deeper tree is no place for tests.
const DEEPEST: usize = 32;

/// What became of one file.
#[derive(Serialize)]
struct Line {
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expect: Option<Expect>,
    #[serde(flatten)]
    verified: Verified,
    /// Whether it is as expected; null where it can't be told.
    good: Option<bool>,
}

#[derive(Serialize)]
struct Report {
    files: Vec<Line>,
    good: usize,
    bad: usize,
    untold: usize,
}

pub(super) fn run(files: &Path, routes: Option<&Path>, json: bool) -> ExitCode {
    let table = match routes.map(read_routes).transpose() {
        Ok(table) => table,
        Err(problem) => return give_up(&problem),
    };
    let mut found = Vec::new();
    if let Err(problem) = find(files, 0, &mut found) {
        return give_up(&problem);
    }
    if found.is_empty() {
        return give_up(&format!("no *{EXTENSION} below {}", files.display()));
    }
    let files: Vec<Line> = found
        .iter()
        .map(|file| judge(file, table.as_ref()))
        .collect();
    let count = |good| files.iter().filter(|line| line.good == good).count();
    let (good, bad, untold) = (count(Some(true)), count(Some(false)), count(None));
    let report = Report {
        files,
        good,
        bad,
        untold,
    };
    if json {
        match serde_json::to_string(&report) {
            Ok(text) => say(text),
            Err(error) => return give_up(&error.to_string()),
        }
    } else {
        report.files.iter().for_each(Line::show);
        say(format_args!(
            "{good} as expected, {bad} not, {untold} can't be told"
        ));
    }
    conclude(bad as u64, untold as u64)
}

fn give_up(problem: &str) -> ExitCode {
    eprintln!("{problem}");
    ExitCode::from(UNKNOWN)
}

/// The files at a path, in order. Links to directories are not followed: they may lead in a circle.
fn find(path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), String> {
    let failed = |error: io::Error| format!("cannot read {}: {error}", path.display());
    let metadata = if depth == 0 {
        std::fs::metadata(path)
    } else {
        std::fs::symlink_metadata(path)
    };
    if !metadata.map_err(failed)?.is_dir() {
        let named = path.to_string_lossy().ends_with(EXTENSION);
        if named || depth == 0 {
            found.push(path.to_owned());
        }
        return Ok(());
    }
    if depth > DEEPEST {
        return Err(format!("{} is too deep a directory", path.display()));
    }
    let entries = std::fs::read_dir(path).map_err(failed)?;
    let entries = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut entries: Vec<PathBuf> = entries.collect::<Result<_, _>>().map_err(failed)?;
    entries.sort();
    entries
        .iter()
        .try_for_each(|entry| find(entry, depth + 1, found))
}

/// Reads a finding's file. The problem names file and place.
pub(in crate::cli) fn read_file(path: &Path) -> Result<FindingFile, String> {
    let shown = path.display();
    let mut text = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| format!("{shown}: {error}"))?;
    // One byte more than allowed tells that there is more.
    file.take(LONGEST as u64 + 1)
        .read_to_end(&mut text)
        .map_err(|error| format!("{shown}: {error}"))?;
    FindingFile::read(&text).map_err(|error| format!("{shown}: {error}"))
}

fn judge(path: &Path, table: Option<&Table>) -> Line {
    let file = path.display().to_string();
    let read = match read_file(path) {
        Ok(read) => read,
        Err(why) => {
            return Line {
                file,
                id: None,
                route: None,
                expect: None,
                verified: Verified::CannotTell { why },
                good: None,
            };
        }
    };
    let name = &read.finding.route;
    let verified = match table.map(|table| table.route(name)) {
        Some(None) => Verified::CannotTell {
            why: format!("no route is named {name:?}"),
        },
        Some(Some(route)) => {
            let (global, own) = &*route.declared;
            verify(&read, global, own, today())
        }
        None => verify(&read, &read.rules.all_routes, &read.rules.route, today()),
    };
    Line {
        file,
        good: verified.is_as(read.expect),
        verified,
        expect: Some(read.expect),
        id: Some(read.finding.id),
        route: Some(read.finding.route),
    }
}

impl Line {
    fn show(&self) {
        let result = match &self.verified {
            Verified::Matches => "now matches",
            Verified::Same => "still differs the same way",
            Verified::Otherwise { .. } => "differs otherwise",
            Verified::CannotTell { .. } => "can't be told",
        };
        let word = match self.good {
            Some(true) => "good",
            Some(false) => "NOT GOOD",
            None => "UNKNOWN",
        };
        say(printable(&format!("{}  {result}: {word}", self.file)));
        match &self.verified {
            Verified::Otherwise { discrepancies } => {
                for found in discrepancies {
                    let value =
                        |side: &Option<String>| side.clone().unwrap_or("nothing".to_owned());
                    let (legacy, modern) = (value(&found.legacy), value(&found.modern));
                    let line = format!(
                        "    {}  {}: legacy {legacy}, modern {modern}",
                        found.path, found.kind
                    );
                    say(printable(&line));
                }
            }
            Verified::CannotTell { why } => say(printable(&format!("    {why}"))),
            Verified::Matches | Verified::Same => {}
        }
    }
}
