//! Names of cached values: a kind, and the ids that it is of.
//!
//! A key is made of own ids only. Aliases are resolved before, by the cache.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What would let two lists of ids make the same key.
const SEPARATORS: &AsciiSet = &CONTROLS.add(b':').add(b'%');

/// One kind of cached value, declared once by the service that caches it.
#[derive(Debug)]
pub struct Kind {
    name: &'static str,
    ttl: Duration,
}

/// The name of one cached value.
#[derive(Debug, Clone)]
pub struct Key {
    kind: &'static Kind,
    text: Arc<str>,
}

impl Kind {
    /// A kind whose values live for `seconds` at most.
    pub const fn new(name: &'static str, seconds: u64) -> Self {
        Self {
            name,
            ttl: Duration::from_secs(seconds),
        }
    }

    /// The value of this kind that is of these ids, in their order; one left out is empty.
    pub fn key(&'static self, ids: &[&str]) -> Key {
        let mut text = self.name.to_owned();
        for id in ids {
            text.push(':');
            text.extend(utf8_percent_encode(id, SEPARATORS));
        }
        Key {
            kind: self,
            text: text.into(),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Up to a tenth shorter than the longest life, so that what was cached together does not
    /// expire together.
    pub(super) fn jittered(&self) -> Duration {
        self.ttl.mul_f64(0.9 + 0.1 * fastrand::f64())
    }
}

impl Key {
    pub(super) fn kind(&self) -> &'static Kind {
        self.kind
    }

    pub(super) fn text(&self) -> &Arc<str> {
        &self.text
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static LIST: Kind = Kind::new("list", 100);

    #[test]
    fn different_ids_make_different_keys() {
        let keys = [
            ["a:b", ""],
            ["a", "b:"],
            ["a", ":b"],
            ["a%3Ab", ""],
            ["", "a:b"],
        ];
        let texts: std::collections::HashSet<_> =
            keys.iter().map(|ids| LIST.key(ids).to_string()).collect();
        assert_eq!(texts.len(), keys.len(), "{texts:?}");
        assert_eq!(LIST.key(&["17", "active"]).to_string(), "list:17:active");
    }

    #[test]
    fn lives_differ_and_none_is_longer_than_declared() {
        let lives: std::collections::HashSet<_> = (0..100).map(|_| LIST.jittered()).collect();
        assert!(lives.len() > 50);
        assert!(
            lives
                .iter()
                .all(|life| (90..=100).contains(&life.as_secs()))
        );
    }
}
