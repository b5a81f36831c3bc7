//! Each side is charged with its own time: not with what an exchange waits for its turn, nor with what a
//! client takes to read. A stop has all of its own.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod common;

use axum::Router;
use axum::routing::any;
use common::{PATIENCE, Proxy, backend, eventually, one_route, wire};
use cutover::outcome::Outcome;
use http::{Method, Request};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// The limit, and what each answer takes: two of them are more than the limit.
const LIMIT: &str = "6s";
const TAKES: Duration = Duration::from_millis(3_300);

/// A read, and behind it this, before a candidate that takes one at a time.
async fn behind_another(method: Method) {
    let legacy = backend(Router::new().fallback(any(|_: String| async {}))).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&asked);
    let modern = Router::new().fallback(any(move |_: String| {
        let seen = Arc::clone(&seen);
        async move {
            seen.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(TAKES).await;
        }
    }));
    let routes = one_route(
        legacy,
        backend(modern).await,
        "shadow",
        "writes = \"mirror\"",
    );
    let limits = format!("timeout = \"{LIMIT}\"\nconcurrency = 1");
    let proxy = Proxy::start(&routes.replace("timeout = \"20s\"", &limits)).await;
    proxy.get("/").await;
    eventually(|| (asked.load(Ordering::SeqCst) == 1).then_some(())).await;
    let second = http::Request::builder().method(&method).uri("/");
    assert_eq!(proxy.ask(second, "").await.status, 200);
    let counts = proxy.settled("all").await;
    assert_eq!(counts.count(Outcome::Matched), 2, "{method} {counts:?}");
    assert_eq!(asked.load(Ordering::SeqCst), 2, "{method}");
}

#[tokio::test]
async fn a_candidate_has_all_of_its_time_however_long_an_exchange_has_waited() {
    tokio::join!(behind_another(Method::GET), behind_another(Method::PUT));
}

async fn json(proxy: &Proxy, path: &str) -> Value {
    serde_json::from_str(&proxy.control(Request::get(path), "").await.body).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_slow_to_read_makes_the_primary_look_no_slower() {
    // More than the buffers between them hold.
    let page = "x".repeat(7 << 20);
    let legacy = backend(Router::new().fallback(any(|| async { page }))).await;
    let modern = backend(Router::new().fallback(any(|| async { "another" }))).await;
    let limits = "timeout = \"20s\"\nmax_body = \"16MiB\"\nmax_bytes = \"128MiB\"";
    let routes = one_route(legacy, modern, "shadow", "");
    let proxy = Proxy::start(&routes.replace("timeout = \"20s\"", limits)).await;
    let client = TcpSocket::new_v4().unwrap();
    client.set_recv_buffer_size(1 << 14).unwrap();
    let mut client = client.connect(proxy.running.address).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    client.write_all(request).await.unwrap();
    // A client of its own pace.
    let pause = Duration::from_secs(4);
    tokio::time::sleep(pause).await;
    assert!(wire::read_all(client).await.len() > 7 << 20);
    proxy.settled("all").await;
    let deadline = Instant::now() + PATIENCE;
    let id = loop {
        let found = json(&proxy, "/api/discrepancies").await;
        if let Some(id) = found["discrepancies"][0]["id"].as_str() {
            break id.to_owned();
        }
        assert!(Instant::now() < deadline, "nothing is found: {found}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let finding = json(&proxy, &format!("/api/discrepancies/{id}")).await;
    let took = &finding["samples"][0]["exchange"]["legacy"]["took_ms"];
    let took = Duration::from_secs_f64(took.as_f64().unwrap() / 1000.0);
    assert!(took < pause / 2, "{took:?}");
}

/// A proxy with a client that waits for an answer, and what lets legacy give it.
async fn with_one_waiting() -> (Proxy, tokio::task::JoinHandle<String>, Arc<Semaphore>) {
    let leave = Arc::new(Semaphore::new(0));
    let (asked, given) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&leave));
    let seen = Arc::clone(&asked);
    let legacy = Router::new().fallback(any(move || {
        let (seen, given) = (Arc::clone(&seen), Arc::clone(&given));
        async move {
            seen.fetch_add(1, Ordering::SeqCst);
            given.acquire().await.unwrap().forget();
            "late"
        }
    }));
    let proxy = wire::in_front_of(backend(legacy).await).await;
    let client = wire::connect(&proxy).await;
    let waiting = tokio::spawn(async move {
        let mut client = client;
        client.write_all(wire::GET).await.unwrap();
        wire::read_all(client).await
    });
    eventually(|| (asked.load(Ordering::SeqCst) == 1).then_some(())).await;
    (proxy, waiting, leave)
}

#[tokio::test]
async fn a_stop_waits_for_an_answer_for_as_long_as_it_is_told() {
    let (proxy, waiting, leave) = with_one_waiting().await;
    let running = proxy.running;
    let stopping = tokio::spawn(running.stop(PATIENCE));
    // Longer than any limit that is not the one it was told.
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert!(!stopping.is_finished());
    leave.add_permits(1);
    let answer = waiting.await.unwrap();
    assert!(answer.ends_with("late"), "{answer}");
    timeout(PATIENCE, stopping).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stop_cuts_what_is_not_answered_by_then() {
    let (proxy, waiting, _leave) = with_one_waiting().await;
    let running = proxy.running;
    running.stop(Duration::from_millis(100)).await;
    assert_eq!(waiting.await.unwrap(), "");
}
