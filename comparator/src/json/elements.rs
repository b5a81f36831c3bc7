//! What is particular to XML elements: children have an order, share names, and text is no child.
//!
//! Children that share a name are compared as an array's elements are.

use std::borrow::Cow;

use super::array::{Element, Step};
use super::document::{Document, Id};
use super::object::Member;
use super::walk::{At, Flow, Side, Walk};
use crate::Kind;
use crate::report::shorten_pair;
use crate::rules::{Effects, Reached, Verb};

/// The key of an element's text, which stands for the element itself in paths and rules.
pub(crate) const TEXT: &str = "#text";

impl Walk<'_> {
    /// Reports children of an element that are the same by name, in another order.
    pub(super) fn order_of_children(&mut self, legacy: Id, modern: Id, effects: &Effects) -> Flow {
        let (mine, theirs) = (children(self.legacy, legacy), children(self.modern, modern));
        self.charge((mine.len() + theirs.len()) as u64)?;
        if mine == theirs || sorted(mine.clone()) != sorted(theirs.clone()) {
            return Ok(());
        }
        if let Some((rule, _)) = self.rules.ruling(effects, Verb::Unordered) {
            self.hits.add(rule);
            return Ok(());
        }
        self.found(Kind::Order, |_| {
            let listed = |names: &[Cow<'_, [u8]>]| {
                String::from_utf8_lossy(&names.join(&b", "[..])).into_owned()
            };
            let (mine, theirs) = shorten_pair(&listed(&mine), &listed(&theirs));
            (Some(mine), Some(theirs))
        })
    }

    /// The children of an element that share a name.
    pub(super) fn siblings(
        &mut self,
        legacy: &[Member<'_>],
        modern: &[Member<'_>],
        reached: &Reached,
        effects: &Effects,
    ) -> Flow {
        let of = |members: &[Member<'_>]| -> Vec<Element> {
            let values = members.iter().map(|(_, key)| key + 1);
            values.enumerate().collect()
        };
        self.lists(&of(legacy), &of(modern), Step::Name, reached, effects)
    }

    /// Where an element stands among those of its name, from 1, if there are several.
    pub(super) fn position_of_element(&self, side: Side, key: Id) -> Option<usize> {
        if !self.elements {
            return None;
        }
        let document = self.document(side);
        let name = document.string(key);
        let namesakes = document
            .keys(document.parent(key)?)
            .filter(|other| document.string(*other) == name);
        let namesakes: Vec<Id> = namesakes.collect();
        let position = namesakes.iter().position(|other| *other == key)?;
        (namesakes.len() > 1).then_some(position + 1)
    }

    /// An element's text is the element's value: it is no step of its own.
    pub(super) fn is_element_text(&self, at: At) -> bool {
        self.elements && matches!(at, At::Key(..)) && *self.key(at) == *TEXT.as_bytes()
    }
}

/// The names of an element's children in their order; attributes have none.
fn children<'a>(document: &Document<'a>, element: Id) -> Vec<Cow<'a, [u8]>> {
    let names = document.keys(element).map(|key| document.string(key));
    names.filter(|name| !name.starts_with(b"@")).collect()
}

fn sorted(mut names: Vec<Cow<'_, [u8]>>) -> Vec<Cow<'_, [u8]>> {
    names.sort_unstable();
    names
}
