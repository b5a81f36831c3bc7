//! Whether a source's row and a target's are equal, by the plan of their table: the source's takes
//! the steps that loading takes, and each column is compared as the mapping says.
//!
//! Pure: what is read, and when, is decided elsewhere.

use std::borrow::Cow;

use crate::mapping::{Change, Compare};
use crate::plan::TablePlan;
use crate::schema::{ColumnSchema, Type};
use crate::transform::{BadValue, Reading, Step, Taken, convert, is_of, leaves, transform};
use crate::value::{Digest, Key, Number, Row, Value, time};

use super::json;

/// Judges the rows of one table.
#[derive(Debug, Clone)]
pub(super) struct Judge {
    steps: Vec<Step>,
    /// Positions of the target's key.
    key: Vec<usize>,
    /// Positions of the source's key, and how many columns are read there.
    source_key: Vec<usize>,
    width: usize,
    /// For each column of the source's key, where its value is in the target's key; nothing where
    /// the target's key does not tell it.
    inverse: Option<Vec<usize>>,
    taken: Taken,
}

/// What a pair of rows turned out to be.
#[derive(Debug, PartialEq)]
pub(super) enum Pair {
    Equal,
    /// They differ in the columns at these positions.
    Different(Vec<usize>),
    /// A value cannot be read, and nothing else differs.
    NotComparable(BadValue),
}

impl Judge {
    pub(super) fn of(table: &TablePlan) -> Self {
        Self {
            steps: table.steps.clone(),
            key: table.destination.key.clone(),
            source_key: table.select.key.clone(),
            width: table.select.columns.len(),
            inverse: inverse(table),
            taken: Taken::of(&table.steps),
        }
    }

    /// The source's row as the target is to have it.
    pub(super) fn expected(&self, row: &[Value]) -> Result<Row, BadValue> {
        transform(&self.steps, row)
    }

    /// The same of a row that the target is to have as it is, and that nothing has to be kept of;
    /// any other row comes back.
    pub(super) fn taken(&self, row: Row) -> Result<Row, Row> {
        if self.inverse.is_none() {
            return Err(row);
        }
        self.taken.over(&self.steps, row)
    }

    /// The target's row with each value as its step's type holds it. One that its type does not
    /// hold stays what it is, and is different then.
    pub(super) fn found(&self, mut row: Row) -> Row {
        for (value, step) in row.iter_mut().zip(&self.steps) {
            held(value, step);
        }
        row
    }

    /// A key as the target gives it, with each value as its step's type holds it.
    pub(super) fn found_key(&self, mut key: Row) -> Key {
        let steps = self.key.iter().map(|position| self.steps.get(*position));
        for (value, step) in key.iter_mut().zip(steps) {
            if let Some(step) = step {
                held(value, step);
            }
        }
        Key(key.into())
    }

    /// Positions of the target's key.
    pub(super) fn key(&self) -> &[usize] {
        &self.key
    }

    /// The key of a row of the target, or of an expected one.
    pub(super) fn key_of(&self, row: &[Value]) -> Key {
        Key::of(row, &self.key)
    }

    /// The key that the target is to have for a source's row, of which only the key need be there.
    pub(super) fn key_for(&self, row: &[Value]) -> Result<Key, BadValue> {
        let steps = self
            .key
            .iter()
            .filter_map(|position| self.steps.get(*position));
        Ok(Key(steps
            .map(|step| step.of(row))
            .collect::<Result<_, _>>()?))
    }

    /// The key that the target is to have for a source's key.
    pub(super) fn target_key(&self, key: &Key) -> Result<Key, BadValue> {
        let mut row = vec![Value::Null; self.width];
        for (position, value) in self.source_key.iter().zip(&key.0) {
            if let Some(place) = row.get_mut(*position) {
                *place = value.clone();
            }
        }
        self.key_for(&row)
    }

    /// Whether a key of the target tells the source's.
    pub(super) fn inverts(&self) -> bool {
        self.inverse.is_some()
    }

    /// The source's key for one of the target, where that tells it.
    pub(super) fn source_key(&self, key: &Key) -> Option<Key> {
        Some(Key::of(&key.0, self.inverse.as_ref()?))
    }

    /// The order of the keys of an expected row and a found one.
    pub(super) fn order(&self, one: &[Value], two: &[Value]) -> std::cmp::Ordering {
        let mut values = self
            .key
            .iter()
            .filter_map(|at| one.get(*at).zip(two.get(*at)));
        values
            .find_map(|(one, two)| Some(one.in_order(two)).filter(|order| order.is_ne()))
            .unwrap_or(std::cmp::Ordering::Equal)
    }

    /// Holds an expected row against a found one.
    pub(super) fn pair(&self, expected: &[Value], found: &[Value]) -> Pair {
        let mut differing = Vec::new();
        let mut unreadable = None;
        let values = expected.iter().zip(found).zip(&self.steps);
        for (position, ((expected, found), step)) in values.enumerate() {
            // Nearly all values are equal as they are.
            if expected == found && !matches!(expected, Value::Unreadable(_)) {
                continue;
            }
            if step.compare.ignore {
                continue;
            }
            if let Value::Unreadable(what) = found {
                unreadable.get_or_insert_with(|| BadValue {
                    column: step.to.clone(),
                    value: what.to_string(),
                    fault: "cannot be read exactly".to_owned(),
                });
            } else if !same(expected, found, step) {
                differing.push(position);
            }
        }
        match (differing.as_slice(), unreadable) {
            ([], None) => Pair::Equal,
            ([], Some(bad)) => Pair::NotComparable(bad),
            _ => Pair::Different(differing),
        }
    }

    /// The column at a position.
    pub(super) fn step(&self, position: usize) -> Option<&Step> {
        self.steps.get(position)
    }
}

fn held(value: &mut Value, step: &Step) {
    if !is_of(value, &step.kind)
        && let Ok(converted) = convert(value, &step.kind, &Change::default())
    {
        *value = converted;
    }
}

/// What tells two versions of a row apart.
pub(super) fn version(row: &[Value]) -> Digest {
    let mut bytes = Vec::with_capacity(16 * row.len());
    for value in row {
        value.canonical(&mut bytes);
    }
    xxhash_rust::xxh3::xxh3_128(&bytes)
}

/// Whether two values that are not the same as they are count as equal.
fn same(expected: &Value, found: &Value, step: &Step) -> bool {
    let compare = &step.compare;
    if near(expected, found, compare) {
        return true;
    }
    let (expected, found) = (allowed(expected, compare), allowed(found, compare));
    if step.kind == Type::Json
        && let (Value::Text(one), Value::Text(two)) = (&*expected, &*found)
    {
        let form = json::form(one);
        return form.is_some() && form == json::form(two);
    }
    let bytes = |value: &Value| {
        let mut bytes = Vec::new();
        value.canonical(&mut bytes);
        bytes
    };
    bytes(&expected) == bytes(&found)
}

/// The value without what is allowed to differ.
fn allowed<'v>(value: &'v Value, compare: &Compare) -> Cow<'v, Value> {
    let Value::Text(text) = value else {
        return Cow::Borrowed(value);
    };
    let text = if compare.trim {
        text.trim_end_matches(' ')
    } else {
        text.as_str()
    };
    if compare.empty && text.is_empty() {
        return Cow::Owned(Value::Null);
    }
    if compare.case {
        Cow::Owned(Value::text(text.to_lowercase()))
    } else if compare.trim {
        Cow::Owned(Value::text(text))
    } else {
        Cow::Borrowed(value)
    }
}

/// Whether numbers or times are as near as is allowed.
fn near(one: &Value, two: &Value, compare: &Compare) -> bool {
    use Value::{Date, Float, Instant, Naive, Time};
    if let Some(most) = compare.number {
        if let (Float(one), Float(two)) = (one, two) {
            let most: f64 = most.to_string().parse().unwrap_or(0.0);
            return (one - two).abs() <= most;
        }
        let numbers = number(one).zip(number(two));
        let distance = numbers.and_then(|(one, two)| one.distance(two));
        return distance.is_some_and(|distance| distance <= most);
    }
    let Some(most) = compare.time else {
        return false;
    };
    let apart = match (one, two) {
        (Time(one), Time(two)) | (Naive(one), Naive(two)) | (Instant(one), Instant(two)) => {
            u128::from(one.abs_diff(*two))
        }
        (Date(one), Date(two)) => {
            u128::from(one.abs_diff(*two)) * u128::from(time::DAY.unsigned_abs())
        }
        _ => return false,
    };
    apart * 100 <= most.as_nanos()
}

/// The exact number that a value is.
pub(super) fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Int(integer) => Some((*integer).into()),
        Value::Number(number) => Some(*number),
        _ => None,
    }
}

/// Where the source's key is in the target's, if every part of it is there unchanged.
fn inverse(table: &TablePlan) -> Option<Vec<usize>> {
    let place = |at: &usize| {
        let column = table.select.columns.get(*at)?;
        table.destination.key.iter().position(|position| {
            table
                .steps
                .get(*position)
                .is_some_and(|step| keeps(column, *at, step))
        })
    };
    table.select.key.iter().map(place).collect()
}

/// Whether a step leaves every value of the column at this place as it is.
fn keeps(column: &ColumnSchema, at: usize, step: &Step) -> bool {
    let kinds = match (&column.kind, &step.kind) {
        (Type::Time { digits: from }, Type::Time { digits: to })
        | (Type::Naive { digits: from }, Type::Naive { digits: to })
        | (Type::Instant { digits: from }, Type::Instant { digits: to }) => from <= to,
        (Type::Text { padded, .. }, Type::Text { .. }) => !padded,
        (from, to) => std::mem::discriminant(from) == std::mem::discriminant(to),
    };
    matches!(step.reading, Reading::At(position) if position == at) && kinds && leaves(&step.change)
}
