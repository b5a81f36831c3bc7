//! Arrays in which order means nothing, compared as multisets.
//!
//! Elements are sorted by a digest that equal ones share, so the work grows as n log n.

use std::collections::HashSet;

use super::array::{Element, Lists, Step};
use super::document::Tag;
use super::keyed::Joined;
use super::matching::Matching;
use super::walk::{Flow, Side, Walk};
use crate::rules::Reached;

/// An element with its digest.
type Digested = (u64, Element);

/// The most pairs of left-over elements that are looked at for likeness.
const MOST_PAIRS: usize = 10_000;

impl Walk<'_> {
    /// Compares as multisets: equal elements are paired, and what is left is shown element by
    /// element where two look alike.
    pub(super) fn multiset(&mut self, lists: Lists<'_>, reached: &Reached, rule: usize) -> Flow {
        let mut joined = Joined::default();
        let step = lists.step;
        let left = self.by_digest(
            Side::Legacy,
            lists.legacy,
            step,
            reached,
            &mut joined.missing,
        )?;
        let right = self.by_digest(Side::Modern, lists.modern, step, reached, &mut joined.extra)?;
        // What is as good as not there is looked at only for what the rules hide by it.
        self.joined(std::mem::take(&mut joined).zipped(), step, reached)?;
        let mut places = Vec::new();
        let (mut left, mut right) = (&*left, &*right);
        while let Some(digest) = left
            .first()
            .into_iter()
            .chain(right.first())
            .map(|e| e.0)
            .min()
        {
            let (mine, theirs);
            (mine, left) = split_group(left, digest);
            (theirs, right) = split_group(right, digest);
            let equals = self.pair_equals(mine, theirs, step, reached, &mut joined)?;
            places.extend(equals);
        }
        if !self.hits.has(rule) {
            places.sort_unstable();
            if !places.is_sorted_by_key(|(_, theirs)| *theirs) {
                self.hits.add(rule);
            }
        }
        self.pair_alikes(&mut joined, step, reached)?;
        self.joined(joined, step, reached)
    }

    /// Pairs the equal ones among elements of one digest, and says where they stand. What is not
    /// equal is kept.
    fn pair_equals(
        &mut self,
        legacy: &[Digested],
        modern: &[Digested],
        step: Step,
        reached: &Reached,
        joined: &mut Joined,
    ) -> Flow<Vec<(usize, usize)>> {
        let tolerant = self.rules.tolerant();
        let Matching { alone, owners } =
            Matching::new(legacy.len(), modern.len(), tolerant, |mine, theirs| {
                let ((_, mine), (_, theirs)) = (legacy[mine], modern[theirs]);
                self.equal(step.to(Side::Legacy, mine), mine.1, theirs.1, reached)
            })?;
        joined
            .missing
            .extend(alone.into_iter().map(|slot| legacy[slot].1));
        let mut places = Vec::with_capacity(owners.len());
        for ((_, theirs), owner) in modern.iter().zip(owners) {
            match owner {
                Some(owner) => places.push((legacy[owner].1.0, theirs.0)),
                None => joined.extra.push(*theirs),
            }
        }
        Ok(places)
    }

    /// The elements in the order of their digests; those that are as good as not there, because
    /// rules say so, are put aside.
    fn by_digest(
        &mut self,
        side: Side,
        elements: &[Element],
        step: Step,
        reached: &Reached,
        aside: &mut Vec<Element>,
    ) -> Flow<Vec<Digested>> {
        let mut digested = Vec::with_capacity(elements.len());
        for element in elements {
            let digest = self.enter(step.to(side, *element), reached, |walk, reached| {
                walk.digest(side, element.1, &reached)
            })?;
            match digest {
                Some(digest) => digested.push((digest, *element)),
                None => aside.push(*element),
            }
        }
        digested.sort_unstable();
        Ok(digested)
    }

    /// Whether so many left-over elements are looked at for likeness.
    pub(super) fn few_enough(missing: usize, extra: usize) -> bool {
        missing.saturating_mul(extra) <= MOST_PAIRS
    }

    /// Pairs left-over elements that share members, each with the one that shares most, so that
    /// a changed element shows what changed in it.
    pub(super) fn pair_alikes(
        &mut self,
        joined: &mut Joined,
        step: Step,
        reached: &Reached,
    ) -> Flow {
        let Joined {
            pairs,
            missing,
            extra,
        } = joined;
        if let ([mine], [theirs]) = (&**missing, &**extra) {
            pairs.push((*mine, *theirs));
            missing.clear();
            extra.clear();
            return Ok(());
        }
        if missing.is_empty() || extra.is_empty() || !Self::few_enough(missing.len(), extra.len()) {
            return Ok(());
        }
        missing.sort_unstable();
        extra.sort_unstable();
        let mut members = (Vec::new(), Vec::new());
        for element in missing.iter() {
            let digests = self.member_digests(Side::Legacy, *element, step, reached)?;
            members.0.push(digests);
        }
        for element in extra.iter() {
            let digests = self.member_digests(Side::Modern, *element, step, reached)?;
            members.1.push(digests);
        }
        // The shorter list chooses, so that swapping the sides swaps the pairs.
        let matches = if missing.len() <= extra.len() {
            self.likest(&members.0, &members.1)?
        } else {
            let swapped = self.likest(&members.1, &members.0)?;
            swapped.into_iter().map(|(a, b)| (b, a)).collect()
        };
        pairs.extend(
            matches
                .iter()
                .map(|(mine, theirs)| (missing[*mine], extra[*theirs])),
        );
        remove(missing, matches.iter().map(|(mine, _)| *mine));
        remove(extra, matches.iter().map(|(_, theirs)| *theirs));
        Ok(())
    }

    /// For each of the few, the one of the many that shares most members and is not taken yet.
    fn likest(&mut self, few: &[Vec<u64>], many: &[Vec<u64>]) -> Flow<Vec<(usize, usize)>> {
        let mut free: Vec<usize> = (0..many.len()).collect();
        let mut matches = Vec::new();
        for (at, members) in few.iter().enumerate() {
            let mut best = (0, 0);
            for (slot, other) in free.iter().enumerate() {
                let others = &many[*other];
                self.charge(1 + others.len() as u64 / 16)?;
                best = best.max((shared(members, others), usize::MAX - slot));
            }
            if best.0 > 0 {
                matches.push((at, free.remove(usize::MAX - best.1)));
            }
        }
        Ok(matches)
    }

    /// The digests of an object's members, sorted; anything else has none.
    fn member_digests(
        &mut self,
        side: Side,
        element: Element,
        step: Step,
        reached: &Reached,
    ) -> Flow<Vec<u64>> {
        let mut digests = Vec::new();
        if self.document(side).tag(element.1) == Tag::Object {
            self.enter(step.to(side, element), reached, |walk, reached| {
                for key in walk.document(side).keys(element.1) {
                    digests.extend(walk.member_digest(side, key, &reached)?);
                }
                Ok(())
            })?;
        }
        digests.sort_unstable();
        Ok(digests)
    }
}

fn split_group(elements: &[Digested], digest: u64) -> (&[Digested], &[Digested]) {
    let count = elements
        .iter()
        .take_while(|(other, ..)| *other == digest)
        .count();
    elements.split_at_checked(count).unwrap_or((elements, &[]))
}

/// Removes the elements in these slots.
fn remove(elements: &mut Vec<Element>, slots: impl Iterator<Item = usize>) {
    let slots: HashSet<usize> = slots.collect();
    let mut slot = 0..;
    elements.retain(|_| slot.next().is_some_and(|slot| !slots.contains(&slot)));
}

/// How many digests two sorted lists share.
fn shared(mine: &[u64], theirs: &[u64]) -> usize {
    let mut theirs = theirs.iter().peekable();
    mine.iter()
        .filter(|digest| {
            while theirs.next_if(|other| other < digest).is_some() {}
            theirs.next_if(|other| other == digest).is_some()
        })
        .count()
}
