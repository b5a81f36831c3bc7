//! A bar for each table: rows, rate and what is left, where there is a terminal to draw on.

use std::collections::HashMap;
use std::sync::Mutex;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use migration_service::load;
use migration_service::plan::TablePlan;
use migration_service::reconcile;

const KNOWN: &str = "{msg:<24} {wide_bar} {human_pos:>12}/{human_len} {per_sec:>14} {eta:>5}";
const UNKNOWN: &str = "{msg:<24} {spinner} {human_pos:>12} {per_sec:>14}";

/// Draws on standard error.
#[derive(Debug, Default)]
pub(super) struct Bars {
    all: MultiProgress,
    of: Mutex<HashMap<String, ProgressBar>>,
}

impl Bars {
    fn with(&self, table: &str, act: impl FnOnce(&ProgressBar)) {
        let bars = self
            .of
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(bar) = bars.get(table) {
            act(bar);
        }
    }

    fn add(&self, table: &TablePlan, rows: Option<u64>) {
        let (bar, style) = match rows {
            Some(rows) => (ProgressBar::new(rows), KNOWN),
            None => (ProgressBar::new_spinner(), UNKNOWN),
        };
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        let bar = self.all.add(bar.with_message(table.source.clone()));
        let mut bars = self
            .of
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        bars.insert(table.source.clone(), bar);
    }

    /// Statistics are estimates; the count at the end is not.
    fn finish(&self, table: &str) {
        self.with(table, |bar| {
            bar.set_length(bar.position());
            bar.finish();
        });
    }
}

impl load::Watch for Bars {
    fn begins(&self, table: &TablePlan, rows: Option<u64>) {
        self.add(table, rows);
    }

    fn begins_anew(&self, table: &TablePlan) {
        let name = &table.source;
        self.all.suspend(|| {
            eprintln!(
                "{name} begins from its first row: an earlier run came further, by another mapping"
            );
        });
    }

    fn moved(&self, table: &TablePlan, rows: u64) {
        self.with(&table.source, |bar| bar.inc(rows));
    }

    fn ends(&self, report: &load::TableReport) {
        self.finish(&report.source);
    }
}

impl reconcile::Watch for Bars {
    fn begins(&self, table: &TablePlan, rows: Option<u64>) {
        self.add(table, rows);
    }

    fn compared(&self, table: &TablePlan, rows: u64) {
        self.with(&table.source, |bar| bar.inc(rows));
    }

    fn settles(&self, table: &TablePlan, suspects: usize) {
        let message = format!("{}: {suspects} again", table.source);
        self.with(&table.source, |bar| bar.set_message(message));
    }

    fn ends(&self, report: &reconcile::TableReport) {
        self.finish(&report.source);
    }
}
