//! What a repository can fail with, whichever database is behind it.

use crate::error::{ApiError, Cause};

/// A repository's failure.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique column has this value already; named as `table.column`.
    #[error("`{0}` has this value already")]
    Taken(&'static str),
    /// The database refused, failed or could not be reached.
    #[error("the database failed")]
    Database(#[source] Cause),
}

impl StoreError {
    /// A failure of the database with its cause.
    pub fn database(cause: impl Into<Cause>) -> Self {
        Self::Database(cause.into())
    }
}

/// A taken value that no service turned into its own refusal is a failure like any other.
impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        Self::database(error)
    }
}

/// A fresh id: UUID version 7, so that ids grow with time.
pub fn fresh_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Whether a row could have this id at all, on either side: short, and without control characters.
///
/// What cannot be an id need not reach a database or another service.
pub fn is_possible_id(id: &str) -> bool {
    (1..=255).contains(&id.len()) && !id.chars().any(char::is_control)
}
