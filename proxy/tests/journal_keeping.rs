//! The journal behind a running proxy: what survives, what is not stored, what its failure costs.

#![expect(clippy::unwrap_used, reason = "what a test can't get fails the test")]

mod common;

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use common::{PATIENCE, Proxy, backend, eventually, one_route};
use cutover::outcome::Outcome;
use serde_json::Value;
use sqlx::{Connection, SqliteConnection};
use std::path::Path;
use std::time::{Duration, Instant};

fn json(body: &'static str) -> Router {
    let answer = move || async move { ([("content-type", "application/json")], body) };
    Router::new().fallback(any(answer))
}

/// The first finding once it was seen so often; the journal is behind what was counted.
async fn finding(proxy: &Proxy, count: u64) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = proxy
            .control(http::Request::get("/api/discrepancies"), "")
            .await;
        let list: Value = serde_json::from_str(&answer.body).unwrap();
        let first = &list["discrepancies"][0];
        if first["count"] == count {
            return first.clone();
        }
        assert!(Instant::now() < deadline, "{list}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// All bytes of the journal's files.
fn bytes(folder: &Path) -> Vec<u8> {
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let journal = files.filter(|file| file.to_string_lossy().contains("journal.db"));
    journal
        .flat_map(|file| std::fs::read(file).unwrap())
        .collect()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn counts_and_findings_survive_a_restart() {
    let legacy = backend(json(r#"{"total": 10.00}"#)).await;
    let modern = backend(json(r#"{"total": 10.01}"#)).await;
    let routes = one_route(legacy, modern, "shadow", "");
    let mut folder = tempfile::tempdir().unwrap();
    for run in 1..=3 {
        let proxy = Proxy::start_in(folder, &routes).await;
        for _ in 0..5 {
            assert_eq!(proxy.get("/orders/1").await.status, 200);
        }
        let counts = proxy.settled("all").await;
        assert_eq!(
            (counts.eligible, counts.count(Outcome::Different)),
            (run * 5, run * 5)
        );
        let Proxy {
            running,
            folder: kept,
            ..
        } = proxy;
        running.stop(PATIENCE).await;
        folder = kept;
    }
    let proxy = Proxy::start_in(folder, &routes).await;
    finding(&proxy, 15).await;
}

#[tokio::test]
async fn what_a_client_sends_in_confidence_is_not_in_the_file() {
    const CANARY: &str = "CANARY-4111";
    let echo = |side: &'static str| {
        Router::new().fallback(any(async move |request: Request| {
            let cookie = request.headers().get("cookie").cloned();
            let body = format!(r#"{{"side": "{side}", "user": {{"password": "{CANARY}"}}}}"#);
            let headers = [("content-type", "application/json")];
            (headers, [("set-cookie", cookie.unwrap())], body)
        }))
    };
    let (legacy, modern) = (backend(echo("legacy")).await, backend(echo("modern")).await);
    let redacted = "[journal]\nredact_paths = [\"/**/password\"]\nredact_query = [\"token\"]\n";
    let routes = redacted.to_owned() + &one_route(legacy, modern, "shadow", "");
    let proxy = Proxy::start(&routes).await;
    let request = http::Request::get(format!("/login?token={CANARY}&seen=shown-query"))
        .header("authorization", format!("Bearer {CANARY}"))
        .header("x-api-key", CANARY)
        .header("cookie", CANARY);
    let answer = proxy.ask(request, "").await;
    assert!(answer.body.contains(CANARY), "the client gets everything");
    assert_eq!(finding(&proxy, 1).await["path"], "/side");
    let while_running = bytes(proxy.folder.path());
    proxy.running.stop(PATIENCE).await;
    for bytes in [while_running, bytes(proxy.folder.path())] {
        assert!(holds(&bytes, "shown-query"));
        assert!(!holds(&bytes, CANARY));
    }
}

#[tokio::test]
async fn a_locked_journal_costs_clients_nothing_and_no_count() {
    let legacy = backend(json(r#"{"total": 10.00}"#)).await;
    let modern = backend(json(r#"{"total": 10.01}"#)).await;
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", "")).await;
    let url = format!(
        "sqlite://{}",
        proxy.folder.path().join("journal.db").display()
    );
    let mut other = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut other)
        .await
        .unwrap();
    for _ in 0..50 {
        let answer = proxy.get("/orders/1").await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (200, r#"{"total": 10.00}"#)
        );
    }
    assert_eq!(proxy.settled("all").await.count(Outcome::Different), 50);
    let journal = proxy.running.journal.clone();
    eventually(|| journal.status().failing.then_some(())).await;
    let ready = proxy.control(http::Request::get("/readyz"), "").await;
    assert!(
        ready.status == 200 && ready.body.contains("locked"),
        "{ready:?}"
    );
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    finding(&proxy, 50).await;
}
