//! The time that a mirrored exchange waits for its turn is none that its candidate is charged with.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod common;

use axum::Router;
use axum::routing::any;
use common::{Proxy, backend, eventually, one_route};
use cutover::outcome::Outcome;
use http::Method;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

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
