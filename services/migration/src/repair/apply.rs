//! Makes changes row by row, each where the row is still as it was read, and takes them back.

use std::path::Path;

use kit::error::Cause;
use tokio_util::sync::CancellationToken;

use super::RepairError;
use super::log::{Entry, Log, Logged};
use super::proposal::{Proposal, Repair, planned};
use super::whole::Whole;
use crate::plan::TablePlan;
use crate::reconcile::{Differing, Now, Options, now};
use crate::sides::Sides;
use crate::store::{Change, Destination, Target, WriteError};

/// Changes that are logged at a time, before the first of them is made.
const BATCH: usize = 100;

/// What became of a repair, or of one that was taken back.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Applied {
    /// Rows that were changed.
    pub changed: u64,
    /// Rows that were not, because they were not any more what had been read.
    pub changed_meanwhile: Vec<String>,
    /// Rows that the schema refuses as they should be, with its reason.
    pub refused: Vec<String>,
    /// Rows that were changed and are equal now, both sides read again.
    pub verified: u64,
    /// Rows that were changed and are not equal.
    pub still_different: Vec<String>,
    /// Rows of which the log does not say whether they were changed, as the repair was cut off; an
    /// undo leaves them alone.
    pub unsure: Vec<String>,
    /// Rows that a stop came before.
    pub not_reached: Vec<String>,
    /// Rows that no change would have put right, and why.
    pub impossible: Vec<String>,
    /// Rows that the report counted and did not list.
    pub left_out: u64,
}

impl Applied {
    /// Whether every row was put right that a report counted, or that was to be taken back.
    pub fn is_complete(&self) -> bool {
        let lists = [
            &self.changed_meanwhile,
            &self.refused,
            &self.still_different,
            &self.unsure,
            &self.not_reached,
            &self.impossible,
        ];
        self.left_out == 0 && lists.iter().all(|list| list.is_empty())
    }
}

/// Makes the changes of a proposal, and reads the rows again that were changed. Nothing is changed
/// where it would delete more rows than `most_deletes`.
pub async fn apply(
    sides: &Sides,
    proposal: &Proposal,
    most_deletes: u64,
    log: &mut Log,
    options: &Options,
    stop: &CancellationToken,
) -> Result<Applied, RepairError> {
    proposal.within(most_deletes)?;
    let mut applied = Applied {
        impossible: proposal.impossible.clone(),
        left_out: proposal.left_out,
        ..Applied::default()
    };
    let mut changed: Vec<&Repair> = Vec::new();
    for batch in proposal.repairs.chunks(BATCH) {
        if stop.is_cancelled() {
            let rows = batch.iter().map(|repair| {
                let (table, key) = (&repair.destination.table, &repair.change.key);
                format!("{table} {key}")
            });
            applied.not_reached.extend(rows);
            continue;
        }
        let entries: Vec<Entry> = batch.iter().map(entry).collect();
        log.add(&entries)?;
        let mut told = Vec::with_capacity(batch.len());
        let ended = make_all(sides, batch, &mut told, &mut applied).await;
        let made = batch.iter().zip(&told).filter(|(_, made)| **made);
        changed.extend(made.map(|(repair, _)| repair));
        // What was made can be taken back even where the repair ends here.
        log.made(told)?;
        ended?;
    }
    for table in &sides.plan.tables {
        let rows = changed
            .iter()
            .filter(|repair| repair.source == table.source);
        let rows: Vec<Differing> = rows.map(|repair| repair.row.clone()).collect();
        verify(table, sides, &rows, options, stop, &mut applied).await?;
    }
    Ok(applied)
}

/// Takes back the changes that a log says were made, the last one first, each where the row is
/// still as the repair left it.
pub async fn undo(
    sides: &Sides,
    path: &Path,
    stop: &CancellationToken,
) -> Result<Applied, RepairError> {
    let mut undone = Applied::default();
    for logged in Log::read(path)?.iter().rev() {
        let Logged { line, entry, made } = logged;
        if stop.is_cancelled() {
            if *made != Some(false) {
                let row = format!("{} {}", entry.table, entry.key);
                undone.not_reached.push(row);
            }
            continue;
        }
        let mut destination = planned(&sides.plan, &entry.table)?.destination.clone();
        let names = |destination: &Destination| {
            let columns = destination.columns.iter();
            columns.map(|column| &column.name).eq(&entry.columns)
        };
        if !names(&destination) {
            destination = Whole::of(sides, &destination).await?.destination;
        }
        if !names(&destination) {
            return Err(RepairError::Entry {
                file: path.display().to_string(),
                line: *line,
                fault: format!("its columns are not those of {}", destination.table),
            });
        }
        match made {
            Some(true) => {
                let back = entry.back();
                // Rows may have come since that would go with it, which nothing could bring back.
                let cascades = match back.wanted {
                    None => Whole::of(sides, &destination).await?.cascades,
                    Some(_) => None,
                };
                match cascades {
                    Some(why) => undone
                        .refused
                        .push(format!("{} {}: {why}", destination.table, entry.key)),
                    None => {
                        make(&*sides.target, &destination, &back, &mut undone).await?;
                    }
                }
            }
            Some(false) => {}
            None => undone
                .unsure
                .push(format!("{} {}", destination.table, entry.key)),
        }
    }
    Ok(undone)
}

/// Makes the changes of a batch, and tells of each whether it was made, up to one that failed.
async fn make_all(
    sides: &Sides,
    batch: &[Repair],
    told: &mut Vec<bool>,
    applied: &mut Applied,
) -> Result<(), RepairError> {
    for repair in batch {
        let (destination, change) = (&repair.destination, &repair.change);
        told.push(make(&*sides.target, destination, change, applied).await?);
    }
    Ok(())
}

/// Makes one change, and says whether it was made.
async fn make(
    target: &dyn Target,
    destination: &Destination,
    change: &Change,
    applied: &mut Applied,
) -> Result<bool, RepairError> {
    let table = destination.table.to_string();
    let failed = |source: Cause| RepairError::Write {
        table: table.clone(),
        key: change.key.to_string(),
        source,
    };
    match target
        .change(destination, std::slice::from_ref(change))
        .await
    {
        Ok(made) if made.first() == Some(&true) => {
            applied.changed += 1;
            Ok(true)
        }
        Ok(_) => {
            applied
                .changed_meanwhile
                .push(format!("{table} {}", change.key));
            Ok(false)
        }
        Err(WriteError::Refused(reason)) => {
            applied
                .refused
                .push(format!("{table} {}: {reason}", change.key));
            Ok(false)
        }
        Err(WriteError::Failed(cause)) => Err(failed(cause)),
    }
}

/// Reads rows again that were changed.
async fn verify(
    table: &TablePlan,
    sides: &Sides,
    rows: &[Differing],
    options: &Options,
    stop: &CancellationToken,
    applied: &mut Applied,
) -> Result<(), RepairError> {
    if rows.is_empty() {
        return Ok(());
    }
    let read = now(table, &table.destination, sides, rows, options, stop).await?;
    for (row, now) in rows.iter().zip(read) {
        match now {
            Now::Equal => applied.verified += 1,
            Now::NotComparable | Now::Differs { .. } => {
                let table = &table.destination.table;
                let still = format!("{table} {}", row.target_key);
                applied.still_different.push(still);
            }
        }
    }
    Ok(())
}

fn entry(repair: &Repair) -> Entry {
    let columns = repair.destination.columns.iter();
    Entry {
        table: repair.source.clone(),
        columns: columns.map(|column| column.name.clone()).collect(),
        key: repair.change.key.clone(),
        observed: repair.change.observed.clone(),
        wanted: repair.change.wanted.clone(),
    }
}
