//! Objects, key by key, whatever the order of the keys.
//!
//! XML elements that share a name are in `elements`.

use std::borrow::Cow;

use super::document::{Document, Id};
use super::walk::{At, Flow, Side, Walk};
use crate::Kind;
use crate::rules::{Effects, Reached, Verb};

/// A key's characters, and the key.
pub(super) type Member<'a> = (Cow<'a, [u8]>, Id);

impl Walk<'_> {
    /// Most objects have the same keys in the same order on both sides, which costs no sorting.
    pub(super) fn object(
        &mut self,
        legacy: Id,
        modern: Id,
        reached: &Reached,
        effects: &Effects,
    ) -> Flow {
        self.charge(1)?;
        let same_keys = self.same_keys(legacy, modern);
        let by_group = effects.say(Verb::Unordered) || effects.say(Verb::Key);
        if !same_keys && self.elements {
            self.order_of_children(legacy, modern, effects)?;
        }
        if !same_keys || (self.elements && by_group) {
            return self.sorted(legacy, modern, reached, effects);
        }
        let keys = self.legacy.keys(legacy).zip(self.modern.keys(modern));
        for (mine, theirs) in keys {
            self.member(mine, theirs, reached)?;
        }
        Ok(())
    }

    /// Whether the keys are the same, in the same order.
    fn same_keys(&self, legacy: Id, modern: Id) -> bool {
        let mut keys = (self.legacy.keys(legacy), self.modern.keys(modern));
        loop {
            match (keys.0.next(), keys.1.next()) {
                (Some(mine), Some(theirs)) if self.same_string(mine, theirs) => {}
                (None, None) => return true,
                _ => return false,
            }
        }
    }

    /// Compares two objects whose keys are not the same in the same order, key by key.
    fn sorted(&mut self, legacy: Id, modern: Id, reached: &Reached, effects: &Effects) -> Flow {
        let (legacy, modern) = (members(self.legacy, legacy), members(self.modern, modern));
        self.charge((legacy.len() + modern.len()) as u64)?;
        let (mut left, mut right) = (&*legacy, &*modern);
        while let Some((key, _)) = left.first().into_iter().chain(right.first()).min() {
            let (mine, theirs);
            (mine, left) = split_group(left, key);
            (theirs, right) = split_group(right, key);
            let several = mine.len() > 1 || theirs.len() > 1;
            if self.elements && (several || effects.say(Verb::Key)) {
                self.siblings(mine, theirs, reached, effects)?;
            } else {
                self.group(mine, theirs, reached)?;
            }
        }
        Ok(())
    }

    /// Compares the occurrences of one key.
    fn group(&mut self, legacy: &[Member<'_>], modern: &[Member<'_>], reached: &Reached) -> Flow {
        match (legacy, modern) {
            ([.., (_, key)], []) => {
                self.lone(At::Key(Side::Legacy, *key), Kind::Missing, key + 1, reached)
            }
            ([], [.., (_, key)]) => {
                self.lone(At::Key(Side::Modern, *key), Kind::Extra, key + 1, reached)
            }
            _ if legacy.len() == modern.len() => {
                for ((_, mine), (_, theirs)) in legacy.iter().zip(modern) {
                    self.member(*mine, *theirs, reached)?;
                }
                Ok(())
            }
            ([.., (_, mine)], [.., (_, theirs)]) => {
                let times = |count: usize| Some(format!("{count} ×"));
                let sides = (times(legacy.len()), times(modern.len()));
                self.enter(At::Key(Side::Legacy, *mine), reached, |walk, reached| {
                    let effects = walk.effects(&reached);
                    if let Some((rule, _)) = walk.rules.ruling(&effects, Verb::Ignore) {
                        walk.hits.add(rule);
                        return Ok(());
                    }
                    walk.found(Kind::Duplicate, |_| sides)?;
                    // The last one is what most parsers take.
                    walk.value(mine + 1, theirs + 1, reached)
                })
            }
            ([], []) => Ok(()),
        }
    }

    fn member(&mut self, legacy: Id, modern: Id, reached: &Reached) -> Flow {
        self.enter(At::Key(Side::Legacy, legacy), reached, |walk, reached| {
            walk.value(legacy + 1, modern + 1, reached)
        })
    }
}

/// An object's keys in their order, and repeated ones in the document's.
fn members<'a>(document: &Document<'a>, object: Id) -> Vec<Member<'a>> {
    let mut members: Vec<_> = document
        .keys(object)
        .map(|key| (document.string(key), key))
        .collect();
    members.sort_unstable();
    members
}

fn split_group<'m, 'a>(
    members: &'m [Member<'a>],
    key: &[u8],
) -> (&'m [Member<'a>], &'m [Member<'a>]) {
    let count = members
        .iter()
        .take_while(|(other, _)| **other == *key)
        .count();
    members.split_at_checked(count).unwrap_or((members, &[]))
}
