//! The two databases of the sample: the demo's own, made anew at each start.
//!
//! A database is the demo's own once it bears a mark, which is a table, and it is marked only while
//! nothing at all is in it. What has no mark and is not empty is refused and left as it is. Of what
//! is in its own databases, the demo drops the sample's tables by name, and nothing else.

use anyhow::{Context, ensure};
use legacy_monolith::repository::mssql::{Address, Reader, run_batch};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// How long a server may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which of the two databases.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Side {
    /// The monolith's.
    Legacy,
    /// The services'.
    Modern,
}

const LEGACY_ON_SQLITE: &str = "BEGIN IMMEDIATE;
    DROP VIEW IF EXISTS OrdersWithLines;
    DROP TABLE IF EXISTS Invoices;
    DROP TABLE IF EXISTS OrderLines;
    DROP TABLE IF EXISTS Orders;
    DROP TABLE IF EXISTS Customers;
    DROP TABLE IF EXISTS _sqlx_migrations;
    CREATE TABLE IF NOT EXISTS cutover_demo_legacy (demo integer);
    COMMIT;";

/// The procedures are replaced by the monolith itself.
const LEGACY_ON_SQL_SERVER: &str = "
    DROP TABLE IF EXISTS dbo.Invoices, dbo.OrderLines, dbo.Orders, dbo.Customers;
    IF OBJECT_ID(N'dbo.cutover_demo_legacy', N'U') IS NULL
        CREATE TABLE dbo.cutover_demo_legacy (Demo int);";

/// On `SQLite` and on `PostgreSQL`.
const MODERN: &str = "BEGIN;
    DROP TABLE IF EXISTS invoices;
    DROP TABLE IF EXISTS order_items;
    DROP TABLE IF EXISTS orders;
    DROP TABLE IF EXISTS customers;
    DROP TABLE IF EXISTS cutover_progress;
    DROP TABLE IF EXISTS cutover_quarantine;
    DROP TABLE IF EXISTS cutover_ids;
    DROP TABLE IF EXISTS cutover_deferred;
    DROP TABLE IF EXISTS _sqlx_migrations;
    CREATE TABLE IF NOT EXISTS cutover_demo_modern (demo integer);
    COMMIT;";

/// The URL of a database that is the demo's own and has none of the sample's tables: the given one,
/// or a file in the data directory.
pub(crate) async fn own(side: Side, given: Option<&str>, folder: &Path) -> anyhow::Result<String> {
    let (file, flag) = match (side, given) {
        (Side::Legacy, None) => ("legacy.db", "--data-dir"),
        (Side::Modern, None) => ("modern.db", "--data-dir"),
        (Side::Legacy, Some(_)) => ("", "--legacy-db"),
        (Side::Modern, Some(_)) => ("", "--modern-db"),
    };
    let in_folder = || format!("sqlite:{}", folder.join(file).display());
    let url = given.map_or_else(in_folder, str::to_owned);
    let made = if url.starts_with("mssql:") {
        on_sql_server(side, &url).await
    } else if url.starts_with("sqlite:") {
        on_sqlite(side, &url).await
    } else {
        on_postgres(side, &url).await
    };
    made.with_context(|| format!("{flag}: the demo cannot have this database"))?;
    Ok(url)
}

async fn on_sqlite(side: Side, url: &str) -> anyhow::Result<()> {
    let cannot = || format!("cannot open {url}");
    let options = SqliteConnectOptions::from_str(url)?.create_if_missing(true);
    let mut database = SqliteConnection::connect_with(&options)
        .await
        .with_context(cannot)?;
    let found: Option<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'
         ORDER BY name <> ?1, name LIMIT 1",
    )
    .bind(side.mark())
    .fetch_optional(&mut database)
    .await
    .with_context(cannot)?;
    side.judge(url, found.as_deref())?;
    let sql = match side {
        Side::Legacy => LEGACY_ON_SQLITE,
        Side::Modern => MODERN,
    };
    let made = sqlx::raw_sql(AssertSqlSafe(sql));
    made.execute(&mut database).await.with_context(cannot)?;
    database.close().await.with_context(cannot)
}

async fn on_postgres(side: Side, url: &str) -> anyhow::Result<()> {
    let options = PgConnectOptions::from_str(url)?;
    let named = format!(
        "postgres://{}@{}:{}/{}",
        options.get_username(),
        options.get_host(),
        options.get_port(),
        options.get_database().unwrap_or_default(),
    );
    let cannot = || format!("cannot open {named}");
    let connecting = tokio::time::timeout(PATIENCE, PgConnection::connect_with(&options)).await;
    let mut database = connecting.with_context(cannot)?.with_context(cannot)?;
    let found: Option<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class
         WHERE relnamespace NOT IN ('pg_catalog'::regnamespace, 'pg_toast'::regnamespace,
                                    'information_schema'::regnamespace)
         ORDER BY relname <> $1, relname LIMIT 1",
    )
    .bind(side.mark())
    .fetch_optional(&mut database)
    .await
    .with_context(cannot)?;
    side.judge(&named, found.as_deref())?;
    let made = sqlx::raw_sql(AssertSqlSafe(MODERN));
    made.execute(&mut database).await.with_context(cannot)?;
    database.close().await.with_context(cannot)
}

async fn on_sql_server(side: Side, url: &str) -> anyhow::Result<()> {
    // A reader needs a database that is there, and this makes it.
    run_batch(url, "SET NOCOUNT ON").await?;
    let query = format!(
        "SELECT TOP (1) name FROM sys.objects WHERE is_ms_shipped = 0
         ORDER BY CASE WHEN name = N'{}' THEN 0 ELSE 1 END, name",
        side.mark(),
    );
    let reader = Reader::connect(url).await?;
    let rows = reader.rows(query, &[]).await?;
    reader.close();
    let found: Option<&str> = rows.first().and_then(|row| row.get(0));
    side.judge(&Address::parse(url)?.to_string(), found)?;
    Ok(run_batch(url, LEGACY_ON_SQL_SERVER).await?)
}

impl Side {
    /// The table that says whose the database is.
    fn mark(self) -> &'static str {
        match self {
            Self::Legacy => "cutover_demo_legacy",
            Self::Modern => "cutover_demo_modern",
        }
    }

    /// Whether the database is the demo's: `found` is the mark where it is there, or else the name
    /// of something that is.
    fn judge(self, database: &str, found: Option<&str>) -> anyhow::Result<()> {
        let mark = self.mark();
        ensure!(
            found.is_none_or(|found| found == mark),
            "{database} has `{}` in it and no table {mark} of an earlier demo, and stays as it is; \
             give an empty database",
            found.unwrap_or_default()
        );
        Ok(())
    }
}
