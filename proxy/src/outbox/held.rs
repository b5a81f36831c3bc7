//! What is held: while modern's database is filled, mirrored writes to it are stored and wait.
//!
//! Who fills the database decides about each write that waits: it is delivered when the hold ends,
//! or its rows were brought over by key and it is settled. The data plane has no part in this; the
//! mirror's tasks ask, and wait for the answer on disk alone. Whose hold it is, `hold` knows.

use super::hold::{Held, HoldError, Named};
use super::{Note, Outbox};
use crate::lanes::Lane;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{oneshot, watch};

/// Why a write is lost that a hold could not keep.
const UNSTORED: &str = "it came while writes were held, and could not be stored";
const MAYBE_TWICE: &str =
    "modern may have done it when it was tried, and has what it did on legacy from the copy, too";
const MAYBE_COPIED: &str = "it may be in the rows that were copied, or may not";

/// A write that waits for the end of a hold.
#[derive(Clone, Debug)]
pub struct HeldWrite {
    /// Its number.
    pub id: u64,
    /// The position at which it began on the primary.
    pub began: u64,
    /// The route that it came by.
    pub route: Arc<str>,
    /// Its lanes.
    pub lanes: Vec<Lane>,
    /// The lanes that would be tainted if it were lost; none if it changed nothing.
    pub doubt: Vec<Lane>,
    /// Its share of the outbox's bytes.
    pub bytes: usize,
    /// Whether modern may have done it, and would do it once more.
    pub tried: bool,
}

/// What is to become of a write that was held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes its way.
    Deliver,
    /// Its rows are there: it is over.
    Settled,
    /// It is lost, and taints its lanes.
    Lost(String),
}

/// What a release did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Released {
    /// Writes that are delivered now.
    pub delivered: usize,
    /// Writes that were lost, and tainted their lanes.
    pub lost: usize,
}

/// What became of writes that were to be settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Settled {
    /// Those that waited, and are over as was asked.
    pub settled: usize,
    /// Those whose rows are there, and that modern may have done before: they are lost.
    pub lost: usize,
}

/// What the disk is told of a hold.
#[derive(Debug)]
pub(super) enum HoldChange {
    Begin(Arc<Held>),
    Release(Arc<Held>, Option<u64>),
}

/// Up to where releases have said that writes are lost, by their routes; the empty name is all.
pub(super) type ReleasedUpTo = BTreeMap<String, u64>;

/// Who waits, and what for.
#[derive(Debug)]
pub(super) struct Holds {
    state: Mutex<State>,
    /// The hold, for those that look whether there is one.
    now: watch::Sender<Option<Arc<Held>>>,
    /// Who changes which hold there is has this until the change is on disk.
    pub(super) changing: tokio::sync::Mutex<()>,
    delivering: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    waiting: BTreeMap<u64, (HeldWrite, oneshot::Sender<Verdict>)>,
    released: ReleasedUpTo,
}

/// A write on its way to modern; the hold that begins meanwhile does not hold it.
#[derive(Debug)]
pub struct Delivering(Arc<super::Shared>);

impl State {
    /// Whether a release has said of a write that began then that it is lost.
    fn is_late(&self, route: &str, began: u64) -> bool {
        let up_to = |name| self.released.get(name);
        up_to("")
            .max(up_to(route))
            .is_some_and(|up_to| began <= *up_to)
    }
}

impl Default for Holds {
    fn default() -> Self {
        Self::new(None, ReleasedUpTo::new())
    }
}

impl Holds {
    pub(super) fn new(hold: Option<Held>, released: ReleasedUpTo) -> Self {
        Self {
            state: Mutex::new(State {
                released,
                ..State::default()
            }),
            now: watch::Sender::new(hold.map(Arc::new)),
            changing: tokio::sync::Mutex::default(),
            delivering: AtomicUsize::new(0),
        }
    }

    pub(super) fn now(&self) -> Option<Arc<Held>> {
        self.now.borrow().clone()
    }

    fn covers(&self, route: &str) -> bool {
        let now = self.now.borrow();
        now.as_ref().is_some_and(|hold| hold.covers(route))
    }

    /// From here on, this is the hold.
    pub(super) fn begin(&self, hold: impl FnOnce() -> Held) -> Arc<Held> {
        let _state = self.state.lock();
        let hold = Arc::new(hold());
        self.now.send_replace(Some(Arc::clone(&hold)));
        hold
    }

    /// Ends the hold; each write that waits is told what becomes of it.
    pub(super) fn let_go(&self, up_to: Option<u64>) -> Released {
        let mut state = self.state.lock();
        let hold = self.now.send_replace(None);
        let names = hold.iter().flat_map(|hold| hold.names());
        for name in names.filter(|_| up_to.is_some()) {
            let former = state.released.entry(name.to_owned()).or_default();
            *former = up_to.unwrap_or_default().max(*former);
        }
        let mut released = Released::default();
        for (write, answer) in std::mem::take(&mut state.waiting).into_values() {
            let verdict = if up_to.is_some_and(|up_to| write.began <= up_to) {
                released.lost += 1;
                Verdict::Lost(MAYBE_COPIED.to_owned())
            } else {
                released.delivered += 1;
                Verdict::Deliver
            };
            let _ = answer.send(verdict);
        }
        released
    }
}

impl Outbox {
    /// Whether what a route sends to modern is held.
    pub fn is_held(&self, route: &str) -> bool {
        self.shared.holds.covers(route)
    }

    /// Ends when a hold on this route begins.
    pub async fn until_held(&self, route: &str) {
        let mut now = self.shared.holds.now.subscribe();
        let covers = |hold: &Option<Arc<Held>>| hold.as_ref().is_some_and(|h| h.covers(route));
        if now.wait_for(covers).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Has a write wait, if what it belongs to is held. What comes late, because it began before
    /// what was copied was read, is lost.
    pub fn wait_in_hold(
        &self,
        route: &str,
        began: u64,
        write: impl FnOnce() -> HeldWrite,
    ) -> Option<oneshot::Receiver<Verdict>> {
        let holds = &self.shared.holds;
        let mut state = holds.state.lock();
        if holds.covers(route) {
            let (answer, waiting) = oneshot::channel();
            let write = write();
            state.waiting.insert(write.id, (write, answer));
            return Some(waiting);
        }
        if !state.is_late(route, began) {
            return None;
        }
        let (answer, waiting) = oneshot::channel();
        let _ = answer.send(Verdict::Lost(MAYBE_COPIED.to_owned()));
        Some(waiting)
    }

    /// A write that a hold can't keep, because it is not on disk; nothing where it has its verdict.
    pub fn not_kept(&self, id: u64) -> Option<Verdict> {
        let waited = self.shared.holds.state.lock().waiting.remove(&id);
        waited.map(|_| Verdict::Lost(UNSTORED.to_owned()))
    }

    /// A write is about to be delivered; nothing if it is held, or was to be lost by a release.
    pub fn deliver(&self, route: &str, began: u64) -> Option<Delivering> {
        let holds = &self.shared.holds;
        // Whoever begins a hold under this lock sees the delivery, or it sees the hold.
        let state = holds.state.lock();
        if holds.covers(route) || state.is_late(route, began) {
            return None;
        }
        holds.delivering.fetch_add(1, Ordering::SeqCst);
        Some(Delivering(Arc::clone(&self.shared)))
    }

    /// Writes that are being delivered to modern this instant.
    pub fn delivering(&self) -> usize {
        self.shared.holds.delivering.load(Ordering::SeqCst)
    }

    /// Writes that wait in the hold behind this one, in their order, at most so many.
    pub fn held(&self, after: u64, most: usize) -> Vec<HeldWrite> {
        let state = self.shared.holds.state.lock();
        let behind = (Bound::Excluded(after), Bound::Unbounded);
        let writes = state.waiting.range(behind).take(most);
        writes.map(|(_, (write, _))| write.clone()).collect()
    }

    /// How many writes wait in the hold, and their bytes.
    pub fn held_count(&self) -> (usize, usize) {
        let state = self.shared.holds.state.lock();
        let bytes = state.waiting.values().map(|(write, _)| write.bytes).sum();
        (state.waiting.len(), bytes)
    }

    /// Ends writes that wait in the hold that is named: their rows are there, or they are lost. One
    /// that was tried is lost though its rows are there: modern may have its own, too.
    pub fn settle(
        &self,
        named: Named,
        ids: &[u64],
        verdict: &Verdict,
    ) -> Result<Settled, HoldError> {
        let mut settled = Settled::default();
        let mut state = self.shared.holds.state.lock();
        // Under the lock: nothing is settled for a holder that another has taken the place of.
        self.held_by(named)?;
        for (write, answer) in ids.iter().filter_map(|id| state.waiting.remove(id)) {
            let verdict = if write.tried && *verdict == Verdict::Settled {
                settled.lost += 1;
                Verdict::Lost(MAYBE_TWICE.to_owned())
            } else {
                settled.settled += 1;
                verdict.clone()
            };
            // Told here and not by who waits, so that it goes to the disk before a release does.
            match &verdict {
                Verdict::Deliver => {}
                Verdict::Settled => self.remove(write.id),
                Verdict::Lost(why) => self.note(write.id, Note::Lost(why.clone())),
            }
            drop(answer.send(verdict));
        }
        Ok(settled)
    }
}

impl Drop for Delivering {
    fn drop(&mut self) {
        self.0.holds.delivering.fetch_sub(1, Ordering::SeqCst);
    }
}
