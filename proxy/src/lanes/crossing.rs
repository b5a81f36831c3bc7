//! Writes that cross: of one entity, taken by different sides, each under way to the other at once.
//!
//! Each side does its own write first and the other's after it, so the two may end different though
//! both deliveries are answered alike; and where only one is mirrored, an older write is put over a
//! newer one. No order of deliveries mends that. So it is seen and told: a write is under way from
//! before its primary is asked until it has left its lanes, and the later of two that cross taints the
//! lanes that they share.
//!
//! The data plane adds and reads atomics, and mirroring only takes away, so nobody waits for anybody.
//! A lane is known by three places out of [`PLACES`]; lanes that share all three make a write cross
//! that does not, with a thousand under way once in half a million. None that crosses is missed, but
//! for one that is not mirrored and looks in the microseconds between another's choice of its side and
//! its entry, where the routes changed just then.

use super::lane::Lane;
use crate::side::Side;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use xxhash_rust::xxh3::xxh3_128_with_seed;

/// Places, 2 MiB of them.
const PLACES: usize = 1 << 18;

/// The writes under way in either direction, lane by lane.
pub(super) struct Crossings {
    /// Writes that legacy took in the lower half, those that modern took in the upper.
    places: Box<[AtomicU64]>,
    /// How many lanes there are writes in that legacy took, and that modern did.
    under_way: [AtomicUsize; 2],
    /// Against clients that would choose lanes that meet.
    seed: u64,
}

/// A write under way, in the lanes that are known of it, until this is dropped.
pub(super) struct Crossing {
    all: Arc<Crossings>,
    took: Side,
    lanes: Vec<Lane>,
    /// Those in which a write of the other side was under way when this one came.
    crossed: Vec<Lane>,
}

impl Crossings {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            under_way: Default::default(),
            seed: fastrand::u64(..),
        })
    }

    /// A write that this side takes, in no lane yet.
    pub(super) fn begin(self: &Arc<Self>, took: Side) -> Crossing {
        Crossing {
            all: Arc::clone(self),
            took,
            lanes: Vec::new(),
            crossed: Vec::new(),
        }
    }

    /// Whether any write is under way that this side has not taken.
    pub(super) fn any_lacked_by(&self, side: Side) -> bool {
        self.lanes_of(side.other()).load(Ordering::SeqCst) > 0
    }

    /// Whether one is in this lane.
    pub(super) fn lacks(&self, side: Side, lane: &Lane) -> bool {
        let there = |place: &AtomicU64| count(place.load(Ordering::SeqCst), side.other()) > 0;
        self.any_lacked_by(side) && self.places(lane).all(there)
    }

    fn lanes_of(&self, took: Side) -> &AtomicUsize {
        let [legacy, modern] = &self.under_way;
        match took {
            Side::Legacy => legacy,
            Side::Modern => modern,
        }
    }

    fn places(&self, lane: &Lane) -> impl Iterator<Item = &AtomicU64> {
        let hash = xxh3_128_with_seed(lane.as_str().as_bytes(), self.seed);
        let place = move |shift: u32| usize::try_from((hash >> shift) % PLACES as u128).ok();
        let places = [0, 32, 64].into_iter().filter_map(place);
        places.filter_map(|place| self.places.get(place))
    }
}

impl Crossing {
    /// The write is in this lane too. All its places are taken before any is read, so that of two that
    /// come at once one at least sees the other.
    pub(super) fn enter(&mut self, lane: &Lane) {
        self.all.lanes_of(self.took).fetch_add(1, Ordering::SeqCst);
        for place in self.all.places(lane) {
            place.fetch_add(one(self.took), Ordering::SeqCst);
        }
        self.lanes.push(lane.clone());
        if self.all.lacks(self.took, lane) {
            self.crossed.push(lane.clone());
        }
    }

    /// It is not in this lane after all.
    pub(super) fn leave(&mut self, lane: &Lane) {
        while let Some(at) = self.lanes.iter().position(|known| known == lane) {
            let lane = self.lanes.swap_remove(at);
            self.all.leave(self.took, &lane);
        }
        self.crossed.retain(|crossed| crossed != lane);
    }

    /// Another side takes it than was thought, which did nothing of it.
    pub(super) fn taken_by(&mut self, side: Side) {
        if side != self.took {
            // First out of all, or it would cross itself.
            let lanes = std::mem::take(&mut self.lanes);
            for lane in &lanes {
                self.all.leave(self.took, lane);
            }
            self.took = side;
            self.crossed.clear();
            for lane in &lanes {
                self.enter(lane);
            }
        }
    }

    /// The lanes in which it came while a write of the other side was under way.
    pub(super) fn crossed(&self) -> &[Lane] {
        &self.crossed
    }

    /// Whether a write of the other side is under way now in any of its lanes.
    pub(super) fn crosses(&self) -> bool {
        let lacks = |lane| self.all.lacks(self.took, lane);
        self.lanes.iter().any(lacks)
    }
}

impl Crossings {
    fn leave(&self, took: Side, lane: &Lane) {
        for place in self.places(lane) {
            place.fetch_sub(one(took), Ordering::SeqCst);
        }
        self.lanes_of(took).fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Crossing {
    fn drop(&mut self) {
        for lane in &self.lanes {
            self.all.leave(self.took, lane);
        }
    }
}

const fn one(took: Side) -> u64 {
    match took {
        Side::Legacy => 1,
        Side::Modern => 1 << 32,
    }
}

const fn count(place: u64, took: Side) -> u64 {
    match took {
        Side::Legacy => place & ((1 << 32) - 1),
        Side::Modern => place >> 32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_crosses_those_that_the_other_side_took_in_its_lanes_and_no_others() {
        let all = Crossings::new();
        let (order, other) = (Lane::new("order", "17"), Lane::new("order", "18"));
        let begin = |side, lane| {
            let mut write = all.begin(side);
            write.enter(lane);
            write
        };
        let first = begin(Side::Legacy, &order);
        assert!(begin(Side::Legacy, &order).crossed().is_empty());
        assert!(begin(Side::Modern, &other).crossed().is_empty());
        let mut second = begin(Side::Modern, &order);
        assert_eq!(second.crossed(), std::slice::from_ref(&order));
        assert!(first.crosses() && all.lacks(Side::Modern, &order));
        second.taken_by(Side::Legacy);
        assert!(second.crossed().is_empty() && !first.crosses());
        assert!(!all.any_lacked_by(Side::Legacy));
        second.taken_by(Side::Modern);
        second.leave(&order);
        assert!(second.crossed().is_empty() && !first.crosses());
        drop(first);
        assert!(!all.any_lacked_by(Side::Modern) && !all.lacks(Side::Modern, &order));
    }

    #[test]
    fn of_two_writes_that_come_at_once_one_sees_the_other() {
        let (all, lane) = (Crossings::new(), Lane::new("order", "17"));
        let start = std::sync::Barrier::new(2);
        let run = |side| {
            let seen = (0..2_000).map(|_| {
                start.wait();
                let mut write = all.begin(side);
                write.enter(&lane);
                start.wait();
                !write.crossed().is_empty()
            });
            seen.collect::<Vec<bool>>()
        };
        let [one, other] = std::thread::scope(|scope| {
            let one = scope.spawn(|| run(Side::Legacy));
            let other = run(Side::Modern);
            [one.join().unwrap(), other]
        });
        let seen = one.into_iter().zip(other).all(|(one, other)| one || other);
        assert!(seen);
        assert!(!all.any_lacked_by(Side::Legacy) && !all.any_lacked_by(Side::Modern));
        assert!(all.places.iter().all(|p| p.load(Ordering::SeqCst) == 0));
    }
}
