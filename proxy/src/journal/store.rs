//! The `SQLite` file: opening, upgrading, and the one transaction that a batch is.

use super::JournalError;
use super::counts::Change;
use super::evidence::SliceRow;
use super::hits::RuleRow;
use super::tally::{News, Reservoir, SMALLEST, Tally};
use crate::sqlite;
use jiff::Timestamp;
use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection, SqlitePool};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a statement waits for another process's lock.
const LOCK_WAIT: Duration = Duration::from_millis(500);
/// How long a reader waits for a connection.
const READ_WAIT: Duration = Duration::from_secs(2);
const READERS: u32 = 4;

/// The file that a path or `sqlite:` URL means.
pub(super) fn location(path_or_url: &str) -> Result<PathBuf, JournalError> {
    let path = match path_or_url.split_once(':') {
        Some(("sqlite", rest)) => rest.strip_prefix("//").unwrap_or(rest),
        Some((scheme, rest)) if rest.starts_with("//") || scheme.is_empty() => {
            return Err(JournalError::Location(path_or_url.to_owned()));
        }
        _ => path_or_url,
    };
    if path.is_empty() || path == ":memory:" || path.contains('\0') {
        return Err(JournalError::Location(path_or_url.to_owned()));
    }
    Ok(path.into())
}

/// The writer's connection, with the schema up to date.
pub(super) async fn open_for_writing(path: &Path) -> Result<SqlitePool, JournalError> {
    let options = sqlite::for_writing(path, LOCK_WAIT)
        .create_if_missing(true)
        // It has to come before the first table, and with it the file can shrink.
        .auto_vacuum(SqliteAutoVacuum::Incremental);
    let pool = sqlite::one_connection(options).await;
    let pool = pool.map_err(|source| at(path, source))?;
    let upgraded = sqlx::migrate!("../migrations/journal").run(&pool).await;
    upgraded.map_err(|source| {
        let path = path.to_owned();
        match source {
            MigrateError::VersionMissing(version) => JournalError::Newer { path, version },
            source => JournalError::Upgrade { path, source },
        }
    })?;
    Ok(pool)
}

/// Connections that can only read.
pub(super) async fn open_for_reading(path: &Path) -> Result<SqlitePool, JournalError> {
    connect(path, READERS, SqliteConnectOptions::new().read_only(true)).await
}

/// A connection for single statements, beside the writer's.
pub(super) async fn open_for_decisions(path: &Path) -> Result<SqlitePool, JournalError> {
    let options = SqliteConnectOptions::new().synchronous(SqliteSynchronous::Normal);
    connect(path, 1, options).await
}

/// Connections beside the writer's, for which nobody waits long.
async fn connect(
    path: &Path,
    connections: u32,
    options: SqliteConnectOptions,
) -> Result<SqlitePool, JournalError> {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(READ_WAIT)
        .connect_with(options.filename(path).busy_timeout(LOCK_WAIT))
        .await
        .map_err(|source| at(path, source))
}

fn at(path: &Path, source: sqlx::Error) -> JournalError {
    let path = path.to_owned();
    JournalError::Open { path, source }
}

/// What the writer has to know of the findings on disk.
pub(super) async fn load_known(pool: &SqlitePool) -> sqlx::Result<Tally> {
    let mut slots: HashMap<String, u64> = HashMap::new();
    let samples: Vec<(String, u32)> = sqlx::query_as("SELECT fingerprint, slot FROM samples")
        .fetch_all(pool)
        .await?;
    for (fingerprint, slot) in samples {
        *slots.entry(fingerprint).or_default() |= 1_u64.checked_shl(slot).unwrap_or(0);
    }
    // The smallest sample may have gone with its age; then any is the smallest again.
    let findings: Vec<(String, String, i64, Option<i64>)> = sqlx::query_as(
        "SELECT fingerprint, route, drawn, \
                iif(EXISTS (SELECT 1 FROM samples s WHERE s.fingerprint = f.fingerprint \
                            AND s.slot = ?), smallest, NULL) \
         FROM findings f",
    )
    .bind(SMALLEST)
    .fetch_all(pool)
    .await?;
    let mut tally = Tally::default();
    for (fingerprint, route, drawn, smallest) in findings {
        let slots = slots.remove(&fingerprint).unwrap_or(0);
        tally.know(
            fingerprint,
            &route,
            Reservoir {
                drawn: drawn.cast_unsigned(),
                slots,
                smallest: smallest.map(i64::cast_unsigned),
            },
        );
    }
    Ok(tally)
}

/// What is written at once.
pub(super) struct Batch<'a> {
    pub(super) news: &'a HashMap<String, News>,
    pub(super) changes: &'a [Change],
    pub(super) slices: &'a [SliceRow],
    pub(super) rules: &'a [RuleRow],
}

impl Batch<'_> {
    pub(super) fn is_empty(&self) -> bool {
        let Self {
            news,
            changes,
            slices,
            rules,
        } = self;
        news.is_empty() && changes.is_empty() && slices.is_empty() && rules.is_empty()
    }
}

/// Writes a batch, all of it or nothing.
pub(super) async fn write(
    pool: &SqlitePool,
    batch: &Batch<'_>,
    now: Timestamp,
) -> sqlx::Result<()> {
    let mut connection = pool.acquire().await?;
    let written = write_on(&mut connection, batch, now).await;
    sqlite::give_back(connection, written).await
}

async fn write_on(
    connection: &mut SqliteConnection,
    batch: &Batch<'_>,
    now: Timestamp,
) -> sqlx::Result<()> {
    let mut tx = connection.begin().await?;
    for change in batch.changes {
        change.write(&mut tx).await?;
    }
    for slice in batch.slices {
        slice.write(&mut tx).await?;
    }
    for rule in batch.rules {
        rule.write(&mut tx, now.as_millisecond()).await?;
    }
    let mut stored = HashMap::new();
    for (fingerprint, news) in batch.news {
        write_finding(&mut tx, fingerprint, news, now).await?;
        write_samples(&mut tx, fingerprint, news, &mut stored).await?;
    }
    tx.commit().await
}

async fn write_finding(
    tx: &mut SqliteConnection,
    fingerprint: &str,
    news: &News,
    now: Timestamp,
) -> sqlx::Result<()> {
    // What was decided after now was decided by a clock that has been set back since: whatever is
    // seen comes after it.
    sqlx::query(
        "INSERT INTO findings (fingerprint, route, outcome, path, kind, seen, drawn, first_seen, \
                               last_seen, explanation, smallest) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT (fingerprint) DO UPDATE SET \
             state = CASE \
                 WHEN excluded.last_seen <= changed AND changed <= ? THEN state \
                 WHEN state = 'fixed' THEN 'regressed' \
                 WHEN state = 'allowed' THEN 'open' \
                 ELSE state END, \
             seen = seen + excluded.seen, \
             drawn = excluded.drawn, \
             smallest = excluded.smallest, \
             first_seen = min(first_seen, excluded.first_seen), \
             last_seen = max(last_seen, excluded.last_seen)",
    )
    .bind(fingerprint)
    .bind(news.route.as_ref())
    .bind(news.sighting.outcome.as_str())
    .bind(&news.sighting.path)
    .bind(news.sighting.kind)
    .bind(news.seen.cast_signed())
    .bind(news.drawn.cast_signed())
    .bind(news.first.as_millisecond())
    .bind(news.last.as_millisecond())
    .bind(&news.sighting.explanation)
    .bind(news.smallest.map(u64::cast_signed))
    .bind(now.as_millisecond())
    .execute(tx)
    .await?;
    Ok(())
}

/// Puts the samples in their slots. `stored` has the exchanges of this batch that are on disk, by
/// the address of what was rendered: several findings share one exchange.
async fn write_samples(
    tx: &mut SqliteConnection,
    fingerprint: &str,
    news: &News,
    stored: &mut HashMap<usize, i64>,
) -> sqlx::Result<()> {
    for (slot, sample) in &news.samples {
        let address = Arc::as_ptr(&sample.exchange).addr();
        let id = match stored.get(&address) {
            Some(id) => *id,
            None => sqlx::query("INSERT INTO exchanges (at, document) VALUES (?, ?)")
                .bind(sample.exchange.at.as_millisecond())
                .bind(&sample.exchange.document)
                .execute(&mut *tx)
                .await?
                .last_insert_rowid(),
        };
        stored.insert(address, id);
        // An upsert would leave the exchange of the former sample behind: the trigger that takes
        // it away fires on deletion.
        sqlx::query("DELETE FROM samples WHERE fingerprint = ? AND slot = ?")
            .bind(fingerprint)
            .bind(slot)
            .execute(&mut *tx)
            .await?;
        sqlx::query("INSERT INTO samples (fingerprint, slot, exchange, path) VALUES (?, ?, ?, ?)")
            .bind(fingerprint)
            .bind(slot)
            .bind(id)
            .bind(&sample.path)
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}
