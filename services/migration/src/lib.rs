//! Moves the rows of the legacy database to the modern one, and checks that they arrived.
//!
//! A table is copied page by page: extract by key, transform, load with the checkpoint in the same
//! transaction. A run that dies goes on where it stopped; one that is repeated changes
//! nothing. Rows that are gone from the legacy side stay on the modern side: deletes are not
//! carried over, and rows are not compared one by one.

mod checkpoint;
mod extract;
mod load;
mod mapping;
mod report;
mod transform;
mod validate;

use std::{error::Error as StdError, str::FromStr};

use kit::sqlite::{Database, OpenError};
use sqlx::{SqlitePool, sqlite::SqliteConnectOptions};

use checkpoint::Progress;
use load::ModernRow;
use mapping::{TABLES, Table};
pub use report::{Refusal, Report, TableReport};
pub use validate::Check;

/// Rows of one page, which is one transaction on the modern side.
const PAGE: u32 = 1000;
/// Refused rows that a report lists.
const LISTED: u32 = 100;

/// Why a run stopped.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// A database that is only read cannot be opened.
    #[error("could not open `{url}`")]
    Open {
        /// What was given.
        url: String,
        /// What the driver says.
        #[source]
        source: sqlx::Error,
    },
    /// The modern database cannot be opened or brought up to date.
    #[error("could not open the modern database")]
    Modern(#[from] OpenError),
    /// Rows could not be read.
    #[error("could not read {table} after key {after}")]
    Read {
        /// The legacy table.
        table: &'static str,
        /// The key before the page.
        after: i64,
        /// What the driver says.
        #[source]
        source: sqlx::Error,
    },
    /// Rows could not be written.
    #[error("could not write {table}")]
    Write {
        /// The modern table, or what is kept beside the tables.
        table: &'static str,
        /// What failed.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// Totals could not be taken.
    #[error("could not take the totals of {table}")]
    Totals {
        /// The table, of either side.
        table: &'static str,
        /// What the driver says.
        #[source]
        source: sqlx::Error,
    },
}

/// Copies every row from the legacy database to the modern one; both are `sqlite:path`.
///
/// The modern tables are made where they are missing. A migrated row keeps its legacy id as its id.
pub async fn migrate(legacy_url: &str, modern_url: &str) -> Result<Report, MigrationError> {
    let legacy = open_to_read(legacy_url).await?;
    let migrations = sqlx::migrate!("../../migrations/modern/sqlite");
    let modern = Database::open(modern_url, &migrations).await?;
    checkpoint::prepare(&modern)
        .await
        .map_err(beside_the_tables)?;
    let mut report = Report::default();
    for table in &TABLES {
        report.tables.push(copy(&legacy, &modern, table).await?);
    }
    report.refusals = checkpoint::refusals(&modern, LISTED)
        .await
        .map_err(beside_the_tables)?;
    legacy.close().await;
    modern.close().await;
    Ok(report)
}

/// Compares counts and sums of both sides; the figures that differ are among those returned.
pub async fn validate(legacy_url: &str, modern_url: &str) -> Result<Vec<Check>, MigrationError> {
    let legacy = open_to_read(legacy_url).await?;
    let modern = open_to_read(modern_url).await?;
    let checks = validate::checks(&legacy, &modern).await?;
    legacy.close().await;
    modern.close().await;
    Ok(checks)
}

async fn copy(
    legacy: &SqlitePool,
    modern: &Database,
    table: &Table,
) -> Result<TableReport, MigrationError> {
    let mut report = TableReport::of(table);
    let mut after = checkpoint::start(modern, table)
        .await
        .map_err(beside_the_tables)?;
    loop {
        let rows = extract::page(legacy, table, after, PAGE)
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
        let page = load::page(modern, table, &rows, Progress { last_key, done })
            .await
            .map_err(|source| MigrationError::Write {
                table: table.modern,
                source,
            })?;
        report.add(&page);
        if done {
            return Ok(report);
        }
        after = last_key;
    }
}

/// Opens a database that is neither written to nor made.
async fn open_to_read(url: &str) -> Result<SqlitePool, MigrationError> {
    let open = async || {
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(false)
            .pragma("query_only", "ON");
        SqlitePool::connect_with(options).await
    };
    open().await.map_err(|source| MigrationError::Open {
        url: url.to_owned(),
        source,
    })
}

fn beside_the_tables(source: impl StdError + Send + Sync + 'static) -> MigrationError {
    MigrationError::Write {
        table: "the checkpoints",
        source: Box::new(source),
    }
}
