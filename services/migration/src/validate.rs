//! Counts and sums of both sides, table by table. Equal totals are no proof of equal rows; they
//! are what shows a lost page at once.
//!
//! Only rows with a legacy id take part on the modern side: those that modern made itself have
//! ids of another kind.

use rust_decimal::Decimal;

use crate::{
    MigrationError,
    figures::{self, Figures},
    mapping::TABLES,
    totals,
};

/// A figure on which the two sides must agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The legacy table.
    pub table: &'static str,
    /// `rows`, or the legacy column that was summed.
    pub figure: &'static str,
    /// What the legacy side has.
    pub legacy: Decimal,
    /// What the modern side has.
    pub modern: Decimal,
}

impl Check {
    /// Whether the two sides agree.
    pub fn agrees(&self) -> bool {
        self.legacy == self.modern
    }
}

/// Every figure of every table.
pub(crate) async fn checks(
    legacy: &dyn Figures<Key = i64>,
    modern: &dyn Figures<Key = String>,
) -> Result<Vec<Check>, MigrationError> {
    let mut checks = Vec::new();
    for table in &TABLES {
        let legacy = figures::of(legacy, table).await;
        let legacy = legacy.map_err(totals(table.legacy))?;
        let modern = figures::of(modern, table).await;
        let modern = modern.map_err(totals(table.modern))?;
        let names = std::iter::once("rows").chain(table.summed().map(|column| column.legacy));
        for ((figure, legacy), modern) in names.zip(legacy).zip(modern) {
            checks.push(Check {
                table: table.legacy,
                figure,
                legacy: legacy.normalize(),
                modern: modern.normalize(),
            });
        }
    }
    Ok(checks)
}
