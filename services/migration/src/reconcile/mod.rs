//! Compares the rows of both databases, as the plan of a mapping says.
//!
//! A ladder: the plan has held both schemas against each other, and the target's counters are
//! looked at; then counts and sums of ranges give a first look, or every row is compared. Where both databases keep a table in
//! one order, both are read in that order and merged; elsewhere the target's rows are fetched by
//! key, and rows that only the target has are found by sums of their keys' digests. A row that is
//! not equal is a suspect: it is read again on both sides, and reported only if it stayed as it
//! was and still differs. Whatever could not be compared is counted as that, never as equal.
//!
//! Nothing is written, and nothing is kept: what a run needs to go on after it was stopped is
//! handed to its watch.

mod book;
mod cause;
mod checkpoint;
mod feed;
mod findings;
mod hashes;
mod job;
mod json;
mod judge;
mod ladder;
mod ledger;
mod lookup;
mod merge;
mod now;
mod options;
mod packets;
mod pages;
mod partitions;
mod quick;
mod report;
mod rows;
mod run;
mod settle;
mod show;

use std::sync::Arc;

use kit::error::Cause as Failed;
use tokio_util::sync::CancellationToken;

use crate::plan::{Plan, TablePlan};
use crate::store::{Source, Target};

pub use cause::Cause;
pub use checkpoint::Checkpoint;
pub use findings::{Finding, Sample};
pub use ledger::{Health, Ledger, Verdict};
pub(crate) use now::{Now, now};
pub use options::{BadShare, Depth, Options, Share};
pub use report::{Differing, Figures, Method, RangeReport, Report, TableReport};
pub use rows::{Difference, RowReport, RowVerdict, key, rows, table};

pub use show::{page, terminal};

/// Is told how a comparison goes on.
pub trait Watch: Send + Sync {
    /// A table begins, with so many rows, about.
    fn begins(&self, _table: &TablePlan, _rows: Option<u64>) {}
    /// So many more rows of it were compared.
    fn compared(&self, _table: &TablePlan, _rows: u64) {}
    /// Its suspects are read again.
    fn settles(&self, _table: &TablePlan, _suspects: usize) {}
    /// It has come to its end.
    fn ends(&self, _report: &TableReport) {}
    /// How far the run has come: with this, another one goes on from here.
    fn checkpoint(&self, _checkpoint: &Checkpoint) {}
}

/// Nobody watches.
#[derive(Debug, Clone, Copy)]
pub struct Unwatched;

impl Watch for Unwatched {}

/// Why rows could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// Rows could not be read.
    #[error("could not read {table} in {database}")]
    Read {
        /// The table.
        table: String,
        /// The database.
        database: String,
        /// What failed.
        #[source]
        source: Failed,
    },
    /// A database gave keys in another order than it said.
    #[error("{database} does not keep {table} in the order that it declares")]
    Order {
        /// The table.
        table: String,
        /// The database.
        database: String,
    },
    /// A task ended before its work did.
    #[error("comparing {table} ended early")]
    Ended {
        /// The table.
        table: String,
    },
    /// A key that a table cannot have.
    #[error("`{key}` is no key of {table}: {fault}")]
    Key {
        /// The table.
        table: String,
        /// The key.
        key: String,
        /// What is wrong with it.
        fault: String,
    },
    /// It was asked to stop.
    #[error("stopped")]
    Stopped,
}

/// Compares every table of a plan. A table that fails is not verified, and hides no other.
pub async fn reconcile(
    plan: &Plan,
    source: Arc<dyn Source>,
    target: Arc<dyn Target>,
    options: &Options,
    watch: Arc<dyn Watch>,
    stop: CancellationToken,
    from: Option<Checkpoint>,
) -> Report {
    run::run(plan, source, target, options, watch, stop, from).await
}
