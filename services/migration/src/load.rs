//! Writes a page of modern rows and the checkpoint behind it in one transaction.
//!
//! A row that the modern schema refuses is kept aside with the reason, and the page goes on:
//! a statement that violates a constraint undoes itself alone.

use kit::sqlite::Database;
use sqlx::{AssertSqlSafe, Sqlite, Transaction, sqlite::SqliteQueryResult};

use crate::{checkpoint, extract::Value, mapping::Table, report::TableReport};

type Write<'a> = Transaction<'a, Sqlite>;

/// `SQLITE_CONSTRAINT`, the low byte of every code of a violated constraint.
const CONSTRAINT: u32 = 19;

/// One row of a page: its legacy key, and its values or the reason why it has none.
pub(crate) struct ModernRow {
    pub(crate) key: i64,
    pub(crate) values: Result<Vec<Value>, String>,
}

/// Writes the rows; `progress` is where the table stands once they are in.
pub(crate) async fn page(
    modern: &Database,
    table: &Table,
    rows: &[ModernRow],
    progress: checkpoint::Progress,
) -> Result<TableReport, Box<dyn std::error::Error + Send + Sync>> {
    let upsert = upsert(table);
    let mut report = TableReport::of(table);
    let mut write = modern.write().await?;
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
                checkpoint::refuse(&mut write, table, row.key, &reason).await?;
            }
        }
    }
    checkpoint::advance(&mut write, table, progress).await?;
    write.commit().await?;
    Ok(report)
}

/// The number of rows changed, or the database's reason to refuse the row.
async fn insert(
    write: &mut Write<'_>,
    upsert: &str,
    values: &[Value],
) -> sqlx::Result<Result<u64, String>> {
    let mut query = sqlx::query(AssertSqlSafe(upsert));
    for value in values {
        query = match value {
            Value::Integer(integer) => query.bind(*integer),
            Value::Text(text) => query.bind(text.as_str()),
            Value::Null | Value::Unsupported(_) => query.bind(None::<&str>),
        };
    }
    match query.execute(&mut **write).await {
        Ok(result) => Ok(Ok(SqliteQueryResult::rows_affected(&result))),
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

/// Inserts a row, or brings the one under its id up to date; one that is equal is not touched.
fn upsert(table: &Table) -> String {
    let columns: Vec<&str> = table.modern_columns().collect();
    let values = vec!["?"; columns.len()].join(", ");
    let given: Vec<String> = columns
        .iter()
        .map(|column| format!("excluded.{column}"))
        .collect();
    let held: Vec<String> = columns
        .iter()
        .map(|column| format!("{}.{column}", table.modern))
        .collect();
    let set: Vec<String> = columns
        .iter()
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    format!(
        "INSERT INTO {table} ({columns}) VALUES ({values})
         ON CONFLICT (id) DO UPDATE SET {set} WHERE ({held}) IS NOT ({given})",
        table = table.modern,
        columns = columns.join(", "),
        set = set.join(", "),
        held = held.join(", "),
        given = given.join(", "),
    )
}
