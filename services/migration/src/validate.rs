//! Counts and sums of both sides, table by table. Equal totals are no proof of equal rows; they
//! are what shows a lost page at once.
//!
//! Only rows with a legacy id take part on the modern side: those that modern made itself have
//! ids of another kind.

use sqlx::{AssertSqlSafe, Row, SqlitePool, sqlite::SqliteRow};

use crate::{
    MigrationError,
    mapping::{Rule, TABLES, Table},
};

/// A figure on which the two sides must agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The legacy table.
    pub table: &'static str,
    /// `rows`, or the legacy column that was summed. Amounts are in hundredths.
    pub figure: &'static str,
    /// What the legacy side has.
    pub legacy: i128,
    /// What the modern side has.
    pub modern: i128,
}

impl Check {
    /// Whether the two sides agree.
    pub fn agrees(&self) -> bool {
        self.legacy == self.modern
    }
}

/// Sums are taken in two parts of this base, since one of amounts may leave 64 bits.
const BASE: i128 = 1_000_000_000;

/// Every figure of every table.
pub(crate) async fn checks(
    legacy: &SqlitePool,
    modern: &SqlitePool,
) -> Result<Vec<Check>, MigrationError> {
    let mut checks = Vec::new();
    for table in &TABLES {
        let columns = table.summed().map(|column| column.legacy.to_owned());
        let legacy = figures(legacy, table.legacy, columns, "TRUE").await?;
        let migrated = "id NOT GLOB '*[^0-9]*'";
        let modern = figures(modern, table.modern, modern_amounts(table), migrated).await?;
        let names = std::iter::once("rows").chain(table.summed().map(|column| column.legacy));
        for ((figure, legacy), modern) in names.zip(legacy).zip(modern) {
            checks.push(Check {
                table: table.legacy,
                figure,
                legacy,
                modern,
            });
        }
    }
    Ok(checks)
}

/// The modern columns as whole hundredths: the texts have exactly two places.
fn modern_amounts(table: &Table) -> impl Iterator<Item = String> {
    table.summed().map(|column| match column.rule {
        Rule::Money => format!("CAST(replace({}, '.', '') AS INTEGER)", column.modern),
        _ => column.modern.to_owned(),
    })
}

/// The number of rows, then the sum of each expression.
async fn figures(
    pool: &SqlitePool,
    table: &'static str,
    expressions: impl Iterator<Item = String>,
    rows: &str,
) -> Result<Vec<i128>, MigrationError> {
    let mut columns = vec!["count(*)".to_owned()];
    for value in expressions {
        columns.push(format!("coalesce(sum({value} / {BASE}), 0)"));
        columns.push(format!("coalesce(sum({value} % {BASE}), 0)"));
    }
    // Names and expressions come from the mapping, which is part of the program.
    let select = format!("SELECT {} FROM {table} WHERE {rows}", columns.join(", "));
    let row = sqlx::query(AssertSqlSafe(select)).fetch_one(pool).await;
    row.and_then(|row| joined(&row))
        .map_err(|source| MigrationError::Totals { table, source })
}

/// The figures of a row of totals: the count, then each sum from its two parts.
fn joined(row: &SqliteRow) -> sqlx::Result<Vec<i128>> {
    let mut figures = vec![i128::from(row.try_get::<i64, _>(0)?)];
    for high in (1..row.len()).step_by(2) {
        let (high, low): (i64, i64) = (row.try_get(high)?, row.try_get(high + 1)?);
        figures.push(i128::from(high) * BASE + i128::from(low));
    }
    Ok(figures)
}
