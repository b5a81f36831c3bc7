//! Findings as files: exported, held against rules with no network, and put into another journal.
#![expect(clippy::unwrap_used, reason = "what a test can't get fails the test")]

mod common;

use axum::Router;
use axum::routing::any;
use common::{PATIENCE, Proxy, backend, one_route};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const LEGACY: &str = r#"{"total": 1.00, "name": "a", "mail": "ann@legacy.example"}"#;
const MODERN: &str = r#"{"total": 1.01, "name": "a", "mail": "ann@legacy.example"}"#;

fn answering(body: &'static str) -> Router {
    let answer = move || async move { ([("content-type", "application/json")], body) };
    Router::new().fallback(any(answer))
}

/// A proxy whose sides answer with these bodies, and further lines of routes.toml.
async fn proxy(legacy: &'static str, modern: &'static str, lines: &str) -> Proxy {
    let (legacy, modern) = (
        backend(answering(legacy)).await,
        backend(answering(modern)).await,
    );
    Proxy::start(&one_route(legacy, modern, "shadow", lines)).await
}

/// The findings of a proxy, once there are so many.
async fn findings(proxy: &Proxy, wanted: usize) -> Vec<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let request = http::Request::get("/api/discrepancies");
        let list: Value = serde_json::from_str(&proxy.control(request, "").await.body).unwrap();
        let found = list["discrepancies"].as_array().unwrap();
        if found.len() == wanted {
            return found.clone();
        }
        assert!(Instant::now() < deadline, "not {wanted}: {list:#}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Runs `cutover`; answers its exit code and what it printed.
async fn cutover(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
    command.args(arguments);
    let run = tokio::task::spawn_blocking(move || command.output());
    let output = run.await.unwrap().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(printed).unwrap())
}

/// Has a proxy find something and write it to a directory; the only file there.
async fn exported(proxy: &Proxy, directory: &Path) -> PathBuf {
    let request = http::Request::get("/orders/7").header("authorization", "Bearer canary-1");
    proxy.ask(request, "").await;
    findings(proxy, 1).await;
    let control = proxy.running.control_address.to_string();
    let out = directory.to_str().unwrap();
    let arguments = ["findings", "export", "--open", "--out", out, "--control"];
    let (code, told) = cutover(&[&arguments[..], &[&control]].concat()).await;
    assert_eq!(code, Some(0), "{told}");
    let mut files = std::fs::read_dir(directory).unwrap();
    files.next().unwrap().unwrap().path()
}

async fn verify(arguments: &[&str]) -> (Option<i32>, String) {
    cutover(&[&["verify"], arguments].concat()).await
}

fn edit(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "no {from} in {text}");
    std::fs::write(file, text.replace(from, to)).unwrap();
}

#[tokio::test]
async fn an_exported_finding_is_a_readable_file_without_secrets() {
    let proxy = proxy(LEGACY, MODERN, "").await;
    let directory = tempfile::tempdir().unwrap();
    let file = exported(&proxy, directory.path()).await;
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(
        !text.contains("canary-1") && !text.contains("ann@"),
        "{text}"
    );
    for part in [
        r#""format": "cutover-finding/1""#,
        r#""expect": "differs""#,
        r#""target": "/orders/7""#,
        r#""mail": "[redacted:"#,
        "          \"total\": 1.01,\n",
        r#""content-type: application/json""#,
        r#""request/headers/authorization""#,
        r#""modern/body/mail""#,
    ] {
        assert!(text.contains(part), "no {part} in {text}");
    }
    let again = std::fs::metadata(&file).unwrap().modified().unwrap();
    assert_eq!(exported(&proxy, directory.path()).await, file);
    let kept = std::fs::metadata(&file).unwrap().modified().unwrap();
    assert_eq!(again, kept, "a file that is there is kept");
}

#[tokio::test]
async fn a_file_is_a_test_of_the_rules_with_no_network() {
    let directory = tempfile::tempdir().unwrap();
    let file = {
        let proxy = proxy(LEGACY, MODERN, "").await;
        exported(&proxy, directory.path()).await
    };
    let all = directory.path().to_str().unwrap();
    let (code, told) = verify(&[all]).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("still differs the same way: good"), "{told}");

    let rule = r#"[routes.compare]
rules = [{ path = "/total", number = { tolerance = "0.01" }, author = "ann", reason = "cents" }]"#;
    let (nowhere, elsewhere) = ("127.0.0.1:1".parse(), "127.0.0.1:2".parse());
    let routes = one_route(nowhere.unwrap(), elsewhere.unwrap(), "shadow", rule);
    let with_rule = directory.path().join("routes.toml");
    std::fs::write(&with_rule, &routes).unwrap();
    let with_rule = ["--routes", with_rule.to_str().unwrap()];
    let (code, told) = verify(&[&[all], &with_rule[..]].concat()).await;
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("now matches: NOT GOOD"), "{told}");

    edit(&file, r#""expect": "differs""#, r#""expect": "matches""#);
    assert_eq!(verify(&[all]).await.0, Some(1));
    let (code, told) = verify(&[&[all, "--json"], &with_rule[..]].concat()).await;
    let report: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(report["files"][0]["result"], "matches");
    assert_eq!(report["good"], 1);

    let after = |name: &str| format!("1.01,\n          \"name\": \"{name}\"");
    edit(&file, &after("a"), &after("b"));
    let (code, told) = verify(&[&[all], &with_rule[..]].concat()).await;
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("differs otherwise: NOT GOOD"), "{told}");
    assert!(
        told.contains("/name  value: legacy \"a\", modern \"b\""),
        "{told}"
    );
}

#[tokio::test]
async fn an_imported_finding_is_marked_and_counts_no_traffic() {
    let directory = tempfile::tempdir().unwrap();
    let first = proxy(LEGACY, MODERN, "").await;
    let file = exported(&first, directory.path()).await;
    let second = proxy(LEGACY, MODERN, "").await;
    let control = second.running.control_address.to_string();
    let file = file.to_str().unwrap();
    let import = ["findings", "import", file, "--control", &control];
    let (code, told) = cutover(&import).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("imported"), "{told}");
    let found = &findings(&second, 1).await[0];
    let brief = json!([
        found["imported"],
        found["count"],
        found["state"],
        found["path"]
    ]);
    assert_eq!(brief, json!([true, 0, "open", "/total"]));
    assert_eq!(second.settled("all").await.eligible, 0);
    let (code, told) = cutover(&import).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("known"), "{told}");

    second.get("/orders/8").await;
    let deadline = Instant::now() + PATIENCE;
    while findings(&second, 1).await[0]["count"] != 1 {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let id = findings(&second, 1).await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let one = http::Request::get(format!("/api/discrepancies/{id}"));
    let one: Value = serde_json::from_str(&second.control(one, "").await.body).unwrap();
    assert_eq!(one["samples"].as_array().unwrap().len(), 2, "{one:#}");
}

#[tokio::test]
async fn an_import_passes_through_the_redaction_of_its_journal_and_the_rules_of_its_route() {
    let directory = tempfile::tempdir().unwrap();
    let first = proxy(LEGACY, MODERN, "").await;
    let file = exported(&first, directory.path()).await;
    let lines = r#"[routes.compare]
rules = [{ path = "/total", number = { tolerance = "0.01" }, author = "ann", reason = "cents" }]
[journal]
redact_paths = ["/name"]"#;
    let second = proxy(LEGACY, MODERN, lines).await;
    let control = second.running.control_address.to_string();
    let import = [
        "findings",
        "import",
        file.to_str().unwrap(),
        "--control",
        &control,
    ];
    assert_eq!(cutover(&import).await.0, Some(0));
    let found = &findings(&second, 1).await[0];
    assert_eq!(found["state"], "allowed");
    let id = found["id"].as_str().unwrap();
    let one = http::Request::get(format!("/api/discrepancies/{id}"));
    let one: Value = serde_json::from_str(&second.control(one, "").await.body).unwrap();
    let body = one["samples"][0]["exchange"]["modern"]["body"]["text"]
        .as_str()
        .unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    assert!(
        body["name"].as_str().unwrap().starts_with("[redacted"),
        "{body}"
    );

    let elsewhere = directory.path().join("elsewhere.finding.json");
    std::fs::copy(&file, &elsewhere).unwrap();
    edit(&elsewhere, r#""route": "all""#, r#""route": "nobody""#);
    let import = [
        "findings",
        "import",
        elsewhere.to_str().unwrap(),
        "--control",
        &control,
    ];
    let (code, told) = cutover(&import).await;
    assert_eq!(code, Some(1), "{told}");
    assert!(
        told.contains("elsewhere.finding.json") && told.contains("\"nobody\""),
        "{told}"
    );
}

#[tokio::test]
async fn a_file_that_is_none_is_told_with_its_place_and_the_others_are_judged() {
    let directory = tempfile::tempdir().unwrap();
    let file = {
        let proxy = proxy(LEGACY, MODERN, "").await;
        exported(&proxy, directory.path()).await
    };
    let good = std::fs::read_to_string(&file).unwrap();
    let all = directory.path().join("below").join("deeper");
    std::fs::create_dir_all(&all).unwrap();
    let broken = [
        ("empty", String::new(), "EOF"),
        (
            "other",
            r#"{"format": "har"}"#.to_owned(),
            "its format is \"har\"",
        ),
        ("later", good.replace("finding/1", "finding/2"), "finding/2"),
        ("long", " ".repeat(5 << 20), "more than 4194304 bytes"),
        ("deep", "[".repeat(1 << 20), "line 1 column"),
        (
            "header",
            good.replace("content-type: a", "content type a"),
            "content type a",
        ),
        ("key", good.replace("\"expect\"", "\"expekt\""), "expekt"),
        (
            "forged",
            good.replace("\"path\": \"/total\"", "\"path\": \"/name\""),
            "/name",
        ),
        ("cut", good[..good.len() / 2].to_owned(), "at line"),
    ];
    for (name, text, _) in &broken {
        std::fs::write(all.join(format!("{name}.finding.json")), text).unwrap();
    }
    std::fs::write(all.join("other.json"), "not ours").unwrap();
    std::os::unix::fs::symlink(directory.path(), all.join("circle")).unwrap();
    let (code, told) = verify(&[directory.path().to_str().unwrap()]).await;
    assert_eq!(code, Some(2), "{told}");
    assert!(
        told.contains("1 as expected, 0 not, 9 can't be told"),
        "{told}"
    );
    let lines: Vec<&str> = told.lines().collect();
    for (name, _, part) in &broken {
        let at = lines
            .iter()
            .position(|line| line.contains(&format!("{name}.finding.json")));
        let why = lines[at.unwrap() + 1];
        assert!(why.contains(part), "{name}: {why}");
    }
    assert_eq!(verify(&["/no/such/place"]).await.0, Some(2));
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(verify(&[empty.path().to_str().unwrap()]).await.0, Some(2));
}

#[tokio::test]
async fn a_failure_has_no_two_answers_to_export() {
    let legacy = backend(answering(LEGACY)).await;
    let dead = common::dead_backend().await;
    let proxy = Proxy::start(&one_route(legacy, dead, "shadow", "")).await;
    proxy.get("/orders/7").await;
    let deadline = Instant::now() + PATIENCE;
    let id = loop {
        let request = http::Request::get("/api/failures");
        let list: Value = serde_json::from_str(&proxy.control(request, "").await.body).unwrap();
        if let Some(id) = list["failures"][0]["id"].as_str() {
            break id.to_owned();
        }
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let control = proxy.running.control_address.to_string();
    let (code, told) = cutover(&["findings", "export", &id, "--control", &control]).await;
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("candidate_error"), "{told}");
}
