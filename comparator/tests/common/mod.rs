//! Short ways to compare two texts.

#![allow(dead_code, reason = "each test binary uses its part")]
#![expect(clippy::unwrap_used, reason = "only tests call these")]

use bytes::Bytes;
use comparator::{Comparison, Kind, Response, Rules, RulesConfig, compare};
use http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) fn rules(text: &str) -> Rules {
    let config: RulesConfig = toml::from_str(text).unwrap();
    Rules::try_from(&config).unwrap()
}

pub(crate) fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pairs = pairs.iter().map(|(name, value)| {
        (
            name.parse::<HeaderName>().unwrap(),
            value.parse::<HeaderValue>().unwrap(),
        )
    });
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name, value);
    }
    headers
}

/// Rules in TOML, each given without its author and reason.
pub(crate) fn signed(rules: &[&str]) -> String {
    let rules = rules
        .iter()
        .map(|rule| format!("{{ author = \"ann\", reason = \"a test\", {rule} }}"));
    format!("rules = [{}]", rules.collect::<Vec<_>>().join(", "))
}

/// Compares two bodies of one content type with status 200.
pub(crate) fn bodies(
    content_type: &str,
    legacy: &[u8],
    modern: &[u8],
    rules: &Rules,
) -> Comparison {
    let headers = headers(&[("content-type", content_type)]);
    let (legacy, modern) = (
        [Bytes::copy_from_slice(legacy)],
        [Bytes::copy_from_slice(modern)],
    );
    compare(
        &Response {
            status: 200,
            headers: &headers,
            body: &legacy,
        },
        &Response {
            status: 200,
            headers: &headers,
            body: &modern,
        },
        rules,
    )
}

/// Compares two JSON bodies under rules.
pub(crate) fn json_under(rules_text: &str, legacy: &str, modern: &str) -> Comparison {
    bodies(
        "application/json",
        legacy.as_bytes(),
        modern.as_bytes(),
        &rules(rules_text),
    )
}

/// Compares two JSON bodies without rules.
pub(crate) fn json(legacy: &str, modern: &str) -> Comparison {
    json_under("", legacy, modern)
}

/// The discrepancies as kind and path.
pub(crate) fn found(comparison: &Comparison) -> Vec<(Kind, &str)> {
    comparison
        .discrepancies
        .iter()
        .map(|d| (d.kind, d.path.as_str()))
        .collect()
}
