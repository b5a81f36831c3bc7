//! A shadowed request, end to end.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that can't be set up fails"
)]

mod common;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::routing::{any, get};
use common::{Proxy, backend, dead_backend, eventually, hung_backend, one_route, raw_backend};
use cutover::outcome::{Ending, Outcome};
use http::HeaderMap;
use std::sync::{Arc, Mutex};
use tokio::io::AsyncWriteExt;

/// Reads the request to its end: half a request can't be mirrored.
fn json(body: &'static str) -> Router {
    let answer = move |_: Bytes| async move { ([("content-type", "application/json")], body) };
    Router::new().fallback(any(answer))
}

#[tokio::test]
async fn equal_answers_match_and_the_client_gets_the_primary_s() {
    let legacy = backend(json(r#"{"a": 1, "b": 2}"#)).await;
    let modern = backend(json(r#"{"b": 2.0, "a": 1}"#)).await;
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", "")).await;
    let answer = proxy.get("/orders/1").await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, r#"{"a": 1, "b": 2}"#)
    );
    let counts = proxy.settled("all").await;
    assert_eq!(
        (counts.eligible, counts.count(Outcome::Matched)),
        (1, 1),
        "{counts:?}"
    );
    assert_eq!((counts.served_legacy, counts.served_modern), (1, 0));
}

#[tokio::test]
async fn a_difference_is_found_and_kept_with_both_sides() {
    let legacy = backend(json(r#"{"total": 10.00}"#)).await;
    let modern = backend(json(r#"{"total": 10.01}"#)).await;
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", "")).await;
    proxy.get("/orders/1").await;
    assert_eq!(proxy.settled("all").await.count(Outcome::Different), 1);
    let found = loop {
        let list = proxy
            .control(http::Request::get("/api/discrepancies"), "")
            .await;
        if list.body.contains("/total") {
            break list.body;
        }
    };
    assert!(found.contains("\"value\""), "{found}");
}

#[tokio::test]
async fn the_dial_at_its_end_lets_modern_answer_and_compares_legacy_to_modern_all_the_same() {
    let legacy = backend(json(r#"{"side": "legacy"}"#)).await;
    let modern = backend(json(r#"{"side": "modern"}"#)).await;
    let proxy = Proxy::start(&one_route(
        legacy,
        modern,
        "shadow",
        "modern_share = \"100%\"",
    ))
    .await;
    assert_eq!(proxy.get("/").await.body, r#"{"side": "modern"}"#);
    let counts = proxy.settled("all").await;
    assert_eq!(
        (counts.served_modern, counts.count(Outcome::Different)),
        (1, 1)
    );
}

#[tokio::test]
async fn modes_legacy_and_modern_ask_one_side_only() {
    for (mode, expected) in [("legacy", "L"), ("modern", "M")] {
        let asked = Arc::new(Mutex::new(String::new()));
        let note = |name: &'static str| {
            let asked = Arc::clone(&asked);
            Router::new().fallback(any(move || async move {
                asked.lock().unwrap().push_str(name);
                name
            }))
        };
        let (legacy, modern) = (backend(note("L")).await, backend(note("M")).await);
        let proxy = Proxy::start(&one_route(legacy, modern, mode, "")).await;
        assert_eq!(proxy.get("/").await.body, expected);
        assert_eq!(proxy.settled("all").await.eligible, 0);
        assert_eq!(*asked.lock().unwrap(), expected);
    }
}

#[tokio::test]
async fn candidates_that_are_dead_hang_or_talk_rubbish_change_no_answer_and_are_counted() {
    let garbage = raw_backend(|mut stream| async move {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").await;
    })
    .await;
    let closing = raw_backend(|_| async {}).await;
    let cut = raw_backend(|mut stream| async move {
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
            .await;
    })
    .await;
    let cases = [
        (dead_backend().await, vec![Ending::CandidateConnect]),
        (hung_backend().await, vec![Ending::CandidateDeadline]),
        (
            garbage,
            vec![Ending::CandidateProtocol, Ending::CandidateReset],
        ),
        (closing, vec![Ending::CandidateReset]),
        (cut, vec![Ending::CandidateReset]),
    ];
    let legacy = backend(json(r#"{"fine": true}"#)).await;
    for (modern, endings) in cases {
        let mut routes = one_route(legacy, modern, "shadow", "");
        if endings == [Ending::CandidateDeadline] {
            routes = routes.replace("\"20s\"", "\"500ms\"");
        }
        let proxy = Proxy::start(&routes).await;
        for _ in 0..5 {
            let answer = proxy.get("/orders/1").await;
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (200, r#"{"fine": true}"#)
            );
        }
        let counts = proxy.settled("all").await;
        assert_eq!(counts.eligible, 5);
        let expected: u64 = counts
            .endings
            .iter()
            .filter(|(ending, _)| endings.contains(ending))
            .map(|(_, count)| count)
            .sum();
        assert_eq!(expected, 5, "expected {endings:?}: {counts:?}");
    }
}

#[tokio::test]
async fn a_flooding_candidate_is_cut_off_at_the_limit() {
    let flood = raw_backend(|mut stream| async move {
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
            .await;
        let chunk = vec![b'x'; 65536];
        while stream.write_all(&chunk).await.is_ok() {}
    })
    .await;
    let legacy = backend(json("{}")).await;
    let routes = one_route(legacy, flood, "shadow", "").replace("\"500ms\"", "\"20s\"");
    let proxy = Proxy::start(&routes).await;
    assert_eq!(proxy.get("/").await.body, "{}");
    let counts = proxy.settled("all").await;
    assert!(
        counts.endings.contains(&(Ending::CandidateTooLarge, 1)),
        "{counts:?}"
    );
}

#[tokio::test]
async fn an_answer_that_says_it_is_too_long_is_not_read() {
    let legacy = backend(json("{}")).await;
    // Nothing follows the head, so who reads on ends at the deadline.
    let vain = raw_backend(|mut stream| async move {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n";
        let _ = stream.write_all(head).await;
        std::future::pending::<()>().await;
    })
    .await;
    let proxy = Proxy::start(&one_route(legacy, vain, "shadow", "")).await;
    assert_eq!(proxy.get("/").await.body, "{}");
    let counts = proxy.settled("all").await;
    let ending = (Ending::CandidateTooLarge, 1);
    assert!(counts.endings.contains(&ending), "{counts:?}");
    // Where no body follows, its length is that of another answer.
    let proxy = Proxy::start(&one_route(legacy, vain, "shadow", "")).await;
    proxy.ask(http::Request::head("/"), "").await;
    let counts = proxy.settled("all").await;
    let ending = (Ending::CandidateTooLarge, 0);
    assert!(counts.endings.contains(&ending), "{counts:?}");
}

#[tokio::test]
async fn a_failing_primary_is_answered_clearly_and_counted() {
    let modern = backend(json("{}")).await;
    let cases = [(dead_backend().await, 502, Ending::PrimaryConnect)];
    for (legacy, status, ending) in cases {
        let proxy = Proxy::start(&one_route(legacy, modern, "shadow", "")).await;
        let answer = proxy.get("/").await;
        assert_eq!(answer.status, status);
        assert!(answer.body.contains("\"code\""), "{}", answer.body);
        let counts = proxy.settled("all").await;
        assert!(counts.endings.contains(&(ending, 1)), "{counts:?}");
        assert_eq!(counts.failed_legacy, 1);
    }
}

#[tokio::test]
async fn writes_are_mirrored_only_where_the_route_says_so() {
    let (seen, modern) = recording_backend().await;
    let legacy = backend(json(r#"{"data": {"id": "17"}}"#)).await;
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", "")).await;
    proxy.post("/orders", "{}").await;
    proxy.get("/orders").await;
    let counts = proxy.settled("all").await;
    assert_eq!((counts.eligible, counts.excluded), (1, 1));
    assert_eq!(seen.lock().unwrap().len(), 1);

    let routes = one_route(
        legacy,
        modern,
        "shadow",
        "writes = \"mirror\"\n[routes.compare]\nids = { \"/data/id\" = \"order\" }",
    );
    let proxy = Proxy::start(&routes).await;
    proxy.post("/orders", "{\"n\": 1}").await;
    assert_eq!(proxy.settled("all").await.eligible, 1);
    let seen = seen.lock().unwrap();
    let (headers, body) = seen.last().unwrap();
    assert_eq!(headers["cutover-shadow"], "1");
    assert_eq!(headers["cutover-primary-id"], "order=17");
    assert_eq!(body, "{\"n\": 1}");
}

#[tokio::test]
async fn both_sides_see_the_same_request_and_only_the_candidate_sees_the_mark() {
    let (seen_legacy, legacy) = recording_backend().await;
    let (seen_modern, modern) = recording_backend().await;
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", "")).await;
    let request = http::Request::get("/a%2Fb?q=%20x&y")
        .header("accept", "application/json")
        .header("cutover-shadow", "1")
        .header("connection", "x-private")
        .header("x-private", "hop")
        .header("x-forwarded-for", "203.0.113.7");
    proxy.ask(request, "").await;
    proxy.settled("all").await;
    let legacy = seen_legacy.lock().unwrap()[0].0.clone();
    let modern = seen_modern.lock().unwrap()[0].0.clone();
    assert!(!legacy.contains_key("cutover-shadow"));
    assert!(!legacy.contains_key("x-private"));
    assert_eq!(legacy["x-request-id"].len(), 32);
    assert_eq!(legacy["traceparent"].len(), 55);
    assert_eq!(legacy["x-forwarded-for"], "203.0.113.7, 127.0.0.1");
    assert_eq!(legacy["x-target"], "/a%2Fb?q=%20x&y");
    let mut expected = legacy.clone();
    expected.insert("cutover-shadow", "1".parse().unwrap());
    assert_eq!(modern, expected);
}

#[tokio::test]
async fn requests_without_a_route_get_a_404_with_a_reason() {
    let legacy = backend(json("{}")).await;
    let routes = one_route(legacy, legacy, "legacy", "").replace("/{*rest}", "/orders/{id}");
    let proxy = Proxy::start(&routes).await;
    let answer = proxy.get("/elsewhere").await;
    assert_eq!(answer.status, 404);
    assert!(answer.body.contains("no_route"), "{}", answer.body);
    assert_eq!(proxy.get("/orders/1").await.status, 200);
}

#[tokio::test]
async fn an_edit_of_the_file_moves_traffic_and_a_bad_one_is_refused_with_every_mistake() {
    let legacy = backend(Router::new().fallback(get(|| async { "L" }))).await;
    let modern = backend(Router::new().fallback(get(|| async { "M" }))).await;
    let proxy = Proxy::start(&one_route(legacy, modern, "legacy", "")).await;
    assert_eq!(proxy.get("/").await.body, "L");

    let bad = one_route(legacy, modern, "moden", "sampel = 3\nmodern_share = \"5\"");
    std::fs::write(proxy.routes_file(), bad).unwrap();
    let problems = eventually(|| proxy.running.routes.problems())
        .await
        .to_string();
    assert!(
        problems.contains("\"moden\"") && problems.contains("did you mean `sample`?"),
        "{problems}"
    );
    assert_eq!(proxy.get("/").await.body, "L");

    // As editors do it: a new file takes the old one's name.
    let new = proxy.folder.path().join("new");
    std::fs::write(&new, one_route(legacy, modern, "modern", "")).unwrap();
    std::fs::rename(&new, proxy.routes_file()).unwrap();
    eventually(|| proxy.running.routes.problems().is_none().then_some(())).await;
    assert_eq!(proxy.get("/").await.body, "M");
}

/// The headers and the body of a request.
type Seen = Arc<Mutex<Vec<(HeaderMap, String)>>>;

/// A backend that answers `{}` and remembers what it was asked.
async fn recording_backend() -> (Seen, std::net::SocketAddr) {
    let seen: Seen = Arc::default();
    let record = Arc::clone(&seen);
    let handler = move |request: Request| async move {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
        let mut headers = head.headers;
        headers.insert("x-target", head.uri.to_string().parse().unwrap());
        record
            .lock()
            .unwrap()
            .push((headers, String::from_utf8_lossy(&body).into_owned()));
        ([("content-type", "application/json")], "{}")
    };
    (seen, backend(Router::new().fallback(any(handler))).await)
}

#[tokio::test]
async fn a_candidate_that_refuses_a_request_before_it_is_sent_has_answered() {
    let legacy = Router::new().fallback(any(async |request: Request| {
        let body = axum::body::to_bytes(request.into_body(), usize::MAX).await;
        body.unwrap().len().to_string()
    }));
    let modern = raw_backend(|mut stream| async move {
        common::wire::read_until(&mut stream, "\r\n\r\n").await;
        let refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(refusal).await.unwrap();
    });
    let lines = "writes = \"mirror\"";
    let routes = one_route(backend(legacy).await, modern.await, "shadow", lines);
    let routes = routes.replace("[mirror]", "[mirror]\nmax_body = \"16MiB\"");
    let proxy = Proxy::start(&routes).await;
    // More than connections hold on the way.
    let body = "x".repeat(12 << 20);
    assert_eq!(proxy.post("/orders", &body).await.status, 200);
    let counts = proxy.settled("all").await;
    assert_eq!(counts.count(Outcome::Different), 1, "{counts:?}");
    assert_eq!(proxy.running.outbox().status().writes, 0);
}

#[tokio::test]
async fn a_route_whose_candidate_is_slow_leaves_places_to_the_other_routes() {
    let held = Arc::new(tokio::sync::Semaphore::new(0));
    let waits = Arc::clone(&held);
    let slow = move || async move {
        let _ = waits.acquire().await;
        "same"
    };
    let legacy = backend(Router::new().fallback(get(|| async { "same" }))).await;
    let modern = backend(
        Router::new()
            .route("/slow", get(slow))
            .fallback(get(|| async { "same" })),
    );
    let route = |name: &str, lines: &str| {
        format!(
            "[[routes]]\nname = \"{name}\"\npath = \"/{name}\"\nmode = \"shadow\"\n\
             legacy = \"legacy\"\nmodern = \"modern\"\n{lines}\n"
        )
    };
    let modern = modern.await;
    // By default three quarters are a route's; two are what is told.
    for lines in ["", "mirror_concurrency = 2"] {
        let proxy = Proxy::start(&format!(
            "[upstreams.legacy]\npeers = [\"{legacy}\"]\n[upstreams.modern]\npeers = [\"{modern}\"]\n\
             [mirror]\ntimeout = \"20s\"\nconcurrency = 4\n{}{}",
            route("slow", lines),
            route("fast", "")
        ))
        .await;
        for _ in 0..8 {
            proxy.get("/slow").await;
        }
        for _ in 0..8 {
            proxy.get("/fast").await;
        }
        let fast = proxy.settled("fast").await;
        assert_eq!(fast.count(Outcome::Matched), 8, "{fast:?}");
        assert_eq!(proxy.running.ledger.route("slow").snapshot().pending(), 8);
        held.add_permits(100);
        let slow = proxy.settled("slow").await;
        assert_eq!(slow.count(Outcome::Matched), 8, "{slow:?}");
        held.forget_permits(1000);
    }
}

#[test]
fn a_route_s_places_are_some_of_the_candidate_s() {
    let said = |places: &str| {
        let text = format!(
            "[upstreams.a]\npeers = [\"127.0.0.1:1\"]\n[mirror]\nconcurrency = 4\n[[routes]]\n\
             name = \"a\"\npath = \"/\"\nmode = \"legacy\"\nlegacy = \"a\"\nmirror_concurrency = {places}\n"
        );
        let file = std::path::Path::new("routes.toml");
        let checked =
            cutover::routes::check(file, &text, &cutover::outcome::Ledger::default(), None);
        checked.err().map(|error| error.to_string())
    };
    assert_eq!(said("4"), None);
    for wrong in ["0", "5"] {
        let said = said(wrong).unwrap_or_default();
        assert!(
            said.contains(&format!(
                "10:22: `mirror_concurrency` is {wrong}, expected 1 to 4"
            )),
            "{said}"
        );
    }
}
