//! The key of an installation, and the marks that it makes of secrets.
//!
//! A mark is a keyed hash (HMAC-SHA-256, cut to 64 bits): equal secrets have equal marks, and who
//! lacks the key can't find a short secret by trying them all. What is a secret is not decided here.

use crate::key_file::{self, KeyError};
use ring::hmac;
use std::path::Path;
use std::sync::Arc;

/// Bytes of a hash that a mark shows.
const SHOWN: usize = 8;

/// What secrets are hashed with; without one, all have the same mark.
#[derive(Clone, Default)]
pub(crate) struct Key(Option<Arc<hmac::Key>>);

impl Key {
    /// The key in a file that only its owner may read; it is made where there is none.
    pub(crate) fn kept(path: &Path) -> Result<Self, KeyError> {
        Ok(Self::new(&key_file::kept(path)?))
    }

    fn new(bytes: &[u8]) -> Self {
        Self(Some(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, bytes))))
    }

    /// What stands in the place of a secret.
    pub(super) fn mark(&self, secret: &str) -> String {
        let Some(key) = &self.0 else {
            return super::REDACTED.to_owned();
        };
        let hash = hmac::sign(key, secret.as_bytes());
        // Letters only, so that no mark passes for a number that is a secret itself.
        let letter = |half: u8| char::from(b'a' + (half & 15));
        let shown = hash.as_ref().iter().take(SHOWN);
        let letters: String = shown.flat_map(|b| [letter(b >> 4), letter(*b)]).collect();
        format!("{}:{letters}]", super::MARK)
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_one_key_stay_the_same_and_those_of_another_are_others() {
        let directory = tempfile::tempdir().unwrap();
        let kept = |name: &str| Key::kept(&directory.path().join(name)).unwrap();
        let (first, again, other) = (kept("a.key"), kept("a.key"), kept("b.key"));
        assert_eq!(first.mark("4111"), again.mark("4111"));
        assert_ne!(first.mark("4111"), first.mark("4112"));
        assert_ne!(first.mark("4111"), other.mark("4111"));
    }

    #[test]
    fn the_hash_is_hmac_sha_256() {
        // RFC 4231, test case 2: 5bdcc146 bf60754e …, with a for 0 to p for 15.
        let mark = Key::new(b"Jefe").mark("what do ya want for nothing?");
        assert_eq!(mark, "[redacted:flnmmbeglpgahfeo]");
    }
}
