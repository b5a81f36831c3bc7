//! Legacy answers where modern should and can't, and only where that does no harm.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod common;

use axum::Router;
use axum::routing::any;
use common::{Proxy, backend, dead_backend, eventually, hung_backend, one_route, raw_backend};
use cutover::outcome::{Outcome, RouteSnapshot};
use futures::future::join_all;
use http::{Request, StatusCode};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const FALLBACK: &str = "fallback = true";
const ON_5XX: &str = "fallback = true\nfallback_on_5xx = true";

async fn legacy() -> SocketAddr {
    backend(Router::new().fallback(any(|body: String| async move { format!("legacy {body}") })))
        .await
}

/// A proxy whose modern side answers everything.
async fn proxy(modern: SocketAddr, lines: &str) -> Proxy {
    let routes = one_route(legacy().await, modern, "modern", lines);
    let impatient = format!("[upstreams.modern]\nread_timeout = \"300ms\"\npeers = [\"{modern}\"]");
    Proxy::start(&routes.replace(
        &format!("[upstreams.modern]\npeers = [\"{modern}\"]"),
        &impatient,
    ))
    .await
}

/// Modern reads the request, says this much and closes; also how many requests it got.
async fn breaking_off(answer: &'static str) -> (SocketAddr, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    let address = raw_backend(move |mut stream| {
        let count = Arc::clone(&count);
        async move {
            let mut sink = [0; 4096];
            if stream.read(&mut sink).await.is_ok_and(|read| read > 0) {
                count.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        }
    })
    .await;
    (address, requests)
}

/// The counts once this many requests are among them, each a moment after its answer.
async fn counts(proxy: &Proxy, requests: u64) -> RouteSnapshot {
    let route = proxy.running.ledger.route("all");
    eventually(|| Some(route.snapshot()).filter(|now| now.requests() == requests)).await
}

#[tokio::test]
async fn legacy_answers_any_request_that_could_not_reach_modern() {
    let proxy = proxy(dead_backend().await, FALLBACK).await;
    assert_eq!(proxy.get("/").await.body, "legacy ");
    assert_eq!(proxy.post("/", "order").await.body, "legacy order");
    let counts = counts(&proxy, 2).await;
    assert_eq!((counts.fallbacks, counts.failed_modern), (2, 2));
    assert_eq!((counts.served_legacy, counts.served_modern), (2, 0));
}

#[tokio::test]
async fn legacy_answers_when_no_peer_of_modern_can_be_had() {
    let (dead, other) = (dead_backend().await, dead_backend().await);
    for peers in [
        format!("[\"{dead}\", \"{other}\"]"),
        // A name that nobody has (RFC 6761): there is no address to ask.
        "[\"modern.invalid:80\"]".to_owned(),
    ] {
        let routes = one_route(legacy().await, dead, "modern", FALLBACK);
        let proxy = Proxy::start(&routes.replace(&format!("[\"{dead}\"]"), &peers)).await;
        assert_eq!(
            proxy.post("/", "order").await.body,
            "legacy order",
            "{peers}"
        );
        let counts = counts(&proxy, 1).await;
        assert_eq!((counts.fallbacks, counts.failed_modern), (1, 1), "{peers}");
    }
}

#[tokio::test]
async fn legacy_answers_a_read_that_modern_broke_off_or_never_answered() {
    for modern in [breaking_off("").await.0, hung_backend().await] {
        let proxy = proxy(modern, FALLBACK).await;
        let answer = proxy.get("/").await;
        assert_eq!((answer.status, answer.body.as_str()), (200, "legacy "));
        assert_eq!(counts(&proxy, 1).await.fallbacks, 1);
    }
}

#[tokio::test]
async fn a_write_that_modern_may_have_done_is_not_given_to_legacy() {
    let (modern, requests) = breaking_off("").await;
    let proxy = proxy(modern, ON_5XX).await;
    assert_eq!(proxy.post("/", "order").await.status, 502);
    assert_eq!(requests.load(Ordering::SeqCst), 1);
    let counts = counts(&proxy, 1).await;
    assert_eq!((counts.fallbacks, counts.failed_modern), (0, 1));
}

#[tokio::test]
async fn an_answer_that_has_begun_is_not_begun_again() {
    let begun = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nbegun";
    let proxy = proxy(breaking_off(begun).await.0, ON_5XX).await;
    let answer = proxy.try_ask(Request::get("/"), "").await.unwrap();
    assert!(!answer.body.contains("legacy"), "{answer:?}");
    assert_eq!(counts(&proxy, 1).await.fallbacks, 0);
}

#[tokio::test]
async fn a_5xx_is_modern_s_answer_unless_the_route_says_otherwise() {
    let unwell = || async { (StatusCode::SERVICE_UNAVAILABLE, "modern") };
    let modern = backend(Router::new().fallback(any(unwell))).await;
    for (lines, status, fallbacks) in [("", 503, 0), (FALLBACK, 503, 0), (ON_5XX, 200, 1)] {
        let proxy = proxy(modern, lines).await;
        assert_eq!(proxy.get("/").await.status, status, "{lines}");
        // A write was done or not; only modern knows.
        assert_eq!(proxy.post("/", "order").await.status, 503, "{lines}");
        let counts = counts(&proxy, 2).await;
        assert_eq!(
            (counts.fallbacks, counts.failed_modern),
            (fallbacks, 2),
            "{lines}"
        );
    }
}

#[tokio::test]
async fn a_read_that_legacy_refused_after_a_fallback_is_compared_though_its_route_has_lanes() {
    let modern = any(|| async { (StatusCode::SERVICE_UNAVAILABLE, "modern") });
    let legacy = any(|| async { (StatusCode::NOT_FOUND, "legacy") });
    let (legacy, modern) = (
        Router::new().fallback(legacy),
        Router::new().fallback(modern),
    );
    let lines = format!("modern_share = \"100%\"\nlanes = [\"order:query:id\"]\n{ON_5XX}");
    let sides = (backend(legacy).await, backend(modern).await);
    let proxy = Proxy::start(&one_route(sides.0, sides.1, "shadow", &lines)).await;
    assert_eq!(proxy.get("/?id=1").await.status, 404);
    let counts = proxy.settled("all").await;
    assert_eq!((counts.eligible, counts.fallbacks), (1, 1));
    assert_eq!(counts.count(Outcome::Different), 1, "{counts:?}");
}

#[tokio::test]
async fn when_both_sides_fail_the_client_hears_of_the_last() {
    let (modern, legacy) = (dead_backend().await, dead_backend().await);
    let proxy = Proxy::start(&one_route(legacy, modern, "modern", FALLBACK)).await;
    assert_eq!(proxy.get("/").await.status, 502);
    let counts = counts(&proxy, 1).await;
    assert_eq!((counts.failed_modern, counts.failed_legacy), (1, 1));
}

#[tokio::test]
async fn a_peer_that_refuses_leaves_the_request_to_the_next() {
    let (dead, legacy) = (dead_backend().await, legacy().await);
    let routes = one_route(legacy, legacy, "legacy", "");
    let two = format!("peers = [\"{dead}\", \"{legacy}\"]");
    let proxy = Proxy::start(&routes.replacen(&format!("peers = [\"{legacy}\"]"), &two, 1)).await;
    for _ in 0..4 {
        assert_eq!(proxy.post("/", "order").await.body, "legacy order");
    }
    assert_eq!(counts(&proxy, 4).await.failed_legacy, 0);
}

#[tokio::test]
async fn after_a_fallback_a_peer_of_legacy_that_refuses_leaves_the_request_to_the_next() {
    let (dead, legacy) = (dead_backend().await, legacy().await);
    let routes = one_route(legacy, dead_backend().await, "modern", FALLBACK);
    let two = format!("peers = [\"{dead}\", \"{legacy}\"]");
    let proxy = Proxy::start(&routes.replacen(&format!("peers = [\"{legacy}\"]"), &two, 1)).await;
    for _ in 0..4 {
        assert_eq!(proxy.post("/", "order").await.body, "legacy order");
    }
    assert_eq!(counts(&proxy, 4).await.failed_legacy, 0);
}

#[tokio::test]
async fn a_peer_that_refuses_leaves_each_of_many_requests_to_another_than_itself() {
    let (dead, legacy) = (dead_backend().await, legacy().await);
    let routes = one_route(legacy, legacy, "legacy", "");
    let two = format!("peers = [\"{dead}\", \"{legacy}\"]");
    let proxy = Proxy::start(&routes.replacen(&format!("peers = [\"{legacy}\"]"), &two, 1)).await;
    // Whose turn it is when one asks again is the others' doing.
    let asked = join_all((0..64).map(|_| proxy.post("/", "order"))).await;
    let well = asked.iter().filter(|answer| answer.status == 200);
    assert_eq!(well.count(), 64);
}
