//! Single values out of a JSON body (RFC 6901), all in one walk, found without keeping anything else of the body.
//!
//! Broken JSON and deep nesting find nothing: a request that the primary can't read either names
//! no entity.

use bytes::Bytes;
use serde::Deserialize;
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
        self.span(&joined(body)).map(|(_, value)| value)
    }

    /// The texts or the numbers at these places, in one walk through the body.
    pub(super) fn find_all(places: &[&Self], body: &[Bytes]) -> Vec<Option<String>> {
        let body = joined(body);
        let tokens = tokens(places, &body);
        tokens.into_iter().map(|token| value(token?)).collect()
    }

    /// The text or the number at this place, and where its token stands in the body.
    pub(crate) fn span(&self, body: &[u8]) -> Option<(Range<usize>, String)> {
        let token = tokens(&[self], body).into_iter().next()??;
        let value = value(token)?;
        // The token is a part of the body, so its address says where.
        let start = token.as_ptr().addr().checked_sub(body.as_ptr().addr())?;
        let span = start..start.checked_add(token.len())?;
        (body.get(span.clone())? == token.as_bytes()).then_some((span, value))
    }
}

fn joined(body: &[Bytes]) -> Cow<'_, [u8]> {
    match body {
        [one] => Cow::Borrowed(one),
        many => Cow::Owned(many.concat()),
    }
}

/// What stands at these places, as it is written there.
fn tokens<'b>(places: &[&Pointer], body: &'b [u8]) -> Vec<Option<&'b str>> {
    let mut found = vec![None; places.len()];
    let steps = places.iter().map(|place| &*place.0).enumerate();
    let walk = Walk {
        wanted: steps.collect(),
        found: &mut found,
    };
    let mut json = serde_json::Deserializer::from_slice(body);
    if walk.deserialize(&mut json).is_err() {
        // What one of them cannot go through is no reason not to find the others.
        match places {
            [] | [_] => found.fill(None),
            many => {
                let alone = many.iter().map(|place| tokens(&[place], body).pop()?);
                found = alone.collect();
            }
        }
    }
    found
}

/// What a token says, if it is a text or a number.
fn value(token: &str) -> Option<String> {
    match token.as_bytes().first()? {
        b'"' => serde_json::from_str(token).ok()?,
        // The token as it stands, so that a number of any size is told exactly.
        b'-' | b'0'..=b'9' => Some(token.to_owned()),
        _ => None,
    }
}

/// The body with another token in the place of the one at `span`.
pub(crate) fn with_token(body: &[u8], span: Range<usize>, token: &str) -> Vec<u8> {
    let (before, after) = (body.get(..span.start), body.get(span.end..));
    let parts = [before, Some(token.as_bytes()), after];
    parts.map(Option::unwrap_or_default).concat()
}

/// The steps that are left to go to each place, by its number, and what was found there.
struct Walk<'w, 'p, 'de> {
    wanted: Vec<(usize, &'p [String])>,
    found: &'w mut [Option<&'de str>],
}

impl<'p, 'de> Walk<'_, 'p, 'de> {
    fn put(&mut self, place: usize, token: Option<&'de str>) {
        if let Some(found) = self.found.get_mut(place) {
            *found = token;
        }
    }

    /// What is wanted of a value behind a step, if anything is. Of a key that stands twice the last
    /// value counts, as most readers have it.
    fn behind(&mut self, is_step: impl Fn(&str) -> bool) -> Option<Walk<'_, 'p, 'de>> {
        let wanted = self.wanted.iter().filter_map(|(place, steps)| {
            let (step, rest) = steps.split_first()?;
            is_step(step).then_some((*place, rest))
        });
        let wanted: Vec<_> = wanted.collect();
        for (place, _) in &wanted {
            self.put(*place, None);
        }
        let found = &mut *self.found;
        (!wanted.is_empty()).then_some(Walk { wanted, found })
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(mut self, json: D) -> Result<(), D::Error> {
        let is_here = |steps: &[String]| steps.is_empty();
        if !self.wanted.iter().any(|(_, steps)| is_here(steps)) {
            return json.deserialize_any(self);
        }
        let token = <&RawValue>::deserialize(json)?.get();
        let (here, behind): (Vec<_>, Vec<_>) = std::mem::take(&mut self.wanted)
            .into_iter()
            .partition(|(_, steps)| is_here(steps));
        for (place, _) in here {
            self.put(place, Some(token));
        }
        if behind.is_empty() {
            return Ok(());
        }
        // One place is within another: no deeper than the longest of them goes.
        self.wanted = behind;
        let within = self.deserialize(&mut serde_json::Deserializer::from_str(token));
        within.map_err(serde::de::Error::custom)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<M: MapAccess<'de>>(mut self, mut map: M) -> Result<(), M::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match self.behind(|step| step == key) {
                Some(walk) => map.next_value_seed(walk)?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'de>>(mut self, mut seq: S) -> Result<(), S::Error> {
        let mut index = 0_usize;
        loop {
            let next = match self.behind(|step| step.parse() == Ok(index)) {
                Some(walk) => seq.next_element_seed(walk)?,
                None => seq.next_element::<IgnoredAny>()?.map(drop),
            };
            if next.is_none() {
                return Ok(());
            }
            index = index.saturating_add(1);
        }
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
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
    fn many_places_are_found_at_once_as_each_is_alone() {
        let places = ["/a", "/a/0", "/a/1/b", "/c", "/c", "/c/d", "/a/0/x", "/no"];
        let pointers = places.map(|place| place.parse::<Pointer>().unwrap());
        let all: Vec<&Pointer> = pointers.iter().collect();
        for body in [
            r#"{"a": [1, {"b": "two"}], "c": "three"}"#,
            r#"{"a": 1, "c": {"d": 4}, "a": [2]}"#,
            r#"{"a": [1], "a": {"0": "text"}, "c": 3, "c": null}"#,
            r#"{"a": [1], "c": "#,
            r#"{"a": 5, "c": 1e999}"#,
            r#"{"c": "\ud800", "a": [5]}"#,
            "[]",
        ] {
            let one = Bytes::from_static(body.as_bytes());
            let found = Pointer::find_all(&all, &[one]);
            let alone: Vec<_> = places.iter().map(|place| find(place, body)).collect();
            assert_eq!(found, alone, "{body}");
        }
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
