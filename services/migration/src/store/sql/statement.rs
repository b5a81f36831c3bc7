//! Statements that write: an insert that brings rows up to date, and a change of one row.

use super::Dialect;
use crate::schema::{ColumnSchema, Type};
use crate::store::{Change, Destination};
use crate::value::Row;

impl Dialect {
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
}
