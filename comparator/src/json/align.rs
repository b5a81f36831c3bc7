//! Sets two lists against each other by what is equal in them: what was inserted, what is missing.
//!
//! Elements that are unique on both sides are anchors (the longest run of them in the same order,
//! as in patience diff); what is between them is aligned by Myers' algorithm where it is short, so
//! the work stays near n log n.

use std::collections::HashMap;
use std::ops::Range;

use similar::{Algorithm, DiffTag, capture_diff_slices};

/// The longest stretches, as the product of their lengths, that are aligned element by element.
const SHORT: usize = 40_000;

/// A stretch of elements on each side that belong together: equal ones, or what stands between
/// such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) legacy: Range<usize>,
    pub(super) modern: Range<usize>,
}

impl Stretch {
    /// All of two lists.
    pub(super) fn whole(legacy: usize, modern: usize) -> Self {
        Self {
            legacy: 0..legacy,
            modern: 0..modern,
        }
    }
}

/// What aligning lists of these lengths may cost, in elements looked at.
pub(super) fn work(legacy: usize, modern: usize) -> u64 {
    let product = legacy.saturating_mul(modern).min(SHORT.saturating_mul(8));
    (legacy.saturating_add(modern).saturating_add(product / 64)) as u64
}

/// Aligns two lists of digests. The stretches cover both lists in their order.
pub(super) fn align(legacy: &[u64], modern: &[u64]) -> Vec<Stretch> {
    // The shorter one first, so that swapping the sides swaps the answer.
    if legacy.len() > modern.len() {
        let swap = |stretch: Stretch| Stretch {
            legacy: stretch.modern,
            modern: stretch.legacy,
        };
        return align(modern, legacy).into_iter().map(swap).collect();
    }
    let mut stretches = Vec::new();
    let mut from = (0, 0);
    for (mine, theirs) in anchors(legacy, modern) {
        between(legacy, modern, from.0..mine, from.1..theirs, &mut stretches);
        stretches.push(Stretch {
            legacy: mine..mine + 1,
            modern: theirs..theirs + 1,
        });
        from = (mine + 1, theirs + 1);
    }
    let rest = (from.0..legacy.len(), from.1..modern.len());
    between(legacy, modern, rest.0, rest.1, &mut stretches);
    stretches
}

/// Aligns what stands between two anchors.
fn between(
    legacy: &[u64],
    modern: &[u64],
    left: Range<usize>,
    right: Range<usize>,
    stretches: &mut Vec<Stretch>,
) {
    if left.is_empty() && right.is_empty() {
        return;
    }
    let long = left.len().saturating_mul(right.len()) > SHORT;
    if left.is_empty() || right.is_empty() || long {
        stretches.push(Stretch {
            legacy: left,
            modern: right,
        });
        return;
    }
    let mine = legacy.get(left.clone()).unwrap_or_default();
    let theirs = modern.get(right.clone()).unwrap_or_default();
    let mut open: Option<Stretch> = None;
    for op in capture_diff_slices(Algorithm::Myers, mine, theirs) {
        let (old, new) = (op.old_range(), op.new_range());
        let next = Stretch {
            legacy: left.start + old.start..left.start + old.end,
            modern: right.start + new.start..right.start + new.end,
        };
        if op.tag() == DiffTag::Equal {
            stretches.extend(open.take());
            stretches.push(next);
        } else if let Some(open) = &mut open {
            // What goes and what comes at one place are one change.
            open.legacy.end = next.legacy.end;
            open.modern.end = next.modern.end;
        } else {
            open = Some(next);
        }
    }
    stretches.extend(open);
}

/// The longest run of pairs, in the order of both lists, of what is unique in each.
fn anchors(legacy: &[u64], modern: &[u64]) -> Vec<(usize, usize)> {
    let mine = unique(legacy);
    let theirs = unique(modern);
    let mut pairs: Vec<(usize, usize)> = mine
        .iter()
        .filter_map(|(digest, at)| Some(((*at)?, (*theirs.get(digest)?)?)))
        .collect();
    pairs.sort_unstable();
    longest_run(&pairs)
}

/// Where each digest stands, or `None` for one that stands twice.
fn unique(digests: &[u64]) -> HashMap<u64, Option<usize>> {
    let mut places = HashMap::with_capacity(digests.len());
    for (at, digest) in digests.iter().enumerate() {
        places
            .entry(*digest)
            .and_modify(|place| *place = None)
            .or_insert(Some(at));
    }
    places
}

/// The longest part of the pairs in which the second numbers rise, by patience sorting.
fn longest_run(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // The pair on top of each pile, and for each pair the one on top of the pile before it.
    let mut piles: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (at, (_, theirs)) in pairs.iter().enumerate() {
        let pile = piles.partition_point(|top| pairs[*top].1 < *theirs);
        before.push(pile.checked_sub(1).map(|previous| piles[previous]));
        if pile == piles.len() {
            piles.push(at);
        } else {
            piles[pile] = at;
        }
    }
    let mut run = Vec::with_capacity(piles.len());
    let mut next = piles.last().copied();
    while let Some(at) = next {
        run.push(pairs[at]);
        next = before[at];
    }
    run.reverse();
    run
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How many elements are set against an equal one.
    fn equals(legacy: &[u64], modern: &[u64]) -> usize {
        let equal = |stretch: &&Stretch| {
            legacy.get(stretch.legacy.clone()) == modern.get(stretch.modern.clone())
        };
        let stretches = align(legacy, modern);
        stretches
            .iter()
            .filter(equal)
            .map(|stretch| stretch.legacy.len())
            .sum()
    }

    #[test]
    fn an_insertion_is_found_wherever_it_is() {
        let legacy: Vec<u64> = (0..1000).collect();
        for at in [0, 1, 500, 999, 1000] {
            let mut modern = legacy.clone();
            modern.insert(at, 5000);
            assert_eq!(equals(&legacy, &modern), 1000, "{at}");
            assert_eq!(equals(&modern, &legacy), 1000, "{at}");
        }
    }

    #[test]
    fn repeated_elements_are_aligned_between_the_unique_ones() {
        assert_eq!(equals(&[1, 1, 2, 1, 3], &[1, 2, 1, 1, 3]), 4);
        assert_eq!(equals(&[7; 100], &[7; 90]), 90);
    }

    #[test]
    fn a_hundred_thousand_repeated_elements_are_no_work() {
        let of = |seed: u64| -> Vec<u64> { (0..100_000).map(|i| (i * i + seed) % 7).collect() };
        align(&of(1), &of(4));
    }

    proptest! {
        #[test]
        fn the_stretches_cover_both_lists_in_order(
            legacy in prop::collection::vec(0_u64..8, 0..30),
            modern in prop::collection::vec(0_u64..8, 0..30),
        ) {
            let mut end = (0, 0);
            for stretch in align(&legacy, &modern) {
                prop_assert_eq!((stretch.legacy.start, stretch.modern.start), end);
                end = (stretch.legacy.end, stretch.modern.end);
            }
            prop_assert_eq!(end, (legacy.len(), modern.len()));
        }
    }
}
