//! Turns a legacy row's values into the modern row's. Pure: no database, no clock.

use jiff::civil;

use crate::{
    extract::{LegacyRow, Value},
    mapping::{Column, LEGACY_ZONE, Rule, Table},
};

/// Why a value cannot come over.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{column}: {value} {fault}")]
pub(crate) struct BadValue {
    column: &'static str,
    value: String,
    fault: &'static str,
}

/// A value as an error repeats it; a text of megabytes explains nothing more than its start.
const SHOWN_CHARS: usize = 60;

/// The modern row's values, in the order of the mapping's columns.
pub(crate) fn transform(table: &Table, row: &LegacyRow) -> Result<Vec<Value>, BadValue> {
    table
        .columns
        .iter()
        .zip(&row.values)
        .map(|(column, value)| changed(column, value))
        .collect()
}

fn changed(column: &Column, value: &Value) -> Result<Value, BadValue> {
    let bad = |fault| BadValue {
        column: column.legacy,
        value: shown(value),
        fault,
    };
    Ok(match (column.rule, value) {
        (_, Value::Null) => Value::Null,
        (Rule::Key, Value::Integer(key)) => Value::Text(key.to_string()),
        (Rule::Count, Value::Integer(count)) => Value::Integer(*count),
        (Rule::Money, Value::Integer(hundredths)) => Value::Text(decimal(*hundredths)),
        (Rule::Text, Value::Text(text)) => Value::Text(text.clone()),
        (Rule::Padded, Value::Text(text)) => Value::Text(text.trim_end_matches(' ').to_owned()),
        (Rule::Status, Value::Text(text)) => {
            Value::Text(text.trim_end_matches(' ').to_ascii_uppercase())
        }
        (Rule::Time, Value::Text(text)) => Value::Text(instant(text).map_err(bad)?),
        (Rule::Date, Value::Text(text)) => Value::Text(date(text).map_err(bad)?),
        (Rule::Key | Rule::Count | Rule::Money, _) => return Err(bad("is no integer")),
        (_, _) => return Err(bad("is no text")),
    })
}

fn decimal(hundredths: i64) -> String {
    let sign = if hundredths < 0 { "-" } else { "" };
    let magnitude = hundredths.unsigned_abs();
    format!("{sign}{}.{:02}", magnitude / 100, magnitude % 100)
}

/// The naive time in its declared zone, as an instant with the same digits of a second.
fn instant(text: &str) -> Result<String, &'static str> {
    let naive: civil::DateTime = text.parse().map_err(|_| "is no datetime")?;
    // A datetime counts in 1/300 s, so its milliseconds end in 0, 3 or 7 and nothing follows them.
    let milliseconds = naive.subsec_nanosecond() / 1_000_000;
    if naive.subsec_nanosecond() % 1_000_000 != 0 || !matches!(milliseconds % 10, 0 | 3 | 7) {
        return Err("is not on a tick of datetime");
    }
    let zoned = LEGACY_ZONE.to_ambiguous_zoned(naive).unambiguous();
    let instant = zoned
        .map_err(|_| "names no one instant in the server's zone")?
        .timestamp();
    Ok(format!("{instant:.3}"))
}

fn date(text: &str) -> Result<String, &'static str> {
    let date: civil::Date = text.parse().map_err(|_| "is no date")?;
    Ok(date.to_string())
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Integer(integer) => integer.to_string(),
        Value::Text(text) => {
            let start: String = text.chars().take(SHOWN_CHARS).collect();
            format!("{start:?}")
        }
        Value::Unsupported(kind) => format!("a value of type {kind}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{BadValue, decimal, instant, transform};
    use crate::{
        extract::{LegacyRow, Value},
        mapping::{Column, Rule, Table},
    };

    fn through(rule: Rule, value: Value) -> Result<Value, BadValue> {
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

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn hundredths_become_a_decimal_with_two_places() {
        let shown = [0, 5, -5, 1050, -1050, 9_999_999_999].map(decimal);
        assert_eq!(
            shown,
            ["0.00", "0.05", "-0.05", "10.50", "-10.50", "99999999.99"]
        );
        assert_eq!(decimal(i64::MIN), "-92233720368547758.08");
    }

    #[test]
    fn a_naive_time_keeps_its_digits() {
        assert_eq!(
            instant("2026-01-02 03:04:05.003").unwrap(),
            "2026-01-02T03:04:05.003Z"
        );
        assert_eq!(
            instant("2026-01-02 03:04:05").unwrap(),
            "2026-01-02T03:04:05.000Z"
        );
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
        assert_eq!(through(Rule::Padded, text(" a b  ")).unwrap(), text(" a b"));
        assert_eq!(
            through(Rule::Status, text("paid   ")).unwrap(),
            text("PAID")
        );
        assert_eq!(through(Rule::Text, text("a  ")).unwrap(), text("a  "));
    }

    #[test]
    fn a_value_of_another_type_is_named_in_the_refusal() {
        let error = through(Rule::Money, text("9.01")).unwrap_err().to_string();
        assert_eq!(error, "C: \"9.01\" is no integer");
        let error = through(Rule::Text, Value::Unsupported("BLOB".to_owned())).unwrap_err();
        assert_eq!(error.to_string(), "C: a value of type BLOB is no text");
    }

    #[test]
    fn null_stays_null() {
        assert_eq!(through(Rule::Time, Value::Null).unwrap(), Value::Null);
    }
}
