//! What a row is called: the values of its key columns.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use super::Value;

/// The values of a row's key columns, in the key's order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(pub Box<[Value]>);

impl Key {
    /// The key of a row, by the positions of its columns; a position that is not there is null.
    pub fn of(row: &[Value], positions: &[usize]) -> Self {
        let value = |position: &usize| row.get(*position).cloned().unwrap_or(Value::Null);
        Self(positions.iter().map(value).collect())
    }

    /// The key as one text, as ids are written: the value itself, without quotes, or the values
    /// of several columns with commas between them. Different keys of a table have different ids.
    pub fn id(&self) -> String {
        match &*self.0 {
            [value] => value.bare().into_owned(),
            values => {
                let escaped = |value: &Value| value.bare().replace('\\', r"\\").replace(',', r"\,");
                values.iter().map(escaped).collect::<Vec<_>>().join(",")
            }
        }
    }

    /// Whether each of its values is one, and was read exactly: others bound nothing.
    pub fn is_known(&self) -> bool {
        let mut values = self.0.iter();
        values.all(|value| !matches!(value, Value::Null | Value::Unreadable(_)))
    }

    /// The key as it is kept in a checkpoint.
    pub fn to_json(&self) -> String {
        // Values of a key are neither floats nor maps, so there is nothing that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// A key that was kept in a checkpoint.
    pub fn from_json(json: &str) -> serde_json::Result<Self> {
        serde_json::from_str(json)
    }
}

/// The order of the values' canonical forms: numbers by value, texts and bytes by bytes. A store
/// says of each column whether that is its own order.
impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        let values = self.0.iter().zip(&other.0);
        let differing = values.map(|(one, two)| one.in_order(two));
        differing
            .fold(Ordering::Equal, Ordering::then)
            .then(self.0.len().cmp(&other.0.len()))
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Eq for Key {}

/// Equal keys have equal canonical bytes.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut bytes = Vec::with_capacity(16 * self.0.len());
        for value in &self.0 {
            value.canonical(&mut bytes);
        }
        state.write(&bytes);
    }
}

impl Value {
    /// The order that [`Key`] has in each of its values.
    pub fn in_order(&self, other: &Self) -> Ordering {
        use Value::{Bool, Bytes, Date, Instant, Int, Naive, Number, Text, Time, Uuid};
        match (self, other) {
            (Int(one), Int(two))
            | (Time(one), Time(two))
            | (Naive(one), Naive(two))
            | (Instant(one), Instant(two)) => one.cmp(two),
            (Number(one), Number(two)) => one.cmp(two),
            (Int(one), Number(two)) => super::Number::from(*one).cmp(two),
            (Number(one), Int(two)) => one.cmp(&super::Number::from(*two)),
            (Text(one), Text(two)) => one.as_bytes().cmp(two.as_bytes()),
            (Bytes(one), Bytes(two)) => one.cmp(two),
            (Date(one), Date(two)) => one.cmp(two),
            (Uuid(one), Uuid(two)) => one.cmp(two),
            (Bool(one), Bool(two)) => one.cmp(two),
            // Values of two kinds have any one order that is the same every time.
            _ => {
                let (mut left, mut right) = (Vec::new(), Vec::new());
                self.canonical(&mut left);
                other.canonical(&mut right);
                left.cmp(&right)
            }
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, value) in self.0.iter().enumerate() {
            if position > 0 {
                write!(f, ", ")?;
            }
            write!(f, "{value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, Value};

    fn key(values: &[Value]) -> Key {
        Key(values.into())
    }

    #[test]
    fn a_key_comes_back_from_its_json() {
        let kept = key(&[
            Value::Int(-7),
            Value::text("a\"b\0"),
            Value::Uuid([7; 16]),
            Value::Number("10.50".parse().expect("a number")),
        ]);
        assert_eq!(Key::from_json(&kept.to_json()).expect("json"), kept);
    }

    #[test]
    fn different_keys_have_different_ids() {
        let id = |parts: &[&str]| key(&parts.iter().map(Value::text).collect::<Vec<_>>()).id();
        assert_eq!(id(&["a,b\\"]), "a,b\\", "an id of one column is its value");
        assert_eq!(id(&["a", "b"]), "a,b");
        let bytes = |last| key(&[Value::Bytes([[7; 63].as_slice(), &[last]].concat().into())]).id();
        assert_ne!(bytes(1), bytes(2), "the whole of it counts");
        for (one, two) in [
            (["a,b", "c"], ["a", "b,c"]),
            (["a\\", "b"], ["a", "\\b"]),
            (["a\\", ",b"], ["a\\,", "b"]),
        ] {
            assert_ne!(id(&one), id(&two), "{one:?} {two:?}");
        }
    }

    #[test]
    fn keys_are_ordered_column_by_column() {
        let (a, b) = (Value::text("a"), Value::text("B"));
        let ordered = [
            key(&[Value::Int(1), b.clone()]),
            key(&[Value::Int(1), a.clone()]),
            key(&[Value::Int(2), b]),
            key(&[Value::Int(10), a]),
        ];
        assert!(ordered.is_sorted());
    }

    #[test]
    fn an_integer_is_the_number_of_its_value() {
        let number = Value::Number("17.00".parse().expect("a number"));
        assert_eq!(
            key(&[Value::Int(17)]).cmp(&key(&[number])),
            std::cmp::Ordering::Equal
        );
    }
}
