//! Differences grouped by what explains them, so that a rule that is missing from the mapping is
//! one line of a report and not a thousand rows.

use serde::{Deserialize, Serialize};

use super::cause::{self, Cause};
use crate::value::{Number, Value};

/// Groups of one table: what is beyond them is told as of no cause.
const GROUPS: usize = 200;

/// Rows of a group that are shown.
const SAMPLES: usize = 5;

/// Different pairs of values, up to which a difference may be one of a list of values.
const PAIRS: usize = 8;

/// Differences of one table with one cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The target's column; nothing where it is about rows.
    pub column: Option<String>,
    /// What explains them.
    pub cause: Cause,
    /// Rows that surely differ so.
    pub rows: u64,
    /// Further rows that differed so when they were read first.
    pub unconfirmed: u64,
    /// Some of the rows.
    pub samples: Vec<Sample>,
    /// What in the column's mapping would allow it.
    pub allowed_by: Option<String>,
    /// All of it in a sentence.
    pub summary: String,
}

/// A row of a finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Its key.
    pub key: String,
    /// The source's value, as the target was to have it.
    pub legacy: Option<String>,
    /// The target's value.
    pub modern: Option<String>,
}

/// Differences as they come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tally {
    groups: Vec<Group>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Group {
    column: Option<String>,
    cause: Cause,
    rows: u64,
    unconfirmed: u64,
    samples: Vec<Sample>,
    /// How far the values are apart, while that is the same in every row.
    offset: Option<Number>,
    /// Pairs of values and how many rows have each; empty once there are too many.
    pairs: Vec<(String, String, u64)>,
    /// Whether there are too many.
    scattered: bool,
}

impl Tally {
    /// Adds a row for which there is nothing to show but its key.
    pub(super) fn row(&mut self, cause: Cause, column: Option<&str>, key: &str, confirmed: bool) {
        let group = self.group(cause, column, confirmed);
        group.sample(|| Sample {
            key: key.to_owned(),
            legacy: None,
            modern: None,
        });
    }

    /// Adds values of a column that differ.
    pub(super) fn values(
        &mut self,
        column: &str,
        key: &str,
        values: (&Value, &Value),
        confirmed: bool,
    ) {
        let (expected, found) = values;
        let cause = cause::of(expected, found);
        let by_value = cause == Cause::Other;
        let group = self.group(cause, Some(column), confirmed);
        if by_value {
            group.learn(expected, found);
        }
        group.sample(|| Sample {
            key: key.to_owned(),
            legacy: Some(expected.to_string()),
            modern: Some(found.to_string()),
        });
    }

    /// Adds the differences of other rows.
    pub(super) fn add(&mut self, other: Self) {
        for more in other.groups {
            let same =
                |group: &&mut Group| group.cause == more.cause && group.column == more.column;
            match self.groups.iter_mut().find(same) {
                Some(group) => group.add(more),
                None => self.groups.push(more),
            }
        }
    }

    /// The findings of a table, those of most rows first.
    pub(super) fn findings(&self, table: &str) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self
            .groups
            .iter()
            .map(|group| group.finding(table))
            .collect();
        findings.sort_by_key(|finding| {
            std::cmp::Reverse(finding.rows.saturating_add(finding.unconfirmed))
        });
        findings
    }

    fn group(&mut self, cause: Cause, column: Option<&str>, confirmed: bool) -> &mut Group {
        let cause = match self.groups.len() {
            0..GROUPS => cause,
            _ => Cause::Other,
        };
        let known = |group: &Group| group.cause == cause && group.column.as_deref() == column;
        let at = self.groups.iter().position(known);
        let at = at.unwrap_or_else(|| {
            self.groups.push(Group {
                column: column.map(str::to_owned),
                cause,
                rows: 0,
                unconfirmed: 0,
                samples: Vec::new(),
                offset: None,
                pairs: Vec::new(),
                scattered: false,
            });
            self.groups.len() - 1
        });
        // The position was found or made just now.
        let group = &mut self.groups[at];
        let count = if confirmed {
            &mut group.rows
        } else {
            &mut group.unconfirmed
        };
        *count = count.saturating_add(1);
        group
    }
}

impl Group {
    fn sample(&mut self, sample: impl FnOnce() -> Sample) {
        if self.samples.len() < SAMPLES {
            self.samples.push(sample());
        }
    }

    fn all(&self) -> u64 {
        self.rows.saturating_add(self.unconfirmed)
    }

    /// Learns whether a difference of no cause in itself has one in common with others.
    fn learn(&mut self, expected: &Value, found: &Value) {
        let offset = cause::offset(expected, found);
        if self.all() == 1 {
            self.offset = offset;
        } else if self.offset != offset {
            self.offset = None;
        }
        if !self.scattered {
            self.pair(expected.to_string(), found.to_string(), 1);
        }
    }

    fn pair(&mut self, expected: String, found: String, rows: u64) {
        let known = |pair: &&mut (String, String, u64)| pair.0 == expected && pair.1 == found;
        let room = self.pairs.len() < PAIRS;
        match self.pairs.iter_mut().find(known) {
            Some(pair) => pair.2 = pair.2.saturating_add(rows),
            None if room => self.pairs.push((expected, found, rows)),
            None => {
                self.scattered = true;
                self.pairs.clear();
            }
        }
    }

    fn add(&mut self, other: Self) {
        if self.offset != other.offset {
            self.offset = None;
        }
        self.rows = self.rows.saturating_add(other.rows);
        self.unconfirmed = self.unconfirmed.saturating_add(other.unconfirmed);
        if other.scattered {
            self.scattered = true;
            self.pairs.clear();
        }
        for (expected, found, rows) in other.pairs {
            if !self.scattered {
                self.pair(expected, found, rows);
            }
        }
        for sample in other.samples {
            self.sample(|| sample);
        }
    }

    fn cause(&self) -> Cause {
        if self.cause != Cause::Other || self.all() < 2 {
            return self.cause.clone();
        }
        if let Some(by) = self.offset {
            return Cause::Offset { by: by.to_string() };
        }
        let repeated = self.all() >= 2 * self.pairs.len() as u64;
        let one_each = self.pairs.iter().enumerate().all(|(at, pair)| {
            let later = self.pairs.iter().skip(at + 1);
            later.into_iter().all(|other| other.0 != pair.0)
        });
        if self.pairs.is_empty() || !repeated || !one_each {
            Cause::Other
        } else {
            {
                let values = self.pairs.iter();
                Cause::Mapped {
                    values: values
                        .map(|pair| (pair.0.clone(), pair.1.clone()))
                        .collect(),
                }
            }
        }
    }

    fn finding(&self, table: &str) -> Finding {
        let cause = self.cause();
        let allowed_by = allowed_by(&cause);
        let place = match &self.column {
            Some(column) => format!("{table}.{column}"),
            None => table.to_owned(),
        };
        let mut summary = match (self.rows, self.unconfirmed) {
            (rows, 0) => counted(rows),
            (0, more) => format!("{}, read once", counted(more)),
            (rows, more) => format!(
                "{}, and {} more that were read once",
                counted(rows),
                grouped(more)
            ),
        };
        summary.push_str(": ");
        summary.push_str(&said(&cause, &place));
        if let Some(line) = &allowed_by {
            summary.push_str("; allowed by ");
            summary.push_str(line);
        }
        Finding {
            column: self.column.clone(),
            cause,
            rows: self.rows,
            unconfirmed: self.unconfirmed,
            samples: self.samples.clone(),
            allowed_by,
            summary,
        }
    }
}

/// What in a column's mapping makes such values equal, or brings them over as they are found.
fn allowed_by(cause: &Cause) -> Option<String> {
    let quoted = |text: &str| toml::Value::String(text.trim_matches('"').to_owned()).to_string();
    Some(match cause {
        Cause::TrailingBlanks => "compare = { trim = true }".to_owned(),
        Cause::LetterCase => "compare = { case = true }".to_owned(),
        Cause::NullForEmpty => "compare = { empty = true }".to_owned(),
        Cause::Rounding => "compare = { within = \"0.01\" }".to_owned(),
        Cause::Ticks => "compare = { within = \"4ms\" }".to_owned(),
        Cause::FewerDigits => "compare = { within = \"1s\" }".to_owned(),
        Cause::ZoneOffset { minutes } => {
            format!("compare = {{ within = \"{}m\" }}", minutes.unsigned_abs())
        }
        Cause::Offset { by } => {
            format!(
                "compare = {{ within = \"{}\" }}",
                by.trim_start_matches('-')
            )
        }
        Cause::Sentinel { value } => format!("null_if = [{}]", quoted(value)),
        Cause::Mapped { values } => {
            let pairs: Vec<String> = values
                .iter()
                .map(|(from, to)| format!("{} = {}", quoted(from), quoted(to)))
                .collect();
            format!("map = {{ {} }}", pairs.join(", "))
        }
        _ => return None,
    })
}

fn said(cause: &Cause, place: &str) -> String {
    match cause {
        Cause::Missing => format!("missing in {place}"),
        Cause::MissingByKey => format!("missing in {place}, but for case or blanks of the key"),
        Cause::Extra => format!("extra in {place}"),
        Cause::ExtraByKey => format!("extra in {place}, but for case or blanks of the key"),
        Cause::TrailingBlanks => format!("trailing blanks in {place}"),
        Cause::LetterCase => format!("letter case in {place}"),
        Cause::UnicodeForm => format!("another Unicode form in {place}"),
        Cause::NullForEmpty => format!("null against an empty text in {place}"),
        Cause::Sentinel { value } => format!("null against {value} in {place}"),
        Cause::Null => format!("null against a value in {place}"),
        Cause::Rounding => format!("at most 0.01 apart in {place}"),
        Cause::PointLost => format!("a lost decimal point in {place}"),
        Cause::Offset { by } => format!("apart by {by} in {place}"),
        Cause::ZoneOffset { minutes } => format!(
            "apart by {}{}:{:02} h, as time zones are, in {place}",
            if *minutes < 0 { "-" } else { "+" },
            minutes.unsigned_abs() / 60,
            minutes.unsigned_abs() % 60
        ),
        Cause::Ticks => format!("another writing of 1/300 s in {place}"),
        Cause::FewerDigits => format!("fewer digits of a second in {place}"),
        Cause::Truncated { characters } => {
            format!("cut off after {characters} characters in {place}")
        }
        Cause::ByteOrder => format!("another order of a UUID's bytes in {place}"),
        Cause::Mapped { values } => {
            format!("{} values that are always others in {place}", values.len())
        }
        Cause::NotComparable { fault } => {
            format!("not comparable, since a value of {place} {fault}")
        }
        Cause::Figures => format!("counts or sums differ in {place}"),
        Cause::Sequence => format!("the counter of {place} is behind its greatest value"),
        Cause::Other => format!("another value in {place}"),
    }
}

fn counted(rows: u64) -> String {
    match rows {
        1 => "1 row".to_owned(),
        rows => format!("{} rows", grouped(rows)),
    }
}

/// `12431` as `12,431`.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests;
