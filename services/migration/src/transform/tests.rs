//! What becomes of values, and which are refused.

use super::{Reading, Step, Taken, transform};
use crate::mapping::{Case, Change, Compare, Otherwise, Trim};
use crate::schema::Type;
use crate::value::{Value, time};

fn step(kind: &str, change: Change) -> Step {
    Step {
        to: "c".to_owned(),
        from: "C".to_owned(),
        reading: Reading::At(0),
        change,
        kind: kind.parse().expect(kind),
        names: None,
        nullable: true,
        compare: Compare::default(),
    }
}

fn through(kind: &str, change: Change, value: Value) -> Result<String, String> {
    let row = transform(&[step(kind, change)], &[value]);
    row.map(|row| row[0].to_string())
        .map_err(|bad| bad.to_string())
}

fn plain(kind: &str, value: Value) -> Result<String, String> {
    through(kind, Change::default(), value)
}

fn utc() -> Change {
    Change {
        zone: Some(jiff::tz::TimeZone::UTC),
        ..Change::default()
    }
}

fn of_datetime() -> Change {
    Change {
        ticks: true,
        ..utc()
    }
}

#[test]
fn an_integer_of_units_becomes_an_exact_amount() {
    let cents = || Change {
        units: Some(2),
        ..Change::default()
    };
    let amount = |units| through("decimal(10, 2)", cents(), Value::Int(units));
    assert_eq!(amount(5), Ok("0.05".to_owned()));
    assert_eq!(amount(-9_999_999_999), Ok("-99999999.99".to_owned()));
    assert_eq!(
        amount(10_000_000_000),
        Err("C: 10000000000 does not fit decimal(10, 2)".to_owned())
    );
}

#[test]
fn a_number_is_rounded_only_where_that_is_asked_for() {
    let number = || Value::Number("0.005".parse().expect("a number"));
    assert_eq!(
        plain("decimal(10, 2)", number()),
        Err("C: 0.005 has more than 2 places".to_owned())
    );
    let round = Change {
        round: true,
        ..Change::default()
    };
    assert_eq!(
        through("decimal(10, 2)", round, number()),
        Ok("0.01".to_owned())
    );
    assert_eq!(
        plain("decimal(10, 2)", Value::Float(9.01)),
        Err("C: 9.01 is a float, which is not exact".to_owned())
    );
}

#[test]
fn a_naive_time_becomes_an_instant_in_its_declared_zone() {
    let text = |text| Value::text(text);
    assert_eq!(
        through("instant(3)", of_datetime(), text("2026-01-02 03:04:05.003")),
        Ok("2026-01-02T03:04:05.003Z".to_owned())
    );
    let berlin = Change {
        zone: Some(jiff::tz::TimeZone::get("Europe/Berlin").expect("a zone")),
        ..Change::default()
    };
    assert_eq!(
        through("instant(3)", berlin.clone(), text("2026-07-02 03:04:05")),
        Ok("2026-07-02T01:04:05Z".to_owned())
    );
    assert_eq!(
        through("instant(3)", berlin, text("2026-10-25 02:30:00")),
        Err("C: \"2026-10-25 02:30:00\" names no one instant in Europe/Berlin".to_owned())
    );
    assert_eq!(
        plain("instant(3)", text("2026-01-02 03:04:05")),
        Err("C: \"2026-01-02 03:04:05\" has no zone, and none is declared".to_owned())
    );
    assert_eq!(
        plain("instant(3)", text("2026-01-02T03:04:05+01:00")),
        Ok("2026-01-02T02:04:05Z".to_owned())
    );
}

#[test]
fn a_datetime_is_the_same_tick_however_it_was_read() {
    for shown in [
        "2026-01-02 03:04:05.003",
        "2026-01-02 03:04:05.0033333",
        "2026-01-02 03:04:05.003333",
    ] {
        assert_eq!(
            through("datetime(7)", of_datetime(), Value::text(shown)),
            Ok("2026-01-02 03:04:05.003".to_owned()),
            "{shown}"
        );
    }
    assert_eq!(
        through(
            "datetime(7)",
            of_datetime(),
            Value::text("2026-01-02 03:04:05.0066667")
        ),
        Ok("2026-01-02 03:04:05.007".to_owned())
    );
    for text in ["2026-01-02 03:04:05.001", "2026-01-02 03:04:05.0030001"] {
        let refused = through("datetime(7)", of_datetime(), Value::text(text));
        assert!(
            refused.is_err_and(|why| why.contains("is not on a tick of datetime")),
            "{text}"
        );
    }
}

#[test]
fn finer_times_than_the_column_keeps_are_rounded_by_one_rule() {
    let naive = Value::text("2026-01-02 03:04:05.1234565");
    assert_eq!(
        plain("datetime(6)", naive),
        Ok("2026-01-02 03:04:05.123457".to_owned())
    );
}

#[test]
fn texts_are_trimmed_then_cased_then_mapped() {
    let change = |otherwise| Change {
        trim: Trim::End,
        case: Some(Case::Lower),
        map: vec![("pending".to_owned(), "PENDING".to_owned())],
        null_if: vec!["n/a".to_owned()],
        otherwise,
        ..Change::default()
    };
    let refused = |text| through("text", change(Otherwise::Refuse), Value::text(text));
    assert_eq!(refused("Pending  "), Ok("\"PENDING\"".to_owned()));
    assert_eq!(refused("n/a "), Ok("null".to_owned()));
    assert_eq!(
        refused("new"),
        Err("C: \"new\" is not in the column's map".to_owned())
    );
    assert_eq!(
        through("text", change(Otherwise::Keep), Value::text("New")),
        Ok("\"new\"".to_owned())
    );
    let other = Otherwise::Become("OTHER".to_owned());
    assert_eq!(
        through("text", change(other), Value::text("New")),
        Ok("\"OTHER\"".to_owned())
    );
}

#[test]
fn columns_are_joined_and_split() {
    let mut joined = step("text", Change::default());
    joined.reading = Reading::Joined(vec![0, 1, 2], " ".to_owned());
    let mut second = step("text", Change::default());
    second.reading = Reading::Part(0, "-".to_owned(), 1);
    let row = [Value::text("a-b"), Value::Null, Value::Int(7)];
    let row = transform(&[joined, second], &row).expect("a row");
    assert_eq!(row, [Value::text("a-b 7"), Value::text("b")]);
}

#[test]
fn a_generated_id_is_the_same_wherever_the_row_is_named() {
    let mut id = step("uuid", Change::default());
    id.reading = Reading::Generated("order".to_owned(), vec![0]);
    let reference = step(
        "text",
        Change {
            id_of: Some("order".to_owned()),
            ..Change::default()
        },
    );
    let row = transform(&[id, reference], &[Value::Int(17)]).expect("a row");
    assert_eq!(row[0].to_string(), row[1].to_string().trim_matches('"'));
    let other = super::generated("invoice", "17");
    assert_ne!(row[0].to_string(), other.to_string());
}

#[test]
fn null_stays_null_and_is_refused_where_the_column_takes_none() {
    assert_eq!(plain("instant(3)", Value::Null), Ok("null".to_owned()));
    let mut strict = step("text", Change::default());
    strict.nullable = false;
    let refused = transform(&[strict], &[Value::Null]).expect_err("a refusal");
    assert_eq!(refused.to_string(), "C: null cannot be null in c");
}

#[test]
fn a_value_that_the_type_cannot_hold_is_named_in_the_refusal() {
    for (kind, value, fault) in [
        ("integer", Value::text("1.5"), "is no integer"),
        ("uuid", Value::text("x"), "is no UUID"),
        ("date", Value::text("2026-02-30"), "is no date"),
        ("date", Value::text("2026-01-02 00:00:00"), "is no date"),
        ("bool", Value::Int(2), "is neither true nor false"),
        (
            "text",
            Value::Bytes([1].into()),
            "is a sequence of bytes, and no text",
        ),
        (
            "text",
            Value::unreadable("a geometry"),
            "cannot be read exactly",
        ),
    ] {
        let refused = plain(kind, value).expect_err(kind);
        assert!(refused.ends_with(fault), "{refused}");
    }
}

#[test]
fn a_key_s_value_that_others_would_become_too_is_refused() {
    let named = |from: &str, kind: &str, change: Change, value: Value| {
        let step = Step {
            names: Some(from.parse().expect(from)),
            ..step(kind, change)
        };
        transform(&[step], &[value]).map(|row| row[0].to_string())
    };
    let text = |kind, value| named("text", kind, Change::default(), Value::text(value));
    assert_eq!(text("integer", "17"), Ok("17".to_owned()));
    for (kind, value) in [
        ("integer", "017"),
        ("integer", "+17"),
        ("bool", "yes"),
        ("decimal(5, 2)", "1.50"),
        ("uuid", "6BA25C4B-6A1C-5D0E-9D5C-3A3B0C7511E2"),
        ("uuid", "6ba25c4b6a1c5d0e9d5c3a3b0c7511e2"),
    ] {
        let bad = text(kind, value).map_err(|bad| bad.to_string());
        assert!(
            bad.as_ref()
                .is_err_and(|bad| bad.contains("cannot be the key")),
            "{value}: {bad:?}"
        );
    }
    // Capitals may be what the source writes; then small letters are not.
    let upper = || Change {
        case: Some(Case::Upper),
        ..Change::default()
    };
    let id = "6BA25C4B-6A1C-5D0E-9D5C-3A3B0C7511E2";
    assert!(named("text", "uuid", upper(), Value::text(id)).is_ok());
    assert!(named("text", "uuid", upper(), Value::text(id.to_lowercase())).is_err());
    // Digits of a second that the target does not keep.
    let time = |ticks| named("datetime(7)", "datetime(3)", utc(), Value::Naive(ticks));
    assert!(time(30_000).is_ok());
    assert!(time(30_001).is_err());
    // A tick of 1/300 s is one value, however it is read.
    let tick = |ticks| {
        named(
            "datetime(7)",
            "datetime(3)",
            of_datetime(),
            Value::Naive(ticks),
        )
    };
    assert_eq!(tick(33_333), tick(33_330));
    assert!(tick(33_333).is_ok());
}

#[test]
fn different_keys_make_different_ids() {
    let made = |row: &[Value]| {
        let step = Step {
            reading: Reading::Generated("order".to_owned(), vec![0, 1]),
            ..step("uuid", Change::default())
        };
        transform(&[step], row).expect("an id")
    };
    let one = made(&[Value::text("a,b"), Value::text("c")]);
    let two = made(&[Value::text("a"), Value::text("b,c")]);
    assert_ne!(one, two);
}

#[test]
fn a_row_that_is_taken_over_is_what_its_steps_make_of_it() {
    let values = [
        Value::Null,
        Value::Bool(true),
        Value::Int(7),
        Value::Int(1 << 40),
        Value::Number("10.505".parse().expect("a number")),
        Value::Number("10.50".parse().expect("a number")),
        Value::Number("1234567".parse().expect("a number")),
        Value::Float(0.1),
        Value::text("abc "),
        Value::text("a text that is longer than some columns are"),
        Value::Bytes([1, 2].into()),
        Value::Date(5),
        Value::Time(12_345_678),
        Value::Naive(12_345_678),
        Value::Instant(12_345_670),
        Value::Uuid([7; 16]),
        Value::unreadable("what it is"),
    ];
    let kinds = [
        "bool",
        "integer",
        "decimal",
        "decimal(5, 2)",
        "float(32)",
        "float(64)",
        "text",
        "bytes",
        "date",
        "time(6)",
        "datetime(3)",
        "datetime(7)",
        "instant(6)",
        "uuid",
        "json",
    ];
    let changes = [Change::default(), utc(), of_datetime()];
    let mut taken = 0;
    for kind in kinds {
        for (change, nullable) in changes.iter().zip([true, false, true]) {
            let mut step = step(kind, change.clone());
            step.nullable = nullable;
            match &mut step.kind {
                Type::Int { least, most } => (*least, *most) = (0, 1 << 31),
                Type::Text { most, .. } => *most = Some(10),
                _ => {}
            }
            let other = Step {
                reading: Reading::At(1),
                ..self::step("integer", Change::default())
            };
            for steps in [[step.clone(), other.clone()], [other, step]] {
                for value in &values {
                    let row = vec![value.clone(), values[2].clone()];
                    if let Ok(over) = Taken::of(&steps).over(&steps, row.clone()) {
                        assert_eq!(transform(&steps, &row), Ok(over), "{kind}: {value}");
                        taken += 1;
                    }
                }
            }
        }
    }
    assert!(taken > 10, "{taken} were taken over");
}

#[test]
fn nothing_leaves_what_its_column_holds_unasked() {
    // 9999-12-31 23:59:59.9999999, which SQL Server writes for a row that is still valid.
    let last = time::ticks(jiff::civil::date(9999, 12, 31).at(23, 59, 59, 999_999_900));
    assert!(plain("datetime(7)", Value::Naive(last)).is_ok());
    for (kind, value) in [
        ("datetime(6)", Value::Naive(last)),
        ("instant(3)", Value::Instant(last)),
        ("float(32)", Value::Float(1e300)),
        ("float(32)", Value::Float(0.1)),
        ("float(32)", Value::text("1e300")),
        ("float(64)", Value::text("1e999")),
    ] {
        let refused = plain(kind, value.clone());
        assert!(refused.is_err(), "{kind} {value}: {refused:?}");
    }
    for (value, becomes) in [
        (Value::Float(0.5), "0.5"),
        (Value::Float(f64::INFINITY), "inf"),
        (Value::Float(f64::NAN), "NaN"),
        (Value::text("0.1"), "0.10000000149011612"),
    ] {
        assert_eq!(plain("float(32)", value), Ok(becomes.to_owned()));
    }
    let round = Change {
        round: true,
        ..Change::default()
    };
    let rounded = through("float(32)", round, Value::Float(0.1));
    assert_eq!(rounded, Ok("0.10000000149011612".to_owned()));
}
