//! Why two values differ, as far as the values tell: blanks, case, a zone, a rounding.
//!
//! Pure. A cause is what explains the difference, and not a proof of how it came about.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use super::judge::number;
use crate::value::{Number, Value, time};

/// Why rows or values differ.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Cause {
    /// The target does not have the row.
    Missing,
    /// The target does not have the row, and has one whose key differs in case or blanks alone.
    MissingByKey,
    /// The source does not have the row.
    Extra,
    /// The source does not have the row, and has one whose key differs in case or blanks alone.
    ExtraByKey,
    /// Blanks at the end.
    TrailingBlanks,
    /// Letters' case.
    LetterCase,
    /// The same characters, composed in another way.
    UnicodeForm,
    /// Null against an empty text.
    NullForEmpty,
    /// Null against a value that stands for none.
    Sentinel {
        /// The value.
        value: String,
    },
    /// Null against a value.
    Null,
    /// Numbers at most 0.01 apart.
    Rounding,
    /// A decimal point that was lost: 9.01 and 901.
    PointLost,
    /// Numbers that are the same distance apart in every row.
    Offset {
        /// The target's less the source's.
        by: String,
    },
    /// Times apart by an offset of time zones.
    ZoneOffset {
        /// The target's less the source's.
        minutes: i64,
    },
    /// Times on the same tick of 1/300 s.
    Ticks,
    /// Times with fewer digits of a second.
    FewerDigits,
    /// A text that was cut off.
    Truncated {
        /// Its characters.
        characters: u64,
    },
    /// A UUID whose first three groups have their bytes turned round.
    ByteOrder,
    /// Few values that are always others on the other side.
    Mapped {
        /// Each with what it is on the other side.
        values: Vec<(String, String)>,
    },
    /// A value that cannot be read, or not brought over exactly.
    NotComparable {
        /// What is wrong with it.
        fault: String,
    },
    /// Sums or counts of a range differ, and its rows were not looked at.
    Figures,
    /// The target's counter would give a number that is taken.
    Sequence,
    /// None of these.
    Other,
}

/// Texts that stand for no value.
const NONE: [&str; 9] = [
    "null",
    "n/a",
    "na",
    "none",
    "nil",
    "-",
    "?",
    "nan",
    "undefined",
];

/// Dates that stand for no value.
const NEVER: [(i16, i8, i8); 5] = [
    (1, 1, 1),
    (1753, 1, 1),
    (1900, 1, 1),
    (1970, 1, 1),
    (9999, 12, 31),
];

/// Ticks of a quarter of an hour, in which zones' offsets are counted, and the most that two
/// offsets are apart.
const QUARTER: i64 = 15 * 60 * time::SECOND;
const FARTHEST: i64 = 26 * 3600 * time::SECOND;

/// A 1/300 s, and what its rounding to a millisecond adds at most.
const TICK: i64 = time::SECOND / 300 + 1;

/// Why these differ; columns of the source are expected, and those of the target found.
pub(super) fn of(expected: &Value, found: &Value) -> Cause {
    match (expected, found) {
        (Value::Null, other) | (other, Value::Null) => of_null(other),
        (Value::Text(one), Value::Text(two)) => of_texts(one, two),
        (Value::Uuid(one), Value::Uuid(two)) if turned(*one) == *two => Cause::ByteOrder,
        (Value::Naive(one), Value::Naive(two))
        | (Value::Instant(one), Value::Instant(two))
        | (Value::Time(one), Value::Time(two)) => of_times(*one, *two),
        (Value::Float(one), Value::Float(two)) if (one - two).abs() <= 0.01 => Cause::Rounding,
        _ => match number(expected).zip(number(found)) {
            Some((one, two)) => of_numbers(one, two),
            None => Cause::Other,
        },
    }
}

/// The found number less the expected one.
pub(super) fn offset(expected: &Value, found: &Value) -> Option<Number> {
    let (one, two) = number(expected).zip(number(found))?;
    let negative = Number::new(one.units().checked_neg()?, one.scale())?;
    two.plus(negative)
}

/// A key in which case and blanks at the end make no difference.
pub(super) fn folded(value: &Value) -> Value {
    match value {
        Value::Text(text) => Value::text(text.trim_end().to_lowercase()),
        other => other.clone(),
    }
}

fn of_null(other: &Value) -> Cause {
    let date = match other {
        Value::Date(days) => time::date(*days),
        Value::Naive(ticks) | Value::Instant(ticks) => {
            time::naive(*ticks).map(jiff::civil::DateTime::date)
        }
        _ => None,
    };
    let sentinel = match other {
        Value::Text(text) if text.is_empty() => return Cause::NullForEmpty,
        Value::Text(text) => NONE.contains(&text.trim().to_lowercase().as_str()),
        Value::Int(integer) => matches!(integer, -1 | 0 | 9999 | 99_999 | 999_999),
        Value::Uuid(bytes) => *bytes == [0; 16],
        _ => date.is_some_and(|date| NEVER.contains(&(date.year(), date.month(), date.day()))),
    };
    if sentinel {
        Cause::Sentinel {
            value: other.to_string(),
        }
    } else {
        Cause::Null
    }
}

fn of_texts(one: &str, two: &str) -> Cause {
    if one.trim_end_matches(' ') == two.trim_end_matches(' ') {
        return Cause::TrailingBlanks;
    }
    if one.to_lowercase() == two.to_lowercase() {
        return Cause::LetterCase;
    }
    if one.nfc().eq(two.nfc()) {
        return Cause::UnicodeForm;
    }
    if !two.is_empty() && one.starts_with(two) {
        return Cause::Truncated {
            characters: two.chars().count() as u64,
        };
    }
    if one.replacen('.', "", 1) == two && is_decimal(one) {
        return Cause::PointLost;
    }
    match one.parse::<Number>().ok().zip(two.parse().ok()) {
        Some((one, two)) => of_numbers(one, two),
        None => Cause::Other,
    }
}

fn is_decimal(text: &str) -> bool {
    text.contains('.') && text.parse::<Number>().is_ok()
}

fn of_numbers(one: Number, two: Number) -> Cause {
    let hundredth = Number::new(1, 2).unwrap_or(Number::ZERO);
    let distance = one.distance(two);
    if distance.is_some_and(|distance| distance <= hundredth) {
        return Cause::Rounding;
    }
    if one.scale() > 0 && two.scale() == 0 {
        let lost = |places| one.at_scale(places) == Some(two.units());
        if (one.scale()..=one.scale().saturating_add(3)).any(lost) {
            return Cause::PointLost;
        }
    }
    Cause::Other
}

fn of_times(one: i64, two: i64) -> Cause {
    let Some(apart) = two.checked_sub(one) else {
        return Cause::Other;
    };
    if apart != 0 && apart % QUARTER == 0 && apart.abs() <= FARTHEST {
        return Cause::ZoneOffset {
            minutes: apart / (60 * time::SECOND),
        };
    }
    let cut = (0..7).any(|digits| {
        let unit = 10_i64.pow(7 - digits);
        two.rem_euclid(unit) == 0 && apart.abs() < unit
    });
    if apart.abs() <= TICK && on_tick(one) && on_tick(two) {
        Cause::Ticks
    } else if cut {
        Cause::FewerDigits
    } else {
        Cause::Other
    }
}

/// Whether a time is a multiple of 1/300 s, in one of the ways in which that is written.
fn on_tick(ticks: i64) -> bool {
    let thirds = ticks.rem_euclid(time::SECOND / 100);
    matches!(
        thirds,
        0 | 30_000 | 33_330..=33_340 | 66_660..=66_670 | 70_000
    )
}

/// A UUID as a database with the other order of bytes shows it.
fn turned(bytes: [u8; 16]) -> [u8; 16] {
    let mut turned = bytes;
    // Its first three groups.
    for group in [0..4, 4..6, 6..8] {
        if let Some(group) = turned.get_mut(group) {
            group.reverse();
        }
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::{Cause, of};
    use crate::value::{Value, time};

    fn number(text: &str) -> Value {
        Value::Number(text.parse().expect("a number"))
    }

    #[test]
    fn texts_tell_their_cause() {
        for (one, two, cause) in [
            ("a", "a  ", Cause::TrailingBlanks),
            ("Ann", "ANN", Cause::LetterCase),
            ("é", "e\u{301}", Cause::UnicodeForm),
            ("abcdef", "abc", Cause::Truncated { characters: 3 }),
            ("9.01", "901", Cause::PointLost),
            ("a", "b", Cause::Other),
            ("abc", "", Cause::Other),
        ] {
            assert_eq!(
                of(&Value::text(one), &Value::text(two)),
                cause,
                "{one} {two}"
            );
        }
    }

    #[test]
    fn null_is_told_from_what_stands_for_it() {
        assert_eq!(of(&Value::Null, &Value::text("")), Cause::NullForEmpty);
        assert_eq!(of(&Value::text(""), &Value::Null), Cause::NullForEmpty);
        let sentinel = |value: &str| Cause::Sentinel {
            value: value.to_owned(),
        };
        assert_eq!(of(&Value::text("N/A"), &Value::Null), sentinel("\"N/A\""));
        assert_eq!(of(&Value::Null, &Value::Int(-1)), sentinel("-1"));
        let never = time::days(jiff::civil::date(1900, 1, 1));
        assert_eq!(
            of(&Value::Null, &Value::Date(never)),
            sentinel("1900-01-01")
        );
        assert_eq!(of(&Value::Null, &Value::Int(7)), Cause::Null);
    }

    #[test]
    fn numbers_tell_a_rounding_and_a_lost_point() {
        assert_eq!(of(&number("10.00"), &number("10.01")), Cause::Rounding);
        assert_eq!(of(&number("9.01"), &number("901")), Cause::PointLost);
        assert_eq!(of(&number("9.1"), &number("910")), Cause::PointLost);
        assert_eq!(of(&Value::Int(1), &Value::Int(2)), Cause::Other);
        assert_eq!(
            of(&Value::Float(0.1), &Value::Float(0.100_000_1)),
            Cause::Rounding
        );
    }

    #[test]
    fn times_tell_zones_ticks_and_lost_digits() {
        let at = |ticks: i64| Value::Naive(1_000 * time::DAY + ticks);
        let hours = |hours: i64| hours * 3600 * time::SECOND;
        assert_eq!(
            of(&at(0), &at(hours(-2))),
            Cause::ZoneOffset { minutes: -120 }
        );
        assert_eq!(of(&at(33_333), &at(30_000)), Cause::Ticks);
        assert_eq!(of(&at(1_234_567), &at(1_230_000)), Cause::FewerDigits);
        assert_eq!(of(&at(1_234_567), &at(9_999_999)), Cause::Other);
    }

    #[test]
    fn a_uuid_with_its_first_groups_turned_round_is_told() {
        let one: Vec<u8> = (0..16).collect();
        let two = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
        let one = Value::Uuid(one.try_into().expect("16 bytes"));
        assert_eq!(of(&one, &Value::Uuid(two)), Cause::ByteOrder);
        assert_eq!(of(&one, &Value::Uuid([7; 16])), Cause::Other);
    }
}
