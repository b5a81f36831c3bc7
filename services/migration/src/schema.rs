//! Tables as their databases describe them, in words that all databases share.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A table's name, with its schema where one is given: `dbo.Orders`, `orders`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName {
    /// The schema; the connection's own where there is none.
    pub schema: Option<String>,
    /// The table.
    pub name: String,
}

/// A name that is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no table's name: write `orders` or `sales.orders`")]
pub struct BadName(String);

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Type {
    /// A truth value.
    Bool,
    /// An integer within these bounds.
    Int {
        /// The least.
        least: i64,
        /// The greatest.
        most: i64,
    },
    /// An exact decimal number; without bounds where none are declared.
    Decimal {
        /// Digits in all, and those of them behind the point.
        bounds: Option<(u8, u8)>,
    },
    /// A binary floating-point number of so many bits.
    Float {
        /// 32 or 64.
        bits: u8,
    },
    /// Text.
    Text {
        /// Characters at most.
        most: Option<u32>,
        /// Whether it is filled up with blanks, as `char(n)` is.
        padded: bool,
    },
    /// Bytes.
    Bytes,
    /// A calendar date.
    Date,
    /// A time of day.
    Time {
        /// Digits of a second.
        digits: u8,
    },
    /// A date and time without a zone.
    Naive {
        /// Digits of a second.
        digits: u8,
    },
    /// An instant.
    Instant {
        /// Digits of a second.
        digits: u8,
    },
    /// A UUID.
    Uuid,
    /// JSON, as text.
    Json,
    /// What rows are not moved of.
    Unsupported,
}

/// A column.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a property of its own"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnSchema {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: Type,
    /// Its type as the database writes it.
    pub native: String,
    /// Whether it may be null.
    pub nullable: bool,
    /// Whether a row may leave it out: it has a default, or counts by itself.
    pub optional: bool,
    /// Whether the database computes it, so that nothing can be written there.
    pub generated: bool,
    /// Whether the database sorts and compares it as [`crate::value::Key`] does: texts by their
    /// bytes and with regard to case and blanks.
    pub ordered: bool,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSchema {
    /// Its name, with the schema that it was found in.
    pub name: TableName,
    /// Its columns.
    pub columns: Vec<ColumnSchema>,
    /// The columns of its primary key, or else of a unique key without nulls; empty where a row
    /// has no name.
    pub key: Vec<String>,
    /// Rows, about, by the database's own statistics.
    pub rows: Option<u64>,
}

impl TableSchema {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&ColumnSchema> {
        self.columns.iter().find(|column| column.name == name)
    }
}

impl Type {
    /// Integers of so many bits, with a sign.
    pub fn int(bits: u32) -> Self {
        let most = i64::MAX >> 64_u32.saturating_sub(bits.max(1));
        Self::Int {
            least: -most - 1,
            most,
        }
    }

    /// Whether two values of it can be added up.
    pub fn adds_up(&self) -> bool {
        matches!(self, Self::Int { .. } | Self::Decimal { .. })
    }

    /// Whether it can be part of a key: it has an order, and equal values are equal.
    pub fn can_be_key(&self) -> bool {
        !matches!(self, Self::Float { .. } | Self::Json | Self::Unsupported)
    }
}

impl FromStr for TableName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let bad = || BadName(text.to_owned());
        let (schema, name) = match text.split_once('.') {
            Some((schema, name)) => (Some(schema), name),
            None => (None, text),
        };
        let mut parts = schema.into_iter().chain([name]);
        if parts.any(|part| part.is_empty() || part.contains(['.', '\0'])) {
            return Err(bad());
        }
        Ok(Self {
            schema: schema.map(str::to_owned),
            name: name.to_owned(),
        })
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// As a mapping writes it.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Int { .. } => f.write_str("integer"),
            Self::Decimal { bounds: None } => f.write_str("decimal"),
            Self::Decimal {
                bounds: Some((digits, places)),
            } => write!(f, "decimal({digits}, {places})"),
            Self::Float { bits } => write!(f, "float({bits})"),
            Self::Text { .. } => f.write_str("text"),
            Self::Bytes => f.write_str("bytes"),
            Self::Date => f.write_str("date"),
            Self::Time { digits } => write!(f, "time({digits})"),
            Self::Naive { digits } => write!(f, "datetime({digits})"),
            Self::Instant { digits } => write!(f, "instant({digits})"),
            Self::Uuid => f.write_str("uuid"),
            Self::Json => f.write_str("json"),
            Self::Unsupported => f.write_str("unsupported"),
        }
    }
}

/// A type that a mapping cannot declare.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no type: bool, integer, decimal(10, 2), float(64), text, bytes, date, time(6), \
     datetime(6), instant(6), uuid, json"
)]
pub struct BadType(String);

impl FromStr for Type {
    type Err = BadType;

    fn from_str(text: &str) -> Result<Self, BadType> {
        let bad = || BadType(text.to_owned());
        let (name, given) = match text
            .trim()
            .strip_suffix(')')
            .map(|text| text.split_once('('))
        {
            Some(Some((name, given))) => (name.trim(), given),
            Some(None) => return Err(bad()),
            None => (text.trim(), ""),
        };
        let given = given
            .split(',')
            .map(str::trim)
            .filter(|one| !one.is_empty());
        let given: Vec<u8> = given
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|_| bad())?;
        let digits = |most: u8| match given.as_slice() {
            [] => Ok(most.min(6)),
            [digits] if *digits <= most => Ok(*digits),
            _ => Err(bad()),
        };
        Ok(match (name, given.as_slice()) {
            ("bool", []) => Self::Bool,
            ("integer", []) => Self::int(64),
            ("decimal", []) => Self::Decimal { bounds: None },
            ("decimal", [whole, places]) if (1..=38).contains(whole) && places <= whole => {
                Self::Decimal {
                    bounds: Some((*whole, *places)),
                }
            }
            ("float", []) => Self::Float { bits: 64 },
            ("float", [bits @ (32 | 64)]) => Self::Float { bits: *bits },
            ("text", []) => Self::Text {
                most: None,
                padded: false,
            },
            ("bytes", []) => Self::Bytes,
            ("date", []) => Self::Date,
            ("time", _) => Self::Time { digits: digits(7)? },
            ("datetime", _) => Self::Naive { digits: digits(7)? },
            ("instant", _) => Self::Instant { digits: digits(7)? },
            ("uuid", []) => Self::Uuid,
            ("json", []) => Self::Json,
            _ => return Err(bad()),
        })
    }
}

impl Serialize for TableName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TableName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{TableName, Type};

    #[test]
    fn a_type_is_read_as_it_is_shown() {
        for text in [
            "bool",
            "integer",
            "decimal",
            "decimal(10, 2)",
            "float(32)",
            "text",
            "bytes",
            "date",
            "time(3)",
            "datetime(7)",
            "instant(3)",
            "uuid",
            "json",
        ] {
            let kind: Type = text.parse().expect(text);
            assert_eq!(kind.to_string(), text);
        }
        for text in [
            "",
            "money",
            "decimal(2, 10)",
            "instant(8)",
            "text(",
            "float(16)",
            "decimal(,)x",
        ] {
            assert!(text.parse::<Type>().is_err(), "{text}");
        }
    }

    #[test]
    fn integers_are_bounded_by_their_bits() {
        assert_eq!(
            Type::int(16),
            Type::Int {
                least: -32768,
                most: 32767
            }
        );
        assert_eq!(
            Type::int(64),
            Type::Int {
                least: i64::MIN,
                most: i64::MAX
            }
        );
    }

    #[test]
    fn a_name_has_at_most_one_schema() {
        let name: TableName = "dbo.Orders".parse().expect("a name");
        assert_eq!(
            (name.schema.as_deref(), name.name.as_str()),
            (Some("dbo"), "Orders")
        );
        for text in ["", ".", "a.", ".b", "a.b.c"] {
            assert!(text.parse::<TableName>().is_err(), "{text}");
        }
    }
}
