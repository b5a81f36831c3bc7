//! One value out of a JSON body (RFC 6901), found without keeping anything else of the body.
//!
//! Broken JSON and deep nesting find nothing: a request that the primary can't read either names
//! no entity.

use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// A place in a JSON document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer(Vec<String>);

/// A text that is no place in a JSON document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no place in a JSON body such as \"/customerId\"")]
pub struct PointerError(String);

impl FromStr for Pointer {
    type Err = PointerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let steps = text
            .strip_prefix('/')
            .ok_or_else(|| PointerError(text.to_owned()))?;
        let plain = |step: &str| step.replace("~1", "/").replace("~0", "~");
        Ok(Self(steps.split('/').map(plain).collect()))
    }
}

impl Pointer {
    /// The text or the number at this place.
    pub(super) fn find(&self, body: &[Bytes]) -> Option<String> {
        let body: Cow<'_, [u8]> = match body {
            [one] => Cow::Borrowed(one),
            many => Cow::Owned(many.concat()),
        };
        self.span(&body).map(|(_, value)| value)
    }

    /// The text or the number at this place, and where its token stands in the body.
    pub(crate) fn span(&self, body: &[u8]) -> Option<(Range<usize>, String)> {
        let mut json = serde_json::Deserializer::from_slice(body);
        let token = Steps(&self.0).deserialize(&mut json).ok()??.get();
        let value = match token.as_bytes().first()? {
            b'"' => serde_json::from_str(token).ok()?,
            // The token as it stands, so that a number of any size is told exactly.
            b'-' | b'0'..=b'9' => token.to_owned(),
            _ => return None,
        };
        // The token is a part of the body, so its address says where.
        let start = token.as_ptr().addr().checked_sub(body.as_ptr().addr())?;
        let span = start..start.checked_add(token.len())?;
        (body.get(span.clone())? == token.as_bytes()).then_some((span, value))
    }
}

/// The body with another token in the place of the one at `span`.
pub(crate) fn with_token(body: &[u8], span: Range<usize>, token: &str) -> Vec<u8> {
    let (before, after) = (body.get(..span.start), body.get(span.end..));
    let parts = [before, Some(token.as_bytes()), after];
    parts.map(Option::unwrap_or_default).concat()
}

/// The steps that are left to go.
struct Steps<'p>(&'p [String]);

impl<'de> DeserializeSeed<'de> for Steps<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        if self.0.is_empty() {
            serde::Deserialize::deserialize(json).map(Some)
        } else {
            json.deserialize_any(self)
        }
    }
}

impl<'de> Visitor<'de> for Steps<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match self.0.split_first() {
                // Of a key that stands twice, the last value counts, as most readers have it.
                Some((step, rest)) if *step == key => found = map.next_value_seed(Steps(rest))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        let (mut found, mut index) = (None, 0_usize);
        let wanted = self.0.split_first();
        let wanted = wanted.and_then(|(step, rest)| Some((step.parse::<usize>().ok()?, rest)));
        loop {
            match wanted {
                Some((at, rest)) if at == index => match seq.next_element_seed(Steps(rest))? {
                    Some(value) => found = value,
                    None => return Ok(found),
                },
                _ if seq.next_element::<IgnoredAny>()?.is_none() => return Ok(found),
                _ => {}
            }
            index = index.saturating_add(1);
        }
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(pointer: &str, body: &str) -> Option<String> {
        let (head, tail) = body.split_at(body.len() / 2);
        let chunks = [Bytes::from(head.to_owned()), Bytes::from(tail.to_owned())];
        pointer.parse::<Pointer>().unwrap().find(&chunks)
    }

    #[test]
    fn texts_and_numbers_are_found_wherever_they_stand() {
        let body =
            r#"{"a": {"b/c": [1, {"d": 123456789012345678901234567890}]}, "id": "Zo\u00eb"}"#;
        assert_eq!(find("/id", body).unwrap(), "Zoë");
        assert_eq!(find("/a/b~1c/0", body).unwrap(), "1");
        let number = find("/a/b~1c/1/d", body).unwrap();
        assert_eq!(number, "123456789012345678901234567890");
    }

    #[test]
    fn what_is_not_there_or_no_value_finds_nothing() {
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        for (pointer, body) in [
            ("/id", ""),
            ("/id", "{"),
            ("/id", r#"{"id": null}"#),
            ("/id", r#"{"id": [1]}"#),
            ("/id/x", r#"{"id": 7}"#),
            ("/2", "[1, 2]"),
            ("/id", "17"),
            ("/a/0", &deep),
            ("/b", &deep),
        ] {
            assert_eq!(find(pointer, body), None, "{pointer} in {body:.20}");
        }
    }
}
