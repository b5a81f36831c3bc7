//! Puts the target's rows right that a comparison found to differ.
//!
//! Both sides are read anew, and a row is changed only where it is still what was read: a
//! compare-and-set for each row. What was there before is in a log before anything changes, which
//! then says what was changed; [`undo`] takes that back by the same check. Deletes are refused unless they are allowed
//! by number. The source is never written to.

mod apply;
mod log;
mod proposal;
mod whole;

use kit::error::Cause;

use crate::reconcile::ReconcileError;

pub use apply::{Applied, apply, undo};
pub use log::{Entry, Log, Logged};
pub use proposal::{Proposal, Repair, propose};

/// Why rows were not repaired.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// Rows could not be read.
    #[error(transparent)]
    Read(#[from] ReconcileError),
    /// A report names a table that the plan does not have.
    #[error("the plan has no table {0}, which the report names: was the mapping changed since?")]
    Table(String),
    /// A table was asked for that the report does not have.
    #[error("the report has no table {0}")]
    NotReported(String),
    /// More rows would be deleted than is allowed.
    #[error("{deletes} rows would be deleted, and {most} may be; nothing was changed")]
    Deletes {
        /// Rows that would go.
        deletes: u64,
        /// Rows that may.
        most: u64,
    },
    /// A row could not be changed.
    #[error("could not change the row of {table} under {key}")]
    Write {
        /// The target's table.
        table: String,
        /// The row's key.
        key: String,
        /// What failed.
        #[source]
        source: Cause,
    },
    /// The log could not be written or read.
    #[error("could not use the undo log {file}")]
    Log {
        /// The file.
        file: String,
        /// What failed.
        #[source]
        source: std::io::Error,
    },
    /// A line of the log is not what was written there.
    #[error("{file}:{line}: is no entry of an undo log: {fault}")]
    Entry {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        fault: String,
    },
}
