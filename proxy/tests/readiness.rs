//! Readiness behind a running proxy, and the gate that pipelines ask.
#![expect(clippy::unwrap_used, reason = "what a test can't get fails the test")]

mod common;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;
use common::{PATIENCE, Proxy, backend, dead_backend, eventually, one_route};
use serde_json::Value;
use std::net::SocketAddr;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// Thresholds that a few requests can meet.
const EASY: &str = r#"
[routes.readiness]
match_rate = "80%"
comparisons = 20
latency_slack = "1m"
"#;

fn answering(body: &'static str) -> Router {
    let answer = move || async move { ([("content-type", "application/json")], body) };
    Router::new().fallback(any(answer))
}

async fn ask(proxy: &Proxy, requests: usize) {
    for i in 0..requests {
        assert_eq!(proxy.get(&format!("/orders/{i}")).await.status, 200);
    }
    proxy.settled("all").await;
}

async fn readiness(proxy: &Proxy) -> Value {
    let request = http::Request::get("/api/routes/all/readiness");
    let answer = proxy.control(request, "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

fn criterion<'a>(readiness: &'a Value, name: &str) -> &'a Value {
    let criteria = readiness["criteria"].as_array().unwrap();
    criteria.iter().find(|c| c["name"] == name).unwrap()
}

fn compared(readiness: &Value) -> f64 {
    criterion(readiness, "comparisons")["value"]
        .as_f64()
        .unwrap()
}

async fn gate(control: SocketAddr, arguments: &[&str]) -> (Option<i32>, Output) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
    command
        .arg("gate")
        .args(["--control", &control.to_string()])
        .args(arguments);
    let run = tokio::task::spawn_blocking(move || command.output());
    let output = run.await.unwrap().unwrap();
    (output.status.code(), output)
}

#[tokio::test]
async fn a_route_whose_answers_match_becomes_ready_and_the_gate_says_so() {
    let (legacy, modern) = (
        backend(answering(r#"{"a":1}"#)).await,
        backend(answering(r#"{ "a": 1.0 }"#)).await,
    );
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", EASY)).await;
    let control = proxy.running.control_address;
    let (code, output) = gate(control, &["--route", "all"]).await;
    assert_eq!(code, Some(2), "nothing was seen yet: {output:?}");
    ask(&proxy, 25).await;
    let (code, output) = gate(control, &["--route", "all"]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("all: ready"), "{text}");
    assert!(text.contains("green    comparisons"), "{text}");
    let (code, output) = gate(control, &["--route", "all", "--json"]).await;
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((code, &json["verdict"]), (Some(0), &"ready".into()));
    assert!(criterion(&json, "match_rate")["value"].as_f64().unwrap() > 0.8);
    let metrics = proxy.control(http::Request::get("/metrics"), "").await.body;
    let line = r#"cutover_readiness{route="all",verdict="ready"} 1"#;
    assert!(metrics.contains(line), "{metrics}");
    let routes = proxy.control(http::Request::get("/api/routes"), "").await;
    let routes: Value = serde_json::from_str(&routes.body).unwrap();
    assert_eq!(routes[0]["readiness"]["verdict"], "ready");
}

#[tokio::test]
async fn a_route_whose_answers_differ_is_not_ready_and_says_why() {
    let (legacy, modern) = (
        backend(answering(r#"{"a":1}"#)).await,
        backend(answering(r#"{"a":2}"#)).await,
    );
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", EASY)).await;
    ask(&proxy, 25).await;
    let (code, output) = gate(proxy.running.control_address, &["--route", "all"]).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("red      match_rate     0 of 25 matched"),
        "{text}"
    );
}

#[tokio::test]
async fn a_gate_that_cannot_tell_exits_2_and_wrong_usage_64() {
    let legacy = backend(answering("{}")).await;
    let proxy = Proxy::start(&one_route(legacy, legacy, "shadow", "")).await;
    let control = proxy.running.control_address;
    let (code, output) = gate(control, &["--route", "no such/route?"]).await;
    assert_eq!(code, Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("no route is named \"no such/route?\""),
        "{told}"
    );
    let nobody = dead_backend().await;
    assert_eq!(gate(nobody, &["--route", "all"]).await.0, Some(2));
    assert_eq!(gate(control, &[]).await.0, Some(64));
}

#[tokio::test]
async fn requests_that_are_never_compared_are_named_and_keep_the_route_back() {
    let legacy = backend(answering(r#"{"a":1}"#)).await;
    let proxy = Proxy::start(&one_route(legacy, legacy, "shadow", EASY)).await;
    ask(&proxy, 25).await;
    assert_eq!(readiness(&proxy).await["verdict"], "ready");
    proxy.post("/orders?dry=1", "{}").await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let readiness = readiness(&proxy).await;
        let coverage = criterion(&readiness, "coverage");
        let missing = coverage["missing"].to_string();
        // The client has its answer before the request is noted.
        if missing.contains("POST /orders ?dry 2xx (seen 1)") {
            assert_eq!(coverage["state"], "red");
            assert_eq!(readiness["verdict"], "not_ready");
            return;
        }
        assert!(Instant::now() < deadline, "{readiness}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_status_class_of_its_own_is_a_shape_of_its_own() {
    let answer = |request: axum::extract::Request| async move {
        match request.uri().path() {
            "/orders/404" => StatusCode::NOT_FOUND,
            _ => StatusCode::OK,
        }
    };
    let legacy = backend(Router::new().fallback(any(answer))).await;
    let proxy = Proxy::start(&one_route(legacy, legacy, "shadow", EASY)).await;
    proxy.get("/orders/1").await;
    proxy.get("/orders/2").await;
    proxy.get("/orders/404").await;
    proxy.settled("all").await;
    let readiness = readiness(&proxy).await;
    let told = &criterion(&readiness, "coverage")["explanation"];
    assert_eq!(told, "all 2 shapes of requests were compared");
}

#[tokio::test]
async fn a_dead_candidate_counts_as_unverified_and_as_failed() {
    let (legacy, modern) = (backend(answering("{}")).await, dead_backend().await);
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", EASY)).await;
    ask(&proxy, 5).await;
    let readiness = readiness(&proxy).await;
    for name in ["unverified", "modern_errors"] {
        assert_eq!(criterion(&readiness, name)["value"], 1.0, "{readiness}");
        assert_eq!(criterion(&readiness, name)["state"], "red");
    }
}

#[tokio::test]
async fn answers_of_modern_as_the_primary_count_too() {
    let (legacy, modern) = (
        backend(answering("{}")).await,
        backend(Router::new().fallback(any(|| async { StatusCode::BAD_GATEWAY }))).await,
    );
    let lines = format!("modern_share = \"100%\"\n{EASY}");
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", &lines)).await;
    for _ in 0..3 {
        assert_eq!(proxy.get("/orders/1").await.status, 502);
    }
    proxy.settled("all").await;
    let readiness = readiness(&proxy).await;
    let errors = criterion(&readiness, "modern_errors");
    let told = errors["explanation"].as_str().unwrap();
    assert!(told.starts_with("3 of 3 requests"), "{told}");
    assert!(criterion(&readiness, "latency_p50")["value"].is_number());
}

#[tokio::test]
async fn evidence_survives_a_restart() {
    let legacy = backend(answering(r#"{"a":1}"#)).await;
    let routes = one_route(legacy, legacy, "shadow", EASY);
    let proxy = Proxy::start(&routes).await;
    ask(&proxy, 30).await;
    let before = readiness(&proxy).await;
    let Proxy {
        running, folder, ..
    } = proxy;
    running.stop(PATIENCE).await;
    let proxy = Proxy::start_in(folder, &routes).await;
    let after = readiness(&proxy).await;
    assert_eq!(after, before);
    assert_eq!(after["verdict"], "ready");
    ask(&proxy, 10).await;
    assert!((compared(&readiness(&proxy).await) - 40.0).abs() < 0.5);
}

#[tokio::test]
async fn evidence_begins_anew_with_other_rules_and_stays_when_the_dial_turns() {
    let legacy = backend(answering(r#"{"a":1}"#)).await;
    let routes = one_route(legacy, legacy, "shadow", EASY);
    let proxy = Proxy::start(&routes).await;
    ask(&proxy, 30).await;
    let patch = |body: &'static str| {
        let request = http::Request::patch("/api/routes/all")
            .header("content-type", "application/json")
            .header("if-match", "*");
        proxy.control(request, body)
    };
    for turn in [r#"{"modern_share": "100%"}"#, r#"{"sample": "50%"}"#] {
        let answer = patch(turn).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    assert!((compared(&readiness(&proxy).await) - 30.0).abs() < 0.5);
    let ruled = routes + "[routes.compare]\nignore = [\"/b\"]\n";
    std::fs::write(proxy.routes_file(), ruled).unwrap();
    // Any edit comes after what is on disk.
    let answer = patch(r#"{"sample": "100%"}"#).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let anew = readiness(&proxy).await;
    assert_eq!(
        (compared(&anew), &anew["verdict"]),
        (0.0, &"unknown".into())
    );
    let Proxy {
        running, folder, ..
    } = proxy;
    let kept = std::fs::read_to_string(folder.path().join("routes.toml")).unwrap();
    running.stop(PATIENCE).await;
    let proxy = Proxy::start_in(folder, &kept).await;
    assert!(compared(&readiness(&proxy).await) < 0.5);
}

#[tokio::test]
async fn evidence_begins_anew_where_another_route_takes_of_what_it_rests_on() {
    let legacy = backend(answering(r#"{"a":1}"#)).await;
    let routes = one_route(legacy, legacy, "shadow", EASY);
    let proxy = Proxy::start(&routes).await;
    ask(&proxy, 30).await;
    let edited = async |text: &str, name: &str| {
        std::fs::write(proxy.routes_file(), text).unwrap();
        eventually(|| proxy.running.routes.table().route(name).map(|_| ())).await;
        compared(&readiness(&proxy).await)
    };
    let another = |name: &str, path: &str| {
        format!(
            "[[routes]]\nname = \"{name}\"\npath = \"{path}\"\nmode = \"legacy\"\nlegacy = \"legacy\"\n"
        )
    };
    let ping = routes.clone() + &another("ping", "/ping");
    assert!(edited(&ping, "ping").await < 0.5);
    ask(&proxy, 30).await;
    let renamed = routes.clone() + &another("pong", "/ping");
    assert!(edited(&renamed, "pong").await > 29.5);
}

#[tokio::test]
async fn mistakes_in_thresholds_are_reported_with_their_lines() {
    let text = one_route(
        "127.0.0.1:1".parse().unwrap(),
        "127.0.0.1:2".parse().unwrap(),
        "shadow",
        "[routes.readiness]\nmatch_rate = \"100%\"\nlatency_p99 = -1.0\n[readiness]\nperiod = \"1s\"",
    );
    let file = std::path::Path::new("routes.toml");
    let problems = cutover::routes::check(file, &text, &cutover::outcome::Ledger::default(), None);
    let told = problems.unwrap_err().to_string();
    for part in ["match_rate: \"100%\"", "latency_p99: -1", "period: \"1s\""] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(told.lines().count(), 3, "{told}");
}

#[tokio::test]
async fn a_lost_write_keeps_its_route_back() {
    let (legacy, modern) = (backend(answering("{}")).await, dead_backend().await);
    let lines = format!("writes = \"mirror\"\n{EASY}");
    let routes = one_route(legacy, modern, "shadow", &lines);
    let hasty = "timeout = \"1s\"\nwrite_patience = \"300ms\"";
    let proxy = Proxy::start(&routes.replace("timeout = \"20s\"", hasty)).await;
    assert_eq!(
        criterion(&readiness(&proxy).await, "lost_writes")["state"],
        "green"
    );
    proxy.post("/orders", "{}").await;
    proxy.settled("all").await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let readiness = readiness(&proxy).await;
        let lost = criterion(&readiness, "lost_writes");
        if lost["state"] == "red" {
            assert_eq!(lost["missing"], serde_json::json!(["route:all"]));
            return;
        }
        assert!(Instant::now() < deadline, "{readiness}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
