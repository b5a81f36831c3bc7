//! Turns a legacy row's values into the modern row's. Pure: no database, no clock.

use jiff::{Timestamp, civil};
use rust_decimal::Decimal;

use crate::{
    mapping::{Column, LEGACY_ZONE, Rule, Table},
    value::{LegacyRow, LegacyValue, ModernValue},
};

/// Why a value cannot come over.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{column}: {value} {fault}")]
pub(crate) struct BadValue {
    column: &'static str,
    value: String,
    fault: &'static str,
}

/// Decimal places of a modern amount, which is a `numeric(10, 2)`.
const PLACES: u32 = 2;
/// The first amount that has too many digits.
const TOO_LARGE: Decimal = Decimal::from_parts(100_000_000, 0, 0, false, 0);

/// A value as an error repeats it; a text of megabytes explains nothing more than its start.
const SHOWN_CHARS: usize = 60;

/// The modern row's values, in the order of the mapping's columns.
pub(crate) fn transform(table: &Table, row: &LegacyRow) -> Result<Vec<ModernValue>, BadValue> {
    table
        .columns
        .iter()
        .zip(&row.values)
        .map(|(column, value)| changed(column, value))
        .collect()
}

fn changed(column: &Column, value: &LegacyValue) -> Result<ModernValue, BadValue> {
    use LegacyValue as Legacy;
    use ModernValue as Modern;
    let bad = |fault| BadValue {
        column: column.legacy,
        value: shown(value),
        fault,
    };
    Ok(match (column.rule, value) {
        (_, Legacy::Null) => Modern::Null,
        (Rule::Key, Legacy::Integer(key)) => Modern::Text(key.to_string()),
        (Rule::Count, Legacy::Integer(count)) => Modern::Count(*count),
        (Rule::Money, Legacy::Integer(hundredths)) => {
            Modern::Amount(amount(Decimal::new(*hundredths, PLACES)).map_err(bad)?)
        }
        (Rule::Money, Legacy::Decimal(exact)) => Modern::Amount(amount(*exact).map_err(bad)?),
        (Rule::Text, Legacy::Text(text)) => Modern::Text(text.clone()),
        (Rule::Padded, Legacy::Text(text)) => Modern::Text(text.trim_end_matches(' ').to_owned()),
        (Rule::Status, Legacy::Text(text)) => {
            Modern::Text(text.trim_end_matches(' ').to_ascii_uppercase())
        }
        (Rule::Time, Legacy::Text(text)) => Modern::Instant(instant(text).map_err(bad)?),
        (Rule::Date, Legacy::Text(text)) => Modern::Date(date(text).map_err(bad)?),
        (Rule::Key | Rule::Count, _) => return Err(bad("is no integer")),
        (Rule::Money, _) => return Err(bad("is no amount")),
        (_, _) => return Err(bad("is no text")),
    })
}

/// The amount with two places, neither of which is rounded.
fn amount(exact: Decimal) -> Result<Decimal, &'static str> {
    let mut amount = exact;
    amount.rescale(PLACES);
    if amount != exact {
        return Err("has parts of a cent");
    }
    if amount.abs() >= TOO_LARGE {
        return Err("does not fit numeric(10,2)");
    }
    Ok(amount)
}

/// The naive time in its declared zone, as an instant with the same digits of a second.
fn instant(text: &str) -> Result<Timestamp, &'static str> {
    let naive: civil::DateTime = text.parse().map_err(|_| "is no datetime")?;
    // A datetime counts in 1/300 s, so its milliseconds end in 0, 3 or 7 and nothing follows them.
    let milliseconds = naive.subsec_nanosecond() / 1_000_000;
    if naive.subsec_nanosecond() % 1_000_000 != 0 || !matches!(milliseconds % 10, 0 | 3 | 7) {
        return Err("is not on a tick of datetime");
    }
    let zoned = LEGACY_ZONE.to_ambiguous_zoned(naive).unambiguous();
    zoned
        .map(|zoned| zoned.timestamp())
        .map_err(|_| "names no one instant in the server's zone")
}

fn date(text: &str) -> Result<civil::Date, &'static str> {
    text.parse().map_err(|_| "is no date")
}

fn shown(value: &LegacyValue) -> String {
    match value {
        LegacyValue::Null => "null".to_owned(),
        LegacyValue::Integer(integer) => integer.to_string(),
        LegacyValue::Decimal(decimal) => decimal.normalize().to_string(),
        LegacyValue::Text(text) => {
            let start: String = text.chars().take(SHOWN_CHARS).collect();
            format!("{start:?}")
        }
        LegacyValue::Unsupported(kind) => format!("a value of type {kind}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{BadValue, amount, instant, transform};
    use crate::{
        mapping::{Column, Rule, Table},
        value::{LegacyRow, LegacyValue, ModernValue},
    };

    fn through(rule: Rule, value: LegacyValue) -> Result<ModernValue, BadValue> {
        let columns: &'static [Column] = Box::leak(Box::new([Column {
            legacy: "C",
            modern: "c",
            rule,
        }]));
        let table = Table {
            legacy: "T",
            modern: "t",
            columns,
        };
        let row = LegacyRow {
            key: 1,
            values: vec![value],
        };
        transform(&table, &row).map(|mut values| values.remove(0))
    }

    fn text(text: &str) -> LegacyValue {
        LegacyValue::Text(text.to_owned())
    }

    fn became(text: &str) -> ModernValue {
        ModernValue::Text(text.to_owned())
    }

    #[test]
    fn hundredths_become_an_amount_with_two_places() {
        for (hundredths, expected) in [
            (0, "0.00"),
            (5, "0.05"),
            (-5, "-0.05"),
            (1050, "10.50"),
            (-9_999_999_999, "-99999999.99"),
        ] {
            let amount = through(Rule::Money, LegacyValue::Integer(hundredths)).unwrap();
            let ModernValue::Amount(amount) = amount else {
                panic!("{amount:?} is no amount");
            };
            assert_eq!(amount.to_string(), expected);
        }
    }

    #[test]
    fn a_decimal_becomes_an_amount_unless_that_would_round_it() {
        let shown = |text: &str| amount(text.parse().unwrap()).map(|amount| amount.to_string());
        assert_eq!(shown("10.5000000000"), Ok("10.50".to_owned()));
        assert_eq!(shown("-3"), Ok("-3.00".to_owned()));
        assert_eq!(shown("0.0050"), Err("has parts of a cent"));
        assert_eq!(shown("100000000"), Err("does not fit numeric(10,2)"));
        assert_eq!(
            shown("-9999999999999999.99"),
            Err("does not fit numeric(10,2)")
        );
    }

    #[test]
    fn a_naive_time_keeps_its_digits() {
        for (naive, expected) in [
            ("2026-01-02 03:04:05.003", "2026-01-02T03:04:05.003Z"),
            ("2026-01-02 03:04:05", "2026-01-02T03:04:05Z"),
            ("2026-01-02 03:04:05.9970000", "2026-01-02T03:04:05.997Z"),
        ] {
            assert_eq!(instant(naive).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn a_time_that_no_datetime_holds_is_refused() {
        for text in ["", "soon", "2026-02-30 00:00:00", "2026-01-02 03:04:05.001"] {
            assert!(instant(text).is_err(), "{text}");
        }
        assert!(instant("2026-01-02 03:04:05.0033333").is_err());
    }

    #[test]
    fn padding_goes_and_other_blanks_stay() {
        let through = |rule, value| through(rule, text(value)).unwrap();
        assert_eq!(through(Rule::Padded, " a b  "), became(" a b"));
        assert_eq!(through(Rule::Status, "paid   "), became("PAID"));
        assert_eq!(through(Rule::Text, "a  "), became("a  "));
    }

    #[test]
    fn a_value_of_another_type_is_named_in_the_refusal() {
        let refusal = |rule, value| through(rule, value).unwrap_err().to_string();
        let float = LegacyValue::Unsupported("F64(Some(9.01))".to_owned());
        assert_eq!(
            refusal(Rule::Money, text("9.01")),
            "C: \"9.01\" is no amount"
        );
        assert_eq!(
            refusal(Rule::Text, float),
            "C: a value of type F64(Some(9.01)) is no text"
        );
    }

    #[test]
    fn null_stays_null() {
        let null = through(Rule::Time, LegacyValue::Null).unwrap();
        assert_eq!(null, ModernValue::Null);
    }
}
