//! What a server says of its tables.

use kit::error::Cause;
use sqlx::{PgPool, Row as _};

use super::wire::{is_ordered, kind};
use crate::schema::{ColumnSchema, TableName, TableSchema};
use crate::store::Dialect;
use crate::store::books::is_ours;

/// Tables that are no part of another, and not the server's own; a name that the search path
/// finds goes without its schema.
const TABLES: &str = "
SELECT CASE WHEN pg_table_is_visible(c.oid) THEN NULL ELSE n.nspname::text END, c.relname::text
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
ORDER BY n.nspname, c.relname";

/// A table by its name and schema, or by the search path: its number, schema, and rows by the
/// statistics, which a partitioned table may not have.
const TABLE: &str = "
SELECT c.oid::bigint, n.nspname::text,
       CASE WHEN c.relkind = 'p'
            THEN (SELECT sum(greatest(p.reltuples, 0)) FROM pg_partition_tree(c.oid) AS t
                  JOIN pg_class AS p ON p.oid = t.relid WHERE t.isleaf)::float8
            ELSE c.reltuples::float8 END
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND CASE WHEN $2::text IS NULL THEN pg_table_is_visible(c.oid) ELSE n.nspname = $2 END";

/// The columns of a table, those of a domain as what it is made of. The last column is whether
/// texts are ordered by their bytes.
const COLUMNS: &str = "
WITH RECURSIVE based AS (
    SELECT a.attnum, a.atttypid AS type, a.atttypmod AS modifier, a.attcollation AS collation,
           a.attnotnull AS required,
           a.atthasdef OR a.attidentity <> '' AS optional
    FROM pg_attribute AS a
    WHERE a.attrelid = $1::bigint::oid AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT b.attnum, t.typbasetype, t.typtypmod, b.collation, b.required OR t.typnotnull,
           b.optional OR t.typdefault IS NOT NULL
    FROM based AS b JOIN pg_type AS t ON t.oid = b.type
    WHERE t.typtype = 'd'
)
SELECT a.attname::text, format_type(b.type, b.modifier), t.typcategory::text, b.required,
       b.optional, a.attgenerated <> '',
       coalesce(l.collname IN ('C', 'POSIX', 'ucs_basic') OR l.collprovider = 'b'
           OR (l.collname = 'default' AND (SELECT d.by_bytes FROM (
               SELECT datcollate IN ('C', 'POSIX')
                      AND coalesce(to_jsonb(o) ->> 'datlocprovider', 'c') = 'c'
                      OR coalesce(to_jsonb(o) ->> 'datlocprovider', 'c') = 'b' AS by_bytes
               FROM pg_database AS o WHERE o.datname = current_database()) AS d)), true)
FROM based AS b
JOIN pg_type AS t ON t.oid = b.type AND t.typtype <> 'd'
JOIN pg_attribute AS a ON a.attrelid = $1::bigint::oid AND a.attnum = b.attnum
LEFT JOIN pg_collation AS l ON l.oid = b.collation
ORDER BY a.attnum";

/// The columns of the primary key, or of the first of the shortest unique keys without nulls.
const KEY: &str = "
SELECT a.attname::text
FROM (SELECT i.indkey::int2[] AS columns, i.indnkeyatts AS count
      FROM pg_index AS i
      WHERE i.indrelid = $1::bigint::oid AND i.indisunique AND i.indisvalid
        AND i.indpred IS NULL AND i.indexprs IS NULL
        AND (i.indisprimary OR i.indimmediate AND NOT EXISTS (
            SELECT FROM pg_attribute AS n
            WHERE n.attrelid = i.indrelid AND NOT n.attnotnull
              AND n.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])))
      ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1) AS k,
     unnest(k.columns) WITH ORDINALITY AS c (attnum, position)
JOIN pg_attribute AS a ON a.attrelid = $1::bigint::oid AND a.attnum = c.attnum
WHERE c.position <= k.count
ORDER BY c.position";

pub(super) async fn tables(pool: &PgPool) -> Result<Vec<TableName>, Cause> {
    let names: Vec<(Option<String>, String)> = sqlx::query_as(TABLES).fetch_all(pool).await?;
    let names = names.into_iter().filter(|(_, name)| !is_ours(name));
    Ok(names
        .map(|(schema, name)| TableName { schema, name })
        .collect())
}

pub(super) async fn cascades(pool: &PgPool, table: &TableName) -> Result<Vec<String>, Cause> {
    let found = sqlx::query_scalar(
        "SELECT DISTINCT conrelid::regclass::text FROM pg_constraint
         WHERE contype = 'f' AND confrelid = $1::text::regclass AND confdeltype NOT IN ('a', 'r')
         ORDER BY 1",
    )
    .bind(Dialect::Postgres.table(table))
    .fetch_all(pool)
    .await?;
    Ok(found)
}

pub(super) async fn describe(
    pool: &PgPool,
    table: &TableName,
) -> Result<Option<TableSchema>, Cause> {
    let query = sqlx::query_as(TABLE).bind(&table.name).bind(&table.schema);
    let found: Option<(i64, String, Option<f64>)> = query.fetch_optional(pool).await?;
    let Some((oid, schema, rows)) = found else {
        return Ok(None);
    };
    let described = sqlx::query(COLUMNS).bind(oid).fetch_all(pool).await?;
    let mut columns = Vec::with_capacity(described.len());
    for row in &described {
        let (name, native): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let (category, required): (&str, bool) = (row.try_get(2)?, row.try_get(3)?);
        columns.push(ColumnSchema {
            kind: kind(&native, category),
            nullable: !required,
            optional: row.try_get(4)?,
            generated: row.try_get(5)?,
            ordered: is_ordered(&native, row.try_get(6)?),
            name,
            native,
        });
    }
    Ok(Some(TableSchema {
        name: TableName {
            schema: Some(schema),
            name: table.name.clone(),
        },
        columns,
        key: sqlx::query_scalar(KEY).bind(oid).fetch_all(pool).await?,
        // One that was never analysed has none.
        rows: rows.filter(|rows| *rows >= 0.0).map(whole),
    }))
}

/// The columns of a table's key, by its quoted name.
pub(super) async fn key(pool: &PgPool, table: &str) -> Result<Vec<String>, Cause> {
    let oid: i64 = sqlx::query_scalar("SELECT $1::text::regclass::oid::bigint")
        .bind(table)
        .fetch_one(pool)
        .await?;
    Ok(sqlx::query_scalar(KEY).bind(oid).fetch_all(pool).await?)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate, which is not negative; a cast stays within the bounds"
)]
fn whole(rows: f64) -> u64 {
    rows as u64
}
