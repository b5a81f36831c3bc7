//! The shape of a request: its method, path and query without what makes it one of many, and the
//! class of its answer's status: `GET /orders/{id} ?page,size 2xx`.
//!
//! Values are never part of a shape, as far as they can be told from words. Whatever a client sends, a shape is short.

use super::word::reads_like_words;
use http::{Method, StatusCode, Uri};
use std::borrow::Cow;
use std::fmt::{self, Write};
use xxhash_rust::xxh3::Xxh3;

/// Segments of a path, and parameters of a query, that are told apart.
const MAX_PARTS: usize = 16;
/// The longest segment or parameter that is taken for a word.
const MAX_WORD: usize = 40;

/// The shape of a request. It is written where it is wanted: nearly every request has one that was
/// seen before, and a hash is all that is asked of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape<'r> {
    /// The path template of the route that took it.
    pub(super) template: &'r str,
    pub(super) method: &'r Method,
    pub(super) uri: &'r Uri,
    pub(super) status: StatusCode,
}

impl fmt::Display for Shape<'_> {
    fn fmt(&self, shape: &mut fmt::Formatter<'_>) -> fmt::Result {
        shape.write_str(word_of(self.method))?;
        shape.write_char(' ')?;
        match self.template.split_once("{*") {
            None if !self.template.is_empty() => shape.write_str(self.template)?,
            before => {
                let literal = before.map_or("/", |(literal, _)| literal);
                let known = literal.matches('/').count().saturating_sub(1);
                shape.write_str(literal.trim_end_matches('/'))?;
                general_path_from(self.uri.path(), known, shape)?;
            }
        }
        if let Some(query) = self.uri.query() {
            parameters(query, shape)?;
        }
        write!(shape, " {}xx", self.status.as_u16() / 100)
    }
}

/// The names of a query's parameters, each once, in their order.
fn parameters(query: &str, shape: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut names: [Cow<'_, str>; MAX_PARTS] = std::array::from_fn(|_| Cow::Borrowed(""));
    let mut told = 0;
    for (name, pair) in names.iter_mut().zip(query.split('&')) {
        *name = parameter(pair.split('=').next().unwrap_or_default());
        told += 1;
    }
    let names = names.get_mut(..told).unwrap_or_default();
    names.sort_unstable();
    shape.write_str(" ?")?;
    let mut last: Option<&str> = None;
    for name in names.iter().map(|name| &**name) {
        if last != Some(name) {
            shape.write_str(if last.is_some() { "," } else { "" })?;
            shape.write_str(name)?;
        }
        last = Some(name);
    }
    Ok(())
}

/// The path with a parameter for each segment that names one of many: a path template that takes
/// it and its like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GeneralPath<'p>(pub(crate) &'p str);

impl fmt::Display for GeneralPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        general_path_from(self.0, 0, f)
    }
}

/// The hash of what would be written.
pub(crate) struct Hashed(Xxh3);

impl Hashed {
    pub(crate) fn of(text: impl fmt::Display) -> u64 {
        let mut hash = Self(Xxh3::new());
        // What is hashed can't fail to be written.
        let _ = write!(hash, "{text}");
        hash.0.digest()
    }
}

impl Write for Hashed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
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
fn general_path_from(path: &str, known: usize, general: &mut fmt::Formatter<'_>) -> fmt::Result {
    let segments = path.strip_prefix('/').unwrap_or(path).split('/');
    let mut parameters = 0_u32;
    for (i, segment) in segments.skip(known).enumerate() {
        if i == MAX_PARTS {
            return general.write_str("/{*rest}");
        }
        general.write_char('/')?;
        if names_a_kind(segment) {
            general.write_str(segment)?;
            continue;
        }
        parameters += 1;
        match parameters {
            1 => general.write_str("{id}")?,
            _ => write!(general, "{{id{parameters}}}")?,
        }
    }
    Ok(())
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
    segment.len() <= MAX_WORD && segment.bytes().all(in_a_word) && reads_like_words(segment)
}

/// The name of a query parameter, with its digits as `#`. Where a value stands alone, it may be an
/// address.
fn parameter(name: &str) -> Cow<'_, str> {
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b',' | b'%' | b'?' | b'@');
    if name.len() > MAX_WORD || !name.bytes().all(plain) || !reads_like_words(name) {
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
        let shape = Shape {
            template,
            method: &Method::GET,
            uri: &uri,
            status: StatusCode::OK,
        };
        assert_eq!(
            Hashed::of(shape),
            xxhash_rust::xxh3::xxh3_64(shape.to_string().as_bytes())
        );
        shape.to_string()
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
    fn a_secret_of_letters_only_is_one_of_many() {
        let reset = "/api/password/reset/kTqzvbxwPlmtrghdF?QwzkvbTpxjLm";
        assert_eq!(
            shape("/api/{*rest}", reset),
            "GET /api/password/reset/{id} ?… 2xx"
        );
        let path = GeneralPath("/invites/xkqjzvwbtpmr/accept").to_string();
        assert_eq!(path, "/invites/{id}/accept");
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
            assert_eq!(GeneralPath(path).to_string(), template);
            assert!(
                template.parse::<crate::routing::Template>().is_ok(),
                "{template}"
            );
        }
    }
}
