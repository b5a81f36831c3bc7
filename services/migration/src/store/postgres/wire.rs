//! How each of the server's types travels in `COPY BINARY`, and what it is here.
//!
//! A type that has no form of its own here travels as its text, by a cast in the statement: the
//! server's texts of those types are exact, and it takes them back.

use crate::schema::{ColumnSchema, Type};
use crate::store::Dialect;

/// A form of the binary format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    Bool,
    Int2,
    Int4,
    Int8,
    Numeric,
    Float4,
    Float8,
    /// A text as it is.
    Text,
    /// A version byte and a text.
    Jsonb,
    Bytea,
    Date,
    Time,
    Timestamp,
    Timestamptz,
    Uuid,
}

/// How a column travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    /// Its form.
    pub(super) wire: Wire,
    /// The type that it is cast to for that, where its own form is another.
    pub(super) cast: Option<&'static str>,
}

impl Way {
    /// By the type's name, as `format_type` gives it.
    pub(super) fn of(native: &str) -> Self {
        let plain = |wire| Self { wire, cast: None };
        match base(native).as_str() {
            "boolean" => plain(Wire::Bool),
            "smallint" => plain(Wire::Int2),
            "integer" => plain(Wire::Int4),
            "bigint" => plain(Wire::Int8),
            "numeric" => plain(Wire::Numeric),
            "real" => plain(Wire::Float4),
            "double precision" => plain(Wire::Float8),
            "text" | "character varying" | "bpchar" | "citext" | "name" | "json" => {
                plain(Wire::Text)
            }
            "jsonb" => plain(Wire::Jsonb),
            "bytea" => plain(Wire::Bytea),
            "date" => plain(Wire::Date),
            "time without time zone" => plain(Wire::Time),
            "timestamp without time zone" => plain(Wire::Timestamp),
            "timestamp with time zone" => plain(Wire::Timestamptz),
            "uuid" => plain(Wire::Uuid),
            "oid" => Self {
                wire: Wire::Int8,
                cast: Some("int8"),
            },
            // Its text goes by the session's locale, its number does not.
            "money" => Self {
                wire: Wire::Numeric,
                cast: Some("numeric"),
            },
            _ => Self {
                wire: Wire::Text,
                cast: Some("text"),
            },
        }
    }
}

/// The columns as a statement selects them.
pub(super) fn selected(columns: &[ColumnSchema]) -> String {
    let expression = |(position, column): (usize, &ColumnSchema)| {
        let name = Dialect::Postgres.name(&column.name);
        match Way::of(&column.native).cast {
            // Under its own name, rows would be ordered by what it is cast to.
            Some(cast) => format!("{name}::{cast} AS cutover_{position}"),
            None => name,
        }
    };
    let expressions: Vec<String> = columns.iter().enumerate().map(expression).collect();
    expressions.join(", ")
}

/// The forms of the columns.
pub(super) fn wires(columns: &[ColumnSchema]) -> Vec<Wire> {
    let wire = |column: &ColumnSchema| Way::of(&column.native).wire;
    columns.iter().map(wire).collect()
}

/// What a column of this type holds; `category` is the server's own.
pub(super) fn kind(native: &str, category: &str) -> Type {
    let numbers = numbers(native);
    let digits = match numbers.as_slice() {
        [digits] => u8::try_from(*digits).unwrap_or(6),
        _ => 6,
    };
    let text = |most, padded| Type::Text { most, padded };
    match base(native).as_str() {
        "boolean" => Type::Bool,
        "smallint" => Type::int(16),
        "integer" => Type::int(32),
        "bigint" => Type::int(64),
        "oid" => Type::Int {
            least: 0,
            most: u32::MAX.into(),
        },
        "numeric" => Type::Decimal {
            bounds: bounds(&numbers),
        },
        "money" => Type::Decimal {
            bounds: Some((19, 2)),
        },
        "real" => Type::Float { bits: 32 },
        "double precision" => Type::Float { bits: 64 },
        "character varying" => text(numbers.first().copied(), false),
        "bpchar" => text(numbers.first().copied(), true),
        "text"
        | "citext"
        | "interval"
        | "inet"
        | "cidr"
        | "macaddr"
        | "macaddr8"
        | "bit"
        | "bit varying"
        | "xml"
        | "time with time zone"
        | "tsvector" => text(None, false),
        // One byte less than its place has, and of bytes rather than characters.
        "name" => text(Some(63), false),
        "json" | "jsonb" => Type::Json,
        "bytea" => Type::Bytes,
        "date" => Type::Date,
        "time without time zone" => Type::Time { digits },
        "timestamp without time zone" => Type::Naive { digits },
        "timestamp with time zone" => Type::Instant { digits },
        "uuid" => Type::Uuid,
        // Arrays, composites, enums, ranges, and what an extension says is a string.
        _ if matches!(category, "A" | "C" | "E" | "R" | "S") => text(None, false),
        _ => Type::Unsupported,
    }
}

/// Whether the server orders values of this type by their value or bytes, given that of the
/// column's collation.
pub(super) fn is_ordered(native: &str, by_bytes: bool) -> bool {
    let Way { wire, cast } = Way::of(native);
    let texts = ["text", "character varying", "name"];
    match wire {
        _ if cast.is_some() => false,
        Wire::Text => by_bytes && texts.contains(&base(native).as_str()),
        other => other != Wire::Jsonb,
    }
}

/// The type's name without its modifiers, as a cast names it.
pub(super) fn base(native: &str) -> String {
    let (before, rest) = native.split_once('(').unwrap_or((native, ""));
    let after = rest.split_once(')').map_or("", |(_, after)| after);
    let name = format!("{before}{after}");
    match name.as_str() {
        // Without its length it would have that of one.
        "character" => "bpchar".to_owned(),
        _ => name,
    }
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

/// Of a declared decimal that fits one here; a scale may be negative there, or beyond the digits.
fn bounds(numbers: &[u32]) -> Option<(u8, u8)> {
    let [digits, places] = numbers else {
        return None;
    };
    (*digits <= 38 && places <= digits)
        .then(|| Some((u8::try_from(*digits).ok()?, u8::try_from(*places).ok()?)))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_known_with_and_without_its_modifiers() {
        assert_eq!(base("character varying(20)"), "character varying");
        assert_eq!(
            base("timestamp(3) without time zone"),
            "timestamp without time zone"
        );
        assert_eq!(base("character(5)"), "bpchar");
        assert_eq!(base("character varying(20)[]"), "character varying[]");
        assert_eq!(
            kind("time(3) without time zone", "D"),
            Type::Time { digits: 3 }
        );
        assert_eq!(
            kind("numeric(10,2)", "N"),
            Type::Decimal {
                bounds: Some((10, 2))
            }
        );
        for unbounded in ["numeric", "numeric(40,2)", "numeric(2,-3)", "numeric(2,5)"] {
            assert_eq!(kind(unbounded, "N"), Type::Decimal { bounds: None });
        }
        assert_eq!(kind("point", "G"), Type::Unsupported);
        assert!(matches!(kind("integer[]", "A"), Type::Text { .. }));
    }

    #[test]
    fn what_has_no_form_here_travels_as_its_text() {
        for native in ["integer[]", "interval", "mood", "public.citext", "bit(3)"] {
            assert_eq!(Way::of(native).cast, Some("text"), "{native}");
        }
        assert_eq!(Way::of("money").cast, Some("numeric"));
        assert_eq!(Way::of("character(5)").cast, None);
    }

    #[test]
    fn only_bytes_and_values_are_an_order() {
        assert!(is_ordered("text", true) && is_ordered("uuid", false));
        for native in ["citext", "character(5)", "mood", "jsonb"] {
            assert!(!is_ordered(native, true), "{native}");
        }
        assert!(!is_ordered("text", false));
    }
}
