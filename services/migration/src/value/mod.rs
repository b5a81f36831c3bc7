//! A value of a column, whichever database it came from, and the rows and keys made of values.
//!
//! A store reads its own types into these and writes them back; nothing between the two knows a
//! database's types. A value that none of these can hold exactly is [`Value::Unreadable`], and
//! never an approximation.

pub(crate) mod canonical;
mod key;
mod number;
mod show;
pub mod time;

use std::borrow::Cow;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

pub use canonical::Digest;
pub use key::Key;
pub use number::Number;

/// One value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer of at most 64 bits.
    Int(i64),
    /// An exact decimal number of at most 38 digits.
    Number(Number),
    /// A binary floating-point number.
    Float(#[serde(with = "float")] f64),
    /// Text, JSON and XML included.
    Text(CompactString),
    /// Bytes.
    Bytes(Box<[u8]>),
    /// A calendar date: days since 1970-01-01.
    Date(i32),
    /// A time of day: ticks of 100 ns since midnight.
    Time(i64),
    /// A date and time without a zone: ticks of 100 ns since 1970-01-01T00:00:00.
    Naive(i64),
    /// An instant: ticks of 100 ns since 1970-01-01T00:00:00Z.
    Instant(i64),
    /// A UUID, in the order in which it is written.
    Uuid([u8; 16]),
    /// What cannot be held exactly; it says what it is.
    Unreadable(Box<str>),
}

/// Values in the order in which they were asked for.
pub type Row = Vec<Value>;

impl Value {
    /// A text.
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::Text(CompactString::new(text))
    }

    /// Whether this is no value.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Something that cannot be held, by its description.
    pub fn unreadable(what: impl Into<String>) -> Self {
        Self::Unreadable(what.into().into_boxed_str())
    }

    /// The whole value as it stands in an id or a path: a text without quotes, bytes in
    /// hexadecimal.
    pub fn bare(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Bytes(bytes) => {
                let digits = bytes.iter().flat_map(|byte| {
                    [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16))
                });
                Cow::Owned("0x".chars().chain(digits.flatten()).collect())
            }
            other => Cow::Owned(other.to_string()),
        }
    }

    /// Bytes that this value takes in memory, about.
    pub fn weight(&self) -> usize {
        let beyond = match self {
            Self::Text(text) if text.is_heap_allocated() => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Unreadable(what) => what.len(),
            _ => 0,
        };
        size_of::<Self>().saturating_add(beyond)
    }
}

/// A float in JSON, which has no NaN and no infinity: as the shortest text that gives it back.
mod float {
    use std::borrow::Cow;

    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde calls it with a reference"
    )]
    pub(super) fn serialize<S: Serializer>(float: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{float:?}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn a_value_takes_four_words() {
        // Pages of rows are made of them: a fifth word would cost a quarter more memory.
        assert_eq!(size_of::<Value>(), 32);
    }

    #[test]
    fn a_float_comes_back_from_its_json_whatever_it_is() {
        for float in [0.1, -0.0, f64::INFINITY, f64::MIN_POSITIVE, 1e300] {
            let json = serde_json::to_string(&Value::Float(float)).expect("json");
            let back: Value = serde_json::from_str(&json).expect(&json);
            assert_eq!(back, Value::Float(float), "{json}");
        }
        let json = serde_json::to_string(&Value::Float(f64::NAN)).expect("json");
        let back: Value = serde_json::from_str(&json).expect(&json);
        assert!(matches!(back, Value::Float(float) if float.is_nan()));
    }
}
