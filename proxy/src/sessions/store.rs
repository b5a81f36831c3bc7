//! What is kept of sessions: bounded in bytes and in time, read without a lock.
//!
//! When there is no room, what was not asked for since it was last looked at goes, the oldest
//! first (Corbató, A paging experiment with the Multics system, 1968). Who reads only marks; who
//! keeps something takes a lock, and none of them is on a client's path.

use super::jars::Jar;
use papaya::HashMap;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

/// What one entry costs beside its texts, in the map and in the queue.
const ENTRY: usize = 200;

/// What is known under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// The cookies of the other side that belong to a cookie.
    Jar(Arc<Jar>),
    /// What the other side minted where this was minted.
    Partner {
        text: Arc<str>,
        /// Whose it is, as far as that is known.
        owner: u64,
    },
    /// Several have it, so it tells nobody from nobody.
    Nobodys,
}

impl Known {
    fn bytes(&self) -> usize {
        let texts = match self {
            Self::Jar(jar) => jar.bytes(),
            Self::Partner { text, .. } => text.len(),
            Self::Nobodys => 0,
        };
        ENTRY + texts
    }
}

struct Entry {
    known: Known,
    until: Instant,
    asked: AtomicBool,
}

/// Entries by their keys, of which no two of some millions are the same.
pub(super) struct Store {
    entries: HashMap<u128, Entry>,
    bytes: AtomicUsize,
    most: usize,
    /// Every key once, the oldest first.
    queue: Mutex<VecDeque<u128>>,
}

impl Store {
    /// One that holds so many bytes.
    pub(super) fn new(most: usize) -> Self {
        Self {
            entries: HashMap::new(),
            bytes: AtomicUsize::new(0),
            most,
            queue: Mutex::default(),
        }
    }

    /// What is known under a key.
    pub(super) fn find(&self, key: u128) -> Option<Known> {
        self.find_until(key).map(|(known, _)| known)
    }

    /// The same, and until when.
    pub(super) fn find_until(&self, key: u128) -> Option<(Known, Instant)> {
        let entries = self.entries.pin();
        let entry = entries.get(&key)?;
        if entry.until <= Instant::now() {
            return None;
        }
        entry.asked.store(true, Ordering::Relaxed);
        Some((entry.known.clone(), entry.until))
    }

    /// Keeps something, in the place of what was known. The keys of what had to go.
    pub(super) fn keep(&self, key: u128, known: Known, until: Instant) -> Vec<u128> {
        let mut queue = self.queue.lock();
        let entries = self.entries.pin();
        let bytes = known.bytes();
        let entry = Entry {
            known,
            until,
            asked: AtomicBool::new(false),
        };
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        match entries.insert(key, entry) {
            Some(old) => {
                self.bytes.fetch_sub(old.known.bytes(), Ordering::Relaxed);
            }
            None => queue.push_back(key),
        }
        let (mut gone, now) = (Vec::new(), Instant::now());
        // Whatever was asked for meanwhile gets one more round, so this comes to an end.
        let mut rounds = queue.len().saturating_mul(2);
        while self.bytes() > self.most && rounds > 0 {
            rounds -= 1;
            let Some(oldest) = queue.pop_front() else {
                break;
            };
            let Some(entry) = entries.get(&oldest) else {
                continue;
            };
            if entry.until > now && entry.asked.swap(false, Ordering::Relaxed) {
                queue.push_back(oldest);
                continue;
            }
            self.bytes.fetch_sub(entry.known.bytes(), Ordering::Relaxed);
            entries.remove(&oldest);
            gone.push(oldest);
        }
        gone
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The bytes that they take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn partner(text: &str) -> Known {
        Known::Partner {
            text: text.into(),
            owner: 0,
        }
    }

    #[test]
    fn what_nobody_asks_for_goes_first_and_the_bound_holds() {
        let store = Store::new(10 * (ENTRY + 4));
        let later = Instant::now() + Duration::from_hours(1);
        for key in 0..1000 {
            store.keep(key, partner("abcd"), later);
            assert!(store.find(0).is_some(), "gone at {key}");
            assert!(store.bytes() <= store.most);
        }
        assert_eq!(store.len(), 10);
        assert_eq!(store.queue.lock().len(), 10);
        assert!(store.find(1).is_none());
    }

    #[test]
    fn something_that_fits_nowhere_is_not_kept() {
        let store = Store::new(ENTRY);
        let later = Instant::now() + Duration::from_hours(1);
        assert_eq!(store.keep(1, partner("abcd"), later), [1]);
        assert_eq!((store.len(), store.bytes()), (0, 0));
    }

    #[test]
    fn what_is_over_is_not_found() {
        let store = Store::new(1 << 20);
        store.keep(1, partner("abcd"), Instant::now());
        assert_eq!(store.find(1), None);
    }

    #[test]
    fn another_value_takes_the_place_of_the_first() {
        let store = Store::new(1 << 20);
        let later = Instant::now() + Duration::from_hours(1);
        store.keep(1, partner("abcd"), later);
        store.keep(1, partner("ab"), later);
        assert_eq!(store.find(1), Some(partner("ab")));
        assert_eq!(store.bytes(), ENTRY + 2);
    }
}
