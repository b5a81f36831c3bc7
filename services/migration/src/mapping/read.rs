//! From a file's text to a mapping: its tables and columns one by one, so that a mistake in one
//! hides none in another.

use std::io::Read as _;
use std::ops::Range;
use std::path::Path;

use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::raw;
use super::{
    Case, Change, ColumnMap, Compare, Feeder, Mapping, Origin, Otherwise, Problem, TableMap, Trim,
};
use crate::schema::TableName;

/// A mapping longer than this is surely something else.
const LONGEST: u64 = 4 << 20;

/// Most digits of a unit: `decimal` has no more.
const MOST_UNITS: u8 = 38;

type Entry<'i> = Spanned<DeValue<'i>>;

pub(super) fn text_of(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    let read = std::fs::File::open(path)?
        .take(LONGEST + 1)
        .read_to_string(&mut text)?;
    if read as u64 > LONGEST {
        let longer = format!("longer than {LONGEST} bytes");
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, longer));
    }
    Ok(text)
}

pub(super) fn read(text: &str) -> Result<Mapping, Vec<Problem>> {
    let mut reader = Reader {
        text,
        problems: Vec::new(),
    };
    let mapping = reader.mapping();
    if reader.problems.is_empty() {
        Ok(mapping)
    } else {
        Err(reader.problems)
    }
}

struct Reader<'t> {
    text: &'t str,
    problems: Vec<Problem>,
}

impl<'t> Reader<'t> {
    fn mapping(&mut self) -> Mapping {
        let mut mapping = Mapping { tables: Vec::new() };
        let mut top = match DeTable::parse(self.text) {
            Ok(top) => top.into_inner(),
            Err(error) => {
                self.report(error.span(), error.message());
                return mapping;
            }
        };
        let tables = top.remove("tables");
        let rest: Option<raw::Top> = self.fill(DeValue::Table(top), 0..0);
        let zone = rest
            .and_then(|top| top.zone)
            .and_then(|name| self.zone(&name, 1));
        let Some(tables) = tables else {
            self.at(
                1,
                "there is no table: write [[tables]] with `from` and `to`",
            );
            return mapping;
        };
        let span = tables.span();
        let DeValue::Array(tables) = tables.into_inner() else {
            self.report(Some(span), "`tables` is a list: write [[tables]]");
            return mapping;
        };
        for table in tables {
            let table = self.table(table, zone.as_ref());
            mapping.tables.extend(table);
        }
        self.repeated(&mapping);
        mapping
    }

    fn table(&mut self, entry: Entry<'t>, zone: Option<&TimeZone>) -> Option<TableMap> {
        let span = entry.span();
        let line = self.line(span.start);
        let DeValue::Table(mut table) = entry.into_inner() else {
            self.at(line, "a table is written [[tables]]");
            return None;
        };
        let columns = table.remove("columns");
        let table: Option<raw::Table> = self.fill(DeValue::Table(table), span);
        let given = columns.is_some();
        let columns = columns.map_or_else(Vec::new, |columns| self.columns(columns, zone));
        let table = table?;
        let from = self.name(&table.from, line);
        let to = self.name(&table.to, line);
        if table.key.as_ref().is_some_and(Vec::is_empty) {
            self.at(line, "`key` names no column");
        }
        Some(TableMap {
            from: from?,
            to: to?,
            entity: table.entity,
            parent: table.parent.map(|parent| (parent.entity, parent.column)),
            key: table.key,
            filter: table.filter,
            feeder: match table.feeder {
                raw::Feeder::Copy => Feeder::Copy,
                raw::Feeder::Mirror => Feeder::Mirror,
                raw::Feeder::Database => Feeder::Database,
            },
            same: table.same.unwrap_or(!given),
            zone: zone.cloned(),
            columns,
            dropped: table.drop,
            line,
        })
    }

    fn columns(&mut self, entry: Entry<'t>, zone: Option<&TimeZone>) -> Vec<ColumnMap> {
        let span = entry.span();
        let DeValue::Table(columns) = entry.into_inner() else {
            self.report(Some(span), "`columns` is a table of the target's columns");
            return Vec::new();
        };
        let mut read = Vec::with_capacity(columns.len());
        // The parser sorts by name; a report goes by the file.
        let mut columns: Vec<_> = columns.into_iter().collect();
        columns.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in columns {
            let span = name.span();
            let line = self.line(span.start);
            let details = match value.into_inner() {
                DeValue::String(from) => Some(raw::Details {
                    from: Some(raw::From::One(from.into_owned())),
                    ..raw::Details::default()
                }),
                value @ DeValue::Table(_) => self.fill(value, span),
                _ => {
                    let expected =
                        "is the name of a source column, or a table such as { from = \"Status\" }";
                    self.at(line, &format!("{}: {expected}", name.get_ref()));
                    None
                }
            };
            let Some(details) = details else {
                continue;
            };
            read.extend(self.column(name.into_inner().into_owned(), details, zone, line));
        }
        read
    }

    fn column(
        &mut self,
        to: String,
        mut details: raw::Details,
        zone: Option<&TimeZone>,
        line: usize,
    ) -> Option<ColumnMap> {
        let before = self.problems.len();
        let origin = self.origin(&to, &mut details, line);
        let kind = details.kind.take().and_then(|kind| match kind.parse() {
            Ok(kind) => Some(kind),
            Err(error) => {
                self.at(line, &format!("{to}: {error}"));
                None
            }
        });
        let compare = details.compare.take().unwrap_or_default();
        let compare = self.compare(&to, &compare, line);
        let change = self.change(&to, details, zone, line);
        (self.problems.len() == before).then_some(())?;
        Some(ColumnMap {
            to,
            origin: origin?,
            kind,
            change,
            compare,
            line,
        })
    }

    fn origin(&mut self, to: &str, details: &mut raw::Details, line: usize) -> Option<Origin> {
        let given = (
            details.from.take(),
            details.value.take(),
            details.generate.take(),
            details.join.take(),
            details.split.take(),
            details.part.take(),
        );
        let one = |from| match from {
            raw::From::One(column) => Some(column),
            raw::From::More(_) => None,
        };
        let origin = match given {
            (Some(from), None, None, None, None, None) => one(from).map(Origin::Column),
            (Some(raw::From::More(columns)), None, None, Some(with), None, None)
                if !columns.is_empty() =>
            {
                Some(Origin::Joined(columns, with))
            }
            (Some(from), None, None, None, Some(at), Some(part)) if !at.is_empty() => {
                one(from).map(|column| Origin::Part(column, at, part))
            }
            (None, Some(value), None, None, None, None) => Some(Origin::Constant(value)),
            (None, None, Some(entity), None, None, None) => Some(Origin::Generated(entity)),
            _ => None,
        };
        if origin.is_none() {
            self.at(line, &format!(
                "{to}: its values come from one of `from = \"A\"`, `from = [\"A\", \"B\"]` with \
                 `join = \" \"`, `from = \"A\"` with `split = \" \"` and `part = 0`, \
                 `value = \"x\"`, or `generate = \"entity\"`"
            ));
        }
        origin
    }

    fn change(
        &mut self,
        to: &str,
        details: raw::Details,
        zone: Option<&TimeZone>,
        line: usize,
    ) -> Change {
        let mut map = Vec::new();
        let mapped = details.map.is_some();
        for (from, value) in details.map.unwrap_or_default() {
            match value {
                toml::Value::String(value) => map.push((from, value)),
                other => self.at(
                    line,
                    &format!("{to}: map: `{from}` becomes {other}, which is no text"),
                ),
            }
        }
        let otherwise = match (details.otherwise, details.keep_others.unwrap_or(false)) {
            (None, false) => Otherwise::Refuse,
            (None, true) => Otherwise::Keep,
            (Some(text), false) => Otherwise::Become(text),
            (Some(_), true) => {
                self.at(
                    line,
                    &format!("{to}: `otherwise` and `keep_others` exclude each other"),
                );
                Otherwise::Refuse
            }
        };
        if !mapped && otherwise != Otherwise::Refuse {
            self.at(
                line,
                &format!("{to}: `otherwise` and `keep_others` belong to a `map`"),
            );
        }
        if details.units.is_some_and(|units| units > MOST_UNITS) {
            self.at(
                line,
                &format!("{to}: `units` is a number of digits, at most {MOST_UNITS}"),
            );
        }
        let own = details.zone.and_then(|name| self.zone(&name, line));
        Change {
            trim: match details.trim {
                None => Trim::None,
                Some(raw::Trim::End) => Trim::End,
                Some(raw::Trim::Both) => Trim::Both,
            },
            null_if: match details.null_if {
                None => Vec::new(),
                Some(raw::OneOrMore::One(one)) => vec![one],
                Some(raw::OneOrMore::More(all)) => all,
            },
            case: details.case.map(|case| match case {
                raw::Case::Lower => Case::Lower,
                raw::Case::Upper => Case::Upper,
            }),
            map,
            otherwise,
            units: details.units,
            zone: own.or_else(|| zone.cloned()),
            ticks: details.ticks.unwrap_or(false),
            round: details.round.unwrap_or(false),
            id_of: details.id_of,
            when_null: details.when_null,
        }
    }

    /// `within` is a number, or a duration such as `1s`: how far apart values may be.
    fn compare(&mut self, to: &str, raw: &raw::Compare, line: usize) -> Compare {
        let within = raw.within.as_deref();
        let number = within.and_then(|within| within.parse().ok());
        let time = within.filter(|_| number.is_none()).and_then(|within| {
            let span: Option<jiff::SignedDuration> = within.parse().ok();
            let span = span.and_then(|span| span.try_into().ok());
            if span.is_none() {
                self.at(
                    line,
                    &format!(
                        "{to}: `within = \"{within}\"` is neither a number nor a time such as 1s"
                    ),
                );
            }
            span
        });
        Compare {
            ignore: raw.ignore,
            trim: raw.trim,
            case: raw.case,
            empty: raw.empty,
            number,
            time,
        }
    }

    fn repeated(&mut self, mapping: &Mapping) {
        for (position, table) in mapping.tables.iter().enumerate() {
            let earlier = || mapping.tables.iter().take(position);
            if let Some(other) = earlier().find(|other| other.to == table.to) {
                self.at(table.line, &format!(
                    "`{}` is filled already, by the table in line {}: two would undo each other",
                    table.to, other.line
                ));
            }
            if let Some(other) = earlier().find(|other| other.from == table.from) {
                self.at(table.line, &format!(
                    "`{}` is read already, for the table in line {}: how far it has come is kept \
                     once, so a view has to give the rows for the second",
                    table.from, other.line
                ));
            }
        }
    }

    fn fill<T: DeserializeOwned>(&mut self, value: DeValue<'t>, span: Range<usize>) -> Option<T> {
        let value = Spanned::new(span.clone(), value);
        match T::deserialize(toml::de::ValueDeserializer::from(value)) {
            Ok(filled) => Some(filled),
            Err(error) => {
                self.report(error.span().or(Some(span)), error.message());
                None
            }
        }
    }

    fn name(&mut self, text: &str, line: usize) -> Option<TableName> {
        let name = text.parse();
        name.map_err(|error: crate::schema::BadName| self.at(line, &error.to_string()))
            .ok()
    }

    fn zone(&mut self, name: &str, line: usize) -> Option<TimeZone> {
        let zone = TimeZone::get(name);
        if zone.is_err() {
            self.at(
                line,
                &format!("`{name}` is no time zone, such as Europe/Berlin or UTC"),
            );
        }
        zone.ok()
    }

    fn report(&mut self, span: Option<Range<usize>>, message: &str) {
        let line = self.line(span.map_or(0, |span| span.start));
        self.at(line, message);
    }

    fn at(&mut self, line: usize, message: &str) {
        self.problems.push(Problem {
            line,
            message: message.trim().replace('\n', " "),
        });
    }

    fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().iter().take(offset);
        before.filter(|byte| **byte == b'\n').count() + 1
    }
}
