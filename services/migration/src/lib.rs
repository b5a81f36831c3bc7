//! Moves the rows of the legacy database to the modern one, and checks that they arrived.
//!
//! A table is copied page by page: a page by key from the source, transformed, loaded into the
//! target with the checkpoint in the same transaction. A run that dies goes on where it stopped;
//! one that is repeated changes nothing. Rows that are gone from the legacy side stay on the
//! modern side: deletes are not carried over, and rows are not compared one by one. What was
//! written on the legacy side while a run read it comes over with a further run.

mod checkpoint;
mod figures;
mod legacy;
mod mapping;
mod modern;
mod report;
mod sqlite;
mod transform;
mod validate;
mod value;

use kit::error::Cause;

use checkpoint::{Finished, Progress};
use legacy::Source;
pub use legacy::check_url as check_legacy_url;
use mapping::{TABLES, Table};
use modern::Target;
pub use modern::check_url as check_modern_url;
pub use report::{Refusal, Report, TableReport};
pub use validate::Check;
use value::ModernRow;

/// Rows of one page, which is one transaction on the modern side.
const PAGE: u32 = 1000;
/// Refused rows that a report lists.
const LISTED: u32 = 100;

/// Why a run stopped.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The legacy database cannot be opened.
    #[error("could not open the legacy database")]
    Legacy(#[source] Cause),
    /// The modern database cannot be opened or brought up to date.
    #[error("could not open the modern database")]
    Modern(#[source] Cause),
    /// Rows could not be read.
    #[error("could not read {table} after key {after}")]
    Read {
        /// The legacy table.
        table: &'static str,
        /// The key before the page.
        after: i64,
        /// What the driver says.
        #[source]
        source: Cause,
    },
    /// Rows could not be written.
    #[error("could not write {table}")]
    Write {
        /// The modern table, or what is kept beside the tables.
        table: &'static str,
        /// What failed.
        #[source]
        source: Cause,
    },
    /// Totals could not be taken.
    #[error("could not take the totals of {table}")]
    Totals {
        /// The table, of either side.
        table: &'static str,
        /// What the driver says.
        #[source]
        source: Cause,
    },
}

/// Copies every row from the legacy database (`sqlite:path` or `mssql://…`) to the modern one
/// (`sqlite:path` or `postgres://…`).
///
/// The modern tables are made where they are missing. A migrated row keeps its legacy id as its id.
pub async fn migrate(legacy_url: &str, modern_url: &str) -> Result<Report, MigrationError> {
    run(legacy_url, modern_url, Finished::Again).await
}

/// The same, but a table that an earlier run finished is left as it is: its rows have lived on the
/// modern side since then.
pub async fn migrate_once(legacy_url: &str, modern_url: &str) -> Result<Report, MigrationError> {
    run(legacy_url, modern_url, Finished::Left).await
}

/// Compares counts and sums of both sides; the figures that differ are among those returned.
pub async fn validate(legacy_url: &str, modern_url: &str) -> Result<Vec<Check>, MigrationError> {
    let legacy = legacy::open(legacy_url).await;
    let legacy = legacy.map_err(MigrationError::Legacy)?;
    let modern = modern::open_to_count(modern_url).await;
    let modern = modern.map_err(MigrationError::Modern)?;
    let checks = validate::checks(&*legacy, &*modern).await?;
    legacy.close().await;
    Ok(checks)
}

async fn run(
    legacy_url: &str,
    modern_url: &str,
    finished: Finished,
) -> Result<Report, MigrationError> {
    let legacy = legacy::open(legacy_url).await;
    let legacy = legacy.map_err(MigrationError::Legacy)?;
    let modern = modern::open(modern_url).await;
    let modern = modern.map_err(MigrationError::Modern)?;
    let mut report = Report::default();
    for table in &TABLES {
        report
            .tables
            .push(copy(&*legacy, &*modern, table, finished).await?);
    }
    report.refusals = modern
        .refusals(LISTED)
        .await
        .map_err(write("the refusals"))?;
    legacy.close().await;
    modern.close().await;
    Ok(report)
}

async fn copy(
    legacy: &dyn Source,
    modern: &dyn Target,
    table: &Table,
    finished: Finished,
) -> Result<TableReport, MigrationError> {
    let mut report = TableReport::of(table);
    let mut next = modern
        .start(table, finished)
        .await
        .map_err(write("the checkpoints"))?;
    while let Some(after) = next {
        let rows =
            legacy
                .page(table, after, PAGE)
                .await
                .map_err(|source| MigrationError::Read {
                    table: table.legacy,
                    after,
                    source,
                })?;
        let last_key = rows.last().map_or(after, |row| row.key);
        let done = u32::try_from(rows.len()).is_ok_and(|count| count < PAGE);
        let rows: Vec<ModernRow> = rows
            .iter()
            .map(|row| ModernRow {
                key: row.key,
                values: transform::transform(table, row).map_err(|bad| bad.to_string()),
            })
            .collect();
        let page = modern
            .load(table, &rows, Progress { last_key, done })
            .await
            .map_err(write(table.modern))?;
        report.add(&page);
        next = (!done).then_some(last_key);
    }
    Ok(report)
}

fn write(table: &'static str) -> impl FnOnce(Cause) -> MigrationError {
    move |source| MigrationError::Write { table, source }
}

fn totals(table: &'static str) -> impl FnOnce(Cause) -> MigrationError {
    move |source| MigrationError::Totals { table, source }
}
