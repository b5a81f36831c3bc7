//! Rows into a file.

use kit::error::Cause;
use sqlx::{AssertSqlSafe, SqliteConnection, SqlitePool};

use super::books::keep;
use crate::schema::ColumnSchema;
use crate::store::{Change, Commit, Destination, Dialect, How, WriteError};
use crate::value::{Key, Row, Value};

const SQL: Dialect = Dialect::Sqlite;

/// Rows of one statement, whose text is bounded by a million bytes only for short rows.
const ROWS: usize = 200;

/// Result codes of a row's fault: a constraint, a type that a strict column does not take, a
/// value that is too large.
const OF_A_ROW: [i64; 3] = [19, 20, 18];

pub(super) async fn write(
    writer: &SqlitePool,
    destination: &Destination,
    rows: &[Row],
    how: How,
    commit: &Commit,
) -> Result<u64, WriteError> {
    for row in rows {
        can_be_kept(destination, row)?;
    }
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    let mut written = 0;
    for rows in rows.chunks(ROWS) {
        let sql = insert(destination, rows, how);
        written += run(&mut transaction, sql).await?;
    }
    keep(&mut transaction, commit).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    Ok(written)
}

pub(super) async fn delete(
    writer: &SqlitePool,
    destination: &Destination,
    keys: &[Key],
) -> Result<u64, WriteError> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
    let mut deleted = 0;
    for keys in keys.chunks(ROWS) {
        let among = SQL.among(&destination.select(), keys);
        let sql = format!(
            "DELETE FROM {} WHERE {among}",
            SQL.table(&destination.table)
        );
        deleted += run(&mut transaction, sql).await?;
    }
    transaction.commit().await.map_err(failed)?;
    Ok(deleted)
}

pub(super) async fn change(
    writer: &SqlitePool,
    destination: &Destination,
    changes: &[Change],
) -> Result<Vec<bool>, WriteError> {
    let mut made = Vec::with_capacity(changes.len());
    for change in changes {
        if let Some(wanted) = &change.wanted {
            can_be_kept(destination, wanted)?;
        }
        let Some(sql) = SQL.change(destination, change) else {
            made.push(true);
            continue;
        };
        let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        made.push(run(&mut transaction, sql).await? == 1);
        transaction.commit().await.map_err(failed)?;
    }
    Ok(made)
}

/// Refuses what the file would keep as null without a word.
fn can_be_kept(destination: &Destination, row: &Row) -> Result<(), WriteError> {
    let mut columns = destination.columns.iter().zip(row);
    let lost = columns.find(|(_, value)| matches!(value, Value::Float(float) if float.is_nan()));
    match lost {
        Some((column, _)) => Err(WriteError::Refused(format!(
            "SQLite keeps no NaN: {}.{}",
            destination.table, column.name
        ))),
        None => Ok(()),
    }
}

fn insert(destination: &Destination, rows: &[Row], how: How) -> String {
    let columns = &destination.columns;
    let values = |row: &Row| {
        let literals = row.iter().zip(columns);
        let literals: Vec<String> = literals
            .map(|(value, column): (&Value, &ColumnSchema)| SQL.literal(value, column))
            .collect();
        format!("({})", literals.join(", "))
    };
    let rows: Vec<String> = rows.iter().map(values).collect();
    let table = SQL.table(&destination.table);
    let insert = format!(
        "INSERT INTO {table} ({}) VALUES {}",
        SQL.names(columns),
        rows.join(", "),
    );
    match how {
        How::Insert => insert,
        How::Upsert => format!("{insert} {}", SQL.on_conflict(destination)),
    }
}

async fn run(connection: &mut SqliteConnection, sql: String) -> Result<u64, WriteError> {
    match sqlx::query(AssertSqlSafe(sql)).execute(connection).await {
        Ok(done) => Ok(done.rows_affected()),
        Err(error) => Err(refused(error)),
    }
}

fn refused(error: sqlx::Error) -> WriteError {
    let code = error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .and_then(|code| code.parse::<i64>().ok());
    match code {
        // An extended code has the primary one in its lowest byte.
        Some(code) if OF_A_ROW.contains(&(code & 0xff)) => {
            let message = error
                .as_database_error()
                .map_or_else(String::new, |error| error.message().to_owned());
            WriteError::Refused(message)
        }
        _ => failed(error),
    }
}

fn failed(error: sqlx::Error) -> WriteError {
    WriteError::Failed(Cause::from(error))
}
