//! Timestamps that are equal within a tolerance.
//!
//! The zone database is the one compiled in, so the same rule means the same everywhere.

use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

use super::config::TimeRule;
use super::error::RuleError;

/// A checked time rule.
#[derive(Clone, Debug)]
pub(crate) struct TimeTolerance {
    tolerance: SignedDuration,
    naive: Option<TimeZone>,
}

/// A timestamp as it was read. Without a zone it is taken as UTC, and comparable only to another
/// one without.
struct Instant {
    at: Timestamp,
    zoned: bool,
}

static PARSER: DateTimeParser = DateTimeParser::new();

impl TimeTolerance {
    /// Checks the rule that stands at this position of the list.
    pub(super) fn new(rule: &TimeRule, position: usize, errors: &mut Vec<RuleError>) -> Self {
        let key = |field: &str| ["time".into(), position.into(), field.into()];
        let tolerance = match rule.tolerance.parse::<SignedDuration>() {
            Ok(tolerance) if !tolerance.is_negative() => tolerance,
            _ => {
                let message = "not a duration such as 2s, 500ms or 1m 30s";
                errors.push(RuleError::new(key("tolerance"), &rule.tolerance, message));
                SignedDuration::ZERO
            }
        };
        let naive = rule.naive.as_ref().and_then(|name| {
            let found = zone(name);
            if found.is_none() {
                let message = "neither an IANA time zone such as Europe/Berlin nor UTC nor an offset such as +02:00";
                errors.push(RuleError::new(key("naive"), name, message));
            }
            found
        });
        Self { tolerance, naive }
    }

    /// Whether both texts are timestamps, and close enough.
    pub(crate) fn equal(&self, legacy: &[u8], modern: &[u8]) -> bool {
        let (Some(legacy), Some(modern)) = (self.read(legacy), self.read(modern)) else {
            return false;
        };
        legacy.zoned == modern.zoned && legacy.at.duration_since(modern.at).abs() <= self.tolerance
    }

    fn read(&self, text: &[u8]) -> Option<Instant> {
        if let Ok(at) = PARSER.parse_timestamp(text) {
            return Some(Instant { at, zoned: true });
        }
        // A date alone is not a point in time.
        if text.len() <= "2024-01-02".len() {
            return None;
        }
        let civil = PARSER.parse_datetime(text).ok()?;
        let zone = self.naive.clone().unwrap_or(TimeZone::UTC);
        let at = zone.to_timestamp(civil).ok()?;
        Some(Instant {
            at,
            zoned: self.naive.is_some(),
        })
    }
}

fn zone(name: &str) -> Option<TimeZone> {
    let offset = || {
        PARSER
            .parse_time_zone(name)
            .ok()
            .filter(|_| name.starts_with(['+', '-']))
    };
    TimeZoneDatabase::bundled().get(name).ok().or_else(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(tolerance: &str, naive: Option<&str>) -> TimeTolerance {
        let naive = naive.map(str::to_owned);
        let rule = TimeRule {
            path: "/t".into(),
            tolerance: tolerance.into(),
            naive,
        };
        let mut errors = Vec::new();
        let checked = TimeTolerance::new(&rule, 0, &mut errors);
        assert_eq!(errors, []);
        checked
    }

    fn equal(rule: &TimeTolerance, a: &str, b: &str) -> bool {
        let verdict = rule.equal(a.as_bytes(), b.as_bytes());
        assert_eq!(verdict, rule.equal(b.as_bytes(), a.as_bytes()));
        verdict
    }

    #[test]
    fn the_tolerance_is_exact_in_both_directions() {
        let two = rule("2s", None);
        assert!(equal(&two, "2024-01-02T03:04:05Z", "2024-01-02T03:04:07Z"));
        assert!(!equal(
            &two,
            "2024-01-02T03:04:05Z",
            "2024-01-02T03:04:07.001Z"
        ));
        assert!(equal(
            &two,
            "2024-01-02T03:04:05+02:00",
            "2024-01-02T01:04:05.000Z"
        ));
        assert!(equal(
            &rule("0s", None),
            "2024-01-02T03:04:05Z",
            "2024-01-02T03:04:05.000+00:00"
        ));
    }

    #[test]
    fn a_naive_timestamp_needs_a_declared_zone_to_equal_a_zoned_one() {
        let (naive, zoned) = ("2024-07-02T03:04:05.123", "2024-07-02T01:04:05.123Z");
        assert!(!equal(&rule("24h", None), naive, zoned));
        assert!(equal(&rule("0s", Some("Europe/Berlin")), naive, zoned));
        assert!(equal(
            &rule("0s", Some("+02:00")),
            "2024-07-02 03:04:05.123",
            zoned
        ));
        assert!(!equal(&rule("0s", Some("UTC")), naive, zoned));
        assert!(equal(&rule("1s", None), naive, "2024-07-02T03:04:06"));
    }

    #[test]
    fn what_is_no_timestamp_is_never_equal() {
        let day = rule("24h", Some("UTC"));
        for text in [
            "2024-07-02",
            "",
            "now",
            "2024-13-02T00:00:00Z",
            "1720000000",
        ] {
            assert!(!equal(&day, text, "2024-07-02T00:00:00Z"), "{text}");
        }
    }

    #[test]
    fn mistakes_name_their_place() {
        let wrong = TimeRule {
            path: "/t".into(),
            tolerance: "-2s".into(),
            naive: Some("Mars".into()),
        };
        let mut errors = Vec::new();
        TimeTolerance::new(&wrong, 3, &mut errors);
        let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert!(
            texts[0].starts_with("time[3].tolerance: \"-2s\": not a duration"),
            "{texts:?}"
        );
        assert!(
            texts[1].starts_with("time[3].naive: \"Mars\": neither"),
            "{texts:?}"
        );
    }
}
