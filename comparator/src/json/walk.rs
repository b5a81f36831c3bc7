//! Two documents side by side, from the roots down.
//!
//! Paths and rendered values are made only when something is reported. Objects are in `object`, arrays in `array`.

use std::borrow::Cow;

use super::document::{Document, Id, Tag};
use super::number;
use crate::report::{Report, shorten, shorten_pair};
use crate::rules::{Effects, Hits, Reached, Rules, Step, Verb, escape};
use crate::{Discrepancy, Ids, Kind, Undecodable};

/// Why a walk ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// The work is used up.
    GaveUp(Undecodable),
    /// A probe found a difference, which is all it wanted to know.
    Found,
}

pub(super) type Flow<T = ()> = Result<T, Stop>;

/// A step of the path to where the walk is.
#[derive(Clone, Copy, Debug)]
pub(super) enum At {
    /// A key, and the document that it stands in.
    Key(Side, Id),
    /// A position in an array.
    Index(usize),
    /// A position in an array whose order means nothing, so rules do not see it.
    Element(usize),
}

/// One of the two documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Legacy,
    Modern,
}

pub(super) struct Walk<'a> {
    pub(super) legacy: &'a Document<'a>,
    pub(super) modern: &'a Document<'a>,
    pub(super) rules: &'a Rules,
    pub(super) ids: Option<&'a dyn Ids>,
    /// Whether objects are XML elements: their keys repeat, and have an order.
    pub(super) elements: bool,
    pub(super) hits: &'a mut Hits,
    pub(super) report: &'a mut Report,
    work: u64,
    pub(super) path: Vec<At>,
    /// What the rules' patterns have reached, for every step of the path.
    pub(super) reached: Vec<usize>,
    /// Whether only equality is asked for: nothing is reported, the first difference stops.
    pub(super) probing: bool,
}

/// Compares two documents with at most so much work, and reports every difference and every rule
/// that hid one.
pub(crate) fn compare(
    legacy: &Document<'_>,
    modern: &Document<'_>,
    (rules, ids): (&Rules, Option<&dyn Ids>),
    work: u64,
    report: &mut Report,
    hits: &mut Hits,
) -> Result<(), Undecodable> {
    let (path, mut reached) = (Vec::new(), Vec::new());
    let root = rules.paths.root(&mut reached);
    let mut walk = Walk {
        legacy,
        modern,
        rules,
        ids,
        elements: legacy.elements_of_xml && modern.elements_of_xml,
        hits,
        report,
        work,
        path,
        reached,
        probing: false,
    };
    match walk.value(Document::ROOT, Document::ROOT, root) {
        Err(Stop::GaveUp(reason)) => Err(reason),
        _ => Ok(()),
    }
}

impl<'a> Walk<'a> {
    pub(super) fn value(&mut self, legacy: Id, modern: Id, reached: Reached) -> Flow {
        let effects = self.effects(&reached);
        if effects.say(Verb::Ignore) {
            return self.ignored(&effects, legacy, modern);
        }
        if effects.say(Verb::Token) && !self.probing {
            self.tokens(legacy, modern, &effects)?;
        }
        if let Some(equal) = self.related(legacy, modern, &effects)? {
            return if equal {
                Ok(())
            } else {
                self.differ(Kind::Identity, Some(legacy), Some(modern))
            };
        }
        let (kind, equal) = match (self.legacy.tag(legacy), self.modern.tag(modern)) {
            (Tag::Object, Tag::Object) => return self.object(legacy, modern, &reached, &effects),
            (Tag::Array, Tag::Array) => return self.array(legacy, modern, &reached, &effects),
            (Tag::String | Tag::Escaped, Tag::String | Tag::Escaped) => {
                self.charge_token(self.legacy, legacy)?;
                (Kind::Value, self.same_string(legacy, modern))
            }
            (Tag::Number, Tag::Number) => {
                self.charge_token(self.legacy, legacy)?;
                let (mine, theirs) = (self.legacy.bytes(legacy), self.modern.bytes(modern));
                (Kind::Value, number::equal(mine, theirs))
            }
            (Tag::True | Tag::False, Tag::True | Tag::False) | (Tag::Null, Tag::Null) => {
                self.charge(1)?;
                let same = self.legacy.tag(legacy) == self.modern.tag(modern);
                (Kind::Value, same)
            }
            _ => (Kind::Type, false),
        };
        if equal || self.allowed(legacy, modern, &effects)? {
            Ok(())
        } else {
            self.differ(kind, Some(legacy), Some(modern))
        }
    }

    pub(super) fn same_string(&self, legacy: Id, modern: Id) -> bool {
        let plain = [self.legacy.tag(legacy), self.modern.tag(modern)] == [Tag::String; 2];
        if plain {
            return self.legacy.bytes(legacy) == self.modern.bytes(modern);
        }
        self.legacy.string(legacy) == self.modern.string(modern)
    }

    /// Takes one step down, for the path and for the rules, and back up.
    pub(super) fn enter<T>(
        &mut self,
        at: At,
        reached: &Reached,
        inside: impl FnOnce(&mut Self, Reached) -> Flow<T>,
    ) -> Flow<T> {
        let before = self.reached.len();
        let next = if reached.is_empty() {
            0..0
        } else if self.is_element_text(at) {
            reached.clone()
        } else {
            self.step(at, reached.clone())
        };
        self.path.push(at);
        let result = inside(self, next);
        self.path.pop();
        self.reached.truncate(before);
        result
    }

    fn step(&mut self, at: At, from: Reached) -> Reached {
        let key = self.key(at);
        let step = match at {
            At::Index(index) => Step::Index(index),
            At::Element(_) => Step::Element,
            At::Key(..) => Step::Key(&key),
        };
        self.rules.paths.step(&mut self.reached, from, step)
    }

    pub(super) fn effects(&self, reached: &Reached) -> Effects {
        if reached.is_empty() {
            return Effects::default();
        }
        self.rules
            .paths
            .effects(self.reached.get(reached.clone()).unwrap_or_default())
    }

    pub(super) fn charge(&mut self, units: u64) -> Flow {
        let left = self.work.checked_sub(units);
        self.work = left.ok_or(Stop::GaveUp(Undecodable::LimitWork))?;
        Ok(())
    }

    /// A long token costs more than a short one, or a few of them would make work without end.
    pub(super) fn charge_token(&mut self, document: &Document<'_>, id: Id) -> Flow {
        self.charge(1 + document.bytes(id).len() as u64 / 64)
    }

    pub(super) fn differ(&mut self, kind: Kind, legacy: Option<Id>, modern: Option<Id>) -> Flow {
        self.charge(1)?;
        self.found(kind, |walk| {
            let legacy = legacy.map(|id| walk.legacy.token(id));
            let modern = modern.map(|id| walk.modern.token(id));
            if let (Some(legacy), Some(modern)) = (legacy, modern) {
                let (legacy, modern) = shorten_pair(legacy, modern);
                return (Some(legacy), Some(modern));
            }
            (legacy.map(shorten), modern.map(shorten))
        })
    }

    /// Reports a difference at the walk's path, with its sides rendered.
    pub(super) fn found(
        &mut self,
        kind: Kind,
        render: impl FnOnce(&Self) -> (Option<String>, Option<String>),
    ) -> Flow {
        if self.probing {
            return Err(Stop::Found);
        }
        let mut report = std::mem::take(self.report);
        report.add(|| {
            let (legacy, modern) = render(self);
            Discrepancy {
                path: self.pointer(),
                kind,
                legacy,
                modern,
            }
        });
        *self.report = report;
        Ok(())
    }

    /// The walk's path as a JSON pointer. Of elements that share a name, the position is told as
    /// `XPath` does: `/order/item[2]`.
    fn pointer(&self) -> String {
        let mut path = String::with_capacity(64);
        for at in self.path.iter().filter(|at| !self.is_element_text(**at)) {
            path.push('/');
            match at {
                At::Index(index) | At::Element(index) => path.push_str(&index.to_string()),
                At::Key(side, key) => {
                    push_key(self.document(*side), *key, &mut path);
                    if let Some(position) = self.position_of_element(*side, *key) {
                        path.extend(["[", &position.to_string(), "]"]);
                    }
                }
            }
        }
        path
    }

    pub(super) fn document(&self, side: Side) -> &'a Document<'a> {
        match side {
            Side::Legacy => self.legacy,
            Side::Modern => self.modern,
        }
    }

    pub(super) fn key(&self, at: At) -> Cow<'a, [u8]> {
        match at {
            At::Key(side, key) => self.document(side).string(key),
            At::Index(_) | At::Element(_) => Cow::default(),
        }
    }
}

/// Adds a key to a path. An absurdly long one is cut, with a hash of what it was.
fn push_key(document: &Document<'_>, key: Id, path: &mut String) {
    const LONGEST: usize = 256;
    let name = document.name(key);
    let shown = name.floor_char_boundary(LONGEST);
    path.push_str(&escape(name.get(..shown).unwrap_or_default()));
    if shown < name.len() {
        let hash = format!(
            "…{:016x}",
            xxhash_rust::xxh3::xxh3_64(&document.string(key))
        );
        path.push_str(&hash);
    }
}
