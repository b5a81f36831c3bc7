//! Reads rows for whoever takes them elsewhere: any query, no procedure, and nothing is changed.

use tiberius::Row;

use super::{
    address::Address,
    call::Call,
    error::{MssqlError, OpenError},
    pool::{Limits, Pool},
};

/// Connections to a database that somebody else made.
#[derive(Debug)]
pub struct Reader {
    pool: Pool,
}

impl Reader {
    /// Logs in to the database at `url` (`mssql://user:password@host:1433/database?trust=true`).
    pub async fn connect(url: &str) -> Result<Self, OpenError> {
        let pool = Pool::new(Address::parse(url)?, Limits::default());
        pool.call(&Call::ping()).await?;
        Ok(Self { pool })
    }

    /// The rows of a query whose parameters are `@P1`, `@P2` and so on. All of them are in memory
    /// at once, so the query says how many it wants.
    pub async fn rows(&self, sql: String, parameters: &[i64]) -> Result<Vec<Row>, MssqlError> {
        let query = Call::query_of(sql, parameters);
        let [rows] = self.pool.results(&query).await?;
        Ok(rows)
    }

    /// Lets go of the connections; what is asked afterwards fails.
    pub fn close(&self) {
        self.pool.close();
    }
}
