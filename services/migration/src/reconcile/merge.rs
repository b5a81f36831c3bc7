//! A range of a table that both databases keep in one order: both are read in that order, each row
//! once, and held against each other on the way.

use std::cmp::Ordering;
use std::sync::Arc;

use super::ReconcileError;
use super::feed::Feed;
use super::job::{Found, Job};
use crate::store::Range;
use crate::transform::BadValue;

/// Compares a range of the source's keys.
pub(super) async fn run(job: Arc<Job>, number: u32, range: Range) -> Result<Found, ReconcileError> {
    let bad_bound = |bad: BadValue| ReconcileError::Key {
        table: job.table.source.clone(),
        key: bad.value,
        fault: bad.fault,
    };
    let target_range = job.target_range(&range).map_err(bad_bound)?;
    let mut found = Found::default();
    let worker = Arc::clone(&job);
    let make = move |row| worker.legacy(row);
    let as_bytes = job.source.pays(number);
    let mut legacy = Feed::of(&job, &job.source, as_bytes, range, make, |legacy| {
        &legacy.row
    });
    let worker = Arc::clone(&job);
    let make = move |row| Ok(worker.judge.found(row));
    let mut modern = Feed::of(&job, &job.target, as_bytes, target_range, make, |row| row);
    // Whoever watches has a lock, which is not for every row.
    let tell = |read| {
        if read > 0 {
            job.watch.compared(&job.table, read);
        }
    };
    loop {
        legacy.fill().await?;
        modern.fill().await?;
        tell(legacy.newly_read());
        // Nearly all rows are equal as they were sent.
        let equal = legacy.pass_equal(&job, &mut modern)?;
        found.ledger.equal += equal;
        if equal > 0 {
            continue;
        }
        let one = legacy.peek(&job, &mut found).await?;
        let order = match (one, modern.peek(&job, &mut found).await?) {
            (None, None) => {
                tell(legacy.newly_read());
                return Ok(found);
            }
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(legacy), Some(modern)) => job.judge.order(&legacy.row, modern),
        };
        let one = order.is_le().then(|| legacy.take()).flatten();
        let two = order.is_ge().then(|| modern.take()).flatten();
        found.book(&job, Some(number), one.as_ref(), two.as_ref());
    }
}
