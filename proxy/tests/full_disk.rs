//! A disk that is full under the journal and the outbox: no client hears of it, every outcome is
//! counted, and when there is room again, both are written again.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod common;

use common::process::{self, Process};
use common::{PATIENCE, backend, client, one_route, send};
use http::Request;
use http_body_util::Full;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use serde_json::Value;
use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Mounts a small file system of its own over the folder, which nobody else sees, and runs the
/// program on it. It has room for both logs that are written ahead, of 4 MB each: with less, what was
/// given back may be less than what they have grown by.
const SMALL_DISK: &str = "routes=$(cat \"$0/routes.toml\") && \
    mount -t tmpfs -o size=16m,mode=700 tmpfs \"$0\" && \
    printf '%s\\n' \"$routes\" > \"$0/routes.toml\" && exec \"$@\"";

/// Lets no file grow beyond some hundred kilobytes; the signal that says so is ignored, so that the
/// write fails as it does on a full disk.
const SMALL_FILES: &str = "trap '' XFSZ; ulimit -f 600; exec \"$@\"";

/// Whether this machine lets the test mount something.
fn can_mount() -> bool {
    let mut probe = Command::new("unshare");
    probe.args([
        "-rm", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/tmp",
    ]);
    let probe = probe.stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

/// A proxy whose disk can be full.
struct Small {
    process: Process,
    address: SocketAddr,
    control: SocketAddr,
    client: Client<HttpConnector, Full<bytes::Bytes>>,
    folder: TempDir,
    asked: u64,
}

impl Small {
    async fn start(mut command: Command, script: &str) -> Self {
        let side = |name: &'static str| {
            axum::Router::new().fallback(axum::routing::any(
                move |body: axum::body::Bytes| async move {
                    // Nothing that two requests share, so that there is much to keep.
                    let noise: String = (0..4_000).map(|_| fastrand::alphanumeric()).collect();
                    drop(body);
                    format!("{name} {noise}")
                },
            ))
        };
        let (legacy, modern) = (backend(side("L")).await, backend(side("M")).await);
        let folder = tempfile::tempdir().unwrap();
        let routes = one_route(legacy, modern, "shadow", "writes = \"mirror\"");
        std::fs::write(folder.path().join("routes.toml"), routes).unwrap();
        command.args(["sh", "-c", script]).arg(folder.path());
        command.arg(env!("CARGO_BIN_EXE_cutover"));
        let (process, address, control) = process::proxy(folder.path(), command);
        Self {
            process,
            address,
            control,
            client: client(),
            folder,
            asked: 0,
        }
    }

    /// Reads and writes, each of which is answered.
    async fn ask(&mut self, times: u64) {
        for i in 0..times {
            let request = if i % 2 == 0 {
                Request::get(format!("/{i}"))
            } else {
                Request::post(format!("/{i}"))
            };
            let answer = send(&self.client, self.address, request, "a body").await;
            assert_eq!(answer.unwrap().status, 200);
        }
        self.asked += times;
    }

    async fn api(&self, path: &str) -> String {
        let answer = send(&self.client, self.control, Request::get(path), "").await;
        let answer = answer.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// A number of the metrics.
    async fn metric(&self, name: &str) -> u64 {
        let metrics = self.api("/metrics").await;
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().parse().unwrap()
    }

    async fn until(&self, what: &str, holds: impl AsyncFn(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(self).await {
            assert!(Instant::now() < deadline, "{what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Everything that was asked has ended in one outcome.
    async fn all_is_counted(&self) {
        self.until("something is pending", async |this| {
            let counts: Value = serde_json::from_str(&this.api("/api/outcomes").await).unwrap();
            let routes = counts["routes"].as_array().unwrap().iter();
            let route = routes.clone().find(|route| route["name"] == "all").unwrap();
            let outcomes = route["outcomes"].as_object().unwrap().values();
            let sum: u64 = outcomes.map(|count| count.as_u64().unwrap()).sum();
            assert_eq!(route["eligible"], this.asked);
            assert!(sum <= this.asked);
            route["pending"] == 0 && sum == this.asked
        })
        .await;
    }

    /// Whether both files have met the limit.
    async fn has_failed(&self) -> bool {
        self.metric("cutover_journal_errors_total ").await > 0
            && self.metric("cutover_outbox_unstored_total ").await > 0
    }
}

/// Takes all the room that a folder has left.
fn fill(path: &Path) {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .unwrap();
    for piece in [1 << 16, 1 << 10, 1] {
        while file.write_all(&vec![b'x'; piece]).is_ok() {}
    }
}

#[tokio::test]
async fn a_disk_that_is_full_costs_no_client_an_answer_and_no_count() {
    if !can_mount() {
        eprintln!("no file system can be mounted here: a limit on files takes its place");
        return small_files().await;
    }
    eprintln!("on a small tmpfs");
    let mut command = Command::new("unshare");
    command.arg("-rm");
    let mut small = Small::start(command, SMALL_DISK).await;
    small.ask(20).await;
    small.all_is_counted().await;
    // The mount is the process's own; this is the way to it.
    let root = PathBuf::from(format!("/proc/{}/root", small.process.child.id()));
    let folder = root.join(small.folder.path().strip_prefix("/").unwrap());
    let filler = folder.join("filler");
    let deadline = Instant::now() + PATIENCE;
    loop {
        // What the proxy gives back is taken as well.
        fill(&filler);
        small.ask(20).await;
        if small.has_failed().await {
            break;
        }
        assert!(Instant::now() < deadline, "the disk was never full");
    }
    small.ask(200).await;
    small.all_is_counted().await;
    // What could not be stored was delivered, and what was stored stayed.
    assert_eq!(small.metric("cutover_writes_lost_total ").await, 0);
    std::fs::remove_file(filler).unwrap();
    small
        .until("it is not written again", async |small| {
            send(&small.client, small.address, Request::post("/"), "x")
                .await
                .unwrap();
            let failing = ["cutover_journal_failing ", "cutover_outbox_failing "];
            small.metric(failing[0]).await + small.metric(failing[1]).await == 0
        })
        .await;
}

async fn small_files() {
    let mut small = Small::start(Command::new("env"), SMALL_FILES).await;
    small.ask(600).await;
    small.all_is_counted().await;
    let grown = |file: &str| {
        let file = std::fs::metadata(small.folder.path().join(file));
        file.map_or(0, |file| file.len())
    };
    let most = ["journal.db", "journal.db-wal", "outbox.db", "outbox.db-wal"].map(grown);
    assert!(
        most.iter().any(|bytes| *bytes > 250_000),
        "the limit was never met: {most:?}"
    );
}
