//! Arrays by position, aligned where their lengths differ.
//!
//! Pairing by key is in `keyed`, pairing regardless of order in `multiset`.

use super::align::{self, Stretch};
use super::document::Id;
use super::keyed::Joined;
use super::walk::{At, Flow, Side, Stop, Walk};
use crate::Kind;
use crate::rules::{Effects, Reached, Verb};

/// An element's position and node.
pub(super) type Element = (usize, Id);

/// How one steps to an element.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// By its position.
    Position,
    /// By its position, which means nothing to rules.
    Unordered,
    /// By the name before it.
    Name,
}

impl Step {
    pub(super) fn to(self, side: Side, (position, id): Element) -> At {
        match self {
            Self::Position => At::Index(position),
            Self::Unordered => At::Element(position),
            Self::Name => At::Key(side, id - 1),
        }
    }
}

/// The elements of both sides, and how one steps to them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lists<'l> {
    pub(super) legacy: &'l [Element],
    pub(super) modern: &'l [Element],
    pub(super) step: Step,
}

impl Walk<'_> {
    pub(super) fn array(
        &mut self,
        legacy: Id,
        modern: Id,
        reached: &Reached,
        effects: &Effects,
    ) -> Flow {
        self.charge(1)?;
        let counts = (
            self.legacy.elements(legacy).count(),
            self.modern.elements(modern).count(),
        );
        let by_position = !effects.say(Verb::Key) && !effects.say(Verb::Unordered);
        if by_position && (counts.0 == counts.1 || self.probing) {
            return self.positional(legacy, modern, reached);
        }
        let legacy: Vec<Element> = self.legacy.elements(legacy).enumerate().collect();
        let modern: Vec<Element> = self.modern.elements(modern).enumerate().collect();
        let step = if by_position {
            Step::Position
        } else {
            Step::Unordered
        };
        self.lists(&legacy, &modern, step, reached, effects)
    }

    pub(super) fn lists(
        &mut self,
        legacy: &[Element],
        modern: &[Element],
        step: Step,
        reached: &Reached,
        effects: &Effects,
    ) -> Flow {
        let lists = Lists {
            legacy,
            modern,
            step,
        };
        if let Some((rule, says)) = self.rules.ruling(effects, Verb::Key)
            && let Some(pointer) = &says.key
        {
            return self.keyed(lists, reached, (rule, pointer), effects);
        }
        match self.rules.ruling(effects, Verb::Unordered) {
            Some((rule, _)) => self.multiset(lists, reached, rule),
            None => self.aligned(lists, reached),
        }
    }

    fn positional(&mut self, legacy: Id, modern: Id, reached: &Reached) -> Flow {
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

    /// Elements of another number: those that are equal are set against each other, so that one too
    /// many or too few does not make all that follow it different.
    fn aligned(&mut self, lists: Lists<'_>, reached: &Reached) -> Flow {
        let Lists { step, .. } = lists;
        let (mut left, mut right) = (lists.legacy, lists.modern);
        while let ([mine, rest @ ..], [theirs, others @ ..]) = (left, right) {
            let at = step.to(Side::Legacy, *mine);
            if !self.equal(at, mine.1, theirs.1, reached)? {
                break;
            }
            (left, right) = (rest, others);
        }
        while let ([rest @ .., mine], [others @ .., theirs]) = (left, right) {
            let at = step.to(Side::Legacy, *mine);
            if !self.equal(at, mine.1, theirs.1, reached)? {
                break;
            }
            (left, right) = (rest, others);
        }
        let stretches = if left.is_empty() || right.is_empty() {
            vec![Stretch::whole(left.len(), right.len())]
        } else {
            let mine = self.digests(Side::Legacy, left, step, reached)?;
            let theirs = self.digests(Side::Modern, right, step, reached)?;
            self.charge(align::work(mine.len(), theirs.len()))?;
            align::align(&mine, &theirs)
        };
        for stretch in stretches {
            let part = Lists {
                legacy: left.get(stretch.legacy).unwrap_or_default(),
                modern: right.get(stretch.modern).unwrap_or_default(),
                step,
            };
            self.stretch(part, reached)?;
        }
        Ok(())
    }

    /// A stretch of elements that are equal, or for which no equal ones were found.
    fn stretch(&mut self, lists: Lists<'_>, reached: &Reached) -> Flow {
        let (left, right) = (lists.legacy, lists.modern);
        let mut joined = Joined {
            missing: left.to_vec(),
            extra: right.to_vec(),
            ..Joined::default()
        };
        if left.len() == right.len() || !Self::few_enough(left.len(), right.len()) {
            joined = joined.zipped();
        }
        self.pair_alikes(&mut joined, lists.step, reached)?;
        self.joined(joined, lists.step, reached)
    }

    fn digests(
        &mut self,
        side: Side,
        elements: &[Element],
        step: Step,
        reached: &Reached,
    ) -> Flow<Vec<u64>> {
        let mut digests = Vec::with_capacity(elements.len());
        for element in elements {
            let digest = self.enter(step.to(side, *element), reached, |walk, reached| {
                walk.digest(side, element.1, &reached)
            })?;
            // Elements that are ignored are all alike.
            digests.push(digest.unwrap_or_default());
        }
        Ok(digests)
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
        let (before, mark) = (self.probing, self.hits.mark());
        self.probing = true;
        let result = self.element(at, legacy, modern, reached);
        self.probing = before;
        match result {
            Ok(()) => Ok(true),
            Err(Stop::Found) => {
                self.hits.back_to(mark);
                Ok(false)
            }
            Err(stop) => Err(stop),
        }
    }
}
