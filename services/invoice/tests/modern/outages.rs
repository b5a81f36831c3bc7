//! `PostgreSQL` and Redis go away, one by one and together, and come back: the services refuse
//! clearly what they cannot do, answer nothing that was overtaken, lose nothing that they
//! acknowledged, and go on by themselves.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kit::testing::servers::{Postgres, Redis};
use kit::testing::{Answer, Target};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::{JoinHandle, block_in_place};

use crate::side::{on_postgres, on_sqlite};

/// Long enough for a loaded machine; nothing waits for all of it unless something is broken.
const PATIENCE: Duration = Duration::from_mins(1);

/// Clients that write and read until they are told to stop.
struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

struct Shared {
    target: Target,
    stop: AtomicBool,
    /// Writes and reads that went well, all of a client's in a row.
    rounds: AtomicUsize,
    refused: AtomicUsize,
}

/// A customer whom several clients write for, and what the services acknowledged to any of them.
struct Customer {
    id: String,
    orders: Mutex<BTreeSet<String>>,
    invoices: Mutex<BTreeSet<(String, String)>>,
}

impl Load {
    /// Starts two clients for each of these customers.
    fn start(target: Target, customers: &[Arc<Customer>]) -> Self {
        let shared = Arc::new(Shared {
            target,
            stop: AtomicBool::new(false),
            rounds: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
        });
        let twice = customers.iter().chain(customers);
        let clients = twice.map(|customer| {
            let (shared, customer) = (shared.clone(), customer.clone());
            tokio::spawn(async move {
                while !shared.stop.load(Ordering::Relaxed) {
                    if shared.round(&customer).await.is_some() {
                        shared.rounds.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        });
        Self {
            clients: clients.collect(),
            shared,
        }
    }

    /// Waits for twice as many rounds as there are clients, so that most have had one.
    async fn goes_on(&self) {
        let wanted = self.rounds() + 2 * self.clients.len();
        self.until("the load to go on", |load| load.rounds() >= wanted)
            .await;
    }

    async fn is_refused(&self) {
        let before = self.refused();
        self.until("a refusal", |load| load.refused() > before)
            .await;
    }

    async fn until(&self, what: &str, reached: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !reached(self) {
            assert!(started.elapsed() < PATIENCE, "waited in vain for {what}");
            assert!(
                self.clients.iter().all(|client| !client.is_finished()),
                "a client saw something wrong"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn rounds(&self) -> usize {
        self.shared.rounds.load(Ordering::Relaxed)
    }

    fn refused(&self) -> usize {
        self.shared.refused.load(Ordering::Relaxed)
    }

    /// Ends the load; what any client saw wrong fails here.
    async fn end(self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.unwrap();
        }
    }
}

impl Shared {
    /// Orders, has it invoiced, and reads everything that should show it; [`None`] once something
    /// was refused.
    async fn round(&self, customer: &Customer) -> Option<()> {
        let id = &customer.id;
        let order = json!({"customerId": id, "status": "PENDING", "total": 1, "subtotal": 1});
        let order = self.made("/orders", order).await?;
        customer.orders.lock().await.insert(order.clone());
        self.shows(customer, &format!("/orders/{order}")).await?;
        let invoice = json!({"orderId": order});
        let invoice = self.made("/invoices", invoice).await?;
        let pair = (order.clone(), invoice.clone());
        customer.invoices.lock().await.insert(pair);
        self.shows(customer, &format!("/invoices/{invoice}"))
            .await?;
        for query in ["", "?isActive=true"] {
            let known = customer.orders.lock().await.clone();
            let path = format!("/customers/{id}/orders{query}");
            self.lists(&path, known).await?;
        }
        let known = customer.invoices.lock().await.clone();
        let known = known.into_iter().map(|(_, invoice)| invoice).collect();
        self.lists(&format!("/invoices?customerId={id}&status=DRAFT"), known)
            .await?;
        let only = BTreeSet::from([invoice]);
        self.lists(&format!("/invoices?orderId={order}"), only)
            .await
    }

    async fn made(&self, path: &str, body: Value) -> Option<String> {
        let answer = self.target.post(path, body).await;
        self.well(answer, 201).map(|answer| answer.id())
    }

    /// A row that was acknowledged is there, and is that customer's.
    async fn shows(&self, customer: &Customer, path: &str) -> Option<()> {
        let answer = self.well(self.target.get(path).await, 200)?;
        assert_eq!(*answer.attribute("customerId"), customer.id, "{path}");
        Some(())
    }

    /// A list has whatever was acknowledged before it was asked for.
    async fn lists(&self, path: &str, known: BTreeSet<String>) -> Option<()> {
        let answer = self.well(self.target.get(path).await, 200)?;
        let listed = answer.ids().into_iter().collect();
        let missing: Vec<_> = known.difference(&listed).collect();
        assert!(missing.is_empty(), "{path} is stale: no {missing:?}");
        Some(())
    }

    /// The answer, unless it is one of the two clear refusals; anything else is wrong.
    fn well(&self, answer: Answer, status: u16) -> Option<Answer> {
        if answer.status == status {
            return Some(answer);
        }
        let clear = ["DATABASE_ERROR", "SERVICE_COMMUNICATION_ERROR"];
        let code = answer.json["errors"][0]["code"].as_str();
        assert!(
            code.is_some_and(|code| clear.contains(&code)),
            "{}",
            answer.text
        );
        answer.refused(500, code.unwrap());
        assert!(
            !answer.text.contains("postgres"),
            "the inside is shown: {}",
            answer.text
        );
        self.refused.fetch_add(1, Ordering::Relaxed);
        None
    }
}

async fn customers(target: &Target, count: usize) -> Vec<Arc<Customer>> {
    let mut customers = Vec::new();
    for number in 0..count {
        customers.push(Arc::new(Customer {
            id: customer(target, number).await,
            orders: Mutex::default(),
            invoices: Mutex::default(),
        }));
    }
    customers
}

async fn customer(target: &Target, number: usize) -> String {
    let email = format!("ann.{number}@example.com");
    let body = json!({"email": email, "firstName": "Ann", "lastName": "Lee"});
    target.post("/customers", body).await.expect(201).id()
}

/// Everything that was acknowledged is in the database, and invoices have numbers without a gap.
async fn nothing_is_lost(postgres: &Postgres, customers: &[Arc<Customer>]) {
    let rows = |sql: &str| -> BTreeSet<String> {
        let rows = postgres.run_sql("test_0", sql);
        rows.lines().map(str::to_owned).collect()
    };
    let orders = rows("SELECT id FROM orders");
    let invoices = rows("SELECT order_id || ' ' || id FROM invoices");
    for customer in customers {
        let acknowledged = customer.orders.lock().await;
        assert!(acknowledged.is_subset(&orders), "an order was lost");
        for (order, invoice) in customer.invoices.lock().await.iter() {
            let pair = format!("{order} {invoice}");
            assert!(invoices.contains(&pair), "{pair} was acknowledged");
        }
    }
    let gaps = "SELECT max(substr(number, 12)::int) - count(*) FROM invoices";
    assert_eq!(rows(gaps), BTreeSet::from(["0".to_owned()]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_dies_under_load_costs_clear_errors_and_no_acknowledged_write() {
    let mut postgres = Postgres::start();
    let target = on_postgres(&postgres.database(), None).await;
    let customers = customers(&target, 4).await;
    let load = Load::start(target, &customers);
    for _ in 0..3 {
        load.goes_on().await;
        block_in_place(|| {
            postgres.stop();
            postgres.restart();
        });
    }
    load.goes_on().await;
    load.end().await;
    nothing_is_lost(&postgres, &customers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_dies_under_load_costs_no_refusal_and_no_stale_answer() {
    let postgres = Postgres::start();
    let mut redis = Redis::start();
    let target = on_postgres(&postgres.database(), Some(&redis)).await;
    let customers = customers(&target, 4).await;
    let load = Load::start(target, &customers);
    for _ in 0..2 {
        load.goes_on().await;
        block_in_place(|| redis.stop());
        load.goes_on().await;
        block_in_place(|| redis.restart());
        load.goes_on().await;
        redis.pause();
        load.goes_on().await;
        redis.resume();
    }
    load.goes_on().await;
    assert_eq!(load.refused(), 0);
    load.end().await;
    nothing_is_lost(&postgres, &customers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_may_die_under_load_in_any_order_and_the_services_recover_by_themselves() {
    let mut postgres = Postgres::start();
    let mut redis = Redis::start();
    let target = on_postgres(&postgres.database(), Some(&redis)).await;
    let customers = customers(&target, 4).await;
    let load = Load::start(target, &customers);
    for redis_is_back_first in [true, false] {
        load.goes_on().await;
        block_in_place(|| {
            redis.stop();
            postgres.stop();
        });
        load.is_refused().await;
        block_in_place(|| {
            if redis_is_back_first {
                redis.restart();
                postgres.restart();
            } else {
                postgres.restart();
            }
        });
        load.goes_on().await;
        // Redis dies with what the outage of the other left in it, or comes back to new writes.
        block_in_place(|| redis.restart());
    }
    load.goes_on().await;
    let connected = async || {
        let health = load.shared.target.get("/cache/health").await.expect(200);
        *health.attribute("redisConnected") == true
    };
    let started = Instant::now();
    while !connected().await {
        assert!(started.elapsed() < PATIENCE, "Redis is not found again");
    }
    // Nothing is left of the outages: connections that they broke would be refusals here.
    let refused = load.refused();
    load.goes_on().await;
    assert_eq!(load.refused(), refused);
    load.end().await;
    nothing_is_lost(&postgres, &customers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_is_away_is_named_by_readiness_until_it_is_back() {
    let mut postgres = Postgres::start();
    let target = on_postgres(&postgres.database(), None).await;
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
    let target = on_sqlite(Some(&redis)).await;
    let customer = customer(&target, 0).await;
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
