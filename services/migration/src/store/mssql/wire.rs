//! How columns are asked for, and what the driver's cells are.
//!
//! The query casts where the driver would lose something: `money` comes through a float, times as
//! ticks that each reader rounds in its own way, and texts in the code page of their collation.
//! Cast by the server, they are what its own tools show.

use compact_str::CompactString;
use tiberius::ColumnData;

use crate::mapping::Change;
use crate::schema::{ColumnSchema, Type};
use crate::store::Dialect;
use crate::transform::convert;
use crate::value::{Number, Value};

/// The longest that a text without a limit can be declared.
const LONGEST: u32 = 4000;

/// A declared type: its name, and the numbers behind it.
fn parts(native: &str) -> (&str, Vec<u32>) {
    let (name, rest) = native.split_once('(').unwrap_or((native, ""));
    let numbers = rest.trim_end_matches(')').split(',');
    let numbers = numbers.filter_map(|number| number.trim().parse().ok());
    (name, numbers.collect())
}

/// What a column of this type holds.
pub(super) fn kind(native: &str) -> Type {
    let (name, numbers) = parts(native);
    let digits = numbers
        .first()
        .and_then(|digits| u8::try_from(*digits).ok())
        .unwrap_or(7);
    let text = |padded| Type::Text {
        most: numbers.first().copied(),
        padded,
    };
    match name {
        "bit" => Type::Bool,
        "tinyint" => Type::Int {
            least: 0,
            most: 255,
        },
        "smallint" => Type::int(16),
        "int" => Type::int(32),
        "bigint" => Type::int(64),
        "decimal" | "numeric" => Type::Decimal {
            bounds: match numbers.as_slice() {
                [digits, places] => u8::try_from(*digits).ok().zip(u8::try_from(*places).ok()),
                _ => None,
            },
        },
        "money" => Type::Decimal {
            bounds: Some((19, 4)),
        },
        "smallmoney" => Type::Decimal {
            bounds: Some((10, 4)),
        },
        "real" => Type::Float { bits: 32 },
        "float" => Type::Float { bits: 64 },
        "char" | "nchar" => text(true),
        "varchar" | "nvarchar" | "text" | "ntext" | "xml" => text(false),
        "binary" | "varbinary" | "image" | "timestamp" | "rowversion" => Type::Bytes,
        "date" => Type::Date,
        "time" => Type::Time { digits },
        // Ticks of 1/300 s, shown as milliseconds.
        "datetime" => Type::Naive { digits: 3 },
        "smalldatetime" => Type::Naive { digits: 0 },
        "datetime2" => Type::Naive { digits },
        "datetimeoffset" => Type::Instant { digits },
        "uniqueidentifier" => Type::Uuid,
        _ => Type::Unsupported,
    }
}

/// Whether the server orders and tells apart values of this type by value or bytes. Texts it does
/// not, whatever the collation: blanks at the end count for nothing.
pub(super) fn is_ordered(native: &str) -> bool {
    !matches!(
        kind(native),
        Type::Text { .. } | Type::Uuid | Type::Float { .. } | Type::Unsupported
    )
}

/// The columns as a query asks for them.
pub(crate) fn selected(columns: &[ColumnSchema]) -> String {
    let columns: Vec<String> = columns.iter().map(expression).collect();
    columns.join(", ")
}

fn expression(column: &ColumnSchema) -> String {
    let name = Dialect::Mssql.name(&column.name);
    let (native, numbers) = parts(&column.native);
    match native {
        "money" | "smallmoney" => format!("CAST({name} AS decimal(19, 4))"),
        "char" | "varchar" => match numbers.first() {
            Some(most) if *most <= LONGEST => format!("CAST({name} AS nvarchar({most}))"),
            _ => format!("CAST({name} AS nvarchar(max))"),
        },
        "text" | "ntext" | "xml" => format!("CAST({name} AS nvarchar(max))"),
        "image" => format!("CAST({name} AS varbinary(max))"),
        // 2026-01-02
        "date" => format!("CONVERT(varchar(10), {name}, 23)"),
        // 03:04:05.0000000
        "time" => format!("CONVERT(varchar(16), {name}, 121)"),
        // 2026-01-02 03:04:05.003, with up to seven digits.
        "datetime" | "smalldatetime" | "datetime2" => format!("CONVERT(varchar(27), {name}, 121)"),
        // The instant: what offset it was written with is lost.
        "datetimeoffset" => format!(
            "CONVERT(varchar(27), CAST(SWITCHOFFSET({name}, '+00:00') AS datetime2(7)), 121) + 'Z'"
        ),
        _ => name,
    }
}

/// The value of a cell, by what its column is in the database.
pub(super) fn value(cell: &ColumnData<'static>, own: &Type) -> Value {
    let value = match cell {
        ColumnData::Bit(truth) => truth.map(Value::Bool),
        ColumnData::U8(integer) => integer.map(|integer| Value::Int(integer.into())),
        ColumnData::I16(integer) => integer.map(|integer| Value::Int(integer.into())),
        ColumnData::I32(integer) => integer.map(|integer| Value::Int(integer.into())),
        ColumnData::I64(integer) => integer.map(Value::Int),
        ColumnData::F32(float) => float.map(|float| Value::Float(float.into())),
        ColumnData::F64(float) => float.map(Value::Float),
        ColumnData::Guid(id) => id.map(|id| Value::Uuid(id.into_bytes())),
        ColumnData::Binary(bytes) => bytes
            .as_ref()
            .map(|bytes| Value::Bytes(bytes.as_ref().into())),
        ColumnData::String(text) => text.as_ref().map(|text| shown(text, own)),
        ColumnData::Numeric(number) => number.map(|number| {
            Number::new(number.value(), number.scale())
                .map_or_else(|| unreadable(cell), Value::Number)
        }),
        other => Some(unreadable(other)),
    };
    value.unwrap_or(Value::Null)
}

/// A text, or what the server shows as one.
fn shown(text: &str, own: &Type) -> Value {
    let value = Value::Text(CompactString::new(text));
    match own {
        Type::Date | Type::Time { .. } | Type::Naive { .. } | Type::Instant { .. } => {
            convert(&value, own, &Change::default())
                .unwrap_or_else(|why| Value::unreadable(format!("{text}, which {why}")))
        }
        _ => value,
    }
}

/// A value that cannot come over is named by its type and its beginning.
fn unreadable(cell: &ColumnData<'static>) -> Value {
    let shown: String = format!("{cell:?}").chars().take(60).collect();
    Value::unreadable(shown)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use tiberius::numeric::Numeric;

    use super::*;

    fn column(name: &str, native: &str) -> ColumnSchema {
        ColumnSchema {
            name: name.to_owned(),
            kind: kind(native),
            native: native.to_owned(),
            nullable: true,
            optional: false,
            generated: false,
            ordered: is_ordered(native),
        }
    }

    #[test]
    fn a_query_casts_what_the_driver_would_round_or_misread() {
        let columns = [
            column("Id", "int"),
            column("Price]", "money"),
            column("Code", "char(5)"),
            column("Note", "varchar(max)"),
            column("Due", "date"),
            column("At", "datetime"),
            column("Sent", "datetimeoffset(7)"),
        ];
        assert_eq!(
            selected(&columns),
            "[Id], CAST([Price]]] AS decimal(19, 4)), CAST([Code] AS nvarchar(5)), \
             CAST([Note] AS nvarchar(max)), CONVERT(varchar(10), [Due], 23), \
             CONVERT(varchar(27), [At], 121), \
             CONVERT(varchar(27), CAST(SWITCHOFFSET([Sent], '+00:00') AS datetime2(7)), 121) + 'Z'"
        );
    }

    #[test]
    fn a_type_is_known_by_its_declaration() {
        assert_eq!(
            kind("decimal(10,2)"),
            Type::Decimal {
                bounds: Some((10, 2))
            }
        );
        assert_eq!(kind("datetime2(7)"), Type::Naive { digits: 7 });
        assert_eq!(
            kind("nchar(3)"),
            Type::Text {
                most: Some(3),
                padded: true
            }
        );
        assert_eq!(
            kind("nvarchar(max)"),
            Type::Text {
                most: None,
                padded: false
            }
        );
        assert_eq!(kind("sql_variant"), Type::Unsupported);
        assert!(is_ordered("bigint") && is_ordered("datetime2(7)"));
        assert!(!is_ordered("uniqueidentifier") && !is_ordered("nvarchar(5)"));
    }

    #[test]
    fn every_digit_of_a_cell_is_kept() {
        let amount = Numeric::new_with_scale(99_999_999_999_999_999_900_000_000, 10);
        let read = value(&ColumnData::Numeric(Some(amount)), &kind("decimal(38,10)"));
        assert_eq!(read.to_string(), "9999999999999999.99");
        let text = |text: &'static str| ColumnData::String(Some(Cow::Borrowed(text)));
        let padded = value(&text("Łódź "), &kind("nchar(5)"));
        assert_eq!(padded, Value::text("Łódź "));
        for (shown, native, wanted) in [
            (
                "2026-01-02 03:04:05.003",
                "datetime",
                "2026-01-02 03:04:05.003",
            ),
            (
                "0001-01-01 00:00:00.0000001",
                "datetime2(7)",
                "0001-01-01 00:00:00.0000001",
            ),
            (
                "2026-01-02 03:04:05.1234567Z",
                "datetimeoffset(7)",
                "2026-01-02T03:04:05.1234567Z",
            ),
            ("23:59:59.9999999", "time(7)", "23:59:59.9999999"),
            ("9999-12-31", "date", "9999-12-31"),
        ] {
            assert_eq!(value(&text(shown), &kind(native)).to_string(), wanted);
        }
        assert_eq!(value(&ColumnData::Numeric(None), &Type::Bool), Value::Null);
        assert_eq!(
            value(&ColumnData::U8(Some(255)), &kind("tinyint")),
            Value::Int(255)
        );
        let broken = value(&text("99:00"), &kind("time(7)"));
        assert!(matches!(broken, Value::Unreadable(_)), "{broken:?}");
    }
}
