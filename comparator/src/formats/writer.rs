//! Writes JSON of bounded size.

use std::fmt::Write;

use crate::Undecodable;
use crate::json::Failure;

/// A JSON text in the making. Whoever writes sees to its grammar; commas come by themselves.
pub(super) struct Writer {
    text: String,
    most: usize,
}

impl Writer {
    pub(super) fn new(most: usize) -> Self {
        Self {
            text: String::new(),
            most,
        }
    }

    pub(super) fn open(&mut self) {
        self.text.push('{');
    }

    pub(super) fn close(&mut self) {
        self.text.push('}');
    }

    /// A key; its value comes next.
    pub(super) fn key(&mut self, name: &str) -> Result<(), Failure> {
        if !self.text.ends_with(['{']) && !self.text.is_empty() {
            self.text.push(',');
        }
        self.string(name)?;
        self.text.push(':');
        Ok(())
    }

    pub(super) fn string(&mut self, text: &str) -> Result<(), Failure> {
        self.text.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => self.text.extend(['\\', c]),
                '\0'..'\u{20}' => {
                    // Writing to a string cannot fail.
                    let _ = write!(self.text, "\\u{:04x}", u32::from(c));
                }
                _ => self.text.push(c),
            }
        }
        self.text.push('"');
        if self.text.len() > self.most {
            return Err(Failure::GaveUp(Undecodable::LimitSize));
        }
        Ok(())
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}
