//! Rows into a server.
//!
//! Into an empty table they are copied; otherwise they are copied beside it, and brought over by
//! one statement, which is also the way of columns that have no binary form here.

use bytes::BytesMut;
use sqlx::{PgConnection, PgPool};
use xxhash_rust::xxh3::xxh3_64;

use super::books::keep;
use super::encode;
use super::read::among;
use super::session::{refused, run, transaction};
use super::wire::{Way, wires};
use crate::schema::ColumnSchema;
use crate::store::{Change, Commit, Destination, Dialect, How, WriteError};
use crate::value::{Key, Row, Value};

const SQL: Dialect = Dialect::Postgres;

/// Bytes that are sent at once, about: the server is busy with them while the next are made.
const PIECE: usize = 64 * 1024;

/// Rows that are written by a statement of their own.
const FEW: usize = 16;

/// Keys of one statement.
const KEYS: usize = 1000;

pub(super) async fn write(
    pool: &PgPool,
    destination: &Destination,
    rows: &[Row],
    how: How,
    commit: &Commit,
) -> Result<u64, WriteError> {
    let plain = destination
        .columns
        .iter()
        .all(|column| Way::of(&column.native).cast.is_none());
    let written = transaction(pool, async |connection| {
        let written = match how {
            _ if rows.is_empty() => 0,
            How::Insert if plain => {
                let table = SQL.table(&destination.table);
                copy(connection, destination, &table, rows).await?
            }
            how => match few(destination, rows, how).filter(|_| plain) {
                Some(insert) => {
                    fit(destination, rows)?;
                    run(connection, insert).await?
                }
                None => through_staging(connection, destination, rows, how).await?,
            },
        };
        keep(connection, commit).await?;
        Ok(written)
    });
    written.await
}

/// The statement that writes a few rows by itself. A copy of any length is two messages, and the
/// second waits until the server has acknowledged the first, which it may put off for 40 ms.
fn few(destination: &Destination, rows: &[Row], how: How) -> Option<String> {
    let literal = |(value, column): (&Value, &ColumnSchema)| match value {
        Value::Unreadable(_) => None,
        Value::Text(text) if text.contains('\0') => None,
        value => Some(SQL.literal(value, column)),
    };
    let row = |row: &Row| -> Option<String> {
        let values = row.iter().zip(&destination.columns).map(literal);
        Some(format!(
            "({})",
            values.collect::<Option<Vec<_>>>()?.join(", ")
        ))
    };
    if rows.len() > FEW || how == How::Insert {
        return None;
    }
    let rows = rows.iter().map(row).collect::<Option<Vec<_>>>()?.join(", ");
    (rows.len() <= PIECE).then(|| {
        format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES {rows} {}",
            SQL.table(&destination.table),
            SQL.names(&destination.columns),
            SQL.on_conflict(destination),
        )
    })
}

/// Refuses rows that a copy would refuse, with the value at fault.
fn fit(destination: &Destination, rows: &[Row]) -> Result<(), WriteError> {
    let wires = wires(&destination.columns);
    let mut sink = BytesMut::new();
    for row in rows {
        let fit = encode::row(&mut sink, &destination.columns, &wires, row);
        fit.map_err(|unfit| WriteError::Refused(unfit.to_string()))?;
        sink.clear();
    }
    Ok(())
}

async fn copy(
    connection: &mut PgConnection,
    destination: &Destination,
    table: &str,
    rows: &[Row],
) -> Result<u64, WriteError> {
    let statement = format!(
        "COPY {table} ({}) FROM STDIN (FORMAT binary)",
        SQL.names(&destination.columns),
    );
    let wires = wires(&destination.columns);
    let mut copy = connection.copy_in_raw(&statement).await.map_err(refused)?;
    let mut piece = BytesMut::with_capacity(2 * PIECE);
    encode::head(&mut piece);
    for row in rows {
        if let Err(unfit) = encode::row(&mut piece, &destination.columns, &wires, row) {
            let unfit = unfit.to_string();
            copy.abort(unfit.as_str()).await.map_err(refused)?;
            return Err(WriteError::Refused(unfit));
        }
        if piece.len() >= PIECE {
            copy.send(&piece[..]).await.map_err(refused)?;
            piece.clear();
        }
    }
    encode::tail(&mut piece);
    copy.send(&piece[..]).await.map_err(refused)?;
    copy.finish().await.map_err(refused)
}

async fn through_staging(
    connection: &mut PgConnection,
    destination: &Destination,
    rows: &[Row],
    how: How,
) -> Result<u64, WriteError> {
    let columns = &destination.columns;
    let column = |column: &ColumnSchema| {
        let kind = Way::of(&column.native).cast.unwrap_or(&column.native);
        format!("{} {kind}", SQL.name(&column.name))
    };
    let shape: Vec<String> = columns.iter().map(column).collect();
    let shape = shape.join(", ");
    // One for each shape of rows, which lives as long as its session.
    let staging = format!("pg_temp.cutover_{:016x}", xxh3_64(shape.as_bytes()));
    let made = format!(
        "CREATE TEMPORARY TABLE IF NOT EXISTS {} ({shape}) ON COMMIT DELETE ROWS",
        staging.trim_start_matches("pg_temp."),
    );
    run(connection, made).await?;
    copy(connection, destination, &staging, rows).await?;
    let given = columns.iter().map(|column| {
        let name = SQL.name(&column.name);
        match Way::of(&column.native).cast {
            Some(_) => format!("{name}::{}", column.native),
            None => name,
        }
    });
    let given: Vec<String> = given.collect();
    let conflict = match how {
        How::Insert => String::new(),
        How::Upsert => SQL.on_conflict(destination),
    };
    let insert = format!(
        "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {staging} {conflict}",
        SQL.table(&destination.table),
        SQL.names(columns),
        given.join(", "),
    );
    run(connection, insert).await
}

pub(super) async fn delete(
    pool: &PgPool,
    destination: &Destination,
    keys: &[Key],
) -> Result<u64, WriteError> {
    let table = SQL.table(&destination.table);
    let deleted = transaction(pool, async |connection| {
        let mut deleted = 0;
        for keys in keys.chunks(KEYS) {
            let among = among(&destination.select(), keys);
            deleted += run(connection, format!("DELETE FROM {table} WHERE {among}")).await?;
        }
        Ok(deleted)
    });
    deleted.await
}

pub(super) async fn change(
    pool: &PgPool,
    destination: &Destination,
    changes: &[Change],
) -> Result<Vec<bool>, WriteError> {
    let mut made = Vec::with_capacity(changes.len());
    for change in changes {
        made.push(match SQL.change(destination, change) {
            None => true,
            Some(sql) => {
                let run = transaction(pool, async |connection| run(connection, sql).await);
                run.await? == 1
            }
        });
    }
    Ok(made)
}
