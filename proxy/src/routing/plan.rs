//! What will be done with one request, decided once.

use super::mode::{Fallback, Mode, Share, Writes};
use super::table::{Route, Table};
use crate::lanes::Writers;
use crate::outcome::Ticket;
use crate::readiness::Answered;
use crate::side::Side;
use http::HeaderMap;
use http::{Method, StatusCode, Uri};
use std::net::IpAddr;
use std::sync::Arc;

/// The decision for one request; it holds its table, so that a reload in mid-request changes
/// nothing for it.
#[derive(Debug)]
pub struct Plan {
    /// The route that took the request.
    pub route: Arc<Route>,
    /// The side that answers.
    pub primary: Side,
    /// Whether the other side is asked too, and whether the answers are compared.
    pub coverage: Coverage,
    /// The mode in force.
    mode: Mode,
    /// Whether legacy answers because modern did so with a 5xx.
    after_5xx: bool,
}

/// What shadowing makes of a request.
#[derive(Debug)]
pub enum Coverage {
    /// The route is not in shadow mode, or the request isn't mirrored at all.
    None,
    /// A write that sampling passed over: it is sent to the candidate, so that its data stays in
    /// step, but not compared.
    SendOnly,
    /// Sent and compared; the ticket counts the outcome.
    Compare(Ticket),
}

/// What is known of a request when it is decided where it goes.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a Method,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The side that an operator names.
    pub named: Option<Side>,
}

impl Plan {
    /// Decides for a request on `route`.
    pub fn decide(
        table: &Table,
        route: &Arc<Route>,
        asked: Asked<'_>,
        writers: &Writers,
        address: impl Fn() -> Option<IpAddr>,
    ) -> Self {
        let (mode, share) = route.stand();
        let method = asked.method;
        let named = asked.named.filter(|side| route.upstream(*side).is_some());
        let dial = || match share {
            // The ends of the dial need no client.
            Share::ALL => Side::Modern,
            Share::NONE => Side::Legacy,
            share if share.takes(table.client.point(asked.headers, address())) => Side::Modern,
            _ => Side::Legacy,
        };
        let pinned = || {
            let client = || table.client.hash(asked.headers, address());
            let side = writers.any().then(|| writers.side(client())).flatten();
            // What the guard holds back is no place for anybody.
            side.filter(|side| *side == Side::Legacy || route.dial.ceiling().is_none())
        };
        let primary = named.unwrap_or_else(|| match mode {
            Mode::Legacy => Side::Legacy,
            Mode::Modern => Side::Modern,
            Mode::Shadow => pinned().unwrap_or_else(dial),
        });
        let coverage = match mode {
            Mode::Shadow => cover(route, method),
            Mode::Legacy | Mode::Modern => Coverage::None,
        };
        Self {
            route: Arc::clone(route),
            primary,
            coverage,
            mode,
            after_5xx: false,
        }
    }
}

impl Plan {
    /// Notes for the route's readiness and its guard how the request was answered; `failed` says that
    /// the primary gave no answer or a 5xx.
    pub fn note(&mut self, method: &Method, uri: &Uri, status: Option<StatusCode>, failed: bool) {
        let is_shared = self.after_5xx && status.is_some_and(|status| status.is_server_error());
        if self.mode != Mode::Shadow {
            if self.primary == Side::Modern {
                self.route.evidence.recent().ask(failed);
            }
            if is_shared {
                self.route.evidence.recent().excuse();
            }
            return;
        }
        if is_shared {
            self.route.evidence.legacy_failed_too();
        }
        let answered = Answered {
            template: &self.route.path,
            method,
            uri,
            status,
            primary: self.primary,
            failed,
            mirrored: mirrors(&self.route, method),
        };
        let ticket = match &mut self.coverage {
            Coverage::Compare(ticket) => Some(ticket),
            Coverage::None | Coverage::SendOnly => None,
        };
        let witness = ticket.and_then(Ticket::witness);
        self.route.evidence.note(answered, witness);
    }
}

/// How a side failed to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It could not be reached: nothing of the request was sent.
    Unreached,
    /// It failed before the first byte of its answer.
    Unanswered,
    /// It answered with a 5xx.
    ServerError,
}

impl Plan {
    /// Whether [`Self::fall_back`] would let legacy answer.
    pub fn can_fall_back(&self, method: &Method, failure: Failure) -> bool {
        let allowed = match self.route.fallback {
            Fallback::Never => false,
            Fallback::OnFailure => failure != Failure::ServerError,
            Fallback::On5xx => true,
        };
        // Modern may have done what an unsafe request asked before it failed.
        let harmless = failure == Failure::Unreached || method.is_safe();
        self.primary == Side::Modern && allowed && harmless && self.route.legacy.is_some()
    }

    /// Lets legacy answer in modern's place, where the route and the request allow that; modern's
    /// failure is counted.
    pub fn fall_back(&mut self, method: &Method, failure: Failure) -> bool {
        if !self.can_fall_back(method, failure) {
            return false;
        }
        self.primary = Side::Legacy;
        self.after_5xx = failure == Failure::ServerError;
        self.route.counts.count_failed(Side::Modern);
        self.route.counts.count_fallback();
        if self.mode == Mode::Shadow {
            self.route.evidence.modern_failed();
        } else {
            self.route.evidence.recent().ask(true);
        }
        true
    }
}

fn cover(route: &Route, method: &Method) -> Coverage {
    if !mirrors(route, method) {
        route.counts.count_excluded();
        return Coverage::None;
    }
    if route.sample.takes(fastrand::u16(0..10_000)) {
        let ticket = route.counts.begin();
        return Coverage::Compare(ticket.witnessed(route.evidence.begin()));
    }
    route.counts.count_unsampled();
    if method.is_safe() {
        Coverage::None
    } else {
        Coverage::SendOnly
    }
}

/// Whether the policy mirrors a method. CONNECT and TRACE are no exchanges of a resource; they are
/// never mirrored.
fn mirrors(route: &Route, method: &Method) -> bool {
    let exchange = !matches!(*method, Method::CONNECT | Method::TRACE);
    exchange && (method.is_safe() || route.writes == Writes::Mirror)
}
