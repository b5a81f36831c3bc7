//! The circuit breaker of a candidate, so that a dead one costs no connection per request.
//!
//! Closed, everything passes. After [`LIMIT`] failures in a row it is open, and nothing passes for
//! a [`PAUSE`]. Then it is half-open: one exchange passes as a probe. Its success closes the
//! breaker, its failure opens it for another pause; a probe that never reports back is followed
//! by the next one a pause later.
//!
//! The data plane asks it, so it holds no lock.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// Failures in a row that open the breaker.
const LIMIT: u32 = 5;

/// How long nothing passes.
const PAUSE: Duration = Duration::from_secs(1);

/// A circuit breaker.
#[derive(Debug)]
pub(super) struct Breaker {
    since: Instant,
    failures: AtomicU32,
    /// When the next probe may pass, in milliseconds since `since`.
    probe_at: AtomicU64,
    /// When it was closed the last time, likewise; 0 if it was never open.
    closed_at: AtomicU64,
}

impl Breaker {
    pub(super) fn new() -> Self {
        Self {
            since: Instant::now(),
            failures: AtomicU32::new(0),
            probe_at: AtomicU64::new(0),
            closed_at: AtomicU64::new(0),
        }
    }

    /// Whether an exchange may pass.
    pub(super) fn admits(&self) -> bool {
        if self.failures.load(Ordering::Relaxed) < LIMIT {
            return true;
        }
        let now = self.now();
        let next = now.saturating_add(millis(PAUSE));
        let probe = |at: u64| (at <= now).then_some(next);
        // Of those who come when the pause is over, one is the probe.
        self.probe_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, probe)
            .is_ok()
    }

    /// The candidate answered.
    pub(super) fn succeeded(&self) {
        // Mostly nothing is to be changed, and a load leaves the cache line shared.
        if self.failures.load(Ordering::Relaxed) == 0 {
            return;
        }
        let close = |failures: u32| {
            // First, so that nobody who sees it closed takes it for closed since long ago.
            if failures >= LIMIT {
                self.closed_at.store(self.now().max(1), Ordering::Relaxed);
            }
            Some(0)
        };
        let _ = self
            .failures
            .fetch_update(Ordering::Release, Ordering::Relaxed, close);
    }

    /// Whether it is closed and was so for this long, or ever.
    pub(super) fn was_closed_for(&self, span: Duration) -> bool {
        if self.failures.load(Ordering::Acquire) >= LIMIT {
            return false;
        }
        let closed_at = self.closed_at.load(Ordering::Relaxed);
        closed_at == 0 || self.now() >= closed_at.saturating_add(millis(span))
    }

    /// The candidate gave no usable answer.
    pub(super) fn failed(&self) {
        self.probe_at
            .store(self.now().saturating_add(millis(PAUSE)), Ordering::Relaxed);
        let more = |failures: u32| Some(failures.saturating_add(1));
        let _ = self
            .failures
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    fn now(&self) -> u64 {
        millis(self.since.elapsed())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_failing_candidate_is_left_alone_and_asked_again_by_one_probe() {
        let breaker = Breaker::new();
        for _ in 0..LIMIT {
            assert!(breaker.admits());
            breaker.failed();
        }
        assert!(!breaker.admits());
        tokio::time::advance(PAUSE).await;
        assert!(breaker.admits(), "the probe passes");
        assert!(!breaker.admits(), "and nothing else");
        breaker.failed();
        assert!(!breaker.admits());
        tokio::time::advance(PAUSE).await;
        assert!(breaker.admits());
        breaker.succeeded();
        assert!(breaker.admits() && breaker.admits(), "closed again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_breaker_that_was_open_is_well_again_once_it_was_closed_for_a_while() {
        let breaker = Breaker::new();
        let well = || breaker.was_closed_for(Duration::from_mins(1));
        assert!(well());
        (1..LIMIT).for_each(|_| breaker.failed());
        assert!(well());
        breaker.failed();
        tokio::time::advance(Duration::from_hours(1)).await;
        assert!(!well(), "nobody has asked since");
        breaker.succeeded();
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(!well());
        breaker.succeeded();
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(well());
    }

    #[tokio::test(start_paused = true)]
    async fn failures_that_are_not_in_a_row_open_nothing() {
        let breaker = Breaker::new();
        for _ in 0..10 {
            for _ in 1..LIMIT {
                breaker.failed();
            }
            breaker.succeeded();
        }
        assert!(breaker.admits());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_never_reports_is_followed_by_another() {
        let breaker = Breaker::new();
        (0..LIMIT).for_each(|_| breaker.failed());
        tokio::time::advance(PAUSE).await;
        assert!(breaker.admits());
        tokio::time::advance(PAUSE).await;
        assert!(breaker.admits());
    }
}
