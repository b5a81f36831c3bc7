//! Writes of which a side said nothing clear: what is sent, what is tainted, what is counted.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod common;

use axum::Router;
use axum::routing::{any, get};
use common::{Answer, PATIENCE, Proxy, backend, one_route, raw_backend};
use cutover::outcome::{Ending, Outcome, RouteSnapshot};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A candidate that does every write, and counts those with the right body.
async fn candidate(writes: &Arc<AtomicU64>) -> SocketAddr {
    let writes = Arc::clone(writes);
    let count = move |method: Method, body: String| async move {
        let write = method == Method::PUT && body == "write";
        writes.fetch_add(u64::from(write), Ordering::SeqCst);
    };
    backend(Router::new().fallback(any(count))).await
}

/// A proxy with a lane by a header, and this in `[mirror]`.
async fn proxy(legacy: SocketAddr, modern: SocketAddr, mirror: &str) -> Proxy {
    let lines = "writes = \"mirror\"\nlanes = [\"order:header:X-Order\"]";
    let routes = one_route(legacy, modern, "shadow", lines);
    let routes = routes.replace("[mirror]", &format!("[mirror]\n{mirror}"));
    let peers = format!("peers = [\"{legacy}\"]");
    let impatient = format!("{peers}\nread_timeout = \"300ms\"");
    Proxy::start(&routes.replacen(&peers, &impatient, 1)).await
}

async fn write(proxy: &Proxy, order: u64) -> Answer {
    let request = http::Request::put("/").header("x-order", order);
    proxy.ask(request, "write").await
}

async fn read(proxy: &Proxy, order: u64) {
    let request = http::Request::get("/").header("x-order", order);
    proxy.ask(request, "").await;
}

async fn lanes(proxy: &Proxy) -> Value {
    let answer = proxy.control(http::Request::get("/api/lanes"), "").await;
    serde_json::from_str(&answer.body).unwrap()
}

fn ended(counts: &RouteSnapshot, ending: Ending) -> u64 {
    let found = counts.endings.iter().find(|(other, _)| *other == ending);
    found.map_or(0, |(_, n)| *n)
}

#[tokio::test]
async fn a_write_that_timed_out_on_the_primary_is_not_mirrored_and_nothing_of_its_entity_is_compared()
 {
    // It may do the write, and says so to nobody.
    let hangs = get(|| async {}).put(std::future::pending::<()>);
    let (legacy, writes) = (
        backend(Router::new().route("/", hangs)).await,
        Arc::default(),
    );
    let proxy = proxy(legacy, candidate(&writes).await, "").await;
    assert_eq!(write(&proxy, 1).await.status, 504);
    read(&proxy, 1).await;
    read(&proxy, 2).await;
    let counts = proxy.settled("all").await;
    assert_eq!(ended(&counts, Ending::PrimaryReset), 1, "{counts:?}");
    assert_eq!(ended(&counts, Ending::Tainted), 1, "{counts:?}");
    assert_eq!(counts.count(Outcome::Matched), 1, "{counts:?}");
    assert_eq!(writes.load(Ordering::SeqCst), 0);
    let status = lanes(&proxy).await;
    assert_eq!(
        (&status["lost"], &status["tainted_count"]),
        (&json!(1), &json!(1)),
        "{status}"
    );
    let why = status["tainted"][0]["why"].as_str().unwrap();
    assert!(why.contains("gave no answer"), "{why}");
}

#[tokio::test]
async fn a_write_whose_answer_is_too_large_to_be_compared_is_delivered_all_the_same() {
    let long = get(|| async {}).put(|_: String| async { "x".repeat(5_000) });
    let (legacy, writes) = (
        backend(Router::new().route("/", long)).await,
        Arc::default(),
    );
    let proxy = proxy(legacy, candidate(&writes).await, "max_body = \"1kB\"").await;
    assert_eq!(write(&proxy, 1).await.body.len(), 5_000);
    read(&proxy, 1).await;
    let counts = proxy.settled("all").await;
    assert_eq!(ended(&counts, Ending::TooLarge), 1, "{counts:?}");
    assert_eq!(counts.count(Outcome::Matched), 1, "{counts:?}");
    assert_eq!(writes.load(Ordering::SeqCst), 1);
    let status = lanes(&proxy).await;
    assert_eq!(
        (&status["lost"], &status["tainted_count"]),
        (&json!(0), &json!(0)),
        "{status}"
    );
}

#[tokio::test]
async fn a_write_that_the_candidate_refused_to_the_end_is_lost() {
    // Its page may be longer than an answer that can be compared.
    for page in [0, 5_000] {
        let page = "x".repeat(page);
        let busy = any(|_: String| async { (StatusCode::SERVICE_UNAVAILABLE, page) });
        let modern = backend(Router::new().fallback(busy)).await;
        let legacy = candidate(&Arc::default()).await;
        let mirror = "write_patience = \"300ms\"\nmax_body = \"1kB\"";
        let proxy = proxy(legacy, modern, mirror).await;
        write(&proxy, 1).await;
        let counts = proxy.settled("all").await;
        assert_eq!(ended(&counts, Ending::CandidateRefused), 1, "{counts:?}");
        let status = lanes(&proxy).await;
        assert_eq!(status["tainted"][0]["lane"], "order:1", "{status}");
        let why = status["tainted"][0]["why"].as_str().unwrap();
        assert!(why.contains("refused it to the end"), "{why}");
    }
}

#[tokio::test]
async fn a_write_is_mirrored_and_taints_where_the_ids_of_what_it_made_were_let_go() {
    let shop = async |id: u64, page: usize| {
        let made = json!({ "id": id.to_string(), "page": "x".repeat(page) }).to_string();
        let made = any(|_: String| async { (StatusCode::CREATED, made) });
        backend(Router::new().fallback(made)).await
    };
    let cases = [
        (10, 10, None),
        (5_000, 10, Some("order:*")),
        (10, 5_000, Some("order:17")),
    ];
    for (primary, candidate, tainted) in cases {
        let lines = "writes = \"mirror\"\nlanes = [\"order:header:X-Order\"]\n[compare]\n\
                     ids = { \"/id\" = \"order\" }";
        let (legacy, modern) = (shop(17, primary).await, shop(900, candidate).await);
        let routes = one_route(legacy, modern, "shadow", lines);
        let proxy = Proxy::start(&routes.replace("[mirror]", "[mirror]\nmax_body = \"1kB\"")).await;
        assert_eq!(proxy.post("/orders", "{}").await.status, 201);
        proxy.settled("all").await;
        let deadline = Instant::now() + PATIENCE;
        let request = || http::Request::get("/api/outbox");
        while !proxy
            .control(request(), "")
            .await
            .body
            .contains("\"writes\":0")
        {
            assert!(Instant::now() < deadline, "it is never through");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let status = lanes(&proxy).await;
        assert_eq!(status["tainted"][0]["lane"].as_str(), tainted, "{status}");
    }
}

#[tokio::test]
async fn ids_are_found_far_into_an_answer_and_what_is_behind_that_taints() {
    let page = "x".repeat(300_000);
    let first = format!(r#"{{"id":"17","page":"{page}"}}"#);
    let last = format!(r#"{{"page":"{page}","id":"17"}}"#);
    let broken = r#"{"page":"#.to_owned();
    for (answer, tainted) in [
        (first, None),
        (last, Some("order:*")),
        (broken, Some("order:*")),
    ] {
        let shop = async || {
            let answer = answer.clone();
            let made = any(|_: String| async { (StatusCode::CREATED, answer) });
            backend(Router::new().fallback(made)).await
        };
        let lines = "writes = \"mirror\"\nlanes = [\"order:header:X-Order\"]\n[compare]\n\
                     ids = { \"/id\" = \"order\" }";
        let routes = one_route(shop().await, shop().await, "shadow", lines);
        let proxy = Proxy::start(&routes).await;
        assert_eq!(proxy.post("/orders", "{}").await.status, 201);
        let counts = proxy.settled("all").await;
        assert_eq!(counts.count(Outcome::Matched), 1, "{counts:?}");
        let status = lanes(&proxy).await;
        assert_eq!(status["tainted"][0]["lane"].as_str(), tainted, "{status}");
    }
}

#[tokio::test]
async fn a_write_that_the_primary_answers_by_its_head_alone_is_mirrored_all_the_same() {
    let legacy = raw_backend(|mut stream| async move {
        // It is answered before the proxy has had the time to send any of it.
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let _ = stream.write_all(answer).await;
        let mut sink = [0; 4096];
        while stream.read(&mut sink).await.is_ok_and(|read| read > 0) {}
    });
    let writes = Arc::default();
    let proxy = proxy(legacy.await, candidate(&writes).await, "").await;
    let all = 40;
    for order in 0..all {
        assert_eq!(write(&proxy, order).await.status, 200);
    }
    let counts = proxy.settled("all").await;
    assert_eq!(ended(&counts, Ending::RequestCut), 0, "{counts:?}");
    assert_eq!(counts.count(Outcome::Matched), all, "{counts:?}");
    assert_eq!(writes.load(Ordering::SeqCst), all);
}
