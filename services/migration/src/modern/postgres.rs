//! A modern database in `PostgreSQL`: a page is one statement, an array a column.
//!
//! A statement cannot say which of its rows the schema refuses. A page that is refused is
//! therefore written in two halves, each with its own checkpoint, and so on down to the row.

use async_trait::async_trait;
use jiff_sqlx::ToSqlx as _;
use kit::{
    database::Settings,
    error::Cause,
    postgres::{Database, Lent},
};
use sqlx::{
    AssertSqlSafe, Postgres, Row as _, postgres::PgArguments, postgres::PgDatabaseError,
    query::Query,
};

use super::{Target, upsert};
use crate::{
    checkpoint::{ADVANCE, FORGET, Finished, PROGRESS, Progress, REFUSALS, REFUSE, START},
    figures::{Figures, Part, RANGE},
    mapping::{Column, Rule, Table},
    report::{Refusal, TableReport},
    value::{ModernRow, ModernValue},
};

/// Classes of errors that a row is at fault for: it does not fit its columns, it breaks a
/// constraint, or an index cannot hold it.
const OF_A_ROW: [&str; 3] = ["22", "23", "54"];

/// Errors whose detail is about one value and not the whole row.
const TELLING: [&str; 3] = ["22003", "23503", "23505"];

#[derive(Debug)]
pub(super) struct PostgresTarget(Database);

impl PostgresTarget {
    pub(super) async fn open(url: &str) -> Result<Self, Cause> {
        let database = database(url, true).await?;
        let prepared = database.write(|mut connection| async move {
            let made = sqlx::raw_sql(
                "CREATE TABLE IF NOT EXISTS migration_checkpoints (
                     source   text    PRIMARY KEY,
                     last_key bigint  NOT NULL,
                     done     boolean NOT NULL
                 );
                 CREATE TABLE IF NOT EXISTS migration_refusals (
                     source text   NOT NULL,
                     key    bigint NOT NULL,
                     reason text   NOT NULL,
                     PRIMARY KEY (source, key)
                 );",
            )
            .execute(&mut *connection)
            .await;
            (connection, made)
        });
        prepared.await?;
        Ok(Self(database))
    }

    pub(super) async fn open_to_count(url: &str) -> Result<Self, Cause> {
        database(url, false).await.map(Self)
    }

    /// Writes rows in one transaction, or none of them.
    async fn write(
        &self,
        table: &Table,
        upsert: &str,
        rows: &[ModernRow],
        progress: Progress,
    ) -> sqlx::Result<TableReport> {
        let written = self.0.write(|mut connection| async move {
            let written = write(&mut connection, table, upsert, rows, progress).await;
            (connection, written)
        });
        written.await
    }
}

#[async_trait]
impl Target for PostgresTarget {
    async fn start(&self, table: &Table, finished: Finished) -> Result<Option<i64>, Cause> {
        let start = self.0.write(|mut connection| async move {
            let start = start(&mut connection, table, finished).await;
            (connection, start)
        });
        Ok(start.await?)
    }

    async fn load(
        &self,
        table: &Table,
        rows: &[ModernRow],
        progress: Progress,
    ) -> Result<TableReport, Cause> {
        let upsert = upsert(table, &unnest(table), "IS DISTINCT FROM");
        let mut report = TableReport::of(table);
        // What is left to write, the first rows last.
        let mut parts = vec![(rows, progress)];
        while let Some((rows, progress)) = parts.pop() {
            let written = match self.write(table, &upsert, rows, progress).await {
                Ok(written) => written,
                Err(error) => match (refusal(&error), rows) {
                    (None, _) => return Err(error.into()),
                    (Some(reason), [row]) => {
                        let refused = ModernRow {
                            key: row.key,
                            values: Err(reason),
                        };
                        self.write(table, &upsert, &[refused], progress).await?
                    }
                    (Some(_), rows) => {
                        let (first, second) = rows.split_at(rows.len() / 2);
                        let last_key = first.last().map_or(START, |row| row.key);
                        let done = false;
                        parts.push((second, progress));
                        parts.push((first, Progress { last_key, done }));
                        continue;
                    }
                },
            };
            report.add(&written);
        }
        Ok(report)
    }

    async fn refusals(&self, limit: u32) -> Result<Vec<Refusal>, Cause> {
        let refusals = self.0.read(|mut connection| async move {
            let query = sqlx::query_as(REFUSALS).bind(i64::from(limit));
            let refusals = query.fetch_all(&mut *connection).await;
            (connection, refusals)
        });
        Ok(refusals.await?)
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

#[async_trait]
impl Figures for PostgresTarget {
    type Key = String;

    async fn part(
        &self,
        table: &Table,
        after: Option<String>,
    ) -> Result<Option<Part<String>>, Cause> {
        let sum = |column: &Column| format!(", coalesce(sum({}), 0)::numeric", column.modern);
        let sums: String = table.summed().map(sum).collect();
        let select = &format!(
            "SELECT max(id), count(*)::numeric{sums} FROM (
                 SELECT * FROM {} WHERE id > $1 AND id ~ '^[0-9]+$' ORDER BY id LIMIT $2) AS part",
            table.modern,
        );
        let after = &after.unwrap_or_default();
        let row = self.0.read(|mut connection| async move {
            let query = sqlx::query(AssertSqlSafe(select.as_str()));
            let row = query.bind(after).bind(RANGE).fetch_one(&mut *connection);
            let row = row.await;
            (connection, row)
        });
        let row = row.await?;
        let last: Option<String> = row.try_get(0)?;
        let figures = (1..row.len()).map(|position| row.try_get(position));
        let figures = figures.collect::<sqlx::Result<_>>()?;
        Ok(last.map(|last| Part { last, figures }))
    }
}

async fn database(url: &str, migrate: bool) -> Result<Database, Cause> {
    let migrations = sqlx::migrate!("../../migrations/modern/postgres");
    let settings = Settings {
        migrate,
        application: "cutover-data".to_owned(),
        ..Settings::new(url)
    };
    Ok(Database::open(&settings, &migrations).await?)
}

async fn start(
    connection: &mut Lent,
    table: &Table,
    finished: Finished,
) -> sqlx::Result<Option<i64>> {
    let progress: Option<Progress> = sqlx::query_as(PROGRESS)
        .bind(table.legacy)
        .fetch_optional(&mut **connection)
        .await?;
    let start = finished.start(progress);
    if start == Some(START) {
        sqlx::query(FORGET)
            .bind(table.legacy)
            .execute(&mut **connection)
            .await?;
    }
    Ok(start)
}

async fn write(
    connection: &mut Lent,
    table: &Table,
    upsert: &str,
    rows: &[ModernRow],
    progress: Progress,
) -> sqlx::Result<TableReport> {
    let mut report = TableReport::of(table);
    let mut accepted = Vec::with_capacity(rows.len());
    for row in rows {
        report.read += 1;
        match &row.values {
            Ok(values) => accepted.push(values.as_slice()),
            Err(reason) => {
                report.refused += 1;
                sqlx::query(REFUSE)
                    .bind(table.legacy)
                    .bind(row.key)
                    .bind(reason)
                    .execute(&mut **connection)
                    .await?;
            }
        }
    }
    let result = arrays(upsert, table, &accepted)
        .execute(&mut **connection)
        .await?;
    report.written = result.rows_affected();
    report.unchanged = report.read - report.refused - report.written;
    sqlx::query(ADVANCE)
        .bind(table.legacy)
        .bind(progress.last_key)
        .bind(progress.done)
        .execute(&mut **connection)
        .await?;
    Ok(report)
}

/// The rows as a query for arrays, one a column.
fn unnest(table: &Table) -> String {
    let array = |(position, rule)| format!("${position}::{}[]", stored(rule));
    let rules = table.columns.iter().map(|column| column.rule);
    let arrays: Vec<String> = (1..).zip(rules).map(array).collect();
    format!("SELECT * FROM unnest({})", arrays.join(", "))
}

/// The type in which a column's values are sent.
fn stored(rule: Rule) -> &'static str {
    match rule {
        Rule::Key | Rule::Text | Rule::Padded | Rule::Status => "text",
        Rule::Money => "numeric",
        Rule::Time => "timestamptz",
        Rule::Date => "date",
        Rule::Count => "bigint",
    }
}

/// The statement with an array for each column.
fn arrays<'q>(
    upsert: &'q str,
    table: &Table,
    rows: &[&'q [ModernValue]],
) -> Query<'q, Postgres, PgArguments> {
    let mut query = sqlx::query(AssertSqlSafe(upsert));
    for (position, column) in table.columns.iter().enumerate() {
        let values = rows.iter().map(|row| row.get(position));
        query = match column.rule {
            Rule::Key | Rule::Text | Rule::Padded | Rule::Status => {
                query.bind(array(values, |value| match value {
                    ModernValue::Text(text) => Some(text.as_str()),
                    _ => None,
                }))
            }
            Rule::Money => query.bind(array(values, |value| match value {
                ModernValue::Amount(amount) => Some(*amount),
                _ => None,
            })),
            Rule::Time => query.bind(array(values, |value| match value {
                ModernValue::Instant(instant) => Some(instant.to_sqlx()),
                _ => None,
            })),
            Rule::Date => query.bind(array(values, |value| match value {
                ModernValue::Date(date) => Some(date.to_sqlx()),
                _ => None,
            })),
            Rule::Count => query.bind(array(values, |value| match value {
                ModernValue::Count(count) => Some(*count),
                _ => None,
            })),
        };
    }
    query
}

fn array<'v, T>(
    values: impl Iterator<Item = Option<&'v ModernValue>>,
    inner: impl Fn(&'v ModernValue) -> Option<T>,
) -> Vec<Option<T>> {
    values.map(|value| value.and_then(&inner)).collect()
}

/// Why the schema refuses a row, if it was a row that was refused.
fn refusal(error: &sqlx::Error) -> Option<String> {
    let error = error.as_database_error()?;
    let error = error.try_downcast_ref::<PgDatabaseError>()?;
    let of_a_row = OF_A_ROW.iter().any(|class| error.code().starts_with(class));
    let detail = error.detail().filter(|_| TELLING.contains(&error.code()));
    of_a_row.then(|| match detail {
        Some(detail) => format!("{}: {detail}", error.message()),
        None => error.message().to_owned(),
    })
}
