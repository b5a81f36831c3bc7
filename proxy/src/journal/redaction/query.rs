//! Secrets in query strings and forms.
//!
//! Text that isn't a query is copied as it is; nothing here decides whether something is one.

use super::Key;

/// Replaces the values of the parameters that `is_secret` names after the first `?`, `#` or `;` in
/// `text`: fragments carry tokens, and segments of a path have parameters of their own.
///
/// Names are percent-decoded.
pub(super) fn redact_url(text: &str, is_secret: &dyn Fn(&str) -> bool, key: &Key) -> String {
    let (path, parameters) = text.split_at(text.find(['?', '#', ';']).unwrap_or(text.len()));
    format!("{path}{}", redact_parameters(parameters, is_secret, key))
}

/// Replaces the values of the fields that `is_secret` names in a form: `name=value&…`, and whatever
/// else a value holds.
pub(super) fn redact_form(text: &str, is_secret: &dyn Fn(&str) -> bool, key: &Key) -> String {
    redact(text, |c| c == '&', is_secret, key)
}

/// The same of parameters in other text, where more than a `&` ends one.
pub(super) fn redact_parameters(text: &str, is_secret: &dyn Fn(&str) -> bool, key: &Key) -> String {
    redact(text, is_border, is_secret, key)
}

fn redact(
    text: &str,
    is_border: impl Fn(char) -> bool,
    is_secret: &dyn Fn(&str) -> bool,
    key: &Key,
) -> String {
    let mut clean = String::with_capacity(text.len());
    for field in text.split_inclusive(&is_border) {
        let (field, border) = match field.char_indices().next_back() {
            Some((at, last)) if is_border(last) => field.split_at(at),
            _ => (field, ""),
        };
        match field.split_once('=') {
            Some((name, value)) if is_secret(&String::from_utf8_lossy(&decode(name))) => {
                clean.push_str(name);
                clean.push('=');
                clean.push_str(&key.mark(&String::from_utf8_lossy(&decode(value))));
            }
            _ => clean.push_str(field),
        }
        clean.push_str(border);
    }
    clean
}

/// Besides `&`, what ends a parameter where a URL stands in other text.
fn is_border(c: char) -> bool {
    matches!(c, '&' | ';' | '#' | '?' | '>' | '<' | '"' | '\'' | ',') || c.is_whitespace()
}

/// Percent-decodes a name or a value, leniently: what is no escape stays as it is.
fn decode(name: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = tail.get(..2).filter(|_| first == b'%');
        let escaped = escaped.and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(byte) = escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            decoded.push(byte);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            decoded.push(first);
            rest = tail;
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(url: &str) -> String {
        redact_url(
            url,
            &|name| name.eq_ignore_ascii_case("token"),
            &Key::default(),
        )
    }

    #[test]
    fn only_the_named_parameters_lose_their_values() {
        assert_eq!(clean("/a?x=1&token=s&y=2"), "/a?x=1&token=[redacted]&y=2");
        assert_eq!(clean("/a?TOKEN=s"), "/a?TOKEN=[redacted]");
        assert_eq!(
            clean("/a?to%6ben=s&tokens=1"),
            "/a?to%6ben=[redacted]&tokens=1"
        );
        assert_eq!(clean("/token=s"), "/token=s");
        assert_eq!(clean("/a?token"), "/a?token");
        assert_eq!(clean("/a"), "/a");
    }

    #[test]
    fn parameters_of_fragments_and_of_segments_lose_theirs_too() {
        assert_eq!(
            clean("https://a/back#x=1&token=s"),
            "https://a/back#x=1&token=[redacted]"
        );
        assert_eq!(clean("/a;token=s"), "/a;token=[redacted]");
        assert_eq!(clean("/a;token=s/b?x=1"), "/a;token=[redacted]?x=1");
    }

    #[test]
    fn odd_spellings_hide_nothing() {
        assert_eq!(
            clean("</a?x=1;token=s>; rel=\"n\""),
            "</a?x=1;token=[redacted]>; rel=\"n\""
        );
        assert_eq!(clean("/a??token=s"), "/a??token=[redacted]");
        assert_eq!(clean("/a?%=1&token=a=b&%zz"), "/a?%=1&token=[redacted]&%zz");
        assert_eq!(clean("/ä?ü=ö&token=ß"), "/ä?ü=ö&token=[redacted]");
    }
}
