//! Who stands where on the dial: groups that move together, plans that climb, clients that stay.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod common;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;
use common::{PATIENCE, Proxy, backend, one_route, raw_backend};
use cutover::outcome::{Ending, RouteSnapshot};
use http::Request;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Answers with a header that names the side.
async fn side(name: &'static str) -> SocketAddr {
    let answer = move || async move { ([("x-side", name)], "right") };
    backend(Router::new().fallback(any(answer))).await
}

/// A modern side that fails while it is told to.
async fn moody() -> (SocketAddr, Arc<AtomicBool>) {
    let bad = Arc::new(AtomicBool::new(false));
    let mood = Arc::clone(&bad);
    let answer = move || {
        let status = if mood.load(SeqCst) {
            StatusCode::BAD_GATEWAY
        } else {
            StatusCode::OK
        };
        async move { (status, [("x-side", "modern")], "right") }
    };
    (backend(Router::new().fallback(any(answer))).await, bad)
}

async fn patch(proxy: &Proxy, route: &str, body: &str) {
    let request = Request::patch(format!("/api/routes/{route}"))
        .header("content-type", "application/json")
        .header("if-match", "*");
    let answer = proxy.control(request, body).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

async fn routes_until(proxy: &Proxy, is: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = proxy.control(Request::get("/api/routes"), "").await;
        let routes: Value = serde_json::from_str(&answer.body).unwrap();
        if is(&routes) {
            return routes;
        }
        assert!(Instant::now() < deadline, "{routes:#}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Asks on until the routes are so, and no more than the mirror keeps up with.
async fn asked_until(proxy: &Proxy, is: impl Fn(&Value) -> bool) {
    let asking = async {
        loop {
            proxy.get("/").await;
            proxy.settled("all").await;
        }
    };
    tokio::select! {
        () = asking => {}
        _ = routes_until(proxy, is) => {}
    }
}

async fn events(proxy: &Proxy) -> String {
    proxy.control(Request::get("/api/dials"), "").await.body
}

/// Two routes, `a` and `b`, of one group, with these lines each.
fn grouped(legacy: SocketAddr, modern: SocketAddr, lines: [&str; 2]) -> String {
    let route = |name: &str, lines: &str| {
        format!(
            "[[routes]]\nname = \"{name}\"\npath = \"/{name}\"\ngroup = \"shop\"\n\
             legacy = \"legacy\"\nmodern = \"modern\"\n{lines}\n"
        )
    };
    let [a, b] = lines;
    format!(
        "[upstreams.legacy]\npeers = [\"{legacy}\"]\n[upstreams.modern]\npeers = [\"{modern}\"]\n\
         [client]\nkey = \"header:x-client\"\n[guard]\nminimum = 10\n{}{}",
        route("a", a),
        route("b", b)
    )
}

async fn side_of(proxy: &Proxy, path: &str, client: usize) -> String {
    let request = Request::get(path).header("x-client", format!("client-{client}"));
    let answer = proxy.ask(request, "").await;
    answer.headers["x-side"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_client_stands_on_one_side_of_a_group_and_stays_up_while_the_dial_rises() {
    let (legacy, modern) = (side("legacy").await, side("modern").await);
    let shadow = "mode = \"shadow\"";
    // How fast this machine answers is not the question here, so the guard gets no sample.
    let routes = grouped(legacy, modern, [shadow, shadow]);
    let routes = routes.replace("minimum = 10", "minimum = 100000");
    let proxy = Proxy::start(&routes).await;
    let mut up = [false; 40];
    for share in ["10%", "40%", "80%", "100%"] {
        patch(&proxy, "b", &format!("{{\"modern_share\": \"{share}\"}}")).await;
        for (client, was_up) in up.iter_mut().enumerate() {
            let sides = [
                side_of(&proxy, "/a", client).await,
                side_of(&proxy, "/b", client).await,
            ];
            assert_eq!(sides[0], sides[1]);
            let is_up = sides[0] == "modern";
            assert!(is_up || !*was_up, "client {client} moved back at {share}");
            *was_up = is_up;
        }
    }
    assert!(up.iter().all(|up| *up));
    let text = std::fs::read_to_string(proxy.routes_file()).unwrap();
    assert_eq!(text.matches("modern_share = \"100%\"").count(), 2);
}

#[tokio::test]
async fn a_group_is_turned_back_as_one() {
    let (legacy, (modern, bad)) = (side("legacy").await, moody().await);
    let all = "mode = \"shadow\"\nmodern_share = \"100%\"";
    let proxy = Proxy::start(&grouped(legacy, modern, [all, all])).await;
    bad.store(true, SeqCst);
    let deadline = Instant::now() + PATIENCE;
    while side_of(&proxy, "/a", 1).await == "modern" {
        assert!(Instant::now() < deadline);
    }
    assert_eq!(side_of(&proxy, "/b", 1).await, "legacy");
    let routes = routes_until(&proxy, |routes| {
        routes[1]["guard"]["phase"] == "holding_off" && routes[1]["modern_share"] == "0%"
    });
    let routes = routes.await;
    assert_eq!(
        (&routes[1]["group"], &routes[0]["modern_share"]),
        (&"shop".into(), &"0%".into())
    );
    assert_eq!(routes[1]["guard"]["route"], "a");
}

#[test]
fn what_a_group_or_a_plan_can_not_be_is_refused_with_every_mistake() {
    let address = "127.0.0.1:1".parse().unwrap();
    let first = "mode = \"shadow\"\nmodern_share = \"5%\"\nstages = [\"5%\", \"5%\", \"1\"]";
    let second = "mode = \"modern\"\nstage_time = \"1h\"";
    let text = grouped(address, address, [first, second]);
    let file = std::path::Path::new("routes.toml");
    let ledger = cutover::outcome::Ledger::default();
    let told = cutover::routes::check(file, &text, &ledger, None)
        .unwrap_err()
        .to_string();
    for part in [
        "`mode` of route \"b\" is not that of \"a\"",
        "`modern_share` of route",
        "`stages` of route",
        "stage \"5%\" is not above",
        "\"1\" is no percentage",
        "`stage_time` means nothing without",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

/// A plan that a test can wait for, and thresholds that a few requests meet.
const PLAN: &str = r#"
stages = ["50%", "100%"]
stage_time = "1s"
[routes.guard]
minimum = 10
latency_slack = "1m"
[routes.readiness]
unverified = "100%"
match_rate = "80%"
comparisons = 20
latency_slack = "1m"
modern_errors = "100%"
open_findings = 1000
"#;

#[tokio::test]
async fn a_dial_with_a_plan_climbs_when_it_is_ready_and_not_before() {
    let (legacy, modern) = (side("legacy").await, side("modern").await);
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", PLAN)).await;
    // There is no evidence yet, and it says so once the time is over.
    let routes = routes_until(&proxy, |routes| !routes[0]["plan"]["obstacle"].is_null()).await;
    assert_eq!(routes[0]["modern_share"], "0%");
    assert_eq!(routes[0]["plan"]["next"], "50%");
    for _ in 0..25 {
        proxy.get("/").await;
    }
    let share = |share: &'static str| move |routes: &Value| routes[0]["modern_share"] == share;
    routes_until(&proxy, share("50%")).await;
    // It is as ready as before, and of this stage nothing was seen.
    let unseen = |routes: &Value| obstacle(routes).contains("compared 0 times on this stage");
    let routes = routes_until(&proxy, unseen).await;
    assert_eq!(routes[0]["readiness"]["verdict"], "ready");
    for _ in 0..10 {
        proxy.get("/").await;
    }
    let routes = routes_until(&proxy, share("100%")).await;
    assert_eq!(routes[0]["plan"]["next"], Value::Null);
    let deadline = Instant::now() + PATIENCE;
    while !events(&proxy).await.contains("50% → 100%: ready") {
        assert!(Instant::now() < deadline, "{}", events(&proxy).await);
    }
    // A hand that turns it down is not worked against.
    patch(&proxy, "all", r#"{"modern_share": "1%"}"#).await;
    let routes = routes_until(&proxy, |routes| routes[0]["plan"]["stopped"] == true).await;
    assert_eq!(routes[0]["modern_share"], "1%");
}

fn obstacle(routes: &Value) -> &str {
    routes[0]["plan"]["obstacle"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_dial_does_not_climb_while_modern_is_failing_however_good_the_day_was() {
    let legacy = side("legacy").await;
    let dead = Arc::new(AtomicBool::new(false));
    let modern = raw_backend({
        let dead = Arc::clone(&dead);
        move |mut stream| {
            let dead = Arc::clone(&dead);
            async move {
                let mut request = [0; 4096];
                while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\n\
                                   content-length: 5\r\n\r\nright";
                    if dead.load(SeqCst) || stream.write_all(answer).await.is_err() {
                        return;
                    }
                }
            }
        }
    })
    .await;
    let lines = PLAN.replace("stages = [\"50%\", \"100%\"]\nstage_time = \"1s\"\n", "");
    let lines = lines.replace("minimum = 10", "minimum = 10\nwindow = \"1s\"");
    let routes = one_route(legacy, modern, "shadow", &lines);
    let proxy = Proxy::start(&routes).await;
    for _ in 0..100 {
        proxy.get("/").await;
    }
    assert_eq!(proxy.settled("all").await.compared(), 100);
    dead.store(true, SeqCst);
    let opened = |counts: &RouteSnapshot| {
        let endings = counts.endings.iter();
        endings
            .clone()
            .any(|(ending, n)| *ending == Ending::Breaker && *n > 0)
    };
    let deadline = Instant::now() + PATIENCE;
    while !opened(&proxy.settled("all").await) {
        proxy.get("/").await;
        assert!(Instant::now() < deadline);
    }
    let planned = routes.replace(
        "[routes.guard]",
        "stages = [\"50%\"]\nstage_time = \"1s\"\n[routes.guard]",
    );
    std::fs::write(proxy.routes_file(), planned).unwrap();
    let failing = |routes: &Value| obstacle(routes).contains("modern is failing");
    let routes = routes_until(&proxy, failing).await;
    assert_eq!(routes[0]["readiness"]["verdict"], "ready");
    assert_eq!(routes[0]["modern_share"], "0%");
    dead.store(false, SeqCst);
    asked_until(&proxy, |routes| routes[0]["modern_share"] == "50%").await;
}

#[tokio::test]
async fn a_dial_that_the_guard_turned_back_waits_before_it_climbs_again() {
    let (legacy, (modern, bad)) = (side("legacy").await, moody().await);
    let lines = PLAN.replace("minimum = 10", "minimum = 10\nhold_off = \"2s\"");
    let lines = format!("modern_share = \"100%\"\n{lines}");
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", &lines)).await;
    for _ in 0..200 {
        proxy.get("/").await;
    }
    bad.store(true, SeqCst);
    let deadline = Instant::now() + PATIENCE;
    while proxy.get("/").await.headers["x-side"] == "modern" {
        assert!(Instant::now() < deadline);
    }
    bad.store(false, SeqCst);
    routes_until(&proxy, |routes| routes[0]["modern_share"] == "0%").await;
    // Enough that matches outweighs what differed, so that the route is ready again.
    asked_until(&proxy, |routes| routes[0]["modern_share"] == "50%").await;
    // The hold, and after it the time of a stage.
    let deadline = Instant::now() + PATIENCE;
    let happened = loop {
        let happened: Vec<Value> = serde_json::from_str(&events(&proxy).await).unwrap();
        if happened[0]["event"] == "raised" {
            break happened;
        }
        assert!(Instant::now() < deadline, "{happened:?}");
    };
    let at = |event: &str| -> jiff::Timestamp {
        let found = happened.iter().find(|other| other["event"] == event);
        found.unwrap()["at"].as_str().unwrap().parse().unwrap()
    };
    assert!(at("resumed").duration_since(at("tripped")).as_secs() >= 2);
    assert!(at("raised").duration_since(at("resumed")).as_secs() >= 1);
}
