//! The file routes.toml: read, checked with every mistake at once, watched, edited.
//!
//! What the file means is judged in [`crate::routing`]; here it is text with places.

mod changes;
mod document;
mod edit;
mod live;
pub mod problem;
pub mod raw;
mod shape;
pub mod size;
mod watch;

pub use edit::RouteEdit;
pub use live::{EditError, LiveRoutes, LoadError, RoutesEvent, Stopped};
pub use problem::{Problem, Problems};

use crate::outcome::Ledger;
use crate::routing::Table;
use document::Document;
use raw::RawFile;
use std::io::Read;
use std::path::Path;
use std::sync::LazyLock;

/// A routes.toml longer than this is surely something else.
const LONGEST_FILE: u64 = 4 << 20;

/// The JSON schema of the file, derived from the raw types and their comments.
pub fn schema() -> &'static serde_json::Value {
    static SCHEMA: LazyLock<serde_json::Value> =
        LazyLock::new(|| schemars::schema_for!(RawFile).to_value());
    &SCHEMA
}

/// Parses and judges a routes.toml; `file` is named in the problems. Upstreams that are `running`
/// with the same settings are taken over.
pub fn check(
    file: &Path,
    text: &str,
    ledger: &Ledger,
    running: Option<&Table>,
) -> Result<Table, Problems> {
    let document = Document::parse(text).map_err(|problems| Problems::new(file, problems))?;
    let locate = |mistakes: Vec<problem::Mistake>| {
        Problems::new(file, mistakes.iter().map(|m| document.locate(m)).collect())
    };
    let misfits = shape::misfits(document.root(), schema());
    if misfits.is_empty() {
        let raw: RawFile = toml::from_str(text).map_err(|error| {
            let (line, column) = document::position(text, error.span().map_or(0, |s| s.start));
            let message = error.message().to_owned();
            let problem = Problem {
                line,
                column,
                message,
            };
            Problems::new(file, vec![problem])
        })?;
        return Table::read(&raw, ledger, running).map_err(locate);
    }
    // What is of the right shape is judged all the same, so that one look shows every mistake.
    let values = shape::without(text, &misfits)
        .and_then(|rest| Table::read(&rest, ledger, running).err())
        .unwrap_or_default();
    let judged = values.into_iter().filter(|value| {
        let beside = |misfit: &problem::Mistake| {
            let table = misfit.at.split_last().map_or(&[][..], |(_, table)| table);
            !misfit.at_key && value.at.starts_with(table)
        };
        !misfits.iter().any(beside)
    });
    let all = misfits.iter().cloned().chain(judged).collect();
    Err(locate(all))
}

/// Reads a file of bounded size as UTF-8.
pub(crate) fn read_text(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    let read = file.take(LONGEST_FILE + 1).read_to_string(&mut text)?;
    if read as u64 > LONGEST_FILE {
        let message = format!("longer than {LONGEST_FILE} bytes");
        return Err(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            message,
        ));
    }
    Ok(text)
}
