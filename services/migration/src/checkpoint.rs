//! How far each table has come, and which rows were refused: two tables beside the modern ones.
//!
//! They change in the transactions that change the rows, so that a run which dies leaves them
//! true, and the next one goes on from there.

use kit::{sqlite::Database, store::StoreError};
use sqlx::{Sqlite, Transaction};

use crate::{mapping::Table, report::Refusal};

/// Before the first key.
pub(crate) const START: i64 = i64::MIN;

/// Where a table stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    /// The last key that was handled.
    pub(crate) last_key: i64,
    /// Whether it was the table's last.
    pub(crate) done: bool,
}

/// Makes the tables where they are missing.
pub(crate) async fn prepare(modern: &Database) -> Result<(), StoreError> {
    let mut write = modern.write().await?;
    sqlx::raw_sql(
        "CREATE TABLE IF NOT EXISTS migration_checkpoints (
             source   TEXT    NOT NULL PRIMARY KEY,
             last_key INTEGER NOT NULL,
             done     INTEGER NOT NULL
         ) STRICT;
         CREATE TABLE IF NOT EXISTS migration_refusals (
             source TEXT    NOT NULL,
             key    INTEGER NOT NULL,
             reason TEXT    NOT NULL,
             PRIMARY KEY (source, key)
         ) STRICT;",
    )
    .execute(&mut *write)
    .await
    .map_err(StoreError::database)?;
    write.commit().await.map_err(StoreError::database)
}

/// The key to go on after. A table that was finished starts over, and its refusals are judged
/// again: its rows may have changed.
pub(crate) async fn start(modern: &Database, table: &Table) -> Result<i64, StoreError> {
    let mut write = modern.write().await?;
    let unfinished: Option<i64> = sqlx::query_scalar(
        "SELECT last_key FROM migration_checkpoints WHERE source = ? AND NOT done",
    )
    .bind(table.legacy)
    .fetch_optional(&mut *write)
    .await
    .map_err(StoreError::database)?;
    if unfinished.is_none() {
        sqlx::query("DELETE FROM migration_refusals WHERE source = ?")
            .bind(table.legacy)
            .execute(&mut *write)
            .await
            .map_err(StoreError::database)?;
    }
    write.commit().await.map_err(StoreError::database)?;
    Ok(unfinished.unwrap_or(START))
}

/// Notes where the table stands.
pub(crate) async fn advance(
    write: &mut Transaction<'_, Sqlite>,
    table: &Table,
    progress: Progress,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO migration_checkpoints (source, last_key, done) VALUES (?1, ?2, ?3)
         ON CONFLICT (source) DO UPDATE SET last_key = ?2, done = ?3",
    )
    .bind(table.legacy)
    .bind(progress.last_key)
    .bind(progress.done)
    .execute(&mut **write)
    .await?;
    Ok(())
}

/// Keeps a row aside with the reason.
pub(crate) async fn refuse(
    write: &mut Transaction<'_, Sqlite>,
    table: &Table,
    key: i64,
    reason: &str,
) -> sqlx::Result<()> {
    sqlx::query("INSERT OR REPLACE INTO migration_refusals (source, key, reason) VALUES (?, ?, ?)")
        .bind(table.legacy)
        .bind(key)
        .bind(reason)
        .execute(&mut **write)
        .await?;
    Ok(())
}

/// The first `limit` refusals of every table together.
pub(crate) async fn refusals(modern: &Database, limit: u32) -> Result<Vec<Refusal>, StoreError> {
    let rows: Vec<(String, i64, String)> = sqlx::query_as(
        "SELECT source, key, reason FROM migration_refusals ORDER BY source, key LIMIT ?",
    )
    .bind(limit)
    .fetch_all(modern.reader())
    .await
    .map_err(StoreError::database)?;
    let refusal = |(table, key, reason)| Refusal { table, key, reason };
    Ok(rows.into_iter().map(refusal).collect())
}
