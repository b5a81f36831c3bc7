//! `GET /api/outcomes`: what became of every eligible request.

use super::ControlState;
use crate::outcome::{Outcome, RouteSnapshot};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use std::collections::BTreeMap;

/// A number for each side.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Sides {
    pub(super) legacy: u64,
    pub(super) modern: u64,
}

/// How many requests ended in each outcome.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct OutcomeCounts {
    matched: u64,
    different: u64,
    candidate_error: u64,
    candidate_timeout: u64,
    dropped: u64,
    skipped: u64,
    undecodable: u64,
    primary_error: u64,
}

impl OutcomeCounts {
    pub(super) fn new(counts: &RouteSnapshot) -> Self {
        Self {
            matched: counts.count(Outcome::Matched),
            different: counts.count(Outcome::Different),
            candidate_error: counts.count(Outcome::CandidateError),
            candidate_timeout: counts.count(Outcome::CandidateTimeout),
            dropped: counts.count(Outcome::Dropped),
            skipped: counts.count(Outcome::Skipped),
            undecodable: counts.count(Outcome::Undecodable),
            primary_error: counts.count(Outcome::PrimaryError),
        }
    }
}

/// What became of one route's requests.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct RouteOutcomes {
    name: String,
    /// Requests that were to be compared: pending and all outcomes together.
    eligible: u64,
    pending: u64,
    outcomes: OutcomeCounts,
    /// The reasons behind the outcomes, where there are any: `{"dropped": {"queue_full": 3}}`.
    reasons: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// Requests in shadow mode that sampling passed over.
    unsampled: u64,
    /// Requests in shadow mode whose method isn't mirrored.
    excluded: u64,
    served: Sides,
    /// Requests that a side failed to answer, or answered with a 5xx.
    failed: Sides,
    /// Requests that legacy answered because modern, whose turn it was, failed.
    fallbacks: u64,
}

impl RouteOutcomes {
    fn new(counts: &RouteSnapshot) -> Self {
        let mut reasons: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for (ending, n) in counts.endings.iter().filter(|(_, n)| *n > 0) {
            reasons
                .entry(ending.outcome().as_str())
                .or_default()
                .insert(ending.reason(), *n);
        }
        Self {
            name: counts.name.to_string(),
            eligible: counts.eligible,
            pending: counts.pending(),
            outcomes: OutcomeCounts::new(counts),
            reasons,
            unsampled: counts.unsampled,
            excluded: counts.excluded,
            served: Sides {
                legacy: counts.served_legacy,
                modern: counts.served_modern,
            },
            failed: Sides {
                legacy: counts.failed_legacy,
                modern: counts.failed_modern,
            },
            fallbacks: counts.fallbacks,
        }
    }
}

/// The outcomes of all routes.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Outcomes {
    /// By name; routes that are no longer in the file are here as long as the journal knows them.
    routes: Vec<RouteOutcomes>,
}

/// What became of every eligible request.
#[utoipa::path(get, path = "/api/outcomes", responses((status = 200, body = Outcomes)))]
pub(super) async fn list(State(state): State<ControlState>) -> Json<Outcomes> {
    Json(Outcomes {
        routes: state.counts().iter().map(RouteOutcomes::new).collect(),
    })
}
