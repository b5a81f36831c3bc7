//! What would put each row right, by both sides as they are now.

use tokio_util::sync::CancellationToken;

use super::RepairError;
use crate::plan::{Plan, TablePlan};
use crate::reconcile::{Differing, Now, Options, Report, now};
use crate::sides::Sides;
use crate::store::{Change, Destination, Dialect};
use crate::value::Row;

/// What would put a report's rows right.
#[derive(Debug, Clone, Default)]
pub struct Proposal {
    /// The changes, in the order in which they are made.
    pub repairs: Vec<Repair>,
    /// Rows that are equal by now.
    pub equal: u64,
    /// Rows that cannot be put right: the source's cannot come over, or the target's not be read.
    pub impossible: u64,
    /// Rows that the report counted and did not list.
    pub left_out: u64,
}

/// The change of one row.
#[derive(Debug, Clone)]
pub struct Repair {
    /// The source's table, as the mapping names it.
    pub source: String,
    /// The target's table, and its columns.
    pub destination: Destination,
    /// What the row becomes, and what it must be before.
    pub change: Change,
    /// How the report names it.
    pub row: Differing,
}

impl Proposal {
    /// The statements, as they would be sent.
    pub fn sql(&self, dialect: Dialect) -> Vec<String> {
        let repairs = self.repairs.iter();
        repairs
            .filter_map(|repair| dialect.change(&repair.destination, &repair.change))
            .collect()
    }

    /// Rows that would be deleted.
    pub fn deletes(&self) -> u64 {
        let repairs = self.repairs.iter();
        repairs
            .filter(|repair| repair.change.wanted.is_none())
            .count() as u64
    }
}

/// Reads the rows of a report again, and says what would put them right. Rows of tables that
/// others refer to come first, and go last.
pub async fn propose(
    sides: &Sides,
    report: &Report,
    options: &Options,
    stop: &CancellationToken,
) -> Result<Proposal, RepairError> {
    let mut proposal = Proposal::default();
    let mut deletes = Vec::new();
    for table in &report.tables {
        let planned = planned(&sides.plan, &table.source)?;
        proposal.left_out += table.ledger.unconfirmed;
        let read = now(planned, sides, &table.rows, options, stop).await?;
        for (row, now) in table.rows.iter().zip(read) {
            match now {
                Now::Equal => proposal.equal += 1,
                Now::NotComparable => proposal.impossible += 1,
                Now::Differs {
                    source_key,
                    expected,
                    kept,
                    columns,
                } => {
                    let repair = Repair {
                        source: planned.source.clone(),
                        destination: planned.destination.clone(),
                        change: Change {
                            key: row.target_key.clone(),
                            wanted: expected.map(|row| wanted(row, kept.as_ref(), &columns)),
                            observed: kept,
                        },
                        row: Differing {
                            source_key,
                            ..row.clone()
                        },
                    };
                    match repair.change.wanted {
                        Some(_) => proposal.repairs.push(repair),
                        None => deletes.push(repair),
                    }
                }
            }
        }
    }
    deletes.reverse();
    proposal.repairs.extend(deletes);
    Ok(proposal)
}

/// The table of a plan that a report names.
pub(super) fn planned<'p>(plan: &'p Plan, source: &str) -> Result<&'p TablePlan, RepairError> {
    let mut tables = plan.tables.iter();
    let found = tables.find(|table| table.source == source);
    found.ok_or_else(|| RepairError::Table(source.to_owned()))
}

/// The row as it is kept, but for the columns that differ: what the mapping allows stays.
fn wanted(expected: Row, kept: Option<&Row>, columns: &[usize]) -> Row {
    let Some(kept) = kept else {
        return expected;
    };
    let values = expected.into_iter().zip(kept).enumerate();
    values
        .map(|(position, (expected, kept))| {
            if columns.contains(&position) {
                expected
            } else {
                kept.clone()
            }
        })
        .collect()
}
