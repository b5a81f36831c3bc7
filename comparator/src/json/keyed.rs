//! Arrays whose elements are paired by a value inside each.

use super::document::{Document, Id, Tag};
use super::number::Number;
use super::walk::{At, Flow, Side, Walk};
use crate::Kind;
use crate::report::shorten_pair;
use crate::rules::Reached;

/// How the elements of two arrays belong together, as positions and nodes.
#[derive(Default)]
pub(super) struct Joined {
    pub(super) pairs: Vec<(usize, Id, usize, Id)>,
    pub(super) missing: Vec<(usize, Id)>,
    pub(super) extra: Vec<(usize, Id)>,
}

/// What an element is paired by. Equal values are equal keys, however they are written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// There is nothing at the pointer, or no scalar.
    None,
    Null,
    Bool(bool),
    Number(Vec<u8>),
    String(Vec<u8>),
}

impl Key {
    fn of(document: &Document<'_>, element: Id, pointer: &[String]) -> Self {
        let Some(id) = target(document, element, pointer) else {
            return Self::None;
        };
        match document.tag(id) {
            Tag::Null => Self::Null,
            Tag::False => Self::Bool(false),
            Tag::True => Self::Bool(true),
            Tag::Number => Self::Number(Number::new(document.bytes(id)).canonical()),
            Tag::String | Tag::Escaped => Self::String(document.string(id).into_owned()),
            Tag::Array | Tag::Object => Self::None,
        }
    }
}

impl Walk<'_> {
    /// Pairs elements by the value at a pointer inside each. Elements that share a key, or have
    /// none, are paired in their order.
    pub(super) fn keyed(
        &mut self,
        legacy: Id,
        modern: Id,
        reached: &Reached,
        pointer: &[String],
        unordered: bool,
    ) -> Flow {
        let left = self.by_key(Side::Legacy, legacy, pointer)?;
        let right = self.by_key(Side::Modern, modern, pointer)?;
        let mut joined = Joined::default();
        let mut others = right.iter().peekable();
        for (key, at, mine) in &left {
            while let Some((_, at, theirs)) = others.next_if(|(other, ..)| other < key) {
                joined.extra.push((*at, *theirs));
            }
            match others.next_if(|(other, ..)| other == key) {
                Some((_, other_at, theirs)) => joined.pairs.push((*at, *mine, *other_at, *theirs)),
                None => joined.missing.push((*at, *mine)),
            }
        }
        joined
            .extra
            .extend(others.map(|(_, at, theirs)| (*at, *theirs)));
        joined.pairs.sort_unstable();
        if !unordered && !joined.pairs.is_sorted_by_key(|(_, _, at, _)| *at) {
            self.found(Kind::Order, |walk| {
                let legacy = listed(walk.legacy, legacy, pointer);
                let modern = listed(walk.modern, modern, pointer);
                let (legacy, modern) = shorten_pair(&legacy, &modern);
                (Some(legacy), Some(modern))
            })?;
        }
        self.joined(joined, reached)
    }

    /// Reports what pairing has found, in the order of the documents.
    pub(super) fn joined(&mut self, mut joined: Joined, reached: &Reached) -> Flow {
        joined.missing.sort_unstable();
        joined.extra.sort_unstable();
        for (at, mine, _, theirs) in joined.pairs {
            self.element(At::Element(at), mine, theirs, reached)?;
        }
        for (at, mine) in joined.missing {
            self.lone(At::Element(at), Kind::Missing, mine, reached)?;
        }
        for (at, theirs) in joined.extra {
            self.lone(At::Element(at), Kind::Extra, theirs, reached)?;
        }
        Ok(())
    }

    /// The elements in the order of their keys, and those that share one in their own.
    fn by_key(&mut self, side: Side, array: Id, pointer: &[String]) -> Flow<Vec<(Key, usize, Id)>> {
        let document = self.document(side);
        let mut elements = Vec::new();
        for (at, element) in document.elements(array).enumerate() {
            // Looking a key up reads the element's own keys.
            let nodes = document.next(element) - element;
            self.charge(1 + u64::from(nodes))?;
            elements.push((Key::of(document, element, pointer), at, element));
        }
        elements.sort_unstable();
        Ok(elements)
    }
}

/// What the pointer leads to inside an element.
fn target(document: &Document<'_>, element: Id, pointer: &[String]) -> Option<Id> {
    pointer
        .iter()
        .try_fold(element, |id, name| document.child(id, name))
}

/// The keys of an array's elements in their order, as they are written.
fn listed(document: &Document<'_>, array: Id, pointer: &[String]) -> String {
    let keys = document
        .elements(array)
        .map(|id| match target(document, id, pointer) {
            Some(key) => document.token(key),
            None => "none",
        });
    keys.collect::<Vec<_>>().join(", ")
}
