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

pub use clock::{DateTime, DateTimeError};
pub use handlers::router;
pub use repository::OpenError;
use repository::{
    Repository, RepositoryError,
    mssql::{Address, MssqlRepository},
    sqlite::SqliteRepository,
};
use seed::Seed;

/// What the handlers share: the database, whichever it is.
pub type Monolith = Arc<dyn Repository>;

/// Opens the database at `url` (`sqlite:path`, or `mssql://user:password@host:1433/database`),
/// making it and its tables where they are missing. A new database is empty.
pub async fn connect(url: &str) -> Result<Monolith, OpenError> {
    Ok(match scheme(url) {
        Scheme::Sqlite => Arc::new(SqliteRepository::connect(url).await?),
        Scheme::Mssql => Arc::new(MssqlRepository::connect(url).await?),
        Scheme::Other(other) => return Err(OpenError::Scheme(other)),
    })
}

/// Whether [`connect`] would take the URL, without touching a database.
pub fn check_url(url: &str) -> Result<(), OpenError> {
    match scheme(url) {
        Scheme::Sqlite => kit::sqlite::check_url(url)?,
        Scheme::Mssql => drop(Address::parse(url).map_err(repository::mssql::OpenError::from)?),
        Scheme::Other(other) => return Err(OpenError::Scheme(other)),
    }
    Ok(())
}

/// Fills an empty database with the sample rows; `false` when it had rows already.
pub async fn seed(monolith: &Monolith) -> Result<bool, RepositoryError> {
    monolith.seed(&Seed::sample()).await
}

enum Scheme {
    Sqlite,
    Mssql,
    Other(String),
}

fn scheme(url: &str) -> Scheme {
    match url.split_once(':') {
        Some(("sqlite", _)) => Scheme::Sqlite,
        Some(("mssql", _)) => Scheme::Mssql,
        Some((other, _)) => Scheme::Other(other.to_owned()),
        None => Scheme::Other(String::new()),
    }
}
