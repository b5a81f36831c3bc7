//! What a body is, by its `Content-Type`, and when two such headers mean the same.
//!
//! Whether the body keeps the promise is found out where it is read.

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::formats::Structure;

/// How a body is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Structured(Structure),
    /// By line.
    Text,
    /// By length and hash.
    Bytes,
}

/// What the headers say the body is; `None` if they do not say.
pub(crate) fn format(headers: &HeaderMap) -> Option<Format> {
    let value = headers.get(CONTENT_TYPE)?.as_bytes().to_ascii_lowercase();
    let essence = String::from_utf8_lossy(value.split(|b| *b == b';').next()?)
        .trim()
        .to_owned();
    let (kind, subtype) = essence.split_once('/')?;
    let suffix = subtype
        .rsplit_once('+')
        .map_or(subtype, |(_, suffix)| suffix);
    Some(match (kind, subtype, suffix) {
        (_, _, "json") => Format::Structured(Structure::Json),
        (_, "x-ndjson" | "ndjson" | "jsonl" | "x-jsonlines" | "jsonlines", _) => {
            Format::Structured(Structure::JsonLines)
        }
        (_, _, "xml") => Format::Structured(Structure::Xml),
        (_, "x-www-form-urlencoded", _) => Format::Structured(Structure::Form),
        ("text", ..) | (_, _, "yaml") | (_, "javascript" | "graphql" | "sql", _) => Format::Text,
        _ => Format::Bytes,
    })
}

/// Whether two values of a header mean the same. Only media types are looked into.
pub(crate) fn same_header(name: &HeaderName, legacy: &HeaderValue, modern: &HeaderValue) -> bool {
    let (legacy, modern) = (
        legacy.as_bytes().trim_ascii(),
        modern.as_bytes().trim_ascii(),
    );
    legacy == modern || (name == CONTENT_TYPE && media_type(legacy) == media_type(modern))
}

/// A media type as its essence and its parameters in the order of their names.
fn media_type(value: &[u8]) -> (String, Vec<(String, String)>) {
    let value = String::from_utf8_lossy(value);
    let mut parts = split_outside_quotes(&value).into_iter();
    let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let mut parameters: Vec<_> = parts.filter_map(parameter).collect();
    parameters.sort_unstable();
    (essence, parameters)
}

fn parameter(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    let name = name.trim().to_ascii_lowercase();
    let value = value.trim();
    let quoted = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let value = quoted.unwrap_or(value).replace("\\\"", "\"");
    // A charset's name has no case; a boundary's has.
    let value = if name == "charset" {
        value.to_ascii_lowercase()
    } else {
        value
    };
    (!name.is_empty()).then_some((name, value))
}

fn split_outside_quotes(value: &str) -> Vec<&str> {
    let mut quoted = false;
    let mut escaped = false;
    value
        .split(|c| {
            let escape = quoted && c == '\\' && !escaped;
            if c == '"' && !escaped {
                quoted = !quoted;
            }
            escaped = escape;
            c == ';' && !quoted
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format_of(value: &'static str) -> Option<Format> {
        format(&HeaderMap::from_iter([(
            CONTENT_TYPE,
            HeaderValue::from_static(value),
        )]))
    }

    #[test]
    fn the_format_follows_the_media_type() {
        let structured = |structure| Some(Format::Structured(structure));
        for (value, expected) in [
            ("application/json", structured(Structure::Json)),
            (
                "Application/Vnd.API+JSON; charset=utf-8",
                structured(Structure::Json),
            ),
            ("text/json", structured(Structure::Json)),
            ("application/x-ndjson", structured(Structure::JsonLines)),
            (
                "application/jsonl;charset=utf-8",
                structured(Structure::JsonLines),
            ),
            ("application/xml", structured(Structure::Xml)),
            ("text/xml", structured(Structure::Xml)),
            ("image/svg+xml", structured(Structure::Xml)),
            (
                "application/x-www-form-urlencoded",
                structured(Structure::Form),
            ),
            ("text/html;charset=x", Some(Format::Text)),
            ("text/plain", Some(Format::Text)),
            ("application/yaml", Some(Format::Text)),
            ("image/png", Some(Format::Bytes)),
            ("application/octet-stream", Some(Format::Bytes)),
            ("application/jsonx", Some(Format::Bytes)),
            ("nonsense", None),
        ] {
            assert_eq!(format_of(value), expected, "{value}");
        }
        assert_eq!(format(&HeaderMap::new()), None);
    }

    fn same(legacy: &'static str, modern: &'static str) -> bool {
        let of = HeaderValue::from_static;
        same_header(&CONTENT_TYPE, &of(legacy), &of(modern))
    }

    #[test]
    fn media_types_are_equal_however_they_are_spelt() {
        assert!(same(
            "application/json; charset=utf-8",
            "Application/JSON;charset=\"UTF-8\" ;"
        ));
        assert!(same("a/b;x=1;y=2", "a/b; Y=2; X=1"));
        assert!(same(r#"a/b; x="1;2""#, r#"a/b;x="1;2""#));
        assert!(!same("application/json", "application/json; charset=utf-8"));
        assert!(!same(
            "multipart/mixed; boundary=A",
            "multipart/mixed; boundary=a"
        ));
        assert!(!same(r#"a/b; x="1;2""#, r#"a/b;x="1;3""#));
        assert!(!same(r#"a/b; x="1;CHARSET=A""#, r#"a/b;x="1;charset=a""#));
        let etag = http::header::ETAG;
        let of = HeaderValue::from_static;
        assert!(!same_header(&etag, &of("\"A\""), &of("\"a\"")));
    }
}
