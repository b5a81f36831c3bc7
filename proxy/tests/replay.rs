//! Findings that are replayed, behind a running proxy.
#![expect(clippy::unwrap_used, reason = "what a test can't get fails the test")]

mod common;

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use common::{PATIENCE, Proxy, backend, one_route};
use http::StatusCode;
use serde_json::Value;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// A backend that answers with this total, or with another once it is mended; it counts requests.
fn totals(mended: &Arc<AtomicBool>, asked: &Arc<AtomicU32>) -> Router {
    let (mended, asked) = (Arc::clone(mended), Arc::clone(asked));
    Router::new().fallback(any(move |request: Request| async move {
        asked.fetch_add(1, SeqCst);
        let total = if mended.load(SeqCst) { "1.00" } else { "1.01" };
        let target = request.uri().to_string();
        let body = format!(r#"{{"total":{total},"of":"{target}"}}"#);
        ([("content-type", "application/json")], body)
    }))
}

struct Setting {
    proxy: Proxy,
    mended: Arc<AtomicBool>,
    asked: Arc<AtomicU32>,
}

async fn setting(lines: &str) -> Setting {
    let (mended, asked) = (Arc::default(), Arc::default());
    let right = Arc::new(AtomicBool::new(true));
    let legacy = backend(totals(&right, &Arc::default())).await;
    let modern = backend(totals(&mended, &asked)).await;
    Setting {
        proxy: Proxy::start(&one_route(legacy, modern, "shadow", lines)).await,
        mended,
        asked,
    }
}

/// The one finding once it is in this state.
async fn finding(proxy: &Proxy, state: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let request = http::Request::get("/api/discrepancies");
        let list: Value = serde_json::from_str(&proxy.control(request, "").await.body).unwrap();
        let found = &list["discrepancies"][0];
        if found["state"] == state {
            return found["id"].as_str().unwrap().to_owned();
        }
        let counts = proxy.running.ledger.route("all").snapshot();
        assert!(
            Instant::now() < deadline,
            "not {state}: {list:#}, {counts:?}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Runs `cutover replay`; answers its exit code and what it printed.
async fn replay(proxy: &Proxy, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
    let control = proxy.running.control_address.to_string();
    command
        .args(["replay", "--control", &control])
        .args(arguments);
    let run = tokio::task::spawn_blocking(move || command.output());
    let output = run.await.unwrap().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(printed).unwrap())
}

#[tokio::test]
async fn a_finding_that_is_gone_is_fixed_and_one_that_differs_stays_open() {
    let Setting { proxy, mended, .. } = setting("").await;
    proxy.get("/orders/7?page=1").await;
    let id = finding(&proxy, "open").await;
    let (code, told) = replay(&proxy, &[&id]).await;
    assert_eq!(code, Some(1), "{told}");
    finding(&proxy, "open").await;
    mended.store(true, SeqCst);
    let (code, told) = replay(&proxy, &["--open", "--route", "all"]).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains(&format!("{id}  gone, fixed")), "{told}");
    finding(&proxy, "fixed").await;
    let counts = proxy.settled("all").await;
    assert_eq!(counts.eligible, 1, "a replay is no traffic");
}

#[tokio::test]
async fn what_is_gone_on_both_sides_is_not_called_fixed() {
    let (gone, failing) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(true)),
    );
    let side = |wrong: Option<&Arc<AtomicBool>>| {
        let (gone, wrong) = (Arc::clone(&gone), wrong.map(Arc::clone));
        Router::new().fallback(any(move || async move {
            let wrong = wrong.is_some_and(|wrong| wrong.load(SeqCst));
            match (gone.load(SeqCst), wrong) {
                (true, _) => (StatusCode::NOT_FOUND, "none"),
                (false, true) => (StatusCode::INTERNAL_SERVER_ERROR, "none"),
                (false, false) => (StatusCode::OK, "an order"),
            }
        }))
    };
    let (legacy, modern) = (
        backend(side(None)).await,
        backend(side(Some(&failing))).await,
    );
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", "")).await;
    proxy.get("/orders/17").await;
    finding(&proxy, "open").await;
    gone.store(true, SeqCst);
    let (code, told) = replay(&proxy, &["--open"]).await;
    assert_eq!(code, Some(2), "{told}");
    assert!(
        told.contains("legacy answered 404, and 200 when it was found"),
        "{told}"
    );
    finding(&proxy, "open").await;
    // That the status of modern is another one is what mends it.
    gone.store(false, SeqCst);
    failing.store(false, SeqCst);
    let (code, told) = replay(&proxy, &["--open"]).await;
    assert_eq!(code, Some(0), "{told}");
    finding(&proxy, "fixed").await;
}

#[tokio::test]
async fn a_sample_that_says_nothing_does_not_hide_one_that_still_differs() {
    let gone = Arc::new(AtomicBool::new(false));
    let side = |total: &'static str| {
        let gone = Arc::clone(&gone);
        Router::new().fallback(any(move |request: Request| async move {
            match (gone.load(SeqCst), request.uri().path()) {
                (true, "/a") => (StatusCode::NOT_FOUND, "none"),
                _ => (StatusCode::OK, total),
            }
        }))
    };
    let (legacy, modern) = (backend(side("1")).await, backend(side("2")).await);
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", "")).await;
    // The smallest is sent first.
    for path in ["/a", "/another-and-longer-one"] {
        proxy.get(path).await;
        proxy.settled("all").await;
    }
    let id = finding(&proxy, "open").await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let request = http::Request::get(format!("/api/discrepancies/{id}"));
        let detail: Value = serde_json::from_str(&proxy.control(request, "").await.body).unwrap();
        if detail["samples"]
            .as_array()
            .is_some_and(|samples| samples.len() == 2)
        {
            break;
        }
        assert!(Instant::now() < deadline, "{detail:#}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    gone.store(true, SeqCst);
    let (code, told) = replay(&proxy, &[&id]).await;
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("legacy answered 404"), "{told}");
}

#[tokio::test]
async fn a_redacted_request_is_not_replayed_and_that_is_told() {
    let Setting { proxy, asked, .. } = setting("").await;
    let request = http::Request::get("/orders/7").header("authorization", "Bearer x");
    proxy.ask(request, "").await;
    let id = finding(&proxy, "open").await;
    let before = asked.load(SeqCst);
    let (code, told) = replay(&proxy, &[&id]).await;
    assert_eq!(code, Some(2), "{told}");
    assert!(
        told.contains("its header authorization is redacted"),
        "{told}"
    );
    assert_eq!(asked.load(SeqCst), before);
}

#[tokio::test]
async fn what_changes_something_is_only_sent_when_that_is_wanted() {
    let Setting {
        proxy,
        mended,
        asked,
    } = setting("writes = \"mirror\"").await;
    proxy.post("/orders", r#"{"a":1}"#).await;
    let id = finding(&proxy, "open").await;
    mended.store(true, SeqCst);
    let before = asked.load(SeqCst);
    let (code, told) = replay(&proxy, &[&id]).await;
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("POST may change something"), "{told}");
    assert_eq!(asked.load(SeqCst), before);
    let (code, told) = replay(&proxy, &[&id, "--unsafe"]).await;
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(asked.load(SeqCst), before + 1);
}

#[tokio::test]
async fn a_replay_of_nothing_is_wrong_usage_and_of_nobody_can_t_be_told() {
    let Setting { proxy, .. } = setting("").await;
    assert_eq!(replay(&proxy, &[]).await.0, Some(64));
    let (code, told) = replay(&proxy, &["0123456789abcdef"]).await;
    assert_eq!(code, Some(2), "{told}");
    assert_eq!(replay(&proxy, &["--open"]).await.0, Some(0));
}
