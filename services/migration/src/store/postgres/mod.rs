//! `PostgreSQL`, as a source and as a target. Rows go both ways in the binary format of `COPY`,
//! which is read and written here.

mod books;
mod burden;
mod counters;
mod decode;
mod encode;
mod hashed;
mod numeric;
mod orphans;
mod read;
mod schema;
mod session;
mod wire;
mod write;

use async_trait::async_trait;
use kit::error::Cause;
use sqlx::PgPool;

use super::{
    Alone, Change, Commit, Counter, Destination, Dialect, Figures, Hashed, How, Naming, Packed,
    Progress, Quarantined, Range, Select, Source, Target, Waiting, WriteError,
};
use crate::schema::{TableName, TableSchema};
use crate::value::{Key, Row};

/// A database of a server.
#[derive(Debug)]
pub(super) struct Postgres {
    name: String,
    pool: PgPool,
}

impl Postgres {
    /// Opens a database that is only read.
    pub(super) async fn to_read(url: &str) -> Result<Self, Cause> {
        let (pool, name) = session::open(url, true).await?;
        Ok(Self { name, pool })
    }

    /// Opens a database that rows go to.
    pub(super) async fn to_write(url: &str) -> Result<Self, Cause> {
        let (pool, name) = session::open(url, false).await?;
        Ok(Self { name, pool })
    }
}

#[async_trait]
impl Source for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn describe(&self, table: &TableName) -> Result<Option<TableSchema>, Cause> {
        schema::describe(&self.pool, table).await
    }

    async fn tables(&self) -> Result<Vec<TableName>, Cause> {
        schema::tables(&self.pool).await
    }

    async fn cuts(&self, select: &Select, parts: usize) -> Result<Vec<Key>, Cause> {
        read::cuts(&self.pool, select, parts).await
    }

    fn samples(&self) -> bool {
        true
    }

    async fn page(&self, select: &Select, range: &Range, limit: u32) -> Result<Vec<Row>, Cause> {
        read::page(&self.pool, select, range, limit).await
    }

    async fn packed(
        &self,
        select: &Select,
        range: &Range,
        limit: u32,
        room: Packed,
    ) -> Result<Option<Packed>, Cause> {
        read::packed(&self.pool, select, range, limit, room).await
    }

    async fn at(&self, select: &Select, keys: &[Key]) -> Result<Vec<Row>, Cause> {
        read::at(&self.pool, select, keys).await
    }

    async fn figures(
        &self,
        select: &Select,
        range: &Range,
        sums: &[usize],
    ) -> Result<Figures, Cause> {
        read::figures(&self.pool, select, range, sums).await
    }

    async fn hashed(
        &self,
        select: &Select,
        range: &Range,
        columns: &[usize],
    ) -> Result<Option<Hashed>, Cause> {
        hashed::hashed(&self.pool, select, range, columns).await
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}

#[async_trait]
impl Target for Postgres {
    fn as_source(&self) -> &dyn Source {
        self
    }

    async fn prepare(&self) -> Result<(), Cause> {
        books::prepare(&self.pool).await
    }

    async fn alone(&self) -> Result<Option<Alone>, Cause> {
        session::alone(&self.pool).await
    }

    async fn holder(&self, command: &str) -> Result<Option<String>, Cause> {
        books::holder(&self.pool, command).await
    }

    async fn keep_holder(&self, command: &str, holder: &str) -> Result<(), Cause> {
        books::keep_holder(&self.pool, command, holder).await
    }

    async fn is_empty(&self, table: &TableName) -> Result<bool, Cause> {
        read::is_empty(&self.pool, table).await
    }

    async fn progress(&self, source: &str) -> Result<Vec<Progress>, Cause> {
        books::progress(&self.pool, source).await
    }

    async fn begin(&self, source: &str, parts: &[Progress]) -> Result<(), Cause> {
        books::begin(&self.pool, source, parts).await
    }

    async fn unburden(&self, destination: &Destination) -> Result<(), Cause> {
        burden::unburden(&self.pool, destination).await
    }

    async fn restore(
        &self,
        source: &str,
        destination: &Destination,
        naming: &dyn Naming,
    ) -> Result<u64, Cause> {
        burden::restore(&self.pool, source, destination, naming).await
    }

    async fn waiting(&self) -> Result<Vec<Waiting>, Cause> {
        burden::waiting(&self.pool).await
    }

    async fn write(
        &self,
        destination: &Destination,
        rows: &[Row],
        how: How,
        commit: &Commit,
    ) -> Result<u64, WriteError> {
        write::write(&self.pool, destination, rows, how, commit).await
    }

    async fn delete(&self, destination: &Destination, keys: &[Key]) -> Result<u64, WriteError> {
        write::delete(&self.pool, destination, keys).await
    }

    async fn cascades(&self, table: &TableName) -> Result<Vec<String>, Cause> {
        schema::cascades(&self.pool, table).await
    }

    async fn set_sequences(&self, destination: &Destination) -> Result<(), Cause> {
        counters::set(&self.pool, destination).await
    }

    async fn counters(&self, destination: &Destination) -> Result<Vec<Counter>, Cause> {
        counters::read(&self.pool, destination).await
    }

    async fn quarantined(
        &self,
        source: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Quarantined>, Cause> {
        books::quarantined(&self.pool, source, limit).await
    }

    async fn ids(
        &self,
        entity: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(String, String)>, Cause> {
        books::ids(&self.pool, entity, after, limit).await
    }

    async fn change(
        &self,
        destination: &Destination,
        changes: &[Change],
    ) -> Result<Vec<bool>, WriteError> {
        write::change(&self.pool, destination, changes).await
    }
}
