//! Rows that the target is to have as they are: they are taken over, and not copied.

use super::{Reading, Step};
use crate::mapping::Change;
use crate::schema::Type;
use crate::value::{Row, Value, time};

/// Where each column of the target is in the source's row, if every one is one of those as it is.
#[derive(Debug, Clone)]
pub(crate) struct Taken(Option<Vec<usize>>);

impl Taken {
    /// By the steps of a table.
    pub(crate) fn of(steps: &[Step]) -> Self {
        Self(moves(steps))
    }

    /// For each column of the target, its place in the source's row.
    pub(crate) fn places(&self) -> Option<&[usize]> {
        self.0.as_deref()
    }

    /// The row as these steps make it, if they leave each of its values as it is; any other row
    /// comes back.
    pub(crate) fn over(&self, steps: &[Step], mut row: Row) -> Result<Row, Row> {
        let Some(moves) = &self.0 else {
            return Err(row);
        };
        let mut pairs = moves.iter().zip(steps);
        if !pairs.all(|(at, step)| row.get(*at).is_some_and(|value| fits(value, step))) {
            return Err(row);
        }
        if moves.len() == row.len() && moves.iter().enumerate().all(|(to, from)| to == *from) {
            return Ok(row);
        }
        let mut take = |at: &usize| row.get_mut(*at).map(std::mem::take);
        Ok(moves
            .iter()
            .map(|at| take(at).unwrap_or_default())
            .collect())
    }
}

/// The places that steps read which leave values as they are, each no more than once.
fn moves(steps: &[Step]) -> Option<Vec<usize>> {
    let mut places = Vec::with_capacity(steps.len());
    for step in steps {
        match step.reading {
            Reading::At(place) if leaves(&step.change) && !places.contains(&place) => {
                places.push(place);
            }
            _ => return None,
        }
    }
    Some(places)
}

/// Whether a change leaves a value as it is that has the step's type already.
pub(crate) fn leaves(change: &Change) -> bool {
    !change.touches_texts() && !change.ticks && change.units.is_none() && change.when_null.is_none()
}

/// Whether a value is already what a column of this type gives.
pub(crate) fn is_of(value: &Value, kind: &Type) -> bool {
    match (value, kind) {
        (Value::Null, _)
        | (Value::Int(_), Type::Int { .. })
        | (Value::Text(_), Type::Text { .. } | Type::Json)
        | (Value::Bool(_), Type::Bool)
        | (Value::Bytes(_), Type::Bytes)
        | (Value::Date(_), Type::Date)
        | (Value::Uuid(_), Type::Uuid)
        | (Value::Number(_), Type::Decimal { bounds: None })
        | (Value::Float(_), Type::Float { bits: 64 }) => true,
        (
            Value::Number(number),
            Type::Decimal {
                bounds: Some((_, places)),
            },
        ) => number.scale() <= *places,
        (Value::Time(ticks), Type::Time { digits })
        | (Value::Naive(ticks), Type::Naive { digits })
        | (Value::Instant(ticks), Type::Instant { digits }) => {
            *digits >= 7 || time::rounded(*ticks, *digits) == *ticks
        }
        _ => false,
    }
}

/// Whether a value of the source becomes itself in a step that changes nothing.
fn fits(value: &Value, step: &Step) -> bool {
    is_of(value, &step.kind)
        && match (value, &step.kind) {
            (Value::Null, _) => step.nullable,
            (Value::Int(integer), Type::Int { least, most }) => (least..=most).contains(&integer),
            (
                Value::Text(text),
                Type::Text {
                    most: Some(most), ..
                },
            ) => text.len() <= *most as usize,
            (
                Value::Number(number),
                Type::Decimal {
                    bounds: Some((digits, places)),
                },
            ) => number.whole_digits() <= u32::from(digits.saturating_sub(*places)),
            _ => true,
        }
}
