//! The proxy and a copy together: mirrored writes as the feeder of the tables that are copied, and
//! entities that lost a write.
//!
//! Both sides count how often they were told to make an order, and add amounts up: a write that
//! came twice shows, and one that did not come at all.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what a test can't get fails the test"
)]

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use cutover::server::{Options, Running, start};
use http::Method;
use kit::testing::{Answer, Target};
use migration_service::link::Proxy;
use migration_service::load::{self, Unwatched};
use migration_service::mapping::Mapping;
use migration_service::mirrored::{self, MirroredError, Report};
use migration_service::reconcile;
use migration_service::sides::{Addresses, Sides};
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, SqlitePool};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_mins(2);

/// Between what a client writes and what it writes next.
const REST: Duration = Duration::from_millis(20);

const TABLES: &str = "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE orders (
        id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id),
        total INTEGER NOT NULL, made INTEGER NOT NULL
    )";

const MAPPING: &str = r#"
[[tables]]
from = "customers"
to = "customers"
entity = "customer"
feeder = "mirror"

[[tables]]
from = "orders"
to = "orders"
entity = "order"
feeder = "mirror"
parent = { entity = "customer", column = "customer_id" }
"#;

/// One side: its database, and where it answers while it does.
struct Side {
    url: String,
    rows: SqlitePool,
    address: SocketAddr,
    serving: Option<JoinHandle<()>>,
}

impl Side {
    async fn new(folder: &TempDir, name: &str) -> Self {
        let file = folder.path().join(name);
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(PATIENCE);
        let pool = SqlitePoolOptions::new().max_connections(2);
        let rows = pool.connect_with(options).await.unwrap();
        sqlx::raw_sql(TABLES).execute(&rows).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut side = Self {
            url: format!("sqlite:{}", file.display()),
            rows,
            address: listener.local_addr().unwrap(),
            serving: None,
        };
        side.serve(listener);
        side
    }

    fn serve(&mut self, listener: TcpListener) {
        let router = Router::new()
            .route("/orders/{id}", get(read).put(make))
            .route("/orders/{id}/add", post(add))
            .with_state(self.rows.clone());
        self.serving = Some(tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        }));
    }

    /// As a power cut would, connections and all.
    async fn die(&mut self) {
        let serving = self.serving.take().unwrap();
        serving.abort();
        let _ = serving.await;
    }

    async fn rise(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serve(listener);
    }
}

async fn make(
    State(rows): State<SqlitePool>,
    Path(id): Path<i64>,
    Json(order): Json<Value>,
) -> StatusCode {
    let made = sqlx::query(
        "INSERT INTO orders VALUES (?1, ?2, 0, 1) ON CONFLICT DO UPDATE SET made = made + 1",
    );
    let made = made.bind(id).bind(order["customer"].as_i64());
    let made = made.execute(&rows).await;
    linger().await;
    made.map_or(StatusCode::CONFLICT, |_| StatusCode::CREATED)
}

async fn add(
    State(rows): State<SqlitePool>,
    Path(id): Path<i64>,
    Json(order): Json<Value>,
) -> StatusCode {
    let added = sqlx::query("UPDATE orders SET total = total + ?2 WHERE id = ?1");
    let added = added.bind(id).bind(order["amount"].as_i64());
    let added = added.execute(&rows).await.unwrap();
    linger().await;
    if added.rows_affected() == 1 {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    }
}

async fn read(State(rows): State<SqlitePool>, Path(id): Path<i64>) -> Json<Value> {
    let row: Option<(i64, i64, i64)> =
        sqlx::query_as("SELECT customer_id, total, made FROM orders WHERE id = ?")
            .bind(id)
            .fetch_optional(&rows)
            .await
            .unwrap();
    Json(json!(row))
}

/// What is committed is answered a moment later: that is when a copy reads it.
async fn linger() {
    tokio::time::sleep(Duration::from_millis(3)).await;
}

/// Both sides and the proxy before them.
struct Shop {
    legacy: Side,
    modern: Side,
    /// Another database that modern could have.
    elsewhere: Side,
    proxy: Running,
    _folder: TempDir,
}

impl Shop {
    async fn open(mirror: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let legacy = Side::new(&folder, "legacy.db").await;
        let modern = Side::new(&folder, "modern.db").await;
        let elsewhere = Side::new(&folder, "elsewhere.db").await;
        let routes = folder.path().join("routes.toml");
        let text = format!(
            r#"
[upstreams.legacy]
peers = ["{}"]
[upstreams.modern]
peers = ["{}"]
[mirror]
{mirror}
[[routes]]
name = "order"
path = "/orders/{{id}}"
mode = "shadow"
legacy = "legacy"
modern = "modern"
writes = "mirror"
lanes = ["order:{{id}}"]
[[routes]]
name = "add"
path = "/orders/{{id}}/add"
mode = "shadow"
legacy = "legacy"
modern = "modern"
writes = "mirror"
lanes = ["order:{{id}}"]
"#,
            legacy.address, modern.address
        );
        std::fs::write(&routes, text).unwrap();
        let options = Options {
            routes,
            listen: "127.0.0.1:0".parse().unwrap(),
            control: "127.0.0.1:0".parse().unwrap(),
            journal: folder.path().join("journal.db"),
            threads: 2,
        };
        let proxy = start(&options).await.unwrap();
        Self {
            legacy,
            modern,
            elsewhere,
            proxy,
            _folder: folder,
        }
    }

    fn client(&self) -> Target {
        Target::one(&format!("http://{}", self.proxy.address))
    }

    fn control(&self) -> Proxy {
        let url = format!("http://{}", self.proxy.control_address);
        url.parse().unwrap()
    }

    async fn asked(&self, path: &str) -> Value {
        let control = Target::one(&format!("http://{}", self.proxy.control_address));
        control.get(path).await.json
    }

    async fn until(&self, path: &str, come_to_pass: impl Fn(&Value) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = self.asked(path).await;
            if come_to_pass(&now) {
                return;
            }
            assert!(Instant::now() < deadline, "never came to pass: {now:#}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Makes so many orders of fifty customers.
    async fn fill(&self, orders: u64) {
        let fill = format!(
            "INSERT INTO customers
                SELECT i, 'c' || i FROM (WITH RECURSIVE n (i) AS
                    (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) SELECT i FROM n);
             INSERT INTO orders
                SELECT i, 1 + i % 50, i, 1 FROM (WITH RECURSIVE n (i) AS
                    (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {orders}) SELECT i FROM n)"
        );
        let rows = &self.legacy.rows;
        sqlx::raw_sql(AssertSqlSafe(fill))
            .execute(rows)
            .await
            .unwrap();
    }

    async fn sides(&self) -> Sides {
        self.sides_to(&self.modern.url).await
    }

    async fn sides_to(&self, to: &str) -> Sides {
        let addresses = Addresses {
            file: "mapping.toml".to_owned(),
            mapping: Mapping::parse("mapping.toml", MAPPING).unwrap(),
            from: self.legacy.url.clone(),
            to: to.to_owned(),
        };
        let sides = Sides::open(&addresses).await.unwrap();
        sides.target.prepare().await.unwrap();
        sides
    }

    /// What a comparison of all rows says.
    async fn compared(&self, sides: &Sides) -> Value {
        let options = reconcile::Options::default();
        let report = reconcile::reconcile(
            &sides.plan,
            Arc::clone(&sides.source),
            Arc::clone(&sides.target),
            &options,
            Arc::new(reconcile::Unwatched),
            CancellationToken::new(),
            None,
        );
        serde_json::to_value(report.await).unwrap()
    }

    /// How many requests were skipped for this reason.
    async fn skipped(&self, reason: &str) -> u64 {
        let outcomes = self.asked("/api/outcomes").await;
        let routes = outcomes["routes"].as_array().unwrap().iter();
        let skipped = routes.map(|route| route["reasons"]["skipped"][reason].as_u64().unwrap_or(0));
        skipped.sum()
    }
}

async fn put(client: &Target, id: u64, customer: u64) -> Answer {
    let body = json!({ "customer": customer }).to_string();
    let json = [("content-type", "application/json")];
    client
        .send(Method::PUT, &format!("/orders/{id}"), &json, &body)
        .await
}

async fn add_to(client: &Target, id: u64, amount: u64) -> Answer {
    let body = json!({ "amount": amount }).to_string();
    let json = [("content-type", "application/json")];
    client
        .send(Method::POST, &format!("/orders/{id}/add"), &json, &body)
        .await
}

/// Makes orders and adds to them, one client after the other's end, until it is told to stop.
fn writers(shop: &Shop, ended: &Arc<AtomicBool>, made: &Arc<AtomicU64>) -> Vec<JoinHandle<()>> {
    (0..4_u64)
        .map(|writer| {
            let (ended, made, client) = (Arc::clone(ended), Arc::clone(made), shop.client());
            tokio::spawn(async move {
                let mut mine = Vec::new();
                while !ended.load(Ordering::Relaxed) {
                    let id = 100_000 + made.fetch_add(1, Ordering::Relaxed);
                    // Every writer has a customer of its own, and one that all share.
                    let customer = if id % 3 == 0 { 1 } else { writer + 2 };
                    assert_eq!(put(&client, id, customer).await.status, 201);
                    mine.push(id);
                    let older = mine[fastrand::usize(..mine.len())];
                    assert_eq!(add_to(&client, older, 7).await.status, 200);
                    assert_eq!(add_to(&client, 1 + writer, 1).await.status, 200);
                    // An entity that gets no rest on a slow machine is not brought up to date.
                    tokio::time::sleep(REST).await;
                }
            })
        })
        .collect()
}

/// Clients that go on writing.
struct Writing {
    ended: Arc<AtomicBool>,
    made: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<()>>,
}

impl Writing {
    fn begin(shop: &Shop) -> Self {
        let (ended, made) = (Arc::default(), Arc::default());
        let tasks = writers(shop, &ended, &made);
        Self { ended, made, tasks }
    }

    /// Waits until so many more orders were made.
    async fn reach(&self, more: u64) {
        let made = || self.made.load(Ordering::Relaxed);
        let (from, deadline) = (made(), Instant::now() + PATIENCE);
        while made() < from + more {
            assert!(Instant::now() < deadline, "the writers stand still");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Ends them: nothing waits then, and all that they wrote has arrived once.
    async fn end(self, shop: &Shop, sides: &Sides) {
        self.ended.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        shop.until("/api/outbox", |now| now["writes"] == 0).await;
        assert_eq!(shop.asked("/api/outbox").await["hold"], Value::Null);
        assert_eq!(shop.asked("/api/taints").await, json!([]));
        let compared = shop.compared(sides).await;
        assert_eq!(compared["verdict"], "equal", "{compared:#}");
        let doubled: (i64,) = sqlx::query_as("SELECT count(*) FROM orders WHERE made <> 1")
            .fetch_one(&shop.modern.rows)
            .await
            .unwrap();
        assert_eq!(doubled.0, 0);
    }
}

async fn copied(sides: &Sides, stop: CancellationToken) -> anyhow::Result<load::Report> {
    let (source, target) = (Arc::clone(&sides.source), Arc::clone(&sides.target));
    let (options, watch) = (load::Options::default(), Arc::new(Unwatched));
    Ok(load::run(&sides.plan, source, target, &options, watch, stop).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_while_rows_are_copied_arrives_once_whatever_read_it_first() {
    let shop = Shop::open("").await;
    shop.fill(20_000).await;
    // Modern has none of the customers: what was mirrored before the copy is refused there.
    let writing = Writing::begin(&shop);
    writing.reach(10).await;
    let sides = shop.sides().await;
    let proxy = shop.control();
    let copy = async |stop| {
        writing.reach(10).await;
        let done = copied(&sides, stop).await;
        writing.reach(20).await;
        done
    };
    let never = CancellationToken::new();
    let report = mirrored::around(Some(&proxy), false, &sides, &never, copy)
        .await
        .unwrap();
    let told: &Report = report.mirrored.as_ref().unwrap();
    assert!(told.settled > 0 && told.lost == 0, "{told}");
    assert!(report.is_complete(), "{report}");
    // It goes on as if nothing had been.
    writing.reach(30).await;
    writing.end(&shop, &sides).await;
}

/// A copy that has come to its end and does not know it yet, in a task of its own.
struct Copying {
    task: JoinHandle<anyhow::Result<load::Report>>,
    /// Whether the last of it is done.
    over: Arc<AtomicBool>,
}

impl Copying {
    /// Returns once its rows are there.
    async fn begin(shop: &Shop) -> Self {
        let (sides, proxy) = (shop.sides().await, shop.control());
        let (copied_all, over) = (Arc::new(Notify::new()), Arc::new(AtomicBool::new(false)));
        let (told, ended) = (Arc::clone(&copied_all), Arc::clone(&over));
        let task = tokio::spawn(async move {
            let never = CancellationToken::new();
            let copy = async |stop: CancellationToken| {
                let done = copied(&sides, stop.clone()).await;
                told.notify_one();
                stop.cancelled().await;
                // Whoever comes after it is not to come before this.
                linger().await;
                ended.store(true, Ordering::SeqCst);
                done
            };
            mirrored::around(Some(&proxy), false, &sides, &never, copy).await
        });
        let waited = tokio::time::timeout(PATIENCE, copied_all.notified()).await;
        waited.unwrap();
        Self { task, over }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_commands_at_one_time_the_second_is_refused_or_ends_the_first() {
    let shop = Shop::open("").await;
    shop.fill(500).await;
    let writing = Writing::begin(&shop);
    writing.reach(10).await;
    let first = Copying::begin(&shop).await;
    writing.reach(10).await;
    let holder = shop.asked("/api/outbox").await["hold"]["holder"].clone();
    let holder = holder.as_str().unwrap();
    assert!(holder.starts_with("migrate, process "), "{holder}");

    let (sides, proxy, never) = (shop.sides().await, shop.control(), CancellationToken::new());
    for command in [mirrored::Command::Migrate, mirrored::Command::Tainted] {
        let refused = mirrored::begin(&proxy, &sides, command, false, &never).await;
        let said = refused.err().unwrap().to_string();
        assert!(said.contains("at work on this database"), "{said}");
        assert!(said.contains(holder), "{said}");
        // One that fills another database is not in its way there, and is with the proxy.
        let elsewhere = shop.sides_to(&shop.elsewhere.url).await;
        let refused = mirrored::begin(&proxy, &elsewhere, command, false, &never).await;
        let said = refused.err().unwrap().to_string();
        assert!(said.contains(holder), "{said}");
        assert!(said.contains("--take-over"), "{said}");
    }
    assert!(!first.task.is_finished(), "it goes on");

    let copy = async |stop| {
        assert!(first.over.load(Ordering::SeqCst), "the first still writes");
        writing.reach(10).await;
        copied(&sides, stop).await
    };
    let report = mirrored::around(Some(&proxy), true, &sides, &never, copy)
        .await
        .unwrap();
    assert!(report.is_complete(), "{report}");
    let error = first.task.await.unwrap().unwrap_err();
    let over = error.downcast_ref::<MirroredError>();
    assert!(matches!(over, Some(MirroredError::Over(_))), "{error:#}");
    assert!(error.to_string().contains("are held since"), "{error:#}");
    writing.reach(10).await;
    writing.end(&shop, &sides).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_was_killed_goes_on_with_its_own_hold_and_nobody_else_does() {
    let shop = Shop::open("").await;
    shop.fill(500).await;
    let writing = Writing::begin(&shop);
    writing.reach(10).await;
    let killed = Copying::begin(&shop).await;
    killed.task.abort();
    assert!(killed.task.await.unwrap_err().is_cancelled());
    writing.reach(10).await;
    let hold = shop.asked("/api/outbox").await["hold"].clone();
    assert!(hold["tag"].is_string(), "{hold}");

    let (sides, proxy, never) = (shop.sides().await, shop.control(), CancellationToken::new());
    let tainted = mirrored::Command::Tainted;
    let refused = mirrored::begin(&proxy, &sides, tainted, false, &never).await;
    let said = refused.err().unwrap().to_string();
    assert!(said.contains(hold["holder"].as_str().unwrap()), "{said}");
    assert!(said.contains("--take-over"), "{said}");

    let copy = async |stop| {
        let now = shop.asked("/api/outbox").await["hold"].clone();
        assert_eq!(now["since"], hold["since"]);
        assert_ne!(now["tag"], hold["tag"], "who was killed has it no more");
        copied(&sides, stop).await
    };
    let report = mirrored::around(Some(&proxy), false, &sides, &never, copy)
        .await
        .unwrap();
    assert!(report.is_complete(), "{report}");
    writing.reach(10).await;
    writing.end(&shop, &sides).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entity_that_lost_a_write_is_brought_up_to_date_by_key_and_is_compared_again() {
    let mut shop = Shop::open("write_patience = \"200ms\"\ntimeout = \"100ms\"").await;
    let customer = "INSERT INTO customers VALUES (1, 'one')";
    for side in [&shop.legacy, &shop.modern] {
        sqlx::raw_sql(customer).execute(&side.rows).await.unwrap();
    }
    let client = shop.client();
    assert_eq!(put(&client, 1, 1).await.status, 201);
    assert_eq!(put(&client, 2, 1).await.status, 201);
    shop.until("/api/outbox", |now| now["writes"] == 0).await;
    shop.modern.die().await;
    assert_eq!(add_to(&client, 1, 5).await.status, 200);
    assert_eq!(put(&client, 3, 1).await.status, 201);
    shop.until("/api/taints", |now| now.as_array().unwrap().len() == 2)
        .await;
    shop.modern.rise().await;
    assert_eq!(client.get("/orders/1").await.status, 200);
    let sides = shop.sides().await;
    let proxy = shop.control();
    let sync = async || {
        let never = CancellationToken::new();
        let tainted = mirrored::Command::Tainted;
        let held = mirrored::begin(&proxy, &sides, tainted, false, &never).await;
        let done = mirrored::finish(held.unwrap(), &sides, &never).await;
        done.unwrap()
    };
    let done = sync().await;
    assert_eq!((done.cleared, done.entities), (2, 2), "{done}");
    assert!(done.is_complete(), "{done}");
    assert_eq!(shop.asked("/api/taints").await, json!([]));
    let compared = shop.compared(&sides).await;
    assert_eq!(compared["verdict"], "equal", "{compared:#}");
    let before = shop.asked("/api/outcomes").await;
    let matched = |now: &Value| {
        now["routes"][1]["outcomes"]["matched"]
            .as_u64()
            .unwrap_or(0)
    };
    for id in [1, 2, 3] {
        assert_eq!(client.get(&format!("/orders/{id}")).await.status, 200);
    }
    assert_eq!(before["routes"][1]["name"], "order", "{before:#}");
    let wanted = matched(&before) + 3;
    shop.until("/api/outcomes", |now| matched(now) == wanted)
        .await;
    assert_eq!(shop.skipped("tainted").await, 1);

    // What refers to a row that is gone keeps it there, and holds up nothing else.
    let notes = "CREATE TABLE notes (order_id INTEGER REFERENCES orders (id));
         INSERT INTO notes VALUES (2)";
    sqlx::raw_sql(notes)
        .execute(&shop.modern.rows)
        .await
        .unwrap();
    shop.modern.die().await;
    assert_eq!(add_to(&client, 2, 5).await.status, 200);
    assert_eq!(add_to(&client, 3, 5).await.status, 200);
    shop.until("/api/taints", |now| now.as_array().unwrap().len() == 2)
        .await;
    shop.modern.rise().await;
    let gone = "DELETE FROM orders WHERE id = 2";
    sqlx::raw_sql(gone)
        .execute(&shop.legacy.rows)
        .await
        .unwrap();
    let done = sync().await;
    assert_eq!((done.cleared, done.left.len()), (1, 1), "{done}");
    assert_eq!(done.left[0].what, "order:2");
    assert!(done.left[0].why.contains("the target keeps it"), "{done}");
    sqlx::raw_sql("DROP TABLE notes")
        .execute(&shop.modern.rows)
        .await
        .unwrap();
    let done = sync().await;
    assert_eq!((done.cleared, done.rows.deleted), (1, 1), "{done}");

    // What it can't bring over, it tells, and leaves.
    let pair = r#"[{"entity": "order", "legacy": "1", "modern": "900"}]"#;
    let control = Target::one(&format!("http://{}", shop.proxy.control_address));
    let json = [("content-type", "application/json")];
    let told = control.send(Method::POST, "/api/ids", &json, pair).await;
    assert_eq!(told.status, 200, "{}", told.text);
    shop.modern.die().await;
    assert_eq!(add_to(&client, 1, 5).await.status, 200);
    assert_eq!(put(&client, 99, 1).await.status, 201);
    shop.until("/api/taints", |now| now.as_array().unwrap().len() == 2)
        .await;
    shop.modern.rise().await;
    let done = sync().await;
    assert_eq!((done.cleared, done.left.len()), (1, 1), "{done}");
    assert_eq!(done.left[0].what, "order:1");
    assert!(
        done.left[0].why.contains("order:1 is 900 on modern's side"),
        "{done}"
    );
    assert!(!done.is_complete());
    let taints = shop.asked("/api/taints").await;
    assert_eq!(taints[0]["lane"], "order:1", "{taints:#}");
}
