//! A mapping held against both schemas: what is read of each table, what becomes of it, and where
//! it goes. Everything that does not fit is told at once.

use std::fmt::Display;

use kit::error::Cause;

use crate::mapping::{
    Change, ColumnMap, Feeder, Mapping, Origin, Problem, Problems, TableMap, Trim,
};
use crate::schema::{ColumnSchema, TableSchema, Type};
use crate::store::{Destination, Dialect, Select, Source};
use crate::transform::{Reading, Step, bare, convert};
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
        for map in &mapping.tables {
            let from = describe(source, &map.from).await?;
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
            let modern = row.get(*position).map_or_else(String::new, bare);
            let legacy: Vec<String> = key.0.iter().map(bare).collect();
            (entity.clone(), legacy.join(","), modern)
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

async fn describe(
    side: &dyn Source,
    table: &crate::schema::TableName,
) -> Result<Option<TableSchema>, PlanError> {
    side.describe(table)
        .await
        .map_err(|source| PlanError::Schema {
            table: table.to_string(),
            database: side.name(),
            source,
        })
}

/// Judges one table.
struct Judge<'j> {
    map: &'j TableMap,
    from: &'j TableSchema,
    to: &'j TableSchema,
    /// Whether the target's columns say little of what they hold.
    loose: bool,
    problems: &'j mut Vec<Problem>,
}

impl Judge<'_> {
    fn table(&mut self) -> Option<TablePlan> {
        let before = self.problems.len();
        let key = self.key();
        let maps = self.columns();
        let select = self.select(&key, &maps);
        let mut destination = Destination {
            table: self.to.name.clone(),
            columns: Vec::new(),
            key: Vec::new(),
        };
        let mut steps = Vec::with_capacity(maps.len());
        let mut generates = None;
        for map in &maps {
            let Some((column, step)) = self.step(map, &select) else {
                continue;
            };
            if let (Reading::Generated(entity, _), true) =
                (&step.reading, self.to.key.contains(&map.to))
            {
                generates = Some((entity.clone(), steps.len()));
            }
            destination.columns.push(column);
            steps.push(step);
        }
        let parent = self.parent(&select);
        self.unfilled(&destination);
        self.unread(&key, &maps);
        self.target_key(&mut destination, &steps, &select);
        (self.problems.len() == before).then_some(TablePlan {
            source: self.map.from.to_string(),
            entity: self.map.entity.clone(),
            parent,
            feeder: self.map.feeder,
            select,
            destination,
            steps,
            generates,
            rows: self.from.rows,
        })
    }

    /// The source's columns that name a row.
    fn key(&mut self) -> Vec<String> {
        let key = self
            .map
            .key
            .clone()
            .unwrap_or_else(|| self.from.key.clone());
        if key.is_empty() {
            self.problem(format!(
                "`{}` has no primary key: name the columns that tell its rows apart with key = [\"…\"]",
                self.from.name
            ));
        }
        for name in &key {
            match self.from.column(name) {
                None => self.problem(no_column(name, self.from)),
                Some(column) if !column.kind.can_be_key() => {
                    self.problem(format!("`{name}` cannot be a key: it is {}", column.native));
                }
                Some(column) if column.nullable && self.map.key.is_some() => {
                    self.problem(format!("`{name}` cannot be a key: it may be null"));
                }
                Some(_) => {}
            }
        }
        key
    }

    /// The mapping's columns, and those that both sides have under one name where it says so.
    fn columns(&self) -> Vec<ColumnMap> {
        let mut maps = self.map.columns.clone();
        if !self.map.same {
            return maps;
        }
        for column in &self.to.columns {
            let listed = maps.iter().any(|map| map.to == column.name);
            let named = |from: &&ColumnSchema| from.name.eq_ignore_ascii_case(&column.name);
            let found = self.from.columns.iter().find(named);
            if let (false, false, Some(from)) = (listed, column.generated, found)
                && !self.map.dropped.contains(&from.name)
            {
                let mut map = ColumnMap::same(&column.name, &from.name, self.map.line);
                map.change.zone.clone_from(&self.map.zone);
                maps.push(map);
            }
        }
        maps
    }

    fn select(&mut self, key: &[String], maps: &[ColumnMap]) -> Select {
        let mut columns: Vec<ColumnSchema> = Vec::new();
        let read = maps.iter().flat_map(|map| {
            map.origin
                .columns()
                .iter()
                .map(move |name| (name, map.line))
        });
        let keys = key.iter().map(|name| (name, self.map.line));
        let all: Vec<(&String, usize)> = keys.chain(read).collect();
        for (name, line) in all {
            if columns.iter().any(|column| column.name == *name) {
                continue;
            }
            match self.from.column(name) {
                Some(column) => columns.push(column.clone()),
                None => self.problems.push(Problem {
                    line,
                    message: no_column(name, self.from),
                }),
            }
        }
        let at = |name: &String| columns.iter().position(|column| column.name == *name);
        let key = key.iter().filter_map(at).collect();
        Select {
            table: self.from.name.clone(),
            columns,
            key,
            filter: self.map.filter.clone(),
        }
    }

    fn step(&mut self, map: &ColumnMap, select: &Select) -> Option<(ColumnSchema, Step)> {
        let Some(schema) = self.to.column(&map.to) else {
            self.problem_at(map.line, no_column(&map.to, self.to));
            return None;
        };
        if schema.generated {
            self.problem_at(
                map.line,
                format!(
                    "`{}` is computed by the database: nothing can be written there",
                    map.to
                ),
            );
            return None;
        }
        let kind = map.kind.clone().unwrap_or_else(|| schema.kind.clone());
        if kind == Type::Unsupported {
            self.problem_at(
                map.line,
                format!("`{}` is {}, which is not supported", map.to, schema.native),
            );
            return None;
        }
        let same = std::mem::discriminant(&kind) == std::mem::discriminant(&schema.kind);
        if !self.loose && !same {
            self.problem_at(
                map.line,
                format!(
                    "`{}` is declared as {kind}, and is {}",
                    map.to, schema.native
                ),
            );
            return None;
        }
        let at = |name: &String| {
            select
                .columns
                .iter()
                .position(|column| column.name == *name)
        };
        let reading = match &map.origin {
            Origin::Column(name) => Reading::At(at(name)?),
            Origin::Joined(names, between) => {
                let places: Option<Vec<usize>> = names.iter().map(at).collect();
                Reading::Joined(places?, between.clone())
            }
            Origin::Part(name, between, part) => Reading::Part(at(name)?, between.clone(), *part),
            Origin::Constant(text) => Reading::Constant(text.into()),
            Origin::Generated(entity) => Reading::Generated(entity.clone(), select.key.clone()),
        };
        self.suits(map, &kind, &reading, select);
        let column = ColumnSchema {
            kind: if self.loose {
                kind.clone()
            } else {
                schema.kind.clone()
            },
            ..schema.clone()
        };
        let step = Step {
            to: map.to.clone(),
            from: match map.origin.columns() {
                [] => map.to.clone(),
                columns => columns.join(" + "),
            },
            reading,
            change: map.change.clone(),
            kind,
            nullable: schema.nullable,
            compare: map.compare.clone(),
        };
        Some((column, step))
    }

    /// Whether values of the source's column can become what the target's holds at all.
    fn suits(&mut self, map: &ColumnMap, kind: &Type, reading: &Reading, select: &Select) {
        let Reading::At(position) = reading else {
            return;
        };
        let Some(from) = select.columns.get(*position) else {
            return;
        };
        if from.kind == Type::Unsupported {
            self.problem_at(
                map.line,
                format!(
                    "`{}` is {}, which is not supported: leave it behind with drop = [\"{}\"]",
                    from.name, from.native, from.name
                ),
            );
        } else if map.change.id_of.is_none() && !converts(&from.kind, kind) {
            self.problem_at(
                map.line,
                format!(
                    "`{}` is {}, which never becomes {kind} (`{}`)",
                    from.name, from.native, map.to
                ),
            );
        }
        if matches!(
            (&from.kind, kind),
            (Type::Naive { .. } | Type::Date, Type::Instant { .. })
        ) && map.change.zone.is_none()
        {
            self.problem_at(
                map.line,
                format!(
                    "`{}` has no zone, and `{}` is an instant: declare zone = \"…\"",
                    from.name, map.to
                ),
            );
        }
    }

    /// The place of the column that says to which entity a row belongs.
    fn parent(&mut self, select: &Select) -> Option<(String, usize)> {
        let (entity, column) = self.map.parent.as_ref()?;
        let place = select.columns.iter().position(|read| read.name == *column);
        if place.is_none() {
            self.problem(match self.from.column(column) {
                Some(_) => format!("parent: `{column}` is not among the columns that are mapped"),
                None => no_column(column, self.from),
            });
        }
        Some((entity.clone(), place?))
    }

    /// Columns of the target that would stay empty and may not.
    fn unfilled(&mut self, destination: &Destination) {
        for column in &self.to.columns {
            let filled = destination
                .columns
                .iter()
                .any(|filled| filled.name == column.name)
                || self.map.columns.iter().any(|map| map.to == column.name);
            if !filled && !column.nullable && !column.optional && !column.generated {
                self.problem(format!(
                    "`{}.{}` takes no null, and nothing fills it",
                    self.to.name, column.name
                ));
            }
        }
    }

    /// Columns of the source that would be lost without a word.
    fn unread(&mut self, key: &[String], maps: &[ColumnMap]) {
        for column in &self.from.columns {
            let read = maps
                .iter()
                .any(|map| map.origin.columns().contains(&column.name));
            // A generated id is made of the key, so the key is not lost with it.
            let named = key.contains(&column.name)
                && maps
                    .iter()
                    .any(|map| matches!(map.origin, Origin::Generated(_)));
            if !read && !named && !column.generated && !self.map.dropped.contains(&column.name) {
                self.problem(format!(
                    "`{}.{}` goes nowhere: map it, or leave it behind with drop = [\"{}\"]",
                    self.from.name, column.name, column.name
                ));
            }
        }
        for name in &self.map.dropped {
            if self.from.column(name).is_none() {
                self.problem(no_column(name, self.from));
            }
        }
    }

    /// The target's key must be made of the source's, and of all of it, or two rows would be one.
    fn target_key(&mut self, destination: &mut Destination, steps: &[Step], select: &Select) {
        if self.to.key.is_empty() {
            self.problem(format!(
                "`{}` has no primary key, so no row of it can be found again",
                self.to.name
            ));
        }
        let mut used = Vec::new();
        for name in &self.to.key {
            let Some(position) = destination
                .columns
                .iter()
                .position(|column| column.name == *name)
            else {
                if self
                    .to
                    .column(name)
                    .is_some_and(|column| column.optional || column.nullable)
                {
                    self.problem(format!(
                        "`{}.{name}` is the key, and nothing fills it",
                        self.to.name
                    ));
                }
                continue;
            };
            destination.key.push(position);
            let Some(step) = steps.get(position) else {
                continue;
            };
            let read = step.reading.positions();
            let padded = read.iter().all(|at| {
                let column = select.columns.get(*at);
                column.is_some_and(|column| matches!(column.kind, Type::Text { padded: true, .. }))
            });
            let trims = step.change.trim == Trim::End && padded;
            let mut change = step.change.clone();
            if trims {
                change.trim = Trim::None;
            }
            if change.loses() || matches!(step.reading, Reading::Part(..)) {
                self.problem(format!(
                    "`{}.{name}` is the key, and different rows could be given one: it may not be trimmed, \
                     cased, mapped, rounded or split", self.to.name
                ));
            }
            used.extend_from_slice(read);
        }
        let whole = !used.is_empty() && select.key.iter().all(|at| used.contains(at));
        let own = used.iter().all(|at| select.key.contains(at));
        let complete = !select.key.is_empty()
            && !self.to.key.is_empty()
            && destination.key.len() == self.to.key.len();
        if complete && !(whole && own) {
            self.problem(format!(
                "the key of `{}` ({}) is not made of the key of `{}` ({})",
                self.to.name,
                self.to.key.join(", "),
                self.from.name,
                select
                    .key_columns()
                    .map(|column| column.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
            ));
        }
    }

    fn problem(&mut self, message: impl Display) {
        self.problem_at(self.map.line, message);
    }

    fn problem_at(&mut self, line: usize, message: impl Display) {
        let message = message.to_string();
        self.problems.push(Problem { line, message });
    }
}

#[expect(
    clippy::unnested_or_patterns,
    reason = "a line for each family of types is easier to check"
)]
/// Whether some value of one type can become one of another without loss.
fn converts(from: &Type, to: &Type) -> bool {
    use Type::{Bool, Bytes, Date, Decimal, Float, Instant, Int, Json, Naive, Text, Time, Uuid};
    match (from, to) {
        (Text { .. }, to) => !matches!(to, Bytes),
        (_, Text { .. }) => !matches!(from, Bytes | Float { .. }),
        (Int { .. } | Decimal { .. }, Int { .. } | Decimal { .. } | Float { .. })
        | (Int { .. }, Bool)
        | (Bool, Int { .. })
        | (Naive { .. } | Date | Instant { .. }, Naive { .. } | Instant { .. })
        | (Naive { .. } | Date, Date)
        | (Float { .. }, Float { .. })
        | (Bytes | Uuid, Bytes | Uuid)
        | (Bool, Bool)
        | (Time { .. }, Time { .. })
        | (Json, Json) => true,
        _ => false,
    }
}

fn no_column(name: &str, table: &TableSchema) -> String {
    let near = table
        .columns
        .iter()
        .map(|column| {
            (
                strsim::damerau_levenshtein(&column.name.to_lowercase(), &name.to_lowercase()),
                column,
            )
        })
        .filter(|(distance, _)| *distance <= 2)
        .min_by_key(|(distance, _)| *distance);
    match near {
        Some((_, column)) => format!(
            "`{}` has no column `{name}`; did you mean `{}`?",
            table.name, column.name
        ),
        None => format!("`{}` has no column `{name}`", table.name),
    }
}
