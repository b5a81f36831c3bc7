//! Where rows go: a modern database, which takes a page and the checkpoint behind it in one
//! transaction.
//!
//! A row that the modern schema refuses is kept aside with the reason, and the others of its page
//! go on. Nothing is done about sequences, because the modern schema has none: a migrated row
//! keeps its id, a new one has a UUID, and the next invoice number follows from the invoices.

mod postgres;
mod sqlite;

use async_trait::async_trait;
use kit::{database, error::Cause};

use crate::{
    checkpoint::{Finished, Progress},
    figures::Figures,
    mapping::Table,
    report::{Refusal, TableReport},
    value::ModernRow,
};
use postgres::PostgresTarget;
use sqlite::{SqliteFigures, SqliteTarget};

/// A modern database.
#[async_trait]
pub(crate) trait Target: Send + Sync {
    /// The key to go on after, or nothing when the table is to be left as it is. A table that
    /// starts from its beginning has no refusals any more.
    async fn start(&self, table: &Table, finished: Finished) -> Result<Option<i64>, Cause>;

    /// Writes rows in the order of their keys; `progress` is where the table stands once they are
    /// in. Rows that are there already, equal, are not touched.
    async fn load(
        &self,
        table: &Table,
        rows: &[ModernRow],
        progress: Progress,
    ) -> Result<TableReport, Cause>;

    /// The first `limit` refusals of every table together.
    async fn refusals(&self, limit: u32) -> Result<Vec<Refusal>, Cause>;

    /// Lets go of the database.
    async fn close(&self);
}

/// Opens the database at a URL that [`check_url`] takes, with its schema brought up to date.
pub(crate) async fn open(url: &str) -> Result<Box<dyn Target>, Cause> {
    check_url(url)?;
    Ok(if url.starts_with("sqlite:") {
        Box::new(SqliteTarget::open(url).await?)
    } else {
        Box::new(PostgresTarget::open(url).await?)
    })
}

/// Opens the database to be counted: it is neither made nor changed.
pub(crate) async fn open_to_count(url: &str) -> Result<Box<dyn Figures<Key = String>>, Cause> {
    check_url(url)?;
    Ok(if url.starts_with("sqlite:") {
        Box::new(SqliteFigures::open(url).await?)
    } else {
        Box::new(PostgresTarget::open_to_count(url).await?)
    })
}

/// Whether a URL names a modern database, without touching it: `sqlite:FILE`, or
/// `postgres://user:password@host:5433/modern`.
pub fn check_url(url: &str) -> Result<(), database::UrlError> {
    database::check_url(url)
}

/// Inserts rows, or brings those under the same ids up to date; one that is equal is not touched.
/// `rows` is a list of values, or a query for them.
fn upsert(table: &Table, rows: &str, is_other: &str) -> String {
    let columns: Vec<&str> = table.modern_columns().collect();
    let list = |shown: &dyn Fn(&str) -> String| {
        let shown: Vec<String> = columns.iter().map(|column| shown(column)).collect();
        shown.join(", ")
    };
    format!(
        "INSERT INTO {table} ({columns}) {rows}
         ON CONFLICT (id) DO UPDATE SET {set} WHERE ({held}) {is_other} ({given})",
        table = table.modern,
        columns = columns.join(", "),
        set = list(&|column| format!("{column} = excluded.{column}")),
        held = list(&|column| format!("{}.{column}", table.modern)),
        given = list(&|column| format!("excluded.{column}")),
    )
}
