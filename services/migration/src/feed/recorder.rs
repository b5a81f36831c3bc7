//! The one place that writes to a source: it makes the queues, and takes out of them what was
//! applied.

use std::str::FromStr;
use std::time::Duration;

use kit::error::Cause;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, MySqlPool, PgPool, SqlitePool};

use crate::store::Dialect;

/// How long a statement waits for another process's write.
const BUSY: Duration = Duration::from_secs(30);

pub(super) enum Recorder {
    Sqlite(SqlitePool),
    Postgres(PgPool),
    Mysql(MySqlPool),
}

impl Recorder {
    pub(super) async fn open(url: &str, dialect: Dialect) -> Result<Self, Cause> {
        Ok(match dialect {
            Dialect::Sqlite => {
                let options = SqliteConnectOptions::from_str(url)?.busy_timeout(BUSY);
                let pool = SqlitePoolOptions::new().max_connections(1);
                Self::Sqlite(pool.connect_with(options).await?)
            }
            Dialect::Postgres => Self::Postgres(PgPool::connect(url).await?),
            Dialect::Mysql => Self::Mysql(MySqlPool::connect(url).await?),
            Dialect::Mssql => return Err("SQL Server records changes by itself".into()),
        })
    }

    /// Runs a statement that gives nothing back.
    pub(super) async fn execute(&self, sql: &str) -> Result<(), Cause> {
        let statement = sqlx::raw_sql(AssertSqlSafe(sql));
        Ok(match self {
            Self::Sqlite(pool) => statement.execute(pool).await.map(drop),
            Self::Postgres(pool) => statement.execute(pool).await.map(drop),
            Self::Mysql(pool) => statement.execute(pool).await.map(drop),
        }?)
    }

    /// The number of seconds that a query gives.
    pub(super) async fn seconds(&self, sql: &str) -> Result<f64, Cause> {
        let sql = AssertSqlSafe(sql);
        Ok(match self {
            Self::Sqlite(pool) => sqlx::query_scalar(sql).fetch_one(pool).await?,
            Self::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await?,
            Self::Mysql(pool) => sqlx::query_scalar(sql).fetch_one(pool).await?,
        })
    }
}
