//! Arrays by position, aligned at both ends where their lengths differ.
//!
//! Pairing by key is in `keyed`, pairing regardless of order in `multiset`.

use super::document::Id;
use super::walk::{At, Flow, Stop, Walk};
use crate::Kind;
use crate::rules::{Effects, Reached};

impl Walk<'_> {
    pub(super) fn array(
        &mut self,
        legacy: Id,
        modern: Id,
        reached: &Reached,
        effects: Effects,
    ) -> Flow {
        self.charge(1)?;
        match effects.keyed.and_then(|at| self.rules.keys.get(at)) {
            Some(key) => self.keyed(legacy, modern, reached, key, effects.unordered),
            None if effects.unordered => self.multiset(legacy, modern, reached),
            None => self.positional(legacy, modern, reached),
        }
    }

    fn positional(&mut self, legacy: Id, modern: Id, reached: &Reached) -> Flow {
        let counts = (
            self.legacy.elements(legacy).count(),
            self.modern.elements(modern).count(),
        );
        if counts.0 != counts.1 && !self.probing {
            return self.aligned(legacy, modern, reached);
        }
        let mut elements = (self.legacy.elements(legacy), self.modern.elements(modern));
        for at in (0..).map(At::Index) {
            match (elements.0.next(), elements.1.next()) {
                (Some(mine), Some(theirs)) => self.element(at, mine, theirs, reached)?,
                (Some(mine), None) => self.lone(at, Kind::Missing, mine, reached)?,
                (None, Some(theirs)) => self.lone(at, Kind::Extra, theirs, reached)?,
                (None, None) => break,
            }
        }
        Ok(())
    }

    /// Arrays of different length: what is equal at the two ends is set aside, so that one
    /// element too many or too few does not make all that follow it different.
    fn aligned(&mut self, legacy: Id, modern: Id, reached: &Reached) -> Flow {
        let legacy: Vec<_> = self.legacy.elements(legacy).enumerate().collect();
        let modern: Vec<_> = self.modern.elements(modern).enumerate().collect();
        let (mut left, mut right) = (&*legacy, &*modern);
        while let ([(at, mine), rest @ ..], [(_, theirs), others @ ..]) = (left, right) {
            if !self.equal(At::Index(*at), *mine, *theirs, reached)? {
                break;
            }
            (left, right) = (rest, others);
        }
        while let ([rest @ .., (at, mine)], [others @ .., (_, theirs)]) = (left, right) {
            if !self.equal(At::Index(*at), *mine, *theirs, reached)? {
                break;
            }
            (left, right) = (rest, others);
        }
        for ((at, mine), (_, theirs)) in left.iter().zip(right) {
            self.element(At::Index(*at), *mine, *theirs, reached)?;
        }
        for (at, mine) in left.iter().skip(right.len()) {
            self.lone(At::Index(*at), Kind::Missing, *mine, reached)?;
        }
        for (at, theirs) in right.iter().skip(left.len()) {
            self.lone(At::Index(*at), Kind::Extra, *theirs, reached)?;
        }
        Ok(())
    }

    pub(super) fn element(&mut self, at: At, legacy: Id, modern: Id, reached: &Reached) -> Flow {
        self.enter(at, reached, |walk, reached| {
            walk.value(legacy, modern, reached)
        })
    }

    /// Whether two elements are equal under the rules.
    pub(super) fn equal(
        &mut self,
        at: At,
        legacy: Id,
        modern: Id,
        reached: &Reached,
    ) -> Flow<bool> {
        let before = std::mem::replace(&mut self.probing, true);
        let result = self.element(at, legacy, modern, reached);
        self.probing = before;
        match result {
            Ok(()) => Ok(true),
            Err(Stop::Found) => Ok(false),
            Err(stop) => Err(stop),
        }
    }
}
