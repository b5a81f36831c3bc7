//! What a mapping does to texts: trimmed, split, joined, mapped to others.

use std::borrow::Cow;

use compact_str::{CompactString, format_compact};

use super::generated;
use crate::mapping::{Case, Change, Otherwise, Trim};
use crate::value::Value;

/// The value after what is done to texts, before it becomes what the column holds.
pub(super) fn changed<'v>(change: &Change, value: &'v Value) -> Result<Cow<'v, Value>, String> {
    if let (Value::Null, Some(text)) = (value, &change.when_null) {
        return Ok(Cow::Owned(Value::text(text)));
    }
    if value.is_null() || !change.touches_texts() {
        return Ok(Cow::Borrowed(value));
    }
    if let Some(entity) = &change.id_of {
        let id = generated(entity, &value.bare());
        return Ok(Cow::Owned(Value::Uuid(id.into_bytes())));
    }
    let text = value.bare();
    let text = match change.trim {
        Trim::None => &*text,
        Trim::End => text.trim_end_matches(' '),
        Trim::Both => text.trim_matches(' '),
    };
    if change.null_if.iter().any(|null| null == text) {
        let null = change.when_null.as_ref().map_or(Value::Null, Value::text);
        return Ok(Cow::Owned(null));
    }
    let cased: CompactString = match change.case {
        None => CompactString::new(text),
        Some(Case::Lower) => CompactString::from_str_to_lowercase(text),
        Some(Case::Upper) => CompactString::from_str_to_uppercase(text),
    };
    let mapped = change.map.iter().find(|(from, _)| *from == cased.as_str());
    Ok(Cow::Owned(Value::Text(match (mapped, &change.otherwise) {
        (Some((_, to)), _) => CompactString::new(to),
        (None, _) if change.map.is_empty() => cased,
        (None, Otherwise::Keep) => cased,
        (None, Otherwise::Become(text)) => CompactString::new(text),
        (None, Otherwise::Refuse) => return Err("is not in the column's map".to_owned()),
    })))
}

/// Texts with something between them; nulls are left out, and nothing but nulls is null.
pub(super) fn joined<'v>(values: impl Iterator<Item = &'v Value>, between: &str) -> Value {
    let texts: Vec<Cow<'_, str>> = values
        .filter(|value| !value.is_null())
        .map(Value::bare)
        .collect();
    if texts.is_empty() {
        return Value::Null;
    }
    Value::text(texts.join(between))
}

/// The part of a text with this number, from 0; null where there are fewer. The last part that is
/// asked for does not go on to the end: "a b c" has the parts a, b and c.
pub(super) fn part(value: &Value, between: &str, part: usize) -> Value {
    match value {
        Value::Null => Value::Null,
        other => other
            .bare()
            .split(between)
            .nth(part)
            .map_or(Value::Null, Value::text),
    }
}

/// The text of a value, for a column of text.
pub(super) fn plain(value: &Value) -> CompactString {
    match value {
        Value::Text(text) => text.clone(),
        other => format_compact!("{other}"),
    }
}

impl Change {
    /// Whether it does anything to a text; otherwise a value may pass as it is.
    pub(crate) fn touches_texts(&self) -> bool {
        self.trim != Trim::None
            || !self.null_if.is_empty()
            || self.case.is_some()
            || !self.map.is_empty()
            || self.id_of.is_some()
    }
}
