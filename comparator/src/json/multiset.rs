//! Arrays in which order means nothing, compared as multisets.
//!
//! Elements are sorted by a digest that equal ones share, so the work grows as n log n.

use super::document::{Id, Tag};
use super::keyed::Joined;
use super::matching::Matching;
use super::walk::{At, Flow, Side, Walk};
use crate::rules::Reached;

/// An element's digest, position and node.
type Digested = (u64, usize, Id);

/// The most pairs of left-over elements that are looked at for likeness.
const MOST_PAIRS: usize = 10_000;

impl Walk<'_> {
    /// Compares as multisets: equal elements are paired, and what is left is shown element by
    /// element where two look alike.
    pub(super) fn multiset(&mut self, legacy: Id, modern: Id, reached: &Reached) -> Flow {
        let left = self.by_digest(Side::Legacy, legacy, reached)?;
        let right = self.by_digest(Side::Modern, modern, reached)?;
        let mut joined = Joined::default();
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
            self.pair_equals(mine, theirs, reached, &mut joined)?;
        }
        self.pair_alikes(&mut joined, reached)?;
        joined.pairs.sort_unstable();
        self.joined(joined, reached)
    }

    /// Pairs the equal ones among elements of one digest. Only what is not equal is kept.
    fn pair_equals(
        &mut self,
        legacy: &[Digested],
        modern: &[Digested],
        reached: &Reached,
        joined: &mut Joined,
    ) -> Flow {
        let tolerant = !self.rules.times.is_empty();
        let Matching { alone, owners } =
            Matching::new(legacy.len(), modern.len(), tolerant, |mine, theirs| {
                let ((_, at, mine), (.., theirs)) = (legacy[mine], modern[theirs]);
                self.equal(At::Element(at), mine, theirs, reached)
            })?;
        joined.missing.extend(
            alone
                .into_iter()
                .map(|slot| (legacy[slot].1, legacy[slot].2)),
        );
        let free = modern
            .iter()
            .zip(owners)
            .filter(|(_, owner)| owner.is_none());
        joined
            .extra
            .extend(free.map(|((_, at, theirs), _)| (*at, *theirs)));
        Ok(())
    }

    fn by_digest(&mut self, side: Side, array: Id, reached: &Reached) -> Flow<Vec<Digested>> {
        let mut elements = Vec::new();
        for (at, id) in self.document(side).elements(array).enumerate() {
            let digest = self.enter(At::Element(at), reached, |walk, reached| {
                walk.digest(side, id, &reached)
            })?;
            // What is ignored takes part in nothing.
            elements.extend(digest.map(|digest| (digest, at, id)));
        }
        elements.sort_unstable();
        Ok(elements)
    }

    /// Pairs left-over elements that share members, each with the one that shares most, so that
    /// a changed element shows what changed in it.
    fn pair_alikes(&mut self, joined: &mut Joined, reached: &Reached) -> Flow {
        let Joined {
            pairs,
            missing,
            extra,
        } = joined;
        if let ([(at, mine)], [(other_at, theirs)]) = (&**missing, &**extra) {
            pairs.push((*at, *mine, *other_at, *theirs));
            missing.clear();
            extra.clear();
            return Ok(());
        }
        if missing.len().saturating_mul(extra.len()) > MOST_PAIRS {
            return Ok(());
        }
        missing.sort_unstable();
        extra.sort_unstable();
        let mut candidates = Vec::with_capacity(extra.len());
        for (at, theirs) in extra.drain(..) {
            let members = self.member_digests(Side::Modern, at, theirs, reached)?;
            candidates.push((members, at, theirs));
        }
        for (at, mine) in std::mem::take(missing) {
            let members = self.member_digests(Side::Legacy, at, mine, reached)?;
            let mut best = (0, 0);
            for (slot, (others, ..)) in candidates.iter().enumerate() {
                self.charge(1 + others.len() as u64 / 16)?;
                best = best.max((shared(&members, others), usize::MAX - slot));
            }
            if best.0 == 0 {
                missing.push((at, mine));
            } else {
                let (_, other_at, theirs) = candidates.remove(usize::MAX - best.1);
                pairs.push((at, mine, other_at, theirs));
            }
        }
        extra.extend(candidates.into_iter().map(|(_, at, theirs)| (at, theirs)));
        Ok(())
    }

    /// The digests of an object's members, sorted; anything else has none.
    fn member_digests(
        &mut self,
        side: Side,
        at: usize,
        element: Id,
        reached: &Reached,
    ) -> Flow<Vec<u64>> {
        let mut digests = Vec::new();
        if self.document(side).tag(element) == Tag::Object {
            self.enter(At::Element(at), reached, |walk, reached| {
                for key in walk.document(side).keys(element) {
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
