//! What a server says of its tables.

use kit::error::Cause;
use tiberius::{ColumnData, Row};

use legacy_monolith::repository::mssql::Reader;

use super::wire::{is_ordered, kind};
use crate::schema::{ColumnSchema, TableName, TableSchema};
use crate::store::Dialect;
use crate::store::books::is_ours;

/// Tables of everyone; one that needs no schema goes without.
const TABLES: &str = "
SELECT NULLIF(CAST(s.name AS nvarchar(128)), SCHEMA_NAME()), CAST(t.name AS nvarchar(128))
FROM sys.tables AS t JOIN sys.schemas AS s ON s.schema_id = t.schema_id
WHERE t.is_ms_shipped = 0 ORDER BY s.name, t.name";

pub(super) async fn tables(reader: &Reader) -> Result<Vec<TableName>, Cause> {
    let rows = reader.rows(TABLES.to_owned(), &[]).await?;
    let names = rows.iter().filter_map(|row| {
        let name = text(row, 1)?;
        let schema = text(row, 0);
        (!is_ours(&name)).then_some(TableName { schema, name })
    });
    Ok(names.collect())
}

pub(super) async fn describe(
    reader: &Reader,
    table: &TableName,
) -> Result<Option<TableSchema>, Cause> {
    let object = object(table);
    let found = format!(
        "SELECT CAST(OBJECT_SCHEMA_NAME(o.object_id) AS nvarchar(128)), CAST(o.name AS nvarchar(128)),
                CAST((SELECT SUM(p.rows) FROM sys.partitions AS p
                      WHERE p.object_id = o.object_id AND p.index_id IN (0, 1)) AS bigint)
         FROM sys.objects AS o WHERE o.object_id = OBJECT_ID({object}) AND o.type IN ('U', 'V')"
    );
    let found = reader.rows(found, &[]).await?;
    let Some(found) = found.first() else {
        return Ok(None);
    };
    // A type that somebody named is the one that it is made of.
    let columns = format!(
        "SELECT CAST(c.name AS nvarchar(128)), CAST(t.name AS nvarchar(128)),
                CAST(c.max_length AS bigint), CAST(c.precision AS bigint), CAST(c.scale AS bigint),
                CAST(c.is_nullable AS bigint),
                CAST(CASE WHEN c.default_object_id <> 0 OR c.is_identity = 1 THEN 1 ELSE 0 END AS bigint),
                CAST(CASE WHEN c.is_computed = 1 OR c.system_type_id = 189 THEN 1 ELSE 0 END AS bigint)
         FROM sys.columns AS c
         JOIN sys.types AS t ON t.user_type_id =
             CASE WHEN c.system_type_id = 240 THEN c.user_type_id ELSE c.system_type_id END
         WHERE c.object_id = OBJECT_ID({object}) ORDER BY c.column_id"
    );
    let columns = reader.rows(columns, &[]).await?;
    let columns = columns.iter().filter_map(column).collect();
    // The primary key, or else the shortest unique index of all rows without nulls.
    let key = format!(
        "SELECT CAST(c.name AS nvarchar(128)) FROM (
             SELECT TOP (1) i.object_id, i.index_id FROM sys.indexes AS i
             WHERE i.object_id = OBJECT_ID({object}) AND i.is_unique = 1 AND i.has_filter = 0
               AND i.is_disabled = 0 AND NOT EXISTS (
                 SELECT 1 FROM sys.index_columns AS x
                 JOIN sys.columns AS n ON n.object_id = x.object_id AND n.column_id = x.column_id
                 WHERE x.object_id = i.object_id AND x.index_id = i.index_id
                   AND x.is_included_column = 0 AND n.is_nullable = 1)
             ORDER BY i.is_primary_key DESC,
                 (SELECT COUNT(*) FROM sys.index_columns AS x WHERE x.object_id = i.object_id
                  AND x.index_id = i.index_id AND x.is_included_column = 0), i.index_id) AS k
         JOIN sys.index_columns AS x ON x.object_id = k.object_id AND x.index_id = k.index_id
         JOIN sys.columns AS c ON c.object_id = x.object_id AND c.column_id = x.column_id
         WHERE x.is_included_column = 0 ORDER BY x.key_ordinal"
    );
    let key = reader.rows(key, &[]).await?;
    Ok(Some(TableSchema {
        name: TableName {
            schema: text(found, 0),
            name: text(found, 1).unwrap_or_else(|| table.name.clone()),
        },
        columns,
        key: key.iter().filter_map(|row| text(row, 0)).collect(),
        rows: number(found, 2).and_then(|rows| u64::try_from(rows).ok()),
    }))
}

fn column(row: &Row) -> Option<ColumnSchema> {
    let [length, precision, scale] = [2, 3, 4].map(|position| number(row, position).unwrap_or(0));
    let native = native(&text(row, 1)?, length, precision, scale);
    let is = |position| number(row, position) == Some(1);
    Some(ColumnSchema {
        name: text(row, 0)?,
        kind: kind(&native),
        nullable: is(5),
        optional: is(6),
        generated: is(7),
        ordered: is_ordered(&native),
        native,
    })
}

/// The type as a declaration writes it.
fn native(name: &str, length: i64, precision: i64, scale: i64) -> String {
    match name {
        "varchar" | "varbinary" | "nvarchar" if length < 0 => format!("{name}(max)"),
        "char" | "varchar" | "binary" | "varbinary" => format!("{name}({length})"),
        // Two bytes for each.
        "nchar" | "nvarchar" => format!("{name}({})", length / 2),
        "decimal" | "numeric" => format!("{name}({precision},{scale})"),
        "time" | "datetime2" | "datetimeoffset" => format!("{name}({scale})"),
        _ => name.to_owned(),
    }
}

/// A table's name as a literal, for `OBJECT_ID`.
fn object(table: &TableName) -> String {
    format!("N'{}'", Dialect::Mssql.table(table).replace('\'', "''"))
}

fn text(row: &Row, position: usize) -> Option<String> {
    match row.cells().nth(position)?.1 {
        ColumnData::String(text) => text.as_ref().map(ToString::to_string),
        _ => None,
    }
}

fn number(row: &Row, position: usize) -> Option<i64> {
    match row.cells().nth(position)?.1 {
        ColumnData::I64(number) => *number,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_written_as_its_declaration() {
        assert_eq!(native("nvarchar", 20, 0, 0), "nvarchar(10)");
        assert_eq!(native("varchar", -1, 0, 0), "varchar(max)");
        assert_eq!(native("decimal", 9, 10, 2), "decimal(10,2)");
        assert_eq!(native("datetime2", 8, 27, 7), "datetime2(7)");
        assert_eq!(native("int", 4, 10, 0), "int");
        assert_eq!(
            object(&"dbo.it's".parse().expect("a name")),
            "N'[dbo].[it''s]'"
        );
    }
}
