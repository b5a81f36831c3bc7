//! Lanes: the order of exchanges that touch one entity.
//!
//! Exchanges of a lane reach the candidate in the order in which the primary answered them; other
//! lanes run beside. The reads between two writes go together; a write waits for all before it in
//! its lanes, a read for the writes before it. Who waits does so in the mirror.
//!
//! The data plane has a [`Passage`] for each exchange. While it is under way on the primary, it
//! stands in a map that only the data plane touches, so that overlaps with writes are seen; when
//! it ends there, one message takes it to the keeper of the order, which gives it a [`Spot`].
//!
//! One order can be kept only while one side takes the writes of a lane. Where writes of both are under
//! way in it, whether the dial, the guard or a change of mode brought them there, they cross
//! (`crossing`), and taint it.
//!
//! A write that is lost taints its lanes until an operator has reconciled them. Nothing here
//! sends or stores; that is for the mirror and the [`crate::outbox`].

mod crossing;
mod keeper;
mod lane;
mod marks;
mod order;
mod overlap;
mod passage;
mod pointer;
mod rule;
mod spot;
mod status;
mod taint;
mod writers;

pub use lane::Lane;
pub use passage::Passage;
pub(crate) use pointer::{Pointer, with_token};
pub use rule::{LaneRule, LaneRuleError, Source};
pub use spot::{Quiet, Spot};
pub use status::{LaneDepth, LanesStatus, TaintedLane};
pub use taint::{Cleared, Taint};
pub use writers::Writers;

use crate::ids::Ids;
use crate::outbox::Outbox;
use crate::outcome::Ending;
use crate::side::Side;
use crossing::{Crossing, Crossings};
use keeper::{Entry, Event, Keeper};
use marks::Marks;
use overlap::Overlaps;
use spot::Turn;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

/// Exchanges that may be in lanes or on their way there: past any outbox's limit, so that only a
/// keeper that gets no processor at all reaches it.
const MOST: usize = 1 << 18;

/// The lanes, shared by all routes.
pub struct Lanes {
    overlaps: Overlaps,
    crossings: Arc<Crossings>,
    writers: Arc<Writers>,
    ids: Arc<Ids>,
    outbox: Outbox,
    events: mpsc::UnboundedSender<Event>,
    backlog: Arc<Backlog>,
    marks: Arc<Marks>,
}

/// How much the keeper has on its hands, so that what it is told is bounded.
#[derive(Default)]
struct Backlog {
    held: AtomicUsize,
    overflowed: AtomicBool,
}

/// A write that will not reach the candidate.
struct Lost {
    lanes: Vec<Lane>,
    why: Cow<'static, str>,
    /// The side that lacks it, where that is known.
    by: Option<Side>,
}

impl Lanes {
    /// Starts the keeper on `runtime`. Exchanges are numbered from `first`; `taints` are those of
    /// a former run.
    pub fn start(
        runtime: &Handle,
        outbox: Outbox,
        ids: Arc<Ids>,
        taints: Vec<(Lane, Taint)>,
        first: u64,
    ) -> Arc<Self> {
        let (events, received) = mpsc::unbounded_channel();
        let backlog = Arc::new(Backlog::default());
        let kept = outbox.clone();
        runtime.spawn(Keeper::new(received, Arc::clone(&backlog), kept, taints).run());
        Arc::new(Self {
            overlaps: Overlaps::new(),
            crossings: Crossings::new(),
            writers: Writers::new(),
            ids,
            outbox,
            events,
            backlog,
            marks: Marks::new(first),
        })
    }

    /// Enters a write of a former run under the number that it had; to be called in the order of
    /// the numbers, before anything newer enters.
    pub fn resume(
        self: &Arc<Self>,
        (id, candidate): (u64, Side),
        lanes: Vec<Lane>,
        doubt: Vec<Lane>,
        age: Duration,
    ) -> Spot {
        self.backlog.held.fetch_add(1, Ordering::Relaxed);
        let since = Instant::now();
        let since = since.checked_sub(age).unwrap_or(since);
        // What the primary refused changed nothing there, and has no doubt.
        let done = !doubt.is_empty();
        let crossing = done.then(|| {
            let mut crossing = self.crossings.begin(candidate.other());
            for lane in &lanes {
                crossing.enter(lane);
            }
            crossing
        });
        self.tell_crossed(crossing.as_ref().map_or(&[], Crossing::crossed));
        let mut spot = self.spot(id, lanes, true, since);
        spot.doubt = doubt;
        spot.candidate = Some(candidate);
        spot.crossing = crossing;
        spot
    }

    /// Whether writes are under way to this side, which one that it takes now may cross.
    pub fn crosses(&self, side: Side) -> bool {
        self.crossings.any_lacked_by(side)
    }

    /// Taints the lanes in which a write has crossed another. Either side may lack what it should have.
    fn tell_crossed(&self, lanes: &[Lane]) {
        if !lanes.is_empty() {
            let why =
                "each side took a write that the other had not yet, so they may end different";
            self.lose(Lost::new(lanes.to_vec(), why, None));
        }
    }

    /// Whose writes are under way to the other side.
    pub fn writers(&self) -> &Writers {
        &self.writers
    }

    /// Says that a lane was reconciled: what comes after is compared again. With a tag, only if
    /// its taint is still the one of that tag: no other write was lost there meanwhile. Nothing where
    /// nobody keeps the order any more, here and below.
    pub async fn clear(&self, lane: Lane, tag: Option<String>) -> Option<Cleared> {
        let (reply, answer) = oneshot::channel();
        self.tell(Event::Clear(lane, tag, reply));
        answer.await.ok()
    }

    /// Tainted lanes behind this one in the order of their names, at most so many.
    pub async fn taints(&self, after: Option<Lane>, most: usize) -> Option<Vec<TaintedLane>> {
        let (reply, answer) = oneshot::channel();
        self.tell(Event::Taints(after, most, reply));
        answer.await.ok()
    }

    /// Takes a mark: a write that begins from now on has a greater position.
    pub fn mark(&self) -> u64 {
        self.marks.mark()
    }

    /// The last mark before which no write is under way on the primary any more.
    pub fn passed(&self) -> u64 {
        self.marks.passed()
    }

    /// What can be said of the lanes now.
    pub async fn status(&self) -> Option<LanesStatus> {
        let (reply, answer) = oneshot::channel();
        self.tell(Event::Status(reply));
        answer.await.ok()
    }

    /// Enters an exchange behind all that entered before.
    fn enter(self: &Arc<Self>, lanes: Vec<Lane>, write: bool) -> Result<Spot, Ending> {
        if !self.backlog.take() {
            if write {
                self.backlog.overflowed.store(true, Ordering::Relaxed);
            }
            return Err(Ending::QueueFull);
        }
        let id = self.marks.next();
        Ok(self.spot(id, lanes, write, Instant::now()))
    }

    fn spot(self: &Arc<Self>, id: u64, lanes: Vec<Lane>, write: bool, since: Instant) -> Spot {
        let lanes: Arc<[Lane]> = lanes.into();
        let (turn, waiting) = oneshot::channel();
        self.tell(Event::Enter(Entry {
            id,
            lanes: Arc::clone(&lanes),
            write,
            since,
            turn,
        }));
        Spot {
            room: Arc::clone(self),
            id,
            lanes,
            turn: Turn::Waiting(waiting),
            overlapped: false,
            writes: 0,
            doubt: Vec::new(),
            candidate: None,
            begun: None,
            loses: false,
            pin: None,
            crossing: None,
            at_risk: None,
            left: false,
        }
    }

    /// A write was lost before it could enter its lanes.
    fn lose(&self, lost: Lost) {
        if self.backlog.take() {
            self.tell(Event::Lost(lost));
        } else {
            self.backlog.overflowed.store(true, Ordering::Relaxed);
        }
    }

    fn tell(&self, event: Event) {
        // The keeper ends with the runtime of the mirror, and then nobody waits for it.
        let _ = self.events.send(event);
    }
}

impl Backlog {
    fn take(&self) -> bool {
        let room = |held: usize| (held < MOST).then_some(held + 1);
        self.held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, room)
            .is_ok()
    }

    fn done(&self) {
        self.held.fetch_sub(1, Ordering::Relaxed);
    }

    /// Why everything is tainted, if writes were lost that nobody could be told of.
    fn overflow(&self) -> Option<&'static str> {
        let overflowed = self.overflowed.load(Ordering::Relaxed)
            && self.overflowed.swap(false, Ordering::Relaxed);
        overflowed.then_some("writes were lost faster than they could be told apart")
    }
}

impl Lost {
    fn new(lanes: Vec<Lane>, why: impl Into<Cow<'static, str>>, by: Option<Side>) -> Self {
        Self {
            lanes,
            why: why.into(),
            by,
        }
    }
}

#[cfg(test)]
mod tests;
