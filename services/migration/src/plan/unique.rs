//! Whether the columns that a mapping calls the key name each row of the source by itself, looked
//! at in the rows where no primary key says so. Pages go on behind a key, so a second row under it
//! would never be read.

use kit::error::Cause;

use super::TablePlan;
use crate::store::{Range, Source};

impl TablePlan {
    /// An error with a key that several rows are under.
    pub(crate) async fn names_each_row(&self, source: &dyn Source) -> Result<(), Cause> {
        let schema = source.describe(&self.select.table).await?;
        let primary = schema.map(|schema| schema.key).unwrap_or_default();
        let in_key = |name: &String| self.select.key_columns().any(|column| column.name == *name);
        if !primary.is_empty() && primary.iter().all(in_key) {
            return Ok(());
        }
        let repeated = source.dialect().repeated(&self.select);
        let found = source.page(&repeated, &Range::default(), 1).await?;
        let Some(row) = found.first() else {
            return Ok(());
        };
        let names: Vec<&str> = self
            .select
            .key_columns()
            .map(|column| column.name.as_str())
            .collect();
        let key = repeated.key_of(row);
        Err(format!(
            "several rows have the key {key}, so `{}` does not tell its rows apart by {}",
            self.source,
            names.join(", ")
        )
        .into())
    }
}
