//! The databases that rows come from, go to, and are compared in, behind two traits.
//!
//! A database is supported by what is in its own folder here, and by nothing anywhere else. Rows
//! are read in pages by key: a page begins after the last key of the one before, so it costs the
//! same wherever it lies, and rows that come or go elsewhere move none of it.

mod alone;
mod books;
mod declared;
mod gather;
pub(crate) mod mssql;
mod mysql;
mod packed;
mod pool;
mod postgres;
mod sql;
mod sqlite;
mod url;

use async_trait::async_trait;
use kit::error::Cause;

use crate::schema::{ColumnSchema, TableName, TableSchema};
use crate::value::{Key, Number, Row, Value};

pub use alone::Alone;
pub use books::{Commit, Naming, Progress, Quarantined, Waiting};
pub(crate) use gather::TooMuch;
pub use packed::Packed;
pub use sql::{Dialect, NoBound};
pub use url::{UrlError, check_source, check_target, source, target};

/// What is read of a table. The key's columns are among the columns.
#[derive(Debug, Clone)]
pub struct Select {
    /// The table.
    pub table: TableName,
    /// The columns, in the order of a row's values, as the store described them. Where a mapping
    /// declares another type for one, that is its `kind`, and the store reads it as that where
    /// what it keeps is a text or a number that says so.
    pub columns: Vec<ColumnSchema>,
    /// Positions of the key's columns among them.
    pub key: Vec<usize>,
    /// A condition in the database's own SQL; rows that do not meet it are not there.
    pub filter: Option<String>,
}

/// Keys from behind one up to and with another; without bounds where there are none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Range {
    /// The key before the first.
    pub after: Option<Key>,
    /// The last key.
    pub until: Option<Key>,
}

/// What is counted of a range.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Rows.
    pub rows: u64,
    /// The sum of each column that was asked for; nothing where it left 38 digits.
    pub sums: Vec<Option<Number>>,
}

/// What the rows of a range come to where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashed {
    /// How many there are.
    pub rows: u64,
    /// The exclusive or of a hash of each.
    pub hash: u128,
}

/// A database that rows are read from. Every order is that of the database.
#[async_trait]
pub trait Source: Send + Sync {
    /// How it writes SQL.
    fn dialect(&self) -> Dialect;

    /// The URL without its password, for people.
    fn name(&self) -> String;

    /// What it says of a table; nothing where there is none.
    async fn describe(&self, table: &TableName) -> Result<Option<TableSchema>, Cause>;

    /// The names of its tables, but for the database's own and those kept beside a migration.
    async fn tables(&self) -> Result<Vec<TableName>, Cause>;

    /// At most `parts - 1` keys, ascending, that cut the rows into parts of about one size. They
    /// are sampled from the rows, never computed: keys have gaps.
    async fn cuts(&self, select: &Select, parts: usize) -> Result<Vec<Key>, Cause>;

    /// Whether it has a sample of its rows to give, so that cuts cost next to nothing.
    fn samples(&self) -> bool {
        false
    }

    /// The first rows of a range, at most `limit`, ascending.
    async fn page(&self, select: &Select, range: &Range, limit: u32) -> Result<Vec<Row>, Cause>;

    /// The same as bytes that can be compared with another database's, put into `room`, which has no
    /// rows; nothing where this one has no such page to give.
    async fn packed(
        &self,
        _select: &Select,
        _range: &Range,
        _limit: u32,
        _room: Packed,
    ) -> Result<Option<Packed>, Cause> {
        Ok(None)
    }

    /// The rows under these keys, in any order. Where the database takes two keys for equal that
    /// are not, both come.
    async fn at(&self, select: &Select, keys: &[Key]) -> Result<Vec<Row>, Cause>;

    /// Counts a range, and adds up the columns at these positions.
    async fn figures(
        &self,
        select: &Select,
        range: &Range,
        sums: &[usize],
    ) -> Result<Figures, Cause>;

    /// Hashes the rows of a range where they are, by the columns at these positions; nothing where
    /// the database cannot. Two databases that write one dialect have one hash of rows that are
    /// equal in columns of the same types, unless their versions hash otherwise, and two hashes of
    /// rows that are not, but for a chance of one in 2^128.
    async fn hashed(
        &self,
        _select: &Select,
        _range: &Range,
        _columns: &[usize],
    ) -> Result<Option<Hashed>, Cause> {
        Ok(None)
    }

    /// Lets go of the database.
    async fn close(&self);
}

/// Where rows go: a table and the columns that are written.
#[derive(Debug, Clone)]
pub struct Destination {
    /// The table.
    pub table: TableName,
    /// The columns, in the order of a row's values; `kind` as in [`Select`].
    pub columns: Vec<ColumnSchema>,
    /// Positions of the key's columns among them.
    pub key: Vec<usize>,
}

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// None of them is there: by the fastest way in.
    Insert,
    /// Those that are there are brought up to date, and one that is equal is not touched.
    Upsert,
}

/// Why rows were not written; none of them was.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The schema refuses a row of them, and says why.
    #[error("{0}")]
    Refused(String),
    /// The database failed.
    #[error(transparent)]
    Failed(#[from] Cause),
}

/// A change of one row, made only where the row is as it was observed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The row's key.
    pub key: Key,
    /// The values that it was observed with; nothing where it was not there.
    pub observed: Option<Row>,
    /// The values that it is to have; nothing where it is to go.
    pub wanted: Option<Row>,
}

/// A column that a table counts by itself.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Counter {
    /// The column.
    pub column: String,
    /// The number that it gives next.
    pub next: i64,
    /// The greatest that is there.
    pub greatest: Option<i64>,
}

/// A database that rows go to. What is kept beside the tables (how far a table has come, what was
/// refused, which ids were made) changes in the transactions that change the rows.
#[async_trait]
pub trait Target: Source {
    /// The same database as one that is read.
    fn as_source(&self) -> &dyn Source;

    /// Makes what is kept beside the tables, where it is missing.
    async fn prepare(&self) -> Result<(), Cause>;

    /// Makes this the one process that brings rows to the database, until what it
    /// returns is dropped or the process dies; nothing where there is another.
    async fn alone(&self) -> Result<Option<Alone>, Cause>;

    /// The name by which a command held the proxy's writes last.
    async fn holder(&self, command: &str) -> Result<Option<String>, Cause>;

    /// Keeps that name.
    async fn keep_holder(&self, command: &str, holder: &str) -> Result<(), Cause>;

    /// Whether a table has no row.
    async fn is_empty(&self, table: &TableName) -> Result<bool, Cause>;

    /// How far the parts of a table have come, in the order of their numbers.
    async fn progress(&self, source: &str) -> Result<Vec<Progress>, Cause>;

    /// Begins a table: these are its parts, whatever was kept of it before is forgotten, and so
    /// are its refusals.
    async fn begin(&self, source: &str, parts: &[Progress]) -> Result<(), Cause>;

    /// Takes away what makes loading an empty table slow (indexes that are no constraint, foreign
    /// keys) and keeps how to make it again, in one transaction.
    async fn unburden(&self, destination: &Destination) -> Result<(), Cause>;

    /// Makes again what was taken away, in this run or in one that died. Rows that a foreign key
    /// then refuses go to quarantine, under the names that `naming` has for them; how many is returned.
    async fn restore(
        &self,
        source: &str,
        destination: &Destination,
        naming: &dyn Naming,
    ) -> Result<u64, Cause>;

    /// What was taken away and waits to be made again, because a table that it is about was not
    /// loaded to its end. Writes nothing.
    async fn waiting(&self) -> Result<Vec<Waiting>, Cause> {
        Ok(Vec::new())
    }

    /// Writes rows and what is kept with them, in one transaction. Says how many rows changed.
    async fn write(
        &self,
        destination: &Destination,
        rows: &[Row],
        how: How,
        commit: &Commit,
    ) -> Result<u64, WriteError>;

    /// Deletes rows by their keys, in one transaction. Says how many there were.
    async fn delete(&self, destination: &Destination, keys: &[Key]) -> Result<u64, WriteError>;

    /// The tables whose rows go, or lose what they refer by, when rows of this one are deleted.
    async fn cascades(&self, table: &TableName) -> Result<Vec<String>, Cause>;

    /// Sets what the table counts by itself to its greatest value.
    async fn set_sequences(&self, destination: &Destination) -> Result<(), Cause>;

    /// What the table counts by itself, where that does not follow its rows as `SQLite`'s does.
    async fn counters(&self, _destination: &Destination) -> Result<Vec<Counter>, Cause> {
        Ok(Vec::new())
    }

    /// The first refused rows of a table, or of all.
    async fn quarantined(
        &self,
        source: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Quarantined>, Cause>;

    /// The ids that were made for an entity, legacy and modern, from behind a legacy id.
    async fn ids(
        &self,
        entity: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(String, String)>, Cause>;

    /// Makes changes, each in a transaction of its own; says of each whether the row was still as
    /// it had been observed.
    async fn change(
        &self,
        destination: &Destination,
        changes: &[Change],
    ) -> Result<Vec<bool>, WriteError>;
}

impl Counter {
    /// Whether the next number is one that may be taken.
    pub fn is_behind(&self) -> bool {
        self.greatest.is_some_and(|greatest| self.next <= greatest)
    }
}

impl Range {
    /// Whether a key lies in it, by the order of keys here.
    pub fn holds(&self, key: &Key) -> bool {
        self.after.as_ref().is_none_or(|after| key > after)
            && self.until.as_ref().is_none_or(|until| key <= until)
    }
}

impl Select {
    /// The key of a row.
    pub fn key_of(&self, row: &[Value]) -> Key {
        Key::of(row, &self.key)
    }

    /// The columns of the key.
    pub fn key_columns(&self) -> impl Iterator<Item = &ColumnSchema> {
        self.key
            .iter()
            .filter_map(|position| self.columns.get(*position))
    }

    /// Whether the database's order of keys is that of [`Key`].
    pub fn is_ordered(&self) -> bool {
        self.key_columns().all(|column| column.ordered)
    }
}

impl Destination {
    /// What reads the rows that were written.
    pub fn select(&self) -> Select {
        Select {
            table: self.table.clone(),
            columns: self.columns.clone(),
            key: self.key.clone(),
            filter: None,
        }
    }
}
