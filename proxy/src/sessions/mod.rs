//! What each side minted for a client and only it understands: cookies of sessions, tokens, cursors
//! and entity tags.
//!
//! From the two answers to one request it is learned what of one side goes with what of the other;
//! from then on a request carries that of the side that gets it, mirrored or served. Answers to
//! clients are not changed. What is kept is bounded, is over after a week, and lies sealed beside
//! the [`crate::outbox`]; none of it is ever logged or shown.

mod jars;
mod lessons;
mod request;
mod store;
mod tags;
mod tokens;
mod vault;

pub use lessons::Lesson;
pub(crate) use request::{Request, Unknown};

use crate::clock::Clock;
use crate::exchange::Exchange;
use crate::key_file::KeyError;
use crate::outbox::{Outbox, SealedRow};
use crate::side::Side;
use lessons::Lessons;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::{Known, Store};
use vault::Vault;
use xxhash_rust::xxh3::{xxh3_64_with_seed, xxh3_128_with_seed};

/// How long something is kept after it was learned.
const LIFE: Duration = Duration::from_hours(7 * 24);

/// Bytes that are kept: some 100,000 tokens.
const MOST: usize = 32 << 20;

/// What is known of the two sides' sessions.
pub struct Sessions {
    store: Store,
    vault: Vault,
    outbox: Outbox,
    clock: Clock,
    lessons: Lessons,
    /// Whether anything of a sort was ever learned, so that nobody looks for what can't be there.
    learned: [AtomicBool; 3],
    translated: AtomicU64,
    unknown: AtomicU64,
}

/// What can be said of them now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionsStatus {
    /// Entries that are kept: a token has some, one for each way in which it may be asked for.
    pub entries: usize,
    /// Their bytes.
    pub bytes: usize,
    /// How many bytes they may take.
    pub most: usize,
    /// Tokens and tags of requests that were put in those of the side they were sent to.
    pub translated: u64,
    /// Those, in places where there is always one, of which nothing was known.
    pub unknown: u64,
}

/// What a key is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Cookie,
    Token,
    Tag,
}

impl Sessions {
    /// With what a former run has left, and an outbox that keeps what is learned in this one. The
    /// key lies in a file, which is made where there is none.
    pub fn new(
        outbox: Outbox,
        key: &Path,
        left: Vec<SealedRow>,
        clock: Clock,
    ) -> Result<Arc<Self>, KeyError> {
        let sessions = Self {
            store: Store::new(MOST),
            vault: Vault::open(key, clock.clone())?,
            outbox,
            clock,
            lessons: Lessons::default(),
            learned: Default::default(),
            translated: AtomicU64::new(0),
            unknown: AtomicU64::new(0),
        };
        for row in left {
            if let Some((key, known, until)) = sessions.vault.unseal(row, LIFE) {
                sessions.store.keep(key, known, until);
            }
        }
        if sessions.store.len() > 0 {
            // Of which sort they are, their keys don't tell.
            for learned in &sessions.learned {
                learned.store(true, Ordering::Relaxed);
            }
        }
        Ok(Arc::new(sessions))
    }

    /// An exchange that may teach something begins to be mirrored; never waits.
    pub fn begin(&self) -> Lesson {
        self.lessons.begin()
    }

    /// What can be said of the sessions now.
    pub fn status(&self) -> SessionsStatus {
        SessionsStatus {
            entries: self.store.len(),
            bytes: self.store.bytes(),
            most: MOST,
            translated: self.translated.load(Ordering::Relaxed),
            unknown: self.unknown.load(Ordering::Relaxed),
        }
    }

    /// Whether something of a sort was ever learned.
    fn has(&self, sort: Sort) -> bool {
        self.learned
            .get(sort as usize)
            .is_some_and(|learned| learned.load(Ordering::Relaxed))
    }

    /// What is known by this is hashed, and the hash says nothing to who lacks the key.
    fn key(&self, sort: Sort, side: Side, (client, place): (u64, u64), text: &str) -> u128 {
        let mut parts = [0; 34];
        let text = xxh3_128_with_seed(text.as_bytes(), self.vault.seed).to_le_bytes();
        let head = [sort as u8, u8::from(side == Side::Modern)];
        let whole = head.into_iter().chain(client.to_le_bytes());
        let whole = whole.chain(place.to_le_bytes()).chain(text);
        for (part, byte) in parts.iter_mut().zip(whole) {
            *part = byte;
        }
        xxh3_128_with_seed(&parts, self.vault.seed)
    }

    /// What a cookie is known by, if it can be a session's.
    fn cookie(&self, side: Side, name: &str, value: &str) -> Option<u128> {
        let place = xxh3_64_with_seed(name.as_bytes(), self.vault.seed);
        jars::is_long(value).then(|| self.key(Sort::Cookie, side, (0, place), value))
    }

    /// Keeps something, here and over restarts.
    fn keep(&self, sort: Sort, key: u128, known: &Known) {
        if let Some(learned) = self.learned.get(sort as usize) {
            learned.store(true, Ordering::Relaxed);
        }
        let now = Instant::now();
        let before = self.store.find_until(key);
        let is_fresh = |until: Instant| until.saturating_duration_since(now) > LIFE / 2;
        if before.is_some_and(|(before, until)| before == *known && is_fresh(until)) {
            return;
        }
        let until = now + LIFE;
        let gone = self.store.keep(key, known.clone(), until);
        let gone = gone.into_iter().map(|key| self.vault.row(key)).collect();
        let row = self.vault.seal(key, known, until);
        self.outbox.keep_sessions(row, gone);
    }

    /// The sessions that an exchange is of, as each side knows them: those that the request carried
    /// and those that the answer began.
    fn clients_of(&self, exchange: &Exchange) -> (Vec<u64>, Vec<u64>) {
        let primary = exchange.answered_by;
        let (mut own, mut theirs) = (Vec::new(), Vec::new());
        let begun: Vec<_> = jars::set(&exchange.primary.headers).collect();
        let begun = begun.iter().map(cookie::Cookie::name_value);
        for (name, value) in begun.chain(jars::sent(&exchange.request.headers)) {
            let Some(jar) = self.jar_of(primary, name, value) else {
                continue;
            };
            own.extend(self.cookie(primary, name, value).map(jars::client));
            theirs.extend(self.sessions_in(&jar, primary.other()));
        }
        (own, theirs)
    }
}

#[cfg(test)]
mod tests;
