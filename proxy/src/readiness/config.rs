//! What an operator asks of a route before it may move: the `readiness` tables of routes.toml.
//!
//! [`ReadinessConfig`] is what was typed, [`Thresholds`] is what is ready to use.

use super::figures::{Figures, ThresholdError};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// The shortest period of which the slices make sense.
const SHORTEST: Duration = Duration::from_mins(1);

/// When a route is ready to move: every criterion has to hold on the traffic of a period. In a
/// route it overrides, key by key, what is said for all routes.
///
/// The evidence begins anew when the route's rules, its host, path or methods, or the addresses of
/// its upstreams change. It stays when the dial turns, and when the proxy starts again.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReadinessConfig {
    /// What counts is traffic that is not older than this, `1m` to `31d`; it leaves in steps of a
    /// twenty-fourth. Default 24h.
    pub period: Option<String>,
    /// How sure the bound of the match rate has to be, `50%` to below `100%`, on one side.
    /// Default 95%.
    pub confidence: Option<String>,
    /// What the match rate has to be at least, with that confidence; below `100%`, which no number
    /// of comparisons can show. Default 99.9%.
    pub match_rate: Option<String>,
    /// Comparisons there have to be at least; 99.9% at 95% takes 2,995 in any case. Default 1000.
    pub comparisons: Option<u64>,
    /// The share of requests to be compared that may have ended otherwise than matched or
    /// different. Default 1%.
    pub unverified: Option<String>,
    /// The share of requests that modern may fail to answer, or answer with a 5xx that legacy was not
    /// seen to give as well, because both were asked or legacy answered in modern's place. Default
    /// 0.1%.
    pub modern_errors: Option<String>,
    /// How many times as long modern may take as legacy, at the median. Default 1.5.
    pub latency_p50: Option<f64>,
    /// The same within which 95 % of the answers come. Default 1.5.
    pub latency_p95: Option<f64>,
    /// The same within which 99 % of the answers come. Default 2.0.
    pub latency_p99: Option<f64>,
    /// A difference in latency that is never held against modern. Default 5ms.
    pub latency_slack: Option<String>,
    /// Open findings there may be. Default 0.
    pub open_findings: Option<u64>,
    /// The tables that a route reads, by their name on either side: the criterion `data_parity`
    /// holds when the last comparison found each of them equal. `[]` for a route that reads none,
    /// which has no such criterion. Default: those of the entities that the route's lanes name,
    /// and of what belongs to them. Where databases are never compared, no `[reconciliation]` is
    /// declared and no tables are, there is no such criterion.
    pub tables: Option<Vec<String>>,
    /// How old such a comparison may be, `1m` to `31d`. Default 24h.
    pub parity_age: Option<String>,
}

/// Checked thresholds. Shares are from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// How far back evidence counts.
    pub period: Duration,
    /// The one-sided confidence of the match rate's bound.
    pub confidence: f64,
    /// The least match rate.
    pub match_rate: f64,
    /// The least number of comparisons.
    pub comparisons: u64,
    /// The largest share that may be unverified.
    pub unverified: f64,
    /// The largest share that modern may fail.
    pub modern_errors: f64,
    /// The largest ratio of latencies, modern to legacy, by percentile.
    pub latency: [(u8, f64); 3],
    /// A difference in latency that does not matter.
    pub latency_slack: Duration,
    /// The most open findings.
    pub open_findings: u64,
    /// How old a comparison of the databases may be.
    pub parity_age: Duration,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            period: Duration::from_hours(24),
            confidence: 0.95,
            match_rate: 0.999,
            comparisons: 1000,
            unverified: 0.01,
            modern_errors: 0.001,
            latency: [(50, 1.5), (95, 1.5), (99, 2.0)],
            latency_slack: Duration::from_millis(5),
            open_findings: 0,
            parity_age: Duration::from_hours(24),
        }
    }
}

impl Thresholds {
    /// The longest period that can be asked for.
    pub const LONGEST: Duration = Duration::from_hours(31 * 24);

    /// These thresholds with what `config` says otherwise, and every mistake in it.
    pub fn with(mut self, config: &ReadinessConfig) -> (Self, Vec<ThresholdError>) {
        let mut figures = Figures::default();
        let confidence = config.confidence.as_ref();
        figures.share_within(
            "confidence",
            confidence,
            "99.9%",
            &mut self.confidence,
            |share| (!(0.5..1.0).contains(&share)).then_some("is not from 50% to below 100%"),
        );
        let match_rate = config.match_rate.as_ref();
        figures.share_within(
            "match_rate",
            match_rate,
            "99.9%",
            &mut self.match_rate,
            |share| {
                (share >= 1.0).then_some("can't be shown by any number of comparisons; use less")
            },
        );
        let unverified = config.unverified.as_ref();
        figures.share("unverified", unverified, "99.9%", &mut self.unverified);
        let modern_errors = config.modern_errors.as_ref();
        figures.share(
            "modern_errors",
            modern_errors,
            "99.9%",
            &mut self.modern_errors,
        );
        let (period, slack) = (config.period.as_ref(), config.latency_slack.as_ref());
        let examples = ["24h", "5ms"];
        let periods = SHORTEST..=Self::LONGEST;
        figures.span("period", period, &periods, examples, &mut self.period);
        let age = config.parity_age.as_ref();
        figures.span("parity_age", age, &periods, examples, &mut self.parity_age);
        let slacks = Duration::ZERO..=SHORTEST;
        figures.span(
            "latency_slack",
            slack,
            &slacks,
            examples,
            &mut self.latency_slack,
        );
        let ratios = [
            ("latency_p50", config.latency_p50),
            ("latency_p95", config.latency_p95),
            ("latency_p99", config.latency_p99),
        ];
        for ((key, given), (_, ratio)) in ratios.into_iter().zip(&mut self.latency) {
            figures.ratio(key, given, |ratio| ratio > 0.0, "such as 1.5", ratio);
        }
        let comparisons = config.comparisons;
        figures.number(
            "comparisons",
            comparisons,
            "comparisons",
            &mut self.comparisons,
        );
        self.open_findings = config.open_findings.unwrap_or(self.open_findings);
        (self, figures.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_overrides_key_by_key() {
        let config = ReadinessConfig {
            match_rate: Some("99.99%".to_owned()),
            latency_p95: Some(3.0),
            ..ReadinessConfig::default()
        };
        let (thresholds, errors) = Thresholds::default().with(&config);
        assert!(errors.is_empty());
        assert!((thresholds.match_rate - 0.9999).abs() < 1e-12);
        assert_eq!(thresholds.latency, [(50, 1.5), (95, 3.0), (99, 2.0)]);
        assert_eq!(thresholds.comparisons, 1000);
    }

    #[test]
    fn every_mistake_is_told_with_its_value() {
        let text = |text: &str| Some(text.to_owned());
        let config = ReadinessConfig {
            period: text("1s"),
            confidence: text("100%"),
            match_rate: text("100%"),
            comparisons: Some(0),
            unverified: text("-1%"),
            modern_errors: text("0.1"),
            latency_p50: Some(0.0),
            latency_p95: Some(f64::NAN),
            latency_p99: Some(f64::INFINITY),
            latency_slack: text("fast"),
            parity_age: text("1y"),
            ..ReadinessConfig::default()
        };
        let (_, errors) = Thresholds::default().with(&config);
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 11, "{told:#?}");
        for part in [
            "\"1s\"", "\"-1%\"", "\"0.1\"", "\"fast\"", "0 comp", "NaN", "inf",
        ] {
            assert!(
                told.iter().any(|told| told.contains(part)),
                "{part}: {told:#?}"
            );
        }
    }
}
