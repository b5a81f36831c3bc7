//! The monolith's database on SQL Server.
//!
//! The business rules are stored procedures there (`migrations/legacy/mssql`); here they are
//! called, and their answers and errors are read.

mod address;
mod call;
mod columns;
mod connection;
mod customers;
mod error;
mod invoices;
mod orders;
mod pool;
mod reader;
mod scripts;
mod seeding;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use tiberius::Row;

pub use address::{Address, AddressError};
pub use error::{MssqlError, OpenError};
pub use reader::Reader;

use super::{Repository, Result};
use crate::seed::Seed;
use call::Call;
use pool::{Limits, Pool};

/// The monolith's tables in one database of a server.
#[derive(Debug)]
pub struct MssqlRepository {
    pool: Pool,
}

impl MssqlRepository {
    /// Opens the database at `url` (`mssql://user:password@host:1433/database?trust=true`), making
    /// it, its tables and its procedures where they are missing.
    pub async fn connect(url: &str) -> std::result::Result<Self, OpenError> {
        let address = Address::parse(url)?;
        let limits = Limits::default();
        scripts::apply(&address, limits.connect).await?;
        Ok(Self {
            pool: Pool::new(address, limits),
        })
    }
}

/// Runs one batch of statements on a connection of its own, for whoever sets up or takes down what
/// the repository works on; the database is made when it is missing.
pub async fn run_batch(url: &str, sql: &str) -> std::result::Result<(), OpenError> {
    let address = Address::parse(url)?;
    let mut client = scripts::open(&address, Limits::default().connect).await?;
    Ok(scripts::run(&mut client, sql).await?)
}

#[async_trait]
impl Repository for MssqlRepository {
    async fn ping(&self) -> Result<()> {
        self.pool.call(&Call::ping()).await?;
        Ok(())
    }

    async fn close(&self) {
        self.pool.close();
    }

    async fn seed(&self, seed: &Seed) -> Result<bool> {
        seeding::fill(&self.pool, seed).await
    }
}

/// The row that a procedure which makes or counts something answers with.
fn one<'a>(call: &Call, rows: &'a [Row]) -> std::result::Result<&'a Row, MssqlError> {
    rows.first().ok_or(MssqlError::NoRow { call: call.name })
}
