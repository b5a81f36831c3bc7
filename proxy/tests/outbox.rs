//! Mirrored writes survive: a candidate that is away, a proxy that is killed.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod common;

use axum::Router;
use axum::body::Bytes;
use axum::middleware::Next;
use axum::response::IntoResponse;
use axum::routing::any;
use common::process::{self, Process};
use common::{
    PATIENCE, Proxy, backend, client, dead_backend, eventually, one_route, raw_backend, send,
};
use cutover::outcome::{Ending, Outcome};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

/// A lane and what was written in it, each with its idempotency key.
type Seen = Arc<Mutex<Vec<(String, String, String)>>>;

/// Answers everything, and notes lane, body and key of each write.
fn noting(seen: &Seen) -> Router {
    let seen = Arc::clone(seen);
    Router::new().fallback(any(move |headers: HeaderMap, body: String| async move {
        let header = |name: &str| {
            let value = headers.get(name);
            value.map_or(String::new(), |value| value.to_str().unwrap().to_owned())
        };
        let write = (header("x-lane"), body, header("idempotency-key"));
        seen.lock().unwrap().push(write);
    }))
}

/// Has a candidate come up where its writes wait for it.
fn serve(listener: TcpListener, seen: &Seen) {
    let candidate = noting(seen);
    tokio::spawn(async move { axum::serve(listener, candidate).await });
}

fn ok() -> Router {
    Router::new().fallback(any(|| async {}))
}

/// `cutover proxy` in a process of its own.
struct Program {
    process: Process,
    address: SocketAddr,
    control: SocketAddr,
}

impl Program {
    fn start(folder: &Path) -> Self {
        let (process, address, control) = process::proxy(folder, process::program());
        Self {
            process,
            address,
            control,
        }
    }

    async fn write(&self, lane: u64, body: &str) -> u16 {
        let request = http::Request::post("/").header("x-lane", lane);
        send(&client(), self.address, request, body)
            .await
            .unwrap()
            .status
    }

    async fn control(&self, path: &str) -> Value {
        let request = http::Request::get(path);
        let answer = send(&client(), self.control, request, "").await.unwrap();
        serde_json::from_str(&answer.body).unwrap()
    }

    async fn until(&self, path: &str, come_to_pass: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = self.control(path).await;
            if come_to_pass(&now) {
                return now;
            }
            assert!(Instant::now() < deadline, "never came to pass: {now}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

const LANES: &str = "writes = \"mirror\"\nlanes = [\"lane:header:X-Lane\"]";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_stored_arrives_after_a_kill_in_the_order_of_its_lanes_and_under_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let legacy = backend(ok()).await;
    // A port that refuses until the candidate comes up at it.
    let held = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let modern = held.local_addr().unwrap();
    drop(held);
    let routes = folder.path().join("routes.toml");
    std::fs::write(routes, one_route(legacy, modern, "shadow", LANES)).unwrap();

    let mut proxy = Program::start(folder.path());
    for n in 0..60_u64 {
        assert_eq!(proxy.write(n % 5, &n.to_string()).await, 200);
    }
    proxy
        .until("/api/lanes", |now| now["outbox"]["stored"] == 60)
        .await;
    proxy.process.kill();

    let proxy = Program::start(folder.path());
    let left = proxy.control("/api/lanes").await;
    assert_eq!(
        (&left["depth"], &left["outbox"]["writes"]),
        (&60.into(), &60.into())
    );
    // Newer ones come after those that were left.
    for n in 60..80_u64 {
        assert_eq!(proxy.write(n % 5, &n.to_string()).await, 200);
    }
    let seen = Seen::default();
    let listener = TcpListener::bind(modern).await.unwrap();
    serve(listener, &seen);
    proxy
        .until("/api/lanes", |now| {
            now["depth"] == 0 && now["outbox"]["stored"] == 0
        })
        .await;

    let seen = seen.lock().unwrap().clone();
    for lane in 0..5_u64 {
        let mut arrived: Vec<u64> = Vec::new();
        let mut keys = Vec::new();
        for (_, body, key) in seen.iter().filter(|(at, ..)| *at == lane.to_string()) {
            let number = body.parse().unwrap();
            // At least once: what comes again has the same key.
            if arrived.last() != Some(&number) {
                arrived.push(number);
                keys.push(key.clone());
            }
            assert_eq!(keys.last(), Some(key));
        }
        let expected: Vec<u64> = (0..80).filter(|n| n % 5 == lane).collect();
        assert_eq!(arrived, expected, "lane {lane}");
        keys.sort();
        keys.dedup();
        assert_eq!(
            keys.len(),
            expected.len(),
            "each write has a key of its own"
        );
    }
    let outcomes = proxy
        .until("/api/outcomes", |now| now["routes"][0]["pending"] == 0)
        .await;
    let route = &outcomes["routes"][0];
    let number = |value: &Value| value.as_u64().unwrap();
    let outcomes = &route["outcomes"];
    assert_eq!(number(&outcomes["matched"]), 80, "{route}");
    // What the killed run had counted ended with it, and was eligible again.
    let restart = number(&outcomes["dropped"]);
    assert!(restart <= 60, "{route}");
    assert_eq!(number(&route["eligible"]), 80 + restart, "{route}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_in_the_middle_of_a_write_is_told_by_the_next_run_until_somebody_clears_it() {
    let folder = tempfile::tempdir().unwrap();
    let hanging = Router::new().fallback(any(|body: String| async move {
        if body == "hang" {
            std::future::pending::<()>().await;
        }
    }));
    let (legacy, modern) = (backend(hanging).await, dead_backend().await);
    let routes = folder.path().join("routes.toml");
    std::fs::write(routes, one_route(legacy, modern, "shadow", LANES)).unwrap();
    let mut proxy = Program::start(folder.path());
    let (address, to) = (proxy.address, http::Request::post("/"));
    tokio::spawn(async move { send(&client(), address, to, "hang").await });
    proxy
        .until("/api/lanes", |now| now["outbox"]["at_risk"] == 1)
        .await;
    // What is stored after it has its mark with it.
    proxy.write(1, "stored").await;
    proxy
        .until("/api/lanes", |now| now["outbox"]["stored"] == 1)
        .await;
    proxy.process.kill();

    let proxy = Program::start(folder.path());
    let now = proxy.control("/api/lanes").await;
    let unknown = now["outbox"]["unknown"].as_u64().unwrap();
    assert!((1..=4).contains(&unknown), "{now}");
    let lane = now["tainted"][0]["lane"].as_str().unwrap();
    assert!(lane.starts_with("crash-"), "{now}");
    let green = proxy.control("/api/routes/all/readiness").await;
    assert!(green.to_string().contains(lane), "{green}");
    let clear = http::Request::delete(format!("/api/lanes/{lane}/taint"));
    let cleared = send(&client(), proxy.control, clear, "").await.unwrap();
    assert_eq!(cleared.status, 204);
}

#[tokio::test]
async fn a_stop_leaves_what_waits_to_the_next_run_and_does_not_wait_for_it() {
    let (legacy, modern) = (backend(ok()).await, dead_backend().await);
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", LANES)).await;
    assert_eq!(proxy.post("/", "kept").await.status, 200);
    let waits = || Some(()).filter(|()| proxy.running.outbox().parked() == 1);
    eventually(waits).await;
    let file = proxy.folder.path().join("outbox.db");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(
        mode & 0o777,
        0o600,
        "requests stand there as they were sent"
    );
    let Proxy {
        running, folder, ..
    } = proxy;
    let began = Instant::now();
    running.stop(PATIENCE).await;
    assert!(
        began.elapsed() < PATIENCE,
        "it did not wait for the candidate"
    );

    let seen = Seen::default();
    let modern = backend(noting(&seen)).await;
    let proxy = Proxy::start_in(folder, &one_route(legacy, modern, "shadow", LANES)).await;
    let counts = proxy.settled("all").await;
    assert_eq!(counts.count(Outcome::Matched), 1, "{counts:?}");
    let arrived = seen.lock().unwrap().clone();
    assert_eq!((arrived.len(), arrived[0].1.as_str()), (1, "kept"));
    proxy.running.stop(PATIENCE).await;
    let bytes = std::fs::read(proxy.folder.path().join("outbox.db")).unwrap();
    let kept = bytes.windows(4).any(|window| window == b"kept");
    assert!(!kept, "what was delivered is nobody's to read");
}

#[tokio::test]
async fn a_candidate_that_comes_back_gets_its_writes_once_and_under_the_client_s_own_key() {
    let legacy = backend(ok()).await;
    let held = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let modern = held.local_addr().unwrap();
    drop(held);
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", LANES)).await;
    let keyed = http::Request::post("/").header("idempotency-key", "mine");
    proxy.ask(keyed, "first").await;
    proxy.post("/", "second").await;
    eventually(|| Some(()).filter(|()| proxy.running.outbox().status().retries > 0)).await;
    let seen = Seen::default();
    serve(TcpListener::bind(modern).await.unwrap(), &seen);
    let counts = proxy.settled("all").await;
    assert_eq!(counts.count(Outcome::Matched), 2, "{counts:?}");
    let seen = seen.lock().unwrap();
    let bodies: Vec<&str> = seen.iter().map(|(_, body, _)| body.as_str()).collect();
    assert_eq!(
        bodies,
        ["first", "second"],
        "without lanes, in the order of their route"
    );
    assert_eq!(seen[0].2, "mine");
    assert_ne!(seen[1].2, "");
}

#[tokio::test]
async fn a_write_has_one_key_however_often_it_comes_over_restarts_too() {
    let keys = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&keys);
    // Takes the request and breaks off, so that nobody knows what it has done.
    let breaking = raw_backend(move |mut stream| {
        let noted = Arc::clone(&noted);
        async move {
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..read]).to_ascii_lowercase();
            let mut lines = request.lines();
            let key = lines.find_map(|line| line.strip_prefix("idempotency-key: "));
            noted.lock().unwrap().extend(key.map(str::to_owned));
        }
    })
    .await;
    let legacy = backend(ok()).await;
    let proxy = Proxy::start(&one_route(legacy, breaking, "shadow", LANES)).await;
    proxy.post("/", "x").await;
    eventually(|| Some(()).filter(|()| keys.lock().unwrap().len() >= 3)).await;
    let Proxy {
        running, folder, ..
    } = proxy;
    running.stop(Duration::from_secs(1)).await;

    let seen = Seen::default();
    let modern = backend(noting(&seen)).await;
    let proxy = Proxy::start_in(folder, &one_route(legacy, modern, "shadow", LANES)).await;
    proxy.settled("all").await;
    let mut keys = keys.lock().unwrap().clone();
    keys.extend(seen.lock().unwrap().iter().map(|(.., key)| key.clone()));
    assert!(keys.len() >= 4, "{keys:?}");
    keys.dedup();
    assert_eq!(keys.len(), 1, "{keys:?}");
}

#[tokio::test]
async fn an_error_is_the_candidate_s_answer_and_is_compared() {
    let unwell =
        Router::new().fallback(any(|_: Bytes| async { StatusCode::INTERNAL_SERVER_ERROR }));
    let (legacy, modern) = (backend(ok()).await, backend(unwell).await);
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", LANES)).await;
    proxy.post("/", "x").await;
    let counts = proxy.settled("all").await;
    assert_eq!(counts.count(Outcome::Different), 1, "{counts:?}");
    assert_eq!(proxy.running.outbox().status().retries, 0);
}

#[tokio::test]
async fn a_write_that_the_candidate_refuses_for_the_time_being_comes_again_before_the_next_of_its_lane()
 {
    let seen = Seen::default();
    let (noted, tries) = (noting(&seen), Arc::new(AtomicU64::new(0)));
    let busy = [429, 502, 503, 504];
    let refusing = move |request: axum::extract::Request, next: Next| {
        let n = tries.fetch_add(1, Ordering::SeqCst);
        async move {
            match usize::try_from(n).ok().and_then(|n| busy.get(n)) {
                Some(status) => StatusCode::from_u16(*status).unwrap().into_response(),
                None => next.run(request).await,
            }
        }
    };
    let modern = backend(noted.layer(axum::middleware::from_fn(refusing))).await;
    let proxy = Proxy::start(&one_route(backend(ok()).await, modern, "shadow", LANES)).await;
    proxy.post("/", "first").await;
    proxy.post("/", "second").await;
    let counts = proxy.settled("all").await;
    assert_eq!(counts.count(Outcome::Matched), 2, "{counts:?}");
    let seen = seen.lock().unwrap();
    let bodies: Vec<&str> = seen.iter().map(|(_, body, _)| body.as_str()).collect();
    assert_eq!(bodies, ["first", "second"]);
    assert_eq!(proxy.running.outbox().status().retries, 4);
}

#[tokio::test]
async fn what_the_outbox_has_no_room_for_is_lost_and_counted_and_answered_all_the_same() {
    let (legacy, modern) = (backend(ok()).await, dead_backend().await);
    let routes = one_route(legacy, modern, "shadow", LANES);
    let routes = routes.replace("[mirror]", "[mirror]\noutbox_writes = 3");
    let proxy = Proxy::start(&routes).await;
    for n in 0..5 {
        let request = http::Request::post("/").header("x-lane", n);
        assert_eq!(proxy.ask(request, "x").await.status, 200);
    }
    let full = eventually(|| {
        let counts = proxy.running.ledger.route("all").snapshot();
        Some(counts).filter(|counts| counts.settled() == 2)
    })
    .await;
    assert!(full.endings.contains(&(Ending::OutboxFull, 2)), "{full:?}");
    let answer = proxy.control(http::Request::get("/api/lanes"), "").await;
    let status: Value = serde_json::from_str(&answer.body).unwrap();
    let tainted = status["tainted"].as_array().unwrap();
    let tainted: Vec<&str> = tainted
        .iter()
        .map(|t| t["lane"].as_str().unwrap())
        .collect();
    assert_eq!(tainted, ["lane:3", "lane:4"]);
}

#[tokio::test]
async fn a_second_proxy_on_the_same_outbox_is_refused_by_name() {
    let (legacy, modern) = (backend(ok()).await, dead_backend().await);
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", "")).await;
    let path = proxy.folder.path().join("outbox.db");
    let error = cutover::outbox::Outbox::open(&path).await.err().unwrap();
    assert!(error.to_string().contains("outbox.db"), "{error}");
}
