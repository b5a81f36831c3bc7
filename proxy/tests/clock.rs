//! A time of day that jumps an hour back and a day ahead, and stands still.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod common;

use axum::Router;
use axum::routing::any;
use common::{PATIENCE, Proxy, backend, eventually, one_route};
use cutover::clock::Clock;
use cutover::outcome::Outcome;
use http::{Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::SeqCst};
use std::time::Instant;

const DAY: i64 = 24 * 3600;
const HOUR: i64 = 3600;

/// A clock that a test turns.
#[derive(Clone, Default)]
struct Turned {
    seconds: Arc<AtomicI64>,
    stopped: Arc<AtomicI64>,
}

impl Turned {
    fn clock(&self) -> Clock {
        let turned = self.clone();
        Clock::new(move || match turned.stopped.load(SeqCst) {
            0 => {
                let by = SignedDuration::from_secs(turned.seconds.load(SeqCst));
                Timestamp::now().checked_add(by).unwrap()
            }
            second => Timestamp::from_second(second).unwrap(),
        })
    }

    fn jump(&self, by: i64) {
        self.seconds.fetch_add(by, SeqCst);
    }

    fn stop(&self) {
        self.stopped.store(Timestamp::now().as_second(), SeqCst);
    }
}

/// A side that fails once it is told to.
async fn side(name: &'static str) -> (SocketAddr, Arc<AtomicBool>) {
    let fails = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&fails);
    let answer = move || async move {
        let status = if told.load(SeqCst) {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            StatusCode::OK
        };
        (status, [("x-side", name)], "same")
    };
    (backend(Router::new().fallback(any(answer))).await, fails)
}

async fn proxy(lines: &str) -> (Proxy, Turned, Arc<AtomicBool>) {
    let ((legacy, _), (modern, fails)) = (side("legacy").await, side("modern").await);
    let turned = Turned::default();
    let routes = one_route(legacy, modern, "shadow", lines);
    let folder = tempfile::tempdir().unwrap();
    let proxy = Proxy::start_by(folder, &routes, turned.clock()).await;
    (proxy, turned, fails)
}

async fn ask(proxy: &Proxy, times: usize) {
    for _ in 0..times {
        proxy.get("/orders/1").await;
    }
}

/// A criterion of the route's readiness.
async fn criterion(proxy: &Proxy, name: &str) -> f64 {
    let request = Request::get("/api/routes/all/readiness");
    let readiness: Value = serde_json::from_str(&proxy.control(request, "").await.body).unwrap();
    let criteria = readiness["criteria"].as_array().unwrap();
    let found = criteria.iter().find(|found| found["name"] == name);
    found.unwrap()["value"].as_f64().unwrap()
}

#[tokio::test]
async fn evidence_and_counts_lose_nothing_whatever_the_time_of_day() {
    let (proxy, turned, _) = proxy("[routes.readiness]\nperiod = \"1h\"").await;
    let jumps: [&dyn Fn(); 5] = [
        &|| {},
        &|| turned.jump(-HOUR),
        &|| turned.jump(DAY),
        &|| turned.jump(-DAY),
        &|| turned.stop(),
    ];
    for (turn, jump) in jumps.into_iter().enumerate() {
        jump();
        ask(&proxy, 10).await;
        let counts = proxy.settled("all").await;
        let all = 10 * (turn as u64 + 1);
        assert_eq!(
            (counts.eligible, counts.count(Outcome::Matched)),
            (all, all)
        );
        // To be told of the evidence moves it on.
        let compared = criterion(&proxy, "comparisons").await;
        assert!(
            (compared - f64::from(u32::try_from(all).unwrap())).abs() < 0.1,
            "{compared}"
        );
    }
    let Proxy {
        running, folder, ..
    } = proxy;
    running.stop(PATIENCE).await;
    drop(folder);
}

#[tokio::test]
async fn the_guard_is_neither_tripped_nor_blinded_by_a_time_of_day_that_jumps() {
    // More than comes between two looks, so that one look alone tells nothing.
    let lines = "modern_share = \"100%\"\n[routes.guard]\nwindow = \"1h\"\nminimum = 1000\n\
                 hold_off = \"1h\"";
    let (proxy, turned, fails) = proxy(lines).await;
    for jump in [-HOUR, DAY, -DAY, HOUR] {
        turned.jump(jump);
        ask(&proxy, 50).await;
        assert_eq!(proxy.get("/").await.headers["x-side"], "modern");
    }
    fails.store(true, SeqCst);
    let deadline = Instant::now() + PATIENCE;
    while proxy.get("/").await.headers["x-side"] == "modern" {
        assert!(Instant::now() < deadline, "the guard sees nothing");
        turned.jump(DAY);
    }
    // It stays held for its hour, though many days have passed on the wall.
    turned.jump(DAY);
    let counts = proxy.settled("all").await;
    eventually(|| {
        let text = std::fs::read_to_string(proxy.routes_file()).unwrap();
        text.contains("modern_share = \"0%\"").then_some(())
    })
    .await;
    ask(&proxy, 200).await;
    let dials = proxy.control(Request::get("/api/routes"), "").await.body;
    let routes: Value = serde_json::from_str(&dials).unwrap();
    assert_eq!(routes[0]["guard"]["ceiling"], "0%", "{dials}");
    let now = proxy.settled("all").await;
    assert_eq!(now.eligible, counts.eligible + 200);
    assert_eq!(now.eligible, now.settled());
}

#[tokio::test]
async fn a_comparison_is_as_old_as_it_is_whatever_the_time_of_day() {
    let (proxy, turned, _) =
        proxy("[routes.readiness]\ntables = [\"0\", \"1\", \"2\", \"3\"]").await;
    // Each of another table: two from an hour ago, and two that are too old.
    let steps = [
        (DAY, 1, 0.25),
        (-2 * DAY, 1, 0.5),
        (0, 30, 0.5),
        (2 * DAY, 30, 0.5),
    ];
    for (table, (jump, hours, green)) in steps.into_iter().enumerate() {
        turned.jump(jump);
        let began_at = turned.clock().now() - SignedDuration::from_hours(hours);
        let found = serde_json::json!({ "tables": [{
            "source": "T", "table": table.to_string(), "began_at": began_at, "verdict": "equal",
            "compared": 9, "different": 0, "not_verified": 0,
        }] });
        let request =
            Request::post("/api/reconciliation").header("content-type", "application/json");
        let told = proxy.control(request, &found.to_string()).await;
        assert_eq!(told.status, 200, "{}", told.body);
        let found = criterion(&proxy, "data_parity").await;
        assert!((found - green).abs() < 0.01, "table {table}: {found}");
    }
}
