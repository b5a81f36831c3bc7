//! How sessions are written to the disk: sealed, so that the file alone gives none away.
//!
//! A row is found by a keyed hash and holds nothing else that can be read (ChaCha20-Poly1305, with a
//! nonce drawn at random). The key lies in a file of its own.

use super::jars::{Jar, Kept};
use super::store::Known;
use crate::clock::Clock;
use crate::key_file::{self, KeyError};
use crate::outbox::SealedRow;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes that a row is found by.
const ROW: usize = 16;

pub(super) struct Vault {
    sealing: Option<LessSafeKey>,
    rows: hmac::Key,
    random: SystemRandom,
    /// What keys in memory are hashed with, so that they are the same in the next run.
    pub(super) seed: u64,
    clock: Clock,
}

/// What is sealed; times are in seconds since 1970.
#[derive(Serialize, Deserialize)]
struct Written {
    key: (u64, u64),
    until: i64,
    known: Form,
}

#[derive(Serialize, Deserialize)]
enum Form {
    Jar(Vec<(String, Option<String>, Option<i64>)>),
    Partner(String, u64),
    Nobodys,
}

impl Vault {
    /// With the key in a file, which is made where there is none.
    pub(super) fn open(path: &Path, clock: Clock) -> Result<Self, KeyError> {
        let master = hmac::Key::new(hmac::HMAC_SHA256, &key_file::kept(path)?);
        let derived = |what: &str| hmac::sign(&master, what.as_bytes());
        let sealing = UnboundKey::new(&CHACHA20_POLY1305, derived("seal").as_ref());
        let (seed, _) = halves(derived("seed").as_ref());
        Ok(Self {
            sealing: sealing.ok().map(LessSafeKey::new),
            rows: hmac::Key::new(hmac::HMAC_SHA256, derived("rows").as_ref()),
            random: SystemRandom::new(),
            seed,
            clock,
        })
    }

    /// What a row is found by.
    pub(super) fn row(&self, key: u128) -> Vec<u8> {
        let hash = hmac::sign(&self.rows, &key.to_le_bytes());
        hash.as_ref().iter().take(ROW).copied().collect()
    }

    /// The row of an entry.
    pub(super) fn seal(&self, key: u128, known: &Known, until: Instant) -> Option<SealedRow> {
        let at = |until: Instant| {
            let left = until.saturating_duration_since(Instant::now()).as_secs();
            let left = i64::try_from(left).unwrap_or(i64::MAX);
            self.clock.now().as_second().saturating_add(left)
        };
        let form = match known {
            Known::Jar(jar) => {
                let kept = jar.0.iter();
                let kept =
                    kept.map(|(name, kept)| (name.clone(), kept.value.clone(), kept.until.map(at)));
                Form::Jar(kept.collect())
            }
            Known::Partner { text, owner } => Form::Partner(text.to_string(), *owner),
            Known::Nobodys => Form::Nobodys,
        };
        let written = Written {
            key: halves(&key.to_le_bytes()),
            until: at(until),
            known: form,
        };
        let mut sealed = serde_json::to_vec(&written).ok()?;
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).ok()?;
        let row = self.row(key);
        let unique = Nonce::assume_unique_for_key(nonce);
        let sealing = self.sealing.as_ref()?;
        let done = sealing.seal_in_place_append_tag(unique, Aad::from(&row), &mut sealed);
        done.ok()?;
        sealed.extend_from_slice(&nonce);
        Some(SealedRow {
            row,
            until: written.until,
            sealed,
        })
    }

    /// The entry of a row, unless it is another key's or was changed. It lives at most so long.
    pub(super) fn unseal(
        &self,
        row: SealedRow,
        longest: Duration,
    ) -> Option<(u128, Known, Instant)> {
        let SealedRow {
            row, mut sealed, ..
        } = row;
        let nonce = sealed.split_off(sealed.len().checked_sub(NONCE_LEN)?);
        let nonce = Nonce::try_assume_unique_for_key(&nonce).ok()?;
        let sealing = self.sealing.as_ref()?;
        let text = sealing.open_in_place(nonce, Aad::from(&row), &mut sealed);
        let written: Written = serde_json::from_slice(text.ok()?).ok()?;
        let (now, today) = (Instant::now(), self.clock.now().as_second());
        let at = |seconds: i64| {
            let left = u64::try_from(seconds.saturating_sub(today)).unwrap_or(0);
            now + Duration::from_secs(left).min(longest)
        };
        let known = match written.known {
            Form::Jar(kept) => {
                let kept = kept.into_iter().map(|(name, value, until)| {
                    let until = until.map(at);
                    (name, Kept { value, until })
                });
                Known::Jar(Arc::new(Jar(kept.collect())))
            }
            Form::Partner(text, owner) => Known::Partner {
                text: text.into(),
                owner,
            },
            Form::Nobodys => Known::Nobodys,
        };
        let (low, high) = written.key;
        let key = u128::from(low) | (u128::from(high) << 64);
        Some((key, known, at(written.until)))
    }
}

/// The first sixteen bytes as two numbers.
fn halves(bytes: &[u8]) -> (u64, u64) {
    let number = |from: usize| {
        let eight = bytes.get(from..from + 8).and_then(|b| b.try_into().ok());
        eight.map_or(0, u64::from_le_bytes)
    };
    (number(0), number(8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_comes_back_with_its_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        let open = |name: &str| Vault::open(&folder.path().join(name), Clock::default()).unwrap();
        let (vault, other) = (open("a.key"), open("b.key"));
        let day = Duration::from_hours(24);
        let jar = [(
            "sid".to_owned(),
            Some("s3cret".to_owned()),
            Some(Instant::now() + day),
        )];
        let jar = jar.map(|(name, value, until)| (name, Kept { value, until }));
        let known = Known::Jar(Arc::new(Jar(jar.into())));
        let seal = || {
            vault
                .seal(u128::MAX - 7, &known, Instant::now() + day)
                .unwrap()
        };
        let row = seal();
        let shown = String::from_utf8_lossy(&row.sealed).into_owned();
        assert!(
            !shown.contains("s3cret") && !shown.contains("sid"),
            "{shown}"
        );
        let copy = || SealedRow {
            row: row.row.clone(),
            until: row.until,
            sealed: row.sealed.clone(),
        };
        let (key, back, until) = vault.unseal(copy(), day).unwrap();
        assert_eq!(key, u128::MAX - 7);
        let Known::Jar(back) = back else {
            panic!("{back:?}")
        };
        assert_eq!(back.0["sid"].value.as_deref(), Some("s3cret"));
        assert!(until > Instant::now() + day / 2);
        assert!(other.unseal(copy(), day).is_none());
        let mut changed = copy();
        changed.sealed[0] ^= 1;
        assert!(vault.unseal(changed, day).is_none());
        let mut moved = copy();
        moved.row[0] ^= 1;
        assert!(vault.unseal(moved, day).is_none());
        let mut short = copy();
        short.sealed.truncate(5);
        assert!(vault.unseal(short, day).is_none());
        assert_ne!(seal().sealed, row.sealed, "a nonce is never used twice");
    }
}
