//! `PATCH /api/discrepancies/{id}`: an operator says that a finding is fixed, or open after all.

use super::ControlState;
use super::body::Body;
use super::discrepancies::{self, FindingView};
use super::error::{ApiError, ErrorBody, shown};
use crate::journal::State as Decision;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde_json::{Map, Value};

/// A decision about a finding.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "it documents what is read")]
pub(super) struct DecisionBody {
    /// `fixed`, or `open` to take that back. What rules hide is `allowed` by itself, and what is
    /// seen again after it was fixed is `regressed`.
    #[schema(example = "fixed")]
    state: String,
}

/// Decides about one finding.
#[utoipa::path(
    patch,
    path = "/api/discrepancies/{id}",
    params(("id" = String, Path, description = "the fingerprint")),
    request_body = DecisionBody,
    responses(
        (status = 200, body = FindingView, description = "the finding as it is now"),
        (status = 404, body = ErrorBody, description = "no such finding"),
        (status = 422, body = ErrorBody, description = "no such decision"),
        (status = 503, body = ErrorBody, description = "the journal can't be written"),
    )
)]
pub(super) async fn decide(
    State(state): State<ControlState>,
    id: Result<Path<String>, PathRejection>,
    Body(fields): Body<Map<String, Value>>,
) -> Result<Json<FindingView>, ApiError> {
    let Path(id) = id?;
    let (from, to): (&[Decision], Decision) = match read(&fields)? {
        Decision::Fixed => (
            &[
                Decision::Open,
                Decision::Allowed,
                Decision::Regressed,
                Decision::Fixed,
            ],
            Decision::Fixed,
        ),
        _ => (
            &[Decision::Open, Decision::Fixed, Decision::Regressed],
            Decision::Open,
        ),
    };
    let decided = state.journal.decide(&id, from, to).await?;
    let finding = discrepancies::view(&state, &id).await?;
    if decided {
        tracing::info!(
            finding = id,
            state = to.as_str(),
            "decided through the control API"
        );
        Ok(Json(finding))
    } else {
        Err(ApiError::invalid(vec![
            "a rule allows this finding; take the rule away to open it".to_owned(),
        ]))
    }
}

fn read(fields: &Map<String, Value>) -> Result<Decision, ApiError> {
    let mut problems: Vec<String> = fields
        .keys()
        .filter(|key| *key != "state")
        .map(|key| format!("{:?} can't be decided; state can", shown(key)))
        .collect();
    let decision = match fields.get("state").and_then(Value::as_str) {
        Some("fixed") => Some(Decision::Fixed),
        Some("open") => Some(Decision::Open),
        Some("allowed") => {
            let hint = "state is \"allowed\", which a rule makes a finding: write one into \
                        routes.toml";
            problems.push(hint.to_owned());
            None
        }
        _ => {
            let given = fields
                .get("state")
                .map_or("missing".to_owned(), Value::to_string);
            problems.push(format!(
                "state is {}, not \"fixed\" or \"open\"",
                shown(&given)
            ));
            None
        }
    };
    match decision {
        Some(decision) if problems.is_empty() => Ok(decision),
        _ => Err(ApiError::invalid(problems)),
    }
}
