//! A report for people: a table for terminals, and a page of HTML that needs nothing else.
//!
//! Whatever came from a database is shown as text: without control characters in a terminal, and
//! escaped in a page.

mod page;
mod terminal;

pub use page::page;
pub use terminal::terminal;

use super::findings::grouped;
use super::ledger::Ledger;
use super::report::Report;

/// Findings of a table that are shown; all of them are in the JSON.
const FINDINGS: usize = 20;

/// What every count of a ledger is called, for its columns.
fn counts(ledger: &Ledger) -> [(&'static str, u64); 8] {
    [
        ("equal", ledger.equal),
        ("different", ledger.different),
        ("missing", ledger.missing),
        ("extra", ledger.extra),
        ("unstable", ledger.unstable),
        ("unconfirmed", ledger.unconfirmed),
        ("quarantined", ledger.quarantined),
        ("not comparable", ledger.not_comparable),
    ]
}

/// All of a report in a line.
fn headline(report: &Report) -> String {
    let share = report.equal_percent.map_or_else(String::new, |share| {
        format!(
            ", {share} % of {} rows equal",
            grouped(report.ledger.rows())
        )
    });
    let sample = report
        .sample
        .map_or_else(String::new, |sample| format!(", of a sample of {sample}"));
    format!("{}: {}{share}{sample}", report.health, report.verdict)
}
