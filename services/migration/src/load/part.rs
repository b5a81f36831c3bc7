//! One part of a table: while a page is written, the next is read.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::mpsc;

use super::page::Page;
use super::report::TableReport;
use super::{Job, LoadError};
use crate::pace::{Pace, weight};
use crate::store::{How, Progress, Range, TooMuch};
use crate::transform::Taken;

/// Pages that wait for being written, beside the one that is.
const AHEAD: usize = 1;

/// Bytes of a page's values, about, at most.
const BYTES: usize = 6 << 20;

/// Moves a part's rows from where it stands.
pub(super) async fn run(
    job: Arc<Job>,
    part: Progress,
    mut how: How,
) -> Result<TableReport, LoadError> {
    let (pages, mut read) = mpsc::channel(AHEAD);
    let reader = tokio::spawn(pages_of(Arc::clone(&job), part, pages));
    let mut report = TableReport::of(&job.table);
    while let Some(page) = read.recv().await {
        let (next, count): (Page, u64) = page?;
        let written = next.write(&job.table, &*job.target, &mut how).await;
        let written = written.map_err(|error| job.write_error(error))?;
        report.read += count;
        report.written += written.changed;
        report.unchanged += written.unchanged;
        report.refused += written.refused;
        job.watch.moved(&job.table, count);
        job.count_refused(written.refused)?;
    }
    // The reader has let go of the channel, so it has ended.
    if let Err(panic) = reader.await {
        return Err(job.write_error(panic.into()));
    }
    Ok(report)
}

/// Reads and transforms pages until the part's end, or until nobody takes them.
async fn pages_of(
    job: Arc<Job>,
    part: Progress,
    pages: mpsc::Sender<Result<(Page, u64), LoadError>>,
) {
    let mut pace = Pace::new(job.options.page, BYTES);
    let taken = Taken::of(&job.table.steps);
    let mut at = part;
    while !at.done {
        if job.stop.is_cancelled() {
            let _ = pages.send(Err(LoadError::Stopped)).await;
            return;
        }
        let range = Range {
            after: at.after.clone(),
            until: at.until.clone(),
        };
        let (limit, started) = (pace.rows(), Instant::now());
        let rows = match job.source.page(&job.table.select, &range, limit).await {
            Ok(rows) => rows,
            Err(source) => {
                if let Some(TooMuch { rows }) = source.downcast_ref() {
                    pace.cut(*rows);
                    continue;
                }
                let error = LoadError::Read {
                    table: job.table.source.clone(),
                    after: at
                        .after
                        .as_ref()
                        .map_or_else(|| "the first".to_owned(), ToString::to_string),
                    source,
                };
                // Whoever has gone needs no reason.
                let _ = pages.send(Err(error)).await;
                return;
            }
        };
        let rest = pace.took(limit, rows.len(), weight(&rows), started.elapsed());
        let done = rows.len() < limit as usize;
        let count = rows.len() as u64;
        let next = Page::of(&job.table, &taken, rows, at, done);
        at = next.end().clone();
        if pages.send(Ok((next, count))).await.is_err() {
            return;
        }
        tokio::time::sleep(rest).await;
    }
}
