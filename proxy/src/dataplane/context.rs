//! What the data plane knows of one request.

use super::hops::Hops;
use super::marks::Marks;
use super::replay::Replay;
use crate::clock::Clock;
use crate::exchange::Exchange;
use crate::exchange::capture::{Capture, Collected};
use crate::journal::without_secrets;
use crate::mirror::Job;
use crate::outcome::Ending;
use crate::readiness::GeneralPath;
use crate::routing::{Coverage, Failure, Peer, Plan};
use http::{Method, StatusCode};
use pingora::http::RequestHeader;
use pingora::prelude::Error;
use pingora::{ErrorSource, ErrorType};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the data plane knows of one request.
pub struct Context {
    /// The decision, once it is made.
    pub(super) plan: Option<Plan>,
    /// What is collected for the mirror.
    pub(super) capture: Option<Capture>,
    /// What the upstream is told beyond what the client said.
    pub(super) marks: Marks,
    /// What the client said of its connection.
    pub(super) hops: Hops,
    /// What was read of the request's body.
    pub(super) replay: Replay,
    /// The status that the primary answered with.
    pub(super) answered: Option<StatusCode>,
    /// The peer, of the side that is asked now, that refused the connection.
    pub(super) refused: Option<Arc<Peer>>,
    /// Whether a kept connection turned out to be closed, so that a new one is made.
    pub(super) fresh: bool,
    /// Whether the request's body was read before it is sent, because it may name something.
    pub(super) reads_body: bool,
    in_flight: Arc<AtomicUsize>,
}

impl Context {
    pub(super) fn new(in_flight: &Arc<AtomicUsize>) -> Self {
        in_flight.fetch_add(1, Ordering::Relaxed);
        Self {
            plan: None,
            capture: None,
            marks: Marks::none(),
            hops: Hops::default(),
            replay: Replay::default(),
            answered: None,
            refused: None,
            fresh: false,
            reads_body: false,
            in_flight: Arc::clone(in_flight),
        }
    }

    /// The id as text; it was checked to be visible ASCII.
    pub(super) fn request_id(&self) -> &str {
        self.marks.request_id.to_str().unwrap_or_default()
    }

    /// Lets legacy answer in modern's place, as [`Plan::fall_back`] does; none of its peers has refused.
    pub(super) fn fall_back(&mut self, method: &Method, failure: Failure) -> bool {
        let plan = self.plan.as_mut();
        let falls_back = plan.is_some_and(|plan| plan.fall_back(method, failure));
        if falls_back {
            self.refused = None;
        }
        falls_back
    }

    /// Counts who answered, and whether that went well.
    pub(super) fn count(&mut self, request: &RequestHeader, error: Option<&Error>) {
        let Some(plan) = &mut self.plan else { return };
        plan.route.counts.count_served(plan.primary);
        let upstream_failed = error.is_some_and(|e| *e.esource() != ErrorSource::Downstream);
        let failed =
            upstream_failed || self.answered.is_some_and(|status| status.is_server_error());
        if failed {
            plan.route.counts.count_failed(plan.primary);
        }
        plan.note(&request.method, &request.uri, self.answered, failed);
    }

    /// One line for a request that failed; the client's own leaving is no failure of ours. Paths
    /// hold secrets too, so what is told is the template.
    pub(super) fn log(&self, header: &RequestHeader, error: &Error) {
        let (id, method) = (without_secrets(self.request_id()), &header.method);
        let path = match &self.plan {
            Some(plan) => plan.route.path.clone(),
            None => GeneralPath(header.uri.path()).to_string(),
        };
        if *error.esource() == ErrorSource::Downstream {
            tracing::debug!(%id, %method, path, %error, "client went away");
        } else {
            let route = self.plan.as_ref().map(|plan| &*plan.route.name);
            tracing::warn!(%id, %method, path, route, %error, "request failed");
        }
    }

    /// The exchange for the mirror, when there is to be one; otherwise its outcome is counted here.
    pub(super) fn take_job(&mut self, error: Option<&Error>, clock: &Clock) -> Option<Job> {
        let plan = self.plan.take()?;
        let capture = self.capture.take()?;
        let ticket = match plan.coverage {
            Coverage::None => return None,
            Coverage::SendOnly => None,
            Coverage::Compare(ticket) => Some(ticket),
        };
        let collected = match (error.map(ending_of), capture.finish()) {
            // The client left, but the primary has done what it was asked and said so.
            (Some(Ending::ClientAborted), Ok(collected)) if collected.response_whole => {
                Ok(collected)
            }
            (Some(ending), _) | (None, Err(ending)) => Err(ending),
            (None, Ok(collected)) => Ok(collected),
        };
        let write_failed = |collected: &Collected| {
            !collected.request.method.is_safe() && collected.response.status >= 500
        };
        let collected = match collected {
            Ok(collected) if write_failed(&collected) => Err(Ending::PrimaryWriteFailed),
            other => other,
        };
        let collected = match collected {
            Ok(collected) => *collected,
            Err(ending) => {
                if let Some(ticket) = ticket {
                    ticket.settle(ending);
                }
                return None;
            }
        };
        // A write of which only the answer is too much is sent, and can't be compared.
        let ticket = match (ticket, collected.unread) {
            (Some(ticket), Some(ending)) => {
                ticket.settle(ending);
                None
            }
            (ticket, _) => ticket,
        };
        let exchange = Exchange {
            at: clock.now(),
            route: Arc::clone(&plan.route.name),
            request_id: self.request_id().into(),
            answered_by: plan.primary,
            request: collected.request,
            primary: collected.response,
            candidate: None,
        };
        let (hold, max_body, spot) = (collected.hold, collected.max_body, collected.spot);
        Some(Job {
            exchange,
            route: plan.route,
            ticket,
            spot,
            idempotency_key: None,
            hold,
            max_body,
        })
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The ending of a request that failed on the way.
fn ending_of(error: &Error) -> Ending {
    match (error.esource(), error.etype()) {
        (ErrorSource::Downstream, _) => Ending::ClientAborted,
        (
            _,
            ErrorType::ConnectTimedout
            | ErrorType::ConnectRefused
            | ErrorType::ConnectNoRoute
            | ErrorType::ConnectError
            | ErrorType::ConnectProxyFailure
            | ErrorType::TLSHandshakeFailure
            | ErrorType::TLSHandshakeTimedout
            | ErrorType::InvalidCert
            | ErrorType::HTTPStatus(_),
        ) => Ending::PrimaryConnect,
        _ => Ending::PrimaryReset,
    }
}
