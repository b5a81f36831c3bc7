//! `POST /api/rules/preview`: which stored findings would one more rule hide?

use super::ControlState;
use super::body::Body;
use super::error::{ApiError, ErrorBody};
use crate::findings::{Preview, PreviewError, preview, read_rule};
use axum::Json;
use axum::extract::State;
use serde::Deserialize;

/// A rule on trial.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PreviewBody {
    /// An inline table, as it stands in the `rules` of routes.toml; author and reason may be left
    /// out.
    #[schema(example = "{ path = \"/total\", number = { tolerance = \"0.01\" } }")]
    rule: String,
    /// The route that it would be for; all of them when not given.
    #[serde(default)]
    route: Option<String>,
}

/// Holds a rule against the stored findings; nothing is changed.
#[utoipa::path(
    post,
    path = "/api/rules/preview",
    request_body = PreviewBody,
    responses(
        (status = 200, body = Preview),
        (status = 404, body = ErrorBody, description = "no such route"),
        (status = 422, body = ErrorBody, description = "no such rule"),
    )
)]
pub(super) async fn one(
    State(state): State<ControlState>,
    Body(body): Body<PreviewBody>,
) -> Result<Json<Preview>, ApiError> {
    let rule = read_rule(&body.rule).map_err(|error| ApiError::invalid(vec![error.to_string()]))?;
    let table = state.routes.table();
    let found = preview(state.journal.reader(), &table, &rule, body.route.as_deref()).await;
    found.map(Json).map_err(|error| {
        let message = error.to_string();
        match error {
            PreviewError::NoSuchRoute(_) => ApiError::not_found(message),
            PreviewError::Rule(errors) => {
                ApiError::invalid(errors.iter().map(ToString::to_string).collect())
            }
            PreviewError::Journal(error) => error.into(),
            PreviewError::Abandoned(_) => ApiError::internal(message),
        }
    })
}
