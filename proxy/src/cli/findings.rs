//! `cutover findings export` and `import`: findings as files.

use super::UNKNOWN;
use super::control::{Control, encoded};
use super::select::Selected;
use super::verify::read_file;
use crate::findings::FindingFile;
use clap::{Args, Subcommand};
use serde::Deserialize;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What `cutover findings` takes.
#[derive(Debug, Args)]
pub(super) struct FindingsArgs {
    #[command(subcommand)]
    command: FindingsCommand,
}

#[derive(Debug, Subcommand)]
enum FindingsCommand {
    /// Write a file for each finding, which `cutover verify` runs as a test.
    Export(ExportArgs),
    /// Put findings of such files into the journal of a running proxy; they count no traffic.
    Import(ImportArgs),
}

#[derive(Debug, Args)]
#[command(after_help = EXPORTING)]
struct ExportArgs {
    #[command(flatten)]
    selected: Selected,
    /// The directory that they are written to; it is made where there is none.
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    #[command(flatten)]
    control: Control,
}

#[derive(Debug, Args)]
#[command(after_help = IMPORTING)]
struct ImportArgs {
    /// The files.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    control: Control,
}

const EXPORTING: &str = "\
A file holds the request, both answers and the rules of the route, redacted as the journal is. Its
`expect` says what `cutover verify` is to find: `differs` while the rules show the finding, `matches`
once they are meant to hide it; edit it when that changes. A file that is there already is kept.

Exit codes: 0 all are files, 1 some can't be, 2 could not tell, 64 wrong usage.";

const IMPORTING: &str = "\
An imported finding is open, or allowed where the rules of its route hide it; one that the journal
knows stays as it is.

Exit codes: 0 all are in the journal, 1 some are refused, 2 could not tell, 64 wrong usage.";

pub(super) fn run(args: &FindingsArgs) -> ExitCode {
    let done = match &args.command {
        FindingsCommand::Export(args) => export(args),
        FindingsCommand::Import(args) => import(args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(UNKNOWN)
        }
    }
}

/// Says whether every finding has a file now.
fn export(args: &ExportArgs) -> Result<bool, String> {
    let control = &args.control;
    let ids = args.selected.ids(control)?;
    let mut all = true;
    for id in &ids {
        let path = format!("/api/discrepancies/{}/export", encoded(id));
        let reply = control.get(&path);
        if let Ok(reply) = &reply
            && matches!(reply.status, 404 | 422)
        {
            eprintln!("{id}  {}", reply.message());
            all = false;
            continue;
        }
        let text = control.granted(reply)?;
        let file = FindingFile::read(text.as_bytes())
            .map_err(|error| format!("cannot read the answer for {id}: {error}"))?;
        let path = args.out.join(file.name());
        let told = match create(&args.out, &path, &text) {
            Ok(()) => "written",
            Err(error) if error.kind() == ErrorKind::AlreadyExists => "kept, it is there already",
            Err(error) => return Err(format!("cannot write {}: {error}", path.display())),
        };
        super::say(format_args!("{}  {told}", path.display()));
    }
    Ok(all)
}

/// Writes a file that is not there yet.
fn create(directory: &Path, path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())
}

/// Says whether every finding is in the journal now.
fn import(args: &ImportArgs) -> Result<bool, String> {
    #[derive(Deserialize)]
    struct Answer {
        id: String,
        new: bool,
    }
    let control = &args.control;
    let mut all = true;
    for path in &args.files {
        let shown = path.display();
        // What is no such file is told with its place, and not sent.
        let file = match read_file(path) {
            Ok(file) => file,
            Err(problem) => {
                eprintln!("{problem}");
                all = false;
                continue;
            }
        };
        let text = file.text().map_err(|error| format!("{shown}: {error}"))?;
        let reply = control.post("/api/discrepancies", &text);
        if let Ok(reply) = &reply
            && matches!(reply.status, 413 | 422)
        {
            eprintln!("{shown}: {}", reply.message());
            all = false;
            continue;
        }
        let answer: Answer = serde_json::from_str(&control.granted(reply)?)
            .map_err(|error| format!("cannot read the answer: {error}"))?;
        let told = if answer.new { "imported" } else { "known" };
        super::say(format_args!("{shown}  {} {told}", answer.id));
    }
    Ok(all)
}
