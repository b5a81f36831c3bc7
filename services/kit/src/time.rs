//! Instants of the modern side: UTC, to the millisecond, always shown with all three digits.
//!
//! The legacy side has its own ticks and its own format; it does not use this.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::openapi::{KnownFormat, Object, RefOr, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// An instant, such as `2024-01-02T03:04:05.123Z`.
///
/// Its text has one length, so that a database which keeps it as text sorts it as time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(Timestamp);

impl Millis {
    /// Now, cut to the millisecond: what is answered is what is stored.
    pub fn now() -> Self {
        Self::from(Timestamp::now())
    }

    /// The instant itself.
    pub fn timestamp(self) -> Timestamp {
        self.0
    }

    /// The instant's calendar date in UTC.
    pub fn date(self) -> civil::Date {
        self.0.to_zoned(TimeZone::UTC).date()
    }
}

/// A calendar day, such as `2024-01-02`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Day(pub civil::Date);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Day {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.parse().map(Self)
    }
}

impl PartialSchema for Day {
    fn schema() -> RefOr<Schema> {
        let date = SchemaFormat::KnownFormat(KnownFormat::Date);
        let day = Object::builder().schema_type(Type::String);
        day.format(Some(date)).into()
    }
}

impl ToSchema for Day {}

impl From<Timestamp> for Millis {
    fn from(timestamp: Timestamp) -> Self {
        let cut = Timestamp::from_millisecond(timestamp.as_millisecond());
        Self(cut.unwrap_or(timestamp))
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl FromStr for Millis {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.parse::<Timestamp>().map(Self::from)
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl PartialSchema for Millis {
    fn schema() -> RefOr<Schema> {
        let date_time = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        Object::builder()
            .schema_type(Type::String)
            .format(Some(date_time))
            .description(Some("UTC, to the millisecond"))
            .examples(["2024-01-02T03:04:05.123Z"])
            .into()
    }
}

impl ToSchema for Millis {}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Today in UTC, the day that due dates are measured against.
pub fn today() -> civil::Date {
    Millis::now().date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_always_shows_three_digits_and_utc() {
        let shown = |text: &str| text.parse::<Millis>().unwrap().to_string();
        assert_eq!(shown("2024-01-02T03:04:05Z"), "2024-01-02T03:04:05.000Z");
        assert_eq!(
            shown("2024-01-02T03:04:05.1239+02:00"),
            "2024-01-02T01:04:05.123Z"
        );
    }
}
