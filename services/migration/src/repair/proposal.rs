//! What would put each row right, by both sides as they are now.

use tokio_util::sync::CancellationToken;

use super::RepairError;
use super::whole::Whole;
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
    /// Rows that cannot be put right, and why: the source's cannot come over, the target's not be
    /// read, or its delete not be taken back.
    pub impossible: Vec<String>,
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

    /// Whether it would put every row right that the report counted, as far as can be told before.
    pub fn is_complete(&self) -> bool {
        self.impossible.is_empty() && self.left_out == 0
    }

    /// An error where it would delete more rows than may be.
    pub fn within(&self, most_deletes: u64) -> Result<(), RepairError> {
        let (deletes, most) = (self.deletes(), most_deletes);
        if deletes > most {
            return Err(RepairError::Deletes { deletes, most });
        }
        Ok(())
    }
}

/// Reads the rows of a report again, and says what would put them right. Rows of tables that
/// others refer to come first, and go last. Tables that the options leave out are left alone.
pub async fn propose(
    sides: &Sides,
    report: &Report,
    options: &Options,
    stop: &CancellationToken,
) -> Result<Proposal, RepairError> {
    let mut proposal = Proposal::default();
    let mut deletes = Vec::new();
    let reported = |name: &&String| report.tables.iter().any(|table| table.source == **name);
    if let Some(name) = options.only.iter().find(|name| !reported(name)) {
        return Err(RepairError::NotReported(name.clone()));
    }
    let chosen = |source: &String| options.only.is_empty() || options.only.contains(source);
    for table in report.tables.iter().filter(|table| chosen(&table.source)) {
        let planned = planned(&sides.plan, &table.source)?;
        proposal.left_out += table.ledger.unconfirmed;
        if table.rows.is_empty() {
            continue;
        }
        let whole = Whole::of(sides, &planned.destination).await?;
        let read = now(
            planned,
            &whole.destination,
            sides,
            &table.rows,
            options,
            stop,
        )
        .await?;
        let name = |row: &Differing, why: &str| {
            format!("{} {}: {why}", planned.destination.table, row.target_key)
        };
        for (row, now) in table.rows.iter().zip(read) {
            match now {
                Now::Equal => proposal.equal += 1,
                Now::NotComparable => {
                    let named = name(row, "a side's values cannot be compared");
                    proposal.impossible.push(named);
                }
                Now::Differs {
                    source_key,
                    expected,
                    kept,
                    columns,
                } => {
                    let repair = |destination: &Destination, observed, wanted| Repair {
                        source: planned.source.clone(),
                        destination: destination.clone(),
                        change: Change {
                            key: row.target_key.clone(),
                            observed,
                            wanted,
                        },
                        row: Differing {
                            source_key,
                            ..row.clone()
                        },
                    };
                    match (expected, kept) {
                        (Some(expected), kept) => {
                            let mapped = &planned.destination;
                            let kept = kept.map(|mut row| {
                                row.truncate(mapped.columns.len());
                                row
                            });
                            let wanted = wanted(expected, kept.as_ref(), &columns);
                            let repair = repair(mapped, kept, Some(wanted));
                            proposal.repairs.push(repair);
                        }
                        (None, kept) => match kept.as_ref().and_then(|row| whole.fault(row)) {
                            Some(fault) => proposal.impossible.push(name(row, &fault)),
                            None => deletes.push(repair(&whole.destination, kept, None)),
                        },
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
