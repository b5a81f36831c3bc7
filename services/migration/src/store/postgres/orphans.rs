//! Rows that a foreign key refuses when it is made again: they go to quarantine, a thousand at a
//! time, however many there are.

use std::collections::HashMap;

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
    // All rows are fetched, not the tenth that the server plans a cursor for.
    run(connection, "SET LOCAL cursor_tuple_fraction = 1").await?;
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
            let gone = named(connection, key, key_columns, naming, rows).await?;
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
    // With some columns null and others not, a row refers to none, which `MATCH FULL` does not allow.
    let full = key.definition.contains("MATCH FULL");
    let between = if full { " OR " } else { " AND " };
    let given: Vec<String> = columns().map(|of| format!("c.{of} IS NOT NULL")).collect();
    let same: Vec<String> = columns()
        .zip(&key.to_columns)
        .map(|(of, to)| format!("p.{} = c.{of}", SQL.name(to)))
        .collect();
    format!(
        "DECLARE cutover_orphans NO SCROLL CURSOR FOR
         SELECT c.tableoid::bigint, c.ctid::text FROM {} AS c
         WHERE ({}) AND NOT EXISTS (SELECT FROM {} AS p WHERE {})",
        key.of_table,
        given.join(between),
        key.to_table,
        same.join(" AND "),
    )
}

/// Deletes the rows at some places, and gives their keys and contents. The table goes by a name that no
/// column of it has, which would be taken for the row.
fn deletion(key: &ForeignKey, key_columns: &[String]) -> String {
    let shown: Vec<String> = match key_columns {
        [] => vec!["cutover_row.ctid::text".to_owned()],
        columns => columns
            .iter()
            .map(|column| format!("cutover_row.{}::text", SQL.name(column)))
            .collect(),
    };
    format!(
        "DELETE FROM {} AS cutover_row
         WHERE cutover_row.ctid = ANY ($2::text[]::tid[])
           AND (cutover_row.tableoid::bigint, cutover_row.ctid::text) IN (
             SELECT * FROM unnest($1::bigint[], $2::text[]))
         RETURNING ARRAY[{}], to_jsonb(cutover_row)::text",
        key.of_table,
        shown.join(", "),
    )
}

/// Rows under their source's keys, where those are known.
async fn named(
    connection: &mut PgConnection,
    key: &ForeignKey,
    key_columns: &[String],
    naming: &dyn Naming,
    rows: Vec<(Vec<String>, String)>,
) -> Result<Vec<Quarantined>, WriteError> {
    let source = key.source.as_ref().unwrap_or(&key.of_table);
    let mapped = |values: &[String]| {
        let columns = key_columns.iter().cloned();
        let there: Vec<(String, String)> = columns.zip(values.iter().cloned()).collect();
        naming.source_key(source, &there)
    };
    let rows: Vec<(Option<String>, Vec<String>, String)> = rows
        .into_iter()
        .map(|(values, row)| (mapped(&values), values, row))
        .collect();
    let generated = rows
        .iter()
        .filter_map(|(mapped, values, _)| match &**values {
            [one] if mapped.is_none() => Some(one.as_str()),
            _ => None,
        });
    let made = match naming.entity(source) {
        Some(entity) => made_of(connection, &entity, generated.collect()).await,
        None => Ok(HashMap::new()),
    };
    let made = made.map_err(refused)?;
    let reason = format!(
        "foreign key {}: {} has no row for {}",
        key.name,
        key.to_table,
        key.of_columns.join(", ")
    );
    let gone = rows.into_iter().map(|(mapped, values, row)| {
        let there = values.join(",");
        Quarantined {
            source: source.clone(),
            key: mapped
                .or_else(|| made.get(&there).cloned())
                .unwrap_or(there),
            reason: reason.clone(),
            row,
        }
    });
    Ok(gone.collect())
}

/// What the generated keys of an entity were made of. All are asked for at once: nothing there is sorted by them.
async fn made_of(
    connection: &mut PgConnection,
    entity: &str,
    keys: Vec<&str>,
) -> sqlx::Result<HashMap<String, String>> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let query = sqlx::query_as(
        "SELECT modern, legacy FROM cutover_ids WHERE entity = $1 AND modern = ANY ($2)",
    );
    let query = query.bind(entity).bind(keys);
    let made: Vec<(String, String)> = query.fetch_all(connection).await?;
    Ok(made.into_iter().collect())
}
