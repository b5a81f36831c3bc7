//! The seed's own source of chance: `SplitMix64`, which gives the same rolls on every machine.
//!
//! A crate's generator may change its sequence with a release; the seed must not.

use jiff::{ToSpan, civil};

use crate::clock::DateTime;

/// A sequence of rolls that its start decides.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(start: u64) -> Self {
        Self(start)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u32, high: u32) -> i64 {
        let span = u64::from(high.saturating_sub(low)) + 1;
        i64::from(low) + i64::try_from(self.roll() % span).unwrap_or(0)
    }

    pub(super) fn one_in(&mut self, chances: u32) -> bool {
        self.between(1, chances) == 1
    }

    /// One of the items, each as likely as the others.
    pub(super) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        let index = usize::try_from(self.roll()).unwrap_or(0) % items.len();
        items[index]
    }

    /// Some time during the working hours of the day `offset` days after `day`.
    pub(super) fn time_on(&mut self, day: civil::Date, offset: i64) -> DateTime {
        let seconds = self.between(8 * 3600, 19 * 3600);
        let milliseconds = self.between(0, 999);
        let start = day
            .saturating_add(offset.days())
            .to_datetime(civil::Time::midnight());
        let moment = start.saturating_add(seconds.seconds().milliseconds(milliseconds));
        DateTime::from_civil(moment)
    }

    /// Some time during the working hours, `days` days after the one of `time`.
    pub(super) fn days_after(&mut self, time: DateTime, days: i64) -> DateTime {
        self.time_on(time.date(), days)
    }
}
