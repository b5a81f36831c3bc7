//! What a repair changes, written down before it does: one line of JSON for each row, and one for
//! each batch of them that says which changes were made.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::RepairError;
use crate::store::Change;
use crate::value::{Key, Row};

/// A line is longer than its row by little, and a row is no longer than a database takes.
const LONGEST: u64 = 1 << 30;

/// A change that was about to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The source's table, as the mapping names it.
    pub table: String,
    /// The columns of the rows, in their order.
    pub columns: Vec<String>,
    /// The row's key in the target.
    pub key: Key,
    /// The row before; nothing where it was not there.
    pub observed: Option<Row>,
    /// The row afterwards; nothing where it was to go.
    pub wanted: Option<Row>,
}

/// Which of the entries before were made, in their order; those that a line told of before left out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Made {
    made: Vec<bool>,
}

/// An entry of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged {
    /// Its line, from 1.
    pub line: usize,
    /// The change.
    pub entry: Entry,
    /// Whether it was made; nothing where the repair came to its end before it said so.
    pub made: Option<bool>,
}

/// A file of entries that is added to.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// A file that is not there yet: two repairs in one log would be undone as one.
    pub fn create(path: &Path) -> Result<Self, RepairError> {
        let file = OpenOptions::new().write(true).create_new(true).open(path);
        Ok(Self {
            path: path.to_owned(),
            file: file.map_err(|source| failed(path, source))?,
        })
    }

    /// Adds entries; they are on the disk when it returns.
    pub(super) fn add(&mut self, entries: &[Entry]) -> Result<(), RepairError> {
        self.write(entries)
    }

    /// Adds which of the entries were made that it has not been told of yet; one that may have been
    /// made or not is the last, and left out.
    pub(super) fn made(&mut self, made: Vec<bool>) -> Result<(), RepairError> {
        self.write(&[Made { made }])
    }

    fn write<T: Serialize>(&mut self, all: &[T]) -> Result<(), RepairError> {
        let mut lines = Vec::new();
        for line in all {
            let written = serde_json::to_writer(&mut lines, line);
            written.map_err(|error| failed(&self.path, error.into()))?;
            lines.push(b'\n');
        }
        let written = self.file.write_all(&lines);
        let stored = written.and_then(|()| self.file.sync_data());
        stored.map_err(|source| failed(&self.path, source))
    }

    /// The entries of a file, in the order in which they were made. A last line that was cut off
    /// is left out: its change was never made.
    pub fn read(path: &Path) -> Result<Vec<Logged>, RepairError> {
        let file = File::open(path).map_err(|source| failed(path, source))?;
        let mut file = BufReader::new(file);
        let (mut logged, mut told) = (Vec::new(), Vec::new());
        for number in 1.. {
            let mut line = Vec::new();
            let read = file.by_ref().take(LONGEST).read_until(b'\n', &mut line);
            read.map_err(|source| failed(path, source))?;
            if line.last() != Some(&b'\n') {
                break;
            }
            if let Ok(Made { made }) = serde_json::from_slice(&line) {
                told.extend(made);
                continue;
            }
            let entry = serde_json::from_slice(&line);
            let entry = entry.map_err(|error| RepairError::Entry {
                file: path.display().to_string(),
                line: number,
                fault: error.to_string(),
            })?;
            logged.push(Logged {
                line: number,
                entry,
                made: None,
            });
        }
        for (logged, made) in logged.iter_mut().zip(told) {
            logged.made = Some(made);
        }
        Ok(logged)
    }
}

impl Entry {
    /// The change that takes this one back.
    pub(super) fn back(&self) -> Change {
        Change {
            key: self.key.clone(),
            observed: self.wanted.clone(),
            wanted: self.observed.clone(),
        }
    }
}

fn failed(path: &Path, source: std::io::Error) -> RepairError {
    RepairError::Log {
        file: path.display().to_string(),
        source,
    }
}
