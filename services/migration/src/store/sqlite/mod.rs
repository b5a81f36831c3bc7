//! `SQLite` files.
//!
//! Their columns say little of what they hold (an exact decimal or a time is a text or an
//! integer), so a mapping declares it, and values are read and written as declared.

mod books;
mod read;
mod schema;
mod write;

use std::ffi::OsString;
use std::fs::{OpenOptions, TryLockError};
use std::str::FromStr;
use std::time::Duration;

use async_trait::async_trait;
use kit::error::Cause;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};

use super::{
    Alone, Change, Commit, Destination, Dialect, Figures, How, Naming, Progress, Quarantined,
    Range, Select, Source, Target, WriteError,
};
use crate::schema::{TableName, TableSchema};
use crate::value::{Key, Row};

/// Readers at one time.
const READERS: u32 = 4;

/// How long a statement waits for another process's write.
const BUSY: Duration = Duration::from_secs(30);

/// A file.
#[derive(Debug)]
pub(super) struct Sqlite {
    name: String,
    readers: SqlitePool,
    /// One connection, where the file is written to.
    writer: Option<SqlitePool>,
}

impl Sqlite {
    /// Opens a file that is only read.
    pub(super) async fn to_read(url: &str) -> Result<Self, Cause> {
        let options = options(url)?.pragma("query_only", "ON");
        let readers = SqlitePoolOptions::new().max_connections(READERS);
        Ok(Self {
            name: url.to_owned(),
            readers: readers.connect_with(options).await?,
            writer: None,
        })
    }

    /// Opens a file that rows go to.
    pub(super) async fn to_write(url: &str) -> Result<Self, Cause> {
        let options = options(url)?.journal_mode(SqliteJournalMode::Wal);
        let writer = SqlitePoolOptions::new().max_connections(1);
        let writer = writer.connect_with(options.clone()).await?;
        let readers = SqlitePoolOptions::new().max_connections(READERS);
        Ok(Self {
            name: url.to_owned(),
            readers: readers
                .connect_with(options.pragma("query_only", "ON"))
                .await?,
            writer: Some(writer),
        })
    }

    fn writer(&self) -> Result<&SqlitePool, Cause> {
        self.writer
            .as_ref()
            .ok_or_else(|| format!("{} is open to be read", self.name).into())
    }
}

fn options(url: &str) -> Result<SqliteConnectOptions, Cause> {
    kit::sqlite::check_url(url)?;
    Ok(SqliteConnectOptions::from_str(url)?
        .create_if_missing(false)
        .foreign_keys(true)
        .busy_timeout(BUSY))
}

#[async_trait]
impl Source for Sqlite {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    async fn describe(&self, table: &TableName) -> Result<Option<TableSchema>, Cause> {
        schema::describe(&self.readers, table).await
    }

    async fn tables(&self) -> Result<Vec<TableName>, Cause> {
        schema::tables(&self.readers).await
    }

    async fn cuts(&self, select: &Select, parts: usize) -> Result<Vec<Key>, Cause> {
        read::cuts(&self.readers, select, parts).await
    }

    async fn page(&self, select: &Select, range: &Range, limit: u32) -> Result<Vec<Row>, Cause> {
        read::page(&self.readers, select, range, limit).await
    }

    async fn at(&self, select: &Select, keys: &[Key]) -> Result<Vec<Row>, Cause> {
        read::at(&self.readers, select, keys).await
    }

    async fn figures(
        &self,
        select: &Select,
        range: &Range,
        sums: &[usize],
    ) -> Result<Figures, Cause> {
        read::figures(&self.readers, select, range, sums).await
    }

    async fn close(&self) {
        self.readers.close().await;
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }
}

#[async_trait]
impl Target for Sqlite {
    fn as_source(&self) -> &dyn Source {
        self
    }

    async fn prepare(&self) -> Result<(), Cause> {
        books::prepare(self.writer()?).await
    }

    // A file beside it, since the database's own locks are for the time of a transaction. It stays:
    // whoever took it away could take it from under somebody who has just opened it.
    async fn alone(&self) -> Result<Option<Alone>, Cause> {
        let mut name = OsString::from(options(&self.name)?.get_filename());
        name.push("-cutover-lock");
        let mut file = OpenOptions::new();
        let file = file.write(true).create(true).truncate(false).open(name)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Alone::by(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }

    async fn holder(&self, command: &str) -> Result<Option<String>, Cause> {
        books::holder(&self.readers, command).await
    }

    async fn keep_holder(&self, command: &str, holder: &str) -> Result<(), Cause> {
        books::keep_holder(self.writer()?, command, holder).await
    }

    async fn is_empty(&self, table: &TableName) -> Result<bool, Cause> {
        read::is_empty(&self.readers, table).await
    }

    async fn progress(&self, source: &str) -> Result<Vec<Progress>, Cause> {
        books::progress(&self.readers, source).await
    }

    async fn begin(&self, source: &str, parts: &[Progress]) -> Result<(), Cause> {
        books::begin(self.writer()?, source, parts).await
    }

    // Indexes cost a file little, and foreign keys cannot be taken away there.
    async fn unburden(&self, _destination: &Destination) -> Result<(), Cause> {
        Ok(())
    }

    async fn restore(
        &self,
        _source: &str,
        _destination: &Destination,
        _naming: &dyn Naming,
    ) -> Result<u64, Cause> {
        Ok(0)
    }

    async fn write(
        &self,
        destination: &Destination,
        rows: &[Row],
        how: How,
        commit: &Commit,
    ) -> Result<u64, WriteError> {
        write::write(self.writer()?, destination, rows, how, commit).await
    }

    async fn delete(&self, destination: &Destination, keys: &[Key]) -> Result<u64, WriteError> {
        write::delete(self.writer()?, destination, keys).await
    }

    async fn cascades(&self, table: &TableName) -> Result<Vec<String>, Cause> {
        schema::cascades(&self.readers, table).await
    }

    // AUTOINCREMENT follows the greatest key by itself.
    async fn set_sequences(&self, _destination: &Destination) -> Result<(), Cause> {
        Ok(())
    }

    async fn quarantined(
        &self,
        source: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Quarantined>, Cause> {
        books::quarantined(&self.readers, source, limit).await
    }

    async fn ids(
        &self,
        entity: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(String, String)>, Cause> {
        books::ids(&self.readers, entity, after, limit).await
    }

    async fn change(
        &self,
        destination: &Destination,
        changes: &[Change],
    ) -> Result<Vec<bool>, WriteError> {
        write::change(self.writer()?, destination, changes).await
    }
}
