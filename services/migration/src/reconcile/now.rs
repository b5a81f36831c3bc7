//! Rows that a report lists, as both sides have them at this moment: what a repair goes by.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::job::Job;
use super::judge::Pair;
use super::lookup::KEYS;
use super::report::Differing;
use super::settle::{self, Suspect};
use super::{Options, ReconcileError, Unwatched};
use crate::plan::TablePlan;
use crate::schema::Type;
use crate::sides::Sides;
use crate::store::{Destination, Dialect, Select, Source, Target};
use crate::value::{Key, Row};

/// A row of a report now.
#[derive(Debug)]
pub(crate) enum Now {
    /// It is equal, or neither side has it.
    Equal,
    /// The source's row cannot come over, or the target's cannot be read.
    NotComparable,
    /// It differs.
    Differs {
        /// Its key in the source, where it has one.
        source_key: Option<Key>,
        /// What the target is to have.
        expected: Option<Row>,
        /// What the target has, as it is kept there.
        kept: Option<Row>,
        /// Where both differ.
        columns: Vec<usize>,
    },
}

/// Reads rows of a report once, and says of each what it is; in their order. `destination` is the
/// table's own, or has more columns behind those: what is kept is told with them.
pub(crate) async fn now(
    table: &TablePlan,
    destination: &Destination,
    sides: &Sides,
    rows: &[Differing],
    options: &Options,
    stop: &CancellationToken,
) -> Result<Vec<Now>, ReconcileError> {
    let target: Arc<dyn Source> = Arc::<dyn Target>::clone(&sides.target);
    let source = Arc::clone(&sides.source);
    // A row is looked for among all: outside a sample, each would seem to lack its other side.
    let options = Options {
        sample: None,
        ..options.clone()
    };
    let mut job = Job::new(
        table,
        source,
        target,
        &options,
        Arc::new(Unwatched),
        stop.clone(),
    );
    job.target.select = as_kept(&destination.select(), sides.target.dialect());
    let mut suspects: Vec<Suspect> = rows.iter().map(suspect).collect();
    settle::name(&job, &mut suspects).await?;
    let mut all = Vec::with_capacity(rows.len());
    for batch in suspects.chunks(KEYS) {
        let keys: Vec<Key> = batch.iter().map(|suspect| suspect.target.clone()).collect();
        let (legacies, kept) = tokio::join!(settle::legacies(&job, batch), job.target.at(&keys));
        let kept: HashMap<Key, Row> = kept?
            .into_iter()
            .map(|row| (job.judge.key_of(&job.judge.found(row.clone())), row))
            .collect();
        for (suspect, legacy) in batch.iter().zip(legacies?) {
            let kept = kept.get(&suspect.target).cloned();
            all.push(one(&job, suspect, legacy, kept));
        }
    }
    Ok(all)
}

fn one(job: &Job, suspect: &Suspect, legacy: settle::Legacies, kept: Option<Row>) -> Now {
    let expected = match legacy {
        Some(Ok(legacy)) if legacy.bad.is_none() => Some(legacy.row),
        Some(_) => return Now::NotComparable,
        None => None,
    };
    let columns = match (&expected, &kept) {
        (None, None) => return Now::Equal,
        (Some(expected), Some(kept)) => {
            match job.judge.pair(expected, &job.judge.found(kept.clone())) {
                Pair::Equal => return Now::Equal,
                Pair::NotComparable(_) => return Now::NotComparable,
                Pair::Different(columns) => columns,
            }
        }
        _ => Vec::new(),
    };
    Now::Differs {
        source_key: expected.as_ref().and(suspect.source.clone()),
        expected,
        kept,
        columns,
    }
}

fn suspect(row: &Differing) -> Suspect {
    Suspect {
        range: None,
        source: row.source_key.clone(),
        target: row.target_key.clone(),
        seen: None,
        calm: 0,
    }
}

/// `SQLite` keeps many types as texts, of which one value has several: they are read as they are
/// written, so that a row is known again by them.
fn as_kept(select: &Select, dialect: Dialect) -> Select {
    let mut select = select.clone();
    if dialect == Dialect::Sqlite {
        let columns = select.columns.iter_mut().enumerate();
        for (_, column) in columns.filter(|(position, _)| !select.key.contains(position)) {
            column.kind = Type::Text {
                most: None,
                padded: false,
            };
        }
    }
    select
}
