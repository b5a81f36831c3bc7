//! Findings and their states behind a running proxy: open, allowed, fixed, regressed.
#![expect(clippy::unwrap_used, reason = "what a test can't get fails the test")]

mod common;

use axum::Router;
use axum::routing::any;
use common::{Answer, PATIENCE, Proxy, backend, one_route};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

fn answering(body: &'static str) -> Router {
    let answer = move || async move { ([("content-type", "application/json")], body) };
    Router::new().fallback(any(answer))
}

async fn discrepancies(proxy: &Proxy, query: &str) -> Vec<Value> {
    let request = http::Request::get(format!("/api/discrepancies{query}"));
    let answer = proxy.control(request, "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let list: Value = serde_json::from_str(&answer.body).unwrap();
    list["discrepancies"].as_array().unwrap().clone()
}

/// The finding at `path` once it is in a state and was seen so often.
async fn finding(proxy: &Proxy, path: &str, state: &str, count: u64) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let list = discrepancies(proxy, "").await;
        let found = list.iter().find(|found| found["path"] == path);
        if let Some(found) = found.filter(|f| f["state"] == state && f["count"] == count) {
            return found.clone();
        }
        assert!(
            Instant::now() < deadline,
            "not {state} × {count}: {list:#?}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn decide(proxy: &Proxy, finding: &Value, body: &str) -> Answer {
    let id = finding["id"].as_str().unwrap();
    let request = http::Request::patch(format!("/api/discrepancies/{id}"))
        .header("content-type", "application/json");
    proxy.control(request, body).await
}

/// Two sides whose totals differ.
async fn a_cent_apart() -> (SocketAddr, SocketAddr) {
    let legacy = backend(answering(r#"{"total":1.00}"#)).await;
    (legacy, backend(answering(r#"{"total":1.01}"#)).await)
}

async fn detail(proxy: &Proxy, finding: &Value) -> Value {
    let id = finding["id"].as_str().unwrap();
    let request = http::Request::get(format!("/api/discrepancies/{id}"));
    serde_json::from_str(&proxy.control(request, "").await.body).unwrap()
}

/// Another file, which is in force when this returns.
async fn load(proxy: &Proxy, routes: &str) {
    std::fs::write(proxy.routes_file(), routes).unwrap();
    let request = http::Request::patch("/api/routes/all")
        .header("content-type", "application/json")
        .header("if-match", "*");
    let answer = proxy.control(request, r#"{"sample": "100%"}"#).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[tokio::test]
async fn what_was_fixed_and_is_seen_again_is_regressed() {
    let (legacy, modern) = a_cent_apart().await;
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", "")).await;
    proxy.get("/orders/1").await;
    let open = finding(&proxy, "/total", "open", 1).await;
    let answer = decide(&proxy, &open, r#"{"state": "fixed"}"#).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(discrepancies(&proxy, "?state=open").await.len(), 0);
    assert_eq!(discrepancies(&proxy, "?state=fixed").await.len(), 1);
    let routes = proxy.control(http::Request::get("/api/routes"), "").await;
    let routes: Value = serde_json::from_str(&routes.body).unwrap();
    assert_eq!(routes[0]["discrepancies"], 0);

    proxy.get("/orders/1").await;
    let back = finding(&proxy, "/total", "regressed", 2).await;
    let routes = proxy.control(http::Request::get("/api/routes"), "").await;
    let routes: Value = serde_json::from_str(&routes.body).unwrap();
    assert_eq!(routes[0]["discrepancies"], 1, "it counts as open again");
    decide(&proxy, &back, r#"{"state": "open"}"#).await;
    finding(&proxy, "/total", "open", 2).await;
}

#[tokio::test]
async fn a_rule_that_hides_a_finding_makes_it_allowed_until_the_rule_goes() {
    let (legacy, modern) = (
        backend(answering(r#"{"total":1.00,"name":"a"}"#)).await,
        backend(answering(r#"{"total":1.01,"name":"b"}"#)).await,
    );
    let routes = one_route(legacy, modern, "shadow", "");
    let proxy = Proxy::start(&routes).await;
    proxy.get("/orders/1").await;
    finding(&proxy, "/total", "open", 1).await;
    let ruled = routes.clone()
        + "[routes.compare]\nrules = [{ path = \"/total\", number = { tolerance = \"0.01\" }, \
           author = \"ann\", reason = \"half a cent\" }]\n";
    load(&proxy, &ruled).await;
    let allowed = finding(&proxy, "/total", "allowed", 1).await;
    finding(&proxy, "/name", "open", 1).await;
    let refused = decide(&proxy, &allowed, r#"{"state": "open"}"#).await;
    assert_eq!(refused.status, 422);
    assert!(
        refused.body.contains("a rule allows this"),
        "{}",
        refused.body
    );
    load(&proxy, &routes).await;
    finding(&proxy, "/total", "open", 1).await;
}

#[tokio::test]
async fn rules_that_changed_while_the_proxy_was_away_are_held_against_findings_at_its_start() {
    let (legacy, modern) = a_cent_apart().await;
    let routes = one_route(legacy, modern, "shadow", "");
    let proxy = Proxy::start(&routes).await;
    proxy.get("/orders/1").await;
    finding(&proxy, "/total", "open", 1).await;
    let Proxy {
        running, folder, ..
    } = proxy;
    running.stop(PATIENCE).await;
    let ruled = routes + "[routes.compare]\nignore = [\"/total\"]\n";
    let proxy = Proxy::start_in(folder, &ruled).await;
    finding(&proxy, "/total", "allowed", 1).await;
}

#[tokio::test]
async fn a_decision_that_cannot_be_made_is_refused_with_its_value() {
    let (legacy, modern) = a_cent_apart().await;
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", "")).await;
    proxy.get("/orders/1").await;
    let open = finding(&proxy, "/total", "open", 1).await;
    for (body, status, part) in [
        (r#"{"state": "allowed"}"#, 422, "write one into routes.toml"),
        (
            r#"{"state": "regressed"}"#,
            422,
            r#"state is \"regressed\""#,
        ),
        (
            r#"{"state": "fixed", "by": 1}"#,
            422,
            r#"\"by\" can't be decided"#,
        ),
        ("{}", 422, "state is missing"),
        ("[]", 400, "expected a map"),
    ] {
        let answer = decide(&proxy, &open, body).await;
        let told = answer.body.replace(r#"\\\""#, r#"\""#);
        assert_eq!(answer.status, status, "{body}: {told}");
        assert!(told.contains(part), "{body}: {told}");
    }
    let nobody = serde_json::json!({"id": "0123456789abcdef"});
    assert_eq!(
        decide(&proxy, &nobody, r#"{"state": "fixed"}"#)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_finding_says_what_its_samples_have_in_common_and_keeps_the_smallest() {
    // Both sides answer in step, and the eighth answer is a short one.
    let in_step = |total: &'static str| {
        let turns = Arc::new(AtomicU32::new(0));
        Router::new().fallback(any(move || async move {
            let padding = "x".repeat(if turns.fetch_add(1, SeqCst) == 7 {
                0
            } else {
                200
            });
            let body = format!(r#"{{"total":{total},"padding":"{padding}"}}"#);
            ([("content-type", "application/json")], body)
        }))
    };
    let (legacy, modern) = (
        backend(in_step("1.00")).await,
        backend(in_step("1.01")).await,
    );
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", "")).await;
    for _ in 0..40 {
        proxy.get("/orders").await;
        proxy.settled("all").await;
    }
    let found = finding(&proxy, "/total", "open", 40).await;
    let detail = detail(&proxy, &found).await;
    assert_eq!(detail["pattern"], "always +0.01", "{detail:#}");
    let rule = detail["allowing_rule"]["rule"].as_str().unwrap();
    assert!(rule.contains(r#"path = "/total", number = { tolerance = "0.01" }"#));
    assert_eq!(
        detail["allowing_rule"]["hides"],
        detail["allowing_rule"]["of"]
    );
    let samples = detail["samples"].as_array().unwrap();
    assert!((5..=6).contains(&samples.len()), "{}", samples.len());
    let bytes = |sample: &Value| {
        sample["exchange"]["legacy"]["body"]["bytes"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(samples[0]["smallest"], true);
    assert!(bytes(&samples[0]) < 50, "{}", samples[0]);
}
