//! A captured request together with its answers: what the mirror sends and the journal keeps.
//!
//! Bodies are the chunks that passed through the proxy, shared and never copied. Nothing here
//! decides what is captured; that is the plan's and the budget's.

pub mod budget;
pub mod capture;
mod identity;

pub use identity::made_ids;

use crate::side::Side;
use budget::{cost, cost_of_head};
use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// A request as it was sent to the primary.
#[derive(Clone, Debug)]
pub struct CapturedRequest {
    /// The method.
    pub method: http::Method,
    /// Path and query as received.
    pub target: Bytes,
    /// The headers as sent to the primary, `Host` among them.
    pub headers: HeaderMap,
    /// The body in chunks.
    pub body: Vec<Bytes>,
}

/// An answer as it came from one side.
#[derive(Clone, Debug, Default)]
pub struct CapturedResponse {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body in chunks.
    pub body: Vec<Bytes>,
    /// From the end of the request, as far as its sender is known to be slow, to the last byte of the
    /// answer, without the time that the client took to read what came before that.
    pub took: Duration,
}

impl CapturedResponse {
    /// The view that the comparator takes.
    pub fn view(&self) -> comparator::Response<'_> {
        comparator::Response {
            status: self.status,
            headers: &self.headers,
            body: &self.body,
        }
    }

    /// What it takes of a budget.
    pub(crate) fn cost(&self) -> usize {
        let body = self.body.iter().map(cost);
        body.fold(cost_of_head(&self.headers), usize::saturating_add)
    }
}

/// A request with the primary's answer, and the candidate's once there is one.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// When the request came in.
    pub at: Timestamp,
    /// The route's name.
    pub route: Arc<str>,
    /// The id that the request carried or was given.
    pub request_id: Arc<str>,
    /// The side that answered the client.
    pub answered_by: Side,
    /// The request.
    pub request: CapturedRequest,
    /// The primary's answer.
    pub primary: CapturedResponse,
    /// The candidate's answer.
    pub candidate: Option<CapturedResponse>,
}

impl Exchange {
    /// The bytes of all bodies.
    pub fn bytes(&self) -> u64 {
        let answers = [Some(&self.primary), self.candidate.as_ref()];
        let bodies = answers.into_iter().flatten().map(|answer| &answer.body);
        let chunks = bodies.chain([&self.request.body]).flatten();
        chunks.fold(0, |sum, chunk| sum + chunk.len() as u64)
    }

    /// The answer of `side`, if it gave one.
    pub fn answer_of(&self, side: Side) -> Option<&CapturedResponse> {
        if side == self.answered_by {
            Some(&self.primary)
        } else {
            self.candidate.as_ref()
        }
    }
}
