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

    /// An error where they are more than a page may be.
    fn fits(&self) -> Result<(), TooMuch>;
}

/// Bytes of a page's texts and bytes, at most, where it is more than one row.
const MOST: usize = 32 << 20;

/// Rows of a page that are more bytes than are taken at a time: fewer are to be asked for.
#[derive(Debug, thiserror::Error)]
#[error("{rows} rows are more than {MOST} bytes")]
pub(crate) struct TooMuch {
    /// How many of them were read.
    pub(crate) rows: usize,
}

/// An error where so many rows of so many bytes are more than a page may be.
pub(super) fn fits(rows: usize, bytes: usize) -> Result<(), TooMuch> {
    if rows > 1 && bytes > MOST {
        Err(TooMuch { rows })
    } else {
        Ok(())
    }
}

/// Rows of values.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) done: Vec<Row>,
    row: Row,
    /// Bytes of texts and bytes.
    bytes: usize,
    /// Whether they are a page, and not the rows of keys that somebody has counted.
    page: bool,
}

impl Rows {
    /// Rows that are asked for without knowing how long they are.
    pub(super) fn page() -> Self {
        Self {
            page: true,
            ..Self::default()
        }
    }
}

impl Gather for Rows {
    fn value(&mut self, value: Value) {
        self.row.push(value);
    }

    fn text(&mut self, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(bytes.len());
        let text = CompactString::from_utf8(bytes);
        self.row.push(text.map_or_else(|_| no_text(), Value::Text));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.bytes = self.bytes.saturating_add(bytes.len());
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

    fn fits(&self) -> Result<(), TooMuch> {
        if self.page {
            fits(self.count(), self.bytes)
        } else {
            Ok(())
        }
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

    fn fits(&self) -> Result<(), TooMuch> {
        fits(self.len(), Packed::bytes(self))
    }
}

fn no_text() -> Value {
    Value::unreadable("a text that is no UTF-8")
}
