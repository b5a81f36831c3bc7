//! What is decided about findings: the one thing that others than the writer write.

use super::read::{State, is_fingerprint};
use super::{Journal, JournalError};

impl Journal {
    /// Sets the state of a finding that is in one of the states `from`; says whether it was. What
    /// is seen from now on may change it: a fixed one is then regressed, an allowed one open.
    pub async fn decide(&self, id: &str, from: &[State], to: State) -> Result<bool, JournalError> {
        if !is_fingerprint(id) {
            return Ok(false);
        }
        let from: Vec<&str> = from.iter().map(|state| state.as_str()).collect();
        let done = sqlx::query(
            "UPDATE findings SET state = ?, changed = ? \
             WHERE fingerprint = ? AND state IN (SELECT value FROM json_each(?))",
        )
        .bind(to.as_str())
        .bind(self.shared.clock.now().as_millisecond())
        .bind(id)
        .bind(serde_json::json!(from).to_string())
        .execute(&self.desk)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Notes by which basis the findings of a route were judged.
    pub async fn note_recheck(&self, route: &str, basis: u64) -> Result<(), JournalError> {
        sqlx::query(
            "INSERT INTO rechecks (route, basis) VALUES (?, ?) \
             ON CONFLICT DO UPDATE SET basis = excluded.basis",
        )
        .bind(route)
        .bind(basis.cast_signed())
        .execute(&self.desk)
        .await?;
        Ok(())
    }
}
