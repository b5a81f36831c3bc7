//! Tokens: values that a side mints and that mean nothing to the other, such as cursors.
//!
//! Where they stand is declared by rules. Two that stand in one place are equal, whatever they are,
//! and told to the caller, who may keep which of one side goes with which of the other. Nothing is
//! kept here.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::rules::Pattern;

/// The declaration that a side mints the values at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRule {
    /// Where.
    pub place: TokenPlace,
    /// The parameter of the URL that stands there, if it is that alone.
    pub parameter: Option<String>,
}

/// Where a token stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenPlace {
    /// In a body.
    Path(Pattern),
    /// In a header, by its name in lower case.
    Header(String),
}

/// Two texts that stood in the place of a token: what one side minted goes with what the other did.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenPair {
    /// The whole text of legacy's.
    pub legacy: String,
    /// The whole text of modern's.
    pub modern: String,
    /// The parameter of the URL that both are, if it is that alone.
    pub parameter: Option<String>,
}

impl fmt::Debug for TokenPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Tokens are secrets, and what is shown ends in logs.
        f.write_str("TokenPair(…)")
    }
}

/// Where the value of a parameter stands in a URL, or in a text that holds one; nothing if it is
/// empty.
pub fn parameter(text: &str, name: &str) -> Option<Range<usize>> {
    let mut from = 0;
    while let Some(found) = text.get(from..)?.find(name) {
        let start = from + found;
        let end = start + name.len();
        let before = text.get(..start).and_then(|text| text.chars().next_back());
        if matches!(before, Some('?' | '&' | ';'))
            && let Some(rest) = text.get(end..).and_then(|rest| rest.strip_prefix('='))
        {
            let ends = |c: char| matches!(c, '&' | ';' | '#' | '>' | '"' | '\'') || c <= ' ';
            let length = rest.find(ends).unwrap_or(rest.len());
            return (length > 0).then_some(end + 1..end + 1 + length);
        }
        from = end;
    }
    None
}

/// A text without the value of a parameter, if there is one.
pub(crate) fn without_parameter<'t>(text: &'t str, name: &str) -> Cow<'t, str> {
    match parameter(text, name) {
        Some(value) => {
            let (before, after) = (text.get(..value.start), text.get(value.end..));
            Cow::Owned([before.unwrap_or_default(), "*", after.unwrap_or_default()].concat())
        }
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_found_by_its_whole_name_wherever_a_url_stands() {
        let value = |text: &'static str| parameter(text, "cursor").map(|at| &text[at]);
        assert_eq!(value("/orders?cursor=ab%3D&x=1"), Some("ab%3D"));
        assert_eq!(value("http://h/o?x=1&cursor=ab#top"), Some("ab"));
        assert_eq!(value("</o?xcursor=1&cursor=ab>; rel=\"next\""), Some("ab"));
        assert_eq!(value("/cursor=1?cursors=2&cursor=3"), Some("3"));
        for none in ["", "cursor=1", "/o?cursor", "/o?cursor=", "/o?cursor=&x=1"] {
            assert_eq!(value(none), None, "{none}");
        }
        assert_eq!(
            without_parameter("/o?cursor=ab&x", "cursor"),
            "/o?cursor=*&x"
        );
        assert_eq!(without_parameter("/o?cursor=", "cursor"), "/o?cursor=");
    }
}
