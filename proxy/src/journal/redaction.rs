//! Keeps secrets out of the journal: everything stored passes through here first.
//!
//! Comparison happens before redaction, on the real values. In the place of a secret stands its
//! keyed hash, so that equal ones are seen to be equal. What can't be read is withheld, not stored
//! as it came. Parameters of URLs inside bodies are not told by their names.

mod json;
mod key;
mod patterns;
mod query;

pub(super) use key::Key;
pub use key::KeyError;
pub use patterns::Secret;

use super::config::{JournalConfig, SettingError};
use comparator::{Discrepancy, Kind, Pattern};
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE, HeaderName, PROXY_AUTHORIZATION, SET_COOKIE};
use std::borrow::Cow;

/// How every mark in the place of a secret begins.
const MARK: &str = "[redacted";
/// What stands in the place of a secret whose hash would say nothing, or mislead.
const REDACTED: &str = "[redacted]";
/// What stands in the place of a value that may contain a secret and can't be searched for it.
pub(super) const WITHHELD: &str = "[withheld: it can't be searched for secrets]";

/// Schemes of credentials that may be told.
const SCHEMES: [&str; 3] = ["bearer", "basic", "token"];

/// The secrets of an operator: headers, JSON paths, query parameters, and what looks like one.
#[derive(Clone, Debug)]
pub(crate) struct Redaction {
    headers: Vec<HeaderName>,
    paths: Vec<Pattern>,
    query: Vec<String>,
    sorts: Vec<Secret>,
    key: Key,
}

impl Default for Redaction {
    fn default() -> Self {
        let headers = vec![
            AUTHORIZATION,
            PROXY_AUTHORIZATION,
            COOKIE,
            SET_COOKIE,
            HeaderName::from_static("x-api-key"),
            HeaderName::from_static("api-key"),
            HeaderName::from_static("x-auth-token"),
        ];
        Self {
            headers,
            paths: Vec::new(),
            query: Vec::new(),
            sorts: Secret::ALL.to_vec(),
            key: Key::default(),
        }
    }
}

impl Redaction {
    /// The redaction that `config` asks for; its mistakes are added to `errors`.
    pub(super) fn parse(config: &JournalConfig, errors: &mut Vec<SettingError>) -> Self {
        let mut refuse = |key, index, value: &str, message: String| {
            errors.push(SettingError {
                key,
                index: Some(index),
                value: value.to_owned(),
                message,
            });
        };
        let mut redaction = Self {
            sorts: config.redact_patterns.clone(),
            ..Self::default()
        };
        for (i, name) in config.redact_headers.iter().enumerate() {
            match name.parse() {
                Ok(name) => redaction.headers.push(name),
                Err(_) => refuse("redact_headers", i, name, "not a header name".to_owned()),
            }
        }
        for (i, path) in config.redact_paths.iter().enumerate() {
            match path.parse::<Pattern>() {
                Ok(pattern) => redaction.paths.push(pattern),
                Err(error) => refuse("redact_paths", i, path, error.to_string()),
            }
        }
        for (i, name) in config.redact_query.iter().enumerate() {
            if name.is_empty() {
                refuse("redact_query", i, name, "the name is empty".to_owned());
            }
            redaction.query.push(name.to_ascii_lowercase());
        }
        redaction
    }

    /// Has secrets hashed with this key from now on.
    pub(super) fn set_key(&mut self, key: Key) {
        self.key = key;
    }

    /// The text without what looks like a secret.
    pub(super) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        patterns::redact(text, &self.sorts, &self.key)
    }

    /// Path and query without secrets.
    pub(super) fn target(&self, target: &str) -> String {
        let target = query::redact_url(target, &self.query, &self.key);
        self.text(&target).into_owned()
    }

    /// The headers as they may be stored, in their order.
    pub(super) fn headers(&self, headers: &HeaderMap) -> Vec<(String, String)> {
        let stored = headers.iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.as_str().to_owned(), self.header(name.as_str(), &value))
        });
        stored.collect()
    }

    fn header(&self, name: &str, value: &str) -> String {
        if self
            .headers
            .iter()
            .any(|secret| secret.as_str().eq_ignore_ascii_case(name))
        {
            return match value.split_once(' ') {
                Some((scheme, credentials))
                    if SCHEMES
                        .iter()
                        .any(|known| known.eq_ignore_ascii_case(scheme)) =>
                {
                    format!("{scheme} {}", self.key.mark(credentials))
                }
                _ => self.key.mark(value),
            };
        }
        // Location, Referer, Link and many another header hold a URL.
        self.target(value)
    }

    /// The value of a database's column without secrets. A column whose name is the last of a
    /// secret path, however it is written, holds what stands there in bodies.
    pub(super) fn column(&self, name: &str, value: &str) -> String {
        let plain = |name: &str| -> String {
            let letters = name.chars().filter(char::is_ascii_alphanumeric);
            letters.map(|c| c.to_ascii_lowercase()).collect()
        };
        let name = plain(name);
        let mut paths = self.paths.iter().map(ToString::to_string);
        let secret = paths.any(|path| plain(path.rsplit('/').next().unwrap_or_default()) == name);
        if secret {
            self.mark_json(value)
        } else {
            self.text(value).into_owned()
        }
    }

    /// Whether a body can only be stored once it was searched, so that a part of it won't do.
    pub(super) fn searches_bodies(&self) -> bool {
        !self.paths.is_empty()
    }

    /// A decoded body as it may be stored, or `None` when it has to be withheld.
    pub(super) fn body(&self, text: &str, is_form: bool) -> Option<String> {
        if is_form && self.paths.is_empty() {
            let text = query::redact_form(text, &self.query, &self.key);
            return Some(self.text(&text).into_owned());
        }
        let found = json::redact(text, "", self);
        if self.searches_bodies() {
            found
        } else {
            found.or_else(|| Some(self.text(text).into_owned()))
        }
    }

    /// A discrepancy as it may be stored. Its path ends where a redacted value begins, because
    /// keys below can be secrets too.
    pub(super) fn discrepancy(&self, mut found: Discrepancy) -> Discrepancy {
        if let Some(name) = found.path.strip_prefix("headers/") {
            for value in [&mut found.legacy, &mut found.modern].into_iter().flatten() {
                *value = self.header(name, value);
            }
        } else if found.path == "body" {
            for value in [&mut found.legacy, &mut found.modern].into_iter().flatten() {
                // Quoted text would pass for JSON, and hide what it holds.
                let readable = !self.searches_bodies() || is_tree(value);
                let clean = Some(&*value)
                    .filter(|_| readable)
                    .and_then(|v| self.body(v, true));
                *value = clean.unwrap_or_else(|| WITHHELD.to_owned());
            }
        } else if found.path.is_empty() || found.path.starts_with('/') {
            self.json_discrepancy(&mut found);
        } else {
            for value in [&mut found.legacy, &mut found.modern].into_iter().flatten() {
                *value = self.text(value).into_owned();
            }
        }
        found
    }

    fn json_discrepancy(&self, found: &mut Discrepancy) {
        let secret = prefixes(&found.path)
            .find(|path| self.is_secret(path))
            .map(str::len);
        if let Some(end) = secret {
            found.path.truncate(end);
            found.path = self.text(&found.path).into_owned();
            for value in [&mut found.legacy, &mut found.modern].into_iter().flatten() {
                *value = self.mark_json(value);
            }
            return;
        }
        let (path, kind) = (found.path.clone(), found.kind);
        for value in [&mut found.legacy, &mut found.modern].into_iter().flatten() {
            // A whole object that one side lacks is rendered with all that it holds. What was cut,
            // and the keys that an order is told by, can come from anywhere below.
            let tree = is_tree(value).then(|| json::redact(value, &path, self));
            let unread = match kind {
                _ if is_tree(value) => tree == Some(None),
                Kind::Value => false,
                Kind::Order => true,
                _ => value.starts_with('…'),
            };
            *value = match tree.flatten() {
                Some(clean) => clean,
                None if unread && self.searches_bodies() => WITHHELD.to_owned(),
                None => self.text(value).into_owned(),
            };
        }
        found.path = self.text(&found.path).into_owned();
    }

    /// The mark of a JSON value. A string has the mark of what it means, which it has elsewhere
    /// too; of a value that was cut, equal beginnings would pass for equal values.
    fn mark_json(&self, value: &str) -> String {
        if value.ends_with('…') {
            return REDACTED.to_owned();
        }
        match serde_json::from_str::<String>(value) {
            Ok(string) => self.key.mark(&string),
            Err(_) => self.key.mark(value),
        }
    }

    fn is_secret(&self, path: &str) -> bool {
        self.paths.iter().any(|pattern| pattern.matches(path))
    }
}

/// The text as it may be logged: without what looks like a secret, whatever the settings say.
pub(crate) fn without_secrets(text: &str) -> Cow<'_, str> {
    patterns::redact(text, &Secret::ALL, &Key::default())
}

/// Whether something stored has lost a part to redaction.
pub(crate) fn is_redacted(text: &str) -> bool {
    text.contains(MARK) || text.contains("[withheld")
}

/// Whether a rendered value is an object or an array.
fn is_tree(value: &str) -> bool {
    value.trim_start().starts_with(['{', '['])
}

/// A pointer and all pointers above it, from the root down.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    let ends = path
        .match_indices('/')
        .map(|(at, _)| at)
        .chain([path.len()]);
    ends.filter_map(|end| path.get(..end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redaction(paths: &[&str]) -> Redaction {
        let config = JournalConfig {
            redact_headers: vec!["X-Session".to_owned()],
            redact_paths: paths.iter().map(|&p| p.to_owned()).collect(),
            redact_query: vec!["Token".to_owned()],
            ..JournalConfig::default()
        };
        let mut errors = Vec::new();
        let redaction = Redaction::parse(&config, &mut errors);
        assert_eq!(errors, []);
        redaction
    }

    fn found(path: &str, legacy: &str) -> Discrepancy {
        let (path, legacy) = (path.to_owned(), Some(legacy.to_owned()));
        Discrepancy {
            path,
            kind: Kind::Value,
            legacy,
            modern: None,
        }
    }

    #[test]
    fn secret_headers_go_and_urls_in_others_lose_their_secrets() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "Bearer s3cret".parse().unwrap());
        headers.insert("x-session", "s3cret".parse().unwrap());
        headers.insert("location", "/next?a=1&token=s3cret#x".parse().unwrap());
        let stored = redaction(&[]).headers(&headers);
        assert!(!format!("{stored:?}").contains("s3cret"), "{stored:?}");
        assert!(stored.contains(&("location".into(), "/next?a=1&token=[redacted]#x".into())));
    }

    #[test]
    fn a_discrepancy_at_above_or_below_a_secret_shows_none_of_it() {
        let redaction = redaction(&["/card", "/**/email", "/users/*/key"]);
        for (path, value, kept) in [
            ("/card", r#""4111""#, "/card"),
            ("/card/4111/x", "4111", "/card"),
            ("/users/3", r#"{"name":"A","key":"4111"}"#, "/users/3"),
            ("", r#"{"a":{"email":"4111"}}"#, ""),
            ("/a", r#"{"email":"4111", trunca…"#, "/a"),
            ("body", "-a 4111\n+b", "body"),
            ("body", "\"token 4111\"", "body"),
            ("body", r#"{"card":4111}"#, "body"),
        ] {
            let stored = redaction.discrepancy(found(path, value));
            assert!(!format!("{stored:?}").contains("4111"), "{stored:?}");
            assert_eq!(stored.path, kept);
        }
        let plain = redaction.discrepancy(found("/total", "4111"));
        assert_eq!(plain.legacy.as_deref(), Some("4111"));
    }

    #[test]
    fn keys_that_an_order_is_told_by_are_withheld_where_paths_are_secret() {
        let mut order = found("/users", "4111, 4112");
        order.kind = Kind::Order;
        let stored = redaction(&["/users/*/card"]).discrepancy(order.clone());
        assert_eq!(stored.legacy.as_deref(), Some(WITHHELD));
        assert_eq!(redaction(&[]).discrepancy(order.clone()), order);
    }

    #[test]
    fn a_discrepancy_in_a_header_is_redacted_like_the_header() {
        let stored = redaction(&[]).discrepancy(found("headers/set-cookie", "sid=s3cret"));
        assert_eq!(stored.legacy.as_deref(), Some(REDACTED));
        let stored = redaction(&[]).discrepancy(found("headers/location", "/?token=s3cret"));
        assert_eq!(stored.legacy.as_deref(), Some("/?token=[redacted]"));
    }

    #[test]
    fn a_body_that_cannot_be_searched_is_withheld() {
        assert_eq!(redaction(&["/a"]).body("a=s3cret", true), None);
        assert_eq!(redaction(&["/a"]).body("{\"a\":1", false), None);
        assert_eq!(
            redaction(&[]).body("{\"a\":1", false).as_deref(),
            Some("{\"a\":1")
        );
        let form = redaction(&[]).body("x=1&token=s3cret", true);
        assert_eq!(form.as_deref(), Some("x=1&token=[redacted]"));
    }
}
