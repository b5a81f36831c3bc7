//! What is kept beside a server's tables.

use std::borrow::Cow;

use kit::error::Cause;
use sqlx::{PgConnection, PgPool, Row as _};

use super::session::{cause, refused, run, transaction};
use crate::store::WriteError;
use crate::store::books::{
    ADVANCE, Commit, FORGET, HOLD, HOLDER, IDS, PARDON, PROGRESS, Progress, Quarantined, REFUSED,
    TABLES,
};
use crate::value::Key;

/// What was taken away from tables for the time of their loading. A foreign key is of two.
const DEFERRED: &str = "
CREATE TABLE IF NOT EXISTS cutover_deferred (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       TEXT NOT NULL,
    of_table   TEXT NOT NULL,
    to_table   TEXT,
    of_columns TEXT[],
    to_columns TEXT[],
    name       TEXT NOT NULL,
    definition TEXT NOT NULL,
    source     TEXT
);
ALTER TABLE cutover_deferred ADD COLUMN IF NOT EXISTS since TIMESTAMPTZ DEFAULT now();";

/// What earlier versions did not keep of progress; the look spares a copy under way the lock. With
/// an empty basis, a table begins anew.
const BASIS: &str = "
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_attribute
        WHERE attrelid = 'cutover_progress'::regclass AND attname = 'basis')
    THEN ALTER TABLE cutover_progress ADD COLUMN basis TEXT NOT NULL DEFAULT '';
    END IF;
END $$";

/// Two that prepare at one time would make each table twice.
const ALONE: &str = "SELECT pg_advisory_xact_lock(hashtext('cutover_data'))";

/// As [`crate::store::books::HEAL`], for many rows at a time.
const HEAL: &str = "DELETE FROM cutover_quarantine WHERE source = $1 AND row_key = ANY ($2)";

/// As [`crate::store::books::REFUSE`], for many rows at a time.
pub(super) const REFUSE: &str = "
INSERT INTO cutover_quarantine (source, row_key, reason, contents)
SELECT DISTINCT ON (source, row_key) source, row_key, reason, contents
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS r (source, row_key, reason, contents)
ON CONFLICT (source, row_key) DO UPDATE SET reason = excluded.reason,
    contents = excluded.contents";

/// As [`crate::store::books::REMEMBER`], for many ids at a time.
const REMEMBER: &str = "
INSERT INTO cutover_ids (entity, legacy, modern)
SELECT DISTINCT ON (entity, legacy) entity, legacy, modern
FROM unnest($1::text[], $2::text[], $3::text[]) AS r (entity, legacy, modern)
ON CONFLICT (entity, legacy) DO UPDATE SET modern = excluded.modern
WHERE cutover_ids.modern <> excluded.modern";

pub(super) async fn prepare(pool: &PgPool) -> Result<(), Cause> {
    let made = transaction(pool, async |connection| {
        run(connection, ALONE).await?;
        run(connection, TABLES).await?;
        run(connection, BASIS).await?;
        run(connection, DEFERRED).await
    });
    made.await.map(drop).map_err(cause)
}

pub(super) async fn progress(pool: &PgPool, source: &str) -> Result<Vec<Progress>, Cause> {
    let rows = sqlx::query(PROGRESS).bind(source).fetch_all(pool).await?;
    let progress = rows.iter().map(|row| {
        let key = |column: usize| -> Result<Option<Key>, Cause> {
            let kept: Option<&str> = row.try_get(column)?;
            Ok(kept.map(Key::from_json).transpose()?)
        };
        Ok(Progress {
            part: u32::try_from(row.try_get::<i32, _>(0)?)?,
            after: key(1)?,
            until: key(2)?,
            read: u64::try_from(row.try_get::<i64, _>(3)?)?,
            done: row.try_get::<i32, _>(4)? != 0,
            basis: row.try_get(5)?,
        })
    });
    progress.collect()
}

pub(super) async fn begin(pool: &PgPool, source: &str, parts: &[Progress]) -> Result<(), Cause> {
    let begun = transaction(pool, async |connection| {
        for statement in [FORGET, PARDON] {
            let query = sqlx::query(statement).bind(source);
            query.execute(&mut *connection).await.map_err(refused)?;
        }
        for part in parts {
            advance(connection, source, part).await?;
        }
        Ok(())
    });
    begun.await.map_err(cause)
}

/// Keeps what is written with rows.
pub(super) async fn keep(connection: &mut PgConnection, commit: &Commit) -> Result<(), WriteError> {
    if !commit.healed.is_empty() {
        let query = sqlx::query(HEAL).bind(&commit.source);
        let query = query.bind(storables(commit.healed.iter()));
        query.execute(&mut *connection).await.map_err(refused)?;
    }
    if !commit.quarantined.is_empty() {
        quarantine(connection, &commit.quarantined).await?;
    }
    if !commit.ids.is_empty() {
        let column = |part: fn(&(String, String, String)) -> &str| -> Vec<&str> {
            commit.ids.iter().map(part).collect()
        };
        let query = sqlx::query(REMEMBER)
            .bind(column(|(entity, _, _)| entity))
            .bind(column(|(_, legacy, _)| legacy))
            .bind(column(|(_, _, modern)| modern));
        query.execute(&mut *connection).await.map_err(refused)?;
    }
    match &commit.progress {
        Some(progress) => advance(connection, &commit.source, progress).await,
        None => Ok(()),
    }
}

pub(super) async fn quarantine(
    connection: &mut PgConnection,
    rows: &[Quarantined],
) -> Result<(), WriteError> {
    let column = |part: fn(&Quarantined) -> &String| storables(rows.iter().map(part));
    let query = sqlx::query(REFUSE)
        .bind(column(|row| &row.source))
        .bind(column(|row| &row.key))
        .bind(column(|row| &row.reason))
        .bind(column(|row| &row.row));
    query.execute(connection).await.map_err(refused)?;
    Ok(())
}

/// The server's texts have no U+0000, which may be just why a row was refused.
fn storables<'t>(texts: impl Iterator<Item = &'t String>) -> Vec<Cow<'t, str>> {
    let storable = |text: &'t String| {
        if text.contains('\0') {
            Cow::Owned(text.replace('\0', "\u{FFFD}"))
        } else {
            Cow::Borrowed(text.as_str())
        }
    };
    texts.map(storable).collect()
}

async fn advance(
    connection: &mut PgConnection,
    source: &str,
    part: &Progress,
) -> Result<(), WriteError> {
    let query = sqlx::query(ADVANCE)
        .bind(source)
        .bind(i32::try_from(part.part).unwrap_or(i32::MAX))
        .bind(part.after.as_ref().map(Key::to_json))
        .bind(part.until.as_ref().map(Key::to_json))
        .bind(i64::try_from(part.read).unwrap_or(i64::MAX))
        .bind(i32::from(part.done))
        .bind(&part.basis);
    query.execute(connection).await.map_err(refused)?;
    Ok(())
}

pub(super) async fn quarantined(
    pool: &PgPool,
    source: Option<&str>,
    limit: u32,
) -> Result<Vec<Quarantined>, Cause> {
    let query = sqlx::query(REFUSED).bind(source).bind(i64::from(limit));
    let rows = query.fetch_all(pool).await?;
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
    pool: &PgPool,
    entity: &str,
    after: &str,
    limit: u32,
) -> Result<Vec<(String, String)>, Cause> {
    let query = sqlx::query_as(IDS).bind(entity).bind(after);
    Ok(query.bind(i64::from(limit)).fetch_all(pool).await?)
}

pub(super) async fn holder(pool: &PgPool, command: &str) -> Result<Option<String>, Cause> {
    let query = sqlx::query_scalar(HOLDER).bind(command);
    Ok(query.fetch_optional(pool).await?)
}

pub(super) async fn keep_holder(pool: &PgPool, command: &str, holder: &str) -> Result<(), Cause> {
    let query = sqlx::query(HOLD).bind(command).bind(holder);
    query.execute(pool).await?;
    Ok(())
}
