//! When the guard turns a dial back: the `guard` tables of routes.toml.
//!
//! [`GuardConfig`] is what was typed, [`Limits`] is what is ready to use.

use crate::readiness::{Figures, ThresholdError};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// When the guard turns the dial of a route back to `0%`, or from mode `modern` to `shadow` at
/// `0%`. In a route it overrides, key by key, what is said for all routes.
///
/// It watches every route whose dial lets modern answer and that has a legacy side to go back to.
/// A share is held against its limit as a bound with 99 % confidence, so chance alone seldom trips
/// it. What is compared and timed needs shadow mode; in mode `modern` errors alone are judged. When
/// it trips, the dial is held at once and the file is edited; it stays held for `hold_off`, whatever
/// the file says, unless an operator releases it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GuardConfig {
    /// Whether the route is guarded. Default true.
    pub enabled: Option<bool>,
    /// What counts is traffic that is not older than this, `1s` to `1h`. Default 1m.
    pub window: Option<String>,
    /// Requests that a limit has to be judged on at least. Default 20.
    pub minimum: Option<u64>,
    /// The share of requests that modern may fail: no answer, or a 5xx that legacy was not seen to
    /// give as well, because both were asked or legacy answered in modern's place. Default 5%.
    pub modern_errors: Option<String>,
    /// How many times as long as legacy modern may take, within which 95 % of the answers come.
    /// Default 3.0.
    pub latency_p95: Option<f64>,
    /// A difference in latency that is never held against modern, up to `1m`. Default 50ms.
    pub latency_slack: Option<String>,
    /// The share of comparisons that may differ. Default 5%.
    pub mismatches: Option<String>,
    /// How long a dial is held after it was turned back, `1s` to `24h`. It doubles, up to a day,
    /// when the next time comes within as long again after the dial was released. Default 5m.
    pub hold_off: Option<String>,
}

/// Checked limits. Shares are from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Whether the route is guarded.
    pub enabled: bool,
    /// How far back traffic counts.
    pub window: Duration,
    /// The least sample.
    pub minimum: u64,
    /// The largest share that modern may fail.
    pub modern_errors: f64,
    /// The largest ratio of latencies, modern to legacy.
    pub latency_p95: f64,
    /// A difference in latency that does not matter.
    pub latency_slack: Duration,
    /// The largest share of comparisons that may differ.
    pub mismatches: f64,
    /// How long a dial is held the first time.
    pub hold_off: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            enabled: true,
            window: Duration::from_mins(1),
            minimum: 20,
            modern_errors: 0.05,
            latency_p95: 3.0,
            latency_slack: Duration::from_millis(50),
            mismatches: 0.05,
            hold_off: Duration::from_mins(5),
        }
    }
}

impl Limits {
    /// The longest that a dial is held.
    pub const LONGEST_HOLD: Duration = Duration::from_hours(24);

    /// These limits with what `config` says otherwise, and every mistake in it.
    pub fn with(mut self, config: &GuardConfig) -> (Self, Vec<ThresholdError>) {
        let mut figures = Figures::default();
        self.enabled = config.enabled.unwrap_or(self.enabled);
        let modern_errors = config.modern_errors.as_ref();
        figures.share(
            "modern_errors",
            modern_errors,
            "5%",
            &mut self.modern_errors,
        );
        figures.share(
            "mismatches",
            config.mismatches.as_ref(),
            "5%",
            &mut self.mismatches,
        );
        let (second, examples) = (Duration::from_secs(1), ["1m", "50ms"]);
        let windows = second..=Duration::from_hours(1);
        figures.span(
            "window",
            config.window.as_ref(),
            &windows,
            examples,
            &mut self.window,
        );
        let (slack, slacks) = (
            config.latency_slack.as_ref(),
            Duration::ZERO..=Duration::from_mins(1),
        );
        figures.span(
            "latency_slack",
            slack,
            &slacks,
            examples,
            &mut self.latency_slack,
        );
        let (hold_off, holds) = (config.hold_off.as_ref(), second..=Self::LONGEST_HOLD);
        figures.span("hold_off", hold_off, &holds, examples, &mut self.hold_off);
        let (given, wanted) = (config.latency_p95, "of at least 1, such as 3.0");
        figures.ratio(
            "latency_p95",
            given,
            |ratio| ratio >= 1.0,
            wanted,
            &mut self.latency_p95,
        );
        figures.number("minimum", config.minimum, "requests", &mut self.minimum);
        (self, figures.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_told_with_its_value() {
        let text = |text: &str| Some(text.to_owned());
        let config = GuardConfig {
            enabled: Some(false),
            window: text("1ms"),
            minimum: Some(0),
            modern_errors: text("5"),
            latency_p95: Some(0.5),
            latency_slack: text("2m"),
            mismatches: text("101%"),
            hold_off: text("soon"),
        };
        let (limits, errors) = Limits::default().with(&config);
        assert!(!limits.enabled);
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 7, "{told:#?}");
        for part in [
            "\"1ms\"",
            "0 requests",
            "\"5\"",
            "0.5",
            "\"2m\"",
            "101%",
            "soon",
        ] {
            assert!(
                told.iter().any(|told| told.contains(part)),
                "{part}: {told:#?}"
            );
        }
    }
}
