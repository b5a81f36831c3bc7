//! From one type to another, where nothing is lost.

use std::borrow::Cow;

use jiff::civil;
use jiff::tz::TimeZone;

use super::text::plain;
use crate::mapping::Change;
use crate::schema::Type;
use crate::value::{Number, Value, time};

/// The value as a column of this type holds it, or why there is none.
pub fn convert(value: &Value, kind: &Type, change: &Change) -> Result<Value, String> {
    match value {
        Value::Null => return Ok(Value::Null),
        Value::Unreadable(_) => return Err("cannot be read exactly".to_owned()),
        _ => {}
    }
    match kind {
        Type::Int { least, most } => integer(value, *least, *most),
        Type::Decimal { bounds } => decimal(value, *bounds, change),
        Type::Float { bits } => float(value, *bits, change),
        Type::Bool => truth(value),
        Type::Text { most, .. } => text(value, *most),
        Type::Json => match value {
            Value::Text(_) => Ok(value.clone()),
            _ => Err("is no JSON text".to_owned()),
        },
        Type::Bytes => match value {
            Value::Bytes(_) => Ok(value.clone()),
            Value::Uuid(bytes) => Ok(Value::Bytes(bytes.as_slice().into())),
            _ => Err("is no sequence of bytes".to_owned()),
        },
        Type::Date => date(value),
        Type::Time { digits } => match value {
            Value::Time(ticks) => Ok(Value::Time(time::rounded(*ticks, *digits))),
            Value::Text(text) => {
                // The parser passes over a date before it, and an offset behind it.
                let alone = |byte: &u8| byte.is_ascii_digit() || b":.".contains(byte);
                let parsed: Option<civil::Time> = text.parse().ok();
                let parsed = parsed.filter(|_| text.as_bytes().iter().all(alone));
                let parsed = parsed.ok_or_else(|| "is no time of day".to_owned())?;
                let ticks = ticks(civil::date(1970, 1, 1).to_datetime(parsed), *digits)?;
                Ok(Value::Time(time::rounded(ticks, *digits)))
            }
            _ => Err("is no time of day".to_owned()),
        },
        Type::Naive { digits } => {
            let ticks = on_tick(naive(value, change, *digits)?, change)?;
            Ok(Value::Naive(rounded(ticks, *digits)?))
        }
        Type::Instant { digits } => {
            let ticks = instant(value, change, *digits)?;
            Ok(Value::Instant(rounded(ticks, *digits)?))
        }
        Type::Uuid => match value {
            Value::Uuid(_) => Ok(value.clone()),
            Value::Text(text) => match uuid::Uuid::try_parse(text) {
                Ok(id) => Ok(Value::Uuid(id.into_bytes())),
                Err(_) => Err("is no UUID".to_owned()),
            },
            Value::Bytes(bytes) => match <[u8; 16]>::try_from(&**bytes) {
                Ok(bytes) => Ok(Value::Uuid(bytes)),
                Err(_) => Err("is no UUID, which has 16 bytes".to_owned()),
            },
            _ => Err("is no UUID".to_owned()),
        },
        Type::Unsupported => Err("has a type that is not moved".to_owned()),
    }
}

fn integer(value: &Value, least: i64, most: i64) -> Result<Value, String> {
    let integer = match value {
        Value::Int(integer) => Some(*integer),
        Value::Number(number) => number.integer(),
        Value::Bool(truth) => Some(i64::from(*truth)),
        Value::Text(text) => text.parse().ok(),
        _ => None,
    };
    let integer = integer.ok_or("is no integer")?;
    if integer < least || integer > most {
        return Err(format!("is not between {least} and {most}"));
    }
    Ok(Value::Int(integer))
}

fn decimal(value: &Value, bounds: Option<(u8, u8)>, change: &Change) -> Result<Value, String> {
    let number = match value {
        // An integer counts units, where the mapping says so.
        Value::Int(integer) => Number::new((*integer).into(), change.units.unwrap_or(0)),
        Value::Number(number) => Some(*number),
        Value::Text(text) => text.parse().ok(),
        Value::Float(_) => return Err("is a float, which is not exact".to_owned()),
        _ => None,
    };
    let number = number.ok_or("is no decimal number of up to 38 digits")?;
    let Some((digits, places)) = bounds else {
        return Ok(Value::Number(number));
    };
    let number = if change.round {
        number.rounded(places)
    } else {
        number
    };
    if number.scale() > places {
        return Err(format!("has more than {places} places"));
    }
    if number.whole_digits() > u32::from(digits - places) {
        return Err(format!("does not fit decimal({digits}, {places})"));
    }
    Ok(Value::Number(number))
}

/// A float of 64 bits that one of 32 cannot hold is not rounded unasked; a decimal number becomes
/// the nearest float, as it has to.
fn float(value: &Value, bits: u8, change: &Change) -> Result<Value, String> {
    let text = match value {
        Value::Float(float) => {
            let kept = if bits == 32 { narrow(*float) } else { *float };
            let exact = kept.to_bits() == float.to_bits() || float.is_nan();
            return if exact || (change.round && kept.is_finite()) {
                Ok(Value::Float(kept))
            } else {
                Err("does not fit a float of 32 bits".to_owned())
            };
        }
        Value::Int(integer) => Cow::Owned(integer.to_string()),
        Value::Number(number) => Cow::Owned(number.to_string()),
        Value::Text(text) => Cow::Borrowed(text.as_str()),
        _ => return Err("is no number".to_owned()),
    };
    let exact: f64 = text.parse().map_err(|_| "is no number")?;
    let kept = if bits == 32 {
        f64::from(text.parse::<f32>().map_err(|_| "is no number")?)
    } else {
        exact
    };
    // A number beyond all floats is read as infinity, which its text then does not say.
    if kept.is_infinite() && text.contains(|digit: char| digit.is_ascii_digit()) {
        return Err(format!("does not fit a float of {bits} bits"));
    }
    Ok(Value::Float(kept))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "whether something was lost is looked at"
)]
fn narrow(float: f64) -> f64 {
    f64::from(float as f32)
}

/// To so many digits of a second, within the years that databases have.
fn rounded(ticks: i64, digits: u8) -> Result<i64, String> {
    let rounded = time::rounded(ticks, digits);
    match time::naive(rounded) {
        Some(_) => Ok(rounded),
        None => Err(format!(
            "leaves the years from 1 to 9999 when it is rounded to {digits} digits of a second"
        )),
    }
}

fn truth(value: &Value) -> Result<Value, String> {
    let truth = match value {
        Value::Bool(truth) => Some(*truth),
        Value::Int(0) => Some(false),
        Value::Int(1) => Some(true),
        Value::Text(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "1" | "yes" | "y" => Some(true),
            "false" | "f" | "0" | "no" | "n" => Some(false),
            _ => None,
        },
        _ => None,
    };
    truth
        .map(Value::Bool)
        .ok_or_else(|| "is neither true nor false".to_owned())
}

fn text(value: &Value, most: Option<u32>) -> Result<Value, String> {
    let text = match value {
        Value::Bytes(_) => return Err("is a sequence of bytes, and no text".to_owned()),
        // A float has several texts.
        Value::Float(_) => return Err("is a float, and no text".to_owned()),
        other => plain(other),
    };
    if let Some(most) = most
        && text.len() > most as usize
        && text.chars().count() > most as usize
    {
        return Err(format!("is longer than {most} characters"));
    }
    Ok(Value::Text(text))
}

fn date(value: &Value) -> Result<Value, String> {
    match value {
        Value::Date(_) => Ok(value.clone()),
        Value::Text(text) => {
            let parsed: Option<civil::Date> = text.parse().ok();
            // "2026-01-02 03:04:05" is more than a date, and a parser may be content with less.
            let parsed = parsed.filter(|date| date.to_string() == text.as_str());
            let date = parsed.ok_or_else(|| "is no date".to_owned())?;
            Ok(Value::Date(time::days(date)))
        }
        Value::Naive(ticks) if ticks % time::DAY == 0 => i32::try_from(ticks / time::DAY)
            .map(Value::Date)
            .map_err(|_| "is no date".to_owned()),
        _ => Err("is no date".to_owned()),
    }
}

fn naive(value: &Value, change: &Change, digits: u8) -> Result<i64, String> {
    match value {
        Value::Naive(ticks) => Ok(*ticks),
        Value::Date(days) => Ok(i64::from(*days) * time::DAY),
        // The parser passes over an offset, and over a zone in brackets.
        Value::Text(text) if is_zoned(text) || text.contains('[') => {
            Err("says its zone, and becomes a datetime without one".to_owned())
        }
        Value::Text(text) => {
            let parsed: Option<civil::DateTime> = text.parse().ok();
            let parsed = parsed.ok_or_else(|| "is no datetime".to_owned())?;
            ticks(parsed, digits)
        }
        Value::Instant(ticks) => {
            let zone = change
                .zone
                .as_ref()
                .ok_or("is an instant, and no zone is declared")?;
            time::local(*ticks, zone)
                .ok_or_else(|| "is outside the years from 1 to 9999".to_owned())
        }
        _ => Err("is no datetime".to_owned()),
    }
}

fn instant(value: &Value, change: &Change, digits: u8) -> Result<i64, String> {
    match value {
        Value::Instant(ticks) => return Ok(*ticks),
        Value::Text(text) if is_zoned(text) => {
            let parsed: Option<jiff::Timestamp> = text.parse().ok();
            let parsed = parsed.ok_or_else(|| "is no datetime".to_owned())?;
            return ticks(TimeZone::UTC.to_datetime(parsed), digits);
        }
        _ => {}
    }
    let ticks = on_tick(naive(value, change, digits)?, change)?;
    let zone = change
        .zone
        .as_ref()
        .ok_or("has no zone, and none is declared")?;
    time::instant(ticks, zone).ok_or_else(|| {
        let zone = zone.iana_name().unwrap_or("the declared zone");
        format!("names no one instant in {zone}")
    })
}

/// A time's ticks; what is finer is cut off where it is rounded to fewer digits, to which it makes no
/// difference, and refused elsewhere.
fn ticks(time: civil::DateTime, digits: u8) -> Result<i64, String> {
    if digits >= 7 && time.subsec_nanosecond() % 100 != 0 {
        return Err("has more than 7 digits of a second".to_owned());
    }
    Ok(time::ticks(time))
}

/// Whether a text says its zone: it ends in `Z`, or in an offset behind its time.
fn is_zoned(text: &str) -> bool {
    let time = text.find(['T', 't', ' ']).and_then(|at| text.get(at..));
    time.is_some_and(|time| time.ends_with(['Z', 'z']) || time.contains(['+', '-']))
}

/// A `datetime` counts in 1/300 s, which readers show as .003, .0033333 or .003333: to the
/// millisecond, whose last digit is then 0, 3 or 7.
fn on_tick(ticks: i64, change: &Change) -> Result<i64, String> {
    if !change.ticks {
        return Ok(ticks);
    }
    let millisecond = time::SECOND / 1000;
    let milliseconds = ticks.div_euclid(millisecond);
    let rest = ticks.rem_euclid(millisecond);
    // .0033333 and .003333, .0066667 and .006667.
    let third = matches!(rest, 3_330..=3_334);
    let two_thirds = matches!(rest, 6_666..=6_670);
    let (milliseconds, exact) = match milliseconds.rem_euclid(10) {
        0 | 3 | 7 if rest == 0 => (milliseconds, true),
        3 if third => (milliseconds, true),
        6 if two_thirds => (milliseconds + 1, true),
        _ => (milliseconds, false),
    };
    if !exact {
        return Err("is not on a tick of datetime".to_owned());
    }
    Ok(milliseconds * millisecond)
}

#[cfg(test)]
mod tests {
    use super::{Change, Value, convert};

    fn converted(kind: &str, text: &str) -> Result<String, String> {
        let kind = kind.parse().expect(kind);
        convert(&Value::text(text), &kind, &Change::default()).map(|value| value.to_string())
    }

    #[test]
    fn a_time_that_says_its_zone_is_no_time_without_one() {
        let naive = "2026-01-02 03:04:05";
        assert_eq!(converted("datetime(6)", naive), Ok(naive.to_owned()));
        for zone in [
            "+01:00",
            "-05",
            "Z",
            "[Europe/Berlin]",
            "+01[Europe/Berlin]",
        ] {
            for between in ["T", "t", " "] {
                let text = naive.replace(' ', between) + zone;
                assert!(converted("datetime(6)", &text).is_err(), "{text}");
            }
        }
        assert_eq!(converted("time(6)", "03:04:05"), Ok("03:04:05".to_owned()));
        for text in [
            "2026-01-02 03:04:05",
            "03:04:05+01:00",
            "03:04:05[UTC]",
            "03:04:05Z",
        ] {
            assert!(converted("time(6)", text).is_err(), "{text}");
        }
    }

    #[test]
    fn digits_that_are_finer_than_any_kept_are_rounded_with_others_and_never_cut_off() {
        let finer = "2026-01-02 03:04:05.12345649";
        let rounded = converted("datetime(6)", finer);
        assert_eq!(rounded, Ok("2026-01-02 03:04:05.123456".to_owned()));
        for kind in ["datetime(7)", "instant(7)"] {
            let zone = if kind == "instant(7)" { "Z" } else { "" };
            let exact = converted(kind, &format!("2026-01-02T03:04:05.123456700{zone}"));
            assert!(exact.is_ok(), "{exact:?}");
            let cut = converted(kind, &format!("2026-01-02T03:04:05.123456789{zone}"));
            assert_eq!(cut, Err("has more than 7 digits of a second".to_owned()));
        }
        assert!(converted("time(7)", "03:04:05.12345678").is_err());
    }
}
