//! What comparisons of both databases found, as the journal keeps it: the last of each table.

use super::{Journal, JournalError, Reader};
use crate::reconciliation::{DataVerdict, TableResult};
use crate::sqlite::give_back;
use jiff::Timestamp;
use sqlx::{Connection, FromRow, SqliteConnection};

/// Tables that are kept; what comes on top is refused by whoever takes it.
const MOST: i64 = 10_000;

#[derive(FromRow)]
struct Kept {
    name: String,
    source: String,
    entity: Option<String>,
    parent: Option<String>,
    verdict: String,
    compared: i64,
    different: i64,
    not_verified: i64,
    ids: String,
    began_at: i64,
}

impl Journal {
    /// Keeps what a comparison found, unless a later one is known; all of it or nothing. Says how
    /// many tables were news. A difference always is: a comparison that went on from where it was cut
    /// off may have found it later than one that began after it. One that is yet to begin is known of a
    /// clock that was wrong, and is in nobody's way.
    pub async fn keep_reconciliation(&self, tables: &[TableResult]) -> Result<u64, JournalError> {
        let mut connection = self.desk.acquire().await?;
        let now = self.shared.clock.steady();
        let done = keep(&mut connection, tables, now).await;
        Ok(give_back(connection, done).await?)
    }

    /// A text as it may be told: without what looks like a secret by the settings.
    pub fn redacted(&self, text: &str) -> String {
        let settings = self.shared.settings.load();
        settings.redaction.text(text).into_owned()
    }

    /// The value of a database's column as it may be told.
    pub fn redacted_column(&self, column: &str, value: &str) -> String {
        let settings = self.shared.settings.load();
        settings.redaction.column(column, value)
    }
}

impl Reader {
    /// What the last comparisons found, by table.
    pub async fn reconciliation(&self) -> Result<Vec<TableResult>, JournalError> {
        let rows: Vec<Kept> = sqlx::query_as("SELECT * FROM reconciliation ORDER BY name")
            .fetch_all(&self.0)
            .await?;
        Ok(rows.into_iter().map(Kept::read).collect())
    }
}

impl Kept {
    fn read(self) -> TableResult {
        TableResult {
            table: self.name,
            source: self.source,
            entity: self.entity,
            parent: self.parent,
            verdict: DataVerdict::read(&self.verdict),
            compared: self.compared.cast_unsigned(),
            different: self.different.cast_unsigned(),
            not_verified: self.not_verified.cast_unsigned(),
            ids: serde_json::from_str(&self.ids).unwrap_or_default(),
            began_at: Timestamp::from_millisecond(self.began_at).unwrap_or_default(),
        }
    }
}

async fn keep(
    connection: &mut SqliteConnection,
    tables: &[TableResult],
    now: Timestamp,
) -> sqlx::Result<u64> {
    let mut tx = connection.begin().await?;
    let mut taken = 0;
    for table in tables {
        // These types can't fail to be written.
        let ids = serde_json::to_string(&table.ids).unwrap_or_default();
        let kept = sqlx::query(
            "INSERT INTO reconciliation (name, source, entity, verdict, compared, different, \
                 not_verified, ids, began_at, parent) \
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 \
             WHERE (SELECT count(*) FROM reconciliation) < ?11 \
                 OR EXISTS (SELECT 1 FROM reconciliation WHERE name = ?1) \
             ON CONFLICT (name) DO UPDATE SET source = excluded.source, \
                 entity = excluded.entity, verdict = excluded.verdict, \
                 compared = excluded.compared, different = excluded.different, \
                 not_verified = excluded.not_verified, ids = excluded.ids, \
                 began_at = excluded.began_at, parent = excluded.parent \
             WHERE excluded.began_at >= reconciliation.began_at \
                 OR excluded.verdict = ?12 \
                 OR reconciliation.began_at > ?13",
        )
        .bind(&table.table)
        .bind(&table.source)
        .bind(&table.entity)
        .bind(table.verdict.as_str())
        .bind(table.compared.cast_signed())
        .bind(table.different.cast_signed())
        .bind(table.not_verified.cast_signed())
        .bind(ids)
        .bind(table.began_at.as_millisecond())
        .bind(&table.parent)
        .bind(MOST)
        .bind(DataVerdict::Different.as_str())
        .bind(now.as_millisecond())
        .execute(&mut *tx)
        .await?;
        taken += kept.rows_affected();
    }
    tx.commit().await?;
    Ok(taken)
}
