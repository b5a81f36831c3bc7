//! `POST /api/discrepancies`: a finding of another journal.

use super::ControlState;
use super::error::{ApiError, ErrorBody};
use crate::findings::{FindingFile, Judged, Trial};
use crate::journal::{Foreign, Imported, State as Decision};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use serde::Serialize;

/// What became of a file.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ImportView {
    /// The fingerprint, which another redaction may have changed.
    id: String,
    /// Whether it was not known here.
    new: bool,
}

/// Takes a file that `/api/discrepancies/{id}/export` of another proxy has made. The finding is open,
/// or allowed where the rules here hide it, and counts no traffic. One that is known stays as it is.
#[utoipa::path(
    post,
    path = "/api/discrepancies",
    request_body(content = Object, content_type = "application/json"),
    responses(
        (status = 200, body = ImportView),
        (status = 413, body = ErrorBody, description = "no such file is that long"),
        (status = 422, body = ErrorBody, description = "no such file, or its route is not here"),
        (status = 503, body = ErrorBody, description = "the journal can't be written"),
    )
)]
pub(super) async fn one(
    State(state): State<ControlState>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<ImportView>, ApiError> {
    let body = body?;
    let invalid = |problem: String| ApiError::invalid(vec![problem]);
    let file = FindingFile::read(&body).map_err(|error| invalid(error.to_string()))?;
    let route = state.routes.table().route(&file.finding.route).cloned();
    let route = route.ok_or_else(|| {
        let name: String = file.finding.route.chars().take(80).collect();
        invalid(format!(
            "finding.route is {name:?}, and no route is named so here"
        ))
    })?;
    let (exchange, which) = file.record();
    let which = which.ok_or_else(|| ApiError::internal("a finding that nothing shows"))?;
    let finding = file.finding;
    let seen = (finding.first_seen, finding.last_seen);
    let day = state.routes.table().day;
    // A comparison may take a moment.
    let judging = tokio::task::spawn_blocking(move || {
        let (global, own) = &*route.declared;
        let trial = Trial::new(global, own, day);
        let judged = trial.map_or(Judged::CannotTell, |trial| trial.one(&finding, &exchange));
        let state = match judged {
            Judged::Hidden => Decision::Allowed,
            Judged::Shows | Judged::CannotTell => Decision::Open,
        };
        Foreign {
            route: finding.route,
            seen,
            state,
            exchange,
            which,
        }
    });
    let foreign = judging
        .await
        .map_err(|error| ApiError::internal(format!("the answers can't be compared: {error}")))?;
    match state.journal.import(foreign).await? {
        Imported::New(id) => {
            tracing::info!(finding = id, "imported through the control API");
            Ok(Json(ImportView { id, new: true }))
        }
        Imported::Known(id) => Ok(Json(ImportView { id, new: false })),
        Imported::Full => {
            let problem = "its route has as many findings as are told apart";
            Err(invalid(problem.to_owned()))
        }
    }
}
