//! The time of day, as the proxy is told it, and a time that only moves forward.
//!
//! The time of day may jump, either way, and stand still. So it only says when something was, and is
//! held against dates: in a cookie, in a rule that expires. What lasts is measured by the steady
//! time, or by [`Instant`] where nobody is told and nothing is stored.

use jiff::Timestamp;
use jiff::civil::Date;
use std::sync::Arc;
use std::time::Instant;

/// Tells the time. Clones tell the same.
#[derive(Clone)]
pub struct Clock {
    day: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    started: (Instant, Timestamp),
}

impl Clock {
    /// One whose time of day a test turns.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self {
            started: (Instant::now(), now()),
            day: Arc::new(now),
        }
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        (self.day)()
    }

    /// The time of day at the start, and what has passed since: it neither jumps nor stands still.
    pub fn steady(&self) -> Timestamp {
        let (since, started) = self.started;
        started
            .checked_add(since.elapsed())
            .unwrap_or(Timestamp::MAX)
    }

    /// The earlier of both: what is too old by this is too old by either.
    pub fn earlier(&self) -> Timestamp {
        self.now().min(self.steady())
    }

    /// The day that it is, in UTC.
    pub fn today(&self) -> Date {
        jiff::tz::Offset::UTC.to_datetime(self.now()).date()
    }
}

impl Default for Clock {
    /// The system's.
    fn default() -> Self {
        Self::new(Timestamp::now)
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

    #[test]
    fn a_time_of_day_that_jumps_or_stands_still_leaves_the_steady_time_alone() {
        let second = Arc::new(AtomicI64::new(1_000_000));
        let told = Arc::clone(&second);
        let clock = Clock::new(move || Timestamp::from_second(told.load(Relaxed)).unwrap());
        let mut last = clock.steady();
        for jump in [86_400, -3_600, 0, 0, -900_000] {
            second.fetch_add(jump, Relaxed);
            let (earlier, steady) = (clock.earlier(), clock.steady());
            assert!(steady >= last && steady < Timestamp::from_second(1_000_600).unwrap());
            assert!(earlier <= steady && earlier <= clock.now());
            last = steady;
        }
        second.store(Timestamp::MAX.as_second(), Relaxed);
        assert!(clock.earlier() < clock.now());
    }
}
