//! Recorded traffic of HAR and GoReplay files, sent to both sides by `cutover verify`.
#![expect(clippy::unwrap_used, reason = "what a test can't get fails the test")]

mod common;

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use common::{backend, dead_backend};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// What a side was sent: the request line, headers and body in one text each.
type Heard = Arc<Mutex<Vec<String>>>;

/// A side that tells its path and notes what it hears; `/orders/7` has a total of its own.
async fn side(total: &'static str) -> (SocketAddr, Heard) {
    let heard = Heard::default();
    let notes = Arc::clone(&heard);
    let answer = move |request: Request| {
        let notes = Arc::clone(&notes);
        async move {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            let body_text = String::from_utf8_lossy(&body);
            notes.lock().push(format!(
                "{} {} {:?} {body_text}",
                parts.method, parts.uri, parts.headers
            ));
            let total = if parts.uri.path() == "/orders/7" {
                total
            } else {
                "1"
            };
            let body = format!(r#"{{"total":{total}}}"#);
            ([("content-type", "application/json")], body)
        }
    };
    (backend(Router::new().fallback(any(answer))).await, heard)
}

struct Setting {
    folder: TempDir,
    legacy: (SocketAddr, Heard),
    modern: (SocketAddr, Heard),
}

impl Setting {
    async fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            legacy: side("1.00").await,
            modern: side("1.01").await,
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Runs `cutover verify` with a file of this sort.
    async fn verify(&self, sort: &str, bytes: &[u8], more: &[&str]) -> (Option<i32>, String) {
        let file = self.write("traffic", bytes);
        let (legacy, modern) = (self.legacy.0, self.modern.0);
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
        command.arg("verify").arg(sort).arg(file).args([
            "--legacy",
            &format!("http://{legacy}"),
            "--modern",
            &format!("http://{modern}/"),
        ]);
        command.args(more);
        let run = tokio::task::spawn_blocking(move || command.output());
        let output = run.await.unwrap().unwrap();
        let printed = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(printed).unwrap())
    }

    async fn report(&self, sort: &str, bytes: &[u8], more: &[&str]) -> (Option<i32>, Value) {
        let more = [more, &["--json"]].concat();
        let (code, told) = self.verify(sort, bytes, &more).await;
        (code, serde_json::from_str(&told).unwrap())
    }
}

fn entry(method: &str, url: &str) -> Value {
    json!({"startedDateTime": "2026-11-22T10:00:00Z", "time": 3, "request": {
        "method": method, "url": url, "httpVersion": "http/2.0", "cookies": [], "queryString": [],
        "headersSize": -1, "bodySize": 0,
        "headers": [
            {"name": ":authority", "value": "shop.example"}, {"name": "Host", "value": "shop.example"},
            {"name": "Accept", "value": "application/json"}, {"name": "Connection", "value": "x-hop"},
            {"name": "X-Hop", "value": "1"}, {"name": "Transfer-Encoding", "value": "chunked"},
            {"name": "Content-Length", "value": "99"}, {"name": "Cutover-Side", "value": "modern"},
        ]},
        "response": {"status": 200, "content": {"text": "x".repeat(1000)}}})
}

fn har(entries: &[Value]) -> Vec<u8> {
    let log = json!({"log": {"version": "1.2", "creator": {}, "pages": [{}], "entries": entries}});
    log.to_string().into_bytes()
}

#[tokio::test]
async fn every_entry_of_a_har_file_ends_in_one_outcome() {
    let setting = Setting::new().await;
    let entries = [
        entry("GET", "https://shop.example/orders/7?a=b#c"),
        entry("GET", "https://shop.example/orders/8"),
        entry("GET", "https://shop.example/customers/8"),
        entry("GET", "https://shop.example/customers/9"),
        entry("POST", "https://shop.example/orders"),
        entry("GET", "https://cdn.example/logo.png"),
        entry("GET", "wss://shop.example/socket"),
        entry("GE T", "https://shop.example/orders/9"),
        json!({"request": {"method": "GET", "url": 7}}),
        json!(null),
    ];
    let (code, report) = setting.report("--har", &har(&entries), &[]).await;
    assert_eq!(code, Some(1), "{report:#}");
    let outcomes = json!({"matched": 3, "different": 1, "unsafe": 1, "other_host": 1,
                          "unsendable": 1, "unreadable": 3});
    assert_eq!(report["entries"], 10);
    assert_eq!(report["outcomes"], outcomes);
    assert_eq!(
        report["routes"]["/orders/{id}"],
        json!({"matched": 1, "different": 1})
    );
    assert_eq!(report["routes"]["/customers/{id}"], json!({"matched": 2}));
    let found = report["differences"]
        .as_object()
        .unwrap()
        .values()
        .next()
        .unwrap();
    let brief = json!([
        found["path"],
        found["count"],
        found["entry"],
        found["request"]
    ]);
    assert_eq!(brief, json!(["/total", 1, 1, "GET /orders/7?a=b"]));
    let problems = report["problems"].to_string();
    for part in [
        "entry 7: ",
        "wss://",
        "entry 8: ",
        "GE T",
        "entry 9: ",
        "entry 10: ",
    ] {
        assert!(problems.contains(part), "no {part} in {problems}");
    }
}

#[tokio::test]
async fn a_request_is_sent_without_what_speaks_of_its_connection_host_and_length() {
    let setting = Setting::new().await;
    let entries = [entry("GET", "https://shop.example/orders/8")];
    let (code, told) = setting.verify("--har", &har(&entries), &[]).await;
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("/orders/{id}"), "{told}");
    for (address, heard) in [&setting.legacy, &setting.modern] {
        let heard = heard.lock().join("\n");
        assert!(heard.contains("application/json"), "{heard}");
        assert!(
            heard.contains(&format!("\"host\": \"{address}\"")),
            "{heard}"
        );
        for gone in [
            "shop.example",
            "x-hop",
            "transfer-encoding",
            "content-length",
            "cutover-",
        ] {
            assert!(!heard.contains(gone), "{gone} in {heard}");
        }
    }
}

#[tokio::test]
async fn what_changes_something_is_sent_when_that_is_wanted_with_its_body() {
    let setting = Setting::new().await;
    let mut text = entry("POST", "https://shop.example/orders");
    text["request"]["postData"] = json!({"mimeType": "application/json", "text": "{\"a\":1}"});
    let mut form = entry("PUT", "https://shop.example/orders/9");
    form["request"]["postData"] = json!({"mimeType": "application/x-www-form-urlencoded",
        "params": [{"name": "a b", "value": "ü"}, {"name": "c"}]});
    let mut upload = entry("POST", "https://shop.example/files");
    upload["request"]["postData"] = json!({"mimeType": "multipart/form-data",
        "params": [{"name": "f", "fileName": "a.pdf"}]});
    let file = har(&[text, form, upload]);
    let (code, report) = setting.report("--har", &file, &[]).await;
    assert_eq!(
        (code, &report["outcomes"]),
        (Some(2), &json!({"unsafe": 2, "unsendable": 1}))
    );
    assert!(setting.modern.1.lock().is_empty());
    let (code, report) = setting.report("--har", &file, &["--unsafe"]).await;
    assert_eq!(
        (code, &report["outcomes"]),
        (Some(2), &json!({"matched": 2, "unsendable": 1}))
    );
    let heard = setting.modern.1.lock().clone();
    assert!(
        heard[0].starts_with("POST /orders ") && heard[0].ends_with("{\"a\":1}"),
        "{heard:?}"
    );
    assert!(heard[1].starts_with("PUT /orders/9 "), "{heard:?}");
    assert!(heard[1].ends_with("a%20b=%C3%BC&c="), "{heard:?}");
}

#[tokio::test]
async fn routes_and_rules_of_a_routes_file_hold() {
    let setting = Setting::new().await;
    let routes = r#"
[upstreams.a]
peers = ["127.0.0.1:1"]
[[routes]]
name = "order-read"
path = "/orders/{id}"
mode = "legacy"
legacy = "a"
[routes.compare]
ignore = ["/total"]
"#;
    let routes = setting.write("routes.toml", routes.as_bytes());
    let entries = [
        entry("GET", "https://shop.example/orders/7"),
        entry("GET", "https://shop.example/customers/7"),
    ];
    let routes = ["--routes", routes.to_str().unwrap()];
    let (code, report) = setting.report("--har", &har(&entries), &routes).await;
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!(report["outcomes"], json!({"matched": 1, "no_route": 1}));
    assert_eq!(
        report["routes"]["order-read /orders/{id}"],
        json!({"matched": 1})
    );
}

const MONKEYS: &str = "\n🐵🙈🙉\n";

fn goreplay() -> Vec<u8> {
    let payloads = [
        "1 aaaa 100 0\nGET /orders/7 HTTP/1.1\r\nHost: a\r\nUpgrade-Insecure-Requests: 1\r\n\r\n",
        "2 aaaa 101 5\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        "1 bbbb 102\nGET /orders/8 HTTP/1.1\r\nHost: b\r\n\r\n",
        "1 cccc 103\nPOST /orders HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
         3\r\na\nb\r\n0\r\n\r\n",
        "1 dddd 104\nPOST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nshort",
        "7 eeee 105\nGET / HTTP/1.1\r\n\r\n",
        "1 ffff 106\nnot HTTP at all\r\n\r\n",
    ];
    let text: String = payloads.iter().map(|p| (*p).to_owned() + MONKEYS).collect();
    (text + "1 gggg 107\nGET /orders/9 HTTP/1.1\r\nHo").into_bytes()
}

#[tokio::test]
async fn every_request_of_a_goreplay_file_ends_in_one_outcome_packed_or_not() {
    let setting = Setting::new().await;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(&goreplay()).unwrap();
    for file in [goreplay(), packed.finish().unwrap()] {
        let (code, report) = setting.report("--goreplay", &file, &["--unsafe"]).await;
        assert_eq!(code, Some(1), "{report:#}");
        let outcomes = json!({"matched": 2, "different": 1, "unreadable": 4});
        assert_eq!(report["outcomes"], outcomes, "{report:#}");
    }
    let heard = setting.modern.1.lock().join("\n");
    assert!(
        heard.contains("POST /orders ") && heard.contains("a\nb"),
        "{heard}"
    );
    assert!(heard.contains("\"content-length\": \"3\""), "{heard}");
    let (code, report) = setting
        .report("--goreplay", &goreplay(), &["--host", "b"])
        .await;
    assert_eq!(code, Some(2), "{report:#}");
    assert_eq!(report["outcomes"]["matched"], 1);
    assert_eq!(report["outcomes"]["other_host"], 2);
}

#[tokio::test]
async fn a_side_that_gives_no_answer_is_no_match() {
    let mut setting = Setting::new().await;
    setting.modern.0 = dead_backend().await;
    let entries = [entry("GET", "https://shop.example/orders/8")];
    let (code, report) = setting.report("--har", &har(&entries), &[]).await;
    assert_eq!(
        (code, &report["outcomes"]),
        (Some(2), &json!({"modern_error": 1}))
    );
    assert!(
        report["problems"][0]
            .as_str()
            .unwrap()
            .contains("GET /orders/8"),
        "{report:#}"
    );
}

#[tokio::test]
async fn a_file_that_is_none_or_ends_early_can_t_be_told() {
    let setting = Setting::new().await;
    let whole = har(&[entry("GET", "https://shop.example/orders/8")]);
    let deep = "[".repeat(100_000);
    let cases: [(&[u8], &str); 6] = [
        (b"", "EOF"),
        (b"{}", "no log.entries"),
        (b"[]", "a HAR file, which is an object"),
        (b"{\"log\": {\"entries\": {}}}", "the array `log.entries`"),
        (deep.as_bytes(), "line 1 column"),
        (&whole[..whole.len() - 3], "after 1 entries"),
    ];
    for (file, part) in cases {
        let (code, told) = setting.verify("--har", file, &[]).await;
        assert_eq!(code, Some(2), "{part}: {told}");
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(setting.verify("--goreplay", b"", &[]).await.0, Some(2));
    let (code, _) = setting
        .verify("--har", &whole, &["--concurrency", "0"])
        .await;
    assert_eq!(code, Some(64));
    let (code, told) = setting
        .verify("--har", &whole, &["--legacy", "ftp://x"])
        .await;
    assert_eq!(code, Some(64), "{told}");
}

#[tokio::test]
async fn an_entry_without_end_is_refused_and_not_held() {
    let setting = Setting::new().await;
    let mut endless = b"{\"log\": {\"entries\": [{\"request\": \"".to_vec();
    endless.resize(80 << 20, b'x');
    let (code, told) = setting.verify("--har", &endless, &[]).await;
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("an entry has more than"), "{told}");
    let mut endless = b"1 aaaa 1\n".to_vec();
    endless.resize(40 << 20, b'x');
    endless.extend_from_slice(MONKEYS.as_bytes());
    endless.extend_from_slice(b"1 b 2\nGET /orders/8 HTTP/1.1\r\nHost: a\r\n\r\n");
    endless.extend_from_slice(MONKEYS.as_bytes());
    let (code, report) = setting.report("--goreplay", &endless, &[]).await;
    assert_eq!(code, Some(2), "{report:#}");
    assert_eq!(report["outcomes"], json!({"matched": 1, "unsendable": 1}));
}
