//! What becomes of each table and column: the one file that load, comparison and the
//! correspondence of ids all go by, so that no rule can hide in one of them.
//!
//! A file is read here and held against itself; [`crate::plan`] holds it against both schemas.
//! Every problem is told at once, with its line.

mod raw;
mod read;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::schema::{TableName, Type};
use crate::value::Number;

/// Tables, those that others refer to first.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// The tables, in the order in which they are loaded.
    pub tables: Vec<TableMap>,
}

/// What becomes of a table.
#[derive(Debug, Clone)]
pub struct TableMap {
    /// The source's table.
    pub from: TableName,
    /// The target's table.
    pub to: TableName,
    /// What a row of it is to the proxy: the name under which lanes and ids know it (`order`).
    pub entity: Option<String>,
    /// The entity that its rows belong to, and the source's column that says to which.
    pub parent: Option<(String, String)>,
    /// The source's columns that name a row; its primary key where none are given.
    pub key: Option<Vec<String>>,
    /// A condition in the source's SQL; rows that do not meet it stay behind.
    pub filter: Option<String>,
    /// Who keeps the table up to date after the copy.
    pub feeder: Feeder,
    /// Whether columns of one name are taken over that are not listed.
    pub same: bool,
    /// The zone of their naive times.
    pub zone: Option<TimeZone>,
    /// The target's columns.
    pub columns: Vec<ColumnMap>,
    /// Source columns that stay behind on purpose.
    pub dropped: Vec<String>,
    /// The line in the file, from 1.
    pub line: usize,
}

/// Who brings later changes of a table to the target. There is one for each table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feeder {
    /// Nobody: a further run does.
    Copy,
    /// The proxy, by mirrored writes.
    Mirror,
    /// Catch-up from the source's own record of changes.
    Database,
}

/// Where a column's values come from, and how they change on the way.
#[derive(Debug, Clone)]
pub struct ColumnMap {
    /// The target's column.
    pub to: String,
    /// Where its values come from.
    pub origin: Origin,
    /// What it holds, where the target's schema does not say.
    pub kind: Option<Type>,
    /// How a value changes.
    pub change: Change,
    /// How it is compared.
    pub compare: Compare,
    /// The line in the file, from 1.
    pub line: usize,
}

/// Where a column's values come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    /// A column.
    Column(String),
    /// Several columns, with this between them; nulls are left out.
    Joined(Vec<String>, String),
    /// A part of a column, from 0, between separators.
    Part(String, String, usize),
    /// The same text for every row.
    Constant(String),
    /// A UUID made of the entity's name and the key, the same in every run.
    Generated(String),
}

/// How a value changes on the way, in the order of these fields. Null stays null, but for
/// `when_null`.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Which blanks go.
    pub trim: Trim,
    /// Texts that mean null.
    pub null_if: Vec<String>,
    /// Which letters it has.
    pub case: Option<Case>,
    /// Texts that become others.
    pub map: Vec<(String, String)>,
    /// What becomes of a text that is not in `map`.
    pub otherwise: Otherwise,
    /// An integer counts units of `10^-units`.
    pub units: Option<u8>,
    /// The zone that a naive time was written in.
    pub zone: Option<TimeZone>,
    /// A naive time lies on the ticks of 1/300 s that SQL Server's `datetime` has.
    pub ticks: bool,
    /// A number with more places than the column is rounded rather than refused.
    pub round: bool,
    /// The value is an id of this entity, whose ids are generated.
    pub id_of: Option<String>,
    /// What null becomes.
    pub when_null: Option<String>,
}

/// Which blanks go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trim {
    /// None.
    #[default]
    None,
    /// Those at the end.
    End,
    /// Those at both ends.
    Both,
}

/// Which letters a text has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// Small ones.
    Lower,
    /// Capitals.
    Upper,
}

/// What becomes of a text that a map does not list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Otherwise {
    /// Its row is refused.
    #[default]
    Refuse,
    /// It stays as it is.
    Keep,
    /// It becomes this.
    Become(String),
}

/// How a column is compared: what of a difference is allowed.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a property of its own"
)]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Compare {
    /// All of it.
    pub ignore: bool,
    /// Blanks at the end.
    pub trim: bool,
    /// Letters' case.
    pub case: bool,
    /// Null against an empty text.
    pub empty: bool,
    /// Numbers as far apart as this.
    pub number: Option<Number>,
    /// Times as far apart as this.
    pub time: Option<Duration>,
}

/// One thing that is wrong with a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line in the file, from 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

/// Everything that is wrong with a mapping, in the order of the lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The file.
    pub file: String,
    /// What is wrong in it.
    pub all: Vec<Problem>,
}

impl Mapping {
    /// Reads a mapping; `file` is its name in the problems.
    pub fn parse(file: &str, text: &str) -> Result<Self, Problems> {
        read::read(text).map_err(|all| Problems::new(file, all))
    }

    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        let file = path.display().to_string();
        let text = read::text_of(path).map_err(|error| {
            let message = format!("cannot be read: {error}");
            Problems::new(&file, vec![Problem { line: 1, message }])
        })?;
        Self::parse(&file, &text)
    }
}

impl Problems {
    pub(crate) fn new(file: &str, mut all: Vec<Problem>) -> Self {
        all.sort_by_key(|problem| problem.line);
        Self {
            file: file.to_owned(),
            all,
        }
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, Problem { line, message }) in self.all.iter().enumerate() {
            if position > 0 {
                writeln!(f)?;
            }
            write!(f, "{}:{line}: {message}", self.file)?;
        }
        Ok(())
    }
}

impl Origin {
    /// The source's columns that it reads; a generated value reads the key.
    pub fn columns(&self) -> &[String] {
        match self {
            Self::Column(column) | Self::Part(column, ..) => std::slice::from_ref(column),
            Self::Joined(columns, _) => columns,
            Self::Constant(_) | Self::Generated(_) => &[],
        }
    }
}

impl ColumnMap {
    /// A column that is taken over as it is.
    pub(crate) fn same(to: &str, from: &str, line: usize) -> Self {
        Self {
            to: to.to_owned(),
            origin: Origin::Column(from.to_owned()),
            kind: None,
            change: Change::default(),
            compare: Compare::default(),
            line,
        }
    }
}

impl Change {
    /// Whether two different values can become one: such a column cannot name a row.
    pub fn loses(&self) -> bool {
        self.trim != Trim::None
            || self.case.is_some()
            || !self.map.is_empty()
            || self.round
            || !self.null_if.is_empty()
            || self.when_null.is_some()
    }
}
