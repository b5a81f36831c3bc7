//! A run: table by table, with what is handed out so that another run can go on.

use std::sync::Arc;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::checkpoint::{Checkpoint, State};
use super::ladder::Ladder;
use super::options::Options;
use super::report::{Method, Report, TableReport};
use super::{ReconcileError, Watch};
use crate::plan::Plan;
use crate::schema::TableName;
use crate::store::{Source, Target};

pub(super) async fn run(
    plan: &Plan,
    source: Arc<dyn Source>,
    target: Arc<dyn Target>,
    options: &Options,
    watch: Arc<dyn Watch>,
    stop: CancellationToken,
    from: Option<Checkpoint>,
) -> Report {
    let began = Timestamp::now();
    let sides = (source.name(), target.name());
    let from = from.filter(|checkpoint| checkpoint.fits(&sides, plan, options));
    let mut checkpoint = from.unwrap_or_else(|| Checkpoint::begin(&sides, plan, options));
    let mut reports = Vec::with_capacity(plan.tables.len());
    for table in &plan.tables {
        if !options.only.is_empty() && !options.only.contains(&table.source) {
            continue;
        }
        let done = |report: &&TableReport| report.source == table.source;
        if let Some(done) = checkpoint.tables.iter().find(done) {
            reports.push(done.clone());
            continue;
        }
        // What comes behind a stop is told as not reached, and how far a table has come is kept.
        if stop.is_cancelled() {
            let kept = checkpoint.current.as_ref();
            let kept = kept.filter(|state| state.source == table.source).cloned();
            let state = kept.unwrap_or_else(|| State::begin(table, Method::default()));
            let stopped = Some(ReconcileError::Stopped.to_string());
            reports.push(TableReport::of(table, &state, options, stopped));
            continue;
        }
        let mut ladder = Ladder {
            table,
            source: &source,
            target: &target,
            options,
            watch: &watch,
            stop: &stop,
            checkpoint: &mut checkpoint,
        };
        let (report, finished) = ladder.climb().await;
        watch.ends(&report);
        if finished {
            checkpoint.current = None;
            checkpoint.tables.push(report.clone());
            watch.checkpoint(&checkpoint);
        }
        reports.push(report);
    }
    let not_compared = left_out(plan, &source, options).await;
    let first = reports.iter().map(|report| report.began).min();
    let began = first.map_or(began, |first| first.min(began));
    Report::of(
        sides,
        began,
        options,
        stop.is_cancelled(),
        reports,
        not_compared,
    )
}

/// Tables of the source that are not compared. One that cannot be listed is no table's failure.
async fn left_out(plan: &Plan, source: &Arc<dyn Source>, options: &Options) -> Vec<String> {
    let compared = |name: &TableName| {
        plan.tables.iter().any(|table| {
            let chosen = options.only.is_empty() || options.only.contains(&table.source);
            let read = &table.select.table;
            // A list has no schema where the connection finds the table by itself.
            let found = name.schema.is_none() || name.schema == read.schema;
            chosen && found && name.name == read.name
        })
    };
    let tables = source.tables().await.unwrap_or_default().into_iter();
    let others = tables.filter(|name| !compared(name));
    others.map(|name| name.to_string()).collect()
}
