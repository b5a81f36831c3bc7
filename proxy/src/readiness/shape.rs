//! The shape of a request: its method, path and query without what makes it one of many, and the
//! class of its answer's status: `GET /orders/{id} ?page,size 2xx`.
//!
//! Values are never part of a shape. Whatever a client sends, a shape is short.

use http::{Method, StatusCode, Uri};
use std::borrow::Cow;
use std::fmt::Write;

/// Segments of a path, and parameters of a query, that are told apart.
const MAX_PARTS: usize = 16;
/// The longest segment or parameter that is taken for a word.
const MAX_WORD: usize = 40;

/// The shape of a request that a route with this path template took.
pub(super) fn of(template: &str, method: &Method, uri: &Uri, status: StatusCode) -> String {
    let mut shape = String::with_capacity(96);
    shape.push_str(word_of(method));
    shape.push(' ');
    match template.split_once("{*") {
        None if !template.is_empty() => shape.push_str(template),
        before => {
            let literal = before.map_or("/", |(literal, _)| literal);
            let known = literal.matches('/').count().saturating_sub(1);
            shape.push_str(literal.trim_end_matches('/'));
            general_path_from(uri.path(), known, &mut shape);
        }
    }
    if let Some(query) = uri.query() {
        let mut names: Vec<Cow<'_, str>> = query
            .split('&')
            .take(MAX_PARTS)
            .map(|pair| parameter(pair.split('=').next().unwrap_or_default()))
            .collect();
        names.sort_unstable();
        names.dedup();
        shape.push_str(" ?");
        for (i, name) in names.iter().enumerate() {
            shape.push_str(if i == 0 { "" } else { "," });
            shape.push_str(name);
        }
    }
    // Writing to a string cannot fail.
    let _ = write!(shape, " {}xx", status.as_u16() / 100);
    shape
}

/// The path with a parameter for each segment that names one of many: a path template that takes
/// it and its like.
pub(crate) fn general_path(path: &str) -> String {
    let mut general = String::with_capacity(path.len().min(96));
    general_path_from(path, 0, &mut general);
    general
}

/// The method, if it is one that everybody knows.
pub(crate) fn word_of(method: &Method) -> &str {
    match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" | "CONNECT"
        | "TRACE") => known,
        _ => "OTHER",
    }
}

/// Appends the general form of all segments but the first `known` ones.
fn general_path_from(path: &str, known: usize, general: &mut String) {
    let segments = path.strip_prefix('/').unwrap_or(path).split('/');
    let mut parameters = 0_u32;
    for (i, segment) in segments.skip(known).enumerate() {
        if i == MAX_PARTS {
            general.push_str("/{*rest}");
            return;
        }
        general.push('/');
        if names_a_kind(segment) {
            general.push_str(segment);
            continue;
        }
        parameters += 1;
        if parameters == 1 {
            general.push_str("{id}");
        } else {
            // Writing to a string cannot fail.
            let _ = write!(general, "{{id{parameters}}}");
        }
    }
}

/// Whether a segment is a word, or a version such as `v2`, and not one of many.
fn names_a_kind(segment: &str) -> bool {
    let digits = |text: &str| text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit());
    if let Some(version) = segment.strip_prefix('v')
        && !version.is_empty()
        && digits(version)
    {
        return true;
    }
    let in_a_word = |b: u8| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_' | b'.');
    segment.len() <= MAX_WORD && segment.bytes().all(in_a_word)
}

/// The name of a query parameter, with its digits as `#`. Where a value stands alone, it may be an
/// address.
fn parameter(name: &str) -> Cow<'_, str> {
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b',' | b'%' | b'?' | b'@');
    if name.len() > MAX_WORD || !name.bytes().all(plain) {
        return Cow::Borrowed("…");
    }
    if !name.bytes().any(|b| b.is_ascii_digit()) {
        return Cow::Borrowed(name);
    }
    let mut general = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '0'..='9' if general.ends_with('#') => {}
            '0'..='9' => general.push('#'),
            c => general.push(c),
        }
    }
    Cow::Owned(general)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(template: &str, target: &str) -> String {
        let uri = target.parse().unwrap();
        of(template, &Method::GET, &uri, StatusCode::OK)
    }

    #[test]
    fn a_template_stands_for_its_parameters() {
        assert_eq!(shape("/orders/{id}", "/orders/17"), "GET /orders/{id} 2xx");
        assert_eq!(shape("/orders/{id}", "/orders/x"), "GET /orders/{id} 2xx");
    }

    #[test]
    fn what_a_template_leaves_open_is_made_general() {
        let rest = "/api/{*rest}";
        assert_eq!(
            shape(rest, "/api/v2/orders/17/lines/3"),
            "GET /api/v2/orders/{id}/lines/{id2} 2xx"
        );
        let uuid = "/api/by/0190f2a4-7c1e-7abc-8def-0123456789ab";
        assert_eq!(shape(rest, uuid), "GET /api/by/{id} 2xx");
        assert_eq!(shape("", "/orders/17"), "GET /orders/{id} 2xx");
        assert_eq!(shape("/{*rest}", "/"), "GET / 2xx");
        assert_eq!(shape("/{*rest}", "/a%20b/c"), "GET /{id}/c 2xx");
    }

    #[test]
    fn a_query_is_the_names_of_its_parameters_in_any_order() {
        let one = shape("/a", "/a?size=2&page=1&f[10]=x");
        assert_eq!(one, "GET /a ?f[#],page,size 2xx");
        assert_eq!(one, shape("/a", "/a?f[7]=y&page=9&size=4&page=2"));
        assert_eq!(shape("/a", "/a?ann@example.org"), "GET /a ?… 2xx");
    }

    #[test]
    fn a_shape_is_short_whatever_is_sent() {
        let path: String = std::iter::repeat_n("/abcdefghijklmnopqrstuvwxyz", 500).collect();
        let query = format!("{:a>60}=1&", "").repeat(500);
        let shape = shape("/{*rest}", &format!("{path}?{query}"));
        assert!(
            shape.len() < 700 && shape.ends_with("/{*rest} ?… 2xx"),
            "{shape}"
        );
    }

    #[test]
    fn a_general_path_is_a_template_that_takes_the_path() {
        for (path, template) in [
            ("/invoices/7", "/invoices/{id}"),
            ("/a/1/b/2/c/3", "/a/{id}/b/{id2}/c/{id3}"),
            ("/favicon.ico", "/favicon.ico"),
            ("/{x}/..;/", "/{id}/{id2}/"),
        ] {
            assert_eq!(general_path(path), template);
            assert!(
                template.parse::<crate::routing::Template>().is_ok(),
                "{template}"
            );
        }
    }
}
