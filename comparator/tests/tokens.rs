//! Values that a side mints and that mean nothing to the other.
#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]

use comparator::{Comparison, Kind, Response, Rules, RulesConfig, Verdict, compare};
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue};

const RULES: &str = r#"
headers = ["etag", "x-csrf-token"]
tokens = ["/csrf", "/links/next?cursor", "headers/x-csrf-token", "/items/*/ticket"]
keyed = { "/items" = "/n" }
"#;

type Side<'a> = (&'a [(&'static str, &'static str)], &'static str);

fn compared(sides: [Side<'_>; 2]) -> Comparison {
    let rules: RulesConfig = toml::from_str(RULES).unwrap();
    let rules = Rules::try_from(&rules).unwrap();
    let sides = sides.map(|(lines, body)| {
        let json = (CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let lines = lines.iter().map(|(name, value)| {
            let value = HeaderValue::from_static(value);
            (HeaderName::from_static(name), value)
        });
        let headers: HeaderMap = lines.chain([json]).collect();
        (headers, [bytes::Bytes::from_static(body.as_bytes())])
    });
    let [legacy, modern] = [&sides[0], &sides[1]].map(|(headers, body)| Response {
        status: 200,
        headers,
        body,
    });
    compare(&legacy, &modern, &rules)
}

fn bodies(legacy: &'static str, modern: &'static str) -> Comparison {
    compared([(&[], legacy), (&[], modern)])
}

fn found(comparison: &Comparison) -> Vec<(Kind, &str)> {
    let all = comparison.discrepancies.iter();
    all.map(|found| (found.kind, found.path.as_str())).collect()
}

fn told(comparison: &Comparison) -> Vec<(&str, &str)> {
    let all = comparison.tokens.iter();
    all.map(|pair| (pair.legacy.as_str(), pair.modern.as_str()))
        .collect()
}

#[test]
fn what_both_sides_minted_is_equal_and_told() {
    let comparison = bodies(r#"{"csrf": "abc", "n": 1}"#, r#"{"n": 1, "csrf": "xyz"}"#);
    assert_eq!(comparison.verdict, Verdict::Matched);
    assert_eq!(told(&comparison), [("abc", "xyz")]);
    assert_eq!(comparison.hits.len(), 1);
    let comparison = bodies(r#"{"csrf": 17}"#, r#"{"csrf": "xyz"}"#);
    assert_eq!(comparison.verdict, Verdict::Matched);
    // What both sides share is told as well, though the bodies are the same.
    let comparison = bodies(r#"{"csrf": "abc"}"#, r#"{"csrf": "abc"}"#);
    assert_eq!(comparison.verdict, Verdict::Matched);
    assert_eq!(told(&comparison), [("abc", "abc")]);
}

#[test]
fn what_only_one_side_minted_is_a_discrepancy() {
    for (legacy, modern, kind) in [
        (r#"{"csrf": "abc"}"#, "{}", Kind::Missing),
        ("{}", r#"{"csrf": "abc"}"#, Kind::Extra),
        (r#"{"csrf": "abc"}"#, r#"{"csrf": null}"#, Kind::Type),
        (r#"{"csrf": ""}"#, r#"{"csrf": "abc"}"#, Kind::Value),
        (r#"{"csrf": "abc"}"#, r#"{"csrf": {}}"#, Kind::Type),
        (r#"{"csrf": "abc"}"#, r#"{"csrf": true}"#, Kind::Type),
    ] {
        let comparison = bodies(legacy, modern);
        assert_eq!(found(&comparison), [(kind, "/csrf")], "{legacy} {modern}");
    }
}

#[test]
fn of_a_url_the_parameter_alone_may_differ() {
    let link = |next: &'static str| -> &'static str {
        format!(r#"{{"links": {{"next": "{next}"}}}}"#).leak()
    };
    let with = |legacy, modern| bodies(link(legacy), link(modern));
    let comparison = with("/o?cursor=20&of=5", "/o?cursor=eyJ9&of=5");
    assert_eq!(comparison.verdict, Verdict::Matched);
    assert_eq!(
        told(&comparison),
        [("/o?cursor=20&of=5", "/o?cursor=eyJ9&of=5")]
    );
    for (legacy, modern) in [
        ("/o?cursor=20&of=5", "/o?cursor=eyJ9&of=6"),
        ("/o?cursor=20", "/p?cursor=eyJ9"),
        ("/o?cursor=20", "/o?cursor="),
        ("/o?cursor=20", "/o"),
    ] {
        let comparison = with(legacy, modern);
        let expected = [(Kind::Value, "/links/next")];
        assert_eq!(found(&comparison), expected, "{legacy} {modern}");
    }
}

#[test]
fn headers_hold_tokens_too_and_an_etag_is_one_by_itself() {
    let of = |csrf: &'static str, etag: &'static str| [("x-csrf-token", csrf), ("etag", etag)];
    let comparison = compared([(&of("abc", "\"1\""), "{}"), (&of("xyz", "W/\"2\""), "{}")]);
    assert_eq!(found(&comparison), []);
    assert_eq!(told(&comparison), [("abc", "xyz")]);
    let comparison = compared([(&of("abc", "\"1\""), "{}"), (&[], "{}")]);
    let expected = [
        (Kind::Header, "headers/etag"),
        (Kind::Header, "headers/x-csrf-token"),
    ];
    assert_eq!(found(&comparison), expected);
}

#[test]
fn tokens_in_lists_are_those_of_the_elements_that_belong_together() {
    let comparison = bodies(
        r#"{"items": [{"n": 1, "ticket": "a"}, {"n": 2, "ticket": "b"}]}"#,
        r#"{"items": [{"n": 2, "ticket": "y"}, {"n": 1, "ticket": "x"}]}"#,
    );
    assert_eq!(found(&comparison), [(Kind::Order, "/items")]);
    let mut pairs = told(&comparison);
    pairs.sort_unstable();
    assert_eq!(pairs, [("a", "x"), ("b", "y")]);
}

#[test]
fn a_place_is_one_of_ids_or_of_tokens() {
    let mistakes = |text: &str| {
        let rules: RulesConfig = toml::from_str(text).unwrap();
        let errors = Rules::try_from(&rules).unwrap_err();
        let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
        said.join("\n")
    };
    let both = mistakes("ids = { \"/id\" = \"order\" }\ntokens = [\"/id\"]");
    assert!(both.contains("means something to both sides"), "{both}");
    for wrong in ["body", "status", "headers/*", "id", "/next?", "/a~2"] {
        let said = mistakes(&format!("tokens = [\"{wrong}\"]"));
        assert!(said.contains(wrong), "{wrong}: {said}");
    }
}

#[test]
fn a_token_is_not_shown_by_accident() {
    let comparison = bodies(r#"{"csrf": "s3cret"}"#, r#"{"csrf": "s3cret2"}"#);
    assert_eq!(comparison.tokens.len(), 1);
    assert!(!format!("{comparison:?}").contains("s3cret"));
    let json = serde_json::to_string(&comparison).unwrap();
    assert!(!json.contains("s3cret"), "{json}");
}
