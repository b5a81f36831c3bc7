//! Date and time as SQL Server's `datetime` has it: server-local, no zone, ticks of 1/300 second.
//!
//! The server's zone is UTC here. Nothing outside this module knows of ticks.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Span, Timestamp, civil, tz::TimeZone};
use serde::{Serialize, Serializer};
use utoipa::openapi::{Object, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

const TICKS_A_SECOND: u32 = 300;
/// No `datetime` is older than the Gregorian calendar in Britain.
const FIRST_YEAR: i16 = 1753;

/// A point on the 1/300 s grid; its milliseconds end in 0, 3 or 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime(civil::DateTime);

/// A text that is no date and time.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is no datetime: {source}")]
pub struct DateTimeError {
    text: String,
    source: jiff::Error,
}

impl DateTime {
    /// What `GETDATE()` says.
    pub fn now() -> Self {
        Self::from_civil(TimeZone::UTC.to_datetime(Timestamp::now()))
    }

    /// The nearest tick.
    pub fn from_civil(exact: civil::DateTime) -> Self {
        let second = exact.with().subsec_nanosecond(0).build().unwrap_or(exact);
        let ticks = (i64::from(exact.subsec_nanosecond()) * 3 + 5_000_000) / 10_000_000;
        // Only the last instant of the year 9999 cannot be rounded up.
        Self(
            second
                .checked_add(SignedDuration::from_millis(milliseconds(ticks)))
                .unwrap_or(second),
        )
    }

    /// What SQL Server sends: days since 1900-01-01, and ticks since midnight. `None` for what no
    /// `datetime` can be.
    pub(crate) fn from_ticks(days: i32, ticks: u32) -> Option<Self> {
        let whole = SignedDuration::from_secs(i64::from(ticks / TICKS_A_SECOND));
        let part = milliseconds(i64::from(ticks % TICKS_A_SECOND));
        let part = SignedDuration::from_millis(part);
        // A time of day ends at midnight, so too many ticks make none.
        let time = civil::Time::midnight().checked_add(whole + part).ok()?;
        let days = Span::new().try_days(days).ok()?;
        let date = civil::date(1900, 1, 1).checked_add(days).ok()?;
        (FIRST_YEAR..)
            .contains(&date.year())
            .then(|| Self(date.to_datetime(time)))
    }

    /// The column's text, whose order is the order of time.
    pub fn stored(self) -> String {
        self.0.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
    }

    /// The calendar day.
    pub fn date(self) -> civil::Date {
        self.0.date()
    }
}

/// A part of a second in ticks, shown to the millisecond.
fn milliseconds(ticks: i64) -> i64 {
    (ticks * 10 + 1) / 3
}

impl FromStr for DateTime {
    type Err = DateTimeError;

    /// Reads what [`DateTime::stored`] wrote.
    fn from_str(text: &str) -> Result<Self, DateTimeError> {
        match text.parse() {
            Ok(exact) => Ok(Self::from_civil(exact)),
            Err(source) => Err(DateTimeError {
                text: text.to_owned(),
                source,
            }),
        }
    }
}

impl fmt::Display for DateTime {
    /// As the API shows it: no zone (quirk `naive-timestamps`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.strftime("%Y-%m-%dT%H:%M:%S%.3f"))
    }
}

impl PartialSchema for DateTime {
    fn schema() -> RefOr<Schema> {
        // No `date-time`: that format has a zone.
        Object::builder()
            .schema_type(Type::String)
            .pattern(Some(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}$"))
            .description(Some(
                "Server-local, without a zone, on ticks of 1/300 second",
            ))
            .examples(["2024-01-02T03:04:05.123"])
            .into()
    }
}

impl ToSchema for DateTime {}

impl Serialize for DateTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::DateTime;

    fn ticked(text: &str) -> String {
        text.parse::<DateTime>().unwrap().to_string()
    }

    #[test]
    fn values_fall_on_ticks_of_a_three_hundredth_second() {
        // The table in SQL Server's documentation of datetime's rounding.
        assert_eq!(ticked("1998-01-01 23:59:59.990"), "1998-01-01T23:59:59.990");
        assert_eq!(ticked("1998-01-01 23:59:59.991"), "1998-01-01T23:59:59.990");
        assert_eq!(ticked("1998-01-01 23:59:59.992"), "1998-01-01T23:59:59.993");
        assert_eq!(ticked("1998-01-01 23:59:59.994"), "1998-01-01T23:59:59.993");
        assert_eq!(ticked("1998-01-01 23:59:59.995"), "1998-01-01T23:59:59.997");
        assert_eq!(ticked("1998-01-01 23:59:59.998"), "1998-01-01T23:59:59.997");
        assert_eq!(ticked("1998-01-01 23:59:59.999"), "1998-01-02T00:00:00.000");
    }

    #[test]
    fn a_stored_value_reads_back_as_itself() {
        let value = "2026-02-28T23:59:59.996".parse::<DateTime>().unwrap();
        assert_eq!(value.stored(), "2026-02-28 23:59:59.997");
        assert_eq!(value.stored().parse::<DateTime>().unwrap(), value);
    }

    #[test]
    fn ticks_of_the_wire_are_the_ticks_of_the_text() {
        let read = |days, ticks| DateTime::from_ticks(days, ticks).map(|time| time.to_string());
        assert_eq!(read(0, 0).unwrap(), "1900-01-01T00:00:00.000");
        assert_eq!(read(-53_690, 1).unwrap(), "1753-01-01T00:00:00.003");
        assert_eq!(
            read(2_958_463, 25_919_999).unwrap(),
            "9999-12-31T23:59:59.997"
        );
        for ticks in 0..300 {
            let time = DateTime::from_ticks(45_000, ticks).unwrap();
            assert_eq!(time.stored().parse::<DateTime>().unwrap(), time);
        }
    }

    #[test]
    fn what_no_datetime_can_be_is_none() {
        for (days, ticks) in [
            (0, 25_920_000),
            (0, u32::MAX),
            (-53_691, 0),
            (2_958_464, 0),
            (i32::MIN, 0),
            (i32::MAX, 0),
        ] {
            assert_eq!(DateTime::from_ticks(days, ticks), None, "{days} {ticks}");
        }
    }

    #[test]
    fn an_error_names_the_text() {
        let error = "yesterday".parse::<DateTime>().unwrap_err().to_string();
        assert!(error.starts_with("\"yesterday\" is no datetime"), "{error}");
    }
}
