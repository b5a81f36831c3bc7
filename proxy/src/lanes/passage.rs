//! What the lanes see of an exchange while it is on the primary.
//!
//! The data plane says when it begins, when the request's body is whole and when the answer is,
//! before the client has the end of it: so a client that acts on the answer comes after it in
//! every lane.

use super::crossing::Crossing;
use super::marks::Begun;
use super::rule::{named, of_body};
use super::spot::Spot;
use super::{Lane, Lanes, Lost};
use crate::exchange::{CapturedResponse, made_ids};
use crate::outbox::AtRisk;
use crate::outcome::Ending;
use crate::routing::Route;
use crate::side::Side;
use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use std::sync::Arc;

/// Lanes that one exchange may be in; an answer that names more entities is ordered by the first.
const MOST: usize = 64;

/// An exchange on its way through the primary.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is learned at another moment, and no two of them are one state"
)]
pub struct Passage {
    room: Arc<Lanes>,
    route: Arc<Route>,
    /// The side that answers: the plan's, until another is asked in its place.
    primary: Side,
    method: Method,
    since: u64,
    lanes: Vec<Lane>,
    /// Shows a write to those that the other side takes meanwhile, and has those that it meets.
    crossing: Option<Crossing>,
    /// Whether a read came while the primary lacked a write of its lanes.
    lacking: bool,
    /// Whether the candidate gets it, too.
    mirrored: bool,
    /// Whether the lanes that the body names are among them.
    body_read: bool,
    attempt: Attempt,
    /// Whether an attempt before this one may have done it.
    may_be_done: bool,
    /// Who sent it, if it is a write.
    client: Option<u64>,
    /// A write that a kill would take along.
    at_risk: Option<AtRisk>,
    /// The beginning of a write.
    begun: Option<Begun>,
    ended: bool,
    /// The spot in the lanes once it has ended, if there is anything to mirror.
    spot: Result<Option<Spot>, Ending>,
}

/// How far the last attempt at it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attempt {
    /// The primary has not got all of it.
    Sending,
    /// It went out whole, and nothing has come back.
    Sent,
    Answered(u16),
}

impl std::fmt::Debug for Passage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passage")
            .field("lanes", &self.lanes)
            .finish_non_exhaustive()
    }
}

impl Passage {
    /// Begins, before the primary is asked. A read on a route without lanes has no order. A write
    /// that is not `mirrored` enters no lane, but what is read meanwhile overlaps it. One that
    /// `crosses` may cross another that the other side takes.
    pub fn begin(
        room: &Arc<Lanes>,
        (route, primary): (&Arc<Route>, Side),
        (mirrored, crosses): (bool, bool),
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        client: impl Fn() -> u128,
    ) -> Option<Self> {
        if method.is_safe() && route.lanes.is_empty() {
            return None;
        }
        let write = !method.is_safe();
        let mut passage = Self {
            room: Arc::clone(room),
            route: Arc::clone(route),
            primary,
            method: method.clone(),
            since: room.overlaps.now(),
            lanes: Vec::new(),
            crossing: crosses.then(|| room.crossings.begin(primary)),
            lacking: false,
            mirrored,
            body_read: !route.lanes.iter().any(super::LaneRule::needs_body),
            attempt: Attempt::Sending,
            may_be_done: false,
            client: write.then(|| u64::try_from(client()).unwrap_or_default()),
            at_risk: (write && mirrored).then(|| room.outbox.risk()),
            begun: (write && mirrored).then(|| room.marks.begin()),
            ended: false,
            spot: Ok(None),
        };
        for rule in &route.lanes {
            let lanes = rule.of_head(uri, headers, &client, (&room.ids, primary));
            passage.enter(lanes);
        }
        // Until something else is known of it, a write may touch what any other of its route does.
        if passage.lanes.is_empty()
            && let Some(crossing) = &mut passage.crossing
        {
            crossing.enter(&Lane::of_route(&route.name));
        }
        Some(passage)
    }

    fn write(&self) -> bool {
        !self.method.is_safe()
    }

    fn enter(&mut self, lanes: Vec<Lane>) {
        for lane in lanes {
            if !self.lanes.contains(&lane) {
                self.room.overlaps.enter(&lane, self.write());
                match &mut self.crossing {
                    Some(crossing) => crossing.enter(&lane),
                    None => self.lacking |= self.room.crossings.lacks(self.primary, &lane),
                }
                self.lanes.push(lane);
            }
        }
    }

    /// The request's body is whole.
    pub fn request_whole(&mut self, body: &[Bytes]) {
        if !self.body_read && !self.ended {
            let lanes = of_body(&self.route.lanes, body, &self.room.ids, self.primary);
            self.enter(lanes);
            self.body_read = true;
        }
    }

    /// The request goes to this side now.
    pub fn asking(&mut self, side: Side) {
        self.primary = side;
        if let Some(crossing) = &mut self.crossing {
            crossing.taken_by(side);
        }
        self.may_be_done |= self.attempt == Attempt::Sent;
        self.attempt = Attempt::Sending;
    }

    /// All of the request is on its way to the primary: from now on it may be done.
    pub fn sent(&mut self) {
        if self.attempt == Attempt::Sending {
            self.attempt = Attempt::Sent;
        }
    }

    /// The primary has begun to answer.
    pub fn answering(&mut self, status: u16) {
        self.attempt = Attempt::Answered(status);
        // A failure says nothing of the attempts before it, nor does the refusal of a repetition.
        self.may_be_done &= status >= 400;
    }

    /// The primary has answered; `captured` is its answer, or why there is none to mirror, and
    /// `unread` says that its body was let go, and with it the ids of what was made.
    pub fn end(&mut self, captured: Result<&CapturedResponse, Ending>, unread: bool) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let write = self.write();
        let mut overlapped = false;
        // Before it leaves: a write that is under way now makes it overlapped, a later one is counted.
        let begun = self.room.overlaps.writes(&self.lanes);
        for lane in &self.lanes {
            overlapped |= self.room.overlaps.leave(lane, write, self.since);
        }
        // A read that the primary answered without a write that only the candidate has says nothing.
        let lacks = |lane| self.room.crossings.lacks(self.primary, lane);
        overlapped |= !write && (self.lacking || self.lanes.iter().any(lacks));
        // Whatever it makes, a write that names no entity may depend on any other of its route.
        if write && self.lanes.is_empty() {
            self.lanes.push(Lane::of_route(&self.route.name));
        }
        let (made, missed) = captured.map_or_else(|_| Default::default(), |a| self.made(a));
        for lane in made {
            if self.lanes.len() < MOST && !self.lanes.contains(&lane) {
                self.room.overlaps.written(&lane);
                if let Some(crossing) = &mut self.crossing {
                    crossing.enter(&lane);
                }
                self.lanes.push(lane);
            }
        }
        // A write that the primary refused has changed nothing there, unless it had done it before:
        // then it is mirrored, and what a repetition is answered can't be compared.
        let refused = matches!(self.attempt, Attempt::Answered(400..500));
        let repeated = write && self.may_be_done && refused;
        let done = write && matches!(self.attempt, Attempt::Answered(..400)) || repeated;
        overlapped |= repeated;
        let unknown = if write { self.unknown() } else { None };
        let may_be_done = done || unknown.is_some();
        let doubt = if may_be_done {
            self.doubt()
        } else {
            Vec::new()
        };
        overlapped |= self.cross(may_be_done);
        if !self.mirrored {
            return;
        }
        if let Some(why) = unknown {
            let candidate = Some(self.primary.other());
            self.room.lose(Lost::new(doubt, why, candidate));
            return;
        }
        if done && (unread || missed) {
            self.lose_ids(&doubt);
        }
        self.spot = match captured {
            Ok(_) => {
                let spot = self.room.enter(std::mem::take(&mut self.lanes), write);
                spot.map(|mut spot| {
                    spot.overlapped = overlapped;
                    spot.writes = begun;
                    spot.doubt = doubt;
                    spot.candidate = Some(self.primary.other());
                    spot.begun = self.begun.take();
                    spot.crossing = self.crossing.take();
                    spot.loses = done;
                    spot.at_risk = self.at_risk.take();
                    let client = self.client.filter(|_| done);
                    let writers = &self.room.writers;
                    spot.pin = client.map(|client| writers.pin(client, self.primary));
                    Some(spot)
                })
            }
            Err(ending) => {
                if done {
                    let why = format!("it could not be captured: {}", ending.reason());
                    let candidate = Some(self.primary.other());
                    self.room.lose(Lost::new(doubt, why, candidate));
                }
                Ok(None)
            }
        };
    }

    /// Whether a write that may be done crosses one that the other side took; taints what they share.
    fn cross(&mut self, may_be_done: bool) -> bool {
        let Some(crossing) = self.crossing.as_mut().filter(|_| may_be_done) else {
            // What is not done is in nobody's way.
            self.crossing = None;
            return false;
        };
        let of_route = Lane::of_route(&self.route.name);
        if self.lanes.iter().any(|lane| *lane != of_route) {
            crossing.leave(&of_route);
        }
        let mut crossed = crossing.crossed().to_vec();
        // Which lanes an unread body names nobody knows; of what is mirrored that is told elsewhere.
        if !self.mirrored && self.room.crosses(self.primary) {
            crossed.extend(self.unread());
        }
        self.room.tell_crossed(&crossed);
        !crossed.is_empty()
    }

    /// All lanes of the entities that the body names, where it was not read.
    fn unread(&self) -> impl Iterator<Item = Lane> {
        let unread = self.route.lanes.iter().filter(|rule| rule.needs_body());
        let unread = unread.filter(|_| !self.body_read);
        unread.map(|rule| Lane::any_of(&rule.entity))
    }

    /// Taints what a write may have made without our seeing which, though it is mirrored: what comes
    /// after it finds neither its lane nor its other id.
    fn lose_ids(&self, doubt: &[Lane]) {
        let unseen = doubt.iter().filter(|lane| !self.lanes.contains(lane));
        let unseen: Vec<Lane> = unseen.cloned().collect();
        if !unseen.is_empty() {
            let why =
                "its answer was not read to its end, so the ids of what it made are not known";
            let candidate = Some(self.primary.other());
            self.room.lose(Lost::new(unseen, why, candidate));
        }
    }

    /// Why nobody knows whether the primary has done a write. One that it says it failed at is
    /// taken for not done; a gateway's word that it heard nothing says as little as silence.
    fn unknown(&self) -> Option<&'static str> {
        match self.attempt {
            Attempt::Answered(502 | 504) => {
                Some("the primary's gateway got no answer, so it may be done there")
            }
            Attempt::Sent => Some("the primary gave no answer, so it may be done there"),
            Attempt::Answered(..500) => None,
            _ if self.may_be_done => Some("the primary gave no answer, so it may be done there"),
            Attempt::Sending | Attempt::Answered(_) => None,
        }
    }

    /// The lanes of what a write made, by its answer, and whether it may have made more.
    fn made(&self, answer: &CapturedResponse) -> (Vec<Lane>, bool) {
        let made = made_ids(&self.route.rules, &self.method, answer);
        let ids = made.ids.iter().take(MOST);
        let lanes = ids.flat_map(|(entity, id)| named(entity, id, &self.room.ids, self.primary));
        (lanes.collect(), made.missed)
    }

    /// What is tainted if the write is lost: its lanes, and of entities that it may have touched
    /// without our seeing which, all.
    fn doubt(&self) -> Vec<Lane> {
        let mut doubt = self.lanes.clone();
        // A write that names what it was about leaves no other write of its route in doubt.
        let of_route = Lane::of_route(&self.route.name);
        if doubt.len() > 1 {
            doubt.retain(|lane| *lane != of_route);
        }
        doubt.extend(self.unread());
        if self.method == Method::POST {
            for rule in self.route.rules.ids() {
                if !doubt.iter().any(|lane| lane.entity() == &*rule.entity) {
                    doubt.push(Lane::any_of(&rule.entity));
                }
            }
        }
        doubt
    }

    /// The spot in the lanes, once all is said.
    pub fn finish(mut self) -> Result<Option<Spot>, Ending> {
        std::mem::replace(&mut self.spot, Ok(None))
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        self.end(Err(Ending::ClientAborted), false);
    }
}
