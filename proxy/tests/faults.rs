//! What breaks around the proxy: clients hear of it only where their own side broke, and the
//! outcomes add up after it.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod common;

use common::process::{self, Process};
use common::{Proxy, client, dead_backend, eventually, one_route, send};
use cutover::outcome::{Outcome, RouteSnapshot};
use cutover::routing::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Where the process below is to listen.
const SIDE_AT: &str = "CUTOVER_TEST_SIDE_AT";

/// Not a claim by itself: the tests start this in a process of its own, to kill it.
#[test]
fn a_side_answers_in_a_process_of_its_own() {
    let Ok(at) = std::env::var(SIDE_AT) else {
        return;
    };
    let listener = TcpListener::bind(at).unwrap();
    println!("\nside at {}", listener.local_addr().unwrap());
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        std::thread::spawn(move || while answer_one(&stream).is_some() {});
    }
}

fn answer_one(mut stream: &TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line == "\r\n" {
            break;
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    stream
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        .ok()
}

fn side(at: &str) -> (Process, SocketAddr) {
    let mut process = Process::start(
        Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "a_side_answers_in_a_process_of_its_own",
                "--nocapture",
            ])
            .env(SIDE_AT, at),
    );
    let address = process.address("side at ");
    (process, address)
}

/// Clients that go on asking until they are told to stop; how many answers were good and bad.
async fn ask_meanwhile<T>(
    proxy: &Arc<Proxy>,
    meanwhile: impl AsyncFnOnce(&AtomicU64) -> T,
) -> (u64, u64, T) {
    let done = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(AtomicU64::new(0));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (proxy, done, asked) = (Arc::clone(proxy), Arc::clone(&done), Arc::clone(&asked));
            tokio::spawn(async move {
                let (mut good, mut bad) = (0_u64, 0_u64);
                while !done.load(Ordering::Relaxed) {
                    match proxy.get("/a").await.status {
                        200 => good += 1,
                        502 | 504 => bad += 1,
                        other => assert_eq!(other, 200, "no answer of either side, nor of ours"),
                    }
                    asked.fetch_add(1, Ordering::Relaxed);
                }
                (good, bad)
            })
        })
        .collect();
    let outcome = meanwhile(&asked).await;
    done.store(true, Ordering::Relaxed);
    let (mut good, mut bad) = (0, 0);
    for client in clients {
        let (g, b) = client.await.unwrap();
        good += g;
        bad += b;
    }
    (good, bad, outcome)
}

async fn some_more(asked: &AtomicU64) {
    let before = asked.load(Ordering::Relaxed);
    eventually(|| (asked.load(Ordering::Relaxed) > before + 50).then_some(())).await;
}

fn sum(counts: &RouteSnapshot) -> u64 {
    counts.endings.iter().map(|(_, count)| count).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_candidate_that_is_killed_costs_no_client_an_answer_and_is_compared_again_when_it_is_back()
 {
    let (_legacy, legacy) = side("127.0.0.1:0");
    let (mut candidate, modern) = side("127.0.0.1:0");
    let proxy = Arc::new(Proxy::start(&one_route(legacy, modern, "shadow", "")).await);
    let matched = || {
        proxy
            .running
            .ledger
            .route("all")
            .snapshot()
            .count(Outcome::Matched)
    };
    let (good, bad, _again) = ask_meanwhile(&proxy, async |asked| {
        some_more(asked).await;
        candidate.kill();
        some_more(asked).await;
        let again = side(&modern.to_string());
        let before = matched();
        eventually(|| (matched() > before).then_some(())).await;
        again
    })
    .await;
    assert_eq!(bad, 0);
    let counts = proxy.settled("all").await;
    assert_eq!((counts.eligible, sum(&counts)), (good, good), "{counts:?}");
    assert_eq!(counts.count(Outcome::Different), 0, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_is_killed_fails_its_own_requests_and_no_others() {
    let (mut primary, legacy) = side("127.0.0.1:0");
    let (_modern, modern) = side("127.0.0.1:0");
    let proxy = Arc::new(Proxy::start(&one_route(legacy, modern, "shadow", "")).await);
    let (good, bad, _again) = ask_meanwhile(&proxy, async |asked| {
        some_more(asked).await;
        primary.kill();
        some_more(asked).await;
        let again = side(&legacy.to_string());
        some_more(asked).await;
        again
    })
    .await;
    assert!(bad > 0);
    let counts = proxy.settled("all").await;
    assert_eq!(
        (counts.eligible, sum(&counts)),
        (good + bad, good + bad),
        "{counts:?}"
    );
    assert_eq!(counts.count(Outcome::PrimaryError), bad, "{counts:?}");
    assert_eq!(proxy.get("/a").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rubbish_in_the_place_of_the_routes_changes_nothing_for_anybody() {
    let (_side, address) = side("127.0.0.1:0");
    let routes = one_route(address, address, "shadow", "");
    let proxy = Arc::new(Proxy::start(&routes).await);
    let file = proxy.routes_file();
    let (good, bad, ()) = ask_meanwhile(&proxy, async |asked| {
        let half = routes.as_bytes()[..routes.len() / 2].to_vec();
        let noise: Vec<u8> = (0..100_000).map(|_| fastrand::u8(..)).collect();
        let endless = b"[".repeat(200_000);
        for rubbish in [half, noise, endless, Vec::new()] {
            std::fs::write(&file, rubbish).unwrap();
            some_more(asked).await;
        }
        std::fs::remove_file(&file).unwrap();
        some_more(asked).await;
        std::fs::create_dir(&file).unwrap();
        some_more(asked).await;
        std::fs::remove_dir(&file).unwrap();
        // And back to something that can be read: it is followed again.
        let legacy = routes.replace("mode = \"shadow\"", "mode = \"legacy\"");
        std::fs::write(&file, legacy).unwrap();
        let mode = || {
            proxy
                .running
                .routes
                .table()
                .route("all")
                .map(|route| route.mode)
        };
        eventually(|| (mode()? == Mode::Legacy).then_some(())).await;
    })
    .await;
    assert_eq!(bad, 0);
    let counts = proxy.settled("all").await;
    assert!(
        counts.eligible <= good && sum(&counts) == counts.eligible,
        "{counts:?}"
    );
    // A slow machine may shed some.
    let compared = counts.count(Outcome::Matched) + counts.count(Outcome::Dropped);
    assert_eq!(compared, counts.eligible, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_clients_that_dribble_hold_up_nobody_and_cost_little() {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(1 << 20);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    // As many as the system lets one process have, up to five thousand.
    let count = usize::try_from(most.saturating_sub(500).min(5_000)).unwrap();
    let (_side, address) = side("127.0.0.1:0");
    let folder = tempfile::tempdir().unwrap();
    let routes = one_route(address, dead_backend().await, "legacy", "");
    std::fs::write(folder.path().join("routes.toml"), routes).unwrap();
    let (process, address, _) = process::proxy(folder.path(), process::program());
    let memory = || {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", process.child.id())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let client = client();
    let get = async || {
        send(&client, address, http::Request::get("/"), "")
            .await
            .unwrap()
            .status
    };
    assert_eq!(get().await, 200);
    let before = memory();
    let mut dribblers = Vec::with_capacity(count);
    for i in 0..count {
        let mut stream = TcpStream::connect(address).unwrap();
        let half: &[u8] = if i % 2 == 0 {
            b"GET / HTTP/1.1\r\nHost: a\r\nX: y"
        } else {
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nbegin"
        };
        stream.write_all(half).unwrap();
        dribblers.push(stream);
    }
    for _ in 0..200 {
        assert_eq!(get().await, 200);
    }
    for stream in &mut dribblers {
        stream.write_all(b"z").unwrap();
    }
    assert_eq!(get().await, 200);
    // Most of it are the buffers of Pingora's streams.
    let each = (memory().saturating_sub(before)) * 1024 / count as u64;
    assert!(each < 128 << 10, "{each} bytes for each of {count}");
}
