//! Configuration in TOML: read with every mistake at once, each with its line and column.
//!
//! A file is held against the schema of the type that serde fills, then its values are judged by
//! whoever knows what they mean. Nothing here knows what a file is about.

mod document;
mod problem;
mod shape;

pub(crate) use problem::key_path;
pub use problem::{KeyPath, Mistake, Problem, Problems, Step};

use document::Document;
use serde::de::DeserializeOwned;
use serde_json::Value as Schema;
use std::io::{Error, ErrorKind, Read};
use std::path::Path;

/// A configuration longer than this is surely something else.
const LONGEST: u64 = 4 << 20;

/// Parses `text` as a `T`, whose schema is given, and has it judged; `file` is named in the
/// problems.
pub(crate) fn read<T: DeserializeOwned, R>(
    file: &Path,
    text: &str,
    schema: &Schema,
    judge: impl FnOnce(&T) -> Result<R, Vec<Mistake>>,
) -> Result<R, Problems> {
    let document = Document::parse(text).map_err(|problems| Problems::new(file, problems))?;
    let locate = |mistakes: Vec<Mistake>| {
        Problems::new(file, mistakes.iter().map(|m| document.locate(m)).collect())
    };
    let misfits = shape::misfits(document.root(), schema);
    if misfits.is_empty() {
        let raw = toml::from_str(text).map_err(|error| {
            let (line, column) = document::position(text, error.span().map_or(0, |s| s.start));
            let message = error.message().to_owned();
            let problem = Problem {
                line,
                column,
                message,
            };
            Problems::new(file, vec![problem])
        })?;
        return judge(&raw).map_err(locate);
    }
    // What is of the right shape is judged all the same, so that one look shows every mistake.
    let values = shape::without(text, &misfits)
        .and_then(|rest| judge(&rest).err())
        .unwrap_or_default();
    let judged = values.into_iter().filter(|value| {
        let beside = |misfit: &Mistake| {
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
    let read = file.take(LONGEST + 1).read_to_string(&mut text)?;
    if read as u64 > LONGEST {
        let message = format!("longer than {LONGEST} bytes");
        return Err(Error::new(ErrorKind::InvalidData, message));
    }
    Ok(text)
}
