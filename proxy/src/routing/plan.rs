//! What will be done with one request, decided once.

use super::mode::{Fallback, Mode, Share, Writes};
use super::table::{Route, Table};
use crate::outcome::Ticket;
use crate::side::Side;
use http::HeaderMap;
use http::Method;
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

impl Plan {
    /// Decides for a request on `route`.
    pub fn decide(
        table: &Table,
        route: &Arc<Route>,
        method: &Method,
        headers: &HeaderMap,
        address: impl FnOnce() -> Option<IpAddr>,
    ) -> Self {
        let primary = match route.mode {
            Mode::Modern => Side::Modern,
            // The ends of the dial need no client.
            Mode::Shadow if route.modern_share == Share::ALL => Side::Modern,
            Mode::Shadow if route.modern_share == Share::NONE => Side::Legacy,
            Mode::Shadow
                if route
                    .modern_share
                    .takes(table.client.point(headers, address())) =>
            {
                Side::Modern
            }
            Mode::Legacy | Mode::Shadow => Side::Legacy,
        };
        let coverage = match route.mode {
            Mode::Shadow => cover(route, method),
            Mode::Legacy | Mode::Modern => Coverage::None,
        };
        Self {
            route: Arc::clone(route),
            primary,
            coverage,
        }
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
        self.route.counts.count_failed(Side::Modern);
        self.route.counts.count_fallback();
        true
    }
}

fn cover(route: &Route, method: &Method) -> Coverage {
    // CONNECT and TRACE are no exchanges of a resource; they are never mirrored.
    if matches!(*method, Method::CONNECT | Method::TRACE) {
        route.counts.count_excluded();
        return Coverage::None;
    }
    let write = !method.is_safe();
    if write && route.writes == Writes::Skip {
        route.counts.count_excluded();
        return Coverage::None;
    }
    if route.sample.takes(fastrand::u16(0..10_000)) {
        return Coverage::Compare(route.counts.begin());
    }
    route.counts.count_unsampled();
    if write {
        Coverage::SendOnly
    } else {
        Coverage::None
    }
}
