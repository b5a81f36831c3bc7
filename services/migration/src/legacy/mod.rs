//! Where rows come from: a legacy database, read in pages by key and never written to.
//!
//! A page begins after the last key of the one before, so it costs the same wherever it lies, and
//! rows that come or go elsewhere move none of it. A database is supported by what is here, in a
//! file of its own, and by nothing anywhere else.

mod mssql;
mod sqlite;

use async_trait::async_trait;
use kit::error::Cause;

use crate::{figures::Figures, mapping::Table, value::LegacyRow};
use mssql::MssqlSource;
use sqlite::SqliteSource;

/// A legacy database.
#[async_trait]
pub(crate) trait Source: Figures<Key = i64> {
    /// At most `size` rows whose keys follow `after`, in the order of their keys.
    async fn page(&self, table: &Table, after: i64, size: u32) -> Result<Vec<LegacyRow>, Cause>;

    /// Lets go of the database.
    async fn close(&self);
}

/// Opens the database at a URL that [`check_url`] takes.
pub(crate) async fn open(url: &str) -> Result<Box<dyn Source>, Cause> {
    if url.starts_with("mssql:") {
        return Ok(Box::new(MssqlSource::open(url).await?));
    }
    check_url(url)?;
    Ok(Box::new(SqliteSource::open(url).await?))
}

/// Whether a URL names a legacy database, without touching it: `sqlite:FILE`, or
/// `mssql://user:password@host:1433/database?trust=true`.
pub fn check_url(url: &str) -> Result<(), legacy_monolith::OpenError> {
    legacy_monolith::check_url(url)
}
