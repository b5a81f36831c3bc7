//! Rows that a foreign key refuses when it is made again: they go to quarantine, a thousand at a
//! time, however many there are.

use sqlx::{AssertSqlSafe, PgConnection};

use super::books::quarantine;
use super::burden::ForeignKey;
use super::session::{refused, run};
use crate::store::{Dialect, Naming, Quarantined, WriteError};

const SQL: Dialect = Dialect::Postgres;

/// The next places of rows; each part of a table counts its places for itself.
const NEXT: &str = "FETCH 1000 FROM cutover_orphans";

/// Takes away the rows that refer to none, and those that referred to them in the same table; how
/// many.
pub(super) async fn orphans(
    connection: &mut PgConnection,
    key: &ForeignKey,
    key_columns: &[String],
    naming: &dyn Naming,
) -> Result<u64, WriteError> {
    if key.definition.ends_with("NOT VALID") {
        return Ok(0);
    }
    let (of, to) = (&key.of_table, &key.to_table);
    run(connection, "SET LOCAL statement_timeout = 0").await?;
    let lock = format!("LOCK TABLE {of}, {to} IN SHARE ROW EXCLUSIVE MODE");
    run(connection, lock).await?;
    let (find, delete) = (finding(key), deletion(key, key_columns));
    let mut all = 0;
    loop {
        let before = all;
        run(connection, find.as_str()).await?;
        loop {
            let query = sqlx::query_as(NEXT).persistent(false);
            let places: Vec<(i64, String)> =
                query.fetch_all(&mut *connection).await.map_err(refused)?;
            if places.is_empty() {
                break;
            }
            let (tables, places): (Vec<i64>, Vec<String>) = places.into_iter().unzip();
            let query = sqlx::query_as(AssertSqlSafe(delete.as_str())).persistent(false);
            let query = query.bind(tables).bind(places);
            let rows: Vec<(Vec<String>, String)> =
                query.fetch_all(&mut *connection).await.map_err(refused)?;
            let mut gone = Vec::with_capacity(rows.len());
            for row in rows {
                gone.push(named(connection, key, key_columns, naming, row).await?);
            }
            quarantine(connection, &gone).await?;
            all += gone.len() as u64;
        }
        run(connection, "CLOSE cutover_orphans").await?;
        if all == before {
            return Ok(all);
        }
    }
}

/// Begins to find the places of rows that refer to none.
fn finding(key: &ForeignKey) -> String {
    let columns = || key.of_columns.iter().map(|column| SQL.name(column));
    let given: Vec<String> = columns().map(|of| format!("c.{of} IS NOT NULL")).collect();
    let same: Vec<String> = columns()
        .zip(&key.to_columns)
        .map(|(of, to)| format!("p.{} = c.{of}", SQL.name(to)))
        .collect();
    format!(
        "DECLARE cutover_orphans NO SCROLL CURSOR FOR
         SELECT c.tableoid::bigint, c.ctid::text FROM {} AS c
         WHERE {} AND NOT EXISTS (SELECT FROM {} AS p WHERE {})",
        key.of_table,
        given.join(" AND "),
        key.to_table,
        same.join(" AND "),
    )
}

/// Deletes the rows at some places, and gives their keys and contents.
fn deletion(key: &ForeignKey, key_columns: &[String]) -> String {
    let shown: Vec<String> = match key_columns {
        [] => vec!["c.ctid::text".to_owned()],
        columns => columns
            .iter()
            .map(|column| format!("c.{}::text", SQL.name(column)))
            .collect(),
    };
    format!(
        "DELETE FROM {} AS c
         WHERE c.ctid = ANY ($2::text[]::tid[]) AND (c.tableoid::bigint, c.ctid::text) IN (
             SELECT * FROM unnest($1::bigint[], $2::text[]))
         RETURNING ARRAY[{}], to_jsonb(c)::text",
        key.of_table,
        shown.join(", "),
    )
}

/// A row under its source's key, where that is known.
async fn named(
    connection: &mut PgConnection,
    key: &ForeignKey,
    key_columns: &[String],
    naming: &dyn Naming,
    (values, row): (Vec<String>, String),
) -> Result<Quarantined, WriteError> {
    let source = key.source.as_ref().unwrap_or(&key.of_table);
    let there: Vec<(String, String)> = key_columns.iter().cloned().zip(values.clone()).collect();
    let named = match naming.source_key(source, &there) {
        Some(named) => Some(named),
        None => made_of(connection, &values).await.map_err(refused)?,
    };
    Ok(Quarantined {
        source: source.clone(),
        key: named.unwrap_or_else(|| values.join(",")),
        reason: format!(
            "foreign key {}: {} has no row for {}",
            key.name,
            key.to_table,
            key.of_columns.join(", ")
        ),
        row,
    })
}

/// What a generated key was made of.
async fn made_of(connection: &mut PgConnection, key: &[String]) -> sqlx::Result<Option<String>> {
    let [modern] = key else { return Ok(None) };
    sqlx::query_scalar("SELECT legacy FROM cutover_ids WHERE modern = $1 LIMIT 1")
        .bind(modern)
        .fetch_optional(connection)
        .await
}
