//! The mirror: sends what the primary answered to the candidate too, and has the answers compared.
//!
//! It hangs off the data plane by one call that never waits, [`Mirror::offer`]. A task of its own
//! then takes the exchange through its lanes, turn, sending, comparison and journal; whatever goes
//! wrong there ends in the exchange's outcome and nowhere else. Reads are shed where there is no
//! room or no time for them; writes go through the outbox. Connections to candidates are a pool
//! of their own.

mod judge;
mod noise;
mod parcel;
mod replay;
mod send;
pub(crate) mod wire;
mod write;

pub use replay::{ReplayError, Replayed};

use crate::exchange::Exchange;
use crate::exchange::budget::{Budget, Hold};
use crate::ids::Ids;
use crate::journal::{Finding, Journal};
use crate::lanes::{Lanes, Spot};
use crate::outbox::Outbox;
use crate::outcome::{Ending, Ticket};
use crate::routes::LiveRoutes;
use crate::routing::{Place, Route};
use crate::sessions::{Lesson, Sessions};
use crate::side::Side;
use http::HeaderValue;
use pingora::connectors::TransportConnector;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// The mirror, shared by all requests.
pub struct Mirror {
    connector: Arc<TransportConnector>,
    /// Where mirroring runs: threads that give way to the data plane's whenever a core is short.
    runtime: Handle,
    journal: Journal,
    lanes: Arc<Lanes>,
    ids: Arc<Ids>,
    sessions: Arc<Sessions>,
    outbox: Outbox,
    /// A write that waited goes where the routes say now.
    routes: Arc<LiveRoutes>,
    budget: Arc<Budget>,
}

/// An exchange that is to be mirrored.
pub struct Job {
    /// The exchange with the primary's answer.
    pub exchange: Exchange,
    /// The route, of the table that the request saw.
    pub route: Arc<Route>,
    /// Counts the outcome; `None` for a write that is sent but not compared.
    pub ticket: Option<Ticket>,
    /// The spot in the exchange's lanes, if it has any.
    pub spot: Option<Spot>,
    /// What a write is known by to a candidate that gets it more than once.
    pub idempotency_key: Option<HeaderValue>,
    /// The captured bytes.
    pub hold: Hold,
    /// The longest answer that is read from the candidate.
    pub max_body: usize,
}

impl Mirror {
    /// A mirror whose work runs on `runtime`.
    pub fn new(
        connector: Arc<TransportConnector>,
        journal: Journal,
        runtime: Handle,
        (lanes, ids, sessions): (Arc<Lanes>, Arc<Ids>, Arc<Sessions>),
        outbox: Outbox,
        routes: Arc<LiveRoutes>,
        budget: Arc<Budget>,
    ) -> Arc<Self> {
        Arc::new(Self {
            connector,
            runtime,
            journal,
            lanes,
            ids,
            sessions,
            outbox,
            routes,
            budget,
        })
    }

    /// The lanes, which the data plane tells where its exchanges are.
    pub fn lanes(&self) -> &Arc<Lanes> {
        &self.lanes
    }

    /// What is known of the two sides' ids.
    pub fn ids(&self) -> &Arc<Ids> {
        &self.ids
    }

    /// What is known of the two sides' sessions.
    pub fn sessions(&self) -> &Arc<Sessions> {
        &self.sessions
    }

    /// Takes an exchange, or counts why not; never waits.
    pub fn offer(self: &Arc<Self>, job: Job) {
        if !job.exchange.request.method.is_safe() {
            return self.offer_write(job);
        }
        if job.spot.as_ref().is_some_and(Spot::overlapped) {
            return settle(job.ticket, Ending::Overlapped);
        }
        let candidate = job.route.upstream(job.exchange.answered_by.other());
        match candidate.map(|candidate| candidate.mirror.queue(&job.route.share)) {
            Some(Ok(place)) => {
                let lesson = self.sessions.begin();
                self.runtime.spawn(Arc::clone(self).run(job, place, lesson));
            }
            Some(Err(ending)) => settle(job.ticket, ending),
            None => settle(job.ticket, Ending::CandidateNoPeer),
        }
    }

    async fn run(self: Arc<Self>, mut job: Job, place: Place, lesson: Lesson) {
        let patience = job.route.mirror_timeout;
        let to_modern = job.exchange.answered_by == Side::Legacy;
        let route = Arc::clone(&job.exchange.route);
        let held = || to_modern && self.outbox.is_held(&route);
        if held() {
            return settle(job.ticket.take(), Ending::Held);
        }
        // The candidate's time begins when it is asked: what was waited before is none of its doing.
        let mut spot = job.spot.take();
        let waiting = async {
            if let Some(spot) = &mut spot
                && spot.turn().await
            {
                return Err(Ending::Tainted);
            }
            self.await_tokens(&job, &lesson).await;
            place.turn().await.ok_or(Ending::QueueDeadline)
        };
        let turn = timeout(patience, waiting).await;
        let answer = match turn.unwrap_or(Err(Ending::QueueDeadline)) {
            Ok(_turn) => self.send(&mut job).await,
            Err(ending) => Err(ending),
        };
        let answer = match answer {
            // It waited behind a write that is held now.
            Err(Ending::QueueDeadline) if held() => Err(Ending::Held),
            answer => answer,
        };
        if let Some(candidate) = job.route.upstream(job.exchange.answered_by.other()) {
            candidate
                .mirror
                .report(answer.as_ref().map(|_| ()).map_err(|ending| *ending));
        }
        let Some(mut ticket) = job.ticket.take() else {
            return;
        };
        match answer {
            // It may have seen a database that is being filled.
            Ok(_) if held() => return ticket.settle(Ending::Held),
            Ok(answer) => job.exchange.candidate = Some(answer),
            Err(ending) => return self.record(ticket, ending, job, judge::Judgement::none()),
        }
        let (mut job, mut found) = judge::judge(job, &self.ids, &self.sessions).await;
        let quiet = spot.as_ref().map(Spot::quiet);
        // What comes after it in its lanes finds what it has taught.
        drop((spot, lesson));
        if let Some(again) = self.ask_again(&mut job, quiet.as_ref()).await {
            noise::weigh(&mut ticket, &job, again, &mut found, &self.journal).await;
        }
        self.conclude(ticket, (job, found));
    }

    fn conclude(&self, mut ticket: Ticket, (job, judgement): judge::Judged) {
        if let Some(witness) = ticket.witness() {
            witness.answers(&job.exchange);
        }
        match judgement {
            Some((ending, judgement)) => self.record(ticket, ending, job, judgement),
            None => ticket.settle(Ending::Matched),
        }
    }

    /// Counts the outcome and gives the journal what is worth keeping.
    fn record(&self, ticket: Ticket, ending: Ending, job: Job, judgement: judge::Judgement) {
        ticket.settle(ending);
        self.journal.offer(Finding {
            exchange: job.exchange,
            ending,
            discrepancies: judgement.discrepancies,
            unreported: judgement.unreported,
            hold: job.hold,
        });
    }
}

fn settle(ticket: Option<Ticket>, ending: Ending) {
    if let Some(ticket) = ticket {
        ticket.settle(ending);
    }
}
