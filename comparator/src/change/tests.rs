//! Every sort of change: its words, and that the rule it names allows it.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};

use super::*;
use crate::{Comparison, Response, Rules, RulesConfig, Verdict, compare};

fn judge(legacy: &str, modern: &str, rules: &Rules) -> Comparison {
    let headers =
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let of = |body: &str| [Bytes::from(format!("{{\"data\":[{body}]}}"))];
    let (legacy, modern) = (of(legacy), of(modern));
    let [legacy, modern] = [&legacy, &modern].map(|body| Response {
        status: 200,
        headers: &headers,
        body,
    });
    compare(&legacy, &modern, rules)
}

/// The rules that a discrepancy's own suggestion makes, once somebody signed it.
fn suggested(discrepancy: &Discrepancy) -> Rules {
    let rule = discrepancy.allowing_rule().unwrap();
    let signed = rule.replace("author = \"\"", "author = \"ann\"");
    let config: RulesConfig = toml::from_str(&format!("rules = [{signed}]")).unwrap();
    Rules::try_from(&config).unwrap()
}

#[test]
#[expect(clippy::too_many_lines, reason = "it is one table")]
fn each_change_has_its_words_and_its_rule_allows_it() {
    for (legacy, modern, words) in [
        (r#"{"a":1.02}"#, r#"{"a":1.03}"#, "+0.01"),
        (r#"{"a":10}"#, r#"{"a":7.5}"#, "-2.5"),
        (r#"{"a":1}"#, r#"{"a":0}"#, "-1"),
        (r#"{"a":"1.02"}"#, r#"{"a":"1.03"}"#, "+0.01"),
        (
            r#"{"a":"1.50"}"#,
            r#"{"a":"1.5"}"#,
            "the same number, written otherwise",
        ),
        (
            r#"{"a":1.5}"#,
            r#"{"a":"1.50"}"#,
            "number as text in modern",
        ),
        (r#"{"a":"7"}"#, r#"{"a":7}"#, "number as text in legacy"),
        (
            r#"{"a":1}"#,
            r#"{"a":true}"#,
            "the same truth value, of another type",
        ),
        (
            r#"{"a":"false"}"#,
            r#"{"a":false}"#,
            "the same truth value, of another type",
        ),
        (
            r#"{"a":"2024-01-02T03:04:05.123"}"#,
            r#"{"a":"2024-01-02T03:04:05.123Z"}"#,
            "missing zone in legacy, which is UTC",
        ),
        (
            r#"{"a":"2024-07-02T05:04:05.1"}"#,
            r#"{"a":"2024-07-02T03:04:05Z"}"#,
            "missing zone in legacy, which is +02:00, and 100ms apart",
        ),
        (
            r#"{"a":"2024-07-02T03:04:05Z"}"#,
            r#"{"a":"2024-07-01T22:04:05"}"#,
            "missing zone in modern, which is -05:00",
        ),
        (
            r#"{"a":"2024-01-02T03:04:05Z"}"#,
            r#"{"a":"2024-01-02T03:04:05.000Z"}"#,
            "the same instant, written otherwise",
        ),
        (
            r#"{"a":"2024-01-02T03:04:05Z"}"#,
            r#"{"a":"2024-01-02T03:04:07.5Z"}"#,
            "2s 500ms later",
        ),
        (
            r#"{"a":"PENDING"}"#,
            r#"{"a":"pending"}"#,
            "lower-cased in modern",
        ),
        (r#"{"a":"Ann"}"#, r#"{"a":"ANN"}"#, "upper-cased in modern"),
        (r#"{"a":"ann"}"#, r#"{"a":"Ann"}"#, "lower-cased in legacy"),
        (
            r#"{"a":"aNn"}"#,
            r#"{"a":"Ann"}"#,
            "upper and lower case alone",
        ),
        (r#"{"a":"x  "}"#, r#"{"a":"x"}"#, "trailing blank in legacy"),
        (r#"{"a":"x"}"#, r#"{"a":"x\n"}"#, "trailing blank in modern"),
        (r#"{"a":"x  y"}"#, r#"{"a":" x y"}"#, "white space alone"),
        (
            r#"{"a":"é"}"#,
            "{\"a\":\"e\u{301}\"}",
            "Unicode composition alone",
        ),
        (r#"{"a":null}"#, "{}", "null for missing in legacy"),
        ("{}", r#"{"a":null}"#, "null for missing in modern"),
        (
            r#"{"a":""}"#,
            r#"{"a":null}"#,
            "null for an empty text in modern",
        ),
    ] {
        let comparison = judge(legacy, modern, &Rules::default());
        let [found] = &comparison.discrepancies[..] else {
            panic!("{legacy} {modern} {comparison:?}");
        };
        let change = found.change().map(|change| change.to_string());
        assert_eq!(change.as_deref(), Some(words), "{legacy} {modern}");
        let allowed = judge(legacy, modern, &suggested(found));
        assert_eq!(
            allowed.verdict,
            Verdict::Matched,
            "{:?}",
            found.allowing_rule()
        );
        assert_eq!(allowed.hits, [0], "{legacy} {modern}");
        let elsewhere = judge(
            &format!(r#"{{"b":{legacy}}}"#),
            &format!(r#"{{"b":{modern}}}"#),
            &suggested(found),
        );
        assert_eq!(
            (elsewhere.verdict, elsewhere.hits.len()),
            (Verdict::Different, 0)
        );
    }
}

#[test]
fn a_rule_is_text_that_can_be_pasted_into_routes_toml() {
    let found = &judge(
        r#"{"createdAt":"2024-01-02T03:04:05"}"#,
        r#"{"createdAt":"2024-01-02T03:04:05Z"}"#,
        &Rules::default(),
    )
    .discrepancies[0];
    assert_eq!(
        found.allowing_rule().as_deref(),
        Some(
            r#"{ path = "/data/*/createdAt", time = { naive = "UTC" }, author = "", reason = "missing zone in legacy, which is UTC" }"#
        )
    );
}

#[test]
fn what_is_not_recognised_has_no_words() {
    for (legacy, modern) in [
        (r#""a""#, r#""b""#),
        (r#""a""#, "1"),
        ("true", "false"),
        ("null", "1"),
        ("1", "[1]"),
        (r#""\ud800""#, r#""\ud800 ""#),
    ] {
        let found = &judge(legacy, modern, &Rules::default()).discrepancies[0];
        assert_eq!(
            (found.change(), found.allowing_rule()),
            (None, None),
            "{found:?}"
        );
    }
    // Of what was cut short, the end is not known.
    let long = format!("\"{}", "x".repeat(1000));
    let found = &judge(
        &format!("{long}\""),
        &format!("{long} \""),
        &Rules::default(),
    )
    .discrepancies[0];
    assert_eq!(found.change(), None);
}
