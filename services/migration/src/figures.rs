//! Counts and sums of a table, which either side can be asked for.

use async_trait::async_trait;
use kit::error::Cause;
use rust_decimal::Decimal;

use crate::mapping::Table;

/// Rows that one statement counts and adds up: no statement takes longer because a table is larger.
pub(crate) const RANGE: i64 = 100_000;

/// The figures of some rows that follow each other.
pub(crate) struct Part<Key> {
    /// The last of their keys.
    pub(crate) last: Key,
    /// Their number, then the sum of each column that [`Table::summed`] names.
    pub(crate) figures: Vec<Decimal>,
}

/// A side that can be counted.
#[async_trait]
pub(crate) trait Figures: Send + Sync {
    /// A key of this side.
    type Key: Send;

    /// The figures of the next rows behind a key, or of the first; nothing where there are none.
    async fn part(
        &self,
        table: &Table,
        after: Option<Self::Key>,
    ) -> Result<Option<Part<Self::Key>>, Cause>;
}

/// The figures of a whole table.
pub(crate) async fn of<Key: Clone + Send>(
    side: &dyn Figures<Key = Key>,
    table: &Table,
) -> Result<Vec<Decimal>, Cause> {
    let mut figures = vec![Decimal::ZERO; 1 + table.summed().count()];
    let mut after = None;
    while let Some(part) = side.part(table, after).await? {
        for (figure, part) in figures.iter_mut().zip(part.figures) {
            *figure = figure
                .checked_add(part)
                .ok_or("a sum has too many digits")?;
        }
        after = Some(part.last);
    }
    Ok(figures)
}
