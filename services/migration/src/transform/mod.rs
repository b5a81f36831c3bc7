//! Turns a source's row into the target's. Pure: no database, no clock.
//!
//! A value that cannot come over exactly refuses its row, and says why; nothing is cut off or
//! rounded unless the mapping says so. The one exception is a second's digits beyond those that
//! the target's column keeps: they are rounded, a half up, by loading and comparing alike.

mod convert;
mod taken;
mod text;

use compact_str::CompactString;
use uuid::Uuid;

pub use convert::convert;
pub(crate) use taken::{Taken, is_of, leaves};

use crate::mapping::{Change, Compare};
use crate::schema::Type;
use crate::value::{Key, Row, Value};

/// The namespace of the ids that are made here, by RFC 9562, 5.5: they are the same in every run.
const NAMESPACE: Uuid = Uuid::from_u128(0x6ba2_5c4b_6a1c_5d0e_9d5c_3a3b_0c75_11e2);

/// What becomes of one column of the target.
#[derive(Debug, Clone)]
pub struct Step {
    /// The target's column.
    pub to: String,
    /// The source's column or columns, as messages name them.
    pub from: String,
    /// Where in the source's row its values are.
    pub reading: Reading,
    /// How they change.
    pub change: Change,
    /// What they become.
    pub kind: Type,
    /// The source's type, where the column is of the key and values of that type can become one:
    /// a value that does not come back as it was is refused then.
    pub names: Option<Type>,
    /// Whether the column takes null.
    pub nullable: bool,
    /// How they are compared.
    pub compare: Compare,
}

/// Where a value comes from, by positions in the source's row.
#[derive(Debug, Clone)]
pub enum Reading {
    /// One place.
    At(usize),
    /// Several places, with a text between them.
    Joined(Vec<usize>, String),
    /// A part of one place, between separators.
    Part(usize, String, usize),
    /// The same every time.
    Constant(CompactString),
    /// An id made of the entity's name and the key.
    Generated(String, Vec<usize>),
}

/// Why a row cannot come over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{column}: {value} {fault}")]
pub struct BadValue {
    /// The source's column.
    pub column: String,
    /// The value, shortened.
    pub value: String,
    /// What is wrong with it.
    pub fault: String,
}

/// The row as the target is to have it.
pub fn transform(steps: &[Step], row: &[Value]) -> Result<Row, BadValue> {
    steps.iter().map(|step| step.of(row)).collect()
}

impl Step {
    /// The column's value of a source's row.
    pub fn of(&self, row: &[Value]) -> Result<Value, BadValue> {
        let at = |position: &usize| row.get(*position).unwrap_or(&Value::Null);
        let made;
        let value = match &self.reading {
            Reading::At(position) => at(position),
            Reading::Joined(positions, between) => {
                made = text::joined(positions.iter().map(at), between);
                &made
            }
            Reading::Part(position, between, part) => {
                made = text::part(at(position), between, *part);
                &made
            }
            Reading::Constant(text) => {
                made = Value::Text(text.clone());
                &made
            }
            Reading::Generated(entity, key) => {
                let id = generated(entity, &Key::of(row, key).id());
                made = Value::Uuid(id.into_bytes());
                &made
            }
        };
        self.judged(value).map_err(|fault| BadValue {
            column: self.from.clone(),
            value: value.to_string(),
            fault,
        })
    }

    fn judged(&self, given: &Value) -> Result<Value, String> {
        let changed = text::changed(&self.change, given)?;
        let value = convert(changed.as_ref(), &self.kind, &self.change)?;
        if value.is_null() && !self.nullable {
            return Err(format!("cannot be null in {}", self.to));
        }
        if let Some(from) = &self.names
            && !self.comes_back(from, given, &value)
        {
            return Err(format!(
                "becomes {value}, as other values would: it cannot be the key"
            ));
        }
        Ok(value)
    }

    /// Whether what was made of a value becomes that value again.
    fn comes_back(&self, from: &Type, given: &Value, made: &Value) -> bool {
        // The way there goes by these too, but for the letters' case, which is what is looked at.
        let as_read = Change {
            case: None,
            ..self.change.clone()
        };
        let given = text::changed(&as_read, given)
            .and_then(|given| convert(given.as_ref(), from, &as_read));
        let back = convert(made, from, &as_read).and_then(|back| {
            let cased = Change {
                case: self.change.case,
                ..Change::default()
            };
            Ok(text::changed(&cased, &back)?.into_owned())
        });
        given.is_ok() && given == back
    }
}

/// The id that a legacy row of an entity is given: the same for the same key, in every run.
pub fn generated(entity: &str, key: &str) -> Uuid {
    let mut name = entity.as_bytes().to_vec();
    // A separator that is in no entity's name keeps names and keys apart.
    name.push(0);
    name.extend(key.as_bytes());
    Uuid::new_v5(&NAMESPACE, &name)
}

#[cfg(test)]
mod tests;
