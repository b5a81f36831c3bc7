//! `POST /api/discrepancies/{id}/rows`: is there a row behind it that drifted?

use super::ControlState;
use super::error::{ApiError, ErrorBody, shown};
use crate::journal::FindingDetail;
use crate::outcome::Outcome;
use crate::reconciliation::Checked;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;

impl ControlState {
    /// What is known of the rows behind a discrepancy, compared now where that is old or `anew`.
    /// Nothing where nobody can be asked, or the route is no more.
    pub(super) async fn rows_behind(&self, detail: &FindingDetail, anew: bool) -> Option<Checked> {
        let table = self.routes.table();
        let service = table.reconciliation.as_ref()?;
        let route = table.route(&detail.finding.route)?;
        let compared = detail.finding.outcome == Outcome::Different.as_str();
        let (ids, journal) = (&*self.ids, &self.journal);
        if !compared {
            return None;
        }
        let checks = &self.checks;
        checks
            .of(service, detail, route, (ids, journal), anew)
            .await
    }
}

/// Compares the rows that the samples of a discrepancy name by the lanes of their route, and says
/// whether the data drifted or the code differs. Values are redacted as the journal's are.
#[utoipa::path(
    post, path = "/api/discrepancies/{id}/rows",
    params(("id" = String, Path, description = "the fingerprint")),
    responses(
        (status = 200, body = Checked),
        (status = 404, body = ErrorBody, description = "no such finding"),
        (status = 503, body = ErrorBody, description = "nobody can be asked, or too much is asked"),
    )
)]
pub(super) async fn compare(
    State(state): State<ControlState>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Checked>, ApiError> {
    let Path(id) = id?;
    let detail = state.journal.reader().finding(&id).await?;
    let detail = detail
        .ok_or_else(|| ApiError::not_found(format!("nothing is known under {:?}", shown(&id))))?;
    let checked = state.rows_behind(&detail, true).await;
    checked.map(Json).ok_or_else(|| {
        let message = match state.routes.table().reconciliation {
            None => "routes.toml declares no [reconciliation], so nobody can be asked for rows",
            Some(_) => "no rows can be compared for this now",
        };
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "no_rows", message)
    })
}
