//! Rows out of a file.

use std::collections::HashSet;

use compact_str::CompactString;
use futures::TryStreamExt as _;
use kit::error::Cause;
use sqlx::sqlite::{SqliteRow, SqliteValueRef};
use sqlx::{AssertSqlSafe, Row as _, SqlitePool, TypeInfo as _, ValueRef as _};

use crate::mapping::Change;
use crate::pace::weight;
use crate::schema::{ColumnSchema, TableName, Type};
use crate::store::gather::fits;
use crate::store::{Dialect, Figures, Range, Select};
use crate::transform::convert;
use crate::value::{Key, Number, Row, Value};

/// Sums are taken in two parts of this base, since one of many integers may leave 64 bits.
const BASE: i64 = 1_000_000_000;

/// Keys of several columns in one statement, which are a tree as deep as they are many: `SQLite`
/// takes a thousand levels.
const KEYS: usize = 200;

const SQL: Dialect = Dialect::Sqlite;

pub(super) async fn page(
    pool: &SqlitePool,
    select: &Select,
    range: &Range,
    limit: u32,
) -> Result<Vec<Row>, Cause> {
    let sql = format!(
        "SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT {limit}",
        SQL.names(&select.columns),
        SQL.table(&select.table),
        SQL.within(select, range)?,
        SQL.order(select),
    );
    let mut page = Vec::new();
    let mut bytes = 0_usize;
    let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(pool);
    while let Some(row) = rows.try_next().await? {
        let row = decoded(&row, select)?;
        bytes = bytes.saturating_add(weight(std::slice::from_ref(&row)));
        page.push(row);
        fits(page.len(), bytes)?;
    }
    Ok(page)
}

pub(super) async fn at(
    pool: &SqlitePool,
    select: &Select,
    keys: &[Key],
) -> Result<Vec<Row>, Cause> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    if select.key.len() < 2 {
        return under(pool, select, keys).await;
    }
    let mut found: Vec<Row> = Vec::new();
    let mut seen: HashSet<Key> = HashSet::new();
    for keys in keys.chunks(KEYS) {
        let mut rows = under(pool, select, keys).await?;
        // Under a collation, keys of two statements may find one row.
        rows.retain(|row| !seen.contains(&select.key_of(row)));
        seen.extend(rows.iter().map(|row| select.key_of(row)));
        found.extend(rows);
    }
    Ok(found)
}

/// The rows under these keys, by one statement.
async fn under(pool: &SqlitePool, select: &Select, keys: &[Key]) -> Result<Vec<Row>, Cause> {
    let sql = format!(
        "SELECT {} FROM {} WHERE {}",
        SQL.names(&select.columns),
        SQL.table(&select.table),
        SQL.among(select, keys),
    );
    rows(pool, select, sql).await
}

/// Every n-th key of the index, which is read once.
pub(super) async fn cuts(
    pool: &SqlitePool,
    select: &Select,
    parts: usize,
) -> Result<Vec<Key>, Cause> {
    let counted = figures(pool, select, &Range::default(), &[]).await?;
    let every = counted.rows / parts.max(1) as u64;
    if parts < 2 || every == 0 {
        return Ok(Vec::new());
    }
    let keys = Select {
        columns: select.key_columns().cloned().collect(),
        key: (0..select.key.len()).collect(),
        ..select.clone()
    };
    let sql = format!(
        "SELECT {names} FROM (
             SELECT {names}, row_number() OVER (ORDER BY {order}) AS cutover_row
             FROM {table} WHERE {within})
         WHERE cutover_row % {every} = 0 ORDER BY {order} LIMIT {limit}",
        names = SQL.names(&keys.columns),
        order = SQL.order(&keys),
        table = SQL.table(&keys.table),
        within = SQL.within(&keys, &Range::default())?,
        limit = parts - 1,
    );
    let rows = rows(pool, &keys, sql).await?;
    Ok(rows.into_iter().map(|row| Key(row.into())).collect())
}

pub(super) async fn figures(
    pool: &SqlitePool,
    select: &Select,
    range: &Range,
    sums: &[usize],
) -> Result<Figures, Cause> {
    let columns: Vec<&ColumnSchema> = sums
        .iter()
        .filter_map(|position| select.columns.get(*position))
        .collect();
    let sum = |column: &&ColumnSchema| {
        let name = SQL.name(&column.name);
        // A decimal in a text becomes units without a float on the way, however it was written.
        let units = match scale(column) {
            None => "NULL".to_owned(),
            Some(0) => format!("CAST({name} AS INTEGER)"),
            Some(_) => format!("CAST(replace({name}, '.', '') AS INTEGER)"),
        };
        format!(", sum({units} / {BASE}), sum({units} % {BASE})")
    };
    let sums: String = columns.iter().map(sum).collect();
    let sql = format!(
        "SELECT count(*){sums} FROM {} WHERE {}",
        SQL.table(&select.table),
        SQL.within(select, range)?,
    );
    let row = sqlx::query(AssertSqlSafe(sql)).fetch_one(pool).await?;
    let mut figures = Figures {
        rows: u64::try_from(row.try_get::<i64, _>(0)?)?,
        sums: Vec::with_capacity(columns.len()),
    };
    for (column, position) in columns.iter().zip((1..).step_by(2)) {
        // Where there are no rows, there is no sum.
        let part = |position| row.try_get::<Option<i64>, _>(position);
        let (high, low) = (part(position)?, part(position + 1)?);
        let units = i128::from(high.unwrap_or(0)) * i128::from(BASE) + i128::from(low.unwrap_or(0));
        let sum = scale(column).and_then(|scale| Number::new(units, scale));
        figures.sums.push(sum);
    }
    Ok(figures)
}

/// Places of a number that is an integer, or a decimal that is kept in a text with all of its places;
/// nothing of others, whose fractions no sum of integers has.
fn scale(column: &ColumnSchema) -> Option<u8> {
    match (&column.kind, column.native.as_str()) {
        (Type::Int { .. }, _) => Some(0),
        (
            Type::Decimal {
                bounds: Some((_, places)),
            },
            "TEXT",
        ) => Some(*places),
        _ => None,
    }
}

pub(super) async fn is_empty(pool: &SqlitePool, table: &TableName) -> Result<bool, Cause> {
    let sql = format!("SELECT NOT EXISTS (SELECT 1 FROM {})", SQL.table(table));
    Ok(sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(pool)
        .await?)
}

async fn rows(pool: &SqlitePool, select: &Select, sql: String) -> Result<Vec<Row>, Cause> {
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(pool).await?;
    rows.iter().map(|row| decoded(row, select)).collect()
}

fn decoded(row: &SqliteRow, select: &Select) -> Result<Row, Cause> {
    let mut values = Vec::with_capacity(select.columns.len());
    for (position, column) in select.columns.iter().enumerate() {
        let kept = value(row, position, &row.try_get_raw(position)?);
        values.push(if select.key.contains(&position) {
            named(kept, column, &select.table)?
        } else {
            declared(kept, column)
        });
    }
    Ok(values)
}

/// The value of a key's column as it is declared; an error where its text is not the one that
/// would be asked for, since keys are compared as texts and the row would not be found again.
fn named(kept: Value, column: &ColumnSchema, table: &TableName) -> Result<Value, Cause> {
    let Value::Text(text) = &kept else {
        return Ok(declared(kept, column));
    };
    let value = declared(kept.clone(), column);
    if matches!(value, Value::Text(_)) {
        return Ok(value);
    }
    let (stored, asked) = (SQL.text(text), SQL.literal(&value, column));
    if asked != stored {
        let message = format!(
            "`{table}.{}` has the key {stored}, which is looked for as {asked}, so the row would not be \
             found again",
            column.name
        );
        return Err(message.into());
    }
    Ok(value)
}

/// The value as its column is declared; one that is kept otherwise stays what it is, and whoever
/// converts it says what is wrong.
fn declared(kept: Value, column: &ColumnSchema) -> Value {
    match (&column.kind, &kept) {
        (
            Type::Decimal { .. }
            | Type::Date
            | Type::Time { .. }
            | Type::Naive { .. }
            | Type::Instant { .. }
            | Type::Uuid,
            Value::Text(_),
        )
        | (Type::Bool, Value::Int(_)) => {
            convert(&kept, &column.kind, &Change::default()).unwrap_or(kept)
        }
        _ => kept,
    }
}

fn value(row: &SqliteRow, position: usize, raw: &SqliteValueRef<'_>) -> Value {
    if raw.is_null() {
        return Value::Null;
    }
    let info = raw.type_info();
    let kind = info.name().to_owned();
    // By what is there, which need not be what the column was declared to hold.
    let unreadable = |_| Value::unreadable(format!("a damaged {kind}"));
    match kind.as_str() {
        "INTEGER" | "BOOLEAN" => row
            .try_get_unchecked(position)
            .map_or_else(unreadable, Value::Int),
        "REAL" => row
            .try_get_unchecked(position)
            .map_or_else(unreadable, Value::Float),
        "BLOB" => row
            .try_get_unchecked::<Vec<u8>, _>(position)
            .map_or_else(unreadable, |bytes| Value::Bytes(bytes.into())),
        _ => row
            .try_get_unchecked::<&str, _>(position)
            .map_or_else(unreadable, |text| Value::Text(CompactString::new(text))),
    }
}
