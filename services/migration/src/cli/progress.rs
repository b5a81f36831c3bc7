//! A bar for each table: rows, rate and what is left, where there is a terminal to draw on.

use std::collections::HashMap;
use std::sync::Mutex;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use migration_service::load::{TableReport, Watch};
use migration_service::plan::TablePlan;

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
}

impl Watch for Bars {
    fn begins(&self, table: &TablePlan, rows: Option<u64>) {
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

    fn moved(&self, table: &TablePlan, rows: u64) {
        self.with(&table.source, |bar| bar.inc(rows));
    }

    fn ends(&self, report: &TableReport) {
        self.with(&report.source, |bar| {
            // Statistics are estimates; the count is not.
            bar.set_length(report.read);
            bar.finish();
        });
    }
}
