//! Conditions on keys: rows of a range, and rows under some keys.

use std::fmt::Write as _;

use super::Dialect;
use crate::schema::ColumnSchema;
use crate::store::{Range, Select};
use crate::value::{Key, Value};

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

impl Dialect {
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

    /// What reads the keys that several rows are under which meet the filter.
    pub fn repeated(self, select: &Select) -> Select {
        let columns: Vec<ColumnSchema> = select.key_columns().cloned().collect();
        let (table, names) = (self.table(&select.table), self.names(&columns));
        let filter = select.filter.as_ref();
        let filter = filter.map_or_else(|| "1 = 1".to_owned(), |filter| format!("({filter})"));
        let several = if self == Self::Mssql {
            // It has no comparison of several columns.
            let equal = columns.iter().map(|column| {
                let name = self.name(&column.name);
                format!(" AND cutover_twin.{name} = {table}.{name}")
            });
            let equal: String = equal.collect();
            format!(
                "EXISTS (SELECT 1 FROM {table} AS cutover_twin WHERE {filter}{equal} HAVING COUNT(*) > 1)"
            )
        } else {
            format!(
                "({names}) IN (SELECT {names} FROM {table} WHERE {filter} GROUP BY {names} \
                 HAVING count(*) > 1)"
            )
        };
        Select {
            table: select.table.clone(),
            key: (0..columns.len()).collect(),
            columns,
            filter: Some(format!("{filter} AND {several}")),
        }
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
}
