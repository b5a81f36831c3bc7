//! What a run did, for people and programs to read.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::mirrored;
use crate::plan::TablePlan;
use crate::store::{Quarantined, Waiting};

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// One entry a table, in the order of loading.
    pub tables: Vec<TableReport>,
    /// The refused rows that stand, those of an earlier run that was cut short included; the first
    /// hundred.
    pub refused: Vec<Quarantined>,
    /// Foreign keys and indexes that wait to be made again, until a table that they are about is
    /// loaded to its end.
    pub waiting: Vec<Waiting>,
    /// What became of mirrored writes that came while rows were copied; nothing where the proxy
    /// held none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirrored: Option<mirrored::Report>,
}

/// What this run did with one table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TableReport {
    /// The source's table.
    pub source: String,
    /// The target's table.
    pub target: String,
    /// Whether an earlier run had finished it, and it was left alone.
    pub left: bool,
    /// Whether it began from its first row though an earlier run had come further, since the mapping
    /// makes other rows than that run's.
    #[serde(default)]
    pub anew: bool,
    /// Rows read.
    pub read: u64,
    /// Rows inserted or brought up to date.
    pub written: u64,
    /// Rows that were there already, equal.
    pub unchanged: u64,
    /// Rows that cannot come over.
    pub refused: u64,
    /// Rows that the source had no more.
    pub deleted: u64,
    /// How long it took.
    pub seconds: f64,
}

impl Report {
    /// Whether every row came over, and all stands as it did before.
    pub fn is_complete(&self) -> bool {
        self.refused.is_empty()
            && self.waiting.is_empty()
            && self
                .mirrored
                .as_ref()
                .is_none_or(mirrored::Report::is_complete)
    }
}

impl TableReport {
    pub(super) fn of(table: &TablePlan) -> Self {
        Self {
            source: table.source.clone(),
            target: table.destination.table.to_string(),
            ..Self::default()
        }
    }

    /// Adds what a part did.
    pub(super) fn add(&mut self, part: &Self) {
        self.read += part.read;
        self.written += part.written;
        self.unchanged += part.unchanged;
        self.refused += part.refused;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.tables.iter().map(|table| table.source.chars().count());
        let width = names.max().unwrap_or(0).max(5);
        for table in &self.tables {
            write!(f, "{:<width$} ", table.source)?;
            if table.left {
                writeln!(f, "left alone: an earlier run finished it")?;
                continue;
            }
            write!(
                f,
                "{:>10} read {:>10} written {:>10} unchanged {:>7} refused",
                table.read, table.written, table.unchanged, table.refused
            )?;
            if table.deleted > 0 {
                write!(f, " {:>7} deleted", table.deleted)?;
            }
            writeln!(f, " {:>7.1} s", table.seconds)?;
            if table.anew {
                let what = "from the first row: an earlier run came further, by another mapping";
                writeln!(f, "{:<width$} {what}", "")?;
            }
        }
        for Quarantined {
            source,
            key,
            reason,
            ..
        } in &self.refused
        {
            writeln!(f, "refused: {source} {key}: {reason}")?;
        }
        for waiting in &self.waiting {
            writeln!(f, "not made again: {waiting}")?;
        }
        if let Some(mirrored) = &self.mirrored {
            write!(f, "{mirrored}")?;
        }
        Ok(())
    }
}
