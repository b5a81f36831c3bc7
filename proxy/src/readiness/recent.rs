//! What was seen of a route in the last moments: finer than its evidence, kept in memory alone.
//!
//! The data plane and the mirror add to atomics and wait for nothing. Whoever looks at the window
//! moves it on; there is no clock here.

use super::histogram::{Durations, Histogram};
use crate::side::Side;
use arc_swap::ArcSwap;
use jiff::Timestamp;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Steps of a window; the oldest one leaves as a whole.
const STEPS: i64 = 20;

/// A window that slides over what passes.
#[derive(Debug)]
pub struct Recent {
    current: ArcSwap<Step>,
    /// Steps that are over, the oldest first. Only who looks at the window comes here.
    past: Mutex<VecDeque<Past>>,
}

#[derive(Debug)]
struct Step {
    /// Milliseconds since 1970.
    start: i64,
    asked: AtomicU64,
    failed: AtomicU64,
    excused: AtomicU64,
    matched: AtomicU64,
    different: AtomicU64,
    took: [Histogram; 2],
}

#[derive(Debug)]
struct Past {
    step: Arc<Step>,
    /// Its sums once nobody adds to it any more, which take less memory.
    sums: Option<RecentSums>,
}

/// What a window holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecentSums {
    /// Requests that modern was asked, for a client or by the mirror.
    pub asked: u64,
    /// Of these, the ones that it gave no answer or a 5xx where legacy did better.
    pub failed: u64,
    /// Those that were taken back; what is read has none.
    pub(crate) excused: u64,
    /// Comparisons that matched.
    pub matched: u64,
    /// Comparisons that did not.
    pub different: u64,
    /// How long legacy took for what both sides answered.
    pub(crate) legacy_took: Durations,
    /// How long modern took for the same requests.
    pub(crate) modern_took: Durations,
}

impl Recent {
    pub(super) fn new(now: Timestamp) -> Arc<Self> {
        Arc::new(Self {
            current: ArcSwap::from_pointee(Step::new(now.as_millisecond())),
            past: Mutex::default(),
        })
    }

    /// Counts a request that modern was asked, and whether it failed; waits for nothing.
    pub fn ask(&self, failed: bool) {
        let step = self.current.load();
        step.asked.fetch_add(1, Relaxed);
        step.failed.fetch_add(failed.into(), Relaxed);
    }

    /// Takes a failure back, because legacy failed the same request.
    pub fn excuse(&self) {
        self.current.load().excused.fetch_add(1, Relaxed);
    }

    pub(super) fn compared(&self, matched: bool) {
        let step = self.current.load();
        let counter = if matched {
            &step.matched
        } else {
            &step.different
        };
        counter.fetch_add(1, Relaxed);
    }

    pub(crate) fn time(&self, legacy: Duration, modern: Duration) {
        let step = self.current.load();
        step.took[Side::Legacy as usize].count(legacy);
        step.took[Side::Modern as usize].count(modern);
    }

    /// Forgets everything.
    pub fn begin_anew(&self, now: Timestamp) {
        self.past.lock().clear();
        self.current
            .store(Arc::new(Step::new(now.as_millisecond())));
    }

    /// Moves the window on and reads it.
    pub fn read(&self, now: Timestamp, window: Duration) -> RecentSums {
        let now = now.as_millisecond();
        let window = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
        let mut past = self.past.lock();
        let age = now.saturating_sub(self.current.load().start);
        // A clock that was set back begins a step as well.
        if age < 0 || age >= (window / STEPS).max(1) {
            let step = self.current.swap(Arc::new(Step::new(now)));
            past.push_back(Past { step, sums: None });
        }
        past.retain(|past| (now.saturating_sub(window)..=now).contains(&past.step.start));
        let mut sums = RecentSums::default();
        for past in past.iter_mut() {
            sums.add(&past.read());
        }
        sums.add(&self.current.load().sums());
        sums.failed = sums
            .failed
            .saturating_sub(std::mem::take(&mut sums.excused));
        sums
    }
}

impl Past {
    fn read(&mut self) -> RecentSums {
        if let Some(sums) = &self.sums {
            return sums.clone();
        }
        let sums = self.step.sums();
        if Arc::strong_count(&self.step) == 1 {
            self.step = Arc::new(Step::blank(self.step.start));
            self.sums = Some(sums.clone());
        }
        sums
    }
}

impl Step {
    fn new(start: i64) -> Self {
        Self {
            took: [Histogram::new(), Histogram::new()],
            ..Self::blank(start)
        }
    }

    /// A step that nobody adds to.
    fn blank(start: i64) -> Self {
        Self {
            start,
            asked: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            excused: AtomicU64::new(0),
            matched: AtomicU64::new(0),
            different: AtomicU64::new(0),
            took: [Histogram::none(), Histogram::none()],
        }
    }

    fn sums(&self) -> RecentSums {
        let [legacy, modern] = &self.took;
        RecentSums {
            asked: self.asked.load(Relaxed),
            failed: self.failed.load(Relaxed),
            excused: self.excused.load(Relaxed),
            matched: self.matched.load(Relaxed),
            different: self.different.load(Relaxed),
            legacy_took: legacy.read(),
            modern_took: modern.read(),
        }
    }
}

impl RecentSums {
    fn add(&mut self, more: &Self) {
        let add = |total: &mut u64, n: u64| *total = total.saturating_add(n);
        add(&mut self.asked, more.asked);
        add(&mut self.failed, more.failed);
        add(&mut self.excused, more.excused);
        add(&mut self.matched, more.matched);
        add(&mut self.different, more.different);
        self.legacy_took.add(&more.legacy_took);
        self.modern_took.add(&more.modern_took);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(20);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn what_is_older_than_the_window_counts_no_more() {
        let recent = Recent::new(at(0));
        for second in 0..100 {
            recent.ask(second < 50);
            recent.compared(true);
            recent.time(Duration::from_millis(1), Duration::from_millis(2));
            let sums = recent.read(at(second), WINDOW);
            assert!(sums.asked <= 22, "{sums:?}");
        }
        let sums = recent.read(at(100), WINDOW);
        assert_eq!(sums.failed, 0);
        assert!((18..=22).contains(&sums.asked), "{sums:?}");
        assert_eq!(
            (sums.matched, sums.legacy_took.len()),
            (sums.asked, sums.asked)
        );
        assert_eq!(recent.read(at(1_000), WINDOW), RecentSums::default());
    }

    #[test]
    fn a_clock_that_is_set_back_stops_nothing() {
        let recent = Recent::new(at(1_000));
        recent.ask(true);
        assert_eq!(recent.read(at(10), WINDOW).failed, 0);
        recent.ask(true);
        assert_eq!(recent.read(at(11), WINDOW).failed, 1);
    }

    #[test]
    fn a_failure_that_legacy_shares_is_none() {
        let recent = Recent::new(at(0));
        recent.ask(true);
        recent.excuse();
        let sums = recent.read(at(0), WINDOW);
        assert_eq!((sums.asked, sums.failed), (1, 0));
        recent.ask(true);
        recent.begin_anew(at(1));
        assert_eq!(recent.read(at(1), WINDOW), RecentSums::default());
    }
}
