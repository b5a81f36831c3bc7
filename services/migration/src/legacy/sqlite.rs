//! A legacy database in a `SQLite` file.

use async_trait::async_trait;
use kit::error::Cause;
use sqlx::{
    AssertSqlSafe, Row, SqlitePool, TypeInfo, ValueRef,
    sqlite::{SqliteRow, SqliteValueRef},
};

use super::Source;
use crate::{
    figures::{Figures, Part},
    mapping::Table,
    sqlite::{Counted, open_to_read},
    value::{LegacyRow, LegacyValue},
};

pub(super) struct SqliteSource(SqlitePool);

impl SqliteSource {
    pub(super) async fn open(url: &str) -> Result<Self, Cause> {
        open_to_read(url).await.map(Self)
    }
}

#[async_trait]
impl Source for SqliteSource {
    async fn page(&self, table: &Table, after: i64, size: u32) -> Result<Vec<LegacyRow>, Cause> {
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
            .fetch_all(&self.0)
            .await?;
        Ok(rows.iter().map(legacy_row).collect::<sqlx::Result<_>>()?)
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

#[async_trait]
impl Figures for SqliteSource {
    type Key = i64;

    async fn part(&self, table: &Table, after: Option<i64>) -> Result<Option<Part<i64>>, Cause> {
        let counted = Counted {
            table: table.legacy,
            key: "Id",
            condition: "TRUE",
            columns: table
                .summed()
                .map(|column| (column.legacy.to_owned(), column.rule))
                .collect(),
        };
        counted.part(&self.0, after.unwrap_or(i64::MIN)).await
    }
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

fn value(row: &SqliteRow, position: usize, raw: &SqliteValueRef<'_>) -> LegacyValue {
    if raw.is_null() {
        return LegacyValue::Null;
    }
    let kind = raw.type_info().name().to_owned();
    let unsupported = |_| LegacyValue::Unsupported(format!("unreadable {kind}"));
    match kind.as_str() {
        "INTEGER" => row
            .try_get_unchecked(position)
            .map_or_else(unsupported, LegacyValue::Integer),
        "TEXT" => row
            .try_get_unchecked(position)
            .map_or_else(unsupported, LegacyValue::Text),
        _ => LegacyValue::Unsupported(kind),
    }
}
