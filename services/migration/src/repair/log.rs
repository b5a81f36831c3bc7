//! What a repair changes, written down before it does: one line of JSON for each row.

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
        let mut lines = Vec::new();
        for entry in entries {
            let written = serde_json::to_writer(&mut lines, entry);
            written.map_err(|error| failed(&self.path, error.into()))?;
            lines.push(b'\n');
        }
        let written = self.file.write_all(&lines);
        let stored = written.and_then(|()| self.file.sync_data());
        stored.map_err(|source| failed(&self.path, source))
    }

    /// The entries of a file, in the order in which they were made. A last line that was cut off
    /// is left out: its change was never made.
    pub fn read(path: &Path) -> Result<Vec<Entry>, RepairError> {
        let file = File::open(path).map_err(|source| failed(path, source))?;
        let mut file = BufReader::new(file);
        let mut entries = Vec::new();
        loop {
            let mut line = Vec::new();
            let read = file.by_ref().take(LONGEST).read_until(b'\n', &mut line);
            read.map_err(|source| failed(path, source))?;
            if line.last() != Some(&b'\n') {
                return Ok(entries);
            }
            let entry = serde_json::from_slice(&line);
            entries.push(entry.map_err(|error| RepairError::Entry {
                file: path.display().to_string(),
                line: entries.len() + 1,
                fault: error.to_string(),
            })?);
        }
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
