//! The dashboard in a real browser, with bodies that try to become part of it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what a test can't get fails the test"
)]

mod common;

use axum::Router;
use axum::routing::any;
use common::{Proxy, backend, one_route};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What an attacker puts in a body: markup in a key, in a value and in an attribute.
const HOSTILE: &str = r#"{"<img src=x onerror=document.title='pwned'>":
    "</td><script>document.title='pwned'</script>\" onload=\"document.title='pwned'", "side": "#;
/// Long for a page that is drawn within a second, even on a busy machine.
const PAGE_WITHIN: Duration = Duration::from_mins(1);

fn hostile(side: &'static str) -> Router {
    let answer = move || async move {
        (
            [("content-type", "application/json")],
            format!("{HOSTILE}\"<b id=bold>{side}</b>\"}}"),
        )
    };
    Router::new().fallback(any(answer))
}

/// The page as a browser has it after some seconds of its own time, or none without a browser.
fn page(address: SocketAddr) -> Option<String> {
    let profile = tempfile::tempdir().unwrap();
    let out = profile.path().join("page.html");
    let browser = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find_map(|name| {
            Command::new(name)
                .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
                .args(["--window-size=1400,1000", "--virtual-time-budget=5000"])
                .arg(format!("--user-data-dir={}", profile.path().display()))
                .arg(format!("http://{address}/"))
                .stdout(std::fs::File::create(&out).unwrap())
                .stderr(Stdio::null())
                .spawn()
                .ok()
        })?;
    wait(browser);
    Some(std::fs::read_to_string(out).unwrap())
}

fn wait(mut browser: Child) {
    let deadline = Instant::now() + PAGE_WITHIN;
    while browser.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            let _ = browser.kill();
            panic!("the browser didn't finish the page");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_body_is_shown_as_text_and_never_runs() {
    let (legacy, modern) = (
        backend(hostile("legacy")).await,
        backend(hostile("modern")).await,
    );
    let proxy = Proxy::start(&one_route(legacy, modern, "shadow", "")).await;
    proxy.get("/orders?q=document.title='pwned'").await;
    proxy.settled("all").await;
    let list = || http::Request::get("/api/discrepancies");
    while !proxy.control(list(), "").await.body.contains("/side") {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let address = proxy.running.control_address;
    let Some(page) = tokio::task::spawn_blocking(move || page(address))
        .await
        .unwrap()
    else {
        eprintln!("skipped: no chromium is installed");
        return;
    };
    assert!(
        page.contains("<title>Cutover</title>"),
        "nothing of the body ran: {page}"
    );
    assert!(
        page.contains("&lt;b id=bold&gt;legacy&lt;/b&gt;"),
        "it is shown as text: {page}"
    );
    assert!(page.contains("&lt;b id=bold&gt;modern&lt;/b&gt;"));
    assert!(page.contains("/export\""), "a finding can be taken along");
    for markup in ["<b id", "<img", "</td><script"] {
        assert!(!page.contains(markup), "{markup}: {page}");
    }
}
