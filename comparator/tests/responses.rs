//! Status, headers, codings, and bodies that are not JSON or only say so.

mod common;

use std::io::Write;

use bytes::Bytes;
use common::{bodies, found, headers, rules};
use comparator::{Comparison, Kind, Response, Rules, Undecodable, Verdict, compare};

type Side<'a> = (u16, &'a [(&'a str, &'a str)], &'a [u8]);

fn judge(legacy: Side<'_>, modern: Side<'_>, rules: &Rules) -> Comparison {
    let (mine, theirs) = (headers(legacy.1), headers(modern.1));
    let chunks = |body: &[u8]| {
        body.chunks(5)
            .map(Bytes::copy_from_slice)
            .collect::<Vec<_>>()
    };
    compare(
        &Response {
            status: legacy.0,
            headers: &mine,
            body: &chunks(legacy.2),
        },
        &Response {
            status: modern.0,
            headers: &theirs,
            body: &chunks(modern.2),
        },
        rules,
    )
}

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

#[expect(clippy::unwrap_used, reason = "writing to memory does not fail")]
fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn bodies_are_compared_within_a_class_of_statuses_only() {
    let none = Rules::default();
    let (ok, created, gone) = (
        (200, JSON, &b"[1]"[..]),
        (201, JSON, &b"[2]"[..]),
        (404, JSON, &b"[3]"[..]),
    );
    assert_eq!(
        found(&judge(ok, created, &none)),
        [(Kind::Status, "status"), (Kind::Value, "/0")]
    );
    assert_eq!(found(&judge(ok, gone, &none)), [(Kind::Status, "status")]);
    let ignoring = rules(r#"ignore = ["status"]"#);
    assert_eq!(found(&judge(ok, gone, &ignoring)), [(Kind::Value, "/0")]);
}

#[test]
fn declared_headers_are_compared_as_lists_of_values() {
    let rules = rules(r#"headers = ["Content-Type", "vary"]"#);
    let legacy = &[
        ("content-type", "text/plain; charset=utf-8"),
        ("vary", "a"),
        ("vary", "b"),
        ("x", "1"),
    ][..];
    let modern = &[
        ("content-type", "Text/Plain;charset=UTF-8"),
        ("vary", "a"),
        ("x", "2"),
    ][..];
    let comparison = judge((200, legacy, b"x"), (200, modern, b"x"), &rules);
    assert_eq!(found(&comparison), [(Kind::Header, "headers/vary")]);
    assert_eq!(comparison.discrepancies[0].legacy.as_deref(), Some("a, b"));
    let absent = judge((200, legacy, b"x"), (200, &[], b"x"), &Rules::default());
    assert_eq!(found(&absent), [(Kind::Header, "headers/content-type")]);
    assert_eq!(absent.discrepancies[0].modern, None);
}

#[test]
fn a_coding_is_no_difference() {
    let packed = gzip(b"{\"a\": 1}");
    let coded = &[
        ("content-type", "application/json"),
        ("content-encoding", "gzip"),
    ][..];
    let plain = (200, JSON, &b"{\"a\":1.0}"[..]);
    assert_eq!(
        judge((200, coded, &packed), plain, &Rules::default()).verdict,
        Verdict::Matched
    );
    let broken = judge((200, coded, &packed[..9]), plain, &Rules::default());
    assert_eq!(
        broken.verdict,
        Verdict::Undecodable(Undecodable::BadEncoding)
    );
    let bomb = gzip(&vec![b' '; 9 << 20]);
    let bombed = judge((200, coded, &bomb), plain, &Rules::default());
    assert_eq!(bombed.verdict, Verdict::Undecodable(Undecodable::Bomb));
}

#[test]
fn an_unknown_coding_is_judged_by_its_bytes_alone() {
    let coded = &[("content-encoding", "secret")][..];
    let none = Rules::default();
    assert_eq!(
        judge((200, coded, b"abcdefg"), (200, coded, b"abcdefg"), &none).verdict,
        Verdict::Matched
    );
    let other = judge((200, coded, b"abcdefg"), (200, coded, b"abcdefh"), &none);
    assert_eq!(
        other.verdict,
        Verdict::Undecodable(Undecodable::UnsupportedEncoding)
    );
    let mixed = judge((200, coded, b"abcdefg"), (200, &[], b"abcdefg"), &none);
    assert_eq!(
        mixed.verdict,
        Verdict::Undecodable(Undecodable::UnsupportedEncoding)
    );
}

#[test]
fn a_body_that_lies_about_being_json_is_a_difference_or_text() {
    let none = Rules::default();
    let one = bodies("application/json", b"[1]", b"<html>502</html>", &none);
    assert_eq!(found(&one), [(Kind::Format, "body")]);
    assert_eq!(
        one.discrepancies[0].modern.as_deref(),
        Some("<html>502</html>")
    );
    let both = bodies("application/json", b"oops\n1", b"oops\n2", &none);
    assert_eq!(found(&both), [(Kind::Text, "body")]);
    let header_lies = judge(
        (200, &[("content-type", "text/html")], b"{\"a\":1}"),
        (200, JSON, b"{\"a\": 1.0}"),
        &none,
    );
    assert_eq!(
        found(&header_lies),
        [(Kind::Header, "headers/content-type")]
    );
    let unnamed = judge((200, &[], b"{\"a\":1}"), (200, &[], b" {\"a\":1.0}"), &none);
    assert_eq!(unnamed.verdict, Verdict::Matched);
}

#[test]
fn an_empty_body_is_missing_or_extra() {
    let none = Rules::default();
    assert_eq!(
        found(&bodies("application/json", b"[1]", b"", &none)),
        [(Kind::Missing, "body")]
    );
    assert_eq!(
        found(&bodies("application/json", b"", b"[1]", &none)),
        [(Kind::Extra, "body")]
    );
    assert_eq!(
        bodies("application/json", b"", b"", &none).verdict,
        Verdict::Matched
    );
}

#[test]
fn text_is_compared_by_line_and_other_bytes_by_hash() {
    let none = Rules::default();
    let text = bodies(
        "text/html; charset=utf-8",
        b"<p>\na\n</p>",
        b"<p>\nb\n</p>",
        &none,
    );
    assert_eq!(found(&text), [(Kind::Text, "body")]);
    assert_eq!(text.discrepancies[0].legacy.as_deref(), Some("2: a"));
    let latin = bodies(
        "text/plain; charset=iso-8859-1",
        b"caf\xe9",
        b"caf\xe8",
        &none,
    );
    assert_eq!(
        found(&latin),
        [(Kind::Bytes, "body")],
        "no text shows the difference"
    );
    let image = bodies("image/png", b"\x89PNG1", b"\x89PNG22", &none);
    assert_eq!(found(&image), [(Kind::Bytes, "body")]);
    assert!(
        image.discrepancies[0]
            .modern
            .as_deref()
            .unwrap()
            .starts_with("6 bytes, xxh3 ")
    );
}

#[test]
fn no_rule_makes_equal_bytes_different() {
    let rules = rules(
        r#"max_body = 1
        max_work = 1
        keyed = { "" = "/id" }
        rules = [{ path = "/**", author = "ann", reason = "a test", time = {} }]"#,
    );
    let body = br#"[{"id":1,"id":1},{"id":1}] not JSON"#;
    assert_eq!(
        bodies("application/json", body, body, &rules).verdict,
        Verdict::Matched
    );
}

#[test]
fn rules_for_status_and_headers_allow_and_tell() {
    let text = common::signed(&[
        r#"path = "status", same_class = true"#,
        r#"path = "headers/date", time = { tolerance = "2s", naive = "UTC", formats = ["%a, %d %b %Y %H:%M:%S GMT"] }"#,
        r#"path = "headers/*", text = ["case"]"#,
        r#"path = "headers/etag", ignore = true"#,
    ]);
    let rules = rules(&format!(
        "headers = [\"date\", \"vary\", \"etag\", \"x\"]\n{text}"
    ));
    let legacy = &[
        ("date", "Wed, 03 Jul 2024 09:46:40 GMT"),
        ("vary", "Accept"),
        ("etag", "1"),
        ("x", "a"),
    ][..];
    let modern = &[
        ("date", "Wed, 03 Jul 2024 09:46:42 GMT"),
        ("vary", "accept"),
        ("x", "a"),
    ][..];
    let comparison = judge((200, legacy, b""), (201, modern, b""), &rules);
    assert_eq!(found(&comparison), []);
    assert_eq!(comparison.hits, [0, 1, 2, 3]);
    let late = &[
        ("date", "Wed, 03 Jul 2024 09:46:43 GMT"),
        ("vary", "Cookie"),
        ("x", "a"),
    ][..];
    let comparison = judge((200, legacy, b""), (302, late, b""), &rules);
    assert_eq!(
        found(&comparison),
        [
            (Kind::Status, "status"),
            (Kind::Header, "headers/date"),
            (Kind::Header, "headers/vary")
        ]
    );
    assert_eq!(comparison.hits, [3]);
}

#[test]
fn an_ignored_body_is_a_hit_only_where_it_differs() {
    let rules = rules(r#"ignore = ["body"]"#);
    let hits = |modern: &[u8]| judge((200, JSON, b"[1]"), (200, JSON, modern), &rules).hits;
    assert_eq!((hits(b"[1]"), hits(b"[2]")), (vec![], vec![0]));
}
