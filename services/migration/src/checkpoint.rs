//! How far each table has come, and which rows were refused: two tables beside the modern ones.
//!
//! They change in the transactions that change the rows, so that a run which dies leaves them
//! true, and the next one goes on from there. Every target keeps them under the same names, by
//! the same statements.

/// Before the first key.
pub(crate) const START: i64 = i64::MIN;

/// Where a table stands, as these statements keep it.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub(crate) struct Progress {
    /// The last key that was handled.
    pub(crate) last_key: i64,
    /// Whether it was the table's last.
    pub(crate) done: bool,
}

/// What becomes of a table that an earlier run finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finished {
    /// It starts over, and its refusals are judged again: its rows may have changed.
    Again,
    /// It is left as it is.
    Left,
}

impl Finished {
    /// The key to go on after, from where the table stands; nothing when there is nothing to do.
    pub(crate) fn start(self, progress: Option<Progress>) -> Option<i64> {
        match (progress, self) {
            (Some(Progress { done: true, .. }), Self::Left) => None,
            (Some(Progress { done: true, .. }), Self::Again) | (None, _) => Some(START),
            (Some(Progress { last_key, .. }), _) => Some(last_key),
        }
    }
}

/// Gives a table's [`Progress`], where it has any: `$1` is the legacy table.
pub(crate) const PROGRESS: &str =
    "SELECT last_key, done FROM migration_checkpoints WHERE source = $1";

/// Keeps a table's progress: `$1` is the legacy table.
pub(crate) const ADVANCE: &str =
    "INSERT INTO migration_checkpoints (source, last_key, done) VALUES ($1, $2, $3)
     ON CONFLICT (source) DO UPDATE SET last_key = excluded.last_key, done = excluded.done";

/// Keeps a row aside: its legacy table, its key, the reason.
pub(crate) const REFUSE: &str =
    "INSERT INTO migration_refusals (source, key, reason) VALUES ($1, $2, $3)
     ON CONFLICT (source, key) DO UPDATE SET reason = excluded.reason";

/// Forgets the rows of a table that were kept aside.
pub(crate) const FORGET: &str = "DELETE FROM migration_refusals WHERE source = $1";

/// Lists as many rows that were kept aside.
pub(crate) const REFUSALS: &str =
    "SELECT source, key, reason FROM migration_refusals ORDER BY source, key LIMIT $1";
