//! A modern database in a `SQLite` file: row by row, since a statement that violates a constraint
//! undoes itself alone.

use async_trait::async_trait;
use kit::{error::Cause, sqlite::Database, time::Millis};
use sqlx::{AssertSqlSafe, Sqlite, SqlitePool, Transaction};

use super::{Target, upsert};
use crate::{
    checkpoint::{ADVANCE, FORGET, Finished, PROGRESS, Progress, REFUSALS, REFUSE, START},
    figures::{Figures, Part},
    mapping::{Rule, Table},
    report::{Refusal, TableReport},
    sqlite::{Counted, open_to_read},
    value::{ModernRow, ModernValue},
};

/// `SQLITE_CONSTRAINT`, the low byte of every code of a violated constraint.
const CONSTRAINT: u32 = 19;

pub(super) struct SqliteTarget(Database);

impl SqliteTarget {
    pub(super) async fn open(url: &str) -> Result<Self, Cause> {
        let migrations = sqlx::migrate!("../../migrations/modern/sqlite");
        let database = Database::open(url, &migrations).await?;
        let mut write = database.write().await?;
        sqlx::raw_sql(
            "CREATE TABLE IF NOT EXISTS migration_checkpoints (
                 source   TEXT    NOT NULL PRIMARY KEY,
                 last_key INTEGER NOT NULL,
                 done     INTEGER NOT NULL
             ) STRICT;
             CREATE TABLE IF NOT EXISTS migration_refusals (
                 source TEXT    NOT NULL,
                 key    INTEGER NOT NULL,
                 reason TEXT    NOT NULL,
                 PRIMARY KEY (source, key)
             ) STRICT;",
        )
        .execute(&mut *write)
        .await?;
        write.commit().await?;
        Ok(Self(database))
    }
}

#[async_trait]
impl Target for SqliteTarget {
    async fn start(&self, table: &Table, finished: Finished) -> Result<Option<i64>, Cause> {
        let mut write = self.0.write().await?;
        let progress: Option<Progress> = sqlx::query_as(PROGRESS)
            .bind(table.legacy)
            .fetch_optional(&mut *write)
            .await?;
        let start = finished.start(progress);
        if start == Some(START) {
            sqlx::query(FORGET)
                .bind(table.legacy)
                .execute(&mut *write)
                .await?;
        }
        write.commit().await?;
        Ok(start)
    }

    async fn load(
        &self,
        table: &Table,
        rows: &[ModernRow],
        progress: Progress,
    ) -> Result<TableReport, Cause> {
        let values = vec!["?"; table.columns.len()].join(", ");
        let upsert = upsert(table, &format!("VALUES ({values})"), "IS NOT");
        let mut report = TableReport::of(table);
        let mut write = self.0.write().await?;
        for row in rows {
            report.read += 1;
            let written = match &row.values {
                Ok(values) => insert(&mut write, &upsert, values).await?,
                Err(reason) => Err(reason.clone()),
            };
            match written {
                Ok(0) => report.unchanged += 1,
                Ok(_) => report.written += 1,
                Err(reason) => {
                    report.refused += 1;
                    sqlx::query(REFUSE)
                        .bind(table.legacy)
                        .bind(row.key)
                        .bind(reason)
                        .execute(&mut *write)
                        .await?;
                }
            }
        }
        sqlx::query(ADVANCE)
            .bind(table.legacy)
            .bind(progress.last_key)
            .bind(progress.done)
            .execute(&mut *write)
            .await?;
        write.commit().await?;
        Ok(report)
    }

    async fn refusals(&self, limit: u32) -> Result<Vec<Refusal>, Cause> {
        let refusals = sqlx::query_as(REFUSALS).bind(i64::from(limit));
        Ok(refusals.fetch_all(self.0.reader()).await?)
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

/// The number of rows changed, or the database's reason to refuse the row.
async fn insert(
    write: &mut Transaction<'_, Sqlite>,
    upsert: &str,
    values: &[ModernValue],
) -> sqlx::Result<Result<u64, String>> {
    let mut query = sqlx::query(AssertSqlSafe(upsert));
    for value in values {
        query = match value {
            ModernValue::Null => query.bind(None::<&str>),
            ModernValue::Text(text) => query.bind(text.as_str()),
            ModernValue::Amount(amount) => query.bind(amount.to_string()),
            ModernValue::Instant(instant) => query.bind(Millis::from(*instant).to_string()),
            ModernValue::Date(date) => query.bind(date.to_string()),
            ModernValue::Count(count) => query.bind(*count),
        };
    }
    match query.execute(&mut **write).await {
        Ok(result) => Ok(Ok(result.rows_affected())),
        Err(sqlx::Error::Database(error)) if is_constraint(error.code().as_deref()) => {
            Ok(Err(error.message().to_owned()))
        }
        Err(error) => Err(error),
    }
}

fn is_constraint(code: Option<&str>) -> bool {
    let code = code.and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == CONSTRAINT)
}

/// The database, to be counted.
pub(super) struct SqliteFigures(SqlitePool);

impl SqliteFigures {
    pub(super) async fn open(url: &str) -> Result<Self, Cause> {
        open_to_read(url).await.map(Self)
    }
}

#[async_trait]
impl Figures for SqliteFigures {
    type Key = String;

    async fn part(
        &self,
        table: &Table,
        after: Option<String>,
    ) -> Result<Option<Part<String>>, Cause> {
        let columns = table.summed().map(|column| {
            let name = column.modern;
            let expression = match column.rule {
                // The texts have exactly two places.
                Rule::Money => format!("CAST(replace({name}, '.', '') AS INTEGER)"),
                _ => name.to_owned(),
            };
            (expression, column.rule)
        });
        let counted = Counted {
            table: table.modern,
            key: "id",
            condition: "id NOT GLOB '*[^0-9]*'",
            columns: columns.collect(),
        };
        counted.part(&self.0, after.unwrap_or_default()).await
    }
}
