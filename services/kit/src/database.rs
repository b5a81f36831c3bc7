//! The modern database, whichever its URL names: a `SQLite` file, or a `PostgreSQL`.
//!
//! What differs between the two is in the repositories; what a service does with its database as
//! a whole (open, ask whether it is there, close) is here.

use clap::Args;
use sqlx::migrate::Migrator;

use crate::config::Mistakes;
use crate::store::StoreError;
use crate::{postgres, sqlite};

/// Connections of one service at one time, unless it is told otherwise.
const CONNECTIONS: u32 = 10;

/// More connections than this are a mistake: a server has a process for each.
const MOST_CONNECTIONS: u32 = 1000;

/// The modern database.
#[derive(Debug, Clone)]
pub enum Database {
    /// A file.
    Sqlite(sqlite::Database),
    /// A server.
    Postgres(postgres::Database),
}

/// How a service uses its database.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `sqlite:modern.db`, or `postgres://user:password@host:5433/modern`.
    pub url: String,
    /// Connections to a server at one time. A file has few readers and one writer.
    pub connections: u32,
    /// Whether a server's schema is brought up to date. A file's always is.
    pub migrate: bool,
    /// The name under which a server lists the connections.
    pub application: String,
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file could not be.
    #[error(transparent)]
    Sqlite(#[from] sqlite::OpenError),
    /// The server could not be.
    #[error(transparent)]
    Postgres(#[from] postgres::OpenError),
}

/// A URL that names neither.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// It says `SQLite`, and is none of it.
    #[error(transparent)]
    Sqlite(sqlite::OpenError),
    /// It says `PostgreSQL`, and is none of it.
    #[error(transparent)]
    Postgres(postgres::UrlError),
    /// It says neither.
    #[error(
        "`{0}` is neither a SQLite nor a PostgreSQL URL: sqlite:modern.db, postgres://user:password@host:5433/modern"
    )]
    Scheme(String),
}

/// The flags that every service with a database has.
#[derive(Debug, Clone, Args)]
#[group(id = "database")]
pub struct Flags {
    /// The modern database: sqlite:FILE, which is made when it is missing, or
    /// <postgres://USER:PASSWORD@HOST:PORT/NAME>.
    #[arg(
        long,
        env = "DATABASE_URL",
        default_value = "sqlite:modern.db",
        value_name = "URL",
        hide_env_values = true
    )]
    database_url: String,
    /// Connections to a database server at one time.
    #[arg(long, env = "DATABASE_CONNECTIONS", default_value_t = CONNECTIONS.to_string(), value_name = "N")]
    database_connections: String,
    /// Bring the schema up to date and exit.
    #[arg(long)]
    migrate: bool,
    /// Bring a server's schema up to date before serving; a file's always is.
    #[arg(long, env = "DATABASE_MIGRATE_AT_START")]
    migrate_at_start: bool,
}

impl Settings {
    /// The database at this URL, with its schema brought up to date.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            connections: CONNECTIONS,
            migrate: true,
            application: "cutover".to_owned(),
        }
    }
}

impl<T: AsRef<str> + ?Sized> From<&T> for Settings {
    fn from(url: &T) -> Self {
        Self::new(url.as_ref())
    }
}

impl Flags {
    /// Whether the service is to exit once the schema is up to date.
    pub fn only_migrate(&self) -> bool {
        self.migrate
    }

    /// The settings of this service; [`None`] when there was a mistake.
    pub fn settings(self, service: &str, mistakes: &mut Mistakes) -> Option<Settings> {
        let url = mistakes.keep("--database-url", check_url(&self.database_url));
        let connections = mistakes.parse("--database-connections", &self.database_connections);
        let connections = connections.filter(|connections| {
            let possible = (1..=MOST_CONNECTIONS).contains(connections);
            let wrong = format!("`{connections}` is not between 1 and {MOST_CONNECTIONS}");
            let possible = possible.then_some(()).ok_or(wrong);
            mistakes.keep("--database-connections", possible).is_some()
        });
        Some(Settings {
            url: url.map(|()| self.database_url)?,
            connections: connections?,
            migrate: self.migrate || self.migrate_at_start,
            application: service.to_owned(),
        })
    }
}

impl Database {
    /// Opens the database with the migrations of its kind.
    pub async fn open(
        settings: &Settings,
        sqlite: &Migrator,
        postgres: &Migrator,
    ) -> Result<Self, OpenError> {
        Ok(if postgres::is_ours(&settings.url) {
            Self::Postgres(postgres::Database::open(settings, postgres).await?)
        } else {
            Self::Sqlite(sqlite::Database::open(&settings.url, sqlite).await?)
        })
    }

    /// Whether the database answers, for readiness.
    pub async fn ping(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(database) => database.ping().await,
            Self::Postgres(database) => database.ping().await,
        }
    }

    /// Closes the connections once the service has stopped.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(database) => database.close().await,
            Self::Postgres(database) => database.close().await,
        }
    }
}

/// Whether [`Database::open`] would take the URL, without touching a file or a server.
pub fn check_url(url: &str) -> Result<(), UrlError> {
    if postgres::is_ours(url) {
        postgres::check_url(url).map_err(UrlError::Postgres)
    } else if url.starts_with("sqlite:") {
        sqlite::check_url(url).map_err(UrlError::Sqlite)
    } else {
        Err(UrlError::Scheme(postgres::redacted(url)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_which_database_it_is() {
        for url in ["sqlite:modern.db", "postgres://modern@localhost/modern"] {
            assert!(check_url(url).is_ok(), "{url}");
        }
        let error = check_url("mysql://modern:secret@localhost")
            .unwrap_err()
            .to_string();
        assert!(error.contains("mysql://modern:…@localhost"), "{error}");
    }
}
