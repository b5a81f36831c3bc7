//! An exchange's spot in its lanes: it waits for its turn there, and leaves.

use super::crossing::Crossing;
use super::keeper::Event;
use super::marks::Begun;
use super::writers::Pin;
use super::{Lane, Lanes, Lost};
use crate::outbox::AtRisk;
use crate::side::Side;
use std::borrow::Cow;
use std::sync::Arc;
use tokio::sync::oneshot;

/// An exchange's spot in its lanes. Whoever drops it leaves them.
pub struct Spot {
    pub(super) room: Arc<Lanes>,
    pub(super) id: u64,
    pub(super) lanes: Arc<[Lane]>,
    pub(super) turn: Turn,
    /// Whether another write was under way on the primary at the same time.
    pub(super) overlapped: bool,
    /// How many writes had begun in the lanes of a read when the primary had answered it.
    pub(super) writes: u64,
    /// What is tainted if the write is lost.
    pub(super) doubt: Vec<Lane>,
    /// The side that lacks the write if it is lost.
    pub(super) candidate: Option<Side>,
    /// From its beginning on the primary until somebody has taken it on.
    pub(super) begun: Option<Begun>,
    /// Whether dropping it loses a write: one that the primary has done, and that nobody has
    /// taken on yet.
    pub(super) loses: bool,
    /// Keeps the client of a write on the side that took it.
    pub(super) pin: Option<Pin>,
    /// Shows a write to those that the other side takes meanwhile.
    pub(super) crossing: Option<Crossing>,
    /// A write that a kill would take along.
    pub(super) at_risk: Option<AtRisk>,
    pub(super) left: bool,
}

/// Says of a read whether the primary has been asked to write in its lanes since.
pub struct Quiet {
    room: Arc<Lanes>,
    lanes: Arc<[Lane]>,
    writes: u64,
}

impl Quiet {
    /// Whether no write has begun since.
    pub fn lasts(&self) -> bool {
        self.room.overlaps.writes(&self.lanes) == self.writes
    }
}

pub(super) enum Turn {
    Waiting(oneshot::Receiver<bool>),
    There { tainted: bool },
}

impl std::fmt::Debug for Spot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spot")
            .field("id", &self.id)
            .field("lanes", &self.lanes)
            .finish_non_exhaustive()
    }
}

impl Spot {
    /// Waits until everybody has left that must go first; whether a lost write taints what is
    /// seen there.
    pub async fn turn(&mut self) -> bool {
        if let Turn::Waiting(turn) = &mut self.turn {
            match turn.await {
                Ok(tainted) => self.turn = Turn::There { tainted },
                // Nobody keeps the order any more, so nobody's turn comes: the proxy is stopping.
                Err(_) => std::future::pending().await,
            }
        }
        matches!(self.turn, Turn::There { tainted: true })
    }

    /// Whether its lanes are tainted by now: a write that crossed it may be over already.
    pub async fn is_tainted(&self) -> bool {
        let (reply, answer) = oneshot::channel();
        self.room
            .tell(Event::Tainted(Arc::clone(&self.lanes), reply));
        // What nobody can say is not called equal.
        answer.await.unwrap_or(true)
    }

    /// The number of the exchange, which grows with the order and over restarts.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The lanes.
    pub fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    /// Whether a write of one of the declared lanes was under way on the primary at the same time.
    pub fn overlapped(&self) -> bool {
        self.overlapped
    }

    /// Whether the other side has taken a write of the same lanes that is under way now.
    pub fn crosses(&self) -> bool {
        self.crossing.as_ref().is_some_and(Crossing::crosses)
    }

    /// Watches the lanes of a read, in them or not.
    pub fn quiet(&self) -> Quiet {
        Quiet {
            room: Arc::clone(&self.room),
            lanes: Arc::clone(&self.lanes),
            writes: self.writes,
        }
    }

    /// The lanes that are tainted if the write is lost.
    pub fn doubt(&self) -> &[Lane] {
        &self.doubt
    }

    /// Says of a write of a former run what was known of it there.
    pub fn set_overlapped(&mut self, overlapped: bool) {
        self.overlapped = overlapped;
    }

    /// Hands over what says that the write is not on disk.
    pub fn at_risk(&mut self) -> Option<AtRisk> {
        self.at_risk.take()
    }

    /// The position at which a write of this run began on the primary.
    pub fn began(&self) -> u64 {
        self.begun.as_ref().map_or(0, Begun::at)
    }

    /// The write stands where it is seen by whoever waits until it is over on the primary.
    pub fn over(&mut self) {
        self.begun = None;
    }

    /// Somebody answers for the write from now on: dropping the spot only leaves the lanes.
    pub fn take_on(&mut self) {
        self.loses = false;
    }

    /// The candidate may have done the write all the same: if it is lost, neither side is told to
    /// lack it.
    pub fn may_be_done(&mut self) {
        self.candidate = None;
    }

    /// The write will never reach the candidate.
    pub fn lost(mut self, why: impl Into<Cow<'static, str>>) {
        self.leave(Some(why.into()));
    }

    fn leave(&mut self, lost: Option<Cow<'static, str>>) {
        if !std::mem::replace(&mut self.left, true) {
            let doubt = std::mem::take(&mut self.doubt);
            let lost = lost.map(|why| Lost::new(doubt, why, self.candidate));
            self.room.tell(Event::Leave(self.id, lost));
        }
    }
}

impl Drop for Spot {
    fn drop(&mut self) {
        let lost = self
            .loses
            .then_some(Cow::Borrowed("it could not be mirrored"));
        self.leave(lost);
    }
}
