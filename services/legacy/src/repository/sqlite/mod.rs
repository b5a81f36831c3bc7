//! The monolith's database on embedded `SQLite`.
//!
//! A procedure holds the write lock from its start, so what it has read is still true when it
//! writes. Readers run beside it on the write-ahead log.

mod columns;
mod customers;
mod invoices;
mod orders;
mod seeding;

use async_trait::async_trait;
use kit::{
    sqlite::{Database, OpenError},
    store::StoreError,
};
use sqlx::migrate::Migrator;

use super::{Repository, RepositoryError, Result};
use crate::seed::Seed;

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/legacy/sqlite");

/// The monolith's tables in one database file.
#[derive(Debug, Clone)]
pub struct SqliteRepository {
    database: Database,
}

impl SqliteRepository {
    /// Opens the file at `url` (`sqlite:path`), making it and its tables where they are missing.
    pub async fn connect(url: &str) -> std::result::Result<Self, OpenError> {
        Ok(Self {
            database: Database::open(url, &MIGRATIONS).await?,
        })
    }
}

#[async_trait]
impl Repository for SqliteRepository {
    async fn ping(&self) -> Result<()> {
        Ok(self.database.ping().await?)
    }

    async fn close(&self) {
        self.database.close().await;
    }

    async fn seed(&self, seed: &Seed) -> Result<bool> {
        seeding::fill(&self.database, seed).await
    }
}

impl From<sqlx::Error> for RepositoryError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(StoreError::database(error))
    }
}

/// What a refused insertion means: the rule of a unique column, or a failure.
fn refused(error: sqlx::Error, unique: &'static str, rule: RepositoryError) -> RepositoryError {
    match kit::sqlite::sorted(error, &[unique]) {
        StoreError::Taken(_) => rule,
        failure @ StoreError::Database(_) => failure.into(),
    }
}
