//! Rows out of a server.

use futures::TryStreamExt as _;
use kit::error::Cause;
use sqlx::{AssertSqlSafe, PgPool, Row as _};

use super::decode::Decoder;
use super::wire::{Way, base, kind, selected, wires};
use crate::schema::{ColumnSchema, TableName, Type};
use crate::store::declared::{as_declared, declare};
use crate::store::gather::{Gather, Rows};
use crate::store::pool::Lent;
use crate::store::{Dialect, Figures, Packed, Range, Select};
use crate::value::{Key, Number, Row};

const SQL: Dialect = Dialect::Postgres;

/// Pages of the server that are sampled for each part.
const SAMPLED: f64 = 32.0;

/// A share of a table's pages from which reading an index is no slower.
const MOST: f64 = 0.5;

pub(super) async fn page(
    pool: &PgPool,
    select: &Select,
    range: &Range,
    limit: u32,
) -> Result<Vec<Row>, Cause> {
    let query = paged(select, range, limit)?;
    let most = usize::try_from(limit)?;
    rows(pool, &select.columns, &query, most, Rows::page()).await
}

/// The same as bytes; nothing where values are declared to be what they are not by themselves.
pub(super) async fn packed(
    pool: &PgPool,
    select: &Select,
    range: &Range,
    limit: u32,
    room: Packed,
) -> Result<Option<Packed>, Cause> {
    if !as_declared(&select.columns, own) {
        return Ok(None);
    }
    let query = paged(select, range, limit)?;
    let most = usize::try_from(limit)?;
    Ok(Some(
        gathered(pool, &select.columns, &query, most, room).await?,
    ))
}

fn paged(select: &Select, range: &Range, limit: u32) -> Result<String, Cause> {
    Ok(format!(
        "SELECT {} FROM {} WHERE {} ORDER BY {} LIMIT {limit}",
        selected(&select.columns),
        SQL.table(&select.table),
        SQL.within(select, range)?,
        SQL.order(select),
    ))
}

pub(super) async fn at(pool: &PgPool, select: &Select, keys: &[Key]) -> Result<Vec<Row>, Cause> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let query = format!(
        "SELECT {} FROM {} WHERE {}",
        selected(&select.columns),
        SQL.table(&select.table),
        among(select, keys),
    );
    // Equal keys come together where a collation takes several for one.
    rows(pool, &select.columns, &query, usize::MAX, Rows::default()).await
}

/// The condition that a row is under one of these keys, and meets the filter. Several columns are
/// joined with the keys as a table, which an index serves where a list of conditions is tried one
/// by one.
pub(super) fn among(select: &Select, all: &[Key]) -> String {
    let columns: Vec<&ColumnSchema> = select.key_columns().collect();
    let keys = SQL.findable(all);
    if columns.len() < 2 || keys.is_empty() {
        return SQL.among(select, all);
    }
    let row = |(number, key): (usize, &&Key)| {
        let values = columns.iter().zip(&key.0);
        let literals: Vec<String> = values
            .map(|(column, value)| match number {
                // The first row says of which types they all are.
                0 => format!("({})::{}", SQL.literal(value, column), base(&column.native)),
                _ => SQL.literal(value, column),
            })
            .collect();
        format!("({})", literals.join(", "))
    };
    let rows: Vec<String> = keys.iter().enumerate().map(row).collect();
    let condition = format!("({}) IN (VALUES {})", SQL.order(select), rows.join(", "));
    match &select.filter {
        Some(filter) => format!("({filter}) AND {condition}"),
        None => condition,
    }
}

/// Every n-th key of a sample of the server's pages, or of the index where a table is small.
pub(super) async fn cuts(pool: &PgPool, select: &Select, parts: usize) -> Result<Vec<Key>, Cause> {
    if parts < 2 || select.key.is_empty() {
        return Ok(Vec::new());
    }
    let columns: Vec<ColumnSchema> = select.key_columns().cloned().collect();
    // Enums and the like are ordered by themselves and shown as texts: the order is taken inside.
    let query = format!(
        "SELECT {shown} FROM (
             SELECT {names}, row_number() OVER (ORDER BY {names}) AS cutover_row,
                    count(*) OVER () AS cutover_rows
             FROM {table}{sample} WHERE {within}) AS cutover_keys
         WHERE cutover_rows >= {parts} AND cutover_row % (cutover_rows / {parts}) = 0
         ORDER BY cutover_row LIMIT {limit}",
        shown = selected(&columns),
        names = SQL.order(select),
        table = SQL.table(&select.table),
        sample = sample(pool, &select.table, parts).await?,
        within = SQL.within(select, &Range::default())?,
        limit = parts - 1,
    );
    let rows = rows(pool, &columns, &query, parts, Rows::default()).await?;
    Ok(rows.into_iter().map(|row| Key(row.into())).collect())
}

/// How a table is sampled; nothing where all of it may be looked at, or nothing but that.
async fn sample(pool: &PgPool, table: &TableName, parts: usize) -> Result<String, Cause> {
    // A partitioned table has its pages in its partitions, and a view has none.
    let query = sqlx::query_scalar(
        "SELECT sum(pg_relation_size(c.oid))::float8 / current_setting('block_size')::int
         FROM (SELECT $1::text::regclass AS oid
               UNION SELECT relid FROM pg_partition_tree($1::text::regclass)) AS c
         WHERE (SELECT relkind FROM pg_class WHERE oid = $1::text::regclass) IN ('r', 'p', 'm')",
    );
    let pages: Option<f64> = query.bind(SQL.table(table)).fetch_one(pool).await?;
    let parts = f64::from(u32::try_from(parts)?);
    let share = parts * SAMPLED / pages.unwrap_or(0.0).max(1.0);
    Ok(if share > MOST {
        String::new()
    } else {
        // The same pages every time, so that a plan that is made again has the same parts.
        format!(" TABLESAMPLE SYSTEM ({:.6}) REPEATABLE (1)", share * 100.0)
    })
}

pub(super) async fn figures(
    pool: &PgPool,
    select: &Select,
    range: &Range,
    sums: &[usize],
) -> Result<Figures, Cause> {
    let sum = |column: &ColumnSchema| format!(", sum({}::numeric)::text", SQL.name(&column.name));
    let columns = sums
        .iter()
        .filter_map(|position| select.columns.get(*position));
    let query = format!(
        "SELECT count(*){} FROM {} WHERE {}",
        columns.map(sum).collect::<String>(),
        SQL.table(&select.table),
        SQL.within(select, range)?,
    );
    let query = sqlx::query(AssertSqlSafe(query)).persistent(false);
    let row = query.fetch_one(pool).await?;
    let mut figures = Figures {
        rows: u64::try_from(row.try_get::<i64, _>(0)?)?,
        sums: Vec::with_capacity(sums.len()),
    };
    for position in 1..row.len() {
        let sum: Option<&str> = row.try_get(position)?;
        // Where there are no rows, there is no sum; NaN is none that can be held.
        figures.sums.push(match sum {
            None => Some(Number::ZERO),
            Some(sum) => sum.parse().ok(),
        });
    }
    Ok(figures)
}

pub(super) async fn is_empty(pool: &PgPool, table: &TableName) -> Result<bool, Cause> {
    let sql = format!("SELECT NOT EXISTS (SELECT 1 FROM {})", SQL.table(table));
    let query = sqlx::query_scalar(AssertSqlSafe(sql)).persistent(false);
    Ok(query.fetch_one(pool).await?)
}

async fn rows(
    pool: &PgPool,
    columns: &[ColumnSchema],
    query: &str,
    most: usize,
    into: Rows,
) -> Result<Vec<Row>, Cause> {
    let Rows { mut done, .. } = gathered(pool, columns, query, most, into).await?;
    declare(columns, &mut done, own);
    Ok(done)
}

async fn gathered<G: Gather>(
    pool: &PgPool,
    columns: &[ColumnSchema],
    query: &str,
    most: usize,
    into: G,
) -> Result<G, Cause> {
    let mut lent = Lent::of(pool).await?;
    let statement = format!("COPY ({query}) TO STDOUT (FORMAT binary)");
    let mut decoder = Decoder::new(wires(columns), most, into);
    let mut pieces = lent.copy_out_raw(&statement).await?;
    while let Some(piece) = pieces.try_next().await? {
        decoder.push(&piece)?;
        decoder.rows().fits()?;
    }
    drop(pieces);
    lent.give_back();
    Ok(decoder.finish()?)
}

/// What a column's values are by themselves.
fn own(column: &ColumnSchema) -> Type {
    match Way::of(&column.native) {
        // What is cast to a text is of a kind that the type's name alone does not tell.
        Way { cast: Some(_), .. } => column.kind.clone(),
        _ => kind(&column.native, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    fn column(name: &str, native: &str) -> ColumnSchema {
        ColumnSchema {
            name: name.to_owned(),
            kind: Type::Unsupported,
            native: native.to_owned(),
            nullable: false,
            optional: false,
            generated: false,
            ordered: true,
        }
    }

    #[test]
    fn keys_of_several_columns_are_joined_as_a_table_of_their_types() {
        let select = Select {
            table: "t".parse().expect("a name"),
            columns: vec![column("a", "bigint"), column("b", "character varying(3)")],
            key: vec![0, 1],
            filter: Some("x > 1".to_owned()),
        };
        let key = |a, b| Key([Value::Int(a), Value::text(b)].into());
        assert_eq!(
            among(&select, &[key(1, "long"), key(-2, "it's")]),
            r#"(x > 1) AND ("a", "b") IN (VALUES ((1)::bigint, ('long')::character varying), (-2, 'it''s'))"#
        );
    }
}
