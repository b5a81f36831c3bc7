//! The sequences that a table's columns count by.

use kit::error::Cause;
use sqlx::{AssertSqlSafe, PgPool};

use super::session::{cause, run, transaction};
use crate::store::{Counter, Destination, Dialect};

const SQL: Dialect = Dialect::Postgres;

/// What each of them gives next, and the greatest that is there.
pub(super) async fn read(pool: &PgPool, destination: &Destination) -> Result<Vec<Counter>, Cause> {
    let table = SQL.table(&destination.table);
    let mut counters = Vec::new();
    for (column, sequence) in owned(pool, &table).await? {
        let sql = format!(
            "SELECT s.last_value + CASE WHEN s.is_called THEN i.seqincrement ELSE 0 END,
                    (SELECT max({})::bigint FROM {table})
             FROM {sequence} AS s, pg_sequence AS i WHERE i.seqrelid = '{}'::regclass",
            SQL.name(&column),
            sequence.replace('\'', "''"),
        );
        let (next, greatest) = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(pool).await?;
        counters.push(Counter {
            column,
            next,
            greatest,
        });
    }
    Ok(counters)
}

/// Columns, each with its sequence's name as SQL has it.
async fn owned(pool: &PgPool, table: &str) -> Result<Vec<(String, String)>, Cause> {
    let query = sqlx::query_as(
        "SELECT a.attname::text, s.name FROM pg_attribute AS a,
             pg_get_serial_sequence($1::text, a.attname::text) AS s (name)
         WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped
           AND s.name IS NOT NULL",
    );
    Ok(query.bind(table).fetch_all(pool).await?)
}

/// Never back: a sequence may be further than the rows that are left.
pub(super) async fn set(pool: &PgPool, destination: &Destination) -> Result<(), Cause> {
    let table = SQL.table(&destination.table);
    for (column, sequence) in owned(pool, &table).await? {
        let sql = format!(
            "SELECT setval('{}', greatest(g.most, s.last_value))
             FROM (SELECT max({})::bigint AS most FROM {table}) AS g, {sequence} AS s
             WHERE g.most IS NOT NULL AND (g.most > s.last_value OR NOT s.is_called)",
            sequence.replace('\'', "''"),
            SQL.name(&column),
        );
        let set = transaction(pool, async |connection| {
            run(connection, "SET LOCAL statement_timeout = 0").await?;
            run(connection, sql).await
        });
        set.await.map_err(cause)?;
    }
    Ok(())
}
