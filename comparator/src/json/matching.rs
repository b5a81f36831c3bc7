//! Pairs as many equal things of two lists as can be paired.
//!
//! Taking the first partner that fits is enough where equality is transitive. Within a tolerance
//! it is not, and pairs are exchanged along augmenting paths until no more can be made.

use std::collections::VecDeque;

/// Pairs between `left` and `right` things, by their indices.
pub(super) struct Matching {
    /// The left things that have no partner.
    pub(super) alone: Vec<usize>,
    /// What each right thing is paired with.
    pub(super) owners: Vec<Option<usize>>,
}

impl Matching {
    /// Pairs what `equal` says is equal. `tolerant` tells that it is not transitive.
    pub(super) fn new<E>(
        left: usize,
        right: usize,
        tolerant: bool,
        mut equal: impl FnMut(usize, usize) -> Result<bool, E>,
    ) -> Result<Self, E> {
        let mut matching = Self {
            alone: Vec::new(),
            owners: vec![None; right],
        };
        let mut free: VecDeque<usize> = (0..right).collect();
        for thing in 0..left {
            let mut found = None;
            for (at, slot) in free.iter().enumerate() {
                if equal(thing, *slot)? {
                    found = Some(at);
                    break;
                }
            }
            match found.and_then(|at| free.remove(at)) {
                Some(slot) => matching.owners[slot] = Some(thing),
                None => matching.alone.push(thing),
            }
        }
        if tolerant && !free.is_empty() {
            matching.augment(&mut equal)?;
        }
        Ok(matching)
    }

    /// Searches a path of exchanges for every left thing that is alone, breadth first.
    ///
    /// Slots that a search without success has seen can be on no later path either, so all failing
    /// searches together ask about each pair at most once.
    fn augment<E>(
        &mut self,
        equal: &mut impl FnMut(usize, usize) -> Result<bool, E>,
    ) -> Result<(), E> {
        let mut unseen: Vec<usize> = (0..self.owners.len()).collect();
        let mut came_from = vec![0; self.owners.len()];
        for start in std::mem::take(&mut self.alone) {
            let mut seen = Vec::new();
            let mut waiting = VecDeque::from([start]);
            let mut end = None;
            while let (Some(thing), None) = (waiting.pop_front(), end) {
                let (mut hits, mut rest) = (Vec::new(), Vec::new());
                for slot in unseen {
                    let hit = end.is_none() && equal(thing, slot)?;
                    if hit {
                        came_from[slot] = thing;
                        match self.owners[slot] {
                            Some(owner) => waiting.push_back(owner),
                            None => end = Some(slot),
                        }
                    }
                    if hit { &mut hits } else { &mut rest }.push(slot);
                }
                unseen = rest;
                seen.append(&mut hits);
            }
            match end {
                Some(slot) => {
                    self.exchange(start, slot, &came_from);
                    unseen.append(&mut seen);
                }
                None => self.alone.push(start),
            }
        }
        Ok(())
    }

    /// Gives each slot on the path to the thing that came to it, from the free end to the start.
    fn exchange(&mut self, start: usize, end: usize, came_from: &[usize]) {
        let mut slot = end;
        loop {
            let thing = came_from[slot];
            let left_behind = self.owners.iter().position(|owner| *owner == Some(thing));
            self.owners[slot] = Some(thing);
            match left_behind {
                Some(previous) if thing != start => slot = previous,
                _ => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    /// The greatest number of pairs, by trying all.
    fn most(edges: &[Vec<bool>], used: &mut [bool]) -> usize {
        let Some((first, rest)) = edges.split_first() else {
            return 0;
        };
        let mut best = most(rest, used);
        for (slot, edge) in first.iter().enumerate() {
            if *edge && !used[slot] {
                used[slot] = true;
                best = best.max(1 + most(rest, used));
                used[slot] = false;
            }
        }
        best
    }

    proptest! {
        #[test]
        fn no_more_pairs_can_be_made(
            edges in prop::collection::vec(prop::collection::vec(any::<bool>(), 5), 0..6)
        ) {
            let equal = |a: usize, b: usize| Ok::<_, Infallible>(edges[a][b]);
            let Ok(matching) = Matching::new(edges.len(), 5, true, equal);
            let pairs: Vec<_> = matching.owners.iter().enumerate().filter(|(_, o)| o.is_some()).collect();
            prop_assert_eq!(pairs.len(), most(&edges, &mut [false; 5]));
            prop_assert_eq!(pairs.len() + matching.alone.len(), edges.len());
            for (slot, owner) in pairs {
                prop_assert!(edges[owner.unwrap()][slot]);
            }
        }
    }
}
