//! Single rows, compared when somebody asks: whether an answer that differs has a row behind it
//! that drifted, or code that does.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::cause::{self, Cause};
use super::job::{Job, REFUSED};
use super::settle::{self, State, Suspect};
use super::{Options, ReconcileError, Unwatched};
use crate::mapping::Change;
use crate::plan::{Plan, TablePlan};
use crate::store::{Source, Target};
use crate::transform::convert;
use crate::value::{Key, Row, Value};

/// Rows that can be asked for at one time.
const MOST: usize = 1000;

/// What became of a row that was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowReport {
    /// The source's table, as the mapping names it.
    pub table: String,
    /// The row's key in the source.
    pub key: String,
    /// What it is.
    pub verdict: RowVerdict,
    /// Where it differs.
    pub differences: Vec<Difference>,
    /// Why it cannot be compared.
    pub fault: Option<String>,
}

/// What a single row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowVerdict {
    /// Both sides have it, and it is equal.
    Equal,
    /// Both sides have it, and it is not equal.
    Different,
    /// The target does not have it.
    Missing,
    /// The source does not have it.
    Extra,
    /// Neither side has it.
    Absent,
    /// It changed each time that it was read.
    Unstable,
    /// It was refused by the load.
    Quarantined,
    /// It cannot be compared.
    NotComparable,
}

/// A column in which a row differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The target's column.
    pub column: String,
    /// The source's value, as the target was to have it.
    pub legacy: String,
    /// The target's value.
    pub modern: String,
    /// What explains it.
    pub cause: Cause,
}

/// Compares rows by their keys in the source. Each is read until it is equal, or stayed as it was
/// for as many reads as the options say. They come with those keys, in any order.
pub async fn rows(
    table: &TablePlan,
    source: Arc<dyn Source>,
    target: Arc<dyn Target>,
    keys: &[Key],
    options: &Options,
    stop: CancellationToken,
) -> Result<Vec<(Key, RowReport)>, ReconcileError> {
    let refused = target.quarantined(Some(&table.source), REFUSED).await;
    let target: Arc<dyn Source> = target;
    let mut job = Job::new(table, source, target, options, Arc::new(Unwatched), stop);
    job.quarantine(refused.unwrap_or_default());
    let job = Arc::new(job);
    let mut suspects = Vec::with_capacity(keys.len());
    let mut reports = Vec::with_capacity(keys.len());
    for key in keys.iter().take(MOST) {
        match job.judge.target_key(key) {
            Ok(target) => suspects.push(Suspect {
                range: None,
                source: Some(key.clone()),
                target,
                seen: None,
                calm: 0,
            }),
            Err(bad) => {
                let refused = RowReport {
                    fault: Some(bad.to_string()),
                    ..RowReport::of(&job, key, RowVerdict::NotComparable)
                };
                reports.push((key.clone(), refused));
            }
        }
    }
    settle::settle(&job, suspects, &mut |suspect, state| {
        let key = suspect.source.unwrap_or(suspect.target);
        let report = report(&job, &key, state);
        reports.push((key, report));
    })
    .await?;
    Ok(reports)
}

/// The table of a plan that has this name in the source, or whose rows are this to the proxy.
pub fn table<'p>(plan: &'p Plan, name: &str) -> Option<&'p TablePlan> {
    let named = |table: &&TablePlan| table.source == name;
    let entity = |table: &&TablePlan| table.entity.as_deref() == Some(name);
    let tables = &plan.tables;
    tables
        .iter()
        .find(named)
        .or_else(|| tables.iter().find(entity))
}

/// A key of a table's source from the texts of its columns.
pub fn key(table: &TablePlan, parts: &[&str]) -> Result<Key, ReconcileError> {
    let bad = |fault: String| ReconcileError::Key {
        table: table.source.clone(),
        key: parts.join(","),
        fault,
    };
    let columns = table.select.key.len();
    if parts.len() != columns {
        return Err(bad(format!(
            "it has {} parts, and the key {columns}",
            parts.len()
        )));
    }
    let values = table.select.key_columns().zip(parts).map(|(column, part)| {
        let value = convert(&Value::text(part), &column.kind, &Change::default());
        value.map_err(|fault| bad(format!("{part} {fault}")))
    });
    Ok(Key(values.collect::<Result<_, _>>()?))
}

impl RowReport {
    fn of(job: &Job, key: &Key, verdict: RowVerdict) -> Self {
        Self {
            table: job.table.source.clone(),
            key: key.to_string(),
            verdict,
            differences: Vec::new(),
            fault: None,
        }
    }
}

fn report(job: &Job, key: &Key, state: State) -> RowReport {
    let of = |verdict| RowReport::of(job, key, verdict);
    match state {
        State::Gone => of(RowVerdict::Absent),
        State::Equal => of(RowVerdict::Equal),
        State::Unstable | State::Unconfirmed => of(RowVerdict::Unstable),
        State::Quarantined => of(RowVerdict::Quarantined),
        State::NotComparable(bad) => RowReport {
            fault: Some(bad.to_string()),
            ..of(RowVerdict::NotComparable)
        },
        State::Differs {
            expected: Some(expected),
            found: Some(found),
            columns,
        } => RowReport {
            differences: differences(job, &expected, &found, &columns),
            ..of(RowVerdict::Different)
        },
        State::Differs {
            expected: Some(_), ..
        } => of(RowVerdict::Missing),
        State::Differs { .. } => of(RowVerdict::Extra),
    }
}

fn differences(job: &Job, expected: &Row, found: &Row, columns: &[usize]) -> Vec<Difference> {
    let columns = columns.iter().filter_map(|at| {
        let (expected, found) = expected.get(*at).zip(found.get(*at))?;
        Some(Difference {
            column: job.judge.step(*at)?.to.clone(),
            legacy: expected.to_string(),
            modern: found.to_string(),
            cause: cause::of(expected, found),
        })
    });
    columns.collect()
}
