//! What is under way on the primary, lane by lane: whether an exchange overlapped a write there.
//!
//! Only the data plane comes here, with a lock that is held for one look into a map and never
//! while another is. The mirror has no part in it, so that no thread of low priority can hold up
//! a client. A lane is in the map while somebody is under way in it, and takes no memory after.
//!
//! How many writes have begun is counted beside the map in places that lanes share, which the mirror
//! reads without a lock: it wants to know whether there was any since.

use super::lane::Lane;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use xxhash_rust::xxh3::xxh3_64_with_seed;

const SHARDS: usize = 64;
/// Places in which writes are counted: two lanes that share one make the mirror see a write too many.
const PLACES: usize = 1 << 16;

pub(super) struct Overlaps {
    /// By a hash of the lane: two lanes that meet are each other's overlap, once in 2⁶⁴.
    shards: [Mutex<HashMap<u64, Underway>>; SHARDS],
    clock: AtomicU64,
    begun: Box<[AtomicU64]>,
    /// Against clients that would choose lanes that meet.
    seed: u64,
}

#[derive(Default)]
struct Underway {
    all: usize,
    writes: usize,
    /// When a write ended here last, on the clock.
    written: u64,
}

impl Overlaps {
    pub(super) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            clock: AtomicU64::new(1),
            begun: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            seed: fastrand::u64(..),
        }
    }

    /// The time of an exchange that begins now.
    pub(super) fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// An exchange begins in a lane.
    pub(super) fn enter(&self, lane: &Lane, write: bool) {
        if write {
            self.count(lane);
        }
        self.with(lane, |entry| {
            let lane = entry.or_default();
            lane.all += 1;
            lane.writes += usize::from(write);
        });
    }

    /// An exchange that began at `since` has ended in a lane that it entered; whether a write was
    /// under way there at any time between.
    pub(super) fn leave(&self, lane: &Lane, write: bool, since: u64) -> bool {
        let now = self.now();
        let mut overlapped = false;
        self.with(lane, |entry| {
            let Entry::Occupied(mut entry) = entry else {
                return;
            };
            let lane = entry.get_mut();
            lane.all = lane.all.saturating_sub(1);
            lane.writes = lane.writes.saturating_sub(usize::from(write));
            overlapped = lane.writes > 0 || lane.written > since;
            if write {
                lane.written = now;
            }
            if lane.all == 0 {
                entry.remove();
            }
        });
        overlapped
    }

    /// A write has ended that turned out to be in this lane, too.
    pub(super) fn written(&self, lane: &Lane) {
        self.count(lane);
        let now = self.now();
        self.with(lane, |entry| {
            entry.and_modify(|lane| lane.written = now);
        });
    }

    /// How many writes have begun in these lanes; another number later says that one has since.
    pub(super) fn writes(&self, lanes: &[Lane]) -> u64 {
        let begun = lanes.iter().filter_map(|lane| self.place(lane));
        begun.fold(0, |sum, place| {
            sum.wrapping_add(place.load(Ordering::SeqCst))
        })
    }

    fn count(&self, lane: &Lane) {
        if let Some(place) = self.place(lane) {
            place.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn place(&self, lane: &Lane) -> Option<&AtomicU64> {
        let place = usize::try_from(self.key(lane) >> 6).unwrap_or(0) % PLACES;
        self.begun.get(place)
    }

    fn key(&self, lane: &Lane) -> u64 {
        xxh3_64_with_seed(lane.as_str().as_bytes(), self.seed)
    }

    fn with(&self, lane: &Lane, act: impl FnOnce(Entry<'_, u64, Underway>)) {
        let key = self.key(lane);
        let shard = usize::try_from(key % SHARDS as u64).unwrap_or(0);
        if let Some(shard) = self.shards.get(shard) {
            act(shard.lock().entry(key));
        }
    }

    #[cfg(test)]
    fn lanes(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exchange_overlaps_a_write_that_was_under_way_at_any_time_between() {
        let overlaps = Overlaps::new();
        let lane = Lane::new("order", "17");
        let begin = |write| {
            let since = overlaps.now();
            overlaps.enter(&lane, write);
            since
        };
        let (read, write) = (begin(false), begin(true));
        let inner = begin(false);
        assert!(overlaps.leave(&lane, false, inner), "within the write");
        assert!(!overlaps.leave(&lane, true, write), "no write but itself");
        let after = begin(false);
        assert!(!overlaps.leave(&lane, false, after), "after the write");
        assert!(overlaps.leave(&lane, false, read), "around the write");
        assert_eq!(overlaps.lanes(), 0);
    }

    #[test]
    fn a_write_that_names_the_lane_in_its_answer_counts_too() {
        let overlaps = Overlaps::new();
        let lane = Lane::new("order", "17");
        let since = overlaps.now();
        overlaps.enter(&lane, false);
        overlaps.written(&lane);
        assert!(overlaps.leave(&lane, false, since));
        overlaps.written(&lane);
        assert_eq!(overlaps.lanes(), 0);
    }
}
