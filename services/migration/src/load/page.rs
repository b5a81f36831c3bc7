//! A page on its way: transformed, and written in as few transactions as its rows allow.

use std::collections::VecDeque;
use std::ops::Range as Span;

use kit::error::Cause;

use crate::plan::TablePlan;
use crate::store::{Commit, How, Progress, Quarantined, Target, WriteError};
use crate::transform::{Taken, transform};
use crate::value::{Key, Row, Value};

/// What is to be written of a page.
#[derive(Debug)]
pub(super) struct Page {
    /// The rows that could be transformed.
    rows: Vec<Row>,
    /// Their keys in the source.
    keys: Vec<Key>,
    /// The rows that could not be.
    refused: Vec<Quarantined>,
    /// Where the part stands once all of it is written.
    end: Progress,
    /// Where it stood before.
    start: Progress,
}

/// What writing a page did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) changed: u64,
    pub(super) unchanged: u64,
    pub(super) refused: u64,
}

impl Page {
    /// Transforms the rows that were read after `start`.
    pub(super) fn of(
        table: &TablePlan,
        taken: &Taken,
        read: Vec<Row>,
        start: Progress,
        done: bool,
    ) -> Self {
        let mut page = Self {
            rows: Vec::with_capacity(read.len()),
            keys: Vec::with_capacity(read.len()),
            refused: Vec::new(),
            end: Progress {
                after: read
                    .last()
                    .map(|row| table.select.key_of(row))
                    .or(start.after.clone()),
                read: start.read + read.len() as u64,
                done,
                ..start.clone()
            },
            start,
        };
        for row in read {
            let key = table.select.key_of(&row);
            let row = taken.over(&table.steps, row).or_else(|row| {
                transform(&table.steps, &row)
                    .map_err(|bad| quarantined(table, &key, &row, bad.to_string()))
            });
            match row {
                Ok(row) => {
                    page.rows.push(row);
                    page.keys.push(key);
                }
                Err(refused) => page.refused.push(refused),
            }
        }
        page
    }

    /// Where the part stands once all of it is written.
    pub(super) fn end(&self) -> &Progress {
        &self.end
    }

    /// Writes the page. A transaction that is refused is tried in two halves, each with its own
    /// checkpoint, and so on down to the row that is at fault.
    pub(super) async fn write(
        mut self,
        table: &TablePlan,
        target: &dyn Target,
        how: &mut How,
    ) -> Result<Written, Cause> {
        let mut written = Written {
            refused: self.refused.len() as u64,
            ..Written::default()
        };
        // What is left to write, in order.
        let mut left: VecDeque<Span<usize>> = VecDeque::from([Span {
            start: 0,
            end: self.rows.len(),
        }]);
        while let Some(span) = left.pop_front() {
            let last = left.is_empty();
            match self
                .write_some(table, target, span.clone(), how, last)
                .await
            {
                Ok(changed) => {
                    written.changed += changed;
                    written.unchanged += (span.len() as u64).saturating_sub(changed);
                }
                Err(WriteError::Failed(cause)) => return Err(cause),
                Err(WriteError::Refused(reason)) if span.len() <= 1 => {
                    let Some(position) = span.clone().next().filter(|_| !span.is_empty()) else {
                        return Err(reason.into());
                    };
                    let (Some(row), Some(key)) = (self.rows.get(position), self.keys.get(position))
                    else {
                        return Err(reason.into());
                    };
                    let refused = refused(table, key, row, reason);
                    self.refused.push(refused);
                    written.refused += 1;
                    // The row's place is taken by its refusal, written with the checkpoint behind.
                    let nothing = span.end..span.end;
                    let kept = self.write_some(table, target, nothing, how, last).await;
                    kept.map_err(|error| Cause::from(error.to_string()))?;
                }
                Err(WriteError::Refused(_)) => {
                    let middle = span.start + span.len() / 2;
                    left.push_front(middle..span.end);
                    left.push_front(span.start..middle);
                }
            }
        }
        Ok(written)
    }

    /// Writes some of the rows, and whatever was refused so far: a refusal may be kept too early,
    /// since it is judged again with its page, and must not be kept too late.
    async fn write_some(
        &mut self,
        table: &TablePlan,
        target: &dyn Target,
        span: Span<usize>,
        how: &mut How,
        last: bool,
    ) -> Result<u64, WriteError> {
        let rows = self.rows.get(span.clone()).unwrap_or_default();
        let keys = self.keys.get(..span.end).unwrap_or_default();
        let progress = if last {
            self.end.clone()
        } else {
            Progress {
                after: keys.last().cloned().or(self.start.after.clone()),
                read: self.start.read + keys.len() as u64,
                ..self.start.clone()
            }
        };
        let commit = Commit {
            source: table.source.clone(),
            progress: Some(progress),
            quarantined: self.refused.clone(),
            healed: Vec::new(),
            ids: table.ids_of(keys.get(span.start..).unwrap_or_default().iter().zip(rows)),
        };
        let written = match target.write(&table.destination, rows, *how, &commit).await {
            // Some of the rows may be there already: then all that follow are upserted.
            Err(WriteError::Refused(_)) if *how == How::Insert => {
                let again = target
                    .write(&table.destination, rows, How::Upsert, &commit)
                    .await?;
                *how = How::Upsert;
                again
            }
            other => other?,
        };
        self.refused.clear();
        Ok(written)
    }
}

/// A row that could not be transformed, as it was read.
pub(crate) fn quarantined(
    table: &TablePlan,
    key: &Key,
    row: &[Value],
    reason: String,
) -> Quarantined {
    let columns = table
        .select
        .columns
        .iter()
        .map(|column| column.name.as_str());
    kept(table, key, columns.zip(row), reason)
}

/// A row that was transformed, and that the target's schema refuses.
pub(crate) fn refused(table: &TablePlan, key: &Key, row: &[Value], reason: String) -> Quarantined {
    let columns = table
        .destination
        .columns
        .iter()
        .map(|column| column.name.as_str());
    kept(table, key, columns.zip(row), reason)
}

fn kept<'r>(
    table: &TablePlan,
    key: &Key,
    row: impl Iterator<Item = (&'r str, &'r Value)>,
    reason: String,
) -> Quarantined {
    let value = |value: &Value| match value {
        Value::Null => serde_json::Value::Null,
        other => serde_json::Value::String(other.bare().into_owned()),
    };
    let row: serde_json::Map<String, serde_json::Value> = row
        .map(|(name, kept)| (name.to_owned(), value(kept)))
        .collect();
    Quarantined {
        source: table.source.clone(),
        key: key.id(),
        reason,
        row: serde_json::Value::Object(row).to_string(),
    }
}
