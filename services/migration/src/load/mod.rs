//! Moves rows: table by table, each in parts that run beside each other.
//!
//! A part reads pages by key, transforms them and writes them, with how far it has come in the
//! transaction of the rows. So a run that dies at any moment goes on where it stopped, and one
//! that is repeated changes nothing. An empty table is filled by the fastest way there is, without
//! what slows that down, which is made again afterwards. Rows that cannot come over are kept aside
//! with the reason.

mod deletes;
mod page;
mod part;
mod report;
mod start;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kit::error::Cause;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::plan::{Plan, TablePlan};
use crate::store::{How, Progress, Source, Target};

pub use deletes::Deletes;
pub(crate) use page::{quarantined, refused};
pub use report::{Report, TableReport};

use start::Start;

/// Refused rows that a report lists.
const LISTED: u32 = 100;

/// How a run goes about it.
#[derive(Debug, Clone)]
pub struct Options {
    /// What becomes of a table that an earlier run finished.
    pub finished: Finished,
    /// Parts of a table that are read beside each other.
    pub parallel: usize,
    /// How long reading a page may take; pages grow and shrink to that.
    pub page: Duration,
    /// Refused rows at which the run stops.
    pub most_refused: Option<u64>,
    /// What becomes of rows that the source has no more.
    pub deletes: Deletes,
}

/// What becomes of a table that an earlier run finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finished {
    /// It starts over, and its refusals are judged again: its rows may have changed.
    Again,
    /// It is left as it is: its rows have lived on the target's side since then.
    Left,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            finished: Finished::Again,
            parallel: 2,
            page: Duration::from_millis(500),
            most_refused: None,
            deletes: Deletes::Keep,
        }
    }
}

/// Is told how a run goes on.
pub trait Watch: Send + Sync {
    /// A table begins, with so many rows, about.
    fn begins(&self, table: &TablePlan, rows: Option<u64>);
    /// It begins from its first row, though an earlier run had come further: by another mapping,
    /// which made other rows.
    fn begins_anew(&self, _table: &TablePlan) {}
    /// So many more rows of it were handled.
    fn moved(&self, table: &TablePlan, rows: u64);
    /// It has come to its end; what is deleted goes after the last.
    fn ends(&self, report: &TableReport);
}

/// Nobody watches.
#[derive(Debug, Clone, Copy)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn begins(&self, _table: &TablePlan, _rows: Option<u64>) {}
    fn moved(&self, _table: &TablePlan, _rows: u64) {}
    fn ends(&self, _report: &TableReport) {}
}

/// Why a run stopped. What it wrote before is there, and a further run goes on from it.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Rows could not be read.
    #[error("could not read {table} after key {after}")]
    Read {
        /// The source's table.
        table: String,
        /// The key before the page.
        after: String,
        /// What the driver says.
        #[source]
        source: Cause,
    },
    /// Rows, or what is kept beside them, could not be written.
    #[error("could not write {table}")]
    Write {
        /// The target's table.
        table: String,
        /// What failed.
        #[source]
        source: Cause,
    },
    /// More rows were refused than the options allow.
    #[error("{table}: {refused} rows were refused, and the run was to stop at {most}")]
    Refused {
        /// The source's table.
        table: String,
        /// Rows that were refused.
        refused: u64,
        /// The limit.
        most: u64,
    },
    /// More rows would be deleted than the options allow.
    #[error(
        "{table}: {deletes} of {rows} rows are not in the source any more, and at most {most} may be \
         deleted"
    )]
    Deletes {
        /// The target's table.
        table: String,
        /// Rows that would go.
        deletes: u64,
        /// Rows that there are.
        rows: u64,
        /// The limit.
        most: u64,
    },
    /// With rows that the source has no more, others would go that nobody counted.
    #[error(
        "{table}: with the {deletes} rows that are not in the source any more, rows of {others} would go or \
         change, which the mapping does not have; nothing was deleted"
    )]
    Cascades {
        /// The target's table.
        table: String,
        /// Rows that would go.
        deletes: usize,
        /// The tables that refer to it.
        others: String,
    },
    /// It was asked to stop.
    #[error("stopped")]
    Stopped,
}

/// What every part of a table works on.
struct Job {
    source: Arc<dyn Source>,
    target: Arc<dyn Target>,
    plan: Arc<Plan>,
    table: TablePlan,
    options: Options,
    watch: Arc<dyn Watch>,
    stop: CancellationToken,
    /// Refused rows of the run so far.
    refused: Arc<AtomicU64>,
}

/// Moves every row of a plan.
pub async fn run(
    plan: &Plan,
    source: Arc<dyn Source>,
    target: Arc<dyn Target>,
    options: &Options,
    watch: Arc<dyn Watch>,
    stop: CancellationToken,
) -> Result<Report, LoadError> {
    target
        .prepare()
        .await
        .map_err(write("what is kept beside the tables"))?;
    let refused = Arc::new(AtomicU64::new(0));
    let whole = Arc::new(plan.clone());
    let mut jobs = Vec::with_capacity(plan.tables.len());
    // A foreign key waits for tables that are being loaded, so all of them say so before the first
    // is: to one that had not begun, every row would refer in vain.
    for table in &plan.tables {
        let job = Arc::new(Job {
            source: Arc::clone(&source),
            target: Arc::clone(&target),
            plan: Arc::clone(&whole),
            table: table.clone(),
            options: options.clone(),
            watch: Arc::clone(&watch),
            stop: stop.clone(),
            refused: Arc::clone(&refused),
        });
        let start = job.start().await?;
        jobs.push((job, start));
    }
    let mut report = Report::default();
    for (job, start) in &jobs {
        let done = Arc::clone(job).run(start).await?;
        watch.ends(&done);
        report.tables.push(done);
    }
    let jobs = jobs.iter().map(|(job, _)| &**job);
    deletes::delete(&jobs.collect::<Vec<_>>(), &mut report.tables).await?;
    report.refused = still_refused(&*target).await?;
    let waiting = target.waiting().await;
    report.waiting = waiting.map_err(write("what waits to be made again"))?;
    Ok(report)
}

/// The refused rows that stand, the first hundred.
pub async fn still_refused(
    target: &dyn Target,
) -> Result<Vec<crate::store::Quarantined>, LoadError> {
    let refused = target.quarantined(None, LISTED).await;
    refused.map_err(write("the refused rows"))
}

impl Job {
    async fn run(self: Arc<Self>, start: &Start) -> Result<TableReport, LoadError> {
        let started = Instant::now();
        let mut report = TableReport::of(&self.table);
        if matches!(start, Start::Anew { unlike: true, .. }) {
            report.anew = true;
            self.watch.begins_anew(&self.table);
        }
        match self.begin(start).await? {
            Some((parts, how)) => self.load(parts, how, &mut report).await?,
            None => report.left = true,
        }
        // A run that died behind the last page of a table has left this to do.
        let source = &self.table.source;
        let restored = self
            .target
            .restore(source, &self.table.destination, &*self.plan)
            .await;
        let orphans = restored.map_err(|error| self.write_error(error))?;
        report.refused += orphans;
        report.written = report.written.saturating_sub(orphans);
        self.count_refused(orphans)?;
        let sequences = self.target.set_sequences(&self.table.destination).await;
        sequences.map_err(|error| self.write_error(error))?;
        report.seconds = started.elapsed().as_secs_f64();
        Ok(report)
    }

    /// Moves the rows of the parts that are not done.
    async fn load(
        self: &Arc<Self>,
        parts: Vec<Progress>,
        how: How,
        report: &mut TableReport,
    ) -> Result<(), LoadError> {
        self.watch.begins(&self.table, self.table.rows);
        let mut running = JoinSet::new();
        let mut waiting = parts.into_iter().filter(|part| !part.done);
        loop {
            while running.len() < self.options.parallel.max(1)
                && let Some(part) = waiting.next()
            {
                running.spawn(part::run(Arc::clone(self), part, how));
            }
            let Some(ended) = running.join_next().await else {
                return Ok(());
            };
            // A part that is dropped here rolls its transaction back; the others end with the set.
            let ended = ended.map_err(|panic| self.write_error(panic.into()))?;
            report.add(&ended?);
        }
    }

    /// Counts refused rows, and stops the run where there are too many.
    fn count_refused(&self, more: u64) -> Result<(), LoadError> {
        let refused = self.refused.fetch_add(more, Ordering::Relaxed) + more;
        match self.options.most_refused {
            Some(most) if refused > most => Err(LoadError::Refused {
                table: self.table.source.clone(),
                refused,
                most,
            }),
            _ => Ok(()),
        }
    }

    fn write_error(&self, source: Cause) -> LoadError {
        write(&self.table.destination.table.to_string())(source)
    }
}

fn write(table: &str) -> impl FnOnce(Cause) -> LoadError {
    let table = table.to_owned();
    move |source| LoadError::Write { table, source }
}
