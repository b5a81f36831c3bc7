//! What happened to dials by itself, and what the guard knows of them.

use super::{Journal, JournalError, Reader};
use crate::sqlite::give_back;
use jiff::Timestamp;
use serde::Serialize;
use sqlx::{Connection, SqliteConnection};
use std::collections::BTreeMap;

/// Events that are kept; the oldest go first.
const MOST: i64 = 10_000;

/// Something that happened to a dial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct DialEvent {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The name of the route, or of the group of routes.
    pub dial: String,
    /// What: `tripped`, `turned_back`, `not_turned_back`, `moved`, `resumed`, `released`, `raised`
    /// or `stopped`.
    pub event: String,
    /// Why, in a sentence.
    pub why: String,
}

impl DialEvent {
    /// The guard has put the dial to 0 %.
    pub const TRIPPED: &'static str = "tripped";
    /// routes.toml says so, too.
    pub const TURNED_BACK: &'static str = "turned_back";
    /// routes.toml can't be edited.
    pub const NOT_TURNED_BACK: &'static str = "not_turned_back";
    /// It has a route now that was held by another dial, so it is held.
    pub const MOVED: &'static str = "moved";
    /// The time of the hold is over.
    pub const RESUMED: &'static str = "resumed";
    /// The hold was ended before its time.
    pub const RELEASED: &'static str = "released";
    /// The plan has turned the dial up.
    pub const RAISED: &'static str = "raised";
    /// A hand has turned it down, so that the plan goes no further.
    pub const STOPPED: &'static str = "stopped";
}

impl Journal {
    /// Keeps events, and what is known of dials by name; all of it or nothing.
    pub async fn keep_dials(
        &self,
        events: &[DialEvent],
        dials: &BTreeMap<String, String>,
    ) -> Result<(), JournalError> {
        let mut connection = self.desk.acquire().await?;
        let done = keep(&mut connection, events, dials).await;
        Ok(give_back(connection, done).await?)
    }
}

impl Reader {
    /// What is known of dials, by name.
    pub async fn dials(&self) -> Result<Vec<(String, String)>, JournalError> {
        Ok(sqlx::query_as("SELECT dial, document FROM dials")
            .fetch_all(&self.0)
            .await?)
    }

    /// What happened to a dial, or to all, the latest first.
    pub async fn dial_events(
        &self,
        dial: Option<&str>,
        limit: u32,
    ) -> Result<Vec<DialEvent>, JournalError> {
        let rows: Vec<(i64, String, String, String)> = sqlx::query_as(
            "SELECT at, dial, event, why FROM dial_events \
             WHERE ?1 IS NULL OR dial = ?1 ORDER BY id DESC LIMIT ?2",
        )
        .bind(dial)
        .bind(limit)
        .fetch_all(&self.0)
        .await?;
        let events = rows.into_iter().map(|(at, dial, event, why)| DialEvent {
            at: Timestamp::from_millisecond(at).unwrap_or_default(),
            dial,
            event,
            why,
        });
        Ok(events.collect())
    }
}

async fn keep(
    connection: &mut SqliteConnection,
    events: &[DialEvent],
    dials: &BTreeMap<String, String>,
) -> sqlx::Result<()> {
    let mut tx = connection.begin().await?;
    for event in events {
        sqlx::query("INSERT INTO dial_events (at, dial, event, why) VALUES (?, ?, ?, ?)")
            .bind(event.at.as_millisecond())
            .bind(&event.dial)
            .bind(&event.event)
            .bind(&event.why)
            .execute(&mut *tx)
            .await?;
    }
    for (dial, document) in dials {
        sqlx::query(
            "INSERT INTO dials (dial, document) VALUES (?, ?) \
             ON CONFLICT DO UPDATE SET document = excluded.document",
        )
        .bind(dial)
        .bind(document)
        .execute(&mut *tx)
        .await?;
    }
    sqlx::query("DELETE FROM dial_events WHERE id <= (SELECT max(id) FROM dial_events) - ?")
        .bind(MOST)
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}
