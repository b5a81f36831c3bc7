//! The one task that keeps the order: everybody else sends it word and nobody shares its memory.
//!
//! The data plane's word is a message that never waits, so the lanes need no lock that a thread
//! of low priority could hold.

use super::lane::Lane;
use super::order::Order;
use super::status::{LaneDepth, LanesStatus, TaintedLane};
use super::taint::{Cleared, Taint, Taints};
use super::{Backlog, Lost};
use crate::journal::without_secrets;
use crate::outbox::Outbox;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};

/// Lanes and taints that a status lists; the rest is counted.
const LISTED: usize = 1_000;

/// What the keeper is told.
pub(super) enum Event {
    /// An exchange enters its lanes, behind all that entered before.
    Enter(Entry),
    /// It is through, or has given up; with what was lost, if it was a write that got nowhere.
    Leave(u64, Option<Lost>),
    /// A write was lost before it could enter.
    Lost(Lost),
    /// A lane was reconciled, if its taint still has this tag.
    Clear(Lane, Option<String>, oneshot::Sender<Cleared>),
    /// Somebody wants the tainted lanes behind this one, so many of them.
    Taints(Option<Lane>, usize, oneshot::Sender<Vec<TaintedLane>>),
    /// Somebody asks of an exchange whether its lanes are tainted now.
    Tainted(Arc<[Lane]>, oneshot::Sender<bool>),
    /// Somebody wants to know.
    Status(oneshot::Sender<LanesStatus>),
}

/// An exchange on its way in.
pub(super) struct Entry {
    pub(super) id: u64,
    pub(super) lanes: Arc<[Lane]>,
    pub(super) write: bool,
    /// When the primary had answered it.
    pub(super) since: Instant,
    /// Is told that the turn is there, and whether the lanes are tainted.
    pub(super) turn: oneshot::Sender<bool>,
}

pub(super) struct Keeper {
    pub(super) events: mpsc::UnboundedReceiver<Event>,
    pub(super) backlog: Arc<Backlog>,
    pub(super) outbox: Outbox,
    order: Order<oneshot::Sender<bool>>,
    since: HashMap<u64, Instant>,
    taints: Taints,
    longest_wait: Duration,
    lost: u64,
}

impl Keeper {
    pub(super) fn new(
        events: mpsc::UnboundedReceiver<Event>,
        backlog: Arc<Backlog>,
        outbox: Outbox,
        taints: Vec<(Lane, Taint)>,
    ) -> Self {
        Self {
            events,
            backlog,
            outbox,
            order: Order::new(),
            since: HashMap::new(),
            taints: Taints::new(taints),
            longest_wait: Duration::ZERO,
            lost: 0,
        }
    }

    pub(super) async fn run(mut self) {
        while let Some(event) = self.events.recv().await {
            if let Some(why) = self.backlog.overflow() {
                let lanes = vec![Lane::everything()];
                self.lose(Lost::new(lanes, why, None));
            }
            match event {
                Event::Enter(entry) => self.enter(entry),
                Event::Leave(id, lost) => self.leave(id, lost),
                Event::Lost(lost) => {
                    self.backlog.done();
                    self.lose(lost);
                }
                Event::Clear(lane, tag, reply) => {
                    let cleared = self.taints.clear(&lane, tag.as_deref());
                    if cleared == Cleared::Yes {
                        self.outbox.clear(&lane);
                    }
                    let _ = reply.send(cleared);
                }
                Event::Taints(after, most, reply) => {
                    let taints = self.taints.after(after.as_ref()).take(most.min(LISTED));
                    let taints = taints.map(|(lane, taint)| TaintedLane::of(lane, taint));
                    drop(reply.send(taints.collect()));
                }
                Event::Tainted(lanes, reply) => drop(reply.send(self.taints.touch(&lanes))),
                Event::Status(reply) => drop(reply.send(self.status())),
            }
        }
    }

    fn enter(&mut self, entry: Entry) {
        let Entry {
            id,
            lanes,
            write,
            since,
            turn,
        } = entry;
        self.since.insert(id, since);
        if let Some(turn) = self.order.enter(id, lanes, write, turn) {
            self.grant(id, turn);
        }
    }

    fn leave(&mut self, id: u64, lost: Option<Lost>) {
        self.backlog.done();
        // First the taint, then the turn of those who come after; and on disk first the taint,
        // then the end of the write that it tells of.
        if let Some(lost) = lost {
            self.lose(lost);
            self.outbox.remove(id);
        }
        for (next, turn) in self.order.leave(id) {
            self.grant(next, turn);
        }
        self.since.remove(&id);
    }

    fn grant(&mut self, id: u64, turn: oneshot::Sender<bool>) {
        if let Some(since) = self.since.get(&id) {
            self.longest_wait = self.longest_wait.max(since.elapsed());
        }
        let lanes = self.order.lanes_of(id);
        let tainted = lanes.is_some_and(|lanes| self.taints.touch(lanes));
        // Who doesn't wait any more has left, or is about to.
        let _ = turn.send(tainted);
    }

    fn lose(&mut self, lost: Lost) {
        self.lost += 1;
        let taint = Taint::new(lost.why.into_owned(), lost.by);
        for (lane, taint) in self.taints.add(lost.lanes, &taint) {
            let why = without_secrets(&taint.why);
            if taint.writes > 1 {
                tracing::debug!(%why, "another mirrored write was lost in a tainted lane");
            } else if lane == Lane::everything() {
                tracing::error!(
                    %why,
                    "writes were lost beyond what can be told apart: everything that has lanes is \
                     tainted until `*` is cleared"
                );
            } else {
                // Whatever a client has put there; who clears it asks the control API for its name.
                let lane = without_secrets(lane.as_str());
                tracing::warn!(%lane, %why, "a mirrored write was lost: its lane is tainted");
            }
            self.outbox.taint(&lane, &taint);
        }
    }

    fn status(&self) -> LanesStatus {
        let age = |id: u64| self.since.get(&id).map(Instant::elapsed);
        let mut deepest: Vec<_> = self.order.lanes().collect();
        let lanes = deepest.len();
        deepest.sort_unstable_by(|(a, deep, _), (b, deeper, _)| (deeper, a).cmp(&(deep, b)));
        deepest.truncate(LISTED);
        let deepest = deepest.into_iter().map(|(lane, depth, first)| LaneDepth {
            lane: lane.to_string(),
            depth,
            oldest: first.and_then(age).unwrap_or_default(),
        });
        let taints = self.taints.iter();
        LanesStatus {
            depth: self.order.depth(),
            lanes,
            oldest: self.order.oldest().and_then(age),
            longest_wait: self.longest_wait,
            deepest: deepest.collect(),
            lost: self.lost,
            tainted: taints.len(),
            taints: taints
                .take(LISTED)
                .map(|(lane, taint)| TaintedLane::of(lane, taint))
                .collect(),
        }
    }
}
