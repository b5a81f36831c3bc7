//! What a file says of its tables.

use kit::error::Cause;
use sqlx::{AssertSqlSafe, Row as _, SqlitePool};

use crate::schema::{ColumnSchema, TableName, TableSchema, Type};
use crate::store::Dialect;
use crate::store::books::is_ours;

/// `hidden` of a column that is computed: virtual, and stored.
const COMPUTED: [i64; 2] = [2, 3];

pub(super) async fn tables(pool: &SqlitePool) -> Result<Vec<TableName>, Cause> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
         ORDER BY name",
    )
    .fetch_all(pool)
    .await?;
    let names = names.into_iter().filter(|name| !is_ours(name));
    Ok(names.map(|name| TableName { schema: None, name }).collect())
}

pub(super) async fn describe(
    pool: &SqlitePool,
    table: &TableName,
) -> Result<Option<TableSchema>, Cause> {
    let rows = sqlx::query(
        "SELECT name, type, \"notnull\", dflt_value, pk, hidden
         FROM pragma_table_xinfo(?1) ORDER BY cid",
    )
    .bind(&table.name)
    .fetch_all(pool)
    .await?;
    let mut columns = Vec::with_capacity(rows.len());
    let mut key: Vec<(i64, String)> = Vec::new();
    for row in &rows {
        let (name, native): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let (required, in_key): (bool, i64) = (row.try_get(2)?, row.try_get(4)?);
        let default: Option<String> = row.try_get(3)?;
        if in_key > 0 {
            key.push((in_key, name.clone()));
        }
        let collation: Option<String> = collation(pool, &table.name, &name).await?;
        columns.push(ColumnSchema {
            kind: kind(&native),
            nullable: !required,
            optional: default.is_some(),
            generated: COMPUTED.contains(&row.try_get(5)?),
            ordered: collation.is_none_or(|collation| collation == "BINARY"),
            name,
            native: native.to_uppercase(),
        });
    }
    key.sort();
    // The one column of an integer key counts by itself.
    if let [(_, name)] = key.as_slice()
        && let Some(column) = columns.iter_mut().find(|column| column.name == *name)
    {
        let counts = column.native == "INTEGER";
        column.optional |= counts;
        column.nullable &= !counts;
    }
    let key: Vec<String> = key.into_iter().map(|(_, name)| name).collect();
    nameless(pool, table, &columns, &key).await?;
    let name = own_name(pool, table).await?;
    Ok((!columns.is_empty()).then_some(TableSchema {
        name,
        columns,
        key,
        rows: None,
    }))
}

/// A table's own name: the letters of a given one may be of another case, and its schema goes
/// without saying.
async fn own_name(pool: &SqlitePool, table: &TableName) -> Result<TableName, Cause> {
    let other = |schema: &String| !schema.eq_ignore_ascii_case("main");
    let query = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE AND type IN ('table', 'view')",
    );
    let own: Option<String> = query.bind(&table.name).fetch_optional(pool).await?;
    Ok(TableName {
        schema: table.schema.clone().filter(other),
        name: own.unwrap_or_else(|| table.name.clone()),
    })
}

pub(super) async fn cascades(pool: &SqlitePool, table: &TableName) -> Result<Vec<String>, Cause> {
    let found = sqlx::query_scalar(
        "SELECT DISTINCT s.name FROM sqlite_schema AS s, pragma_foreign_key_list(s.name) AS f
         WHERE s.type = 'table' AND f.\"table\" = ?1 COLLATE NOCASE
           AND f.on_delete NOT IN ('NO ACTION', 'RESTRICT')
         ORDER BY s.name",
    )
    .bind(&table.name)
    .fetch_all(pool)
    .await?;
    Ok(found)
}

/// Refuses a table with rows that have null in their primary key, which `SQLite` alone allows:
/// no comparison of keys finds them, so they would be left behind without a word.
async fn nameless(
    pool: &SqlitePool,
    table: &TableName,
    columns: &[ColumnSchema],
    key: &[String],
) -> Result<(), Cause> {
    let columns = columns.iter();
    let nullable = columns.filter(|column| column.nullable && key.contains(&column.name));
    for ColumnSchema { name, .. } in nullable {
        let sql = format!(
            "SELECT count(*) FROM {} WHERE {} IS NULL",
            Dialect::Sqlite.table(table),
            Dialect::Sqlite.name(name),
        );
        let rows: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(pool)
            .await?;
        if rows > 0 {
            let message = format!("`{name}` is of the primary key, and null in {rows} rows");
            return Err(message.into());
        }
    }
    Ok(())
}

/// The collation of a column that an index is on: the only place that tells.
async fn collation(pool: &SqlitePool, table: &str, column: &str) -> Result<Option<String>, Cause> {
    let found = sqlx::query_scalar(
        "SELECT x.coll FROM pragma_index_list(?1) AS i, pragma_index_xinfo(i.name) AS x
         WHERE x.name = ?2 AND x.coll <> 'BINARY' LIMIT 1",
    )
    .bind(table)
    .bind(column)
    .fetch_optional(pool)
    .await?;
    Ok(found)
}

/// By the declared type's words, as `SQLite` itself takes affinities from them, and finer.
fn kind(native: &str) -> Type {
    let native = native.to_lowercase();
    let words: String = native.chars().take_while(|letter| *letter != '(').collect();
    let numbers: Vec<u8> = native
        .split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect();
    let text = Type::Text {
        most: None,
        padded: false,
    };
    match words.trim() {
        "boolean" | "bool" => Type::Bool,
        "date" => Type::Date,
        "time" => Type::Time { digits: 7 },
        "datetime" | "timestamp" => Type::Naive { digits: 7 },
        "timestamptz" => Type::Instant { digits: 7 },
        "uuid" => Type::Uuid,
        "json" => Type::Json,
        "numeric" | "decimal" => Type::Decimal {
            bounds: match numbers.as_slice() {
                [digits, places] if places <= digits && *digits <= 38 => Some((*digits, *places)),
                _ => None,
            },
        },
        words if words.contains("int") => Type::int(64),
        words if words.contains("char") || words.contains("clob") || words.contains("text") => text,
        "blob" => Type::Bytes,
        words if words.contains("real") || words.contains("floa") || words.contains("doub") => {
            Type::Float { bits: 64 }
        }
        _ => text,
    }
}
