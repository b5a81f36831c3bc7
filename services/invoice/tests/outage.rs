//! `PostgreSQL` goes away under load and comes back: the services refuse clearly, lose nothing
//! that they acknowledged, and go on by themselves.
#![expect(clippy::unwrap_used, reason = "a test that cannot start panics")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use invoice_service::OrderClient;
use kit::testing::servers::Postgres;
use kit::testing::{Server, Target};
use serde_json::json;

/// What one client was told.
#[derive(Default)]
struct Told {
    made: Vec<(String, String)>,
    refused: Vec<(u16, String)>,
}

async fn modern_side(url: &str) -> Target {
    let services = order_service::connect(url).await.unwrap();
    let orders = Server::start(order_service::router(services)).await;
    let client = OrderClient::new(&orders.url()).unwrap();
    let services = invoice_service::connect(url, client).await.unwrap();
    let invoices = Server::start(invoice_service::router(services)).await;
    let directory = tempfile::tempdir().unwrap();
    Target::two(&orders.url(), &invoices.url()).keeping(vec![orders, invoices], directory)
}

/// A client that orders and has it invoiced until it is told to stop.
async fn client(
    target: Arc<Target>,
    customer: String,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
) -> Told {
    let mut told = Told::default();
    let order = json!({"customerId": customer, "status": "PENDING", "total": 1, "subtotal": 1});
    while !stop.load(Ordering::Relaxed) {
        let made = target.post("/orders", &order).await;
        if made.status != 201 {
            told.refused.push((made.status, made.text));
            continue;
        }
        let invoiced = target
            .post("/invoices", json!({"orderId": made.id()}))
            .await;
        match invoiced.status {
            201 => {
                done.fetch_add(1, Ordering::Relaxed);
                told.made.push((made.id(), invoiced.id()));
            }
            status => told.refused.push((status, invoiced.text)),
        }
    }
    told
}

/// Waits until so many more invoices were made.
async fn more(done: &AtomicUsize, count: usize) {
    let (before, started) = (done.load(Ordering::Relaxed), Instant::now());
    while done.load(Ordering::Relaxed) < before + count {
        assert!(started.elapsed() < Duration::from_secs(30), "no recovery");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_dies_under_load_costs_clear_errors_and_no_acknowledged_write() {
    let mut postgres = Postgres::start();
    let target = Arc::new(modern_side(&postgres.database()).await);
    let customer = json!({"email": "ann@example.com", "firstName": "Ann", "lastName": "Lee"});
    let customer = target.post("/customers", customer).await.expect(201).id();
    let (stop, done) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
    let clients: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn(client(
                target.clone(),
                customer.clone(),
                stop.clone(),
                done.clone(),
            ))
        })
        .collect();
    for _ in 0..3 {
        more(&done, 20).await;
        tokio::task::block_in_place(|| {
            postgres.stop();
            postgres.restart();
        });
    }
    more(&done, 20).await;
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        let told = client.await.unwrap();
        for (status, text) in told.refused {
            let clear = ["DATABASE_ERROR", "SERVICE_COMMUNICATION_ERROR"];
            assert_eq!(status, 500, "{text}");
            assert!(clear.iter().any(|code| text.contains(code)), "{text}");
            assert!(!text.contains("postgres"), "the inside is shown: {text}");
        }
        for (order, invoice) in told.made {
            let kept =
                "SELECT count(*) FROM invoices WHERE id = '{invoice}' AND order_id = '{order}'";
            let kept = kept
                .replace("{invoice}", &invoice)
                .replace("{order}", &order);
            assert_eq!(
                postgres.run_sql("test_0", &kept),
                "1",
                "{invoice} was acknowledged"
            );
        }
    }
    let gaps = "SELECT max(substr(number, 12)::int) - count(*) FROM invoices";
    assert_eq!(
        postgres.run_sql("test_0", gaps),
        "0",
        "numbers without a gap"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_is_away_is_named_by_readiness_until_it_is_back() {
    let mut postgres = Postgres::start();
    let target = modern_side(&postgres.database()).await;
    postgres.stop();
    let answer = target.get("/health/ready").await;
    let detail = answer.refused(503, "SERVICE_UNAVAILABLE")["detail"].to_string();
    assert!(detail.contains("database"), "{detail}");
    target
        .get("/orders/17")
        .await
        .refused(500, "DATABASE_ERROR");
    postgres.restart();
    let _ = target.get("/health/ready").await.expect(200);
    target.get("/orders/17").await.refused(404, "NOT_FOUND");
}
