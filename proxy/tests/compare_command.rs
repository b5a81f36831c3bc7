//! `cutover compare` as a user runs it: files in, a verdict out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A directory with files that a user wrote.
struct Desk(TempDir);

impl Desk {
    fn with(files: &[(&str, &[u8])]) -> Self {
        let desk = Self(TempDir::new().unwrap());
        for (name, content) in files {
            std::fs::write(desk.path(name), content).unwrap();
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn compare(&self, args: &[&str]) -> Run {
        self.compare_with_stdin(args, b"")
    }

    fn compare_with_stdin(&self, args: &[&str], input: &[u8]) -> Run {
        let mut child = Command::new(env!("CARGO_BIN_EXE_cutover"))
            .arg("compare")
            .args(args)
            .current_dir(self.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that needs no input may be gone before it is written.
        let _ = child.stdin.take().unwrap().write_all(input);
        Run::of(child.wait_with_output().unwrap())
    }
}

struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Run {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }

    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

const LEGACY: &[u8] =
    br#"{"data": {"id": "7", "total": 10.50, "createdAt": "2024-01-02T03:04:05"}}"#;
const MODERN: &[u8] =
    br#"{"data": {"id": "7", "total": 10.5, "createdAt": "2024-01-02T03:04:05Z"}}"#;

#[test]
fn files_that_differ_exit_1_and_say_where() {
    let desk = Desk::with(&[("legacy.json", LEGACY), ("modern.json", MODERN)]);
    let run = desk.compare(&["legacy.json", "modern.json"]);
    assert_eq!((run.code, &*run.err), (1, ""));
    assert_eq!(
        run.out,
        "different, 1 discrepancy\n\n\
         /data/createdAt  value\n  \
         legacy  \"2024-01-02T03:04:05\"\n  \
         modern  \"2024-01-02T03:04:05Z\"\n  \
         change  missing zone in legacy, which is UTC\n  \
         rule    { path = \"/data/createdAt\", time = { naive = \"UTC\" }, author = \"\", \
         reason = \"missing zone in legacy, which is UTC\" }\n"
    );
    let run = desk.compare(&["legacy.json", "modern.json", "--json"]);
    let expected = serde_json::json!({
        "verdict": "different",
        "discrepancies": [{
            "path": "/data/createdAt",
            "kind": "value",
            "legacy": "\"2024-01-02T03:04:05\"",
            "modern": "\"2024-01-02T03:04:05Z\"",
        }],
        "unreported": 0,
    });
    assert_eq!((run.code, run.json()), (1, expected));
}

#[test]
fn rules_make_them_match() {
    let rules = br#"
[[compare.rules]]
path = "/data/createdAt"
time = { tolerance = "1s", naive = "UTC" }
author = "ann"
reason = "local time"
"#;
    let desk = Desk::with(&[
        ("a.json", LEGACY),
        ("b.json", MODERN),
        ("rules.toml", rules),
    ]);
    let run = desk.compare(&["a.json", "b.json", "--rules", "rules.toml"]);
    let said = "matched\n\nhidden by rules: time /data/createdAt\n";
    assert_eq!((run.code, &*run.out, &*run.err), (0, said, ""));
}

#[test]
fn every_mistake_in_the_rules_has_its_line_and_column() {
    let rules = b"[compare]\nignore = [\n  \"/ok\",\n  \"data/id\",\n]\nmax_depth = 0\n\n[compare.keyed]\n\"items\" = \"/id\"\n\"/data\" = \"id\"\n";
    let desk = Desk::with(&[
        ("a.json", LEGACY),
        ("b.json", MODERN),
        ("rules.toml", rules),
    ]);
    let run = desk.compare(&["a.json", "b.json", "--rules", "rules.toml"]);
    assert_eq!((run.code, &*run.out), (2, ""));
    let places: Vec<_> = run
        .err
        .lines()
        .map(|line| line.split(": ").next().unwrap())
        .collect();
    assert_eq!(
        places,
        [
            "rules.toml:4:3",
            "rules.toml:6:13",
            "rules.toml:9:1",
            "rules.toml:10:11"
        ],
        "{}",
        run.err
    );
    assert!(run.err.contains("\"data/id\""), "{}", run.err);
}

#[test]
fn rules_that_are_no_rules_are_refused_with_their_place() {
    for (rules, place, says) in [
        ("[compare]\nignored = []\n", "rules.toml:2:1", "ignored"),
        (
            "[compare]\nignore = \"/a\"\n",
            "rules.toml:2:10",
            "an array",
        ),
        ("[compare]\nignore = [\n", "rules.toml:", "array"),
        ("ignore = []\n", "rules.toml:1:1", "ignore"),
        ("", "rules.toml:1:1", "compare"),
    ] {
        let desk = Desk::with(&[("a.json", LEGACY), ("rules.toml", rules.as_bytes())]);
        let run = desk.compare(&["a.json", "a.json", "--rules", "rules.toml"]);
        assert_eq!(run.code, 2, "{rules}");
        assert!(
            run.err.starts_with(place) && run.err.contains(says),
            "{rules:?} {}",
            run.err
        );
    }
}

#[test]
fn raw_responses_are_compared_with_their_heads() {
    let legacy = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 9\r\n\r\n{\"a\":1.0}";
    let modern = b"HTTP/1.1 201 Created\nContent-Type: application/json\nTransfer-Encoding: chunked\n\n4;x=y\r\n{\"a\"\r\n4\n: 2}\n0\r\nTrailer: 1\r\n\r\n";
    let desk = Desk::with(&[("legacy.http", legacy), ("modern.http", modern)]);
    let run = desk.compare(&["legacy.http", "modern.http", "--json"]);
    let json = run.json();
    let found = json["discrepancies"].as_array().unwrap();
    let found: Vec<_> = found.iter().map(|d| d["path"].as_str().unwrap()).collect();
    assert_eq!(
        found,
        ["status", "headers/content-type", "/a"],
        "{}",
        run.err
    );
    assert_eq!(run.code, 1);
}

#[test]
fn a_body_alone_has_status_200_and_no_headers_to_differ_in() {
    let raw = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n\r\n{\"a\": 1}";
    let desk = Desk::with(&[("legacy.http", raw), ("modern.json", b"{\"a\": 1.0}")]);
    assert_eq!(desk.compare(&["legacy.http", "modern.json"]).code, 0);
}

#[test]
fn codings_are_taken_off_and_a_broken_one_exits_2() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(b"{\"a\": 1}").unwrap();
    let packed = encoder.finish().unwrap();
    let head =
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n\r\n";
    let (whole, broken) = (
        [&head[..], &packed].concat(),
        [&head[..], &packed[..15]].concat(),
    );
    let desk = Desk::with(&[("a", &whole), ("b.json", b"{\"a\":1}"), ("broken", &broken)]);
    assert_eq!(desk.compare(&["a", "b.json"]).code, 0);
    let run = desk.compare(&["broken", "b.json", "--json"]);
    assert_eq!(
        (run.code, run.json()["reason"].as_str()),
        (2, Some("bad_encoding"))
    );
    assert_eq!(
        desk.compare(&["broken", "b.json"]).out,
        "undecodable: bad_encoding\n"
    );
}

#[test]
fn broken_framing_exits_2_and_says_what_is_broken() {
    let head = "HTTP/1.1 200 OK\r\n";
    for (rest, says) in [
        (
            "Content-Length: 5\r\n\r\nabc",
            "Content-Length says 5 bytes, but 3 follow",
        ),
        (
            "Content-Length: 2\r\n\r\nabc",
            "Content-Length says 2 bytes, but 3 follow",
        ),
        ("Content-Length: +3\r\n\r\nabc", "Content-Length \"+3\""),
        (
            "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
            "Content-Length \"3, 4\"",
        ),
        (
            "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding \"gzip, chunked\"",
        ),
        (
            "Transfer-Encoding: chunked\r\n\r\nabc",
            "byte 0 of the body",
        ),
        (
            "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            "byte 8 of the body",
        ),
        (
            "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
            "longer than its size",
        ),
        (
            "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc",
            "within the chunk",
        ),
        (
            "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc",
            "no chunk size",
        ),
        (
            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nabc",
            "after the last chunk",
        ),
        ("no colon\r\n\r\n", "head of the response is broken"),
        ("Content-Type: text/plain\r\n", "ends before the head"),
    ] {
        let raw = format!("{head}{rest}");
        let desk = Desk::with(&[("a.http", raw.as_bytes()), ("b.txt", b"abc")]);
        let run = desk.compare(&["a.http", "b.txt"]);
        assert_eq!((run.code, &*run.out), (2, ""), "{raw}");
        assert!(
            run.err.starts_with("a.http: ") && run.err.contains(says),
            "{raw:?}: {}",
            run.err
        );
    }
    let desk = Desk::with(&[("a", b"HTTP/2 200\r\n\r\n"), ("b", b"HTTP/2 is a protocol")]);
    assert!(desk.compare(&["a", "b"]).err.contains("--http1.1"));
    assert_eq!(desk.compare(&["b", "b"]).code, 0);
}

#[test]
fn the_type_comes_from_the_extension_or_the_option() {
    let (legacy, modern) = (b"{\"a\":1}", b"{\"a\":1.0}");
    let desk = Desk::with(&[
        ("a.txt", legacy),
        ("b.txt", modern),
        ("a", legacy),
        ("b", modern),
    ]);
    let kind = |args: &[&str]| {
        let run = desk.compare(&[args, &["--json"]].concat());
        run.json()["discrepancies"][0]["kind"]
            .as_str()
            .map(str::to_owned)
    };
    assert_eq!(kind(&["a.txt", "b.txt"]).as_deref(), Some("text"));
    assert_eq!(
        kind(&["a.txt", "b.txt", "--content-type", "application/json"]),
        None
    );
    assert_eq!(
        kind(&["a", "b", "--content-type", "image/png"]).as_deref(),
        Some("bytes")
    );
    assert_eq!(
        kind(&["a", "b"]),
        None,
        "what looks like JSON on both sides is"
    );
    assert!(
        desk.compare(&["a", "b", "--content-type", "a\nb"])
            .err
            .contains("\"a\\nb\"")
    );
}

#[test]
fn one_side_may_come_from_the_standard_input() {
    let desk = Desk::with(&[("a.json", LEGACY)]);
    let run = desk.compare_with_stdin(
        &["a.json", "-", "--content-type", "application/json"],
        MODERN,
    );
    assert_eq!(run.code, 1, "{}", run.err);
    let both = desk.compare(&["-", "-"]);
    assert_eq!(both.code, 64, "{}", both.err);
}

#[test]
fn what_cannot_be_read_exits_2_and_wrong_usage_64() {
    let desk = Desk::with(&[("a.json", LEGACY)]);
    let run = desk.compare(&["a.json", "gone.json", "--rules", "gone.toml"]);
    assert_eq!(run.code, 2);
    let files: Vec<_> = run
        .err
        .lines()
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert_eq!(
        files,
        ["gone.json", "gone.toml"],
        "every mistake is told at once"
    );
    assert_eq!(desk.compare(&["a.json"]).code, 64);
    let large = std::fs::File::create(desk.path("large.json")).unwrap();
    large.set_len((64 << 20) + 1).unwrap();
    let run = desk.compare(&["a.json", "large.json"]);
    assert_eq!(run.code, 2);
    assert!(
        run.err.starts_with("large.json: larger than"),
        "{}",
        run.err
    );
}
