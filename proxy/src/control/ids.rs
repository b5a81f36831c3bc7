//! `GET /api/ids`: what is known of the two sides' ids; `POST /api/ids`: pairs that a migration
//! has made; `POST /api/ids/check`: which pairs contradict what is known.

use super::ControlState;
use super::body::Body;
use super::error::{ApiError, ErrorBody};
use crate::ids::{IdsStatus, Told};
use axum::Json;
use axum::extract::State;
use comparator::IdPair;
use serde::{Deserialize, Serialize};

/// Bytes of pairs that are told at a time: some thousand of the longest.
pub(super) const MAX_BODY: usize = 1 << 20;

/// Two ids of one thing.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PairBody {
    /// What they identify, as the routes name it: `order`.
    entity: String,
    /// What legacy calls it.
    legacy: String,
    /// What modern calls it.
    modern: String,
}

/// What is known that contradicts pairs.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ContradictionsBody {
    /// Pairs that are known, one of whose ids belongs to something else in those that were asked.
    contradicted: Vec<PairBody>,
}

/// How many pairs are known, and what came of ids that requests named.
#[utoipa::path(get, path = "/api/ids", responses((status = 200, body = IdsStatus)))]
pub(super) async fn status(State(state): State<ControlState>) -> Json<IdsStatus> {
    Json(state.ids.status())
}

/// Tells pairs, as a migration makes them that gives new ids. A pair that contradicts what is known
/// is refused, and the others are learned.
#[utoipa::path(
    post, path = "/api/ids", request_body = Vec<PairBody>,
    responses((status = 200, body = Told), (status = 400, body = ErrorBody))
)]
pub(super) async fn tell(
    State(state): State<ControlState>,
    Body(pairs): Body<Vec<PairBody>>,
) -> Result<Json<Told>, ApiError> {
    let pairs = pairs.into_iter().map(|pair| IdPair {
        entity: pair.entity,
        legacy: pair.legacy,
        modern: pair.modern,
    });
    Ok(Json(state.ids.learn(pairs.collect())))
}

/// Asks which pairs contradict what is known, and learns nothing: whether a row may be written
/// under the id that a mapping gives it.
#[utoipa::path(
    post, path = "/api/ids/check", request_body = Vec<PairBody>,
    responses((status = 200, body = ContradictionsBody), (status = 400, body = ErrorBody))
)]
pub(super) async fn check(
    State(state): State<ControlState>,
    Body(pairs): Body<Vec<PairBody>>,
) -> Result<Json<ContradictionsBody>, ApiError> {
    let known = pairs.iter().flat_map(|pair| {
        let known = state
            .ids
            .contradicting(&pair.entity, &pair.legacy, &pair.modern);
        known.into_iter().flatten()
    });
    let contradicted = known.map(|known| PairBody {
        entity: known.entity,
        legacy: known.legacy,
        modern: known.modern,
    });
    Ok(Json(ContradictionsBody {
        contradicted: contradicted.collect(),
    }))
}
