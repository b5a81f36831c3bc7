//! The evidence of one route: what was seen of it in a period that slides, in slices.
//!
//! Evidence rests on a basis: the route's rules, its upstreams and what it takes. A route that has
//! another basis has other evidence, which begins with nothing. Requests under way add to the
//! evidence that they began with, so none is counted under rules that it was not compared by.

use super::noise::{Differed, NoiseRate, Symptom};
use super::recent::Recent;
use super::shape::Shape;
use super::slice::{ShapeId, Slice, Sums};
use crate::exchange::Exchange;
use crate::outcome::{Ending, Outcome};
use crate::side::Side;
use arc_swap::ArcSwap;
use http::{Method, StatusCode, Uri};
use jiff::Timestamp;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

/// Slices of a period; the oldest one leaves as a whole.
const SLICES: i64 = 24;
/// Slices that are kept apart; restarts make more of them than the period has.
const MAX_SLICES: usize = 64;

/// What was seen of one route on one basis.
#[derive(Debug)]
pub struct Evidence {
    basis: u64,
    /// The period in milliseconds.
    period: AtomicI64,
    current: ArcSwap<Slice>,
    /// Slices that are over, the oldest first.
    past: Mutex<Vec<Past>>,
    recent: Arc<Recent>,
}

/// A slice that is over, though requests that began in it may be under way.
#[derive(Debug)]
struct Past {
    start: i64,
    live: Option<Arc<Slice>>,
    sums: Sums,
    /// Whether the journal has all of it.
    kept: bool,
}

/// A slice as the journal keeps it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StoredSlice {
    /// Milliseconds since 1970.
    pub(crate) start: i64,
    pub(crate) sums: Sums,
    /// Whether nothing more comes to it.
    pub(crate) whole: bool,
}

/// A request as it was answered.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// The path template of its route.
    pub template: &'a str,
    /// The method.
    pub method: &'a Method,
    /// The target.
    pub uri: &'a Uri,
    /// The primary's status, if it gave one.
    pub status: Option<StatusCode>,
    /// Who answered.
    pub primary: Side,
    /// Whether the primary gave no answer, or a 5xx.
    pub failed: bool,
    /// Whether the method is mirrored at all.
    pub mirrored: bool,
}

/// One eligible request on its way into the evidence.
#[derive(Debug)]
pub struct Witness {
    slice: Arc<Slice>,
    recent: Arc<Recent>,
    shape: Option<ShapeId>,
    candidate: Option<Side>,
    failed: bool,
}

impl Evidence {
    /// Evidence on this basis, with nothing seen yet.
    pub fn new(basis: u64, now: Timestamp) -> Arc<Self> {
        Arc::new(Self {
            basis,
            period: AtomicI64::new(i64::MAX),
            current: ArcSwap::from_pointee(Slice::new(now.as_millisecond())),
            past: Mutex::default(),
            recent: Recent::new(now),
        })
    }

    /// What was seen in the last moments.
    pub fn recent(&self) -> &Recent {
        &self.recent
    }

    /// What it rests on.
    pub fn basis(&self) -> u64 {
        self.basis
    }

    /// A request that is to be compared begins; waits for nothing.
    pub fn begin(&self) -> Witness {
        let slice = self.current.load_full();
        slice.begin();
        Witness {
            slice,
            recent: Arc::clone(&self.recent),
            shape: None,
            candidate: None,
            failed: false,
        }
    }

    /// Notes an answered request, with its witness if it is to be compared; waits for nothing.
    pub fn note(&self, answered: Answered<'_>, witness: Option<&mut Witness>) {
        let current = self.current.load();
        let slice = witness.as_ref().map_or(&*current, |witness| &witness.slice);
        let shape = answered.status.map(|status| {
            let shape = Shape {
                template: answered.template,
                method: answered.method,
                uri: answered.uri,
                status,
            };
            slice.see(shape, !answered.mirrored)
        });
        if answered.primary == Side::Modern {
            slice.ask(answered.failed);
            self.recent.ask(answered.failed);
        }
        if let Some(witness) = witness {
            witness.shape = shape;
            witness.candidate = Some(answered.primary.other());
        }
    }

    /// Counts a request that modern failed, so that legacy answers it; waits for nothing.
    pub fn modern_failed(&self) {
        self.current.load().ask(true);
        self.recent.ask(true);
    }

    /// Takes such a failure back, because legacy failed the same request with a 5xx as well; waits for
    /// nothing.
    pub fn legacy_failed_too(&self) {
        self.current.load().excuse();
        self.recent.excuse();
    }

    /// Sets the period, which may change with every table.
    pub fn keep_for(&self, period: Duration) {
        let period = i64::try_from(period.as_millis()).unwrap_or(i64::MAX);
        self.period.store(period.max(SLICES), Relaxed);
    }

    /// Begins a new slice when it is time, and forgets those that the period has left behind.
    pub fn advance(&self, now: Timestamp) {
        let (now, period) = (now.as_millisecond(), self.period.load(Relaxed));
        let mut past = self.past.lock();
        if now.saturating_sub(self.current.load().start) >= period / SLICES {
            let over = self.current.swap(Arc::new(Slice::new(now)));
            past.push(Past {
                start: over.start,
                live: Some(over),
                sums: Sums::default(),
                kept: false,
            });
        }
        for slice in past.iter_mut() {
            slice.close();
        }
        let oldest = now.saturating_sub(period);
        past.retain(|slice| slice.start >= oldest && !slice.is_blank());
        // What the journal has not all of would be there twice: under its own start, and under that of
        // the slice that it was added to.
        while past.len() > MAX_SLICES
            && let [first, second, ..] = past.as_mut_slice()
            && first.kept
            && second.kept
        {
            second.start = first.start;
            second.sums.add(&first.sums);
            past.remove(0);
        }
    }

    /// All that was seen in the period, and since when that is.
    pub(super) fn sums(&self) -> (Sums, Timestamp) {
        // With the lock first, no slice is over in between and read twice.
        let past = self.past.lock();
        let current = self.current.load();
        let mut sums = current.sums();
        for slice in past.iter() {
            sums.add(&slice.read());
        }
        let start = past.first().map_or(current.start, |first| first.start);
        (sums, Timestamp::from_millisecond(start).unwrap_or_default())
    }

    /// How noisy these symptoms are, by what was seen in the period.
    pub fn noise(&self, symptoms: impl IntoIterator<Item = Symptom>) -> Vec<NoiseRate> {
        let noise = self.sums().0.noise;
        let symptoms = symptoms.into_iter();
        symptoms.map(|symptom| noise.rate(&symptom)).collect()
    }

    /// The journal has all of the slice that began at `start`.
    pub(crate) fn kept(&self, start: i64) {
        let mut past = self.past.lock();
        let whole = past.iter_mut().filter(|slice| slice.live.is_none());
        for slice in whole.filter(|slice| slice.start == start) {
            slice.kept = true;
        }
    }

    /// The slices that may have changed since they were last stored.
    pub(crate) fn live_slices(&self) -> Vec<StoredSlice> {
        let past = self.past.lock();
        let current = self.current.load();
        let now = StoredSlice {
            start: current.start,
            sums: current.sums(),
            whole: false,
        };
        let live = past.iter().filter(|slice| !slice.kept);
        let before = live.map(|slice| StoredSlice {
            start: slice.start,
            sums: slice.read(),
            whole: slice.live.is_none(),
        });
        let filled = |slice: &StoredSlice| slice.sums != Sums::default();
        before.chain([now]).filter(filled).collect()
    }

    /// Takes up what a former run stored. What was under way there has ended with it. What began after
    /// this run did would count for longer than the period: a clock was wrong, and nobody knows how
    /// old that is.
    pub(crate) fn restore(&self, stored: Vec<StoredSlice>) {
        let mut past = self.past.lock();
        let now = self.current.load().start;
        let stored = stored.into_iter().filter(|slice| slice.start <= now);
        past.extend(stored.map(|mut slice| {
            slice.sums.cut_off();
            Past {
                start: slice.start,
                live: None,
                sums: slice.sums,
                kept: true,
            }
        }));
        past.sort_by_key(|slice| slice.start);
    }

    /// The start of the period, in milliseconds since 1970: what began before it counts no more.
    pub(crate) fn oldest(&self, now: Timestamp) -> i64 {
        now.as_millisecond()
            .saturating_sub(self.period.load(Relaxed))
    }
}

impl Past {
    /// Keeps the sums alone once no request of the slice is under way.
    fn close(&mut self) {
        if self
            .live
            .as_ref()
            .is_some_and(|live| Arc::strong_count(live) == 1)
            && let Some(live) = self.live.take()
        {
            self.sums.add(&live.sums());
        }
    }

    fn read(&self) -> Sums {
        let mut sums = self.sums.clone();
        if let Some(live) = &self.live {
            sums.add(&live.sums());
        }
        sums
    }

    fn is_blank(&self) -> bool {
        self.live.is_none() && self.sums == Sums::default()
    }
}

impl Witness {
    /// Notes how both sides answered.
    pub fn answers(&mut self, exchange: &Exchange) {
        let sides = [Side::Legacy, Side::Modern].map(|side| exchange.answer_of(side));
        if let [Some(legacy), Some(modern)] = sides {
            self.slice.time(legacy.took, modern.took);
            self.recent.time(legacy.took, modern.took);
            // Where legacy fails as well, modern does what it should.
            self.failed = modern.status >= 500 && legacy.status < 500;
            let both = modern.status >= 500 && !self.failed;
            if both && self.candidate == Some(Side::Legacy) {
                self.slice.excuse();
                self.recent.excuse();
            }
        }
    }

    /// Notes what asking the primary twice has shown: who had which symptom.
    pub fn noise(&self, differed: BTreeMap<Symptom, Differed>) {
        self.slice.note_noise(differed);
    }

    /// Counts the ending of the request.
    pub fn settle(self, ending: Ending) {
        self.slice.settle(ending, self.shape);
        match ending.outcome() {
            Outcome::Matched => self.recent.compared(true),
            // What the primary does itself is not held against modern.
            Outcome::Different if ending == Ending::Noise => {}
            Outcome::Different => self.recent.compared(false),
            _ => {}
        }
        if self.candidate != Some(Side::Modern) {
            return;
        }
        match ending.outcome() {
            Outcome::CandidateError | Outcome::CandidateTimeout => {
                self.slice.ask(true);
                self.recent.ask(true);
            }
            Outcome::Matched | Outcome::Different | Outcome::Undecodable => {
                self.slice.ask(self.failed);
                self.recent.ask(self.failed);
            }
            Outcome::Dropped | Outcome::Skipped | Outcome::PrimaryError => {}
        }
    }
}

#[cfg(test)]
mod tests;
