//! Rules of routes.toml at work: what they hide is counted, and what has expired hides nothing.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod common;

use axum::Router;
use axum::routing::any;
use common::{Proxy, backend, one_route};
use cutover::outcome::Outcome;
use serde_json::{Value, json};

fn answering(body: &'static str) -> Router {
    let answer = move || async move { ([("content-type", "application/json")], body) };
    Router::new().fallback(any(answer))
}

const RULES: &str = r#"
[routes.compare]
ignore = ["/id", "/nothing"]
[[routes.compare.rules]]
path = "/total"
number = { tolerance = "0.01" }
author = "ann"
reason = "half a cent"
[[routes.compare.rules]]
path = "/status"
text = ["case"]
author = "ann"
reason = "the old collation"
expires = "2024-12-31"
[compare]
rules = [{ path = "/**/seen", ignore = true, author = "bob", reason = "counts visits" }]
"#;

#[tokio::test]
async fn rules_count_what_they_hide_and_expired_ones_hide_nothing() {
    let legacy = backend(answering(r#"{"id":1,"total":1.02,"seen":1,"status":"a"}"#)).await;
    let modern = backend(answering(r#"{"id":2,"total":1.03,"seen":2,"status":"A"}"#)).await;
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", RULES)).await;
    for _ in 0..3 {
        proxy.get("/orders/1").await;
        proxy.settled("all").await;
    }
    assert_eq!(proxy.settled("all").await.count(Outcome::Different), 3);

    let routes = proxy.control(http::Request::get("/api/routes"), "").await;
    let routes: Value = serde_json::from_str(&routes.body).unwrap();
    let brief = |rule: &Value| json!([rule["name"], rule["hits"], rule["expired"], rule["scope"]]);
    let rules: Vec<Value> = routes[0]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(brief)
        .collect();
    assert_eq!(
        rules,
        [
            json!(["ignore /**/seen (global)", 3, false, "global"]),
            json!(["ignore /id", 3, false, "route"]),
            json!(["ignore /nothing", 0, false, "route"]),
            json!(["number /total", 3, false, "route"]),
            json!(["text /status", 0, true, "route"]),
        ]
    );
    assert_eq!(routes[0]["rules"][4]["expires"], "2024-12-31");
    assert_eq!(routes[0]["rules"][4]["author"], "ann");

    let metrics = proxy.control(http::Request::get("/metrics"), "").await.body;
    for line in [
        "cutover_rule_hits_total{route=\"all\",rule=\"number /total\"} 3",
        "cutover_rule_hits_total{route=\"all\",rule=\"ignore /nothing\"} 0",
        "cutover_rule_expired{route=\"all\",rule=\"text /status\"} 1",
        "cutover_rule_expired{route=\"all\",rule=\"ignore /id\"} 0",
    ] {
        assert!(
            metrics.lines().any(|other| other == line),
            "no {line} in\n{metrics}"
        );
    }
}

#[tokio::test]
async fn the_count_of_a_rule_outlives_an_edit_of_the_file() {
    let legacy = backend(answering(r#"{"id":1}"#)).await;
    let modern = backend(answering(r#"{"id":2}"#)).await;
    let rules = "[routes.compare]\nignore = [\"/id\"]";
    let routes = one_route(legacy, modern, "shadow", rules);
    let proxy = Proxy::start(&routes).await;
    proxy.get("/").await;
    assert_eq!(proxy.settled("all").await.count(Outcome::Matched), 1);
    let edit = http::Request::patch("/api/routes/all")
        .header("content-type", "application/json")
        .header("if-match", "*");
    let edited = proxy.control(edit, r#"{"sample": "50%"}"#).await;
    assert_eq!(edited.status, 200, "{}", edited.body);
    let edited: Value = serde_json::from_str(&edited.body).unwrap();
    assert_eq!(edited["rules"][0]["hits"], 1);
}
