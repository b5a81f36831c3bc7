//! What a run did, for people and programs to read.

use std::fmt;

use crate::mapping::Table;

/// What a migration did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// One entry a table, in the order of loading.
    pub tables: Vec<TableReport>,
    /// The refused rows that stand, those of an earlier run that was cut short included; the first
    /// hundred.
    pub refusals: Vec<Refusal>,
}

/// What this run did with one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableReport {
    /// The legacy table.
    pub table: &'static str,
    /// Rows read.
    pub read: u64,
    /// Rows inserted or brought up to date.
    pub written: u64,
    /// Rows that were there already, equal.
    pub unchanged: u64,
    /// Rows that cannot come over.
    pub refused: u64,
}

/// A row that cannot come over.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Refusal {
    /// The legacy table.
    #[sqlx(rename = "source")]
    pub table: String,
    /// The row's key there.
    pub key: i64,
    /// Why.
    pub reason: String,
}

impl Report {
    /// Whether every row came over.
    pub fn is_complete(&self) -> bool {
        self.refusals.is_empty()
    }
}

impl TableReport {
    pub(crate) fn of(table: &Table) -> Self {
        Self {
            table: table.legacy,
            read: 0,
            written: 0,
            unchanged: 0,
            refused: 0,
        }
    }

    /// Adds what a page did.
    pub(crate) fn add(&mut self, page: &Self) {
        self.read += page.read;
        self.written += page.written;
        self.unchanged += page.unchanged;
        self.refused += page.refused;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in &self.tables {
            let TableReport {
                table,
                read,
                written,
                unchanged,
                refused,
            } = table;
            writeln!(
                f,
                "{table:<12} {read:>9} read {written:>9} written {unchanged:>9} unchanged \
                 {refused:>6} refused"
            )?;
        }
        for Refusal { table, key, reason } in &self.refusals {
            writeln!(f, "refused: {table} {key}: {reason}")?;
        }
        Ok(())
    }
}
