//! What a comparison found, as the proxy is told: per table the verdict, the counts, and which
//! rows differ by their ids. No value of a row is told.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{LinkError, Proxy};
use crate::reconcile::{Differing, Report, TableReport, Verdict};

/// Ids of a table that are told.
const MOST_IDS: usize = 100;

/// Characters of an id that is told; a longer one is left out.
const LONGEST_ID: usize = 256;

/// Tables that are told at a time.
const PAGE: usize = 100;

#[derive(Serialize)]
struct Told<'t> {
    tables: Vec<Found<'t>>,
}

#[derive(Serialize)]
struct Found<'t> {
    source: &'t str,
    table: &'t str,
    entity: Option<&'t str>,
    /// What its rows belong to.
    parent: Option<&'t str>,
    /// Since when it knows: a table that an earlier run began is as old as that.
    began_at: Timestamp,
    verdict: Verdict,
    compared: u64,
    different: u64,
    not_verified: u64,
    ids: Vec<String>,
}

#[derive(Deserialize)]
struct Taken {
    #[serde(rename = "taken")]
    _taken: u64,
}

/// Tells the proxy what a comparison found.
pub async fn tell_report(proxy: &Proxy, report: &Report) -> Result<(), LinkError> {
    for tables in report.tables.chunks(PAGE) {
        let told = Told {
            tables: tables.iter().map(Found::of).collect(),
        };
        let _: Taken = proxy.post("/api/reconciliation", &told).await?;
    }
    Ok(())
}

impl<'t> Found<'t> {
    fn of(report: &'t TableReport) -> Self {
        let ledger = &report.ledger;
        Self {
            source: &report.source,
            table: &report.target,
            entity: report.entity.as_deref(),
            parent: report.parent.as_deref(),
            began_at: report.began,
            verdict: report.verdict,
            compared: ledger.equal.saturating_add(ledger.differing()),
            different: ledger.differing(),
            not_verified: ledger.unverified(),
            ids: report.rows.iter().filter_map(id).take(MOST_IDS).collect(),
        }
    }
}

/// The id of a row, as legacy has it where legacy has it.
fn id(row: &Differing) -> Option<String> {
    let id = row.source_key.as_ref().unwrap_or(&row.target_key).id();
    (1..=LONGEST_ID).contains(&id.len()).then_some(id)
}
