//! A seeded legacy database, an empty modern one, and the services on them.

use invoice_service::OrderClient;
use kit::testing::{Server, Target, servers::postgres_database};
use legacy_monolith::repository::mssql::run_batch;
use migration_service::load::{self, Deletes, Finished, LoadError, Options, Report, Unwatched};
use migration_service::sides::{Addresses, Sides as Databases};
use migration_service::store::{Range, Source};
use migration_service::sync::{SyncError, Synced, sync};
use migration_service::transform::transform;
use migration_service::value::Row;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use tempfile::TempDir;

use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::sql_server;

/// The sample's own mapping.
pub(crate) const MAPPING: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/mapping.toml");

/// Both databases, for as long as a test holds them.
pub(crate) struct Sides {
    pub(crate) legacy: String,
    pub(crate) modern: String,
    _directory: TempDir,
    _sql_server: Option<sql_server::Database>,
}

pub(crate) async fn sqlite_to_sqlite() -> Option<Sides> {
    let directory = tempfile::tempdir().unwrap();
    let modern = file(&directory, "modern.db");
    Some(Sides::seeded(file(&directory, "legacy.db"), modern, directory, None).await)
}

pub(crate) async fn sqlite_to_postgres() -> Option<Sides> {
    let directory = tempfile::tempdir().unwrap();
    let legacy = file(&directory, "legacy.db");
    Some(Sides::seeded(legacy, postgres_database(), directory, None).await)
}

pub(crate) async fn sql_server_to_postgres() -> Option<Sides> {
    let directory = tempfile::tempdir().unwrap();
    let legacy = sql_server::Database::if_given(&directory)?;
    let url = legacy.url();
    Some(Sides::seeded(url, postgres_database(), directory, Some(legacy)).await)
}

fn file(directory: &TempDir, name: &str) -> String {
    format!("sqlite:{}", directory.path().join(name).display())
}

impl Sides {
    async fn seeded(
        legacy: String,
        modern: String,
        directory: TempDir,
        sql_server: Option<sql_server::Database>,
    ) -> Self {
        let monolith = legacy_monolith::connect(&legacy).await.unwrap();
        assert!(legacy_monolith::seed(&monolith).await.unwrap());
        monolith.close().await;
        // The services make their tables.
        order_service::connect(&modern).await.unwrap();
        Self {
            legacy,
            modern,
            _directory: directory,
            _sql_server: sql_server,
        }
    }

    pub(crate) async fn change_legacy(&self, sql: &str) {
        change(&self.legacy, sql).await;
    }

    pub(crate) async fn change_modern(&self, sql: &str) {
        change(&self.modern, sql).await;
    }

    /// The number that a query of the modern database gives.
    pub(crate) async fn modern_number(&self, sql: &str) -> i64 {
        let query = sqlx::query_scalar(AssertSqlSafe(sql));
        if self.modern.starts_with("sqlite:") {
            let mut modern = SqliteConnection::connect(&self.modern).await.unwrap();
            query.fetch_one(&mut modern).await.unwrap()
        } else {
            let query = sqlx::query_scalar(AssertSqlSafe(sql));
            let mut modern = PgConnection::connect(&self.modern).await.unwrap();
            query.fetch_one(&mut modern).await.unwrap()
        }
    }

    /// Adds customers to the legacy side, the seed's forty being there, until there are so many.
    pub(crate) async fn add_customers(&self, last: u32) {
        let customer = "i, concat(i, '@example.com'), 'A', 'B', '2026-01-01 00:00:00.000', \
             '2026-01-01 00:00:00.000'";
        let insert = "INSERT INTO Customers (Id, Email, FirstName, LastName, CreatedAt, UpdatedAt)";
        let add = if self.legacy.starts_with("sqlite:") {
            format!(
                "{insert} WITH RECURSIVE n (i) AS
                     (SELECT 41 UNION ALL SELECT i + 1 FROM n WHERE i < {last})
                 SELECT {customer} FROM n"
            )
        } else {
            format!(
                "SET IDENTITY_INSERT Customers ON;
                 {insert} SELECT {customer} FROM (
                     SELECT TOP ({last} - 40) 40 + ROW_NUMBER() OVER (ORDER BY a.object_id) AS i
                     FROM sys.all_columns AS a CROSS JOIN sys.all_columns AS b) AS n;
                 SET IDENTITY_INSERT Customers OFF;"
            )
        };
        self.change_legacy(&add).await;
    }

    /// Moves every row by the sample's mapping.
    pub(crate) async fn migrate(&self) -> Report {
        self.migrate_with(&Options::default()).await.unwrap()
    }

    /// The same, and tables that an earlier run finished are left alone.
    pub(crate) async fn migrate_once(&self) -> Report {
        let finished = Finished::Left;
        let options = Options {
            finished,
            ..Options::default()
        };
        self.migrate_with(&options).await.unwrap()
    }

    /// The same, and what the source has no more goes, if it is not more than so much.
    pub(crate) async fn migrate_deleting(&self, most: u64) -> Result<Report, LoadError> {
        let deletes = Deletes::AtMost(most);
        let options = Options {
            deletes,
            ..Options::default()
        };
        self.migrate_with(&options).await
    }

    pub(crate) async fn migrate_with(&self, options: &Options) -> Result<Report, LoadError> {
        let sides = self.open().await;
        let (source, target) = (Arc::clone(&sides.source), Arc::clone(&sides.target));
        let stop = CancellationToken::new();
        let done = load::run(
            &sides.plan,
            source,
            target,
            options,
            Arc::new(Unwatched),
            stop,
        )
        .await;
        sides.close().await;
        done
    }

    pub(crate) async fn sync(&self, entity: &str, id: &str) -> Result<Synced, SyncError> {
        let sides = self.open().await;
        let done = sync(&sides.plan, &*sides.source, &*sides.target, entity, id).await;
        sides.close().await;
        done
    }

    async fn open(&self) -> Databases {
        let addresses = Addresses::of(Path::new(MAPPING), &self.legacy, &self.modern).unwrap();
        Databases::open(&addresses).await.unwrap()
    }

    /// What each table's rows should be on the modern side and are not, or are and should not be:
    /// everything is read and compared here, by the simplest way there is.
    pub(crate) async fn differences(&self) -> Vec<String> {
        let sides = self.open().await;
        let mut differences = Vec::new();
        for table in &sides.plan.tables {
            let legacy = all(&*sides.source, &table.select).await;
            let wanted = legacy
                .iter()
                .map(|row| transform(&table.steps, row).unwrap());
            let mut wanted: Vec<String> = wanted.map(|row| format!("{row:?}")).collect();
            let there = all(sides.target.as_source(), &table.destination.select()).await;
            let mut there: Vec<String> = there.iter().map(|row| format!("{row:?}")).collect();
            wanted.sort();
            there.sort();
            let missing = wanted
                .iter()
                .filter(|row| there.binary_search(row).is_err());
            let extra = there
                .iter()
                .filter(|row| wanted.binary_search(row).is_err());
            differences.extend(missing.map(|row| format!("{}: missing {row}", table.source)));
            differences.extend(extra.map(|row| format!("{}: extra {row}", table.source)));
        }
        sides.close().await;
        differences
    }

    /// Both sides with every row migrated, legacy first, served.
    pub(crate) async fn served(&self) -> (Target, Target) {
        let report = self.migrate().await;
        assert!(report.is_complete(), "{report}");
        let monolith = legacy_monolith::connect(&self.legacy).await.unwrap();
        let legacy = Server::start(legacy_monolith::router(monolith)).await;
        let orders = order_service::connect(&self.modern).await.unwrap();
        let orders = Server::start(order_service::router(orders)).await;
        let client = OrderClient::new(&orders.url()).unwrap();
        let invoices = invoice_service::connect(&self.modern, client)
            .await
            .unwrap();
        let invoices = Server::start(invoice_service::router(invoices)).await;
        let legacy_target = Target::one(&legacy.url());
        let modern = Target::two(&orders.url(), &invoices.url());
        let nothing = tempfile::tempdir().unwrap();
        (
            legacy_target,
            modern.keeping(vec![legacy, orders, invoices], nothing),
        )
    }
}

async fn all(source: &dyn Source, select: &migration_service::store::Select) -> Vec<Row> {
    source
        .page(select, &Range::default(), 1_000_000)
        .await
        .unwrap()
}

async fn change(url: &str, sql: &str) {
    if url.starts_with("mssql:") {
        run_batch(url, sql).await.unwrap();
    } else if url.starts_with("sqlite:") {
        let mut database = SqliteConnection::connect(url).await.unwrap();
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        sql.execute(&mut database).await.unwrap();
        database.close().await.unwrap();
    } else {
        let mut database = PgConnection::connect(url).await.unwrap();
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        sql.execute(&mut database).await.unwrap();
        database.close().await.unwrap();
    }
}
