//! A parsed JSON document: its text and a flat list of nodes that point into it.
//!
//! Values are not converted and nothing is copied; a node is 16 bytes, whatever it holds.

use std::borrow::Cow;

use super::string;

/// A position in a document's list of nodes.
pub(crate) type Id = u32;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    Null,
    False,
    True,
    Number,
    /// A string without escapes.
    String,
    /// A string with at least one escape.
    Escaped,
    Array,
    /// Its children are keys and values by turns.
    Object,
}

/// One value or object key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    /// Where its token begins and ends in the text.
    pub(super) start: u32,
    pub(super) end: u32,
    /// The node after this one and all below it.
    pub(super) next: Id,
    pub(super) tag: Tag,
}

/// A parsed document. Node 0 is its root; children follow their parent, in the text's order.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    pub(super) text: &'a str,
    pub(super) nodes: Vec<Node>,
    /// Whether it was made of XML: objects are elements, whose keys repeat and have an order.
    pub(crate) elements_of_xml: bool,
}

impl<'a> Document<'a> {
    pub(crate) const ROOT: Id = 0;

    pub(crate) fn tag(&self, id: Id) -> Tag {
        self.node(id).tag
    }

    /// The node after this one and all below it.
    pub(crate) fn next(&self, id: Id) -> Id {
        self.node(id).next
    }

    /// How many nodes there are.
    pub(crate) fn size(&self) -> usize {
        self.nodes.len()
    }

    /// The node's token as it was written.
    pub(crate) fn token(&self, id: Id) -> &'a str {
        let node = self.node(id);
        self.text
            .get(node.start as usize..node.end as usize)
            .unwrap_or_default()
    }

    /// The token's bytes, which are cheaper to come by than its characters.
    pub(crate) fn bytes(&self, id: Id) -> &'a [u8] {
        let node = self.node(id);
        self.text
            .as_bytes()
            .get(node.start as usize..node.end as usize)
            .unwrap_or_default()
    }

    /// A string's or key's characters, unescaped.
    pub(crate) fn string(&self, id: Id) -> Cow<'a, [u8]> {
        let inner = match self.bytes(id) {
            [b'"', inner @ .., b'"'] => inner,
            other => other,
        };
        if self.tag(id) == Tag::Escaped {
            string::unescape(inner)
        } else {
            Cow::Borrowed(inner)
        }
    }

    /// A string's or key's characters as they are shown: what has none is replaced.
    pub(crate) fn name(&self, id: Id) -> Cow<'a, str> {
        match self.tag(id) {
            Tag::String => Cow::Borrowed(self.inner(id)),
            _ => Cow::Owned(String::from_utf8_lossy(&self.string(id)).into_owned()),
        }
    }

    /// A scalar's characters, and whether they stood between quotes; `None` if it is no scalar or
    /// has no characters.
    pub(crate) fn content(&self, id: Id) -> Option<(Cow<'a, str>, bool)> {
        match self.tag(id) {
            Tag::Array | Tag::Object => None,
            Tag::String => Some((Cow::Borrowed(self.inner(id)), true)),
            Tag::Escaped => {
                let text = String::from_utf8(self.string(id).into_owned()).ok()?;
                Some((Cow::Owned(text), true))
            }
            _ => Some((Cow::Borrowed(self.token(id)), false)),
        }
    }

    /// What stands between a string's quotes.
    fn inner(&self, id: Id) -> &'a str {
        let token = self.token(id);
        token
            .get(1..token.len().saturating_sub(1))
            .unwrap_or_default()
    }

    /// The object that a key stands in.
    pub(crate) fn parent(&self, key: Id) -> Option<Id> {
        let mut object = Self::ROOT;
        loop {
            let above = self.keys(object).take_while(|other| *other <= key).last()?;
            if above == key {
                return Some(object);
            }
            object = above + 1;
        }
    }

    /// An array's elements.
    pub(crate) fn elements(&self, array: Id) -> impl Iterator<Item = Id> {
        self.walk(array, |id| self.next(id))
    }

    /// The keys of an object; a key's value is the node after it.
    pub(crate) fn keys(&self, object: Id) -> impl Iterator<Item = Id> {
        self.walk(object, |key| self.next(key + 1))
    }

    /// The value of an object's key or of an array's position; the last one of a repeated key.
    pub(crate) fn child(&self, id: Id, name: &str) -> Option<Id> {
        match self.tag(id) {
            Tag::Object => {
                let named = |key: &Id| *self.string(*key) == *name.as_bytes();
                self.keys(id).filter(named).last().map(|key| key + 1)
            }
            Tag::Array => {
                let position: usize = name.parse().ok()?;
                // A position has one spelling: 01 and +1 are names.
                if position.to_string() != name {
                    return None;
                }
                self.elements(id).nth(position)
            }
            _ => None,
        }
    }

    fn walk(&self, parent: Id, after: impl Fn(Id) -> Id) -> impl Iterator<Item = Id> {
        let (mut id, end) = (parent + 1, self.next(parent));
        std::iter::from_fn(move || {
            let current = (id < end).then_some(id)?;
            id = after(current);
            Some(current)
        })
    }

    fn node(&self, id: Id) -> Node {
        self.nodes[id as usize]
    }
}
