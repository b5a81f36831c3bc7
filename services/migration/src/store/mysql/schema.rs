//! What a server says of its tables. Everything is asked for as text: the types of the server's
//! own tables differ between versions and makers.

use kit::error::Cause;
use sqlx::mysql::MySqlRow;
use sqlx::{MySqlPool, Row as _};

use super::wire::{is_ordered, kind};
use crate::schema::{ColumnSchema, TableName, TableSchema};
use crate::store::books::is_ours;

const TABLES: &str = "
SELECT CAST(TABLE_NAME AS CHAR) FROM information_schema.TABLES
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE' ORDER BY TABLE_NAME";

const TABLE: &str = "
SELECT CAST(TABLE_SCHEMA AS CHAR), CAST(TABLE_NAME AS CHAR), CAST(TABLE_ROWS AS CHAR)
FROM information_schema.TABLES
WHERE TABLE_SCHEMA = coalesce(?, DATABASE()) AND TABLE_NAME = ?";

const COLUMNS: &str = "
SELECT CAST(COLUMN_NAME AS CHAR), CAST(COLUMN_TYPE AS CHAR), CAST(IS_NULLABLE AS CHAR),
       CAST(COLUMN_DEFAULT AS CHAR), CAST(EXTRA AS CHAR), CAST(COLLATION_NAME AS CHAR)
FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION";

/// Unique indexes of whole columns, the primary key first and then the shortest.
const KEYS: &str = "
SELECT CAST(s.INDEX_NAME AS CHAR), CAST(s.COLUMN_NAME AS CHAR)
FROM information_schema.STATISTICS AS s
JOIN (SELECT INDEX_NAME, count(*) AS columns, max(SEQ_IN_INDEX) AS last
      FROM information_schema.STATISTICS
      WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND NON_UNIQUE = 0
      GROUP BY INDEX_NAME
      HAVING count(SUB_PART) = 0 AND count(COLUMN_NAME) = count(*)
         AND sum(NULLABLE = 'YES') = 0) AS k ON k.INDEX_NAME = s.INDEX_NAME
WHERE s.TABLE_SCHEMA = ? AND s.TABLE_NAME = ?
ORDER BY s.INDEX_NAME <> 'PRIMARY', k.columns, s.INDEX_NAME, s.SEQ_IN_INDEX";

pub(super) async fn tables(pool: &MySqlPool) -> Result<Vec<TableName>, Cause> {
    let rows = sqlx::query(TABLES).fetch_all(pool).await?;
    let mut tables = Vec::with_capacity(rows.len());
    for row in &rows {
        let name = text(row, 0)?.unwrap_or_default();
        if !is_ours(&name) {
            tables.push(TableName { schema: None, name });
        }
    }
    Ok(tables)
}

pub(super) async fn describe(
    pool: &MySqlPool,
    table: &TableName,
) -> Result<Option<TableSchema>, Cause> {
    let query = sqlx::query(TABLE).bind(&table.schema).bind(&table.name);
    let Some(found) = query.fetch_optional(pool).await? else {
        return Ok(None);
    };
    let (schema, name) = (text(&found, 0)?.unwrap_or_default(), text(&found, 1)?);
    // Names may be found whatever the case of their letters; this one is the table's own.
    let name = name.unwrap_or_default();
    let query = sqlx::query(COLUMNS).bind(&schema).bind(&name);
    let rows = query.fetch_all(pool).await?;
    let mut columns = Vec::with_capacity(rows.len());
    for row in &rows {
        let native = text(row, 1)?.unwrap_or_default().to_ascii_lowercase();
        let extra = text(row, 4)?.unwrap_or_default().to_ascii_uppercase();
        let computed = [
            "VIRTUAL GENERATED",
            "STORED GENERATED",
            "PERSISTENT GENERATED",
        ];
        columns.push(ColumnSchema {
            name: text(row, 0)?.unwrap_or_default(),
            kind: kind(&native).0,
            nullable: text(row, 2)?.as_deref() == Some("YES"),
            optional: text(row, 3)?.is_some() || extra.contains("AUTO_INCREMENT"),
            generated: computed.iter().any(|computed| extra.contains(computed)),
            ordered: is_ordered(&native, text(row, 5)?.as_deref()),
            native,
        });
    }
    Ok(Some(TableSchema {
        key: key(pool, &schema, &name).await?,
        rows: text(&found, 2)?.and_then(|rows| rows.parse().ok()),
        name: TableName {
            schema: Some(schema),
            name,
        },
        columns,
    }))
}

async fn key(pool: &MySqlPool, schema: &str, table: &str) -> Result<Vec<String>, Cause> {
    let query = sqlx::query(KEYS).bind(schema).bind(table);
    let rows = query.bind(schema).bind(table).fetch_all(pool).await?;
    let (mut first, mut key) = (None, Vec::new());
    for row in &rows {
        let index = text(row, 0)?;
        if *first.get_or_insert_with(|| index.clone()) == index {
            key.extend(text(row, 1)?);
        }
    }
    Ok(key)
}

fn text(row: &MySqlRow, position: usize) -> sqlx::Result<Option<String>> {
    row.try_get_unchecked(position)
}
