//! Path patterns: RFC 6901 pointers in which `*` is any one segment and `**` any number of them.
//!
//! Pseudo paths such as `headers/x` are not patterns; `ignore` alone knows them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// One segment of a pattern. The order is that of precedence: the literal one wins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Segment {
    /// `**`: any number of segments, none included.
    Deep,
    /// `*`: any one segment.
    Any,
    /// This key or position, unescaped.
    Name(String),
}

/// A pattern for paths into a JSON document.
///
/// Patterns are ordered by precedence: where several fit, the greatest one wins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(Vec<Segment>);

/// A text that is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is neither empty nor starts with a slash.
    #[error("a path starts with / (or is empty, for the whole document)")]
    NoSlash,
    /// A tilde is not followed by 0 or 1.
    #[error("~ is written ~0, and / within a key ~1")]
    Tilde,
}

impl Pattern {
    /// Whether the pattern fits a JSON pointer.
    pub fn matches(&self, path: &str) -> bool {
        let Ok(segments) = split(path) else {
            return false;
        };
        // reached[i]: the first i segments of the pattern fit what was read so far.
        let mut reached = vec![false; self.0.len() + 1];
        reached[0] = true;
        self.skip_deep(&mut reached);
        for segment in &segments {
            let mut next = vec![false; reached.len()];
            for (at, wanted) in self.0.iter().enumerate().filter(|(at, _)| reached[*at]) {
                match wanted {
                    Segment::Deep => next[at] = true,
                    Segment::Any => next[at + 1] = true,
                    Segment::Name(name) => next[at + 1] |= name == segment,
                }
            }
            self.skip_deep(&mut next);
            reached = next;
        }
        reached.last().copied().unwrap_or(false)
    }

    /// A `**` may stand for nothing, so what comes after it is reached as well.
    fn skip_deep(&self, reached: &mut [bool]) {
        for (at, segment) in self.0.iter().enumerate() {
            if reached[at] && *segment == Segment::Deep {
                reached[at + 1] = true;
            }
        }
    }

    pub(crate) fn segments(&self) -> &[Segment] {
        &self.0
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let segments = split(text)?.into_iter().map(|name| match name.as_str() {
            "**" => Segment::Deep,
            "*" => Segment::Any,
            _ => Segment::Name(name),
        });
        Ok(Self(segments.collect()))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|segment| match segment {
            Segment::Deep => f.write_str("/**"),
            Segment::Any => f.write_str("/*"),
            Segment::Name(name) => write!(f, "/{}", escape(name)),
        })
    }
}

/// Splits a pointer into its unescaped segments.
pub(crate) fn split(pointer: &str) -> Result<Vec<String>, PatternError> {
    if pointer.is_empty() {
        return Ok(Vec::new());
    }
    let rest = pointer.strip_prefix('/').ok_or(PatternError::NoSlash)?;
    rest.split('/').map(unescape).collect()
}

fn unescape(segment: &str) -> Result<String, PatternError> {
    let mut parts = segment.split('~');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (escaped, rest) = match (part.strip_prefix('0'), part.strip_prefix('1')) {
            (Some(rest), _) => ('~', rest),
            (_, Some(rest)) => ('/', rest),
            _ => return Err(PatternError::Tilde),
        };
        name.push(escaped);
        name.push_str(rest);
    }
    Ok(name)
}

/// Writes a key as a segment of a pointer.
pub(crate) fn escape(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|b| b == b'~' || b == b'/') {
        Cow::Owned(name.replace('~', "~0").replace('/', "~1"))
    } else {
        Cow::Borrowed(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, path: &str) -> bool {
        pattern.parse::<Pattern>().unwrap().matches(path)
    }

    #[test]
    fn star_is_one_segment_and_two_are_any_number() {
        assert!(fits("/data/*/id", "/data/3/id"));
        assert!(!fits("/data/*/id", "/data/id"));
        assert!(!fits("/data/*/id", "/data/3/4/id"));
        for path in ["/id", "/a/id", "/a/b/c/id"] {
            assert!(fits("/**/id", path), "{path}");
        }
        assert!(fits("/meta/**", "/meta") && fits("/meta/**", "/meta/a/b"));
        assert!(!fits("/meta/**", "/metadata"));
        assert!(fits("/**/a/**/b", "/x/a/a/y/b") && !fits("/**/a/**/b", "/x/b/a"));
    }

    #[test]
    fn escapes_are_those_of_json_pointers() {
        assert!(fits("/a~1b/~0", "/a~1b/~0"));
        assert!(!fits("/a~1b", "/a/b"));
        assert!(
            fits("", "") && !fits("", "/"),
            "the root is empty; / is an empty key"
        );
        assert_eq!("a/b".parse::<Pattern>(), Err(PatternError::NoSlash));
        assert_eq!("/a~2".parse::<Pattern>(), Err(PatternError::Tilde));
        assert_eq!("/a~".parse::<Pattern>(), Err(PatternError::Tilde));
        assert_eq!(
            "/a~1b/**/*".parse::<Pattern>().unwrap().to_string(),
            "/a~1b/**/*"
        );
    }

    #[test]
    fn the_more_literal_pattern_is_greater() {
        let of = |text: &str| text.parse::<Pattern>().unwrap();
        assert!(of("/data/id") > of("/data/*") && of("/data/*") > of("/data/**"));
        assert!(of("/$ref") > of("/*"));
    }
}
