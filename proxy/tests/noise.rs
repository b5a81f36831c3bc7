//! Noise in front of real servers: the primary is asked twice, and what it says otherwise itself is
//! not held against the candidate.

#![expect(clippy::unwrap_used, reason = "what a test can't get fails the test")]

mod common;

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use common::{PATIENCE, Proxy, backend, eventually, one_route};
use cutover::outcome::{Ending, Outcome, RouteSnapshot};
use cutover::readiness::Symptom;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// What a backend was asked.
#[derive(Default)]
struct Asked {
    clients: AtomicU64,
    shadows: AtomicU64,
}

impl Asked {
    fn both(&self) -> (u64, u64) {
        (self.clients.load(SeqCst), self.shadows.load(SeqCst))
    }
}

/// A backend whose answer depends on how many it has given, and one that can hang when it is
/// asked by the mirror.
async fn side(answer: fn(u64) -> String, hangs: bool) -> (SocketAddr, Arc<Asked>) {
    let asked = Arc::new(Asked::default());
    let counted = Arc::clone(&asked);
    let router = Router::new().fallback(any(move |request: Request| {
        let asked = Arc::clone(&counted);
        async move {
            let shadow = request
                .headers()
                .get("cutover-shadow")
                .is_some_and(|v| v == "1");
            let before = if shadow {
                &asked.shadows
            } else {
                &asked.clients
            };
            before.fetch_add(1, SeqCst);
            if shadow && hangs {
                std::future::pending::<()>().await;
            }
            let (clients, shadows) = asked.both();
            (
                [("content-type", "application/json")],
                answer(clients + shadows),
            )
        }
    }));
    (backend(router).await, asked)
}

fn noise(counts: &RouteSnapshot) -> u64 {
    let mut endings = counts.endings.iter();
    endings.find(|(e, _)| *e == Ending::Noise).unwrap().1
}

/// The discrepancy at a path, once it was seen so often.
async fn discrepancy(proxy: &Proxy, path: &str, count: u64) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = proxy
            .control(http::Request::get("/api/discrepancies"), "")
            .await;
        let list: Value = serde_json::from_str(&answer.body).unwrap();
        let mut all = list["discrepancies"].as_array().unwrap().iter();
        // What a value changes into makes findings of their own at one path.
        if let Some(found) = all.find(|found| found["path"] == path)
            && list["discrepancies"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|found| found["path"] == path)
                .map(|found| found["count"].as_u64().unwrap())
                .sum::<u64>()
                == count
        {
            return found.clone();
        }
        assert!(Instant::now() < deadline, "{list}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn criterion(proxy: &Proxy, name: &str) -> Value {
    let path = "/api/routes/all/readiness";
    let answer = proxy.control(http::Request::get(path), "").await;
    let readiness: Value = serde_json::from_str(&answer.body).unwrap();
    let mut criteria = readiness["criteria"].as_array().unwrap().iter();
    criteria.find(|c| c["name"] == name).unwrap().clone()
}

async fn ask(proxy: &Proxy, times: u64) -> RouteSnapshot {
    for i in 0..times {
        assert_eq!(proxy.get(&format!("/orders/{i}")).await.status, 200);
        // One after the other, so that what a backend has counted is the same in each run.
        proxy.settled("all").await;
    }
    proxy.settled("all").await
}

const SAMPLED: &str = "noise_sample = \"100%\"";

#[tokio::test]
async fn a_timestamp_that_changes_with_each_answer_is_noise_and_a_wrong_total_is_not() {
    let (legacy, asked) = side(
        |n| format!(r#"{{"at": "moment {n}", "total": 10.00}}"#),
        false,
    )
    .await;
    let (modern, _) = side(
        |n| format!(r#"{{"at": "moment -{n}", "total": 10.00}}"#),
        false,
    )
    .await;
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", SAMPLED)).await;
    let counts = ask(&proxy, 20).await;
    assert_eq!(
        asked.both(),
        (20, 20),
        "each client's request once more, as a shadow"
    );
    assert_eq!((counts.count(Outcome::Different), noise(&counts)), (20, 20));
    let at = discrepancy(&proxy, "/at", 20).await;
    assert_eq!(at["noise"]["verdict"], "noise", "{at}");
    assert_eq!(
        (&at["noise"]["checked"], &at["noise"]["rate"]),
        (&20.into(), &1.0.into())
    );
    // All of 20: 0.025^(1/20).
    assert!(
        (at["noise"]["low"].as_f64().unwrap() - 0.831_56).abs() < 1e-4,
        "{at}"
    );
    let id = at["id"].as_str().unwrap();
    let detail = proxy
        .control(http::Request::get(format!("/api/discrepancies/{id}")), "")
        .await;
    assert!(detail.body.contains(r#""verdict":"noise""#), "{detail:?}");
    assert_eq!(criterion(&proxy, "open_findings").await["value"], 0.0);
    assert_eq!(criterion(&proxy, "unverified").await["value"], 0.0);
    assert_eq!(criterion(&proxy, "comparisons").await["value"], 0.0);
    let coverage = criterion(&proxy, "coverage").await;
    assert_eq!(
        coverage["state"], "unknown",
        "noise verifies no shape: {coverage}"
    );
    let rate = criterion(&proxy, "match_rate").await;
    assert_eq!(
        (&rate["state"], &rate["value"]),
        (&"unknown".into(), &Value::Null)
    );
    assert!(
        rate["explanation"]
            .as_str()
            .unwrap()
            .contains("20 more differed by noise alone")
    );

    let (wrong, _) = side(
        |n| format!(r#"{{"at": "moment -{n}", "total": 10.01}}"#),
        false,
    )
    .await;
    let proxy = Proxy::start(&one_route(legacy, wrong, "shadow", SAMPLED)).await;
    let counts = ask(&proxy, 12).await;
    assert_eq!((counts.count(Outcome::Different), noise(&counts)), (12, 0));
    let total = discrepancy(&proxy, "/total", 12).await;
    assert_eq!(total["noise"]["verdict"], "not_noise", "{total}");
    assert_eq!(total["noise"]["own"], 0);
    assert_eq!(
        discrepancy(&proxy, "/at", 12).await["noise"]["verdict"],
        "noise"
    );
    assert_eq!(
        criterion(&proxy, "open_findings").await["value"],
        1.0,
        "the total alone"
    );
}

#[tokio::test]
async fn a_wrong_value_on_a_volatile_field_shows_once_it_differs_more_often_than_the_primary() {
    let volatile = |n: u64| {
        format!(
            r#"{{"state": "{}"}}"#,
            if n.is_multiple_of(5) { "busy" } else { "idle" }
        )
    };
    let (legacy, _) = side(volatile, false).await;
    let (modern, _) = side(|_| r#"{"state": "wrong"}"#.to_owned(), false).await;
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", SAMPLED)).await;
    let few = ask(&proxy, 5).await;
    assert_eq!((few.count(Outcome::Different), noise(&few)), (5, 2));
    let state = discrepancy(&proxy, "/state", 5).await;
    assert_eq!(state["noise"]["verdict"], "unknown", "{state}");
    let counts = ask(&proxy, 15).await;
    assert_eq!((counts.count(Outcome::Different), noise(&counts)), (20, 8));
    let state = discrepancy(&proxy, "/state", 20).await;
    assert_eq!(state["noise"]["verdict"], "not_noise", "{state}");
    assert_eq!(state["noise"]["own"], 8);
    assert_eq!(criterion(&proxy, "comparisons").await["value"], 12.0);
}

#[tokio::test]
async fn a_volatile_field_excuses_no_answer_that_lacks_it_or_has_another_type() {
    let (legacy, _) = side(|n| format!(r#"{{"at": "moment {n}"}}"#), false).await;
    for (answer, kind) in [("{}", "missing"), (r#"{"at": 7}"#, "type")] {
        let modern = backend(Router::new().fallback(any(async move || {
            ([("content-type", "application/json")], answer)
        })));
        let proxy = Proxy::start(&one_route(legacy, modern.await, "shadow", SAMPLED)).await;
        let counts = ask(&proxy, 12).await;
        assert_eq!((counts.count(Outcome::Different), noise(&counts)), (12, 0));
        let at = discrepancy(&proxy, "/at", 12).await;
        assert_eq!(
            (&at["kind"], &at["noise"]["own"]),
            (&kind.into(), &0.into())
        );
        assert_eq!(at["noise"]["verdict"], "not_noise", "{at}");
        assert_eq!(criterion(&proxy, "open_findings").await["value"], 1.0);
    }
}

#[tokio::test]
async fn a_list_that_is_longer_or_shorter_each_time_is_noise_whichever_side_has_more() {
    let list = |n: u64| {
        format!(
            "[{}]",
            vec!["1"; usize::try_from(n % 2 + 1).unwrap()].join(",")
        )
    };
    let (legacy, _) = side(list, false).await;
    let (modern, _) = side(
        |n| if n % 2 == 0 { "[]" } else { "[1,1,1]" }.to_owned(),
        false,
    )
    .await;
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", SAMPLED)).await;
    let counts = ask(&proxy, 12).await;
    assert_eq!((counts.count(Outcome::Different), noise(&counts)), (12, 12));
    assert_eq!(criterion(&proxy, "open_findings").await["value"], 0.0);
}

#[tokio::test]
async fn a_primary_that_hangs_when_it_is_asked_again_costs_clients_nothing_and_excuses_nothing() {
    let (legacy, asked) = side(|n| format!(r#"{{"at": {n}}}"#), true).await;
    let (modern, _) = side(|n| format!(r#"{{"at": -{n}}}"#), false).await;
    let lines = format!("{SAMPLED}\nmirror_timeout = \"100ms\"");
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", &lines)).await;
    let settled = async {
        for i in 0..10 {
            assert_eq!(proxy.get(&format!("/orders/{i}")).await.status, 200);
        }
        proxy.settled("all").await
    };
    let counts = tokio::time::timeout(PATIENCE, settled).await.unwrap();
    assert_eq!((counts.count(Outcome::Different), noise(&counts)), (10, 0));
    assert_eq!(asked.both().0, 10);
    let at = discrepancy(&proxy, "/at", 10).await;
    assert_eq!(
        (&at["noise"]["verdict"], &at["noise"]["checked"]),
        (&"unknown".into(), &0.into())
    );
}

#[tokio::test]
async fn nothing_is_asked_twice_that_changes_something_or_was_not_to_be_sampled() {
    let (legacy, asked) = side(|n| format!(r#"{{"at": {n}}}"#), false).await;
    let (modern, mirrored) = side(|n| format!(r#"{{"at": -{n}}}"#), false).await;
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", "")).await;
    assert_eq!(noise(&ask(&proxy, 5).await), 0);
    assert_eq!(
        asked.both(),
        (5, 0),
        "nothing is sampled unless it is asked for"
    );
    let lines = format!("{SAMPLED}\nwrites = \"mirror\"");
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", &lines)).await;
    for _ in 0..3 {
        assert_eq!(proxy.post("/orders", "{}").await.status, 200);
    }
    eventually(|| (mirrored.both().1 == 8).then_some(())).await;
    let counts = proxy.settled("all").await;
    assert_eq!((counts.count(Outcome::Different), noise(&counts)), (3, 0));
    assert_eq!(asked.both(), (8, 0));
}

#[tokio::test]
async fn what_was_learned_of_noise_outlives_a_restart() {
    let (legacy, _) = side(|n| format!(r#"{{"at": {n}}}"#), false).await;
    let (modern, _) = side(|n| format!(r#"{{"at": -{n}}}"#), false).await;
    let routes = one_route(legacy, modern, "shadow", SAMPLED);
    let proxy = Proxy::start(&routes).await;
    ask(&proxy, 10).await;
    let folder = proxy.folder;
    proxy.running.stop(PATIENCE).await;
    let proxy = Proxy::start_in(folder, &routes).await;
    let at = discrepancy(&proxy, "/at", 10).await;
    assert_eq!(
        (&at["noise"]["verdict"], &at["noise"]["checked"]),
        (&"noise".into(), &10.into())
    );
}

#[tokio::test]
async fn the_primary_is_asked_again_with_the_cookies_of_its_own_session() {
    let side = |name: &'static str| {
        backend(Router::new().fallback(any(async move |request: Request| {
            let cookie = request.headers().get("cookie");
            let cookie = cookie.map_or("none", |cookie| cookie.to_str().unwrap());
            // What a session begins with is not compared; what it is recognised by is.
            let known = cookie.contains(name);
            let headers = [
                ("content-type", "application/json".to_owned()),
                (
                    "set-cookie",
                    format!("sid={name}-0123456789abcdef0123456789"),
                ),
            ];
            (headers, format!(r#"{{"known": {known}}}"#))
        })))
    };
    let (legacy, modern) = (side("legacy").await, side("modern").await);
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", SAMPLED)).await;
    let first = proxy.get("/login").await;
    let cookie = first.headers["set-cookie"].clone();
    proxy.settled("all").await;
    let request = http::Request::get("/account").header("cookie", cookie);
    assert_eq!(proxy.ask(request, "").await.body, r#"{"known": true}"#);
    assert_eq!(proxy.settled("all").await.count(Outcome::Matched), 2);
    let noise = proxy.running.routes.table().routes[0]
        .evidence
        .noise([Symptom::new("/known", "value")]);
    assert_eq!((noise[0].checked, noise[0].own), (2, 0), "{noise:?}");
}

#[tokio::test]
async fn what_a_write_between_the_two_questions_changed_is_no_noise() {
    tokio::join!(with_a_write_between("mirror"), with_a_write_between("skip"));
}

async fn with_a_write_between(writes: &str) {
    let total = Arc::new(AtomicU64::new(1));
    let (asked, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (held, told) = (Arc::clone(&go), Arc::clone(&asked));
    let primary = Router::new().fallback(any(move |request: Request| {
        let (total, go, asked) = (Arc::clone(&total), Arc::clone(&held), Arc::clone(&told));
        async move {
            if request.method() == "PUT" {
                total.fetch_add(1, SeqCst);
            } else if request.headers().contains_key("cutover-shadow") {
                asked.notify_one();
                go.notified().await;
            }
            axum::Json(json!({ "total": total.load(SeqCst) }))
        }
    }));
    let wrong = Router::new().fallback(any(|| async { axum::Json(json!({ "total": 7 })) }));
    let (legacy, modern) = (backend(primary).await, backend(wrong).await);
    let lines = format!("{SAMPLED}\nwrites = \"{writes}\"\nlanes = [\"order:query:order\"]");
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", &lines)).await;
    for (write, noisy) in [("/?order=2", 1), ("/?order=1", 1)] {
        proxy.get("/?order=1").await;
        asked.notified().await;
        proxy.ask(http::Request::put(write), "").await;
        go.notify_one();
        let counts = proxy.settled("all").await;
        assert_eq!(
            noise(&counts),
            noisy,
            "{writes}, after a write of {write}: {counts:?}"
        );
    }
}
