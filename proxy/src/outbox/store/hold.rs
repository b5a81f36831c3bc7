//! The SQL of holds: the one there is, and what the ends of those before say of writes.

use crate::outbox::Held;
use crate::outbox::held::{HoldChange, ReleasedUpTo};
use jiff::Timestamp;
use sqlx::{SqliteConnection, SqlitePool};

/// The hold of a former run.
pub(super) async fn hold(pool: &SqlitePool) -> sqlx::Result<Option<Held>> {
    let row: Option<(i64, i64, String, Option<String>)> =
        sqlx::query_as("SELECT since, position, routes, holder FROM hold")
            .fetch_optional(pool)
            .await?;
    Ok(row.map(|(since, position, routes, holder)| Held {
        since: Timestamp::from_millisecond(since).unwrap_or_else(|_| Timestamp::now()),
        position: position.cast_unsigned(),
        // One that can't be understood holds everything.
        routes: serde_json::from_str(&routes).unwrap_or_default(),
        holder,
    }))
}

/// What releases have said of writes that began before, as long as there are such writes.
pub(super) async fn released(pool: &SqlitePool) -> sqlx::Result<ReleasedUpTo> {
    sqlx::query(
        "DELETE FROM released WHERE NOT EXISTS (SELECT 1 FROM writes WHERE began <= up_to)",
    )
    .execute(pool)
    .await?;
    let rows: Vec<(String, i64)> = sqlx::query_as("SELECT route, up_to FROM released")
        .fetch_all(pool)
        .await?;
    let row = |(route, up_to): (String, i64)| (route, up_to.cast_unsigned());
    Ok(rows.into_iter().map(row).collect())
}

/// Notes that a hold begins, is somebody else's or is over, and what its end says of writes that began before.
pub(super) async fn change(tx: &mut SqliteConnection, change: &HoldChange) -> sqlx::Result<()> {
    match change {
        HoldChange::Begin(hold) => {
            sqlx::query(
                "INSERT OR REPLACE INTO hold (one, since, position, routes, holder) \
                 VALUES (1, ?, ?, ?, ?)",
            )
            .bind(hold.since.as_millisecond())
            .bind(hold.position.cast_signed())
            // Texts can always be written.
            .bind(serde_json::to_string(&hold.routes).unwrap_or_default())
            .bind(&hold.holder)
            .execute(&mut *tx)
            .await?;
        }
        HoldChange::Release(hold, up_to) => {
            sqlx::query("DELETE FROM hold").execute(&mut *tx).await?;
            for name in hold.names().filter(|_| up_to.is_some()) {
                sqlx::query(
                    "INSERT INTO released (route, up_to) VALUES (?, ?) \
                     ON CONFLICT DO UPDATE SET up_to = max(up_to, excluded.up_to)",
                )
                .bind(name)
                .bind(up_to.unwrap_or_default().cast_signed())
                .execute(&mut *tx)
                .await?;
            }
        }
    }
    Ok(())
}
