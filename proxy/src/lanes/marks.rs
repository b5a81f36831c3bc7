//! Positions in the order of what is mirrored, and which writes began before one.
//!
//! A copy of the database holds what was committed before it read, and of a write that is under
//! way on the primary nobody can say whether that is so. So whoever reads takes a mark, and hears
//! when every write is over that began before it. Clients wait for nothing here: a write that
//! begins and ends touches two counters.

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The positions of one proxy. They grow over restarts, too.
pub(super) struct Marks {
    next: AtomicU64,
    /// Which of the two counters counts writes that begin now.
    turn: AtomicUsize,
    under_way: [AtomicUsize; 2],
    /// Only those come here who take marks.
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    /// The last mark whose writes are counted apart from later ones.
    turned: u64,
    /// The last mark.
    last: u64,
    /// The last mark before which nothing is under way any more.
    passed: u64,
}

/// A write on the primary, from its beginning until it stands in its lanes or nowhere.
pub(super) struct Begun {
    marks: Arc<Marks>,
    turn: usize,
    at: u64,
}

impl Marks {
    pub(super) fn new(first: u64) -> Arc<Self> {
        Arc::new(Self {
            next: AtomicU64::new(first),
            turn: AtomicUsize::new(0),
            under_way: Default::default(),
            taken: Mutex::default(),
        })
    }

    /// The number of an exchange that enters its lanes.
    pub(super) fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::SeqCst)
    }

    /// A write begins.
    pub(super) fn begin(self: &Arc<Self>) -> Begun {
        loop {
            let turn = self.turn.load(Ordering::SeqCst) & 1;
            let Some(under_way) = self.under_way.get(turn) else {
                continue;
            };
            under_way.fetch_add(1, Ordering::SeqCst);
            // A mark that came between would not wait for it: then it begins after the mark.
            if self.turn.load(Ordering::SeqCst) & 1 == turn {
                return Begun {
                    marks: Arc::clone(self),
                    turn,
                    at: self.next.load(Ordering::SeqCst),
                };
            }
            under_way.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Takes a mark: what begins from now on has a greater position.
    pub(super) fn mark(&self) -> u64 {
        let mut taken = self.taken.lock();
        taken.last = self.next();
        self.turn(&mut taken);
        taken.last
    }

    /// The last mark before which no write is under way any more.
    pub(super) fn passed(&self) -> u64 {
        let mut taken = self.taken.lock();
        self.turn(&mut taken);
        taken.passed
    }

    /// Counts what begins from now on apart, once what was counted apart before is over.
    fn turn(&self, taken: &mut Taken) {
        loop {
            let turn = self.turn.load(Ordering::SeqCst);
            let former = self.under_way.get((turn & 1) ^ 1);
            if former.is_some_and(|count| count.load(Ordering::SeqCst) > 0) {
                return;
            }
            taken.passed = taken.turned;
            if taken.turned == taken.last {
                return;
            }
            // First the position, then the turn: what is counted after it began after it.
            taken.turned = self.next();
            taken.last = taken.last.max(taken.turned);
            self.turn.store(turn ^ 1, Ordering::SeqCst);
        }
    }
}

impl Begun {
    /// The position at which it began.
    pub(super) fn at(&self) -> u64 {
        self.at
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if let Some(under_way) = self.marks.under_way.get(self.turn) {
            under_way.fetch_sub(1, Ordering::SeqCst);
        }
    }
}
