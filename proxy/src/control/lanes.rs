//! `GET /api/lanes`: who waits for whom, and what is tainted; `GET /api/taints`: all of that; `DELETE /api/lanes/{lane}/taint`:
//! an operator says that a lane was reconciled.

use super::ControlState;
use super::error::{ApiError, ErrorBody, shown};
use crate::journal::without_secrets;
use crate::lanes::{Cleared, Lane, TaintedLane};
use crate::outbox::OutboxStatus;
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header::IF_MATCH;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

/// The order of what is mirrored.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct LanesBody {
    /// Exchanges in lanes, waiting or under way.
    depth: usize,
    /// Lanes that somebody is in.
    count: usize,
    /// How long ago the primary answered the oldest of them; null when there is none.
    oldest_seconds: Option<f64>,
    /// The longest that an exchange has waited for its turn since the proxy started.
    longest_wait_seconds: f64,
    /// The lanes that somebody is in, the deepest first, at most a thousand.
    lanes: Vec<LaneBody>,
    /// Mirrored writes that were lost since the proxy started.
    lost: u64,
    /// How many lanes are tainted.
    tainted_count: usize,
    /// The lanes that lost a write, at most a thousand: what is mirrored there is not compared
    /// until the taint is cleared.
    tainted: Vec<TaintedLane>,
    outbox: OutboxStatus,
}

/// A lane that somebody is in.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct LaneBody {
    /// Its name, such as `order:17`.
    lane: String,
    /// How many exchanges are in it.
    depth: usize,
    /// How long ago the primary answered the first of them.
    oldest_seconds: f64,
}

/// Who waits for whom, what is tainted, and what the outbox holds.
#[utoipa::path(get, path = "/api/lanes", responses((status = 200, body = LanesBody), (status = 503, body = ErrorBody)))]
pub(super) async fn list(State(state): State<ControlState>) -> Result<Json<LanesBody>, ApiError> {
    let status = state.lanes.status().await.ok_or_else(stopping)?;
    let lanes = status.deepest.into_iter().map(|lane| LaneBody {
        lane: lane.lane,
        depth: lane.depth,
        oldest_seconds: lane.oldest.as_secs_f64(),
    });
    Ok(Json(LanesBody {
        depth: status.depth,
        count: status.lanes,
        oldest_seconds: status.oldest.map(|age| age.as_secs_f64()),
        longest_wait_seconds: status.longest_wait.as_secs_f64(),
        lanes: lanes.collect(),
        lost: status.lost,
        tainted_count: status.tainted,
        tainted: status.taints,
        outbox: state.outbox.status(),
    }))
}

/// The keeper of the order ends with the mirror's threads.
fn stopping() -> ApiError {
    let message = "nobody keeps the lanes any more: the proxy is stopping";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", message)
}

/// Behind which lane a page of taints begins.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct TaintsQuery {
    /// The last lane of the page before.
    after: Option<String>,
}

/// The tainted lanes in the order of their names, a thousand at a time.
#[utoipa::path(
    get, path = "/api/taints", params(TaintsQuery),
    responses(
        (status = 200, body = Vec<TaintedLane>), (status = 400, body = ErrorBody),
        (status = 503, body = ErrorBody)
    )
)]
pub(super) async fn taints(
    State(state): State<ControlState>,
    query: Result<Query<TaintsQuery>, QueryRejection>,
) -> Result<Json<Vec<TaintedLane>>, ApiError> {
    let Query(TaintsQuery { after }) = query?;
    let after = after.as_deref().map(Lane::named);
    let taints = state.lanes.taints(after, usize::MAX).await;
    Ok(Json(taints.ok_or_else(stopping)?))
}

/// Clears a taint, after its entity was reconciled: what is mirrored from now on is compared. With
/// `If-Match`, only if no other write was lost there since the taint had that tag.
#[utoipa::path(
    delete, path = "/api/lanes/{lane}/taint",
    params(
        ("lane" = String, Path, description = "a tainted lane as `GET /api/lanes` names it"),
        ("If-Match" = Option<String>, Header, description = "the taint's tag, in quotes"),
    ),
    responses(
        (status = 204), (status = 404, body = ErrorBody), (status = 412, body = ErrorBody),
        (status = 503, body = ErrorBody)
    )
)]
pub(super) async fn clear(
    State(state): State<ControlState>,
    lane: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    let Path(lane) = lane?;
    let tag = headers
        .get(IF_MATCH)
        .map(|tag| String::from_utf8_lossy(tag.as_bytes()).into_owned());
    let tag = tag.map(|tag| tag.trim().trim_matches('"').to_owned());
    let name = shown(&lane);
    let cleared = state.lanes.clear(Lane::named(&lane), tag).await;
    match cleared.ok_or_else(stopping)? {
        Cleared::Yes => {
            tracing::info!(lane = %without_secrets(&lane), "a taint was cleared through the control API");
            Ok(StatusCode::NO_CONTENT)
        }
        Cleared::NotTainted => Err(ApiError::not_found(format!("no lane {name:?} is tainted"))),
        Cleared::Changed => Err(ApiError::new(
            StatusCode::PRECONDITION_FAILED,
            "changed",
            format!("another write was lost in lane {name:?} meanwhile"),
        )),
    }
}
