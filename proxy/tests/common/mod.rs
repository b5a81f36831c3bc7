//! A small language for tests of the proxy: start backends, start a proxy in front of them, ask,
//! and look at what was counted.
//!
//! Everything runs on free ports and in temporary directories.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(unreachable_pub, reason = "the module is part of each test file")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that can't be set up fails"
)]

pub mod process;
pub mod wire;

use axum::Router;
use bytes::Bytes;
use cutover::clock::Clock;
use cutover::outcome::RouteSnapshot;
use cutover::server::{Options, Running, start_by};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

pub const PATIENCE: Duration = Duration::from_secs(30);

/// A backend that answers with an axum router.
pub async fn backend(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// A backend that does something of its own with each connection.
pub async fn raw_backend<F, R>(on_connection: F) -> SocketAddr
where
    F: Fn(TcpStream) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(on_connection(stream));
        }
    });
    address
}

/// A candidate that accepts and never answers.
pub async fn hung_backend() -> SocketAddr {
    raw_backend(|mut stream| async move {
        let mut sink = [0; 4096];
        while stream.read(&mut sink).await.is_ok_and(|read| read > 0) {}
    })
    .await
}

/// An address at which nobody listens.
pub async fn dead_backend() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
}

/// A running proxy with its files.
pub struct Proxy {
    pub running: Running,
    pub folder: TempDir,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: String,
}

impl Proxy {
    /// Starts a proxy on this routes.toml.
    pub async fn start(routes: &str) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), routes).await
    }

    /// Starts a proxy with its files in a folder that may hold a former run's journal.
    pub async fn start_in(folder: TempDir, routes: &str) -> Self {
        Self::start_by(folder, routes, Clock::default()).await
    }

    /// The same by another clock than the system's.
    pub async fn start_by(folder: TempDir, routes: &str, clock: Clock) -> Self {
        let file = folder.path().join("routes.toml");
        std::fs::write(&file, routes).unwrap();
        let options = Options {
            routes: file,
            listen: "127.0.0.1:0".parse().unwrap(),
            control: "127.0.0.1:0".parse().unwrap(),
            journal: folder.path().join("journal.db"),
            threads: 2,
        };
        let running = start_by(&options, clock).await.unwrap();
        Self {
            running,
            folder,
            client: client(),
        }
    }

    pub fn routes_file(&self) -> PathBuf {
        self.folder.path().join("routes.toml")
    }

    /// Puts a file with this text in the place of routes.toml that can be read, rewritten by its
    /// handle and not replaced, for root neither: it has no name in any folder.
    pub fn nail_routes_file(&self, text: &str) -> std::fs::File {
        let nameless = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut &nameless, text.as_bytes()).unwrap();
        let descriptor = std::os::fd::AsRawFd::as_raw_fd(&nameless);
        let link = format!("/proc/{}/fd/{descriptor}", std::process::id());
        std::fs::remove_file(self.routes_file()).unwrap();
        std::os::unix::fs::symlink(&link, self.routes_file()).unwrap();
        nameless
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(http::Request::get(path), "").await
    }

    pub async fn post(&self, path: &str, body: &str) -> Answer {
        let request = http::Request::post(path).header("content-type", "application/json");
        self.ask(request, body).await
    }

    /// Sends a request whose target is a path.
    pub async fn ask(&self, request: http::request::Builder, body: &str) -> Answer {
        self.try_ask(request, body).await.unwrap()
    }

    pub async fn try_ask(
        &self,
        request: http::request::Builder,
        body: &str,
    ) -> Result<Answer, hyper_util::client::legacy::Error> {
        send(&self.client, self.running.address, request, body).await
    }

    /// Sends a request to the control API.
    pub async fn control(&self, request: http::request::Builder, body: &str) -> Answer {
        send(&self.client, self.running.control_address, request, body)
            .await
            .unwrap()
    }

    /// The counts of a route once nothing is pending any more.
    pub async fn settled(&self, route: &str) -> RouteSnapshot {
        let counts = self.running.ledger.route(route);
        eventually(|| Some(counts.snapshot()).filter(|now| now.pending() == 0)).await
    }
}

pub fn client() -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).build(HttpConnector::new())
}

pub async fn send(
    client: &Client<HttpConnector, Full<Bytes>>,
    to: SocketAddr,
    request: http::request::Builder,
    body: &str,
) -> Result<Answer, hyper_util::client::legacy::Error> {
    let mut request = request.body(Full::from(body.to_owned())).unwrap();
    let path = request.uri().to_string();
    *request.uri_mut() = format!("http://{to}{path}").parse().unwrap();
    let response = client.request(request).await?;
    let (head, body) = response.into_parts();
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    Ok(Answer {
        status: head.status.as_u16(),
        headers: head.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

/// Asks again and again until there is an answer.
pub async fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "it never came to pass");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The upstreams of both sides, and the beginning of `[mirror]`.
pub fn sides(legacy: SocketAddr, modern: SocketAddr) -> String {
    format!(
        r#"
[upstreams.legacy]
peers = ["{legacy}"]
[upstreams.modern]
peers = ["{modern}"]
[mirror]"#
    )
}

/// A routes.toml with one route for everything, in this mode, and further lines for it.
pub fn one_route(legacy: SocketAddr, modern: SocketAddr, mode: &str, lines: &str) -> String {
    format!(
        r#"{}
timeout = "20s"
[[routes]]
name = "all"
path = "/{{*rest}}"
mode = "{mode}"
legacy = "legacy"
modern = "modern"
{lines}
"#,
        sides(legacy, modern)
    )
}
