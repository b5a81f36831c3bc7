//! Values as `MySQL` and `MariaDB` send them in answer to a prepared statement.
//!
//! Which form a value has is known by its column's type. The driver's own decoding is passed by:
//! it takes a date of zeros for null.

use crate::schema::Type;
use crate::store::gather::Gather;
use crate::value::{Number, Value, time};

/// A form, as far as a column's declaration tells it; an integer's width is that of its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    Signed,
    Unsigned,
    /// A small integer that is declared as a truth value; others than 0 and 1 stay integers.
    Truth,
    /// Bits, the highest first.
    Bits,
    /// One bit.
    Bit,
    Decimal,
    Float,
    Text,
    Bytes,
    Date,
    Time,
    Naive,
    Instant,
    Uuid,
}

/// What a column of this type holds, and its form. A type that is not moved has neither.
pub(super) fn kind(native: &str) -> (Type, Option<Wire>) {
    let unsigned = native.contains("unsigned") || native.contains("zerofill");
    let name: String = native
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    let numbers = numbers(native);
    let digits = numbers
        .first()
        .and_then(|digits| u8::try_from(*digits).ok())
        .unwrap_or(0);
    let integer = |bits: u32| {
        if unsigned {
            unsigned_of(bits)
        } else {
            (Type::int(bits), Some(Wire::Signed))
        }
    };
    let text = |most: Option<u32>| Type::Text {
        most,
        padded: false,
    };
    match name.as_str() {
        "tinyint" if numbers == [1] && !unsigned => (Type::Bool, Some(Wire::Truth)),
        "tinyint" => integer(8),
        "smallint" => integer(16),
        "mediumint" => integer(24),
        "int" => integer(32),
        "bigint" => integer(64),
        "bit" if numbers == [1] => (Type::Bool, Some(Wire::Bit)),
        "bit" => {
            let bits = numbers.first().copied().unwrap_or(64);
            (unsigned_of(bits).0, Some(Wire::Bits))
        }
        // There is a year 0 for years that are none.
        "year" => (
            Type::Int {
                least: 0,
                most: 2155,
            },
            Some(Wire::Unsigned),
        ),
        "decimal" => (
            Type::Decimal {
                bounds: bounds(&numbers),
            },
            Some(Wire::Decimal),
        ),
        "float" => (Type::Float { bits: 32 }, Some(Wire::Float)),
        "double" => (Type::Float { bits: 64 }, Some(Wire::Float)),
        // Blanks at the end are not kept, whatever the length.
        "char" | "varchar" => (text(numbers.first().copied()), Some(Wire::Text)),
        "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set" | "inet4" | "inet6" => {
            (text(None), Some(Wire::Text))
        }
        "json" => (Type::Json, Some(Wire::Text)),
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
            (Type::Bytes, Some(Wire::Bytes))
        }
        "date" => (Type::Date, Some(Wire::Date)),
        "time" => (Type::Time { digits }, Some(Wire::Time)),
        "datetime" => (Type::Naive { digits }, Some(Wire::Naive)),
        "timestamp" => (Type::Instant { digits }, Some(Wire::Instant)),
        "uuid" => (Type::Uuid, Some(Wire::Uuid)),
        _ => (Type::Unsupported, None),
    }
}

/// Integers without a sign; those of 64 bits are decimal numbers here.
fn unsigned_of(bits: u32) -> (Type, Option<Wire>) {
    let kind = match 1_i64.checked_shl(bits) {
        Some(above) if bits < 63 => Type::Int {
            least: 0,
            most: above - 1,
        },
        _ if bits == 63 => Type::Int {
            least: 0,
            most: i64::MAX,
        },
        _ => Type::Decimal {
            bounds: Some((20, 0)),
        },
    };
    (kind, Some(Wire::Unsigned))
}

/// Whether the server orders and tells apart values of this type by value or bytes.
pub(super) fn is_ordered(native: &str, collation: Option<&str>) -> bool {
    match kind(native).1 {
        None | Some(Wire::Uuid | Wire::Float) => false,
        Some(Wire::Text) => {
            // Most binary collations take blanks at the end for nothing; enums go by their place.
            let by_bytes = collation.is_some_and(|collation| {
                collation.starts_with("utf8")
                    && (collation.ends_with("_nopad_bin") || collation.ends_with("_0900_bin"))
            });
            by_bytes && !is_listed(native)
        }
        Some(_) => true,
    }
}

/// Whether it is one of a list of texts, which are kept by their places and compared as texts.
pub(super) fn is_listed(native: &str) -> bool {
    native.starts_with("enum(") || native.starts_with("set(")
}

fn numbers(native: &str) -> Vec<u32> {
    let modifiers = native.split_once('(').and_then(|(_, rest)| {
        let (modifiers, _) = rest.split_once(')')?;
        Some(modifiers)
    });
    let numbers = modifiers.unwrap_or_default().split(',');
    numbers
        .filter_map(|number| number.trim().parse().ok())
        .collect()
}

fn bounds(numbers: &[u32]) -> Option<(u8, u8)> {
    let [digits, places] = numbers else {
        return None;
    };
    (*digits <= 38 && places <= digits)
        .then(|| Some((u8::try_from(*digits).ok()?, u8::try_from(*places).ok()?)))
        .flatten()
}

/// Hands on the value of a form; nothing where it is malformed.
pub(super) fn gather(wire: Wire, large: bool, bytes: &[u8], rows: &mut impl Gather) -> Option<()> {
    let value = match wire {
        Wire::Text => {
            rows.text(bytes);
            return Some(());
        }
        Wire::Bytes => {
            rows.bytes(bytes);
            return Some(());
        }
        Wire::Signed => Value::Int(signed(bytes)?),
        Wire::Unsigned => whole(unsigned(bytes)?, large),
        Wire::Truth => match signed(bytes)? {
            0 => Value::Bool(false),
            1 => Value::Bool(true),
            other => Value::Int(other),
        },
        Wire::Bit => Value::Bool(bytes.last()? & 1 == 1),
        Wire::Bits => {
            if bytes.len() > 8 {
                return None;
            }
            let bits = bytes
                .iter()
                .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            whole(bits, large)
        }
        Wire::Decimal => match std::str::from_utf8(bytes).ok()?.parse() {
            Ok(number) => Value::Number(number),
            Err(_) => Value::unreadable("a number of more than 38 digits"),
        },
        Wire::Float => match bytes.len() {
            4 => Value::Float(f32::from_le_bytes(bytes.try_into().ok()?).into()),
            _ => Value::Float(f64::from_le_bytes(bytes.try_into().ok()?)),
        },
        Wire::Date => match moment(bytes)? {
            Some(ticks) => Value::Date(i32::try_from(ticks.div_euclid(time::DAY)).ok()?),
            None => Value::unreadable(shown(bytes)),
        },
        Wire::Naive | Wire::Instant => match moment(bytes)? {
            Some(ticks) if wire == Wire::Naive => Value::Naive(ticks),
            Some(ticks) => Value::Instant(ticks),
            None => Value::unreadable(shown(bytes)),
        },
        Wire::Time => time_of_day(bytes)?,
        Wire::Uuid => match uuid::Uuid::try_parse_ascii(bytes) {
            Ok(id) => Value::Uuid(id.into_bytes()),
            Err(_) => return None,
        },
    };
    rows.value(value);
    Some(())
}

/// As its column holds it: an integer, or a decimal number where 63 bits are too few.
fn whole(integer: u64, large: bool) -> Value {
    match i64::try_from(integer) {
        Ok(integer) if !large => Value::Int(integer),
        _ => Number::new(integer.into(), 0).map_or(Value::Null, Value::Number),
    }
}

fn signed(bytes: &[u8]) -> Option<i64> {
    Some(match bytes.len() {
        1 => i8::from_le_bytes(bytes.try_into().ok()?).into(),
        2 => i16::from_le_bytes(bytes.try_into().ok()?).into(),
        4 => i32::from_le_bytes(bytes.try_into().ok()?).into(),
        _ => i64::from_le_bytes(bytes.try_into().ok()?),
    })
}

fn unsigned(bytes: &[u8]) -> Option<u64> {
    Some(match bytes.len() {
        1 => u8::from_le_bytes(bytes.try_into().ok()?).into(),
        2 => u16::from_le_bytes(bytes.try_into().ok()?).into(),
        4 => u32::from_le_bytes(bytes.try_into().ok()?).into(),
        _ => u64::from_le_bytes(bytes.try_into().ok()?),
    })
}

/// Ticks of a date and time, which leaves out what is zero at its end; nothing inside where it is
/// no date, such as one with a month of zero.
#[expect(
    clippy::option_option,
    reason = "malformed, and well formed but no date"
)]
fn moment(bytes: &[u8]) -> Option<Option<i64>> {
    let (length, parts) = bytes.split_first()?;
    if usize::from(*length) != parts.len() || !matches!(length, 0 | 4 | 7 | 11) {
        return None;
    }
    let [low, high, month, day, hour, minute, second] = padded(parts);
    let microseconds = microseconds(parts.get(7..));
    let part = |part: u8| i8::try_from(part).unwrap_or(-1);
    let year = i16::from_le_bytes([low, high]);
    let date = jiff::civil::Date::new(year, part(month), part(day)).ok();
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    let sound = hour < 24 && minute < 60 && second < 60 && microseconds < 1_000_000 && year > 0;
    Some(date.filter(|_| sound).map(|date| {
        i64::from(time::days(date)) * time::DAY + seconds * time::SECOND + microseconds * 10
    }))
}

/// A time of less than a day, or how long it is: the type holds durations.
fn time_of_day(bytes: &[u8]) -> Option<Value> {
    let (length, parts) = bytes.split_first()?;
    if usize::from(*length) != parts.len() || !matches!(length, 0 | 8 | 12) {
        return None;
    }
    let [negative, d0, d1, d2, d3, hour, minute, second] = padded(parts);
    let microseconds = microseconds(parts.get(8..));
    let days = u32::from_le_bytes([d0, d1, d2, d3]);
    if negative != 0 || days != 0 || hour > 23 || minute > 59 || second > 59 {
        let sign = if negative == 0 { "" } else { "-" };
        let hours = u64::from(days) * 24 + u64::from(hour);
        let shown = format!("{sign}{hours:02}:{minute:02}:{second:02}, which is no time of day");
        return Some(Value::unreadable(shown));
    }
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    (microseconds < 1_000_000).then_some(Value::Time(seconds * time::SECOND + microseconds * 10))
}

fn padded<const N: usize>(parts: &[u8]) -> [u8; N] {
    let mut all = [0; N];
    for (place, part) in all.iter_mut().zip(parts) {
        *place = *part;
    }
    all
}

fn microseconds(bytes: Option<&[u8]>) -> i64 {
    let four = bytes.and_then(|bytes| bytes.first_chunk::<4>());
    four.map_or(0, |bytes| u32::from_le_bytes(*bytes).into())
}

/// A date that is none, as the server writes it.
fn shown(bytes: &[u8]) -> String {
    let [low, high, month, day] = padded(bytes.get(1..).unwrap_or_default());
    format!("{:04}-{month:02}-{day:02}", u16::from_le_bytes([low, high]))
}

#[cfg(test)]
mod tests;
