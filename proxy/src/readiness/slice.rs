//! What was seen of one route in one slice of time.
//!
//! The data plane and the mirror only add to atomics here, and nothing waits. A request adds to one
//! slice from beginning to end, however long it is compared, so that within a slice what ended is
//! never more than what began.

use super::histogram::{Durations, Histogram};
use super::noise::{Differed, Noise, Symptom};
use super::shape::Hashed;
use crate::outcome::{Ending, Outcome};
use crate::side::Side;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::time::Duration;

/// Shapes of requests that are told apart; the rest is one.
pub(super) const MAX_SHAPES: usize = 128;

/// The counters of one slice.
#[derive(Debug)]
pub(super) struct Slice {
    /// When it began, in milliseconds since 1970.
    pub(super) start: i64,
    eligible: AtomicU64,
    endings: Vec<AtomicU64>,
    asked: AtomicU64,
    failed: AtomicU64,
    excused: AtomicU64,
    took: [Histogram; 2],
    shapes: Box<[Slot]>,
    other: Counters,
    /// Only what judges exchanges and what reads them waits for it.
    noise: Mutex<Noise>,
}

/// A place for one shape; its key is 0 while nobody has taken it.
#[derive(Debug, Default)]
struct Slot {
    key: AtomicU64,
    name: OnceLock<Box<str>>,
    counters: Counters,
}

#[derive(Debug, Default)]
struct Counters {
    seen: AtomicU64,
    compared: AtomicU64,
    given_up: AtomicU64,
}

/// Which shape a request has, in the slice that told so.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShapeId(usize);

/// What slices counted, to be added up and stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Sums {
    /// Requests that were to be compared.
    pub(super) eligible: u64,
    /// What became of them, by outcome and reason.
    pub(super) endings: BTreeMap<String, BTreeMap<String, u64>>,
    /// Requests that modern was asked.
    pub(super) asked: u64,
    /// Of these, the ones that it failed.
    pub(super) failed: u64,
    /// Of these, the ones that legacy failed alike.
    pub(super) excused: u64,
    /// How long legacy took for what was compared.
    pub(super) legacy_took: Durations,
    /// How long modern took for the same requests.
    pub(super) modern_took: Durations,
    /// Requests by shape.
    pub(super) shapes: BTreeMap<String, ShapeCounts>,
    /// Requests of further shapes.
    pub(super) other: ShapeCounts,
    /// What asking the primary twice has shown.
    pub(super) noise: Noise,
}

/// Requests of one shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ShapeCounts {
    /// Those that the primary answered.
    pub(super) seen: u64,
    /// Those that were compared.
    pub(super) compared: u64,
    /// Those that are not mirrored by policy, or ended without a comparison.
    pub(super) given_up: u64,
}

impl Slice {
    pub(super) fn new(start: i64) -> Self {
        Self {
            start,
            eligible: AtomicU64::new(0),
            endings: Ending::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
            asked: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            excused: AtomicU64::new(0),
            took: [Histogram::new(), Histogram::new()],
            shapes: (0..MAX_SHAPES).map(|_| Slot::default()).collect(),
            other: Counters::default(),
            noise: Mutex::default(),
        }
    }

    pub(super) fn begin(&self) {
        self.eligible.fetch_add(1, Release);
    }

    /// Counts an answered request; one that is not mirrored by policy is given up.
    pub(super) fn see(&self, shape: impl fmt::Display, given_up: bool) -> ShapeId {
        let id = self.place(shape);
        let counters = self.counters(id);
        counters.seen.fetch_add(1, Relaxed);
        if given_up {
            counters.given_up.fetch_add(1, Relaxed);
        }
        id
    }

    /// Counts a request that modern was asked, and whether it failed.
    pub(super) fn ask(&self, failed: bool) {
        self.asked.fetch_add(1, Relaxed);
        self.failed.fetch_add(failed.into(), Relaxed);
    }

    /// Takes a failure back, because legacy failed the same request.
    pub(super) fn excuse(&self) {
        self.excused.fetch_add(1, Relaxed);
    }

    /// Counts how long both sides took for one request.
    pub(super) fn time(&self, legacy: Duration, modern: Duration) {
        self.took[Side::Legacy as usize].count(legacy);
        self.took[Side::Modern as usize].count(modern);
    }

    /// Counts an exchange in which the primary was asked twice.
    pub(super) fn note_noise(&self, differed: BTreeMap<Symptom, Differed>) {
        self.noise.lock().note(differed);
    }

    pub(super) fn settle(&self, ending: Ending, shape: Option<ShapeId>) {
        // Noise has verified nothing, and more of the same shape may.
        let told = shape.filter(|_| ending != Ending::Noise);
        if let Some(counters) = told.map(|shape| self.counters(shape)) {
            let compared = matches!(ending.outcome(), Outcome::Matched | Outcome::Different);
            let counter = if compared {
                &counters.compared
            } else {
                &counters.given_up
            };
            counter.fetch_add(1, Relaxed);
        }
        if let Some(counter) = self.endings.get(ending as usize) {
            counter.fetch_add(1, Release);
        }
    }

    /// Finds or takes the place of a shape, without waiting for others who look for theirs.
    fn place(&self, shape: impl fmt::Display) -> ShapeId {
        // A key of 0 is a free place.
        let key = Hashed::of(&shape).max(1);
        let first = usize::try_from(key % MAX_SHAPES as u64).unwrap_or(0);
        let around = (first..MAX_SHAPES).chain(0..first);
        for (at, slot) in around.filter_map(|at| Some((at, self.shapes.get(at)?))) {
            let taken = slot.key.compare_exchange(0, key, Relaxed, Relaxed);
            match taken {
                Ok(_) => {
                    let _ = slot.name.set(shape.to_string().into_boxed_str());
                    return ShapeId(at);
                }
                Err(there) if there == key => return ShapeId(at),
                Err(_) => {}
            }
        }
        ShapeId(MAX_SHAPES)
    }

    fn counters(&self, ShapeId(at): ShapeId) -> &Counters {
        self.shapes
            .get(at)
            .map_or(&self.other, |slot| &slot.counters)
    }

    /// A reading in which what ended is never more than what began.
    pub(super) fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for (ending, counter) in Ending::ALL.iter().zip(&self.endings) {
            let count = counter.load(Acquire);
            if count > 0 {
                let reasons = sums.endings.entry(ending.outcome().as_str().to_owned());
                reasons
                    .or_default()
                    .insert(ending.reason().to_owned(), count);
            }
        }
        sums.eligible = self.eligible.load(Acquire);
        sums.asked = self.asked.load(Relaxed);
        sums.failed = self.failed.load(Relaxed);
        sums.excused = self.excused.load(Relaxed);
        let [legacy, modern] = &self.took;
        (sums.legacy_took, sums.modern_took) = (legacy.read(), modern.read());
        let named = self
            .shapes
            .iter()
            .filter_map(|slot| Some((slot.name.get()?.to_string(), slot.counters.read())));
        sums.shapes = named.collect();
        sums.other = self.other.read();
        sums.noise = self.noise.lock().clone();
        sums
    }
}

impl Counters {
    fn read(&self) -> ShapeCounts {
        ShapeCounts {
            seen: self.seen.load(Relaxed),
            compared: self.compared.load(Relaxed),
            given_up: self.given_up.load(Relaxed),
        }
    }
}

impl Sums {
    /// Adds what another slice counted. Shapes beyond the limit are added up as one.
    pub(super) fn add(&mut self, more: &Self) {
        let add = |total: &mut u64, n: u64| *total = total.saturating_add(n);
        add(&mut self.eligible, more.eligible);
        add(&mut self.asked, more.asked);
        add(&mut self.failed, more.failed);
        add(&mut self.excused, more.excused);
        for (outcome, reasons) in &more.endings {
            let mine = self.endings.entry(outcome.clone()).or_default();
            for (reason, n) in reasons {
                add(mine.entry(reason.clone()).or_default(), *n);
            }
        }
        self.legacy_took.add(&more.legacy_took);
        self.modern_took.add(&more.modern_took);
        self.other.add(more.other);
        self.noise.add(&more.noise);
        for (shape, counts) in &more.shapes {
            if self.shapes.len() < MAX_SHAPES || self.shapes.contains_key(shape) {
                self.shapes.entry(shape.clone()).or_default().add(*counts);
            } else {
                self.other.add(*counts);
            }
        }
    }

    /// How many ended in this outcome.
    pub(super) fn ended_in(&self, outcome: Outcome) -> u64 {
        let reasons = self.endings.get(outcome.as_str());
        reasons
            .into_iter()
            .flat_map(BTreeMap::values)
            .fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// How many differed by noise alone.
    pub(super) fn noisy(&self) -> u64 {
        let noise = Ending::Noise;
        let reasons = self.endings.get(noise.outcome().as_str());
        let count = reasons.and_then(|reasons| reasons.get(noise.reason()));
        count.copied().unwrap_or(0)
    }

    /// How many ended at all.
    pub(super) fn ended(&self) -> u64 {
        let reasons = self.endings.values().flat_map(BTreeMap::values);
        reasons.fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// What was still under way when the proxy stopped ends as that.
    pub(super) fn cut_off(&mut self) {
        let pending = self.eligible.saturating_sub(self.ended());
        if pending > 0 {
            let ending = Ending::Restart;
            let reasons = self.endings.entry(ending.outcome().as_str().to_owned());
            let count = reasons
                .or_default()
                .entry(ending.reason().to_owned())
                .or_default();
            *count = count.saturating_add(pending);
        }
    }
}

impl ShapeCounts {
    fn add(&mut self, more: Self) {
        self.seen = self.seen.saturating_add(more.seen);
        self.compared = self.compared.saturating_add(more.compared);
        self.given_up = self.given_up.saturating_add(more.given_up);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_counted_in_one_place_by_many_threads() {
        let slice = Slice::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for i in 0..10_000 {
                        let id = slice.see(format!("GET /{} 2xx", i % 50), false);
                        slice.begin();
                        slice.settle(Ending::Matched, Some(id));
                    }
                });
            }
        });
        let sums = slice.sums();
        assert_eq!(sums.shapes.len(), 50);
        assert!(
            sums.shapes
                .values()
                .all(|n| (n.seen, n.compared) == (800, 800))
        );
        assert_eq!((sums.eligible, sums.ended()), (40_000, 40_000));
    }

    #[test]
    fn shapes_beyond_the_limit_are_counted_as_one() {
        let slice = Slice::new(0);
        for i in 0..MAX_SHAPES + 7 {
            slice.see(format!("GET /{i} 2xx"), true);
        }
        let mut sums = slice.sums();
        assert_eq!((sums.shapes.len(), sums.other.seen), (MAX_SHAPES, 7));
        let another = Slice::new(0);
        another.see("GET /new 2xx".to_owned(), false);
        sums.add(&another.sums());
        assert_eq!((sums.shapes.len(), sums.other.seen), (MAX_SHAPES, 8));
    }

    #[test]
    fn sums_are_stored_and_read_whole() {
        let slice = Slice::new(0);
        slice.begin();
        slice.begin();
        slice.ask(true);
        slice.time(Duration::from_millis(3), Duration::from_millis(5));
        let id = slice.see("GET / 2xx".to_owned(), false);
        slice.settle(Ending::CandidateReset, Some(id));
        let sums = slice.sums();
        let text = serde_json::to_string(&sums).unwrap();
        let mut read: Sums = serde_json::from_str(&text).unwrap();
        assert_eq!(read, sums);
        read.cut_off();
        assert_eq!((read.ended(), read.ended_in(Outcome::Dropped)), (2, 1));
    }
}
