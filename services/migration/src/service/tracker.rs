//! How far a run has come, told by whoever does it and read by whoever asks.

use std::time::Instant;

use parking_lot::Mutex;

use super::run::{State, TableProgress};
use crate::load;
use crate::plan::TablePlan;
use crate::reconcile;

/// The progress of one run.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    tables: Mutex<Vec<Tracked>>,
    /// What the run can go on from, until that is asked for.
    checkpoint: Mutex<Option<String>>,
}

#[derive(Debug)]
struct Tracked {
    progress: TableProgress,
    /// Rows that an earlier process handled.
    before: u64,
    since: Option<Instant>,
}

impl Tracker {
    /// With what an earlier process kept of the run.
    pub(super) fn resumed(tables: Vec<TableProgress>) -> Self {
        let tables = tables.into_iter().map(|progress| Tracked {
            before: progress.rows,
            progress,
            since: None,
        });
        Self {
            tables: Mutex::new(tables.collect()),
            ..Self::default()
        }
    }

    /// Forgets how far the run had come: it was between other databases, or by another mapping.
    pub(super) fn forget(&self) {
        self.tables.lock().clear();
    }

    /// Keeps what the run can go on from.
    pub(super) fn keep(&self, checkpoint: String) {
        *self.checkpoint.lock() = Some(checkpoint);
    }

    /// The tables of the run, once its plan is made; those that are known stay as they are.
    pub(super) fn expect<'t>(&self, tables: impl Iterator<Item = &'t TablePlan>) {
        for table in tables {
            self.with(&table.source, |tracked| {
                if tracked.progress.state != State::Finished {
                    tracked.progress.state = State::Queued;
                }
                tracked.progress.of = tracked.progress.of.or(table.rows);
            });
        }
    }

    /// Says how many rows of a table were handled before this run.
    pub(super) fn found(&self, table: &str, rows: u64) {
        self.with(table, |tracked| {
            tracked.before = rows;
            tracked.progress.rows = rows;
        });
    }

    /// Whether a table has come to its end.
    pub(super) fn has_finished(&self, table: &str) -> bool {
        let tables = self.tables.lock();
        let mut finished = tables
            .iter()
            .filter(|tracked| tracked.progress.state == State::Finished);
        finished.any(|tracked| tracked.progress.table == table)
    }

    /// How far each table has come.
    pub(super) fn progress(&self) -> Vec<TableProgress> {
        let tables = self.tables.lock();
        tables.iter().map(Tracked::shown).collect()
    }

    /// The same once the run has ended so: what had not come to its end has ended so, too.
    pub(super) fn ended(&self, state: State) -> Vec<TableProgress> {
        let mut tables = self.progress();
        for table in &mut tables {
            table.eta_seconds = None;
            match table.state {
                State::Running => table.state = state,
                State::Queued if state == State::Finished => table.state = state,
                _ => {}
            }
        }
        tables
    }

    /// What the run can go on from, if that has changed since it was asked for last.
    pub(super) fn checkpoint(&self) -> Option<String> {
        self.checkpoint.lock().take()
    }

    /// The reports of the tables that have come to their end.
    pub(super) fn reports(&self) -> Vec<serde_json::Value> {
        let tables = self.tables.lock();
        let reports = tables
            .iter()
            .filter_map(|tracked| tracked.progress.report.clone());
        reports.collect()
    }

    fn begin(&self, table: &TablePlan, rows: Option<u64>) {
        self.with(&table.source, |tracked| {
            tracked.progress.state = State::Running;
            tracked.progress.of = rows.or(tracked.progress.of);
            tracked.since = Some(Instant::now());
        });
    }

    fn add(&self, table: &TablePlan, rows: u64) {
        self.with(&table.source, |tracked| {
            tracked.progress.rows = tracked.progress.rows.saturating_add(rows);
        });
    }

    fn end(&self, table: &str, rows: u64, report: &impl serde::Serialize) {
        self.with(table, |tracked| {
            tracked.progress = tracked.shown();
            tracked.progress.state = State::Finished;
            tracked.progress.rows = tracked.progress.rows.max(rows);
            tracked.progress.of = Some(tracked.progress.rows);
            tracked.progress.eta_seconds = None;
            tracked.progress.report = serde_json::to_value(report).ok();
            tracked.since = None;
        });
    }

    fn with(&self, table: &str, act: impl FnOnce(&mut Tracked)) {
        let mut tables = self.tables.lock();
        let known = tables
            .iter()
            .position(|tracked| tracked.progress.table == table);
        let position = known.unwrap_or_else(|| {
            tables.push(Tracked::new(table));
            tables.len() - 1
        });
        if let Some(tracked) = tables.get_mut(position) {
            act(tracked);
        }
    }
}

impl Tracked {
    fn new(table: &str) -> Self {
        Self {
            progress: TableProgress {
                table: table.to_owned(),
                state: State::Queued,
                rows: 0,
                of: None,
                rate: None,
                eta_seconds: None,
                report: None,
            },
            before: 0,
            since: None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate for display")]
    fn shown(&self) -> TableProgress {
        let mut shown = self.progress.clone();
        if let Some(since) = self.since {
            let seconds = since.elapsed().as_secs_f64().max(0.001);
            let rate = shown.rows.saturating_sub(self.before) as f64 / seconds;
            let left = shown.of.map(|of| of.saturating_sub(shown.rows) as f64);
            shown.rate = Some(rate);
            shown.eta_seconds = left.filter(|_| rate > 0.0).map(|left| left / rate);
        }
        shown
    }
}

impl load::Watch for Tracker {
    fn begins(&self, table: &TablePlan, rows: Option<u64>) {
        self.begin(table, rows);
    }

    fn moved(&self, table: &TablePlan, rows: u64) {
        self.add(table, rows);
    }

    fn ends(&self, report: &load::TableReport) {
        self.end(&report.source, report.read, report);
    }
}

impl reconcile::Watch for Tracker {
    fn begins(&self, table: &TablePlan, rows: Option<u64>) {
        self.begin(table, rows);
    }

    fn compared(&self, table: &TablePlan, rows: u64) {
        self.add(table, rows);
    }

    fn ends(&self, report: &reconcile::TableReport) {
        // The report of the whole run has all of it.
        let short = serde_json::json!({ "verdict": report.verdict, "ledger": report.ledger });
        self.end(&report.source, report.ledger.rows(), &short);
    }

    fn checkpoint(&self, checkpoint: &reconcile::Checkpoint) {
        // It holds every suspect, and is told after each range: one that waits to be kept is not
        // written anew. What comes after it is compared again.
        let mut waiting = self.checkpoint.lock();
        if waiting.is_none() {
            *waiting = serde_json::to_string(checkpoint).ok();
        }
    }
}
