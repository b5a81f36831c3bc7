//! `POST /api/stop`: every route to legacy, at once.

use super::ControlState;
use super::error::{ApiError, ErrorBody};
use axum::Json;
use axum::extract::State;
use axum::http::header::ETAG;
use axum::response::IntoResponse;
use serde::Serialize;

/// What a stop did.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Stopped {
    /// The routes that were elsewhere; the others were at legacy already.
    changed: Vec<String>,
}

/// Puts every route to legacy, whatever anybody else is editing.
#[utoipa::path(
    post,
    path = "/api/stop",
    responses(
        (status = 200, body = Stopped, description = "every route is at legacy now"),
        (status = 409, body = ErrorBody, description = "routes.toml on disk is refused"),
        (status = 503, body = ErrorBody, description = "routes.toml can't be written"),
    )
)]
pub(super) async fn stop(State(state): State<ControlState>) -> Result<impl IntoResponse, ApiError> {
    let changed = state.routes.stop().await?;
    tracing::info!(?changed, "stopped through the control API");
    Ok(([(ETAG, state.routes.etag())], Json(Stopped { changed })))
}
