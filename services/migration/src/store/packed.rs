//! Rows in one piece of memory: the canonical forms of their values, one behind the other.
//!
//! Two such rows of the same columns are equal exactly where their bytes are. So a page of them is
//! compared without a value being made; a key is made where it is asked for, and rows that differ.

use crate::schema::{ColumnSchema, Type};
use crate::value::canonical::{self, Form};
use crate::value::{Row, Value};

/// A page of rows.
#[derive(Debug, Default)]
pub struct Packed {
    bytes: Vec<u8>,
    /// Where each row ends.
    ends: Vec<usize>,
    /// Whether a value among them could not be read exactly.
    unreadable: bool,
}

impl Packed {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes that a row takes on average.
    pub fn mean(&self) -> usize {
        self.bytes.len() / self.len().max(1) + size_of::<usize>()
    }

    /// A row's values at these positions.
    pub fn at(&self, number: usize, positions: &[usize]) -> impl Iterator<Item = Value> {
        let form = self.form(number).unwrap_or_default();
        positions.iter().map(move |position| {
            let value = canonical::forms(form).nth(*position);
            value.and_then(Form::value).unwrap_or(Value::Null)
        })
    }

    /// A row as values of these columns; nothing behind the last.
    pub fn row(&self, number: usize, columns: &[ColumnSchema]) -> Option<Row> {
        let values = canonical::forms(self.form(number)?).map_while(Form::value);
        let of = |(value, column): (Value, &ColumnSchema)| match (value, &column.kind) {
            // An integer has the form of the number that it equals.
            (Value::Int(integer), Type::Decimal { .. }) => Value::Number(integer.into()),
            (value, _) => value,
        };
        Some(values.zip(columns).map(of).collect())
    }

    /// How many rows from this number on are equal to the other's from that number on. A value that
    /// could not be read exactly is equal to nothing, not even itself: none is, where there is one.
    pub fn equal(&self, number: usize, other: &Self, others: usize) -> usize {
        if self.unreadable || other.unreadable {
            return 0;
        }
        let pair = |step| Some((self.form(number + step)?, other.form(others + step)?));
        let pairs = (0..self.len()).map_while(pair);
        pairs.take_while(|(one, two)| one == two).count()
    }

    /// Drops the rows, for others to take their place.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.unreadable = false;
    }

    /// Bytes of the rows' values.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Makes room for so many bytes of values.
    pub fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve(bytes);
    }

    /// Bytes of memory that are held for rows.
    pub fn room(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<usize>()
    }

    /// Adds a value to the row that has begun.
    pub fn push(&mut self, value: &Value) {
        self.unreadable |= matches!(value, Value::Unreadable(_));
        value.canonical(&mut self.bytes);
    }

    /// The same of a text that no value was made of, which is UTF-8.
    pub fn push_text(&mut self, text: &[u8]) {
        canonical::text(&mut self.bytes, text);
    }

    /// The same of bytes.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        canonical::bytes(&mut self.bytes, bytes);
    }

    /// Ends the row that has begun.
    pub fn end_row(&mut self) {
        self.ends.push(self.bytes.len());
    }

    /// Forgets what was added to the row that has begun.
    pub fn undo_row(&mut self) {
        self.bytes.truncate(self.ends.last().copied().unwrap_or(0));
    }

    fn form(&self, number: usize) -> Option<&[u8]> {
        let before = number.checked_sub(1).and_then(|last| self.ends.get(last));
        let end = *self.ends.get(number)?;
        self.bytes.get(before.copied().unwrap_or(0)..end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Packed;
    use crate::value::canonical::{self, Form};
    use crate::value::{Number, Value};

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            (-3_i64..3).prop_map(Value::Int),
            any::<i64>().prop_map(Value::Int),
            (any::<i64>(), 1_u8..30).prop_map(|(units, scale)| {
                let number = Number::new(i128::from(units) * 10 + 7, scale).expect("fits");
                Value::Number(number)
            }),
            any::<f64>().prop_map(|float| Value::Float(float + 0.0)),
            "[a-c]{0,3}".prop_map(Value::text),
            "\\PC{0,40}".prop_map(Value::text),
            prop::collection::vec(any::<u8>(), 0..20).prop_map(|b| Value::Bytes(b.into())),
            any::<i32>().prop_map(Value::Date),
            any::<i64>().prop_map(Value::Time),
            any::<i64>().prop_map(Value::Naive),
            any::<i64>().prop_map(Value::Instant),
            any::<[u8; 16]>().prop_map(Value::Uuid),
            "[a-z]{0,9}".prop_map(Value::unreadable),
        ]
    }

    fn packed(rows: &[Vec<Value>]) -> Packed {
        let mut packed = Packed::default();
        for row in rows {
            for value in row {
                packed.push(value);
            }
            packed.end_row();
        }
        packed
    }

    proptest! {
        #[test]
        fn every_value_comes_back_from_its_form(values in prop::collection::vec(value(), 0..9)) {
            let mut form = Vec::new();
            for value in &values {
                value.canonical(&mut form);
            }
            let back: Vec<Value> = canonical::forms(&form).map_while(Form::value).collect();
            prop_assert_eq!(format!("{back:?}"), format!("{values:?}"));
        }

        #[test]
        fn rows_are_equal_where_each_of_their_values_is(
            one in prop::collection::vec(prop::collection::vec(value(), 3), 0..6),
            other in prop::collection::vec(prop::collection::vec(value(), 3), 0..6),
            common in 0_usize..6,
        ) {
            let other = [&one[..common.min(one.len())], &other[..]].concat();
            let pairs = one.iter().zip(&other);
            let expected = pairs.take_while(|(one, two)| format!("{one:?}") == format!("{two:?}"));
            let read = |row: &Vec<Value>| !row.iter().any(|v| matches!(v, Value::Unreadable(_)));
            let all_read = one.iter().chain(&other).all(read);
            let expected = if all_read { expected.count() } else { 0 };
            prop_assert_eq!(packed(&one).equal(0, &packed(&other), 0), expected);
        }

        #[test]
        fn bytes_that_are_no_form_are_no_value_and_no_panic(
            form in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            prop_assert!(canonical::forms(&form).map_while(Form::value).count() <= form.len());
        }
    }

    #[test]
    fn a_row_that_comes_again_is_there_once() {
        let mut rows = packed(&[vec![Value::Int(1)]]);
        rows.push(&Value::text("half a row"));
        rows.undo_row();
        rows.push_text(b"whole");
        rows.end_row();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows.at(1, &[0]).collect::<Vec<_>>(), [Value::text("whole")]);
    }
}
