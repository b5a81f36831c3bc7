//! Rows out of a server.

use futures::TryStreamExt as _;
use kit::error::Cause;
use sqlx::mysql::MySqlRow;
use sqlx::{AssertSqlSafe, Either, Executor as _, MySql, MySqlPool, Row as _};

use super::wire::{Wire, gather, is_listed, kind};
use crate::schema::{ColumnSchema, Type};
use crate::store::declared::{as_declared, declare};
use crate::store::gather::{Gather, Rows};
use crate::store::pool::Lent;
use crate::store::{Dialect, Figures, Packed, Range, Select};
use crate::value::{Key, Number, Row, Value};

const SQL: Dialect = Dialect::Mysql;

/// Keys of one statement: beyond its memory for ranges, the server would read the whole table.
const KEYS: usize = 500;

/// Rows from which a table is not counted for its cuts: the statistics are good enough, and
/// counting takes as long as finding the cuts.
const MANY: u64 = 100_000;

pub(super) async fn page(
    pool: &MySqlPool,
    select: &Select,
    range: &Range,
    limit: u32,
) -> Result<Vec<Row>, Cause> {
    let sql = paged(select, range, limit)?;
    rows(pool, &select.columns, sql, Rows::page()).await
}

/// The same as bytes; nothing where values are declared to be what they are not by themselves.
pub(super) async fn packed(
    pool: &MySqlPool,
    select: &Select,
    range: &Range,
    limit: u32,
    room: Packed,
) -> Result<Option<Packed>, Cause> {
    if !as_declared(&select.columns, own) {
        return Ok(None);
    }
    let sql = paged(select, range, limit)?;
    Ok(Some(gathered(pool, &select.columns, sql, room).await?))
}

fn paged(select: &Select, range: &Range, limit: u32) -> Result<String, Cause> {
    Ok(format!(
        "SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT {limit}",
        SQL.names(&select.columns),
        SQL.table(&select.table),
        SQL.within(select, range)?,
        order(select),
    ))
}

pub(super) async fn at(pool: &MySqlPool, select: &Select, keys: &[Key]) -> Result<Vec<Row>, Cause> {
    let mut found = Vec::with_capacity(keys.len());
    for keys in keys.chunks(KEYS) {
        let sql = format!(
            "SELECT {} FROM {} WHERE {}",
            SQL.names(&select.columns),
            SQL.table(&select.table),
            SQL.among(select, keys),
        );
        found.extend(rows(pool, &select.columns, sql, Rows::default()).await?);
    }
    Ok(found)
}

/// The key's columns, in a list to order by. What is one of a list is ordered as it is compared.
fn order(select: &Select) -> String {
    let column = |column: &ColumnSchema| {
        let name = SQL.name(&column.name);
        if is_listed(&column.native) {
            format!("CONCAT({name})")
        } else {
            name
        }
    };
    let columns: Vec<String> = select.key_columns().map(column).collect();
    columns.join(", ")
}

/// Walks the index: a server has no sample of its rows to give.
pub(super) async fn cuts(
    pool: &MySqlPool,
    select: &Select,
    rows_about: Option<u64>,
    parts: usize,
) -> Result<Vec<Key>, Cause> {
    if parts < 2 || select.key.is_empty() {
        return Ok(Vec::new());
    }
    let count = match rows_about {
        Some(rows) if rows >= MANY && select.filter.is_none() => rows,
        _ => figures(pool, select, &Range::default(), &[]).await?.rows,
    };
    let every = count / parts as u64;
    let keys = Select {
        columns: select.key_columns().cloned().collect(),
        key: (0..select.key.len()).collect(),
        ..select.clone()
    };
    let mut cuts = Vec::new();
    let mut range = Range::default();
    while let (Some(skipped), true) = (every.checked_sub(1), cuts.len() + 1 < parts) {
        let sql = format!(
            "SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT 1 OFFSET {skipped}",
            SQL.names(&keys.columns),
            SQL.table(&keys.table),
            SQL.within(&keys, &range)?,
            order(&keys),
        );
        let Some(row) = rows(pool, &keys.columns, sql, Rows::default()).await?.pop() else {
            break;
        };
        let key = Key(row.into());
        range.after = Some(key.clone());
        cuts.push(key);
    }
    Ok(cuts)
}

pub(super) async fn figures(
    pool: &MySqlPool,
    select: &Select,
    range: &Range,
    sums: &[usize],
) -> Result<Figures, Cause> {
    let sum = |column: &ColumnSchema| format!(", CAST(sum({}) AS CHAR)", SQL.name(&column.name));
    let columns = sums
        .iter()
        .filter_map(|position| select.columns.get(*position));
    let sql = format!(
        "SELECT CAST(count(*) AS CHAR){} FROM {} WHERE {}",
        columns.map(sum).collect::<String>(),
        SQL.table(&select.table),
        SQL.within(select, range)?,
    );
    let query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
    let row = query.fetch_one(pool).await?;
    let rows: &str = row.try_get_unchecked(0)?;
    let mut figures = Figures {
        rows: rows.parse()?,
        sums: Vec::with_capacity(sums.len()),
    };
    for position in 1..row.len() {
        let sum: Option<&str> = row.try_get_unchecked(position)?;
        // Where there are no rows, there is no sum.
        figures.sums.push(match sum {
            None => Some(Number::ZERO),
            Some(sum) => sum.parse().ok(),
        });
    }
    Ok(figures)
}

/// How a column is read.
struct Reading {
    wire: Wire,
    /// Whether its integers are decimal numbers here.
    large: bool,
}

async fn rows(
    pool: &MySqlPool,
    columns: &[ColumnSchema],
    sql: String,
    into: Rows,
) -> Result<Vec<Row>, Cause> {
    let Rows { mut done, .. } = gathered(pool, columns, sql, into).await?;
    declare(columns, &mut done, own);
    Ok(done)
}

async fn gathered<G: Gather>(
    pool: &MySqlPool,
    columns: &[ColumnSchema],
    sql: String,
    mut found: G,
) -> Result<G, Cause> {
    let mut readings = Vec::with_capacity(columns.len());
    for column in columns {
        let (own, wire) = kind(&column.native);
        let wire = wire.ok_or_else(|| format!("`{}` is {}", column.name, column.native))?;
        let large = matches!(own, Type::Decimal { .. });
        readings.push(Reading { wire, large });
    }
    let mut lent = Lent::of(pool).await?;
    let query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
    // `fetch` would put another stream around each row.
    let mut stream = lent.fetch_many(query);
    while let Some(sent) = stream.try_next().await? {
        if let Either::Right(row) = sent {
            decode(&row, &readings, columns, &mut found)?;
            found.fits()?;
        }
    }
    drop(stream);
    lent.give_back();
    Ok(found)
}

/// What a column's values are by themselves.
fn own(column: &ColumnSchema) -> Type {
    kind(&column.native).0
}

fn decode(
    row: &MySqlRow,
    readings: &[Reading],
    columns: &[ColumnSchema],
    into: &mut impl Gather,
) -> Result<(), Cause> {
    for (position, (reading, column)) in readings.iter().zip(columns).enumerate() {
        // The one error of this is that there is no value.
        let bytes = <&[u8] as sqlx::Decode<MySql>>::decode(row.try_get_raw(position)?);
        let Ok(bytes) = bytes else {
            into.value(Value::Null);
            continue;
        };
        gather(reading.wire, reading.large, bytes, into).ok_or_else(|| {
            let (name, native) = (&column.name, &column.native);
            format!(
                "the server sent a malformed {native} of {} bytes in `{name}`",
                bytes.len()
            )
        })?;
    }
    into.end();
    Ok(())
}
