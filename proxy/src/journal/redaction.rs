//! Keeps secrets out of the journal: everything stored passes through here first.
//!
//! Comparison happens before redaction, on the real values. In the place of a secret stands its
//! keyed hash, so that equal ones are seen to be equal. What can't be read is withheld, not stored
//! as it came. Parameters of URLs inside bodies are not told by their names.

mod json;
mod key;
mod names;
mod patterns;
mod query;

pub(super) use key::Key;
pub(super) use names::DEFAULT as SECRET_NAMES;
pub use patterns::Secret;

use super::config::{JournalConfig, SettingError};
use comparator::{Discrepancy, Kind, Pattern, TokenPlace, TokenRule};
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE, HeaderName, PROXY_AUTHORIZATION, SET_COOKIE};
use names::Names;
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
    /// The declared places of tokens, which only documents have.
    tokens: Vec<Pattern>,
    query: Vec<String>,
    /// What is secret by its name, wherever it stands.
    names: Names,
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
            HeaderName::from_static("x-csrf-token"),
            HeaderName::from_static("x-xsrf-token"),
        ];
        Self {
            headers,
            paths: Vec::new(),
            tokens: Vec::new(),
            query: Vec::new(),
            names: Names::default(),
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
            names: Names::new(config.redact_names.iter().map(String::as_str)),
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
        for (i, name) in config.redact_names.iter().enumerate() {
            if names::plain(name).is_empty() {
                let message = "a name has letters or digits".to_owned();
                refuse("redact_names", i, name, message);
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

    /// Hides what the rules of a route declare as tokens. A parameter of a URL is hidden wherever it
    /// has that name, and the URL in a body as a whole.
    pub(super) fn hide(&mut self, rules: &[TokenRule]) {
        for rule in rules {
            if let Some(name) = &rule.parameter {
                add(&mut self.query, name.to_ascii_lowercase());
            }
            match &rule.place {
                TokenPlace::Path(pattern) => {
                    // A form has fields in the place of keys.
                    let field = pattern.to_string();
                    let field = field.strip_prefix('/').filter(|name| !name.contains('/'));
                    if let Some(field) = field {
                        add(&mut self.query, field.to_ascii_lowercase());
                    }
                    add(&mut self.tokens, pattern.clone());
                }
                TokenPlace::Header(name) if rule.parameter.is_none() => {
                    if let Ok(name) = name.parse() {
                        add(&mut self.headers, name);
                    }
                }
                TokenPlace::Header(_) => {}
            }
        }
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
        let target = query::redact_url(target, &|name| self.is_field(name), &self.key);
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

    /// The value of a header as it may be stored.
    pub(super) fn header(&self, name: &str, value: &str) -> String {
        if self
            .headers
            .iter()
            .any(|secret| secret.as_str().eq_ignore_ascii_case(name))
            || self.names.hold(name)
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
        let plain = names::plain;
        let called = plain(name);
        let mut paths = self.paths.iter().map(ToString::to_string);
        let secret = paths.any(|path| plain(path.rsplit('/').next().unwrap_or_default()) == called);
        if secret || self.names.hold(name) {
            self.mark_json(value)
        } else {
            self.text(value).into_owned()
        }
    }

    /// Whether a body can only be stored once it was searched, so that a part of it won't do.
    pub(super) fn searches_bodies(&self) -> bool {
        !self.paths.is_empty()
    }

    /// The same of one that is a document, and may hold what is a token there.
    pub(super) fn searches_documents(&self) -> bool {
        self.searches_bodies() || !self.tokens.is_empty()
    }

    /// A decoded body as it may be stored, or `None` when it has to be withheld.
    pub(super) fn body(&self, text: &str, is_form: bool) -> Option<String> {
        if is_form && self.paths.is_empty() {
            let text = query::redact_form(text, &|name| self.is_field(name), &self.key);
            return Some(self.text(&text).into_owned());
        }
        let found = json::redact(text, "", self);
        let searches = if is_document(text) {
            self.searches_documents()
        } else {
            self.searches_bodies()
        };
        if searches || (found.is_none() && self.names.occur_in(text)) {
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
                let clean = if is_tree(value) {
                    self.body(value, false)
                } else if self.searches_bodies() || self.names.occur_in(value) {
                    None
                } else {
                    let is_field = |name: &str| self.is_field(name);
                    let text = query::redact_parameters(value, &is_field, &self.key);
                    Some(self.text(&text).into_owned())
                };
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
            let searches = match kind {
                Kind::Order => self.searches_bodies(),
                _ => self.searches_documents(),
            };
            *value = match tree.flatten() {
                Some(clean) => clean,
                None if unread && (searches || self.names.occur_in(value)) => WITHHELD.to_owned(),
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
        let mut secret = self.paths.iter().chain(&self.tokens);
        secret.any(|pattern| pattern.matches(path))
            || (path.rsplit('/').next()).is_some_and(|name| self.names.hold(name))
    }

    /// Whether a field of a form, or a parameter, is a secret by its name.
    fn is_field(&self, name: &str) -> bool {
        let mut fields = self.query.iter();
        fields.any(|field| field.eq_ignore_ascii_case(name)) || self.names.hold(name)
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

fn add<T: PartialEq>(list: &mut Vec<T>, new: T) {
    if !list.contains(&new) {
        list.push(new);
    }
}

/// Whether a body is one whose values have paths: JSON or XML.
pub(super) fn is_document(text: &str) -> bool {
    is_tree(text) || text.trim_start().starts_with('<')
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
mod tests;
