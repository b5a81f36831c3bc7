//! A range by the hash of its rows, which databases of one kind make where the rows are: where both
//! agree, its rows are equal and need not be read.
//!
//! Where hashes differ, or a database has none, rows are read; so two versions that hash one value
//! otherwise cost time, and hide nothing.

use std::mem::discriminant;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::job::{Found, Job};
use crate::plan::TablePlan;
use crate::store::{Range, Source};
use crate::transform::{Reading, leaves};

/// Ranges that are hashed before it is asked whether that is worth its while.
const FIRST: u32 = 8;
/// Where it is not, one in so many is hashed all the same: differences may lie close together.
const EVERY: u32 = 8;

/// What a table's ranges are hashed by, and how often that spared reading them.
#[derive(Debug, Default)]
pub(super) struct Hashes {
    /// Positions of the columns in either side's rows; none where rows are not hashed.
    source: Vec<usize>,
    target: Vec<usize>,
    /// Whether a database was found to have none.
    none: AtomicBool,
    made: AtomicU32,
    agreed: AtomicU32,
}

impl Hashes {
    /// By every column that is compared; of nothing where one of them cannot be hashed.
    pub(super) fn of(table: &TablePlan, source: &dyn Source, target: &dyn Source) -> Self {
        if source.dialect() != target.dialect() {
            return Self::default();
        }
        let (source, target) = columns(table).unwrap_or_default().into_iter().unzip();
        Self {
            source,
            target,
            ..Self::default()
        }
    }

    /// What the range comes to, where both sides agree on it. A failure is left to whoever reads
    /// the rows then.
    pub(super) async fn agreed(&self, job: &Job, number: u32, range: &Range) -> Option<Found> {
        if !self.pays(number) {
            return None;
        }
        let target_range = job.target_range(range).ok()?;
        let (one, two) = (&job.source, &job.target);
        let (one, two) = tokio::join!(
            one.store.hashed(&one.select, range, &self.source),
            two.store.hashed(&two.select, &target_range, &self.target),
        );
        let (Ok(Some(one)), Ok(Some(two))) = (one, two) else {
            self.none.store(true, Ordering::Relaxed);
            return None;
        };
        self.made.fetch_add(1, Ordering::Relaxed);
        if one != two {
            return None;
        }
        self.agreed.fetch_add(1, Ordering::Relaxed);
        job.watch.compared(&job.table, one.rows);
        let mut found = Found::default();
        found.ledger.equal = one.rows;
        found.hashed = one.rows;
        Some(found)
    }

    /// Whether hashing is likely to spare more than it costs, which is about half of reading.
    fn pays(&self, number: u32) -> bool {
        if self.source.is_empty() || self.none.load(Ordering::Relaxed) {
            return false;
        }
        let made = self.made.load(Ordering::Relaxed);
        let agreed = self.agreed.load(Ordering::Relaxed);
        made < FIRST || agreed.saturating_mul(2) >= made || number.is_multiple_of(EVERY)
    }
}

/// Where the columns that are compared are in a row of the source and in one of the target, if
/// every one goes there as it is.
fn columns(table: &TablePlan) -> Option<Vec<(usize, usize)>> {
    let mut columns = Vec::with_capacity(table.steps.len());
    for (position, step) in table.steps.iter().enumerate() {
        if step.compare.ignore && !table.destination.key.contains(&position) {
            continue;
        }
        let Reading::At(read) = step.reading else {
            return None;
        };
        let from = table.select.columns.get(read)?;
        let to = table.destination.columns.get(position)?;
        // A type that the mapping declares may hold less than both columns do.
        let narrows = step.kind != to.kind;
        if discriminant(&from.kind) != discriminant(&to.kind) || !leaves(&step.change) || narrows {
            return None;
        }
        columns.push((read, position));
    }
    Some(columns)
}
