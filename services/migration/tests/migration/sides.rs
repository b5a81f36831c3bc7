//! A legacy and a modern database in a directory of their own, and the services on them.

use invoice_service::OrderClient;
use kit::testing::{Server, Target};
use migration_service::{Check, migrate, validate};
use sqlx::{SqlitePool, sqlite::SqlitePoolOptions};
use tempfile::TempDir;

/// A directory with a seeded legacy database, and room for a modern one.
pub(crate) struct Sides(TempDir);

impl Sides {
    pub(crate) async fn seeded() -> Self {
        let sides = Self(tempfile::tempdir().unwrap());
        let monolith = legacy_monolith::connect(&sides.legacy()).await.unwrap();
        assert!(legacy_monolith::seed(&monolith).await.unwrap());
        sides
    }

    pub(crate) fn legacy(&self) -> String {
        format!("sqlite:{}", self.0.path().join("legacy.db").display())
    }

    pub(crate) fn modern(&self) -> String {
        format!("sqlite:{}", self.0.path().join("modern.db").display())
    }

    pub(crate) async fn change_legacy(&self, sql: &'static str) {
        change(&self.legacy(), sql).await;
    }

    pub(crate) async fn checks(&self) -> Vec<Check> {
        validate(&self.legacy(), &self.modern()).await.unwrap()
    }

    /// The same, with every row migrated.
    pub(crate) async fn migrated() -> Self {
        let sides = Self::seeded().await;
        let report = migrate(&sides.legacy(), &sides.modern()).await.unwrap();
        assert!(report.is_complete(), "{report}");
        sides
    }

    /// Both sides, legacy first, served.
    pub(crate) async fn served(self) -> (Target, Target) {
        let monolith = legacy_monolith::connect(&self.legacy()).await.unwrap();
        let legacy = Server::start(legacy_monolith::router(monolith)).await;
        let orders = order_service::connect(&self.modern()).await.unwrap();
        let orders = Server::start(order_service::router(orders)).await;
        let client = OrderClient::new(&orders.url()).unwrap();
        let invoices = invoice_service::connect(&self.modern(), client)
            .await
            .unwrap();
        let invoices = Server::start(invoice_service::router(invoices)).await;
        let modern = Target::two(&orders.url(), &invoices.url());
        let legacy_target = Target::one(&legacy.url());
        (
            legacy_target,
            modern.keeping(vec![legacy, orders, invoices], self.0),
        )
    }
}

pub(crate) async fn open(url: &str) -> SqlitePool {
    SqlitePoolOptions::new()
        .max_connections(1)
        .connect(url)
        .await
        .unwrap()
}

pub(crate) async fn change(url: &str, sql: &'static str) {
    let pool = open(url).await;
    sqlx::raw_sql(sql).execute(&pool).await.unwrap();
    pool.close().await;
}
