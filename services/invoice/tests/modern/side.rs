//! Both services, on one database and one Redis or none.

use std::sync::atomic::{AtomicUsize, Ordering};

use invoice_service::OrderClient;
use kit::cache::{Cache, RedisUrl};
use kit::testing::servers::Redis;
use kit::testing::{Server, Target};
use tempfile::TempDir;

/// On a `SQLite` file of its own.
pub(crate) async fn on_sqlite(redis: Option<&Redis>) -> Target {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("modern.db").display());
    on(&url, redis, directory).await
}

/// On this `PostgreSQL`.
pub(crate) async fn on_postgres(url: &str, redis: Option<&Redis>) -> Target {
    on(url, redis, tempfile::tempdir().unwrap()).await
}

async fn on(url: &str, redis: Option<&Redis>, directory: TempDir) -> Target {
    // Many sides share a Redis, and no keys.
    static SIDES: AtomicUsize = AtomicUsize::new(0);
    let side = SIDES.fetch_add(1, Ordering::Relaxed);
    let cache = |service: &str| {
        let namespace = format!("{service}-{}-{side}", std::process::id());
        let redis = redis.map(|redis| RedisUrl::parse(&redis.url()).unwrap());
        Cache::open(redis, Box::leak(namespace.into_boxed_str()))
    };
    let services = order_service::connect_cached(url, cache("order"))
        .await
        .unwrap();
    let orders = Server::start(order_service::router(services)).await;
    let client = OrderClient::new(&orders.url()).unwrap();
    let services = invoice_service::connect_cached(url, client, cache("invoice"))
        .await
        .unwrap();
    let invoices = Server::start(invoice_service::router(services)).await;
    Target::two(&orders.url(), &invoices.url()).keeping(vec![orders, invoices], directory)
}
