//! A mapping held against both schemas: what is read of each table, what becomes of it, and where
//! it goes. Everything that does not fit is told at once.

mod judge;
mod key;
mod naming;
mod unique;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use kit::error::Cause;

use self::judge::Judge;
use crate::mapping::{Change, Compare, Feeder, Mapping, Problem, Problems, TableMap};
use crate::schema::{TableName, TableSchema, Type};
use crate::store::{Destination, Dialect, Select, Source};
use crate::transform::{Reading, Step, convert};
use crate::value::{Key, Row, Value};

/// What a run does, table by table.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The tables, in the order in which they are loaded.
    pub tables: Vec<TablePlan>,
}

/// What a run does with a table.
#[derive(Debug, Clone)]
pub struct TablePlan {
    /// The source's table, as the mapping names it.
    pub source: String,
    /// What a row of it is to the proxy.
    pub entity: Option<String>,
    /// The entity that its rows belong to, and the position of the column that says to which.
    pub parent: Option<(String, usize)>,
    /// Who keeps it up to date after the copy.
    pub feeder: Feeder,
    /// What is read.
    pub select: Select,
    /// Where it goes.
    pub destination: Destination,
    /// What becomes of it: one step for each of the destination's columns.
    pub steps: Vec<Step>,
    /// The entity whose ids are made here, and the position of the id in the destination's row.
    pub generates: Option<(String, usize)>,
    /// Rows, about.
    pub rows: Option<u64>,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The mapping does not fit the schemas.
    #[error(transparent)]
    Mapping(#[from] Problems),
    /// A schema could not be read.
    #[error("could not read the schema of {table} in {database}")]
    Schema {
        /// The table.
        table: String,
        /// The database.
        database: String,
        /// What failed.
        #[source]
        source: Cause,
    },
}

impl Plan {
    /// Holds a mapping, which came from `file`, against both sides.
    pub async fn of(
        file: &str,
        mapping: &Mapping,
        source: &dyn Source,
        target: &dyn Source,
    ) -> Result<Self, PlanError> {
        let mut problems = Vec::new();
        let mut tables = Vec::with_capacity(mapping.tables.len());
        let (mut read, mut filled) = (Named::new(), Named::new());
        for map in &mapping.tables {
            let mut from = describe(source, &map.from).await?;
            if let (Some(from), Dialect::Sqlite) = (&mut from, source.dialect()) {
                keys_as_texts(from, map);
            }
            let to = describe(target, &map.to).await?;
            for (found, name, side) in [(&from, &map.from, source), (&to, &map.to, target)] {
                if found.is_none() {
                    let message = format!("there is no table `{name}` in {}", side.name());
                    problems.push(Problem {
                        line: map.line,
                        message,
                    });
                }
            }
            if let (Some(from), Some(to)) = (from, to) {
                let why = "is read already, for the table in line";
                problems.extend(named_before(
                    &mut read,
                    &from.name,
                    (&map.from, map.line),
                    why,
                ));
                let why = "is filled already, by the table in line";
                problems.extend(named_before(
                    &mut filled,
                    &to.name,
                    (&map.to, map.line),
                    why,
                ));
                let mut judge = Judge {
                    map,
                    from: &from,
                    to: &to,
                    loose: target.dialect() == Dialect::Sqlite,
                    problems: &mut problems,
                };
                tables.extend(judge.table());
            }
        }
        if problems.is_empty() {
            Ok(Self { tables })
        } else {
            Err(Problems::new(file, problems).into())
        }
    }

    /// The first of these names that no table of the source has, as the mapping names them.
    pub fn lacks<'n>(&self, names: &'n [String]) -> Option<&'n String> {
        let known = |name: &&String| self.tables.iter().any(|table| table.source == **name);
        names.iter().find(|name| !known(name))
    }
}

impl TablePlan {
    /// Whether both databases keep the rows in one order, by the values of their keys.
    pub fn is_ordered(&self) -> bool {
        let plain = |position: &usize| {
            self.steps.get(*position).is_some_and(|step| {
                matches!(step.reading, Reading::At(_)) && !step.change.touches_texts()
            })
        };
        let kinds = |select: &Select| -> Vec<std::mem::Discriminant<Type>> {
            select
                .key_columns()
                .map(|column| std::mem::discriminant(&column.kind))
                .collect()
        };
        let read = self.destination.select();
        self.select.is_ordered()
            && read.is_ordered()
            && self.destination.key.iter().all(plain)
            && kinds(&self.select) == kinds(&read)
            && self.key_positions() == self.select.key
    }

    /// The key of the source's row that became the target's row of this key; nothing where no row
    /// can have, or where a key does not tell (a generated id).
    pub fn source_key(&self, key: &Key) -> Option<Key> {
        let steps: Vec<(&Step, &Value)> = self
            .destination
            .key
            .iter()
            .zip(&key.0)
            .filter_map(|(position, value)| Some((self.steps.get(*position)?, value)))
            .collect();
        let back = |position: &usize| {
            let (step, value) = steps.iter().find(|(step, _)| {
                matches!(step.reading, Reading::At(at) if at == *position)
                    && step.change.id_of.is_none()
            })?;
            let column = self.select.columns.get(*position)?;
            // Amounts in units are no keys, so the way back is that of plain values.
            let was = convert(value, &column.kind, &Change::default()).ok()?;
            let again = convert(&was, &step.kind, &step.change).ok()?;
            (again == **value).then_some(was)
        };
        let values: Option<Box<[Value]>> = self.select.key.iter().map(back).collect();
        values.map(Key)
    }

    /// A digest of what becomes of the table: results of another plan say nothing of this one's.
    pub fn digest(&self) -> String {
        // How many rows there are, about, changes from one run to the next.
        let table = Self {
            rows: None,
            ..self.clone()
        };
        let text = format!("{table:?}");
        format!("{:032x}", xxhash_rust::xxh3::xxh3_128(text.as_bytes()))
    }

    /// The same of what becomes of its rows, which who keeps them up to date, what they are to the proxy
    /// and how they are compared do not change.
    pub fn digest_of_rows(&self) -> String {
        let mut table = Self {
            entity: None,
            parent: None,
            feeder: Feeder::Copy,
            ..self.clone()
        };
        for step in &mut table.steps {
            step.compare = Compare::default();
        }
        table.digest()
    }

    /// The position in the source's row of the column that says to which of these entities it
    /// belongs.
    pub fn belongs_to(&self, entity: &str) -> Option<usize> {
        let parent = self.parent.as_ref().filter(|(of, _)| of == entity);
        parent.map(|(_, column)| *column)
    }

    /// The key in the target of the source's row of this key; nothing where it cannot be there.
    pub fn target_key(&self, key: &Key) -> Option<Key> {
        let mut row = vec![Value::Null; self.select.columns.len()];
        for (position, value) in self.select.key.iter().zip(&key.0) {
            *row.get_mut(*position)? = value.clone();
        }
        let steps = self
            .destination
            .key
            .iter()
            .map(|position| self.steps.get(*position));
        let values = steps.map(|step| step.and_then(|step| step.of(&row).ok()));
        let values: Option<Box<[Value]>> = values.collect();
        values.map(Key)
    }

    /// The ids that are made for rows of these keys: entity, legacy id, modern id.
    pub fn ids_of<'r>(
        &self,
        rows: impl Iterator<Item = (&'r Key, &'r Row)>,
    ) -> Vec<(String, String, String)> {
        let Some((entity, position)) = &self.generates else {
            return Vec::new();
        };
        let id = |(key, row): (&Key, &Row)| {
            let modern = row
                .get(*position)
                .map_or_else(String::new, |id| id.bare().into_owned());
            (entity.clone(), key.id(), modern)
        };
        rows.map(id).collect()
    }

    /// The source's positions that the destination's key is made of, in its order.
    pub fn key_positions(&self) -> Vec<usize> {
        let steps = self
            .destination
            .key
            .iter()
            .filter_map(|position| self.steps.get(*position));
        steps
            .flat_map(|step| step.reading.positions().to_vec())
            .collect()
    }
}

impl Reading {
    /// The places that it reads.
    pub fn positions(&self) -> &[usize] {
        match self {
            Self::At(position) | Self::Part(position, ..) => std::slice::from_ref(position),
            Self::Joined(positions, _) | Self::Generated(_, positions) => positions,
            Self::Constant(_) => &[],
        }
    }
}

/// The tables of a side that were named, as the database calls them, with the lines.
type Named = HashMap<TableName, usize>;

/// Notes a table, and tells if it was named before in another spelling. A mapping that names one
/// twice in the same is refused when it is read.
fn named_before(
    named: &mut Named,
    table: &TableName,
    (spelled, line): (&TableName, usize),
    why: &str,
) -> Option<Problem> {
    match named.entry(table.clone()) {
        Entry::Vacant(first) => {
            first.insert(line);
            None
        }
        Entry::Occupied(other) => Some(Problem {
            line,
            message: format!(
                "`{spelled}` is the table `{table}`, which {why} {}",
                other.get()
            ),
        }),
    }
}

/// `SQLite` keeps times as texts, of which one time has several, and compares them as such: a key
/// is read and looked for as it is written, and becomes a time on its way.
fn keys_as_texts(from: &mut TableSchema, map: &TableMap) {
    let key = map.key.as_ref().unwrap_or(&from.key);
    for column in &mut from.columns {
        let is_time = matches!(
            column.kind,
            Type::Time { .. } | Type::Naive { .. } | Type::Instant { .. }
        );
        if is_time && key.contains(&column.name) {
            column.kind = Type::Text {
                most: None,
                padded: false,
            };
        }
    }
}

async fn describe(side: &dyn Source, table: &TableName) -> Result<Option<TableSchema>, PlanError> {
    side.describe(table)
        .await
        .map_err(|source| PlanError::Schema {
            table: table.to_string(),
            database: side.name(),
            source,
        })
}
