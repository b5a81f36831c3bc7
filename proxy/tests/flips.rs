//! Live edits of routes.toml under load.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't be set up fails"
)]

mod common;

use axum::Router;
use axum::routing::any;
use common::{Proxy, backend, eventually, one_route};
use cutover::outcome::Outcome;
use cutover::routes::RouteEdit;
use cutover::routing::Mode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const FLIPS: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_flips_under_load_fail_no_request() {
    let side = |name: &'static str| Router::new().fallback(any(move || async move { name }));
    let (legacy, modern) = (backend(side("L")).await, backend(side("M")).await);
    let proxy = Arc::new(Proxy::start(&one_route(legacy, modern, "legacy", "")).await);
    let done = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (proxy, done, asked) = (Arc::clone(&proxy), Arc::clone(&done), Arc::clone(&asked));
            tokio::spawn(async move {
                let mut sides = [0_u64; 2];
                while !done.load(Ordering::Relaxed) {
                    let answer = proxy.get("/orders/1").await;
                    assert_eq!(answer.status, 200);
                    sides[usize::from(answer.body == "M")] += 1;
                    asked.fetch_add(1, Ordering::Relaxed);
                }
                sides
            })
        })
        .collect();
    let modes = [Mode::Modern, Mode::Shadow, Mode::Legacy];
    for flip in 0..FLIPS {
        let before = asked.load(Ordering::Relaxed);
        let edit = RouteEdit {
            mode: Some(modes[flip % modes.len()]),
            ..RouteEdit::default()
        };
        let etag = proxy.running.routes.etag();
        proxy
            .running
            .routes
            .edit("all", &edit, Some(&etag))
            .await
            .unwrap();
        // Requests go on between any two flips.
        eventually(|| (asked.load(Ordering::Relaxed) > before).then_some(())).await;
    }
    done.store(true, Ordering::Relaxed);
    let mut sides = [0_u64; 2];
    for client in clients {
        let [legacy, modern] = client.await.unwrap();
        sides[0] += legacy;
        sides[1] += modern;
    }
    assert!(
        sides[0] > 0 && sides[1] > 0,
        "both sides answered: {sides:?}"
    );
    // A request is counted a moment after its answer.
    let route = proxy.running.ledger.route("all");
    let all: u64 = sides.iter().sum();
    eventually(|| (route.snapshot().requests() == all).then_some(())).await;
    let counts = proxy.settled("all").await;
    // Every request was served by one table: the side that it was counted for is the one whose
    // answer the client got, and only shadow mode made it eligible.
    assert_eq!([counts.served_legacy, counts.served_modern], sides);
    assert_eq!([counts.failed_legacy, counts.failed_modern], [0, 0]);
    assert_eq!(counts.settled(), counts.eligible, "{counts:?}");
    assert_eq!(counts.count(Outcome::Matched), 0, "{counts:?}");
    assert!(counts.eligible > 0 && counts.eligible < counts.served_legacy);
    let text = std::fs::read_to_string(proxy.routes_file()).unwrap();
    assert!(text.contains(&format!("mode = \"{}\"", modes[(FLIPS - 1) % 3].as_str())));
}
