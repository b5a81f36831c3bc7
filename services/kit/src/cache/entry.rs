//! What a tier holds under a key: a value, sealed, or the lease of whoever is loading it.
//!
//! The seal binds a value to its key. Bytes that something else wrote, cut or moved under one of
//! our keys are no value; the seal is no protection against somebody who forges it.

use serde::Serialize;
use serde::de::DeserializeOwned;
use xxhash_rust::xxh3::xxh3_64;

/// The longest entry that is kept; a longer value is loaded each time.
pub(super) const LONGEST: usize = 1024 * 1024;

/// The first byte of a value's entry, and of a lease's.
const VALUE: u8 = b'v';
const LEASE: u8 = b'l';

/// Hexadecimal digits of the seal.
const SEAL: usize = 16;

/// Bytes of an entry.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry<T> {
    /// The value.
    Value(T),
    /// Somebody is loading the value.
    Lease,
    /// Nothing that was written here.
    Rubbish,
}

/// A lease that no other reader has.
pub(super) fn lease() -> String {
    format!("{}{}", char::from(LEASE), uuid::Uuid::new_v4().simple())
}

/// The entry of a value; [`None`] when it is too long to keep.
pub(super) fn seal<T: Serialize>(key: &str, value: &T) -> Option<Vec<u8>> {
    let json = serde_json::to_vec(value).ok()?;
    let mut entry = format!("{}{:016x}", char::from(VALUE), digest(key, &json)).into_bytes();
    entry.extend_from_slice(&json);
    (entry.len() <= LONGEST).then_some(entry)
}

/// Reads an entry.
pub(super) fn open<T: DeserializeOwned>(key: &str, entry: &[u8]) -> Entry<T> {
    match entry.split_first() {
        Some((&LEASE, token)) if token.len() == 32 => Entry::Lease,
        Some((&VALUE, sealed)) => unseal(key, sealed).map_or(Entry::Rubbish, Entry::Value),
        _ => Entry::Rubbish,
    }
}

fn unseal<T: DeserializeOwned>(key: &str, sealed: &[u8]) -> Option<T> {
    let (seal, json) = sealed.split_at_checked(SEAL)?;
    let seal = u64::from_str_radix(std::str::from_utf8(seal).ok()?, 16).ok()?;
    if seal != digest(key, json) {
        return None;
    }
    serde_json::from_slice(json).ok()
}

fn digest(key: &str, json: &[u8]) -> u64 {
    xxh3_64(json) ^ xxh3_64(key.as_bytes()).rotate_left(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_back_under_its_own_key_only() {
        let entry = seal("order:1", &"one").unwrap();
        assert_eq!(open("order:1", &entry), Entry::Value("one".to_owned()));
        assert_eq!(open::<String>("order:2", &entry), Entry::Rubbish);
    }

    #[test]
    fn any_changed_or_missing_byte_makes_rubbish() {
        let entry = seal("order:1", &"one").unwrap();
        for end in 0..entry.len() {
            assert_eq!(open::<String>("order:1", &entry[..end]), Entry::Rubbish);
        }
        for index in 0..entry.len() {
            let mut changed = entry.clone();
            changed[index] ^= 1;
            assert_eq!(open::<String>("order:1", &changed), Entry::Rubbish);
        }
        for rubbish in ["", "v", "l", "null", "{}", "\u{0}", "v+00000000000000f1"] {
            assert_eq!(
                open::<String>("order:1", rubbish.as_bytes()),
                Entry::Rubbish
            );
        }
    }

    #[test]
    fn a_lease_is_no_value_and_no_rubbish() {
        assert_eq!(open::<String>("order:1", lease().as_bytes()), Entry::Lease);
        assert_ne!(lease(), lease());
    }

    #[test]
    fn a_value_too_long_to_keep_is_not_sealed() {
        assert_eq!(seal("order:1", &"x".repeat(LONGEST)), None);
    }
}
