//! What is kept beside a file's tables.

use kit::error::Cause;
use sqlx::{Row as _, SqliteConnection, SqlitePool};

use crate::store::books::{
    ADVANCE, Commit, FORGET, HEAL, HOLD, HOLDER, IDS, PARDON, PROGRESS, Progress, Quarantined,
    REFUSE, REFUSED, REMEMBER, TABLES,
};
use crate::value::Key;

/// Whether progress was kept by an earlier version, which had no basis.
const HAS_NO_BASIS: &str = "SELECT NOT EXISTS
    (SELECT 1 FROM pragma_table_info('cutover_progress') WHERE name = 'basis')";

/// With an empty basis, a table begins anew.
const BASIS: &str = "ALTER TABLE cutover_progress ADD COLUMN basis TEXT NOT NULL DEFAULT ''";

pub(super) async fn prepare(writer: &SqlitePool) -> Result<(), Cause> {
    sqlx::raw_sql(TABLES).execute(writer).await?;
    if sqlx::query_scalar(HAS_NO_BASIS).fetch_one(writer).await? {
        sqlx::raw_sql(BASIS).execute(writer).await?;
    }
    Ok(())
}

pub(super) async fn progress(pool: &SqlitePool, source: &str) -> Result<Vec<Progress>, Cause> {
    let rows = sqlx::query(PROGRESS).bind(source).fetch_all(pool).await?;
    let progress = rows.iter().map(|row| {
        let key = |column| -> Result<Option<Key>, Cause> {
            let kept: Option<&str> = row.try_get(column)?;
            Ok(kept.map(Key::from_json).transpose()?)
        };
        Ok(Progress {
            part: u32::try_from(row.try_get::<i64, _>(0)?)?,
            after: key(1)?,
            until: key(2)?,
            read: u64::try_from(row.try_get::<i64, _>(3)?)?,
            done: row.try_get::<i64, _>(4)? != 0,
            basis: row.try_get(5)?,
        })
    });
    progress.collect()
}

pub(super) async fn begin(
    writer: &SqlitePool,
    source: &str,
    parts: &[Progress],
) -> Result<(), Cause> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
    for statement in [FORGET, PARDON] {
        sqlx::query(statement)
            .bind(source)
            .execute(&mut *transaction)
            .await?;
    }
    for part in parts {
        advance(&mut transaction, source, part).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Keeps what is written with rows.
pub(super) async fn keep(connection: &mut SqliteConnection, commit: &Commit) -> sqlx::Result<()> {
    for key in &commit.healed {
        let query = sqlx::query(HEAL).bind(&commit.source).bind(key);
        query.execute(&mut *connection).await?;
    }
    for row in &commit.quarantined {
        let query = sqlx::query(REFUSE).bind(&row.source).bind(&row.key);
        query
            .bind(&row.reason)
            .bind(&row.row)
            .execute(&mut *connection)
            .await?;
    }
    for (entity, legacy, modern) in &commit.ids {
        let query = sqlx::query(REMEMBER).bind(entity).bind(legacy).bind(modern);
        query.execute(&mut *connection).await?;
    }
    match &commit.progress {
        Some(progress) => advance(connection, &commit.source, progress).await,
        None => Ok(()),
    }
}

async fn advance(
    connection: &mut SqliteConnection,
    source: &str,
    part: &Progress,
) -> sqlx::Result<()> {
    let query = sqlx::query(ADVANCE)
        .bind(source)
        .bind(i64::from(part.part))
        .bind(part.after.as_ref().map(Key::to_json))
        .bind(part.until.as_ref().map(Key::to_json))
        .bind(i64::try_from(part.read).unwrap_or(i64::MAX))
        .bind(i64::from(part.done))
        .bind(&part.basis);
    query.execute(connection).await.map(drop)
}

pub(super) async fn quarantined(
    pool: &SqlitePool,
    source: Option<&str>,
    limit: u32,
) -> Result<Vec<Quarantined>, Cause> {
    let rows = sqlx::query(REFUSED)
        .bind(source)
        .bind(limit)
        .fetch_all(pool)
        .await?;
    let rows = rows.iter().map(|row| {
        Ok(Quarantined {
            source: row.try_get(0)?,
            key: row.try_get(1)?,
            reason: row.try_get(2)?,
            row: row.try_get(3)?,
        })
    });
    rows.collect()
}

pub(super) async fn ids(
    pool: &SqlitePool,
    entity: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<(String, String)>, Cause> {
    let query = sqlx::query_as(IDS).bind(entity).bind(after).bind(limit);
    Ok(query.fetch_all(pool).await?)
}

pub(super) async fn holder(pool: &SqlitePool, command: &str) -> Result<Option<String>, Cause> {
    let query = sqlx::query_scalar(HOLDER).bind(command);
    Ok(query.fetch_optional(pool).await?)
}

pub(super) async fn keep_holder(
    pool: &SqlitePool,
    command: &str,
    holder: &str,
) -> Result<(), Cause> {
    let query = sqlx::query(HOLD).bind(command).bind(holder);
    query.execute(pool).await?;
    Ok(())
}
