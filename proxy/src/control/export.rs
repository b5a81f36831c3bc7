//! `GET /api/discrepancies/{id}/export`: a finding as one file.

use super::ControlState;
use super::error::{ApiError, ErrorBody, shown};
use crate::findings::{FileRules, FindingFile};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::IntoResponse;

/// A finding with the sample that tells it best and the rules that judge it, for `cutover verify` and
/// for another journal. It is redacted as it is stored.
#[utoipa::path(
    get,
    path = "/api/discrepancies/{id}/export",
    params(("id" = String, Path, description = "the fingerprint")),
    responses(
        (status = 200, body = Object, content_type = "application/json"),
        (status = 404, body = ErrorBody, description = "no such finding, or its route is gone"),
        (status = 422, body = ErrorBody, description = "a failure, or no sample is kept"),
    )
)]
pub(super) async fn one(
    State(state): State<ControlState>,
    id: Result<Path<String>, PathRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let Path(id) = id?;
    let missing = |what: &str| ApiError::not_found(format!("{what} {:?}", shown(&id)));
    let detail = state.journal.reader().finding(&id).await?;
    let detail = detail.ok_or_else(|| missing("nothing is known under"))?;
    let table = state.routes.table();
    let route = table.route(&detail.finding.route).cloned();
    let route = route.ok_or_else(|| missing("there is no route any more for"))?;
    // Samples are compared for this, which may take a moment.
    let file = tokio::task::spawn_blocking(move || {
        let (all_routes, route) = (*route.declared).clone();
        FindingFile::of(detail, FileRules { all_routes, route }, table.day)
    });
    let failed = |error: &dyn std::fmt::Display| ApiError::internal(format!("no file: {error}"));
    let file = file.await.map_err(|error| failed(&error))?;
    let file = file.map_err(|error| ApiError::invalid(vec![error.to_string()]))?;
    let text = file.text().map_err(|error| failed(&error))?;
    let named = format!("attachment; filename=\"{}\"", file.name());
    Ok((
        [
            (CONTENT_TYPE, "application/json".to_owned()),
            (CONTENT_DISPOSITION, named),
        ],
        text,
    ))
}
