//! SQL in each database's dialect: names, literals, and conditions on keys.
//!
//! Values are written into statements as literals, since `COPY` takes no parameters and one way
//! is enough. A literal holds any value that a row can hold, quotes, backslashes and controls
//! included, whatever the session's settings: where there is a doubt, it is in hexadecimal.

use std::fmt::Write as _;

use super::{Change, Destination, Range, Select};
use crate::schema::{ColumnSchema, TableName, Type};
use crate::value::{Key, Row, Value, time};

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

    /// The condition that a row lies in a range and meets the filter; an error where no condition
    /// can be about a bound.
    pub fn within(self, select: &Select, range: &Range) -> Result<String, NoBound> {
        let mut condition = select
            .filter
            .as_ref()
            .map_or_else(String::new, |filter| format!("({filter})"));
        for (bound, key) in [(Bound::After, &range.after), (Bound::Until, &range.until)] {
            if let Some(key) = key {
                if !condition.is_empty() {
                    condition.push_str(" AND ");
                }
                if !self.can_find(key) {
                    let key = key.to_string();
                    return Err(NoBound { key });
                }
                condition.push_str(&self.bounded(select, bound, key));
            }
        }
        if condition.is_empty() {
            "1 = 1".clone_into(&mut condition);
        }
        Ok(condition)
    }

    /// Whether a condition can be about this key: each of its values is known, and can be there.
    fn can_find(self, key: &Key) -> bool {
        let nul = |value: &Value| matches!(value, Value::Text(text) if text.contains('\0'));
        key.is_known() && (self != Self::Postgres || !key.0.iter().any(nul))
    }

    /// Those of the keys that a row can be under, as far as a condition can tell.
    pub fn findable(self, keys: &[Key]) -> Vec<&Key> {
        keys.iter().filter(|key| self.can_find(key)).collect()
    }

    /// `(a, b) > (1, 2)`; spelled out for databases that have no such comparison, or none that an
    /// index serves.
    fn bounded(self, select: &Select, bound: Bound, key: &Key) -> String {
        let terms: Vec<(String, String)> = select
            .key_columns()
            .zip(&key.0)
            .map(|(column, value)| (self.name(&column.name), self.literal(value, column)))
            .collect();
        let (strict, last) = match bound {
            Bound::After => (">", ">"),
            Bound::Until => ("<", "<="),
        };
        if let [(name, literal)] = terms.as_slice() {
            return format!("{name} {last} {literal}");
        }
        if matches!(self, Self::Postgres | Self::Sqlite) {
            let (names, literals): (Vec<_>, Vec<_>) = terms.into_iter().unzip();
            return format!("({}) {last} ({})", names.join(", "), literals.join(", "));
        }
        let mut condition = String::new();
        for (position, (name, literal)) in terms.iter().enumerate() {
            if position > 0 {
                condition.push_str(" OR ");
            }
            condition.push('(');
            for (name, literal) in terms.iter().take(position) {
                // Writing to a string cannot fail.
                let _ = write!(condition, "{name} = {literal} AND ");
            }
            let operator = if position + 1 == terms.len() {
                last
            } else {
                strict
            };
            let _ = write!(condition, "{name} {operator} {literal})");
        }
        format!("({condition})")
    }

    /// The condition that a row is under one of these keys, and meets the filter. No row is under a
    /// key that no condition can be about.
    pub fn among(self, select: &Select, keys: &[Key]) -> String {
        let keys = self.findable(keys);
        if keys.is_empty() {
            return "1 = 0".to_owned();
        }
        let columns: Vec<&ColumnSchema> = select.key_columns().collect();
        let condition = if let [column] = columns.as_slice() {
            let literals = keys
                .iter()
                .filter_map(|key| key.0.first())
                .map(|value| self.literal(value, column));
            let literals: Vec<String> = literals.collect();
            format!("{} IN ({})", self.name(&column.name), literals.join(", "))
        } else {
            let equal = |key: &&Key| {
                let terms = columns.iter().zip(&key.0);
                let terms = terms.map(|(column, value)| {
                    format!(
                        "{} = {}",
                        self.name(&column.name),
                        self.literal(value, column)
                    )
                });
                let terms: Vec<String> = terms.collect();
                format!("({})", terms.join(" AND "))
            };
            let keys: Vec<String> = keys.iter().map(equal).collect();
            format!("({})", keys.join(" OR "))
        };
        match &select.filter {
            Some(filter) => format!("({filter}) AND {condition}"),
            None => condition,
        }
    }

    /// What makes an insert bring rows up to date that are there, where they are not equal.
    pub fn on_conflict(self, destination: &Destination) -> String {
        let distinct = match self {
            Self::Sqlite => "IS NOT",
            _ => "IS DISTINCT FROM",
        };
        let select = destination.select();
        let table = self.name(&destination.table.name);
        let others: Vec<&ColumnSchema> = destination
            .columns
            .iter()
            .enumerate()
            .filter(|(position, _)| !destination.key.contains(position))
            .map(|(_, column)| column)
            .collect();
        let key = self.order(&select);
        if others.is_empty() {
            return format!("ON CONFLICT ({key}) DO NOTHING");
        }
        let list = |shown: &dyn Fn(&ColumnSchema) -> String| {
            let shown: Vec<String> = others.iter().map(|column| shown(column)).collect();
            shown.join(", ")
        };
        let set = |column: &ColumnSchema| {
            let name = self.name(&column.name);
            format!("{name} = excluded.{name}")
        };
        format!(
            "ON CONFLICT ({key}) DO UPDATE SET {set} WHERE ({held}) {distinct} ({given})",
            set = list(&set),
            held = list(&|column| self.exactly(&format!("{table}."), column)),
            given = list(&|column| self.exactly("excluded.", column)),
        )
    }

    /// A column as it is compared where what its database takes for equal may not be the same:
    /// letters of other cases, a JSON text, which has no equality at all.
    fn exactly(self, of: &str, column: &ColumnSchema) -> String {
        let name = format!("{of}{}", self.name(&column.name));
        match (&column.kind, self) {
            // A cast would take the blanks from one side alone.
            (Type::Text { padded: true, .. }, Self::Postgres) => format!("{name} COLLATE \"C\""),
            (Type::Text { .. } | Type::Json, Self::Postgres) if !column.ordered => {
                format!("{name}::text COLLATE \"C\"")
            }
            (Type::Decimal { .. }, Self::Postgres) if column.native == "money" => {
                format!("{name}::numeric")
            }
            _ => name,
        }
    }

    /// The statement that makes a change where the row is as it was observed: it changes one row
    /// then, and none otherwise. Nothing where there is nothing to change.
    pub fn change(self, destination: &Destination, change: &Change) -> Option<String> {
        let table = self.table(&destination.table);
        let columns = &destination.columns;
        let given = |row: &Row| -> Vec<(String, String)> {
            let values = columns.iter().zip(row);
            values
                .map(|(column, value)| (self.name(&column.name), self.literal(value, column)))
                .collect()
        };
        let same = |row: &Row| {
            let is = match self {
                Self::Sqlite => "IS",
                Self::Mysql => "<=>",
                Self::Postgres | Self::Mssql => "IS NOT DISTINCT FROM",
            };
            let terms = columns.iter().zip(given(row));
            let terms: Vec<String> = terms
                .map(|(column, (_, literal))| {
                    format!("{} {is} {literal}", self.exactly("", column))
                })
                .collect();
            format!(
                "{} AND {}",
                self.among(&destination.select(), std::slice::from_ref(&change.key)),
                terms.join(" AND ")
            )
        };
        Some(match (&change.observed, &change.wanted) {
            (None, None) => return None,
            (None, Some(wanted)) => {
                let literals: Vec<String> = given(wanted)
                    .into_iter()
                    .map(|(_, literal)| literal)
                    .collect();
                let overriding = match self {
                    // A column that always counts by itself takes the value that is given.
                    Self::Postgres => " OVERRIDING SYSTEM VALUE",
                    _ => "",
                };
                // A row that came meanwhile is not what was observed, and stays.
                format!(
                    "INSERT INTO {table} ({}){overriding} SELECT {} WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {})",
                    self.names(columns),
                    literals.join(", "),
                    self.among(&destination.select(), std::slice::from_ref(&change.key)),
                )
            }
            (Some(observed), None) => format!("DELETE FROM {table} WHERE {}", same(observed)),
            (Some(observed), Some(wanted)) => {
                let set: Vec<String> = given(wanted)
                    .into_iter()
                    .zip(observed.iter().zip(wanted))
                    .filter(|(_, (observed, wanted))| observed != wanted)
                    .map(|((name, literal), _)| format!("{name} = {literal}"))
                    .collect();
                if set.is_empty() {
                    return None;
                }
                format!(
                    "UPDATE {table} SET {} WHERE {}",
                    set.join(", "),
                    same(observed)
                )
            }
        })
    }

    /// The key's columns, in a list to order by.
    pub fn order(self, select: &Select) -> String {
        self.names(select.key_columns())
    }
}

/// A bound that no condition can be about.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key {key} bounds nothing, because it cannot be read exactly or is none there")]
pub struct NoBound {
    key: String,
}

#[derive(Clone, Copy)]
enum Bound {
    After,
    Until,
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
mod tests {
    use super::*;

    fn column(name: &str, kind: Type) -> ColumnSchema {
        ColumnSchema {
            name: name.to_owned(),
            kind,
            native: "TEXT".to_owned(),
            nullable: false,
            optional: false,
            generated: false,
            ordered: true,
        }
    }

    fn select(filter: Option<&str>) -> Select {
        Select {
            table: "sales.orders".parse().expect("a name"),
            columns: vec![
                column("a", Type::int(64)),
                column(
                    "b\"c",
                    Type::Text {
                        most: None,
                        padded: false,
                    },
                ),
            ],
            key: vec![0, 1],
            filter: filter.map(str::to_owned),
        }
    }

    fn key() -> Key {
        Key([Value::Int(1), Value::text("it's")].into())
    }

    #[test]
    fn a_bound_of_several_columns_is_one_comparison_or_spelled_out() {
        let range = Range {
            after: Some(key()),
            until: None,
        };
        assert_eq!(
            Dialect::Postgres
                .within(&select(Some("a <> 3")), &range)
                .expect("a condition"),
            r#"(a <> 3) AND ("a", "b""c") > (1, 'it''s')"#
        );
        assert_eq!(
            Dialect::Mssql
                .within(&select(None), &range)
                .expect("a condition"),
            r#"(([a] > 1) OR ([a] = 1 AND [b"c] > N'it''s'))"#
        );
        let range = Range {
            after: None,
            until: Some(key()),
        };
        assert_eq!(
            Dialect::Mysql
                .within(&select(None), &range)
                .expect("a condition"),
            "((`a` < 1) OR (`a` = 1 AND `b\"c` <= _utf8mb4 X'69742773'))"
        );
        assert_eq!(
            Dialect::Sqlite
                .within(&select(None), &Range::default())
                .expect("a condition"),
            "1 = 1"
        );
    }

    #[test]
    fn a_key_that_is_not_known_bounds_nothing_and_finds_nothing() {
        let whole = select(None);
        let unknown = |value| Key([Value::Int(1), value].into());
        for value in [
            Value::Null,
            Value::unreadable("infinity"),
            Value::text("a\0"),
        ] {
            let range = Range {
                after: None,
                until: Some(unknown(value.clone())),
            };
            let refused = Dialect::Postgres.within(&whole, &range);
            assert!(refused.is_err(), "{value}");
            let keys = [unknown(value.clone()), key()];
            assert_eq!(
                Dialect::Postgres.among(&whole, &keys),
                r#"(("a" = 1 AND "b""c" = 'it''s'))"#,
                "{value}"
            );
            assert_eq!(Dialect::Postgres.among(&whole, &keys[..1]), "1 = 0");
        }
        // Elsewhere a text may have any character.
        let keys = [unknown(Value::text("a\0"))];
        assert!(Dialect::Sqlite.among(&whole, &keys).contains("6100"));
    }

    #[test]
    fn no_text_leaves_its_quotes() {
        let text = column(
            "t",
            Type::Text {
                most: None,
                padded: false,
            },
        );
        let evil = Value::text("\\' OR 1=1; --\0");
        assert_eq!(
            Dialect::Sqlite.literal(&evil, &text),
            "CAST(X'5C27204F5220313D313B202D2D00' AS TEXT)"
        );
        assert_eq!(
            Dialect::Mysql.literal(&evil, &text),
            "_utf8mb4 X'5C27204F5220313D313B202D2D00'"
        );
        assert_eq!(
            Dialect::Postgres.literal(&Value::text("\\'"), &text),
            "'\\'''"
        );
        assert_eq!(Dialect::Mssql.name("a]b"), "[a]]b]");
        assert_eq!(Dialect::Mysql.name("a`b"), "`a``b`");
    }

    #[test]
    fn a_store_without_a_type_keeps_its_values_as_texts() {
        let money = column(
            "m",
            Type::Decimal {
                bounds: Some((10, 2)),
            },
        );
        let number = Value::Number("10.5".parse().expect("a number"));
        assert_eq!(Dialect::Sqlite.literal(&number, &money), "'10.50'");
        assert_eq!(Dialect::Postgres.literal(&number, &money), "10.5");
        let instant = column("i", Type::Instant { digits: 3 });
        assert_eq!(
            Dialect::Sqlite.literal(&Value::Instant(30_000), &instant),
            "'1970-01-01T00:00:00.003Z'"
        );
        assert_eq!(
            Dialect::Mssql.literal(
                &Value::Naive(33_333),
                &column("n", Type::Naive { digits: 7 })
            ),
            "N'1970-01-01T00:00:00.0033333'"
        );
    }
}
