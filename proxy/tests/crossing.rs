//! Writes of one entity that both sides take at once end in nothing green, however they came to cross.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod common;

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use common::{Answer, PATIENCE, Proxy, backend, dead_backend, eventually};
use cutover::outcome::{Ending, Outcome, RouteSnapshot};
use cutover::routing::Mode;
use serde_json::Value;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// A side that keeps the last body it was sent of each order.
#[derive(Clone)]
struct Side {
    kept: Arc<Mutex<HashMap<String, String>>>,
    /// Permits for mirrored writes.
    mirrored: Arc<Semaphore>,
}

impl Side {
    fn new(mirrored: usize) -> Self {
        Self {
            kept: Arc::default(),
            mirrored: Arc::new(Semaphore::new(mirrored)),
        }
    }

    async fn serve(&self) -> SocketAddr {
        let side = self.clone();
        let answer = move |request: Request| {
            let side = side.clone();
            async move {
                let write = request.method() == "PUT";
                if write && request.headers().contains_key("cutover-shadow") {
                    side.mirrored.acquire().await.unwrap().forget();
                }
                let path = request.uri().path().to_owned();
                let body = axum::body::to_bytes(request.into_body(), 1_000).await;
                if write {
                    let body = String::from_utf8(body.unwrap().to_vec()).unwrap();
                    side.kept.lock().unwrap().insert(path, body);
                }
            }
        };
        backend(Router::new().fallback(any(answer))).await
    }

    fn kept(&self, order: u64) -> String {
        let kept = self.kept.lock().unwrap();
        kept.get(&format!("/orders/{order}")).unwrap().clone()
    }
}

const LANES: &str = "lanes = [\"order:{id}\", \"customer:json:/customer\"]";

/// A route for orders at this share, its clients told apart by a header.
fn routes(legacy: SocketAddr, modern: SocketAddr, mode: &str, lines: &str) -> String {
    format!(
        "{}\ntimeout = \"30s\"\n[client]\nkey = \"header:x-client\"\n[override]\n\
         header = \"x-side\"\nnetworks = [\"127.0.0.0/8\"]\n[[routes]]\nname = \"order\"\n\
         path = \"/orders/{{id}}\"\nmode = \"{mode}\"\nlegacy = \"legacy\"\nmodern = \"modern\"\n\
         writes = \"mirror\"\n{lines}\n",
        common::sides(legacy, modern)
    )
}

/// A proxy that shadows orders between two sides.
async fn shadowing(legacy: &Side, modern: &Side, share: &str, lines: &str) -> Proxy {
    let lines = format!("modern_share = \"{share}\"\n{lines}");
    let (legacy, modern) = (legacy.serve().await, modern.serve().await);
    Proxy::start(&routes(legacy, modern, "shadow", &lines)).await
}

/// Writes an order as one of the clients that this side serves.
async fn write(proxy: &Proxy, side: &str, order: u64, body: &str) -> Answer {
    let request = http::Request::put(format!("/orders/{order}"));
    let request = request.header("x-side", side).header("x-client", side);
    let answer = proxy.ask(request, body).await;
    assert_eq!(answer.status, 200);
    answer
}

fn ended(counts: &RouteSnapshot, ending: Ending) -> u64 {
    let found = counts.endings.iter().find(|(other, _)| *other == ending);
    found.map_or(0, |(_, n)| *n)
}

async fn lanes(proxy: &Proxy) -> Value {
    let answer = proxy.control(http::Request::get("/api/lanes"), "").await;
    serde_json::from_str(&answer.body).unwrap()
}

/// The tainted lanes; none of them says which side lacks something.
async fn tainted(proxy: &Proxy) -> Vec<String> {
    let status = lanes(proxy).await;
    let taints = status["tainted"].as_array().unwrap().iter();
    let lane = |taint: &Value| {
        assert!(taint["lost_by"].is_null(), "{taint}");
        taint["lane"].as_str().unwrap().to_owned()
    };
    taints.map(lane).collect()
}

async fn nothing_waits(proxy: &Proxy) {
    let deadline = Instant::now() + PATIENCE;
    while lanes(proxy).await["depth"] != 0 {
        assert!(Instant::now() < deadline, "something waits for ever");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn not_green(proxy: &Proxy, lane: &str) {
    let readiness = http::Request::get("/api/routes/order/readiness");
    let readiness: Value = serde_json::from_str(&proxy.control(readiness, "").await.body).unwrap();
    let criteria = readiness["criteria"].as_array().unwrap();
    let lost = criteria.iter().find(|c| c["name"] == "lost_writes");
    let lost = lost.unwrap();
    assert_eq!(lost["state"], "red", "{lost}");
    assert!(lost.to_string().contains(lane), "{lost}");
}

#[tokio::test]
async fn writes_of_both_sides_in_one_lane_are_not_told_as_equal_and_taint_it() {
    let (legacy, modern) = (Side::new(10), Side::new(0));
    let proxy = shadowing(&legacy, &modern, "50%", LANES).await;
    write(&proxy, "legacy", 17, "first").await;
    write(&proxy, "modern", 17, "second").await;
    write(&proxy, "modern", 18, "alone").await;
    // Legacy answers a read without what modern has just taken.
    let request = http::Request::get("/orders/17").header("x-side", "legacy");
    proxy.ask(request, "").await;
    modern.mirrored.add_permits(10);
    let counts = proxy.settled("order").await;
    nothing_waits(&proxy).await;
    assert_eq!(legacy.kept(17), "second");
    assert_eq!(modern.kept(17), "first", "they end different");
    assert_eq!(counts.count(Outcome::Matched), 1, "{counts:?}");
    let unsaid = ended(&counts, Ending::Overlapped) + ended(&counts, Ending::Tainted);
    assert_eq!(unsaid, 3, "{counts:?}");
    assert_eq!(tainted(&proxy).await, ["order:17"]);
    not_green(&proxy, "order:17").await;
}

#[tokio::test]
async fn writes_of_both_sides_one_after_the_other_or_in_other_lanes_taint_nothing() {
    let (legacy, modern) = (Side::new(10), Side::new(10));
    let proxy = shadowing(&legacy, &modern, "50%", LANES).await;
    for (side, order) in [
        ("legacy", 17),
        ("modern", 17),
        ("legacy", 17),
        ("modern", 18),
    ] {
        write(&proxy, side, order, "{}").await;
        nothing_waits(&proxy).await;
    }
    let counts = proxy.settled("order").await;
    assert_eq!(counts.count(Outcome::Matched), 4, "{counts:?}");
    assert!(tainted(&proxy).await.is_empty());
}

#[tokio::test]
async fn a_write_on_legacy_after_a_stop_crosses_those_that_wait_for_it() {
    // The second names its customer in its body alone.
    for (lines, body, order, lane) in [
        (LANES, "{}", 17, "order:17"),
        (LANES, "{\"customer\": 5}", 18, "customer:5"),
        ("", "{}", 17, "route:order"),
    ] {
        let (legacy, modern) = (Side::new(0), Side::new(10));
        let proxy = shadowing(&legacy, &modern, "100%", lines).await;
        write(&proxy, "modern", 17, "{\"customer\": 5}").await;
        proxy.running.routes.stop().await;
        assert!(tainted(&proxy).await.is_empty());
        write(&proxy, "legacy", 19, "{\"customer\": 6}").await;
        assert!(tainted(&proxy).await.is_empty() || lines.is_empty());
        write(&proxy, "legacy", order, body).await;
        assert_eq!(tainted(&proxy).await, [lane]);
        legacy.mirrored.add_permits(10);
        nothing_waits(&proxy).await;
        not_green(&proxy, lane).await;
        let counts = proxy.settled("order").await;
        assert_eq!(counts.count(Outcome::Matched), 0, "{counts:?}");
    }
}

#[tokio::test]
async fn a_write_that_legacy_takes_in_moderns_place_crosses_those_that_wait_for_it() {
    let (legacy, modern) = (Side::new(0), Side::new(10));
    let (old, new) = (legacy.serve().await, modern.serve().await);
    let lines = format!("fallback = true\n{LANES}");
    let shadow = format!("modern_share = \"100%\"\n{lines}");
    let proxy = Proxy::start(&routes(old, new, "shadow", &shadow)).await;
    write(&proxy, "modern", 17, "first").await;
    let dead = routes(old, dead_backend().await, "modern", &lines);
    std::fs::write(proxy.routes_file(), dead).unwrap();
    eventually(|| {
        let table = proxy.running.routes.table();
        let modern = table.route("order")?.mode == Mode::Modern;
        modern.then_some(())
    })
    .await;
    write(&proxy, "modern", 18, "alone").await;
    assert!(tainted(&proxy).await.is_empty());
    write(&proxy, "modern", 17, "second").await;
    assert_eq!(legacy.kept(17), "second");
    assert_eq!(tainted(&proxy).await, ["order:17"]);
}

#[tokio::test]
async fn what_a_former_run_left_is_crossed_by_the_writes_of_this_one() {
    let (legacy, modern) = (Side::new(10), Side::new(0));
    let lines = |share| format!("modern_share = \"{share}\"\n{LANES}");
    let (old, new) = (legacy.serve().await, modern.serve().await);
    let proxy = Proxy::start(&routes(old, new, "shadow", &lines("0%"))).await;
    write(&proxy, "legacy", 17, "first").await;
    let deadline = Instant::now() + PATIENCE;
    while proxy.running.outbox().status().stored == 0 {
        assert!(Instant::now() < deadline, "it is never stored");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let Proxy {
        running, folder, ..
    } = proxy;
    running.stop(Duration::from_secs(1)).await;
    let proxy = Proxy::start_in(folder, &routes(old, new, "modern", LANES)).await;
    write(&proxy, "modern", 18, "{}").await;
    assert!(tainted(&proxy).await.is_empty());
    write(&proxy, "modern", 17, "second").await;
    assert_eq!(tainted(&proxy).await, ["order:17"]);
}
