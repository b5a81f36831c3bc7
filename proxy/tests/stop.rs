//! Every route to legacy at once, by files that are broken, nailed down or saved a moment ago.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod common;

use axum::Router;
use axum::routing::any;
use common::{Proxy, backend, eventually, one_route};
use http::Request;
use std::os::unix::fs::FileExt;
use std::process::{Command, Output};

async fn side(name: &'static str) -> std::net::SocketAddr {
    backend(Router::new().fallback(any(move || async move { name }))).await
}

/// The command, against this proxy.
async fn stop(proxy: &Proxy) -> Output {
    let control = proxy.running.control_address.to_string();
    let command = move || {
        Command::new(env!("CARGO_BIN_EXE_cutover"))
            .args(["stop", "--control", &control])
            .output()
    };
    tokio::task::spawn_blocking(command).await.unwrap().unwrap()
}

#[tokio::test]
async fn stop_puts_every_route_to_legacy_at_once() {
    let (legacy, modern) = (side("L").await, side("M").await);
    let proxy = Proxy::start(&one_route(
        legacy,
        modern,
        "shadow",
        "modern_share = \"100%\"",
    ))
    .await;
    assert_eq!(proxy.get("/").await.body, "M");
    let output = stop(&proxy).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(proxy.get("/").await.body, "L");
    assert!(
        !std::fs::read_to_string(proxy.routes_file())
            .unwrap()
            .contains("modern_share")
    );
}

#[tokio::test]
async fn stop_works_while_the_file_is_broken() {
    let (legacy, modern) = (side("L").await, side("M").await);
    let text = one_route(legacy, modern, "modern", "");
    let proxy = Proxy::start(&text).await;
    std::fs::write(proxy.routes_file(), "[[routes").unwrap();
    let stopped = proxy.running.routes.stop().await;
    assert_eq!(stopped.moved, ["all"]);
    assert!(stopped.not_in_file.is_some());
    assert_eq!(proxy.get("/").await.body, "L");
    eventually(|| proxy.running.routes.problems()).await;
    assert_eq!(proxy.get("/").await.body, "L");
    assert_eq!(
        std::fs::read_to_string(proxy.routes_file()).unwrap(),
        "[[routes"
    );
}

#[tokio::test]
async fn the_command_says_that_the_file_does_not() {
    let (legacy, modern) = (side("L").await, side("M").await);
    let proxy = Proxy::start(&one_route(legacy, modern, "modern", "")).await;
    std::fs::write(proxy.routes_file(), "[[routes").unwrap();
    let output = stop(&proxy).await;
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("every route is on legacy now, but"), "{told}");
    assert_eq!(proxy.get("/").await.body, "L");
}

/// A proxy whose routes were stopped while their file could not be replaced, and that file.
async fn stopped_in_memory() -> (Proxy, std::fs::File, String) {
    let (legacy, modern) = (side("L").await, side("M").await);
    let text = one_route(legacy, modern, "modern", "");
    let proxy = Proxy::start(&text).await;
    let nailed = proxy.nail_routes_file(&text);
    let stopped = proxy.running.routes.stop().await;
    assert_eq!(stopped.moved, ["all"]);
    assert!(stopped.not_in_file.is_some());
    assert_eq!(proxy.get("/").await.body, "L");
    (proxy, nailed, text)
}

#[tokio::test]
async fn an_edit_undoes_no_stop_that_the_file_does_not_say() {
    let (proxy, _nailed, text) = stopped_in_memory().await;
    let patch = |tag: &str| {
        let request = Request::patch("/api/routes/all").header("if-match", tag);
        let request = request.header("content-type", "application/json");
        proxy.control(request, r#"{"sample": "50%"}"#)
    };
    let running = proxy.running.routes.etag();
    for (tag, expected) in [("\"another\"", 412), (running.as_str(), 503)] {
        let answer = patch(tag).await;
        assert_eq!(answer.status, expected, "{}", answer.body);
        assert_eq!(proxy.get("/").await.body, "L");
        assert_eq!(proxy.running.routes.etag(), running);
    }
    let ready = proxy.control(Request::get("/readyz"), "").await.body;
    assert!(
        ready.contains("a restart begins with what it says"),
        "{ready}"
    );
    // Once the file can be written, the next edit brings the stop into it.
    std::fs::remove_file(proxy.routes_file()).unwrap();
    std::fs::write(proxy.routes_file(), &text).unwrap();
    assert_eq!(patch(&proxy.running.routes.etag()).await.status, 200);
    assert_eq!(proxy.get("/").await.body, "L");
    let file = std::fs::read_to_string(proxy.routes_file()).unwrap();
    assert!(
        file.contains("mode = \"legacy\"") && file.contains("sample = \"50%\""),
        "{file}"
    );
    let ready = proxy.control(Request::get("/readyz"), "").await.body;
    assert!(ready.contains("\"warnings\":[]"), "{ready}");
}

#[tokio::test]
async fn a_second_stop_says_again_that_the_file_does_not_until_it_does() {
    let (proxy, _nailed, text) = stopped_in_memory().await;
    let again = proxy.running.routes.stop().await;
    assert!(again.moved.is_empty());
    assert!(again.not_in_file.is_some());
    std::fs::remove_file(proxy.routes_file()).unwrap();
    std::fs::write(proxy.routes_file(), &text).unwrap();
    let again = proxy.running.routes.stop().await;
    assert_eq!((again.moved.len(), again.not_in_file), (0, None));
    let file = std::fs::read_to_string(proxy.routes_file()).unwrap();
    assert_eq!(file, text.replace("mode = \"modern\"", "mode = \"legacy\""));
}

#[tokio::test]
async fn what_somebody_writes_into_the_file_after_a_stop_in_memory_counts() {
    let (proxy, nailed, text) = stopped_in_memory().await;
    // One write, so that no reader finds half of it.
    let edited = text.replace("\"all\"", "\"ALL\"");
    nailed.write_all_at(edited.as_bytes(), 0).unwrap();
    eventually(|| proxy.running.routes.table().route("ALL").map(|_| ())).await;
    assert_eq!(proxy.get("/").await.body, "M");
}

#[tokio::test]
async fn stop_takes_back_what_was_saved_a_moment_before() {
    let (legacy, modern) = (side("L").await, side("M").await);
    let text = one_route(legacy, modern, "legacy", "");
    let proxy = Proxy::start(&text).await;
    let saved = text.replace("mode = \"legacy\"", "mode = \"modern\" # tonight");
    std::fs::write(proxy.routes_file(), &saved).unwrap();
    let stopped = proxy.running.routes.stop().await;
    assert_eq!(
        (stopped.moved, stopped.not_in_file),
        (vec!["all".to_owned()], None)
    );
    assert_eq!(proxy.get("/").await.body, "L");
    let file = std::fs::read_to_string(proxy.routes_file()).unwrap();
    assert_eq!(file, saved.replace("\"modern\" #", "\"legacy\" #"));
}
