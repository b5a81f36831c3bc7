//! The tier in this process: what there is when Redis is away, or none was ever wanted.
//!
//! It knows the same verbs as Redis: look up and lease, store under a lease, remove.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use moka::Expiry;
use moka::ops::compute::Op;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use parking_lot::Mutex;

use super::entry;
use super::tier::{LEASE_LIFE, Looked};

/// Bytes of keys and entries that are kept.
const BYTES: u64 = 64 * 1024 * 1024;

/// An entry and its life.
#[derive(Debug, Clone)]
struct Held {
    entry: Bytes,
    life: Duration,
}

type Entries = Cache<Arc<str>, Held>;

/// Entries in this process, least recently used first out.
#[derive(Debug)]
pub(super) struct Memory {
    // Emptied by replacing the whole, so that whoever holds a lease on the old one stores there,
    // where nobody looks.
    entries: Mutex<Entries>,
}

/// The right to store one value in the entries that were looked up in.
#[derive(Debug)]
pub(super) struct MemoryLease {
    entries: Entries,
    token: Bytes,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self {
            entries: Mutex::new(entries()),
        }
    }

    /// What is under the key; when nothing is, a lease to put it there.
    pub(super) fn look_up(&self, key: &Arc<str>) -> Looked<MemoryLease> {
        let entries = self.entries.lock().clone();
        let token = Bytes::from(entry::lease());
        let lease = || Held {
            entry: token.clone(),
            life: LEASE_LIFE,
        };
        let found = entries.entry_by_ref(key).or_insert_with(lease);
        if found.is_fresh() {
            return Looked::Leased(MemoryLease { entries, token });
        }
        Looked::Found(found.into_value().entry)
    }

    /// Empties the tier, leases included.
    pub(super) fn clear(&self) {
        *self.entries.lock() = entries();
    }

    /// Removes the key, and with it the lease of whoever is loading its value.
    pub(super) fn remove(&self, key: &Arc<str>) {
        let entries = self.entries.lock().clone();
        // Unlike `invalidate`, a compute waits for one of the same key that is under way.
        entries.entry_by_ref(key).and_compute_with(|_| Op::Remove);
    }

    /// How many entries there are and how many bytes, after what is due has been removed.
    pub(super) fn size(&self) -> (u64, u64) {
        let entries = self.entries.lock().clone();
        entries.run_pending_tasks();
        (entries.entry_count(), entries.weighted_size())
    }
}

impl MemoryLease {
    /// Stores the value if the lease still stands: it falls with the key's removal.
    pub(super) fn store(self, key: &Arc<str>, entry: Vec<u8>, life: Duration) {
        let held = Held {
            entry: entry.into(),
            life,
        };
        self.entries
            .entry_by_ref(key)
            .and_compute_with(|present| match present {
                Some(present) if present.value().entry == self.token => Op::Put(held),
                _ => Op::Nop,
            });
    }
}

fn entries() -> Entries {
    let weight = |key: &Arc<str>, held: &Held| {
        u32::try_from(key.len().saturating_add(held.entry.len())).unwrap_or(u32::MAX)
    };
    Cache::builder()
        .max_capacity(BYTES)
        .weigher(weight)
        .eviction_policy(EvictionPolicy::lru())
        .expire_after(Lives)
        .build()
}

/// Each entry has its own life, anew when a value takes the place of its lease.
struct Lives;

impl Expiry<Arc<str>, Held> for Lives {
    fn expire_after_create(&self, _: &Arc<str>, held: &Held, _: Instant) -> Option<Duration> {
        Some(held.life)
    }

    fn expire_after_update(
        &self,
        _: &Arc<str>,
        held: &Held,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(held.life)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE: Duration = Duration::from_mins(1);

    fn leased(memory: &Memory, key: &Arc<str>) -> MemoryLease {
        match memory.look_up(key) {
            Looked::Leased(lease) => lease,
            Looked::Found(entry) => panic!("{entry:?}"),
        }
    }

    fn found(memory: &Memory, key: &Arc<str>) -> bool {
        matches!(memory.look_up(key), Looked::Found(entry) if entry == "new"[..])
    }

    #[test]
    fn a_lease_that_fell_with_its_key_stores_nothing() {
        let (memory, key) = (Memory::new(), Arc::from("order:1"));
        let early = leased(&memory, &key);
        memory.remove(&key);
        early.store(&key, b"old".to_vec(), LIFE);
        leased(&memory, &key).store(&key, b"new".to_vec(), LIFE);
        assert!(found(&memory, &key));
    }

    #[test]
    fn a_lease_of_before_the_clearing_stores_where_nobody_looks() {
        let (memory, key) = (Memory::new(), Arc::from("order:1"));
        let early = leased(&memory, &key);
        memory.clear();
        early.store(&key, b"old".to_vec(), LIFE);
        leased(&memory, &key).store(&key, b"new".to_vec(), LIFE);
        assert!(found(&memory, &key));
    }

    #[test]
    fn of_two_readers_one_has_the_lease() {
        let (memory, key) = (Memory::new(), Arc::from("order:1"));
        let lease = leased(&memory, &key);
        assert!(matches!(memory.look_up(&key), Looked::Found(_)));
        lease.store(&key, b"new".to_vec(), LIFE);
        assert!(found(&memory, &key));
    }

    #[test]
    fn more_than_fits_is_dropped() {
        let memory = Memory::new();
        for index in 0..100 {
            let key = Arc::from(format!("order:{index}"));
            leased(&memory, &key).store(&key, vec![b'x'; 1024 * 1024], LIFE);
        }
        let (_, bytes) = memory.size();
        assert!(bytes <= BYTES, "{bytes}");
    }
}
