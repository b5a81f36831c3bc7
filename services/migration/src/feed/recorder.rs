//! The one place that writes to a source: it makes the queues, and takes out of them what was
//! applied.

use std::str::FromStr;
use std::time::Duration;

use kit::error::Cause;
use sqlx::mysql::MySqlPoolOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, Executor as _, MySqlPool, PgPool, Row as _, SqlitePool};

use crate::schema::TableName;
use crate::store::Dialect;

/// How long a statement waits for another process's write.
const BUSY: Duration = Duration::from_secs(30);

/// Seconds that a statement waits for the lock of a table. Triggers are made and dropped under one that
/// writers wait behind, so whoever makes them must not wait long behind a transaction that goes on.
const LOCKS: u32 = 5;

/// What foreign keys of a table do to its rows by themselves.
const CASCADES: &str = "
SELECT CAST(concat(TABLE_NAME, '.', CONSTRAINT_NAME,
    if(DELETE_RULE IN ('RESTRICT', 'NO ACTION'), '', concat(' ON DELETE ', DELETE_RULE)),
    if(UPDATE_RULE IN ('RESTRICT', 'NO ACTION'), '', concat(' ON UPDATE ', UPDATE_RULE))) AS CHAR)
FROM information_schema.REFERENTIAL_CONSTRAINTS
WHERE CONSTRAINT_SCHEMA = coalesce(?, DATABASE()) AND TABLE_NAME = ?
  AND NOT (DELETE_RULE IN ('RESTRICT', 'NO ACTION') AND UPDATE_RULE IN ('RESTRICT', 'NO ACTION'))
ORDER BY CONSTRAINT_NAME";

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
            Dialect::Postgres => {
                let options = PgConnectOptions::from_str(url)?;
                let options = options.options([("lock_timeout", format!("{LOCKS}s"))]);
                Self::Postgres(PgPool::connect_with(options).await?)
            }
            Dialect::Mysql => {
                let limit = format!("SET SESSION lock_wait_timeout = {LOCKS}");
                let pool = MySqlPoolOptions::new().after_connect(move |connection, _| {
                    let limit = AssertSqlSafe(limit.clone());
                    Box::pin(async move { connection.execute(limit).await.map(drop) })
                });
                Self::Mysql(pool.connect(url).await?)
            }
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

    /// The foreign keys of a table that change its rows without firing its triggers, each with its
    /// rules. Elsewhere than on `MySQL` and `MariaDB`, triggers see that.
    pub(super) async fn cascades(&self, table: &TableName) -> Result<Vec<String>, Cause> {
        let Self::Mysql(pool) = self else {
            return Ok(Vec::new());
        };
        let query = sqlx::query(CASCADES).bind(&table.schema).bind(&table.name);
        let rows = query.fetch_all(pool).await?;
        let names = rows.iter().map(|row| row.try_get_unchecked(0));
        Ok(names.collect::<sqlx::Result<_>>()?)
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
