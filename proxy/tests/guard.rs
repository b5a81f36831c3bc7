//! The guard in front of real backends: a modern side that turns bad, slow or wrong is left, the
//! file and the journal say why, and what the file can't say holds all the same.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod common;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use common::{PATIENCE, Proxy, backend, eventually, one_route};
use http::{Request, StatusCode};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};
use std::time::{Duration, Instant};

const WELL: u8 = 0;
const BAD: u8 = 1;
const SLOW: u8 = 2;
const WRONG: u8 = 3;

/// A window that a test can fill, and a hold that it need not wait out.
const GUARD: &str = "[routes.guard]\nwindow = \"30s\"\nminimum = 10\nhold_off = \"1h\"\n";

/// A side whose mood a test sets.
#[derive(Clone)]
struct Moody {
    name: &'static str,
    mood: Arc<AtomicU8>,
}

async fn answer(State(side): State<Moody>) -> Response {
    let said = [("x-side", side.name)];
    match side.mood.load(SeqCst) {
        BAD => (StatusCode::INTERNAL_SERVER_ERROR, said, "broken").into_response(),
        WRONG => (said, "wrong").into_response(),
        mood => {
            if mood == SLOW {
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            (said, "right").into_response()
        }
    }
}

async fn side(name: &'static str) -> (SocketAddr, Arc<AtomicU8>) {
    let mood = Arc::new(AtomicU8::new(WELL));
    let moody = Moody {
        name,
        mood: Arc::clone(&mood),
    };
    let router = Router::new().fallback(any(answer)).with_state(moody);
    (backend(router).await, mood)
}

/// A proxy with these lines for its route, and the mood of its modern side.
async fn proxy(mode: &str, lines: &str) -> (Proxy, Arc<AtomicU8>) {
    let ((legacy, _), (modern, mood)) = (side("legacy").await, side("modern").await);
    let proxy = Proxy::start(&one_route(legacy, modern, mode, lines)).await;
    (proxy, mood)
}

/// Asks until legacy answers again; how many clients saw an error meanwhile.
async fn ask_until_legacy(proxy: &Proxy) -> usize {
    let (deadline, mut errors) = (Instant::now() + PATIENCE, 0);
    loop {
        let answer = proxy.get("/orders/1").await;
        if answer.headers["x-side"] == "legacy" {
            return errors;
        }
        errors += usize::from(answer.status >= 500);
        assert!(Instant::now() < deadline, "{}", guard(proxy).await);
    }
}

async fn guard(proxy: &Proxy) -> Value {
    let routes = proxy.control(Request::get("/api/routes"), "").await;
    let routes: Value = serde_json::from_str(&routes.body).unwrap();
    routes[0]["guard"].clone()
}

/// The requests of the window that count as failed by modern.
fn failed(proxy: &Proxy) -> u64 {
    let table = proxy.running.routes.table();
    let now = proxy.running.ledger.clock().steady();
    let windows = table.routes.iter().map(|route| {
        let seen = route.evidence.recent().read(now, route.guard.window);
        assert!(seen.asked > 0, "{seen:?}");
        seen.failed
    });
    windows.sum()
}

async fn guard_until(proxy: &Proxy, is: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = guard(proxy).await;
        if is(&now) {
            return now;
        }
        assert!(Instant::now() < deadline, "{now}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What the journal says happened, once this did.
async fn events_until(proxy: &Proxy, last: &str) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = proxy
            .control(Request::get("/api/dials?route=all"), "")
            .await;
        let events: Vec<Value> = serde_json::from_str(&answer.body).unwrap();
        if events.first().is_some_and(|event| event["event"] == last) {
            return events;
        }
        assert!(Instant::now() < deadline, "{events:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn turn_up(proxy: &Proxy) {
    let request = Request::patch("/api/routes/all")
        .header("content-type", "application/json")
        .header("if-match", "*");
    let answer = proxy.control(request, r#"{"modern_share": "100%"}"#).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

fn file(proxy: &Proxy) -> String {
    std::fs::read_to_string(proxy.routes_file()).unwrap()
}

#[tokio::test]
async fn a_modern_side_that_fails_is_left_and_file_journal_and_metrics_say_why() {
    let lines = format!("modern_share = \"100%\" # since Tuesday\n{GUARD}");
    let (proxy, mood) = proxy("shadow", &lines).await;
    for _ in 0..30 {
        assert_eq!(proxy.get("/orders/1").await.headers["x-side"], "modern");
    }
    assert_eq!(guard(&proxy).await["phase"], "watching");
    mood.store(BAD, SeqCst);
    let errors = ask_until_legacy(&proxy).await;
    assert!(errors > 0);
    for _ in 0..50 {
        assert_eq!(proxy.get("/orders/1").await.status, 200);
    }
    let now = guard_until(&proxy, |now| now["phase"] == "holding_off").await;
    assert_eq!((&now["ceiling"], &now["hits"]), (&"0%".into(), &1.into()));
    assert_eq!(now["reason"], "modern_errors");
    assert!(file(&proxy).contains("modern_share = \"0%\" # since Tuesday"));
    let events = events_until(&proxy, "turned_back").await;
    let why = events[1]["why"].as_str().unwrap();
    assert_eq!(events[1]["event"], "tripped");
    assert!(why.contains("shadow at 100%: modern failed"), "{why}");
    let metrics = proxy.control(Request::get("/metrics"), "").await.body;
    for line in [
        "cutover_guard_trips_total{dial=\"all\"} 1",
        "cutover_guard_holds{dial=\"all\"} 1",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    // Legacy answers, and what modern would have said is compared on.
    let before = proxy.settled("all").await;
    assert_eq!(proxy.get("/orders/1").await.status, 200);
    let counts = proxy.running.ledger.route("all");
    eventually(|| (counts.snapshot().eligible > before.eligible).then_some(())).await;
}

#[tokio::test]
async fn a_mode_modern_goes_back_to_shadow() {
    let (proxy, mood) = proxy("modern", GUARD).await;
    assert_eq!(proxy.get("/").await.headers["x-side"], "modern");
    mood.store(BAD, SeqCst);
    ask_until_legacy(&proxy).await;
    guard_until(&proxy, |now| now["phase"] == "holding_off").await;
    let text = file(&proxy);
    assert!(text.contains("mode = \"shadow\"") && text.contains("modern_share = \"0%\""));
}

#[tokio::test]
async fn failures_that_legacy_mended_count_too() {
    let lines = format!("fallback = true\nfallback_on_5xx = true\n{GUARD}");
    let (proxy, mood) = proxy("modern", &lines).await;
    mood.store(BAD, SeqCst);
    let deadline = Instant::now() + PATIENCE;
    while guard(&proxy).await["phase"] == "watching" {
        assert_eq!(proxy.get("/").await.status, 200, "the client sees nothing");
        assert!(Instant::now() < deadline);
    }
}

#[tokio::test]
async fn a_modern_side_that_turns_slow_or_wrong_is_left() {
    for (turns, reason) in [(SLOW, "latency"), (WRONG, "mismatches")] {
        let lines = format!("modern_share = \"50%\"\n{GUARD}");
        let (proxy, mood) = proxy("shadow", &lines).await;
        mood.store(turns, SeqCst);
        let deadline = Instant::now() + PATIENCE;
        while guard(&proxy).await["phase"] == "watching" {
            assert_eq!(proxy.get("/").await.status, 200);
            assert!(Instant::now() < deadline);
        }
        assert_eq!(guard(&proxy).await["reason"], reason);
        assert_eq!(proxy.get("/").await.headers["x-side"], "legacy");
    }
}

#[tokio::test]
async fn what_legacy_fails_as_well_is_not_held_against_modern() {
    let ((legacy, of_legacy), (modern, of_modern)) = (side("legacy").await, side("modern").await);
    let lines = format!("modern_share = \"100%\"\n{GUARD}");
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", &lines)).await;
    of_legacy.store(BAD, SeqCst);
    of_modern.store(BAD, SeqCst);
    // One fewer than a sample, so that a look between answer and comparison finds no reason.
    for _ in 0..9 {
        assert_eq!(proxy.get("/").await.status, 500);
        proxy.settled("all").await;
    }
    of_legacy.store(WELL, SeqCst);
    of_modern.store(WELL, SeqCst);
    for _ in 0..30 {
        assert_eq!(proxy.get("/").await.status, 200);
    }
    assert_eq!(failed(&proxy), 0);
    assert_eq!(guard(&proxy).await["hits"], 0);
}

#[tokio::test]
async fn what_legacy_fails_in_modern_s_place_is_not_held_against_modern() {
    let lines = format!("fallback = true\nfallback_on_5xx = true\n{GUARD}");
    for (mode, share) in [("modern", ""), ("shadow", "modern_share = \"100%\"\n")] {
        let lines = format!("{share}{lines}");
        let ((legacy, of_legacy), (modern, of_modern)) =
            (side("legacy").await, side("modern").await);
        let proxy = Proxy::start(&one_route(legacy, modern, mode, &lines)).await;
        of_legacy.store(BAD, SeqCst);
        of_modern.store(BAD, SeqCst);
        // One fewer than a sample, so that a look in between finds no reason.
        for _ in 0..4 {
            let answer = proxy.get("/").await;
            assert_eq!(
                (answer.status, &answer.headers["x-side"]),
                (500, &"legacy".parse().unwrap())
            );
        }
        let counts = proxy.running.ledger.route("all");
        eventually(|| (counts.snapshot().requests() == 4).then_some(())).await;
        proxy.settled("all").await;
        of_legacy.store(WELL, SeqCst);
        of_modern.store(WELL, SeqCst);
        for _ in 0..30 {
            assert_eq!(proxy.get("/").await.headers["x-side"], "modern", "{mode}");
        }
        assert_eq!(failed(&proxy), 0, "{mode}");
        assert_eq!(guard(&proxy).await["hits"], 0, "{mode}");
    }
}

#[tokio::test]
async fn a_dial_is_held_whatever_the_file_says_until_an_operator_releases_it() {
    let lines = format!("modern_share = \"100%\"\n{GUARD}");
    let (proxy, mood) = proxy("shadow", &lines).await;
    mood.store(BAD, SeqCst);
    ask_until_legacy(&proxy).await;
    guard_until(&proxy, |now| now["phase"] == "holding_off").await;
    turn_up(&proxy).await;
    for _ in 0..5 {
        assert_eq!(proxy.get("/").await.headers["x-side"], "legacy");
    }
    mood.store(WELL, SeqCst);
    let release = || {
        let request = Request::delete("/api/routes/all/hold");
        proxy.control(request.header("content-type", "application/json"), "")
    };
    assert_eq!(release().await.status, 204);
    assert_eq!(proxy.get("/").await.headers["x-side"], "modern");
    assert_eq!(release().await.status, 404, "it is not held any more");
    events_until(&proxy, "released").await;
}

#[tokio::test]
async fn a_hold_follows_its_route_into_a_group_and_out_of_it_over_a_restart_too() {
    let lines = format!("modern_share = \"100%\"\n{GUARD}");
    let (proxy, mood) = proxy("shadow", &lines).await;
    let before = file(&proxy);
    mood.store(BAD, SeqCst);
    ask_until_legacy(&proxy).await;
    guard_until(&proxy, |now| now["phase"] == "holding_off").await;
    // An older file, in which the route moves with others.
    let grouped = before.replace("[routes.guard]", "group = \"shop\"\n[routes.guard]");
    let loaded = |text: &str| {
        std::fs::write(proxy.routes_file(), text).unwrap();
        let (routes, dial) = (&proxy.running.routes, text.contains("group"));
        eventually(move || {
            let is_in_group = &**routes.table().route("all")?.dial.name() == "shop";
            (is_in_group == dial).then_some(())
        })
    };
    loaded(&grouped).await;
    for _ in 0..20 {
        assert_eq!(proxy.get("/").await.headers["x-side"], "legacy");
    }
    let held = guard_until(&proxy, |now| now["phase"] == "holding_off").await;
    assert_eq!(held["route"], "all");
    let Proxy {
        running, folder, ..
    } = proxy;
    running.stop(PATIENCE).await;
    let proxy = Proxy::start_in(folder, &before).await;
    for _ in 0..20 {
        assert_eq!(proxy.get("/").await.headers["x-side"], "legacy");
    }
    mood.store(WELL, SeqCst);
    let release =
        Request::delete("/api/routes/all/hold").header("content-type", "application/json");
    assert_eq!(proxy.control(release, "").await.status, 204);
    // It was let go everywhere, so it comes back with no other name.
    std::fs::write(proxy.routes_file(), &grouped).unwrap();
    let routes = &proxy.running.routes;
    eventually(|| (&**routes.table().route("all")?.dial.name() == "shop").then_some(())).await;
    for _ in 0..15 {
        assert_eq!(proxy.get("/").await.headers["x-side"], "modern");
    }
    // Nor does another restart bring it back by the name that it had for a while.
    let Proxy {
        running, folder, ..
    } = proxy;
    running.stop(PATIENCE).await;
    let proxy = Proxy::start_in(folder, &grouped).await;
    assert_eq!(guard(&proxy).await["phase"], "watching");
    for _ in 0..15 {
        assert_eq!(proxy.get("/").await.headers["x-side"], "modern");
    }
}

#[tokio::test]
async fn after_the_hold_the_file_counts_again() {
    let lines = format!("modern_share = \"100%\"\n{}", GUARD.replace("1h", "1s"));
    let (proxy, mood) = proxy("shadow", &lines).await;
    mood.store(BAD, SeqCst);
    ask_until_legacy(&proxy).await;
    mood.store(WELL, SeqCst);
    let now = guard_until(&proxy, |now| now["phase"] == "watching").await;
    assert_eq!((&now["hits"], &now["ceiling"]), (&1.into(), &Value::Null));
    turn_up(&proxy).await;
    for _ in 0..15 {
        assert_eq!(proxy.get("/").await.headers["x-side"], "modern");
    }
    assert_eq!(guard(&proxy).await["phase"], "watching");
}

#[tokio::test]
async fn where_the_file_cannot_be_edited_the_dial_is_held_all_the_same_and_over_a_restart() {
    let lines = format!("modern_share = \"100%\"\n{GUARD}");
    let (proxy, mood) = proxy("shadow", &lines).await;
    let text = file(&proxy);
    let _nailed = proxy.nail_routes_file(&text);
    mood.store(BAD, SeqCst);
    ask_until_legacy(&proxy).await;
    let now = guard_until(&proxy, |now| !now["not_in_file"].is_null()).await;
    assert_eq!(now["phase"], "tripped");
    assert!(file(&proxy).contains("modern_share = \"100%\""));
    let ready = proxy.control(Request::get("/readyz"), "").await;
    assert!(
        ready.body.contains("the guard holds \\\"all\\\" at 0%"),
        "{}",
        ready.body
    );
    events_until(&proxy, "not_turned_back").await;
    let Proxy {
        running, folder, ..
    } = proxy;
    running.stop(PATIENCE).await;
    // As it was, and modern still fails.
    std::fs::remove_file(folder.path().join("routes.toml")).unwrap();
    let proxy = Proxy::start_in(folder, &text).await;
    assert_eq!(proxy.get("/").await.headers["x-side"], "legacy");
    // Now it can be written.
    let now = guard_until(&proxy, |now| now["phase"] == "holding_off").await;
    assert_eq!(
        (&now["hits"], &now["not_in_file"]),
        (&1.into(), &Value::Null)
    );
    assert!(file(&proxy).contains("modern_share = \"0%\""));
}

#[tokio::test]
async fn a_route_that_is_not_guarded_stays_where_it_is() {
    let lines = format!("modern_share = \"100%\"\n{GUARD}enabled = false\n");
    let (proxy, mood) = proxy("shadow", &lines).await;
    mood.store(BAD, SeqCst);
    for _ in 0..40 {
        assert_eq!(proxy.get("/").await.headers["x-side"], "modern");
    }
    proxy.settled("all").await;
    assert_eq!(guard(&proxy).await["hits"], 0);
}
