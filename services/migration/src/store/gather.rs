//! What a server's rows are made into as they come, value by value: rows of values, or pages of
//! bytes to be compared.

use compact_str::CompactString;

use super::Packed;
use crate::value::{Row, Value};

/// Takes values as they come.
pub(super) trait Gather {
    /// The next value of a row.
    fn value(&mut self, value: Value);

    /// A text, as bytes that should be UTF-8.
    fn text(&mut self, bytes: &[u8]);

    /// Bytes.
    fn bytes(&mut self, bytes: &[u8]);

    /// The row has come to its end.
    fn end(&mut self);

    /// The row that has begun did not come to its end: it comes again.
    fn undo(&mut self);

    /// Rows that have come to their end.
    fn count(&self) -> usize;
}

/// Rows of values.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) done: Vec<Row>,
    row: Row,
}

impl Gather for Rows {
    fn value(&mut self, value: Value) {
        self.row.push(value);
    }

    fn text(&mut self, bytes: &[u8]) {
        let text = CompactString::from_utf8(bytes);
        self.row.push(text.map_or_else(|_| no_text(), Value::Text));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.row.push(Value::Bytes(bytes.into()));
    }

    fn end(&mut self) {
        // The next one is most likely as long.
        let next = Row::with_capacity(self.row.len());
        self.done.push(std::mem::replace(&mut self.row, next));
    }

    fn undo(&mut self) {
        self.row.clear();
    }

    fn count(&self) -> usize {
        self.done.len()
    }
}

impl Gather for Packed {
    fn value(&mut self, value: Value) {
        self.push(&value);
    }

    fn text(&mut self, bytes: &[u8]) {
        // Most texts are ASCII, which is found out in less time.
        if bytes.is_ascii() || std::str::from_utf8(bytes).is_ok() {
            self.push_text(bytes);
        } else {
            self.push(&no_text());
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.push_bytes(bytes);
    }

    fn end(&mut self) {
        self.end_row();
    }

    fn undo(&mut self) {
        self.undo_row();
    }

    fn count(&self) -> usize {
        self.len()
    }
}

fn no_text() -> Value {
    Value::unreadable("a text that is no UTF-8")
}
