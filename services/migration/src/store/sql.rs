//! SQL in each database's dialect: names and literals here, conditions on keys and statements that
//! write in rooms of their own.
//!
//! Values are written into statements as literals, since `COPY` takes no parameters and one way
//! is enough. A literal holds any value that a row can hold, quotes, backslashes and controls
//! included, whatever the session's settings: where there is a doubt, it is in hexadecimal.

mod condition;
mod statement;

use std::fmt::Write as _;

pub use condition::NoBound;

use super::Select;
use crate::schema::{ColumnSchema, TableName, Type};
use crate::value::{Value, time};

/// Which SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `SQLite`.
    Sqlite,
    /// `PostgreSQL`, with `standard_conforming_strings` on.
    Postgres,
    /// `MySQL` and `MariaDB`.
    Mysql,
    /// SQL Server.
    Mssql,
}

impl Dialect {
    /// A name, quoted.
    pub fn name(self, name: &str) -> String {
        match self {
            Self::Sqlite | Self::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
            Self::Mysql => format!("`{}`", name.replace('`', "``")),
            Self::Mssql => format!("[{}]", name.replace(']', "]]")),
        }
    }

    /// A table's name, quoted.
    pub fn table(self, table: &TableName) -> String {
        match &table.schema {
            Some(schema) => format!("{}.{}", self.name(schema), self.name(&table.name)),
            None => self.name(&table.name),
        }
    }

    /// Names of columns, quoted, in a list.
    pub fn names<'c>(self, columns: impl IntoIterator<Item = &'c ColumnSchema>) -> String {
        let names: Vec<String> = columns
            .into_iter()
            .map(|column| self.name(&column.name))
            .collect();
        names.join(", ")
    }

    /// A value as it stands in a statement, for a column: the store keeps some kinds as texts.
    pub fn literal(self, value: &Value, column: &ColumnSchema) -> String {
        match value {
            Value::Null | Value::Unreadable(_) => "NULL".to_owned(),
            Value::Bool(truth) => match self {
                Self::Postgres => truth.to_string(),
                _ => u8::from(*truth).to_string(),
            },
            Value::Int(integer) => integer.to_string(),
            Value::Number(number) if self == Self::Sqlite => {
                // SQLite has no exact decimal, so such a column is of text, or of integers.
                match (&column.kind, column.native.as_str()) {
                    (
                        Type::Decimal {
                            bounds: Some((_, places)),
                        },
                        "TEXT",
                    ) => self.text(&format!("{number:.*}", usize::from(*places))),
                    (_, "TEXT") => self.text(&number.to_string()),
                    _ => number.to_string(),
                }
            }
            Value::Number(number) => number.to_string(),
            Value::Float(float) => self.float(*float),
            Value::Text(text) => match self {
                // Compared with a text of the other type, a column would be converted, and no
                // index would serve.
                Self::Mssql if column.native.starts_with(['c', 'v']) => {
                    format!("CAST({} AS varchar(8000))", self.text(text))
                }
                _ => self.text(text),
            },
            Value::Bytes(bytes) => self.bytes(bytes),
            Value::Date(_) => self.typed("date", &value.to_string()),
            Value::Time(ticks) => {
                let shown = time::show_time(*ticks, digits(&column.kind));
                self.typed("time", &shown)
            }
            Value::Naive(ticks) => match self {
                Self::Mssql => self.text(&time::show_naive(*ticks, 'T', digits(&column.kind))),
                _ => self.typed(
                    "timestamp",
                    &time::show_naive(*ticks, ' ', digits(&column.kind)),
                ),
            },
            Value::Instant(ticks) => {
                let shown = time::show_naive(*ticks, 'T', digits(&column.kind));
                match self {
                    // A MySQL session of ours is in UTC, and its literals have no zone.
                    Self::Mysql => self.typed("timestamp", &shown.replace('T', " ")),
                    Self::Postgres => self.typed("timestamptz", &format!("{shown}Z")),
                    _ => self.text(&format!("{shown}Z")),
                }
            }
            Value::Uuid(_) => self.typed("uuid", &value.to_string()),
        }
    }

    /// The literal, where the database has literals of types; elsewhere a text that it converts.
    fn typed(self, kind: &str, text: &str) -> String {
        match self {
            Self::Postgres => format!("'{text}'::{kind}"),
            Self::Mysql if kind == "timestamp" => format!("TIMESTAMP'{text}'"),
            _ => self.text(text),
        }
    }

    fn float(self, float: f64) -> String {
        match self {
            Self::Postgres => format!("'{float}'::float8"),
            _ if float.is_finite() => format!("{float:e}"),
            // SQLite has infinity, and no word for it but a number that is too large.
            _ if float > 0.0 => "9e999".to_owned(),
            _ if float < 0.0 => "-9e999".to_owned(),
            // SQLite refuses a row with it before, and no other is written to by literals.
            _ => "NULL".to_owned(),
        }
    }

    /// A text as it stands in a statement.
    pub(crate) fn text(self, text: &str) -> String {
        let plain = !text.contains(['\0', '\\']);
        match self {
            Self::Postgres => format!("'{}'", text.replace('\'', "''")),
            Self::Sqlite if plain => format!("'{}'", text.replace('\'', "''")),
            Self::Sqlite => format!("CAST(X'{}' AS TEXT)", hex(text.as_bytes())),
            // A backslash may or may not escape there.
            Self::Mysql => format!("_utf8mb4 X'{}'", hex(text.as_bytes())),
            Self::Mssql => format!("N'{}'", text.replace('\'', "''")),
        }
    }

    fn bytes(self, bytes: &[u8]) -> String {
        match self {
            Self::Postgres => format!("'\\x{}'::bytea", hex(bytes)),
            Self::Mssql => format!("0x{}", hex(bytes)),
            Self::Sqlite | Self::Mysql => format!("X'{}'", hex(bytes)),
        }
    }

    /// The key's columns, in a list to order by.
    pub fn order(self, select: &Select) -> String {
        self.names(select.key_columns())
    }
}

/// Digits of a second with which a column keeps times.
fn digits(kind: &Type) -> u8 {
    match kind {
        Type::Time { digits } | Type::Naive { digits } | Type::Instant { digits } => *digits,
        _ => 7,
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02X}");
    }
    hex
}

#[cfg(test)]
mod tests;
