//! Pending plus outcomes is eligible, at every instant, whatever goes wrong.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't be set up fails"
)]

mod common;

use axum::Router;
use axum::extract::Request;
use axum::response::IntoResponse;
use axum::routing::any;
use common::{Proxy, backend, eventually, one_route};
use cutover::outcome::{Ending, Outcome, RouteSnapshot};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// A backend that does by chance what backends do: answer, differ, fail, be late, break off.
fn faulty(seed: u64) -> Router {
    let dice = Arc::new(std::sync::Mutex::new(fastrand::Rng::with_seed(seed)));
    Router::new().fallback(any(move |request: Request| {
        let (fault, length) = {
            let mut dice = dice.lock().unwrap();
            (dice.u8(0..12), dice.usize(0..20_000))
        };
        async move {
            let _ = axum::body::to_bytes(request.into_body(), 1 << 24).await;
            match fault {
                0 => http::StatusCode::INTERNAL_SERVER_ERROR.into_response(),
                1 => {
                    tokio::time::sleep(Duration::from_secs(2)).await;
                    "late".into_response()
                }
                2 => {
                    // The announced length is never reached: the connection breaks off.
                    let broken = futures_stream();
                    (
                        [("content-length", "100")],
                        axum::body::Body::from_stream(broken),
                    )
                        .into_response()
                }
                3 => ([("content-encoding", "gzip")], "no gzip").into_response(),
                4 => "x".repeat(length).into_response(),
                5 => "y".repeat(2 << 20).into_response(),
                _ => "same".into_response(),
            }
        }
    }))
}

fn futures_stream() -> impl futures::Stream<Item = Result<bytes::Bytes, std::io::Error>> {
    futures::stream::iter([
        Ok(bytes::Bytes::from("part")),
        Err(std::io::Error::other("broken")),
    ])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_eligible_request_ends_in_exactly_one_outcome_under_random_faults() {
    holds_under_random_faults("").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_eligible_request_ends_in_exactly_one_outcome_with_lanes_and_lost_writes() {
    let lanes = "lanes = [\"client:header:X-Client\", \"body:json:/id\", \"address:client\"]";
    let counts = holds_under_random_faults(lanes).await;
    assert!(counts.count(Outcome::Skipped) > 0, "{counts:?}");
}

/// What must come up for the claim to mean something.
const OUTCOMES: [Outcome; 4] = [
    Outcome::Matched,
    Outcome::Different,
    Outcome::CandidateError,
    Outcome::CandidateTimeout,
];

/// Many clients on sides that fail by chance; what was counted once all of it has ended.
async fn holds_under_random_faults(lines: &str) -> RouteSnapshot {
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let (legacy, modern) = (backend(faulty(seed)).await, backend(faulty(seed ^ 1)).await);
    let lines = format!("writes = \"mirror\"\nmodern_share = \"30%\"\n{lines}");
    let limits = "[client]\nkey = \"header:x-client\"\n[mirror]\nmax_bytes = \"1MiB\"\nqueue = 8\n\
                  concurrency = 2\nwrite_patience = \"1s\"\noutbox_writes = 40";
    let routes = one_route(legacy, modern, "shadow", &lines)
        .replace("\"20s\"", "\"500ms\"")
        .replace("[mirror]", limits);
    let proxy = Arc::new(Proxy::start(&routes).await);
    let done = Arc::new(AtomicBool::new(false));
    let watcher = tokio::spawn({
        let (proxy, done) = (Arc::clone(&proxy), Arc::clone(&done));
        async move {
            let counts = proxy.running.ledger.route("all");
            while !done.load(Ordering::Relaxed) {
                let now = counts.snapshot();
                assert!(now.settled() <= now.eligible, "{now:?}");
                tokio::task::yield_now().await;
            }
        }
    });
    // What a candidate is asked while it fails is left to chance and to the machine's speed, so
    // the clients come back until everything has come up.
    let deadline = std::time::Instant::now() + common::PATIENCE;
    let came_up = || {
        let now = proxy.running.ledger.route("all").snapshot();
        OUTCOMES.iter().all(|outcome| now.count(*outcome) > 0)
    };
    for wave in 0_u64.. {
        let clients: Vec<_> = (0..16_u64)
            .map(|n| {
                let proxy = Arc::clone(&proxy);
                tokio::spawn(async move {
                    let mut dice = fastrand::Rng::with_seed(seed.wrapping_add(n + 16 * wave));
                    for _ in 0..25 {
                        visit(&proxy, &mut dice).await;
                    }
                })
            })
            .collect();
        for client in clients {
            client.await.unwrap();
        }
        if came_up() || std::time::Instant::now() > deadline {
            break;
        }
    }
    done.store(true, Ordering::Relaxed);
    watcher.await.unwrap();
    // Requests whose clients went away may still be on their way to the ledger.
    let counts = eventually(|| {
        let now = proxy.running.ledger.route("all").snapshot();
        (now.pending() == 0 && now.eligible >= 300).then_some(now)
    })
    .await;
    assert_eq!(counts.settled(), counts.eligible);
    assert!(
        !counts
            .endings
            .contains(&(cutover::outcome::Ending::Lost, 1)),
        "{counts:?}"
    );
    for outcome in OUTCOMES {
        assert!(
            counts.count(outcome) > 0,
            "{outcome:?} never came up: {counts:?}"
        );
    }
    counts
}

/// One request, well-behaved or not.
async fn visit(proxy: &Proxy, dice: &mut fastrand::Rng) {
    let client = dice.u8(..).to_string();
    match dice.u8(0..10) {
        0 => {
            // Goes away without waiting for the answer.
            let mut stream = TcpStream::connect(proxy.running.address).await.unwrap();
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        }
        1 => {
            // Goes away in the middle of its body.
            let mut stream = TcpStream::connect(proxy.running.address).await.unwrap();
            let _ = stream
                .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
                .await;
        }
        2..=4 => {
            let body = "z".repeat(dice.usize(0..100_000));
            let _ = proxy
                .try_ask(http::Request::post("/").header("x-client", client), &body)
                .await;
        }
        _ => {
            let _ = proxy
                .try_ask(http::Request::get("/").header("x-client", client), "")
                .await;
        }
    }
}

#[tokio::test]
async fn long_headers_count_towards_the_budget_whichever_side_they_come_from() {
    for (legacy, modern) in [(200, 1), (1, 200)] {
        let side = async |kilobytes: usize| {
            let cookie = "x".repeat(kilobytes << 10);
            backend(Router::new().fallback(any(|| async { [("x-long", cookie)] }))).await
        };
        let routes = one_route(side(legacy).await, side(modern).await, "shadow", "");
        let routes = routes.replace("[mirror]", "[mirror]\nmax_bytes = \"128KiB\"");
        let proxy = Proxy::start(&routes).await;
        assert_eq!(proxy.get("/").await.status, 200);
        let counts = proxy.settled("all").await;
        let budget = counts.endings.iter().find(|(e, _)| *e == Ending::Budget);
        assert_eq!(budget.map(|(_, n)| *n), Some(1), "{counts:?}");
    }
}
