//! Secrets planted everywhere that an exchange has a place for them: none comes out anywhere but
//! where the client sent it.

#![expect(clippy::unwrap_used, reason = "what a test can't get fails the test")]

mod common;

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use common::{PATIENCE, Proxy, backend, dead_backend};
use serde_json::Value;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Instant;

const CARD: &str = "4111111111111111";
const CARD_IN_GROUPS: &str = "5555-5555-5555-4444";
const MAIL: &str = "ann.canary@example.org";
const OTHER_MAIL: &str = "bob.canary@example.org";
const JWT: &str = "eyJhbGciOiJDQU5BUlkifQ.eyJzdWIiOiJDQU5BUlkifQ.Q0FOQVJZ";
const OPAQUE: &str = "CANARY0tok3n";
/// What gives a canary away, whole or cut.
const TRACES: [&str; 6] = [
    "411111",
    "5555-5555",
    "canary",
    "CANARY",
    "Q0FOQVJZ",
    "OiJDQU5BUlk",
];

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A side that answers with secrets of its own and with those that both have.
async fn side(name: &'static str, mail: &'static str) -> std::net::SocketAddr {
    let answer = move |request: Request| async move {
        let path = request.uri().path().to_owned();
        let (kind, body) = if path.ends_with("/text") {
            (
                "text/plain",
                format!("{name}\nto {mail}\npaid by {CARD_IN_GROUPS}\n{JWT}\n"),
            )
        } else {
            let body = format!(
                r#"{{"side": "{name}", "mail": "{mail}", "{mail}": 1, "card": {CARD},
                    "note": "see {JWT}", "pass": {{"word": "{OPAQUE}", "{OPAQUE}": "{name}"}},
                    "{name}": {{"to": ["{MAIL}"]}}, "token": "{OPAQUE}"}}"#
            );
            ("application/json", body)
        };
        let headers = [
            ("content-type", kind.to_owned()),
            ("set-cookie", format!("sid={OPAQUE}-{name}")),
            ("location", format!("/{name}?mail={mail}&token={OPAQUE}")),
            ("x-note", format!("Bearer {OPAQUE}")),
        ];
        (headers, body)
    };
    backend(Router::new().fallback(any(answer))).await
}

async fn told(proxy: &Proxy, path: &str) -> String {
    proxy.control(http::Request::get(path), "").await.body
}

/// Everything that the control API says, findings one by one.
async fn everything(proxy: &Proxy, findings: usize) -> String {
    let deadline = Instant::now() + PATIENCE;
    let list: Value = loop {
        let list = serde_json::from_str(&told(proxy, "/api/discrepancies").await).unwrap();
        let list: &Value = &list;
        if list["discrepancies"]
            .as_array()
            .is_some_and(|all| all.len() >= findings)
        {
            break list.clone();
        }
        assert!(Instant::now() < deadline, "{list:#}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    let mut all = list.to_string();
    for finding in list["discrepancies"].as_array().unwrap() {
        let id = finding["id"].as_str().unwrap();
        all += &told(proxy, &format!("/api/discrepancies/{id}")).await;
        all += &told(proxy, &format!("/api/discrepancies/{id}/export")).await;
    }
    for path in [
        "/",
        "/api/routes",
        "/api/routes/all/readiness",
        "/api/outcomes",
        "/api/failures",
        "/api/ids",
        "/api/lanes",
        "/api/unrouted",
        "/metrics",
        "/readyz",
    ] {
        all += &told(proxy, path).await;
    }
    all
}

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "what is planted is looked for in all places"
)]
async fn no_planted_secret_comes_out_anywhere_and_equal_ones_are_seen_to_be_equal() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_env_filter("warn,cutover=debug")
        .with_writer(move || writer.clone())
        .init();
    let (legacy, modern) = (side("legacy", MAIL).await, side("modern", OTHER_MAIL).await);
    let dead = dead_backend().await;
    let proxy = Proxy::start(&format!(
        r#"
[journal]
redact_paths = ["/pass", "/token"]
redact_query = ["token"]
[upstreams.legacy]
peers = ["{legacy}"]
[upstreams.modern]
peers = ["{modern}"]
[upstreams.dead]
peers = ["{dead}"]
[[routes]]
name = "all"
path = "/users/{{*rest}}"
mode = "shadow"
legacy = "legacy"
modern = "modern"
compare = {{ headers = ["location", "set-cookie"] }}
[[routes]]
name = "dead"
path = "/dead/{{*rest}}"
mode = "legacy"
legacy = "dead"
"#
    ))
    .await;
    let query = format!(
        "?token={OPAQUE}&m={}&{CARD}=1&t={JWT}",
        MAIL.replace('@', "%40")
    );
    for path in ["/users", "/dead", "/unrouted"] {
        for end in ["", "/text"] {
            let request = http::Request::get(format!("{path}/{MAIL}/{JWT}/{CARD}{end}{query}"))
                .header("authorization", format!("Bearer {OPAQUE}"))
                .header("cookie", format!("sid={OPAQUE}"))
                .header("x-request-id", format!("r-{MAIL}"))
                .header("x-note", format!("{CARD_IN_GROUPS}, bearer {OPAQUE}"))
                .header("content-type", "application/json");
            let body = format!(r#"{{"pass": "{OPAQUE}", "{MAIL}": "{CARD_IN_GROUPS}"}}"#);
            let answer = proxy.ask(request, &body).await;
            assert_eq!(answer.status == 200, path == "/users", "{answer:?}");
            assert!(
                path != "/users" || answer.body.contains(JWT),
                "the client gets everything"
            );
        }
    }
    let all = everything(&proxy, 6).await;
    for trace in TRACES {
        let at = all
            .find(trace)
            .map(|at| &all[at.saturating_sub(200)..at + 60]);
        assert_eq!(at, None, "{trace} is told");
    }

    let list: Value = serde_json::from_str(&told(&proxy, "/api/discrepancies").await).unwrap();
    let side = list["discrepancies"].as_array().unwrap().iter();
    let side = side
        .clone()
        .find(|finding| finding["path"] == "/side")
        .unwrap();
    let id = side["id"].as_str().unwrap();
    let detail: Value =
        serde_json::from_str(&told(&proxy, &format!("/api/discrepancies/{id}")).await).unwrap();
    let exchange = &detail["samples"][0]["exchange"];
    let body = |side: &str| -> Value {
        serde_json::from_str(exchange[side]["body"]["text"].as_str().unwrap()).unwrap()
    };
    let (legacy, modern) = (body("legacy"), body("modern"));
    assert!(
        legacy["token"].as_str().unwrap().starts_with("[redacted:"),
        "{legacy}"
    );
    assert_eq!(legacy["token"], modern["token"], "both had the same one");
    assert_ne!(legacy["mail"], modern["mail"], "they had two");
    let request = exchange["request"].to_string();
    for known in [&legacy["token"], &legacy["mail"], &legacy["card"]] {
        assert!(
            request.contains(known.as_str().unwrap()),
            "{known} of {request}"
        );
    }

    let folder = proxy.folder;
    proxy.running.stop(PATIENCE).await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("request failed"), "{log}");
    let mut stored = Vec::new();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        stored.extend(std::fs::read(file.unwrap().path()).unwrap());
    }
    let stored = String::from_utf8_lossy(&stored);
    for trace in TRACES {
        assert!(!stored.contains(trace), "{trace} is stored");
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(trace)).collect();
        assert!(lines.is_empty(), "{lines:?}");
    }
}
