//! Asking both sides again what was asked before, because somebody wants to know.
//!
//! Nobody waits for it but the one who asked, and no outcome is counted: it is no traffic.

use super::{Job, Mirror, judge};
use crate::exchange::{CapturedRequest, CapturedResponse, Exchange};
use crate::outcome::Ending;
use crate::routing::Route;
use crate::side::Side;
use comparator::Discrepancy;
use std::sync::Arc;

/// Why a replay came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// A side gave no answer.
    #[error("{side} gave no answer: {}", .ending.reason().replace('_', " "))]
    NoAnswer {
        /// The side.
        side: Side,
        /// What happened.
        ending: Ending,
    },
    /// The answers can't be compared.
    #[error("the answers can't be compared: {}", .0.reason().replace('_', " "))]
    NotCompared(Ending),
}

/// What a replay has shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// What differs under the rules of the route.
    pub discrepancies: Vec<Discrepancy>,
    /// The status that legacy answered.
    pub legacy: u16,
    /// The status that modern answered.
    pub modern: u16,
}

impl Mirror {
    /// Sends a request to both sides, each in its own ids, and compares the answers under the rules
    /// of the route. `answered_by` is the side whose ids the request is in.
    pub async fn replay(
        &self,
        route: &Arc<Route>,
        answered_by: Side,
        request: CapturedRequest,
    ) -> Result<Replayed, ReplayError> {
        let mut job = Job {
            exchange: Exchange {
                at: self.routes.ledger().clock().now(),
                route: Arc::clone(&route.name),
                request_id: "replay".into(),
                answered_by,
                request,
                primary: CapturedResponse::default(),
                candidate: None,
            },
            route: Arc::clone(route),
            ticket: None,
            spot: None,
            idempotency_key: None,
            hold: self.budget.hold(),
            max_body: self.routes.table().mirror.max_body,
        };
        job.exchange.primary = self.ask(answered_by, &mut job).await?;
        job.exchange.candidate = Some(self.ask(answered_by.other(), &mut job).await?);
        let status = |side| {
            job.exchange
                .answer_of(side)
                .map_or(0, |answer| answer.status)
        };
        let [legacy, modern] = [Side::Legacy, Side::Modern].map(status);
        let discrepancies = match judge::judge(job, &self.ids, &self.sessions).await.1 {
            None => Vec::new(),
            Some((Ending::Different, judgement)) => judgement.discrepancies,
            Some((ending, _)) => return Err(ReplayError::NotCompared(ending)),
        };
        Ok(Replayed {
            discrepancies,
            legacy,
            modern,
        })
    }

    async fn ask(&self, side: Side, job: &mut Job) -> Result<CapturedResponse, ReplayError> {
        let answer = self.send_to(side, job).await;
        answer.map_err(|ending| ReplayError::NoAnswer { side, ending })
    }
}
