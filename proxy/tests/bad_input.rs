//! Bytes that no good client sends: a clear answer, and the proxy lives on.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't be set up fails"
)]

mod common;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::any;
use common::{PATIENCE, Proxy, backend, one_route, raw_backend};
use cutover::outcome::{Ending, Outcome};
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Answers with the length of the body that it was sent.
fn measuring() -> Router {
    Router::new().fallback(any(|request: Request| async move {
        let mut body: Body = request.into_body();
        let mut length = 0;
        while let Some(Ok(frame)) = body.frame().await {
            length += frame.data_ref().map_or(0, bytes::Bytes::len);
        }
        length.to_string()
    }))
}

async fn shadowing() -> Proxy {
    let (legacy, modern) = (backend(measuring()).await, backend(measuring()).await);
    Proxy::start(&one_route(legacy, modern, "shadow", "writes = \"mirror\"")).await
}

/// Sends bytes, ends the sending side, and answers what came back.
async fn say(proxy: &Proxy, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(proxy.running.address).await.unwrap();
    // The proxy may hang up before it has read everything.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("an answer or an end");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn still_well(proxy: &Proxy) {
    let answer = proxy.post("/", "12345").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "5"));
}

#[tokio::test]
async fn malformed_requests_are_refused_and_the_proxy_lives_on() {
    let proxy = shadowing().await;
    let many_headers = format!(
        "GET / HTTP/1.1\r\nHost: a\r\n{}\r\n",
        "x: y\r\n".repeat(2000)
    );
    let long_header = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nx: {}\r\n\r\n",
        "y".repeat(2 << 20)
    );
    let cases: [&[u8]; 12] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n bad: folding\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n",
        many_headers.as_bytes(),
        long_header.as_bytes(),
    ];
    for case in cases {
        let shown = String::from_utf8_lossy(&case[..case.len().min(60)]).into_owned();
        let answer = say(&proxy, case).await;
        let refused = answer.is_empty()
            || answer.starts_with("HTTP/1.1 4")
            || answer.starts_with("HTTP/1.1 5");
        assert!(refused, "{shown:?} was answered {answer:?}");
    }
    still_well(&proxy).await;
    proxy.settled("all").await;
}

#[tokio::test]
async fn strange_but_valid_targets_pass_unchanged() {
    let echo = Router::new().fallback(any(
        |request: Request| async move { request.uri().to_string() },
    ));
    let side = backend(echo).await;
    let proxy = Proxy::start(&one_route(side, side, "shadow", "")).await;
    for target in [
        "/%2e%2e/%2E%2E/etc",
        "//double//",
        "/a;b=c?x=%00&y=%zz",
        "/?",
        "/%F0%9F%A6%80",
    ] {
        let answer = say(
            &proxy,
            format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes(),
        )
        .await;
        assert!(answer.ends_with(target), "{target} was answered {answer}");
    }
    let counts = proxy.settled("all").await;
    assert_eq!(
        counts.count(Outcome::Matched),
        counts.eligible,
        "{counts:?}"
    );
}

#[tokio::test]
async fn a_large_body_passes_whole_and_is_counted_as_too_large_to_compare() {
    let proxy = shadowing().await;
    let body = "x".repeat(10 << 20);
    let answer = proxy.post("/", &body).await;
    assert_eq!((answer.status, answer.body), (200, body.len().to_string()));
    let counts = proxy.settled("all").await;
    assert!(
        counts.endings.contains(&(Ending::TooLarge, 1)),
        "{counts:?}"
    );
}

#[tokio::test]
async fn a_body_that_breaks_off_is_the_client_s_doing() {
    let proxy = shadowing().await;
    say(
        &proxy,
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nonly this",
    )
    .await;
    let counts = proxy.settled("all").await;
    assert_eq!(counts.eligible, 1);
    assert_eq!(counts.count(Outcome::Skipped), 1, "{counts:?}");
    assert_eq!(counts.failed_legacy, 0);
    still_well(&proxy).await;
}

#[tokio::test]
async fn slow_clients_hold_up_nobody_else() {
    let proxy = shadowing().await;
    let mut slow = Vec::new();
    for _ in 0..300 {
        let mut stream = TcpStream::connect(proxy.running.address).await.unwrap();
        stream
            .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nslow")
            .await
            .unwrap();
        slow.push(stream);
    }
    for _ in 0..20 {
        still_well(&proxy).await;
    }
    drop(slow);
    let counts = proxy.settled("all").await;
    assert_eq!(counts.count(Outcome::Matched), 20, "{counts:?}");
}

#[tokio::test]
async fn a_primary_that_breaks_off_is_the_primary_s_error() {
    let cut = raw_backend(|mut stream| async move {
        let mut sink = [0; 4096];
        let _ = stream.read(&mut sink).await;
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
            .await;
    })
    .await;
    let modern = backend(measuring()).await;
    let proxy = Proxy::start(&one_route(cut, modern, "shadow", "")).await;
    let answer = say(&proxy, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.ends_with("abc"), "what came is passed on: {answer}");
    let counts = proxy.settled("all").await;
    assert!(
        counts.endings.contains(&(Ending::PrimaryReset, 1)),
        "{counts:?}"
    );
}

#[tokio::test]
async fn a_primary_that_never_answers_times_out_with_a_504() {
    let hung = common::hung_backend().await;
    let modern = backend(measuring()).await;
    let routes = one_route(hung, modern, "shadow", "").replace(
        "[upstreams.modern]",
        "read_timeout = \"300ms\"\n[upstreams.modern]",
    );
    let proxy = Proxy::start(&routes).await;
    let answer = timeout(Duration::from_secs(20), proxy.get("/"))
        .await
        .unwrap();
    assert_eq!(answer.status, 504, "{}", answer.body);
    assert_eq!(proxy.settled("all").await.count(Outcome::PrimaryError), 1);
}
