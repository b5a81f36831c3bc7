//! The modern side on Redis against the whole contract, and while Redis comes and goes.
#![expect(clippy::unwrap_used, reason = "a test that cannot start panics")]

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use invoice_service::OrderClient;
use kit::cache::{Cache, RedisUrl};
use kit::testing::servers::Redis;
use kit::testing::{Server, Target};
use serde_json::json;

kit::contract_tests!(modern_side);
kit::modern_contract_tests!(modern_side);

/// Ended by its own supervisor when this process ends.
static REDIS: LazyLock<Redis> = LazyLock::new(Redis::start);

async fn modern_side() -> Target {
    on(&REDIS).await
}

/// Both services on a database of their own; the namespace is each target's own too.
async fn on(redis: &Redis) -> Target {
    static TARGETS: AtomicUsize = AtomicUsize::new(0);
    let target = TARGETS.fetch_add(1, Ordering::Relaxed);
    let cache = |service: &str| {
        let namespace = format!("{service}-{}-{target}", std::process::id());
        let url = RedisUrl::parse(&redis.url()).unwrap();
        Cache::in_redis(url, Box::leak(namespace.into_boxed_str()))
    };
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("modern.db").display());
    let services = order_service::connect_cached(&url, cache("order"))
        .await
        .unwrap();
    let orders = Server::start(order_service::router(services)).await;
    let client = OrderClient::new(&orders.url()).unwrap();
    let services = invoice_service::connect_cached(&url, client, cache("invoice"))
        .await
        .unwrap();
    let invoices = Server::start(invoice_service::router(services)).await;
    Target::two(&orders.url(), &invoices.url()).keeping(vec![orders, invoices], directory)
}

/// Makes an order and its invoice, and looks for both in every list that they belong to.
async fn sees_what_it_writes(target: &Target, customer: &str) {
    let order = json!({"customerId": customer, "status": "PENDING", "total": 1, "subtotal": 1});
    let orders = format!("/customers/{customer}/orders");
    let active = format!("{orders}?isActive=true");
    for path in [&orders, &active] {
        let _ = target.get(path).await.expect(200);
    }
    let order = target.post("/orders", order).await.expect(201).id();
    for path in [&orders, &active] {
        assert_eq!(target.get(path).await.expect(200).ids()[0], order);
    }
    let lists = [
        "/invoices".to_owned(),
        format!("/invoices?customerId={customer}"),
        format!("/invoices?orderId={order}&status=DRAFT"),
    ];
    for path in &lists {
        let _ = target.get(path).await.expect(200);
    }
    let invoice = json!({"orderId": order});
    let invoice = target.post("/invoices", invoice).await.expect(201).id();
    for path in &lists {
        assert_eq!(target.get(path).await.expect(200).ids()[0], invoice);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_write_is_seen_whatever_redis_does() {
    let mut redis = Redis::start();
    let target = on(&redis).await;
    let customer = json!({"email": "ann@example.com", "firstName": "Ann", "lastName": "Lee"});
    let customer = target.post("/customers", customer).await.expect(201).id();
    for _ in 0..2 {
        sees_what_it_writes(&target, &customer).await;
        redis.pause();
        sees_what_it_writes(&target, &customer).await;
        redis.resume();
        sees_what_it_writes(&target, &customer).await;
        redis.stop();
        sees_what_it_writes(&target, &customer).await;
        redis.restart();
    }
    sees_what_it_writes(&target, &customer).await;
}
