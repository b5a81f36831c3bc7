//! A TOML document with the place of every key and value.

use super::problem::{Mistake, Problem, Step};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A parsed document that remembers where everything stands.
pub(super) struct Document<'t> {
    text: &'t str,
    root: DeTable<'t>,
}

impl<'t> Document<'t> {
    /// Parses `text`; on failure every syntax error is reported, not just the first.
    pub(super) fn parse(text: &'t str) -> Result<Self, Vec<Problem>> {
        let (root, errors) = DeTable::parse_recoverable(text);
        if errors.is_empty() {
            return Ok(Self {
                text,
                root: root.into_inner(),
            });
        }
        let problem = |error: &toml::de::Error| {
            let (line, column) = position(text, error.span().map_or(0, |span| span.start));
            Problem {
                line,
                column,
                message: error.message().to_owned(),
            }
        };
        Err(errors.iter().map(problem).collect())
    }

    /// The root table.
    pub(super) fn root(&self) -> &DeTable<'t> {
        &self.root
    }

    /// The mistake with the line and column of the value it speaks of, or of the closest table
    /// that is there.
    pub(super) fn locate(&self, mistake: &Mistake) -> Problem {
        let mut place = 0..0;
        let mut here: Option<&Spanned<DeValue<'t>>> = None;
        for step in &mistake.at {
            let table = here.map_or(Some(&self.root), |value| value.get_ref().as_table());
            let next = match step {
                Step::Key(key) => table.and_then(|table| find(table, key)),
                Step::Index(index) => here
                    .and_then(|value| value.get_ref().as_array())
                    .and_then(|array| array.get(*index))
                    .map(|value| (value.span(), value)),
            };
            let Some((span, value)) = next else { break };
            place = span;
            here = Some(value);
        }
        // A scalar is pointed at itself; a table by its key, since its span is all of it.
        if let Some(value) = here
            && value.get_ref().as_table().is_none()
            && !mistake.at_key
        {
            place = value.span();
        }
        let (line, column) = position(self.text, place.start);
        Problem {
            line,
            column,
            message: mistake.message.clone(),
        }
    }
}

fn find<'a, 't>(
    table: &'a DeTable<'t>,
    key: &str,
) -> Option<(Range<usize>, &'a Spanned<DeValue<'t>>)> {
    let (key, value) = table.get_key_value(key)?;
    Some((key.span(), value))
}

/// Line and column, both from 1, of a byte offset.
pub(super) fn position(text: &str, offset: usize) -> (usize, usize) {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}
