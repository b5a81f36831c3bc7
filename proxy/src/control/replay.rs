//! `POST /api/discrepancies/{id}/replay`: is it still so?

use super::ControlState;
use super::body::Body;
use super::error::{ApiError, ErrorBody, shown};
use crate::findings::{Replay, ReplayResult, replay};
use crate::journal::State as Decision;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

/// How to replay.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ReplayBody {
    /// Whether requests that change something are sent too, to both sides.
    r#unsafe: bool,
}

/// What came of it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ReplayView {
    /// The fingerprint.
    id: String,
    #[serde(flatten)]
    replay: Replay,
    /// Whether the finding was open and is fixed now.
    closed: bool,
}

/// Sends the stored requests of a finding to both sides again, and compares under the rules of
/// today. A finding that is gone is fixed; no outcome is counted.
#[utoipa::path(
    post,
    path = "/api/discrepancies/{id}/replay",
    params(("id" = String, Path, description = "the fingerprint")),
    request_body = ReplayBody,
    responses(
        (status = 200, body = ReplayView),
        (status = 404, body = ErrorBody, description = "no such finding, or its route is gone"),
        (status = 503, body = ErrorBody, description = "nothing is mirrored here"),
    )
)]
pub(super) async fn one(
    State(state): State<ControlState>,
    id: Result<Path<String>, PathRejection>,
    Body(body): Body<ReplayBody>,
) -> Result<Json<ReplayView>, ApiError> {
    let Path(id) = id?;
    let Some(mirror) = &state.mirror else {
        let message = "this proxy has no mirror to replay with";
        return Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "no_mirror",
            message,
        ));
    };
    let missing = |what: &str| ApiError::not_found(format!("{what} {:?}", shown(&id)));
    let detail = state.journal.reader().finding(&id).await?;
    let detail = detail.ok_or_else(|| missing("nothing is known under"))?;
    let table = state.routes.table();
    let route = table.route(&detail.finding.route);
    let route = route.ok_or_else(|| missing("there is no route any more for"))?;
    let replay = replay(mirror, route, &detail, body.r#unsafe).await;
    let open = [Decision::Open, Decision::Regressed];
    let closed = replay.result == ReplayResult::Gone
        && state.journal.decide(&id, &open, Decision::Fixed).await?;
    Ok(Json(ReplayView { id, replay, closed }))
}
