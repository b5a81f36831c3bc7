//! Changes that SQL Server records by itself: change tracking, and where a table has none, its
//! rowversion column.
//!
//! Change tracking has deletes, and forgets after a while: before each question the oldest version
//! that is still valid is looked at, and a feed that fell behind it ends, since it would miss
//! changes. A rowversion knows no deletes (a further copy with a limit for deletes finds those),
//! and is read up to the oldest transaction that is still open, because one that commits later may
//! have a smaller number than others that are done.
//!
//! Where a feed stands is kept beside the target's tables, in the transaction that follows the
//! rows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use kit::error::Cause;

use super::{Batch, Feed, FeedError, failed};
use crate::plan::TablePlan;
use crate::schema::{ColumnSchema, TableName};
use crate::store::mssql::{Mssql, made, selected};
use crate::store::{Commit, Dialect, How, Progress, Target};
use crate::value::{Key, Row, Value};

const SQL: Dialect = Dialect::Mssql;

/// A SQL Server that answers questions.
#[async_trait]
pub trait Server: Send + Sync {
    /// The rows of a query that gives these columns.
    async fn rows(&self, columns: &[ColumnSchema], sql: String) -> Result<Vec<Row>, Cause>;
}

/// What a server records of its tables.
pub struct Tracking<S> {
    server: S,
    target: Arc<dyn Target>,
    /// When each table last had nothing new: no change has waited longer than since then.
    idle: Mutex<HashMap<String, Instant>>,
    /// How each table's changes are recorded, once that is known.
    records: Mutex<HashMap<String, Record>>,
}

/// How a table's changes are recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Record {
    ChangeTracking,
    /// The column's name.
    RowVersion(String),
}

impl<S: Server> Tracking<S> {
    /// Changes of a server, to be applied to a target.
    pub fn new(server: S, target: Arc<dyn Target>) -> Self {
        Self {
            server,
            target,
            idle: Mutex::default(),
            records: Mutex::default(),
        }
    }

    /// How a table's changes are recorded, as it was when its feed was first asked.
    async fn record(&self, table: &TablePlan) -> Result<Record, Cause> {
        let known = |records: &HashMap<String, Record>| records.get(&table.source).cloned();
        if let Some(record) = known(&self.records.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(record);
        }
        let record = self.ask_record(table).await?;
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.insert(table.source.clone(), record.clone());
        Ok(record)
    }

    async fn ask_record(&self, table: &TablePlan) -> Result<Record, Cause> {
        let object = object(&table.select.table);
        let tracked = format!(
            "SELECT COUNT_BIG(*) FROM sys.change_tracking_tables WHERE object_id = OBJECT_ID({object})"
        );
        if self.number(tracked).await? != Some(0) {
            return Ok(Record::ChangeTracking);
        }
        let column = format!(
            "SELECT name FROM sys.columns WHERE object_id = OBJECT_ID({object}) AND system_type_id = 189"
        );
        let named = [made("name", "nvarchar(128)")];
        let found = self.server.rows(&named, column).await?;
        match found.first().and_then(|row| row.first()) {
            Some(Value::Text(name)) => Ok(Record::RowVersion(name.to_string())),
            _ => Err(format!(
                "{table} records no changes; ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON \
                 (CHANGE_RETENTION = 7 DAYS), then ALTER TABLE {table} ENABLE CHANGE_TRACKING",
                table = SQL.table(&table.select.table)
            )
            .into()),
        }
    }

    /// The number that a query gives; nothing where that is null.
    async fn number(&self, sql: String) -> Result<Option<i64>, Cause> {
        let rows = self.server.rows(&[version()], sql.clone()).await?;
        match rows.first().and_then(|row| row.first()) {
            Some(Value::Int(number)) => Ok(Some(*number)),
            Some(Value::Null) => Ok(None),
            other => Err(format!("{sql} gave {other:?}").into()),
        }
    }

    /// Where a table stands, and by which record; nothing before its feed began.
    async fn position(&self, table: &TablePlan) -> Result<Option<Position>, Cause> {
        let kept = self.target.progress(&kept_as(table)).await?;
        let Some(kept) = kept.first() else {
            return Ok(None);
        };
        match kept.after.as_ref().map(|key| &*key.0) {
            None => Ok(None),
            Some([Value::Int(version)]) => Ok(Some(Position {
                version: *version,
                by: kept.basis.clone(),
            })),
            Some(other) => Err(format!("the position of {} is {other:?}", table.source).into()),
        }
    }

    async fn keep(&self, table: &TablePlan, version: i64) -> Result<(), Cause> {
        let commit = Commit {
            source: kept_as(table),
            progress: Some(Progress {
                part: 0,
                after: Some(Key([Value::Int(version)].into())),
                until: None,
                read: 0,
                done: false,
                basis: self.record(table).await?.name().to_owned(),
            }),
            quarantined: Vec::new(),
            healed: Vec::new(),
            ids: Vec::new(),
        };
        let kept = self
            .target
            .write(&table.destination, &[], How::Upsert, &commit)
            .await;
        kept.map(drop).map_err(|error| error.to_string().into())
    }

    async fn begin(&self, table: &TablePlan) -> Result<(), Cause> {
        let record = self.record(table).await?;
        // One that is no longer of use begins anew, for a copy that comes after it.
        if let Some(position) = self.position(table).await?
            && !self.is_expired(table, &position).await?
        {
            return Ok(());
        }
        let now = match record {
            Record::ChangeTracking => "SELECT CHANGE_TRACKING_CURRENT_VERSION()",
            // The first number that an open transaction may still use, less one.
            Record::RowVersion(_) => "SELECT CONVERT(bigint, MIN_ACTIVE_ROWVERSION()) - 1",
        };
        let version = self.number(now.to_owned()).await?;
        self.keep(table, version.ok_or("the database tracks no changes")?)
            .await
    }

    async fn batch(&self, table: &TablePlan, after: i64, limit: u32) -> Result<Vec<Row>, Cause> {
        let mut columns: Vec<ColumnSchema> = table.select.key_columns().cloned().collect();
        let keys = selected(&columns);
        columns.push(version());
        let name = SQL.table(&table.select.table);
        // With ties, so that a version is not cut in two and its rest passed over.
        let sql = match self.record(table).await? {
            Record::ChangeTracking => format!(
                "SELECT TOP ({limit}) WITH TIES {keys}, c.SYS_CHANGE_VERSION \
                 FROM CHANGETABLE(CHANGES {name}, {after}) AS c ORDER BY c.SYS_CHANGE_VERSION"
            ),
            Record::RowVersion(column) => {
                let version = SQL.name(&column);
                format!(
                    "SELECT TOP ({limit}) WITH TIES {keys}, CONVERT(bigint, t.{version}) AS cutover_version \
                     FROM {name} AS t WHERE t.{version} > CONVERT(binary(8), CAST({after} AS bigint)) \
                     AND t.{version} < MIN_ACTIVE_ROWVERSION() ORDER BY t.{version}"
                )
            }
        };
        self.server.rows(&columns, sql).await
    }

    /// Whether what comes behind a position is not all recorded, or the position means nothing: another
    /// record has numbers of its own, and so has a database that was restored.
    async fn is_expired(&self, table: &TablePlan, position: &Position) -> Result<bool, Cause> {
        let record = self.record(table).await?;
        if position.by != record.name() {
            return Ok(true);
        }
        if record != Record::ChangeTracking {
            return Ok(false);
        }
        let (object, after) = (object(&table.select.table), position.version);
        let oldest = format!(
            "SELECT CASE WHEN {after} <= CHANGE_TRACKING_CURRENT_VERSION() \
             THEN CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID({object})) END"
        );
        let oldest = self.number(oldest).await?;
        Ok(oldest.is_none_or(|oldest| after < oldest))
    }
}

#[async_trait]
impl<S: Server> Feed for Tracking<S> {
    async fn start(&self, table: &TablePlan) -> Result<(), FeedError> {
        self.begin(table).await.map_err(failed(table))
    }

    async fn next(&self, table: &TablePlan, limit: u32) -> Result<Batch, FeedError> {
        let position = self.position(table).await.map_err(failed(table))?;
        let position = position
            .ok_or("the feed was never started")
            .map_err(|error| failed(table)(error.into()))?;
        let after = position.version;
        let expired = self.is_expired(table, &position).await;
        if expired.map_err(failed(table))? {
            return Err(FeedError::Expired {
                table: table.source.clone(),
                position: format!("version {after}"),
            });
        }
        let asked = Instant::now();
        let rows = self
            .batch(table, after, limit)
            .await
            .map_err(failed(table))?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let since = idle.entry(table.source.clone()).or_insert(asked);
        if rows.is_empty() {
            *since = asked;
            return Ok(Batch {
                position: after.to_string(),
                ..Batch::default()
            });
        }
        let lag = since.elapsed();
        if rows.len() < limit as usize {
            *since = asked;
        }
        let mut last = after;
        let mut keys = Vec::with_capacity(rows.len());
        for mut row in rows.iter().cloned() {
            match row.pop() {
                Some(Value::Int(version)) => last = last.max(version),
                other => {
                    let wrong = format!("a version is {other:?}");
                    return Err(failed(table)(wrong.into()));
                }
            }
            keys.push(Key(row.into()));
        }
        Ok(Batch {
            keys,
            position: last.to_string(),
            more: rows.len() >= limit as usize,
            lag,
        })
    }

    async fn applied(&self, table: &TablePlan, batch: &Batch) -> Result<(), FeedError> {
        let version: i64 = batch
            .position
            .parse()
            .map_err(|_| failed(table)(format!("`{}` is no version", batch.position).into()))?;
        self.keep(table, version).await.map_err(failed(table))
    }

    /// The recording is the server's own, and stays.
    async fn stop(&self, table: &TablePlan) -> Result<(), FeedError> {
        let forgotten = self.target.begin(&kept_as(table), &[]).await;
        forgotten.map_err(failed(table))
    }
}

/// Where a feed stands.
struct Position {
    version: i64,
    /// The name of the record that counts so.
    by: String,
}

impl Record {
    fn name(&self) -> &'static str {
        match self {
            Self::ChangeTracking => "change tracking",
            Self::RowVersion(_) => "rowversion",
        }
    }
}

/// The name under which a feed's position is kept, which is no table's.
fn kept_as(table: &TablePlan) -> String {
    format!("changes of {}", table.source)
}

/// A table's name as a literal, for `OBJECT_ID`.
fn object(table: &TableName) -> String {
    SQL.text(&SQL.table(table))
}

/// A number that the server counts changes by.
fn version() -> ColumnSchema {
    made("cutover_version", "bigint")
}

/// A real server, whose keys are read as its rows are.
#[async_trait]
impl Server for Mssql {
    async fn rows(&self, columns: &[ColumnSchema], sql: String) -> Result<Vec<Row>, Cause> {
        self.rows(columns, sql).await
    }
}
