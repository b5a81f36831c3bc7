//! The state file: every run, kept in `SQLite` so that a restart forgets none.
//!
//! How far rows have come is not kept here, but beside the rows, in their transactions: what is
//! lost of this file's last second is only what is shown.

use kit::sqlite::{Database, OpenError, parsed, parsed_if_any};
use kit::store::StoreError;
use kit::time::Millis;
use serde_json::Value;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::run::{Kind, Run, State, Summary, TableProgress};

/// Runs of each kind that are kept; the oldest go first.
const MOST: i64 = 200;

/// What is read of a run for its summary: reports and checkpoints can be large.
macro_rules! summary_columns {
    () => {
        "id, kind, state, options, created_at, ended_at, resumed, error, note"
    };
}

/// The open state file.
#[derive(Debug, Clone)]
pub(super) struct Books(Database);

/// What a run goes on from.
pub(super) struct Unfinished {
    pub(super) id: i64,
    pub(super) kind: Kind,
    pub(super) options: Value,
    pub(super) tables: Vec<TableProgress>,
    pub(super) checkpoint: Option<String>,
}

/// How a run ended.
pub(super) struct Ended {
    pub(super) state: State,
    pub(super) tables: Vec<TableProgress>,
    pub(super) report: Option<Value>,
    pub(super) error: Option<String>,
    pub(super) note: Option<String>,
}

impl Books {
    pub(super) async fn open(url: &str) -> Result<Self, OpenError> {
        let migrations = sqlx::migrate!("../../migrations/runs");
        Database::open(url, &migrations).await.map(Self)
    }

    pub(super) async fn close(&self) {
        self.0.close().await;
    }

    /// Enters a run; says its number.
    pub(super) async fn enter(&self, kind: Kind, options: &Value) -> Result<i64, StoreError> {
        let mut write = self.0.write().await?;
        let entered = sqlx::query(
            "INSERT INTO runs (kind, state, options, created_at) VALUES (?, 'queued', ?, ?)",
        )
        .bind(kind.as_str())
        .bind(options.to_string())
        .bind(Millis::now().to_string())
        .execute(&mut *write)
        .await
        .map_err(StoreError::database)?;
        sqlx::query(
            "DELETE FROM runs WHERE kind = ?1 AND id NOT IN \
             (SELECT id FROM runs WHERE kind = ?1 ORDER BY id DESC LIMIT ?2)",
        )
        .bind(kind.as_str())
        .bind(MOST)
        .execute(&mut *write)
        .await
        .map_err(StoreError::database)?;
        write.commit().await.map_err(StoreError::database)?;
        Ok(entered.last_insert_rowid())
    }

    /// Notes how far a run has come.
    pub(super) async fn note(
        &self,
        id: i64,
        tables: &[TableProgress],
        checkpoint: Option<&str>,
    ) -> Result<(), StoreError> {
        let query = sqlx::query(
            "UPDATE runs SET state = 'running', tables = ?, checkpoint = coalesce(?, checkpoint) \
             WHERE id = ?",
        );
        let query = query.bind(json(tables)).bind(checkpoint).bind(id);
        self.change(query).await.map(drop)
    }

    /// Notes that an interrupted run goes on; whether it still was to.
    pub(super) async fn resume(&self, id: i64) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE runs SET state = 'queued', ended_at = NULL, resumed = resumed + 1 \
             WHERE id = ? AND state = 'interrupted'",
        );
        Ok(self.change(query.bind(id)).await? > 0)
    }

    /// Notes the end of a run. Only an interrupted one keeps what it goes on from.
    pub(super) async fn end(&self, id: i64, ended: &Ended) -> Result<(), StoreError> {
        let query = sqlx::query(
            "UPDATE runs SET state = ?1, tables = ?2, report = ?3, error = ?4, note = ?5, \
             ended_at = ?6, checkpoint = iif(?1 = 'interrupted', checkpoint, NULL) WHERE id = ?7",
        );
        let query = query
            .bind(ended.state.as_str())
            .bind(json(&ended.tables))
            .bind(ended.report.as_ref().map(Value::to_string))
            .bind(&ended.error)
            .bind(&ended.note)
            .bind(Millis::now().to_string())
            .bind(id);
        self.change(query).await.map(drop)
    }

    /// Marks what the last process left under way as interrupted.
    pub(super) async fn interrupt(&self) -> Result<(), StoreError> {
        let query = sqlx::query(
            "UPDATE runs SET state = 'interrupted', ended_at = ? \
             WHERE state IN ('queued', 'running')",
        );
        let query = query.bind(Millis::now().to_string());
        self.change(query).await.map(drop)
    }

    /// Marks an interrupted run as one that will not go on; whether it was one.
    pub(super) async fn give_up(&self, kind: Kind, id: i64) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "UPDATE runs SET state = 'stopped', checkpoint = NULL \
             WHERE kind = ? AND id = ? AND state = 'interrupted'",
        );
        let query = query.bind(kind.as_str()).bind(id);
        Ok(self.change(query).await? > 0)
    }

    /// The interrupted runs, the oldest first.
    pub(super) async fn unfinished(&self) -> Result<Vec<Unfinished>, StoreError> {
        let query = "SELECT id, kind, options, tables, checkpoint FROM runs \
                     WHERE state = 'interrupted' ORDER BY id";
        let rows = sqlx::query(query).fetch_all(self.0.reader()).await;
        let rows = rows.map_err(StoreError::database)?;
        let read = |row: &SqliteRow| -> sqlx::Result<Unfinished> {
            Ok(Unfinished {
                id: row.try_get("id")?,
                kind: parsed(row, "kind")?,
                options: parsed(row, "options")?,
                tables: tables(row)?,
                checkpoint: row.try_get("checkpoint")?,
            })
        };
        let rows: sqlx::Result<_> = rows.iter().map(read).collect();
        rows.map_err(StoreError::database)
    }

    /// The runs of a kind, the latest first.
    pub(super) async fn list(&self, kind: Kind) -> Result<Vec<Summary>, StoreError> {
        let query = concat!(
            "SELECT ",
            summary_columns!(),
            " FROM runs WHERE kind = ? ORDER BY id DESC"
        );
        let rows = sqlx::query(query).bind(kind.as_str());
        let rows = rows.fetch_all(self.0.reader()).await;
        let rows = rows.map_err(StoreError::database)?;
        let rows: sqlx::Result<_> = rows.iter().map(summary).collect();
        rows.map_err(StoreError::database)
    }

    /// One run of a kind.
    pub(super) async fn show(&self, kind: Kind, id: i64) -> Result<Option<Run>, StoreError> {
        let query = concat!(
            "SELECT ",
            summary_columns!(),
            ", tables, report FROM runs WHERE kind = ? AND id = ?"
        );
        let row = sqlx::query(query).bind(kind.as_str()).bind(id);
        let row = row.fetch_optional(self.0.reader()).await;
        let row = row.map_err(StoreError::database)?;
        let read = |row: SqliteRow| -> sqlx::Result<Run> {
            Ok(Run {
                summary: summary(&row)?,
                tables: tables(&row)?,
                report: parsed_if_any(&row, "report")?,
            })
        };
        row.map(read).transpose().map_err(StoreError::database)
    }

    /// When the last run of a kind was asked for.
    pub(super) async fn last(&self, kind: Kind) -> Result<Option<Millis>, StoreError> {
        let query = "SELECT created_at FROM runs WHERE kind = ? ORDER BY id DESC LIMIT 1";
        let row = sqlx::query(query).bind(kind.as_str());
        let row = row.fetch_optional(self.0.reader()).await;
        let row = row.map_err(StoreError::database)?;
        let read = |row: SqliteRow| parsed(&row, "created_at");
        row.map(read).transpose().map_err(StoreError::database)
    }

    /// Whether the file answers.
    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        self.0.ping().await
    }

    /// Changes runs; how many.
    async fn change(
        &self,
        query: sqlx::query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
    ) -> Result<u64, StoreError> {
        let mut write = self.0.write().await?;
        let done = query
            .execute(&mut *write)
            .await
            .map_err(StoreError::database)?;
        write.commit().await.map_err(StoreError::database)?;
        Ok(done.rows_affected())
    }
}

fn summary(row: &SqliteRow) -> sqlx::Result<Summary> {
    let id: i64 = row.try_get("id")?;
    Ok(Summary {
        id: id.to_string(),
        kind: parsed(row, "kind")?,
        state: parsed(row, "state")?,
        options: parsed(row, "options")?,
        created_at: parsed(row, "created_at")?,
        ended_at: parsed_if_any(row, "ended_at")?,
        resumed: row.try_get("resumed")?,
        error: row.try_get("error")?,
        note: row.try_get("note")?,
    })
}

fn tables(row: &SqliteRow) -> sqlx::Result<Vec<TableProgress>> {
    let text: &str = row.try_get("tables")?;
    serde_json::from_str(text).map_err(|error| sqlx::Error::ColumnDecode {
        index: "tables".to_owned(),
        source: Box::new(error),
    })
}

fn json(tables: &[TableProgress]) -> String {
    // These types can't fail to be written.
    serde_json::to_string(tables).unwrap_or_else(|_| "[]".to_owned())
}
