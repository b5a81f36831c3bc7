//! How large pages are: as many rows as can be read in a set time, within bounds of rows and
//! bytes.
//!
//! So a source that slows down, or has other work, is asked for less at a time; and where it takes
//! several times as long for a row as it once did, it is left alone for as long as it took.

use std::time::Duration;

use crate::value::Row;

/// Rows of the first page.
const FIRST: u32 = 1000;
/// Rows of a page, at least and at most.
const LEAST: u32 = 100;
const MOST: u32 = 50_000;
/// A source is slow when a row takes so many times as long as it once did.
const SLOW: f64 = 4.0;
/// What a page takes beside its rows, and tells nothing of the source's load.
const OVERHEAD: Duration = Duration::from_millis(20);

/// The size of the pages of one part.
#[derive(Debug)]
pub(crate) struct Pace {
    wanted: Duration,
    /// Bytes of a page's values, about, at most.
    bytes: usize,
    rows: u32,
    /// Seconds for a row, at best.
    best: f64,
}

impl Pace {
    /// Pages that take about `wanted`, of about `bytes` at most.
    pub(crate) fn new(wanted: Duration, bytes: usize) -> Self {
        Self {
            wanted,
            bytes,
            rows: FIRST,
            best: f64::INFINITY,
        }
    }

    /// The same for rows of other columns, of which nothing is known yet.
    pub(crate) fn anew(&self) -> Self {
        Self::new(self.wanted, self.bytes)
    }

    /// Rows of the next page.
    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    /// Learns that so many rows are more than may be read at a time.
    pub(crate) fn cut(&mut self, rows: usize) {
        self.rows = u32::try_from(rows / 2).unwrap_or(MOST).clamp(1, MOST);
    }

    /// Learns from a page for which so many rows were asked, and which has so many of about so many
    /// bytes each; says how long to leave the source alone.
    pub(crate) fn took(
        &mut self,
        asked: u32,
        rows: usize,
        bytes: usize,
        elapsed: Duration,
    ) -> Duration {
        if rows == 0 {
            return Duration::ZERO;
        }
        let count = u32::try_from(rows).unwrap_or(u32::MAX);
        let seconds = elapsed.saturating_sub(OVERHEAD).as_secs_f64() / f64::from(count);
        let slow = seconds > self.best * SLOW && elapsed > self.wanted;
        if seconds > 0.0 {
            self.best = self.best.min(seconds);
        }
        let factor = self.wanted.as_secs_f64() / elapsed.as_secs_f64().max(1e-6);
        // A page that ends with its range says nothing of how long a whole one takes, unless it took
        // too long already.
        let most = if count < asked { 1.0 } else { 2.0 };
        let rows = f64::from(asked) * factor.clamp(0.5, most);
        // Clamped to the bounds before, so nothing is cut off.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is bounded"
        )]
        let rows = rows.clamp(LEAST.into(), MOST.into()) as u32;
        // As many as fit, and one in any case.
        let fitting = u32::try_from(self.bytes / bytes.max(1)).unwrap_or(MOST);
        self.rows = rows.min(fitting.max(1));
        if slow { elapsed } else { Duration::ZERO }
    }
}

/// Bytes that a row takes, about.
pub(crate) fn weight(page: &[Row]) -> usize {
    // A few of them tell enough.
    let sample = page.iter().step_by((page.len() / 64).max(1));
    let weights: Vec<usize> = sample
        .map(|row| row.iter().map(crate::value::Value::weight).sum())
        .collect();
    weights.iter().sum::<usize>() / weights.len().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    #[test]
    fn pages_grow_and_shrink_to_the_time_that_they_may_take() {
        let mut pace = Pace::new(Duration::from_millis(500), 16 << 20);
        pace.took(1000, 1000, 1, Duration::from_millis(50));
        assert_eq!(pace.rows(), 2000);
        pace.took(2000, 2000, 1, Duration::from_secs(2));
        assert_eq!(pace.rows(), 1000);
    }

    #[test]
    fn the_few_rows_at_the_end_of_a_range_do_not_make_the_next_pages_smaller() {
        let mut pace = Pace::new(Duration::from_millis(500), 16 << 20);
        pace.took(1000, 3, 1, Duration::from_millis(5));
        assert_eq!(pace.rows(), 1000);
        pace.took(1000, 3, 1, Duration::from_secs(2));
        assert_eq!(pace.rows(), 500);
    }

    #[test]
    fn pages_of_long_rows_are_bounded_by_their_bytes() {
        let mut pace = Pace::new(Duration::from_millis(500), 16 << 20);
        pace.took(100, 100, 1 << 20, Duration::from_millis(1));
        assert_eq!(pace.rows(), 16);
    }

    #[test]
    fn a_source_that_became_slow_is_left_alone_for_a_while() {
        let mut pace = Pace::new(Duration::from_millis(500), 16 << 20);
        assert_eq!(
            pace.took(1000, 1000, 1, Duration::from_millis(120)),
            Duration::ZERO
        );
        let slow = Duration::from_secs(2);
        assert_eq!(pace.took(1000, 1000, 1, slow), slow);
    }

    #[test]
    fn a_row_weighs_what_its_values_take() {
        let row = |text: usize| vec![Value::text("x".repeat(text)); 2];
        assert_eq!(weight(&[row(1), row(1)]), 2 * size_of::<Value>());
        assert_eq!(weight(&[row(1000)]), 2 * (size_of::<Value>() + 1000));
        assert_eq!(weight(&[]), 0);
    }
}
