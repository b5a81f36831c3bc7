//! Timestamps that are equal within a tolerance, or only written otherwise.
//!
//! The zone database is the one compiled in, so the same rule means the same everywhere.

use jiff::fmt::strtime::BrokenDownTime;
use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp, civil};

use super::config::TimeConfig;

/// A text longer than this is no timestamp.
const LONGEST: usize = 100;

/// A checked time rule.
#[derive(Clone, Debug)]
pub(crate) struct TimeRule {
    tolerance: SignedDuration,
    naive: Option<TimeZone>,
    formats: Vec<Format>,
}

#[derive(Clone, Debug)]
enum Format {
    /// The seconds, times the factor, since 1970.
    Unix(i64),
    Pattern(String),
}

/// A timestamp as it was read. Without a zone it is taken as UTC, and comparable only to another
/// one without.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instant {
    pub(crate) at: Timestamp,
    pub(crate) zoned: bool,
}

static PARSER: DateTimeParser = DateTimeParser::new();

impl TimeRule {
    /// Checks a rule; mistakes are told as the key that is wrong, its value and why.
    pub(super) fn new(
        config: &TimeConfig,
        wrong: &mut impl FnMut(&'static str, &str, &str),
    ) -> Self {
        let tolerance = config.tolerance.as_deref().unwrap_or("0s");
        let tolerance = match tolerance.parse::<SignedDuration>() {
            Ok(tolerance) if !tolerance.is_negative() => tolerance,
            _ => {
                let message = "not a duration such as 2s, 500ms or 1m 30s";
                wrong("tolerance", tolerance, message);
                SignedDuration::ZERO
            }
        };
        let naive = config.naive.as_ref().and_then(|name| {
            let found = zone(name);
            if found.is_none() {
                let message = "neither an IANA time zone such as Europe/Berlin nor UTC nor an offset such as +02:00";
                wrong("naive", name, message);
            }
            found
        });
        let formats = config.formats.iter().filter_map(|text| {
            let format = format(text);
            if format.is_none() {
                let message = "neither a pattern such as %Y-%m-%d %H:%M:%S nor unix nor unix_ms";
                wrong("formats", text, message);
            }
            format
        });
        Self {
            tolerance,
            naive,
            formats: formats.collect(),
        }
    }

    /// Whether both texts are timestamps, and close enough.
    pub(crate) fn equal(&self, legacy: &str, modern: &str) -> bool {
        let (Some(legacy), Some(modern)) = (self.read(legacy), self.read(modern)) else {
            return false;
        };
        legacy.zoned == modern.zoned && legacy.at.duration_since(modern.at).abs() <= self.tolerance
    }

    fn read(&self, text: &str) -> Option<Instant> {
        if text.len() > LONGEST {
            return None;
        }
        if let Ok(at) = PARSER.parse_timestamp(text) {
            return Some(Instant { at, zoned: true });
        }
        // A date alone is not a point in time.
        if text.len() > "2024-01-02".len()
            && let Ok(civil) = PARSER.parse_datetime(text)
        {
            return self.without_zone(civil);
        }
        self.formats.iter().find_map(|format| match format {
            Format::Unix(factor) => {
                let at = since_1970(text, *factor)?;
                Some(Instant { at, zoned: true })
            }
            Format::Pattern(pattern) => self.by_pattern(pattern, text),
        })
    }

    fn by_pattern(&self, pattern: &str, text: &str) -> Option<Instant> {
        let read = BrokenDownTime::parse(pattern, text).ok()?;
        if let Ok(at) = read.to_timestamp() {
            return Some(Instant { at, zoned: true });
        }
        let midnight = || read.to_date().map(|date| date.at(0, 0, 0, 0));
        self.without_zone(read.to_datetime().or_else(|_| midnight()).ok()?)
    }

    fn without_zone(&self, civil: civil::DateTime) -> Option<Instant> {
        let zone = self.naive.clone().unwrap_or(TimeZone::UTC);
        Some(Instant {
            at: zone.to_timestamp(civil).ok()?,
            zoned: self.naive.is_some(),
        })
    }
}

/// Reads a timestamp as a rule without formats does.
pub(crate) fn instant(text: &str) -> Option<Instant> {
    let plain = TimeRule {
        tolerance: SignedDuration::ZERO,
        naive: None,
        formats: Vec::new(),
    };
    plain.read(text)
}

/// Reads whole or decimal seconds (or a thousandth of them) exactly, to the nanosecond.
fn since_1970(text: &str, factor: i64) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|b| b.is_ascii_digit()) || fraction.len() > 9 || whole.starts_with('+')
    {
        return None;
    }
    let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    let part: i128 = if fraction.is_empty() {
        0
    } else {
        fraction.parse().ok()?
    };
    let whole: i128 = i128::from(whole.parse::<i64>().ok()?);
    let part = if text.starts_with('-') { -part } else { part };
    let nanoseconds = (whole * scale + part) * (1_000_000_000 / i128::from(factor)) / scale;
    Timestamp::from_nanosecond(nanoseconds).ok()
}

fn format(text: &str) -> Option<Format> {
    match text {
        "unix" => Some(Format::Unix(1)),
        "unix_ms" => Some(Format::Unix(1000)),
        _ => {
            // What prints a date with such a pattern can be read with it.
            let sample = civil::date(2024, 11, 22)
                .at(13, 14, 15, 0)
                .to_zoned(TimeZone::UTC)
                .ok()?;
            let sample = BrokenDownTime::from(&sample).to_string(text).ok()?;
            let read = BrokenDownTime::parse(text, &sample).ok()?;
            let whole = read.to_date().is_ok() || read.to_timestamp().is_ok();
            whole.then(|| Format::Pattern(text.to_owned()))
        }
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

    fn rule(tolerance: &str, naive: Option<&str>, formats: &[&str]) -> TimeRule {
        let config = TimeConfig {
            tolerance: Some(tolerance.to_owned()),
            naive: naive.map(str::to_owned),
            formats: formats.iter().map(|&text| text.to_owned()).collect(),
        };
        TimeRule::new(&config, &mut |key, value, message| {
            panic!("{key} {value}: {message}")
        })
    }

    fn equal(rule: &TimeRule, a: &str, b: &str) -> bool {
        let verdict = rule.equal(a, b);
        assert_eq!(verdict, rule.equal(b, a));
        verdict
    }

    #[test]
    fn the_tolerance_is_exact_in_both_directions() {
        let two = rule("2s", None, &[]);
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
            &rule("0s", None, &[]),
            "2024-01-02T03:04:05Z",
            "2024-01-02T03:04:05.000+00:00"
        ));
    }

    #[test]
    fn a_naive_timestamp_needs_a_declared_zone_to_equal_a_zoned_one() {
        let (naive, zoned) = ("2024-07-02T03:04:05.123", "2024-07-02T01:04:05.123Z");
        assert!(!equal(&rule("24h", None, &[]), naive, zoned));
        assert!(equal(&rule("0s", Some("Europe/Berlin"), &[]), naive, zoned));
        assert!(equal(
            &rule("0s", Some("+02:00"), &[]),
            "2024-07-02 03:04:05.123",
            zoned
        ));
        assert!(!equal(&rule("0s", Some("UTC"), &[]), naive, zoned));
        assert!(equal(&rule("1s", None, &[]), naive, "2024-07-02T03:04:06"));
    }

    #[test]
    fn declared_formats_are_read_beside_the_standard_ones() {
        let german = rule("0s", Some("Europe/Berlin"), &["%d.%m.%Y %H:%M", "%d.%m.%Y"]);
        assert!(equal(&german, "02.07.2024 03:04", "2024-07-02T01:04:00Z"));
        assert!(equal(&german, "02.07.2024", "2024-07-01T22:00:00Z"));
        assert!(!equal(&german, "02.07.2024 03:04 ", "2024-07-02T01:04:00Z"));
        let unix = rule("0s", None, &["unix"]);
        assert!(equal(&unix, "1720000000", "2024-07-03T09:46:40Z"));
        assert!(equal(&unix, "1720000000.5", "2024-07-03T09:46:40.500Z"));
        assert!(equal(&unix, "-0.5", "1969-12-31T23:59:59.5Z"));
        assert!(!equal(
            &unix,
            "99999999999999999999",
            "2024-07-03T09:46:40Z"
        ));
        let millis = rule("0s", None, &["unix_ms"]);
        assert!(equal(&millis, "1720000000123", "2024-07-03T09:46:40.123Z"));
        let http = rule("0s", Some("UTC"), &["%a, %d %b %Y %H:%M:%S GMT"]);
        assert!(equal(
            &http,
            "Wed, 03 Jul 2024 09:46:40 GMT",
            "2024-07-03T09:46:40Z"
        ));
        assert!(!equal(
            &http,
            "Thu, 03 Jul 2024 09:46:40 GMT",
            "2024-07-03T09:46:40Z"
        ));
    }

    #[test]
    fn what_is_no_timestamp_is_never_equal() {
        let day = rule("24h", Some("UTC"), &[]);
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
    fn mistakes_name_the_key_and_the_value() {
        let config = TimeConfig {
            tolerance: Some("-2s".into()),
            naive: Some("Mars".into()),
            formats: ["%Q", "%H:%M", "today"].map(str::to_owned).to_vec(),
        };
        let mut found = Vec::new();
        TimeRule::new(&config, &mut |key, value, _| {
            found.push(format!("{key}={value}"));
        });
        let expected = [
            "tolerance=-2s",
            "naive=Mars",
            "formats=%Q",
            "formats=%H:%M",
            "formats=today",
        ];
        assert_eq!(found, expected);
    }
}
