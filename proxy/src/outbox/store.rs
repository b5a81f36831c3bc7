//! The outbox's SQL: opening, reading, and the one transaction that a batch is.

mod hold;

use super::row::{self, Row};
use super::writer::{Batch, Notes};
use super::{Leftover, Leftovers, OutboxError, SealedRow};
use crate::exchange::Exchange;
use crate::lanes::{Lane, Taint};
use crate::side::Side;
use crate::sqlite;
use comparator::IdPair;
use jiff::Timestamp;
use sqlx::sqlite::SqliteLockingMode;
use sqlx::{Connection, SqliteConnection, SqlitePool};
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

/// How long opening waits for a proxy that is just ending.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// Rows of sessions that are read at the start: as many as fit into memory.
const MOST_SESSIONS: i64 = 200_000;

type LeftColumns = (
    i64,
    String,
    String,
    i64,
    bool,
    bool,
    i64,
    String,
    String,
    i64,
    bool,
    Option<String>,
);
type TaintColumns = (String, i64, String, Option<String>, i64);
type ExchangeColumns = (String, String, i64, String, Vec<u8>, Vec<u8>);

/// The one connection. No other process can use the file while it is open: two that deliver the
/// same writes would keep no order.
pub(super) async fn open(path: &Path) -> Result<SqlitePool, OutboxError> {
    let refuse = |source| OutboxError::Open {
        path: path.to_owned(),
        source,
    };
    make_private(path).map_err(|error| refuse(sqlx::Error::Io(error)))?;
    let options = sqlite::for_writing(path, LOCK_WAIT)
        .locking_mode(SqliteLockingMode::Exclusive)
        // What was delivered is nobody's to read.
        .pragma("secure_delete", "ON");
    let pool = sqlite::one_connection(options).await.map_err(refuse)?;
    let upgraded = sqlx::migrate!("../migrations/outbox").run(&pool).await;
    upgraded.map_err(|source| OutboxError::Upgrade {
        path: path.to_owned(),
        source,
    })?;
    Ok(pool)
}

/// Makes the file its owner's alone; `SQLite` gives its log the same mode.
fn make_private(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        DirBuilder::new().recursive(true).create(directory)?;
    }
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))
}

/// What a former run left behind. A write that can't be understood is lost, and with it what it
/// was about: everything is tainted.
pub(super) async fn leftovers(pool: &SqlitePool) -> sqlx::Result<Leftovers> {
    let mut left = Leftovers {
        unknown: unknown(pool).await?,
        ..Leftovers::default()
    };
    let writes: Vec<LeftColumns> = sqlx::query_as(
        "SELECT id, route, answered_by, at, compared, overlapped, began, lanes, doubt, \
                length(head) + length(request) + length(answer), tried, lost \
                FROM writes ORDER BY id",
    )
    .fetch_all(pool)
    .await?;
    let taints: Vec<TaintColumns> =
        sqlx::query_as("SELECT lane, since, why, lost_by, writes FROM taints")
            .fetch_all(pool)
            .await?;
    left.hold = hold::hold(pool).await?;
    left.released = hold::released(pool).await?;
    let positions = left.released.values().copied();
    let positions = positions.chain(left.hold.as_ref().map(|hold| hold.position));
    left.position = positions.max().unwrap_or(0);
    let ids: Vec<(String, String, String)> =
        sqlx::query_as("SELECT entity, legacy, modern FROM ids")
            .fetch_all(pool)
            .await?;
    left.ids
        .extend(ids.into_iter().map(|(entity, legacy, modern)| IdPair {
            entity,
            legacy,
            modern,
        }));
    left.sessions = sessions(pool).await?;
    for (lane, since, why, lost_by, writes) in taints {
        let taint = Taint {
            since: Timestamp::from_millisecond(since).unwrap_or_else(|_| Timestamp::now()),
            why,
            lost_by: lost_by.as_deref().map(side),
            writes: writes.try_into().unwrap_or(1),
        };
        left.taints.push((Lane::named(&lane), taint));
    }
    for (
        id,
        route,
        answered_by,
        at,
        compared,
        overlapped,
        began,
        lanes,
        doubt,
        bytes,
        tried,
        lost,
    ) in writes
    {
        let Some((lanes, doubt)) = row::lanes(&lanes).zip(row::lanes(&doubt)) else {
            let why = format!("write {id} in the outbox can't be understood");
            let taint = Taint::new(why, None);
            tracing::error!(why = taint.why, "everything that has lanes is tainted");
            let mut one = pool.acquire().await?;
            write_taint(&mut one, &Lane::named("*"), &taint).await?;
            delete(&mut one, id.cast_unsigned()).await?;
            left.taints.push((Lane::named("*"), taint));
            continue;
        };
        left.writes.push(Leftover {
            id: id.cast_unsigned(),
            route,
            answered_by: side(&answered_by),
            at: Timestamp::from_millisecond(at).unwrap_or_else(|_| Timestamp::now()),
            compared,
            overlapped,
            lanes,
            doubt,
            began: began.cast_unsigned(),
            bytes: usize::try_from(bytes).unwrap_or(0),
            tried,
            lost,
        });
    }
    Ok(left)
}

/// About how many writes at most a kill took along. No lane can be named for them, so comparisons go
/// on; the taint is what an operator clears who has looked.
async fn unknown(pool: &SqlitePool) -> sqlx::Result<u64> {
    let mut tx = pool.begin().await?;
    let (writes,): (i64,) = sqlx::query_as("SELECT coalesce(max(writes), 0) FROM at_risk")
        .fetch_one(&mut *tx)
        .await?;
    let writes = u64::try_from(writes).unwrap_or(0);
    if writes > 0 {
        let now = Timestamp::now();
        let lane = Lane::named(&format!("crash-{}", now.strftime("%Y%m%dT%H%M%SZ")));
        let why = format!(
            "the proxy was killed while up to about {writes} writes were under way: those that had \
             not reached the outbox are not mirrored, and nobody knows which"
        );
        tracing::error!(%lane, why, "writes may be lost: readiness stays red until this is cleared");
        write_taint(&mut tx, &lane, &Taint::new(why, None)).await?;
        mark_at_risk(&mut tx, 0).await?;
    }
    tx.commit().await?;
    Ok(writes)
}

/// What is left of sessions. What is over is nobody's to read any more, and of the rest no more than
/// fits is kept.
async fn sessions(pool: &SqlitePool) -> sqlx::Result<Vec<SealedRow>> {
    sqlx::query(
        "DELETE FROM sessions WHERE until <= ?1 OR row NOT IN \
         (SELECT row FROM sessions ORDER BY until DESC LIMIT ?2)",
    )
    .bind(Timestamp::now().as_second())
    .bind(MOST_SESSIONS)
    .execute(pool)
    .await?;
    // Those that were learned last come last, as they did.
    let rows: Vec<(Vec<u8>, i64, Vec<u8>)> =
        sqlx::query_as("SELECT row, until, sealed FROM sessions ORDER BY until")
            .fetch_all(pool)
            .await?;
    let row = |(row, until, sealed)| SealedRow { row, until, sealed };
    Ok(rows.into_iter().map(row).collect())
}

/// The exchange of a write.
pub(super) async fn load(pool: &SqlitePool, id: u64) -> Result<Option<Exchange>, OutboxError> {
    let columns: Option<ExchangeColumns> = sqlx::query_as(
        "SELECT route, answered_by, at, head, request, answer FROM writes WHERE id = ?",
    )
    .bind(id.cast_signed())
    .fetch_optional(pool)
    .await
    .map_err(|source| OutboxError::Read { id, source })?;
    let Some((route, answered_by, at, head, request, answer)) = columns else {
        return Ok(None);
    };
    let row = Row {
        id,
        route,
        answered_by: side(&answered_by),
        at: Timestamp::from_millisecond(at).unwrap_or_else(|_| Timestamp::now()),
        compared: false,
        overlapped: false,
        began: 0,
        lanes: String::new(),
        doubt: String::new(),
        head,
        request,
        answer,
    };
    row.exchange().map(Some)
}

/// Writes a batch, all of it or nothing; how many rows went.
pub(super) async fn write(pool: &SqlitePool, batch: &Batch) -> sqlx::Result<u64> {
    let mut connection = pool.acquire().await?;
    let written = write_on(&mut connection, batch).await;
    sqlite::give_back(connection, written).await
}

async fn write_on(connection: &mut SqliteConnection, batch: &Batch) -> sqlx::Result<u64> {
    let mut tx = connection.begin().await?;
    let mut removed = 0;
    for new in &batch.appends {
        append(&mut tx, &new.row).await?;
    }
    for (lane, taint) in &batch.taints {
        match taint {
            Some(taint) => write_taint(&mut tx, lane, taint).await?,
            None => clear_taint(&mut tx, lane).await?,
        }
    }
    for pair in &batch.ids {
        keep_pair(&mut tx, pair).await?;
    }
    for change in &batch.sessions {
        keep_session(&mut tx, change).await?;
    }
    for (id, notes) in &batch.notes {
        note_of(&mut tx, *id, notes).await?;
    }
    for (change, _) in &batch.holds {
        hold::change(&mut tx, change).await?;
    }
    for id in &batch.removals {
        removed += delete(&mut tx, *id).await?;
    }
    if let Some(writes) = batch.at_risk {
        mark_at_risk(&mut tx, writes).await?;
    }
    tx.commit().await?;
    Ok(removed)
}

async fn mark_at_risk(tx: &mut SqliteConnection, writes: u64) -> sqlx::Result<()> {
    sqlx::query("UPDATE at_risk SET writes = ?")
        .bind(i64::try_from(writes).unwrap_or(i64::MAX))
        .execute(tx)
        .await?;
    Ok(())
}

async fn append(tx: &mut SqliteConnection, row: &Row) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO writes (id, route, answered_by, at, compared, overlapped, began, lanes, doubt, \
                             head, request, answer, tried) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
    )
    .bind(row.id.cast_signed())
    .bind(&row.route)
    .bind(row.answered_by.as_str())
    .bind(row.at.as_millisecond())
    .bind(row.compared)
    .bind(row.overlapped)
    .bind(row.began.cast_signed())
    .bind(&row.lanes)
    .bind(&row.doubt)
    .bind(&row.head)
    .bind(&row.request)
    .bind(&row.answer)
    .execute(tx)
    .await?;
    Ok(())
}

async fn write_taint(tx: &mut SqliteConnection, lane: &Lane, taint: &Taint) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO taints (lane, since, why, lost_by, writes) VALUES (?, ?, ?, ?, ?) \
         ON CONFLICT DO UPDATE SET since = excluded.since, why = excluded.why, \
                                   lost_by = excluded.lost_by, writes = excluded.writes",
    )
    .bind(lane.as_str())
    .bind(taint.since.as_millisecond())
    .bind(&taint.why)
    .bind(taint.lost_by.map(Side::as_str))
    .bind(taint.writes.cast_signed())
    .execute(tx)
    .await?;
    Ok(())
}

async fn keep_pair(tx: &mut SqliteConnection, pair: &IdPair) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO ids (entity, legacy, modern) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
        .bind(&pair.entity)
        .bind(&pair.legacy)
        .bind(&pair.modern)
        .execute(tx)
        .await?;
    Ok(())
}

async fn keep_session(
    tx: &mut SqliteConnection,
    change: &Result<SealedRow, Vec<u8>>,
) -> sqlx::Result<()> {
    let query = match change {
        Ok(row) => {
            sqlx::query("INSERT OR REPLACE INTO sessions (row, until, sealed) VALUES (?, ?, ?)")
                .bind(&row.row)
                .bind(row.until)
                .bind(&row.sealed)
        }
        Err(gone) => sqlx::query("DELETE FROM sessions WHERE row = ?").bind(gone),
    };
    query.execute(tx).await?;
    Ok(())
}

async fn note_of(tx: &mut SqliteConnection, id: u64, notes: &Notes) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE writes SET tried = coalesce(?, tried), lost = coalesce(?, lost) WHERE id = ?",
    )
    .bind(notes.tried)
    .bind(&notes.lost)
    .bind(id.cast_signed())
    .execute(tx)
    .await
    .map(drop)
}

async fn clear_taint(tx: &mut SqliteConnection, lane: &Lane) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM taints WHERE lane = ?")
        .bind(lane.as_str())
        .execute(tx)
        .await?;
    Ok(())
}

async fn delete(tx: &mut SqliteConnection, id: u64) -> sqlx::Result<u64> {
    let gone = sqlx::query("DELETE FROM writes WHERE id = ?")
        .bind(id.cast_signed())
        .execute(tx)
        .await?;
    Ok(gone.rows_affected())
}

fn side(word: &str) -> Side {
    // The schema allows these two words.
    if word == Side::Modern.as_str() {
        Side::Modern
    } else {
        Side::Legacy
    }
}
