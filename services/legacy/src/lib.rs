//! The order-management monolith that is being replaced: one process, one database, every
//! endpoint of the contract, and a handful of documented [`quirks`].
//!
//! Handlers read the request and word the answer; the rules live in the database's procedures
//! behind [`repository`]. It caches nothing and knows nothing of the modern side.

mod clock;
mod documents;
mod handlers;
mod key;
pub mod model;
pub mod quirks;
pub mod repository;
pub mod seed;

use std::sync::Arc;

use kit::sqlite::OpenError;

pub use clock::{DateTime, DateTimeError};
pub use handlers::router;
use repository::{Repository, RepositoryError, sqlite::SqliteRepository};
use seed::Seed;

/// What the handlers share: the database, whichever it is.
pub type Monolith = Arc<dyn Repository>;

/// Opens the database at `url` (`sqlite:path`), making the file and its tables where they are
/// missing. A new database is empty.
pub async fn connect(url: &str) -> Result<Monolith, OpenError> {
    Ok(Arc::new(SqliteRepository::connect(url).await?))
}

/// Fills an empty database with the sample rows; `false` when it had rows already.
pub async fn seed(monolith: &Monolith) -> Result<bool, RepositoryError> {
    monolith.seed(&Seed::sample()).await
}
