//! routes.toml as it is written by editors, Kubernetes, operators and by mistake.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]

mod common;

use axum::Router;
use axum::routing::any;
use common::{Proxy, backend, eventually, one_route};
use cutover::routes::{EditError, RouteEdit};
use cutover::routing::Mode;
use std::os::unix::fs::symlink;
use std::process::Command;

async fn side(name: &'static str) -> std::net::SocketAddr {
    backend(Router::new().fallback(any(move || async move { name }))).await
}

/// Asks until `expected` answers, which must be soon.
async fn until_answered_by(proxy: &Proxy, expected: &str) {
    let deadline = std::time::Instant::now() + common::PATIENCE;
    while proxy.get("/").await.body != expected {
        assert!(
            std::time::Instant::now() < deadline,
            "{expected} never answered"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_swapped_links_of_a_config_map_are_followed() {
    let (legacy, modern) = (side("L").await, side("M").await);
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    // As a kubelet lays out a ConfigMap: file → ..data/file, ..data → a folder with a date.
    let version = |name: &str, mode: &str| {
        std::fs::create_dir(root.join(name)).unwrap();
        std::fs::write(
            root.join(name).join("routes.toml"),
            one_route(legacy, modern, mode, ""),
        )
        .unwrap();
    };
    let proxy = Proxy::start_in(folder, &one_route(legacy, modern, "legacy", "")).await;
    std::fs::remove_file(root.join("routes.toml")).unwrap();
    version("..2026_01", "modern");
    symlink("..2026_01", root.join("..data")).unwrap();
    symlink("..data/routes.toml", root.join("routes.toml")).unwrap();
    until_answered_by(&proxy, "M").await;
    version("..2026_02", "legacy");
    symlink("..2026_02", root.join("..data_tmp")).unwrap();
    std::fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    until_answered_by(&proxy, "L").await;
}

#[tokio::test]
async fn a_file_that_vanishes_or_is_empty_changes_nothing_but_the_report() {
    let (legacy, modern) = (side("L").await, side("M").await);
    let text = one_route(legacy, modern, "legacy", "");
    let proxy = Proxy::start(&text).await;
    for content in [
        None,
        Some("\u{0}\u{1}"),
        Some("[[routes]]\nname = 3"),
        Some("routes = ["),
    ] {
        match content {
            None => std::fs::remove_file(proxy.routes_file()).unwrap(),
            Some(content) => std::fs::write(proxy.routes_file(), content).unwrap(),
        }
        eventually(|| proxy.running.routes.problems()).await;
        assert_eq!(proxy.get("/").await.body, "L");
        std::fs::write(proxy.routes_file(), &text).unwrap();
        eventually(|| proxy.running.routes.problems().is_none().then_some(())).await;
    }
}

#[tokio::test]
async fn a_route_that_only_a_refused_file_names_is_not_reported() {
    let (legacy, modern) = (side("L").await, side("M").await);
    let text = one_route(legacy, modern, "legacy", "");
    let proxy = Proxy::start(&text).await;
    let named = text.replace("\"all\"", "\"misnamed\"");
    std::fs::write(proxy.routes_file(), format!("{named}sample = \"lots\"\n")).unwrap();
    eventually(|| proxy.running.routes.problems()).await;
    for path in ["/api/outcomes", "/metrics"] {
        let told = proxy.control(http::Request::get(path), "").await.body;
        assert!(
            told.contains("\"all\"") && !told.contains("misnamed"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn an_edit_made_for_another_version_is_refused_and_nothing_is_lost() {
    let (legacy, modern) = (side("L").await, side("M").await);
    let proxy = Proxy::start(&one_route(legacy, modern, "legacy", "")).await;
    let routes = &proxy.running.routes;
    let old = routes.etag();
    // Somebody saves the file, and an edit comes before the watch has seen it.
    let by_hand = one_route(legacy, modern, "legacy", "sample = \"7%\"");
    std::fs::write(proxy.routes_file(), &by_hand).unwrap();
    let edit = RouteEdit {
        mode: Some(Mode::Modern),
        ..RouteEdit::default()
    };
    let refused = routes.edit("all", &edit, Some(&old)).await;
    assert!(
        matches!(refused, Err(EditError::Stale { .. })),
        "{refused:?}"
    );
    assert_eq!(
        std::fs::read_to_string(proxy.routes_file()).unwrap(),
        by_hand
    );
    routes
        .edit("all", &edit, Some(&routes.etag()))
        .await
        .unwrap();
    assert_eq!(proxy.get("/").await.body, "M");
    let now = std::fs::read_to_string(proxy.routes_file()).unwrap();
    assert_eq!(
        now,
        by_hand.replace("mode = \"legacy\"", "mode = \"modern\"")
    );
}

#[tokio::test]
async fn a_peer_that_fails_its_health_check_gets_no_traffic_until_it_is_well() {
    let ill = common::dead_backend().await;
    let (well, modern) = (side("L").await, side("M").await);
    let routes = one_route(well, modern, "legacy", "").replace(
        &format!("peers = [\"{well}\"]"),
        &format!("peers = [\"{well}\", \"{ill}\"]\nhealth_check = {{ path = \"/\", interval = \"50ms\" }}"),
    );
    let proxy = Proxy::start(&routes).await;
    // Before the first checks a dead peer may still be asked; after them it isn't.
    let deadline = std::time::Instant::now() + common::PATIENCE;
    let mut in_a_row = 0;
    while in_a_row < 50 {
        assert!(
            std::time::Instant::now() < deadline,
            "the dead peer is still asked"
        );
        in_a_row = if proxy.get("/").await.body == "L" {
            in_a_row + 1
        } else {
            0
        };
    }
}

fn check(text: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("routes.toml");
    std::fs::write(&file, text).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_cutover"))
        .arg("check")
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (
        output.status.code(),
        said.replace(&format!("{}:", file.display()), ""),
    )
}

const FIRST: &str = r#"default = "nobody"
[upstreams.legacy]
peers = ["127.0.0.1:99999"]
conect_timeout = "2s"
[upstreams.modern]
peers = []
read_timeout = "soon"
[mirror]
max_bytes = "lots"
queue = -1
[[routes]]
name = "a"
path = "/a/{id}"
mode = "shadows"
legacy = "legacy"
[[routes]]
name = "b"
path = "/b"
mode = "legacy"
methods = "GET"
"#;

#[test]
fn every_mistake_is_reported_at_once_with_line_column_and_value() {
    let (code, said) = check(FIRST);
    assert_eq!(code, Some(1), "{said}");
    for expected in [
        "4:1: `conect_timeout` is no key here; did you mean `connect_timeout`?",
        "10:9: `queue` is -1, expected a whole number within its range",
        "14:8: `mode` is \"shadows\", expected \"legacy\" or \"shadow\" or \"modern\"",
        "20:11: `methods` is \"GET\", expected an array",
    ] {
        assert!(said.contains(expected), "no {expected:?} in:\n{said}");
    }
    // A mistake of the one sort hides none of the other.
    for expected in [
        "1:11: no route is named \"nobody\"",
        "3:10: \"127.0.0.1:99999\" is no address",
        "6:9: upstream \"modern\" has no peers",
    ] {
        let mended = FIRST.replace("mode = \"shadows\"", "mode = \"shadow\"");
        let (_, said) = check(&mended);
        assert!(said.contains("4:1: `conect_timeout`"), "{said}");
        assert!(said.contains(expected), "no {expected:?} in:\n{said}");
    }
    let (code, said) = check(
        r#"default = "nobody"
[upstreams.legacy]
peers = ["127.0.0.1:99999"]
[upstreams.modern]
peers = []
read_timeout = "soon"
[mirror]
max_bytes = "lots"
[[routes]]
name = "a"
path = "/a/{id}"
mode = "shadow"
legacy = "legacy"
modern_share = "150%"
[[routes]]
name = "a"
path = "/a/{other}"
mode = "legacy"
legacy = "elsewhere"
methods = ["get"]
[routes.compare]
ignore = ["no/slash"]
[[routes.compare.rules]]
path = "/t"
author = "ann"
reason = "because"
expires = "soon"
time = { tolerance = "soon", naive = "Mars/Olympus" }
[compare]
rules = [{ path = "x", author = "ann", reason = "because", ignore = true }]
"#,
    );
    assert_eq!(code, Some(1), "{said}");
    for expected in [
        "1:11: no route is named \"nobody\"",
        "3:10: \"127.0.0.1:99999\" is no address",
        "5:9: upstream \"modern\" has no peers",
        "6:16: \"soon\" is no duration",
        "8:13: \"lots\" is no size",
        "12:8: route \"a\" in mode shadow needs `modern`",
        "14:16: \"150%\" is no percentage",
        "16:8: route \"a\" stands twice",
        "19:10: no upstream is named \"elsewhere\"",
        "20:12: method \"get\": methods are case-sensitive, write \"GET\"",
        "22:11: ignore[0]: \"no/slash\"",
        "27:11: rules[0].expires: \"soon\": not a date",
        "28:22: rules[0].time.tolerance: \"soon\": not a duration",
        "28:38: rules[0].time.naive: \"Mars/Olympus\"",
        "30:19: rules[0].path: \"x\": a path starts with /",
    ] {
        assert!(said.contains(expected), "no {expected:?} in:\n{said}");
    }
}

#[test]
fn ambiguous_routes_are_a_mistake() {
    let (code, said) = check(
        r#"[upstreams.legacy]
peers = ["localhost:1"]
[[routes]]
name = "a"
path = "/a/{id}"
methods = ["GET", "HEAD"]
mode = "legacy"
legacy = "legacy"
[[routes]]
name = "b"
path = "/a/{other}"
methods = ["HEAD"]
mode = "legacy"
legacy = "legacy"
"#,
    );
    assert_eq!(code, Some(1));
    assert!(
        said.contains("11:8: route \"b\" takes the same requests as \"a\""),
        "{said}"
    );
}

#[test]
fn commands_exit_as_documented() {
    let run = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_cutover"))
            .args(args)
            .output()
            .unwrap()
            .status
            .code()
    };
    assert_eq!(run(&["check", "/no/such/file"]), Some(2));
    assert_eq!(run(&["chek"]), Some(64));
    assert_eq!(run(&["proxy", "--threads", "0"]), Some(64));
    assert_eq!(run(&["--help"]), Some(0));
    assert_eq!(run(&["stop", "--control", "127.0.0.1:1"]), Some(2));
}

#[test]
fn the_reference_of_the_keys_is_the_one_that_the_code_gives() {
    let output = Command::new(env!("CARGO_BIN_EXE_cutover"))
        .arg("routes-reference")
        .output()
        .unwrap();
    let written = include_str!("../../docs/routes.md");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        written,
        "run `make docs`"
    );
}
