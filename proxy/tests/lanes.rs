//! The order of what is mirrored: within a lane as on the primary, and beside other lanes.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod common;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use common::{Proxy, backend, dead_backend, one_route};
use cutover::outcome::{Ending, Outcome, RouteSnapshot};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};

/// Orders and their notes, as a side keeps them: an order is known by the id that it was made
/// under there, or by the primary's.
#[derive(Clone, Default)]
struct Shop {
    orders: Arc<Mutex<HashMap<String, u64>>>,
    next: Arc<AtomicU64>,
    pause: Duration,
}

impl Shop {
    fn new(pause: Duration) -> Self {
        Self {
            pause,
            ..Self::default()
        }
    }

    fn router(self) -> Router {
        Router::new()
            .route("/orders", post(make))
            .route("/orders/{id}", get(show).put(count))
            .with_state(self)
    }
}

async fn make(State(shop): State<Shop>, headers: HeaderMap, _: Bytes) -> Response {
    tokio::time::sleep(shop.pause).await;
    let given = headers.get("cutover-primary-id");
    let given = given.map(|id| id.to_str().unwrap().trim_start_matches("order=").to_owned());
    let id = given.unwrap_or_else(|| shop.next.fetch_add(1, Ordering::SeqCst).to_string());
    shop.orders.lock().unwrap().insert(id.clone(), 0);
    (StatusCode::CREATED, axum::Json(json!({"data": {"id": id}}))).into_response()
}

async fn count(State(shop): State<Shop>, Path(id): Path<String>) -> Response {
    tokio::time::sleep(shop.pause).await;
    match shop.orders.lock().unwrap().get_mut(&id) {
        Some(count) => {
            *count += 1;
            axum::Json(json!({ "count": *count })).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn show(State(shop): State<Shop>, Path(id): Path<String>) -> Response {
    match shop.orders.lock().unwrap().get(&id) {
        Some(count) => axum::Json(json!({ "count": *count })).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Routes for orders: `order-make` and `order`, with these lines in `[mirror]`.
fn shop_routes(legacy: SocketAddr, modern: SocketAddr, mirror: &str) -> String {
    format!(
        r#"{}
{mirror}
[[routes]]
name = "order-make"
path = "/orders"
mode = "shadow"
legacy = "legacy"
modern = "modern"
writes = "mirror"
[routes.compare]
ids = {{ "/data/id" = "order" }}
[[routes]]
name = "order"
path = "/orders/{{id}}"
mode = "shadow"
legacy = "legacy"
modern = "modern"
writes = "mirror"
lanes = ["order:{{id}}"]
"#,
        common::sides(legacy, modern)
    )
}

fn ended(counts: &RouteSnapshot, ending: Ending) -> u64 {
    let found = counts.endings.iter().find(|(other, _)| *other == ending);
    found.map_or(0, |(_, n)| *n)
}

async fn lanes(proxy: &Proxy) -> Value {
    let answer = proxy.control(http::Request::get("/api/lanes"), "").await;
    serde_json::from_str(&answer.body).unwrap()
}

#[tokio::test]
async fn a_read_after_a_write_of_its_entity_sees_it_on_a_candidate_that_is_slow_to_write() {
    let legacy = backend(Shop::new(Duration::ZERO).router()).await;
    let modern = backend(Shop::new(Duration::from_millis(150)).router()).await;
    let proxy = Proxy::start(&shop_routes(legacy, modern, "timeout = \"20s\"")).await;
    for _ in 0..5 {
        let made: Value = serde_json::from_str(&proxy.post("/orders", "{}").await.body).unwrap();
        let path = format!("/orders/{}", made["data"]["id"].as_str().unwrap());
        assert_eq!(proxy.get(&path).await.body, r#"{"count":0}"#);
        assert_eq!(proxy.ask(http::Request::put(&path), "").await.status, 200);
        assert_eq!(proxy.get(&path).await.body, r#"{"count":1}"#);
    }
    let counts = [
        proxy.settled("order-make").await,
        proxy.settled("order").await,
    ];
    let matched = counts.map(|counts| counts.count(Outcome::Matched));
    assert_eq!(matched, [5, 15]);
    let status = lanes(&proxy).await;
    assert!(
        status["longest_wait_seconds"].as_f64().unwrap() > 0.1,
        "{status}"
    );
    let left = eventually_lanes(&proxy, |now| now["depth"] == 0).await;
    assert_eq!(left["count"], 0, "a lane that nobody is in is none");
}

async fn eventually_lanes(proxy: &Proxy, come_to_pass: impl Fn(&Value) -> bool) -> Value {
    let deadline = std::time::Instant::now() + common::PATIENCE;
    loop {
        let now = lanes(proxy).await;
        if come_to_pass(&now) {
            return now;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "never came to pass: {now}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// When requests began and ended, by the number that they carry, on one clock for all.
#[derive(Clone, Default)]
struct Watch {
    clock: Arc<AtomicU64>,
    spans: Arc<Mutex<HashMap<u64, (u64, u64)>>>,
}

impl Watch {
    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    fn note(&self, number: u64, began: u64) {
        let ended = self.now();
        self.spans.lock().unwrap().insert(number, (began, ended));
    }
}

/// A backend that takes some time or none, and notes when it was asked what.
fn slow(watch: Watch, seed: u64) -> Router {
    let dice = Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)));
    Router::new().fallback(any(move |request: Request| {
        let watch = watch.clone();
        let pause = dice.lock().unwrap().u64(0..30);
        async move {
            let began = watch.now();
            let number = request.headers()["x-number"].to_str().unwrap().parse();
            tokio::time::sleep(Duration::from_millis(pause.saturating_sub(15))).await;
            watch.note(number.unwrap(), began);
        }
    }))
}

struct Sent {
    number: u64,
    write: bool,
    lanes: [u8; 2],
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_order_within_every_lane_holds_under_a_candidate_of_random_slowness() {
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let on_candidate = Watch::default();
    let at_clients = Watch {
        clock: Arc::clone(&on_candidate.clock),
        spans: Arc::default(),
    };
    let legacy = backend(Router::new().fallback(any(|| async {}))).await;
    let modern = backend(slow(on_candidate.clone(), seed)).await;
    let lines = "writes = \"mirror\"\nlanes = [\"a:header:X-A\", \"b:header:X-B\"]";
    let proxy = Arc::new(Proxy::start(&one_route(legacy, modern, "shadow", lines)).await);
    let clients = (0..6_u64).map(|client| {
        let (proxy, watch) = (Arc::clone(&proxy), at_clients.clone());
        tokio::spawn(async move {
            let mut dice = fastrand::Rng::with_seed(seed ^ client);
            let mut sent = Vec::new();
            for n in 0..50 {
                let one = Sent {
                    number: client * 1_000 + n,
                    write: dice.bool(),
                    lanes: [dice.u8(0..4), dice.u8(0..4)],
                };
                let method = if one.write { "PUT" } else { "GET" };
                let request = http::Request::builder()
                    .method(method)
                    .uri("/")
                    .header("x-number", one.number)
                    .header("x-a", u64::from(one.lanes[0]))
                    .header("x-b", u64::from(one.lanes[1]));
                let began = watch.now();
                assert_eq!(proxy.ask(request, "").await.status, 200);
                watch.note(one.number, began);
                sent.push(one);
            }
            sent
        })
    });
    let mut sent = Vec::new();
    for client in futures::future::join_all(clients).await {
        sent.extend(client.unwrap());
    }
    let counts = proxy.settled("all").await;
    assert_eq!(counts.eligible, 300);
    assert_eq!(
        counts.count(Outcome::Dropped) + counts.count(Outcome::CandidateError),
        0
    );
    let (clients, candidate) = (
        at_clients.spans.lock().unwrap(),
        on_candidate.spans.lock().unwrap(),
    );
    let mut held = 0;
    for a in &sent {
        for b in &sent {
            let shared = a.lanes[0] == b.lanes[0] || a.lanes[1] == b.lanes[1];
            let before = clients[&a.number].1 < clients[&b.number].0;
            if let (true, Some(first), Some(second)) = (
                shared && before && (a.write || b.write),
                candidate.get(&a.number),
                candidate.get(&b.number),
            ) {
                held += 1;
                assert!(first.1 < second.0, "{} came before {}", b.number, a.number);
            }
        }
    }
    assert!(held > 1_000, "the order was put to the test: {held}");
}

#[tokio::test]
async fn what_overlapped_a_write_of_its_lane_on_the_primary_is_not_compared() {
    tokio::join!(overlapped("mirror", 3, 3), overlapped("skip", 2, 1));
}

/// A read around a write, and two writes at once, on routes that do this with writes: so many of the
/// first are equal, and so many of all overlapped.
async fn overlapped(writes: &str, matched: u64, all: u64) {
    let (asked, go) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let held = (Arc::clone(&asked), Arc::clone(&go));
    let legacy = Router::new().fallback(any(move |request: Request| {
        let (asked, go) = (Arc::clone(&held.0), Arc::clone(&held.1));
        async move {
            if request.method() == "PUT" {
                asked.notify_one();
                go.acquire().await.unwrap().forget();
            }
        }
    }));
    let legacy = backend(legacy).await;
    let modern = backend(Router::new().fallback(any(|| async {}))).await;
    let routes = shop_routes(legacy, modern, "").replace("\"mirror\"", &format!("\"{writes}\""));
    let proxy = Proxy::start(&routes).await;
    let write = || proxy.ask(http::Request::put("/orders/1"), "");
    let around = async {
        asked.notified().await;
        proxy.get("/orders/1").await;
        proxy.get("/orders/2").await;
        go.add_permits(1);
    };
    tokio::join!(write(), around);
    proxy.get("/orders/1").await;
    let counts = proxy.settled("order").await;
    assert_eq!(ended(&counts, Ending::Overlapped), 1, "{counts:?}");
    assert_eq!(counts.count(Outcome::Matched), matched, "{counts:?}");

    // Of two writes at once nobody knows which was first, so neither is compared.
    let release = async {
        asked.notified().await;
        asked.notified().await;
        go.add_permits(2);
    };
    tokio::join!(write(), write(), release);
    let counts = proxy.settled("order").await;
    assert_eq!(ended(&counts, Ending::Overlapped), all, "{counts:?}");
}

#[tokio::test]
async fn a_lost_write_taints_its_lanes_until_they_are_cleared_over_restarts_too() {
    let legacy = backend(Shop::default().router()).await;
    let modern = dead_backend().await;
    let mirror = "timeout = \"1s\"\nwrite_patience = \"300ms\"";
    let proxy = Proxy::start(&shop_routes(legacy, modern, mirror)).await;
    proxy.post("/orders", "{}").await;
    let counts = proxy.settled("order-make").await;
    assert_eq!(counts.count(Outcome::CandidateError), 1, "{counts:?}");
    let status = eventually_lanes(&proxy, |now| now["tainted_count"] == 1).await;
    assert_eq!(status["tainted"][0]["lane"], "order:0", "{status}");
    assert_eq!(status["tainted"][0]["lost_by"], "modern", "{status}");
    assert!(
        status["tainted"][0]["why"]
            .as_str()
            .unwrap()
            .contains("connect")
    );
    assert_eq!(
        (&status["lost"], &status["outbox"]["writes"]),
        (&json!(1), &json!(0))
    );

    let Proxy {
        running, folder, ..
    } = proxy;
    running.stop(Duration::from_secs(5)).await;
    let modern = backend(Shop::default().router()).await;
    let proxy = Proxy::start_in(folder, &shop_routes(legacy, modern, mirror)).await;
    proxy.get("/orders/0").await;
    proxy.get("/orders/1").await;
    let counts = proxy.settled("order").await;
    assert_eq!(ended(&counts, Ending::Tainted), 1, "{counts:?}");
    assert_eq!(counts.count(Outcome::Matched), 1, "{counts:?}");

    let taints = proxy.control(http::Request::get("/api/taints"), "").await;
    let taints: Value = serde_json::from_str(&taints.body).unwrap();
    let tag = status["tainted"][0]["tag"].as_str().unwrap();
    assert_eq!(taints[0]["tag"], tag, "it is the same after a restart");
    let after = http::Request::get("/api/taints?after=order:0");
    assert_eq!(proxy.control(after, "").await.body, "[]");
    let clear = || http::Request::delete("/api/lanes/order:0/taint");
    let other = clear().header("if-match", "\"1-1\"");
    assert_eq!(proxy.control(other, "").await.status, 412);
    let clear = || clear().header("if-match", format!("\"{tag}\""));
    assert_eq!(proxy.control(clear(), "").await.status, 204);
    assert_eq!(proxy.control(clear(), "").await.status, 404);
    proxy.get("/orders/0").await;
    let counts = proxy.settled("order").await;
    // Reconciled it was not, and now that is seen.
    assert_eq!(counts.count(Outcome::Different), 1, "{counts:?}");
}

#[tokio::test]
async fn a_lost_write_whose_lanes_are_not_known_taints_all_of_their_entity() {
    let legacy = backend(Shop::default().router()).await;
    let modern = backend(Shop::default().router()).await;
    let routes = shop_routes(legacy, modern, "max_body = \"1kB\"");
    let proxy = Proxy::start(&routes).await;
    proxy.post("/orders", &"x".repeat(2_000)).await;
    let counts = proxy.settled("order-make").await;
    assert_eq!(ended(&counts, Ending::TooLarge), 1, "{counts:?}");
    let status = eventually_lanes(&proxy, |now| now["tainted_count"] == 2).await;
    assert_eq!(status["tainted"][0]["lane"], "order:*");
    proxy.get("/orders/5").await;
    let counts = proxy.settled("order").await;
    assert_eq!(ended(&counts, Ending::Tainted), 1, "{counts:?}");
}

#[tokio::test]
async fn a_hung_candidate_with_writes_waiting_costs_clients_and_memory_nothing() {
    let legacy = backend(Shop::default().router()).await;
    let modern = common::hung_backend().await;
    let mirror = "timeout = \"1s\"\nmax_bytes = \"2MiB\"\nconcurrency = 4";
    let proxy = Proxy::start(&shop_routes(legacy, modern, mirror)).await;
    // More than the budget for captures holds at once: what waits is on disk alone.
    for n in 1..=60 {
        let made = proxy.post("/orders", &"x".repeat(50_000)).await;
        assert_eq!(made.status, 201);
        eventually_lanes(&proxy, |now| now["outbox"]["stored"] == n).await;
    }
    let status = lanes(&proxy).await;
    assert_eq!(status["depth"], 60, "{status}");
    assert_eq!(status["tainted_count"], 0, "{status}");
    assert_eq!(proxy.get("/orders/7").await.body, r#"{"count":0}"#);
    let counts = proxy.settled("order").await;
    assert_eq!(ended(&counts, Ending::QueueDeadline), 1, "{counts:?}");
    let pending = proxy.running.ledger.route("order-make").snapshot();
    assert_eq!((pending.eligible, pending.pending()), (60, 60));
}
