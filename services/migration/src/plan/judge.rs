//! One table of a mapping, judged: every column has a place, and a value that can get there.

use std::fmt::Display;

use super::TablePlan;
use crate::mapping::{ColumnMap, Origin, Problem, TableMap};
use crate::schema::{ColumnSchema, TableSchema, Type};
use crate::store::{Destination, Select};
use crate::transform::{Reading, Step};

/// Judges one table.
pub(super) struct Judge<'j> {
    pub(super) map: &'j TableMap,
    pub(super) from: &'j TableSchema,
    pub(super) to: &'j TableSchema,
    /// Whether the target's columns say little of what they hold.
    pub(super) loose: bool,
    pub(super) problems: &'j mut Vec<Problem>,
}

impl Judge<'_> {
    pub(super) fn table(&mut self) -> Option<TablePlan> {
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
        self.target_key(&mut destination, &mut steps, &select);
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
            names: None,
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

    pub(super) fn problem(&mut self, message: impl Display) {
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
