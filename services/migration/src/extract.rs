//! Reads a table in pages by key: each page begins after the last key of the one before.
//!
//! A page costs the same wherever it lies, and rows that come or go elsewhere move none of it.

use sqlx::{
    AssertSqlSafe, Row, SqlitePool, TypeInfo, ValueRef,
    sqlite::{SqliteRow, SqliteValueRef},
};

use crate::mapping::Table;

/// A column's value, of the type that `SQLite` stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Text(String),
    /// What no legacy column may hold; it says what it is.
    Unsupported(String),
}

/// One row: its key, and the values in the order of the mapping's columns, the key's included.
#[derive(Debug)]
pub(crate) struct LegacyRow {
    pub(crate) key: i64,
    pub(crate) values: Vec<Value>,
}

/// At most `size` rows whose keys follow `after`, in the order of their keys.
pub(crate) async fn page(
    legacy: &SqlitePool,
    table: &Table,
    after: i64,
    size: u32,
) -> sqlx::Result<Vec<LegacyRow>> {
    let columns: Vec<&str> = table.columns.iter().map(|column| column.legacy).collect();
    // Names come from the mapping, which is part of the program.
    let select = format!(
        "SELECT {} FROM {} WHERE Id > ?1 ORDER BY Id LIMIT ?2",
        columns.join(", "),
        table.legacy,
    );
    let rows = sqlx::query(AssertSqlSafe(select))
        .bind(after)
        .bind(size)
        .fetch_all(legacy)
        .await?;
    rows.iter().map(legacy_row).collect()
}

fn legacy_row(row: &SqliteRow) -> sqlx::Result<LegacyRow> {
    let values = (0..row.len())
        .map(|position| Ok(value(row, position, &row.try_get_raw(position)?)))
        .collect::<sqlx::Result<_>>()?;
    Ok(LegacyRow {
        key: row.try_get(0)?,
        values,
    })
}

fn value(row: &SqliteRow, position: usize, raw: &SqliteValueRef<'_>) -> Value {
    if raw.is_null() {
        return Value::Null;
    }
    let kind = raw.type_info().name().to_owned();
    let unsupported = |_| Value::Unsupported(format!("unreadable {kind}"));
    match kind.as_str() {
        "INTEGER" => row
            .try_get_unchecked(position)
            .map_or_else(unsupported, Value::Integer),
        "TEXT" => row
            .try_get_unchecked(position)
            .map_or_else(unsupported, Value::Text),
        _ => Value::Unsupported(kind),
    }
}
