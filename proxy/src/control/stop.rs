//! `POST /api/stop`: every route to legacy, at once.

use super::ControlState;
use crate::routes::Stopped;
use axum::Json;
use axum::extract::State;
use axum::http::header::ETAG;
use axum::response::IntoResponse;
use serde::Serialize;

/// What a stop did.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct StopAnswer {
    /// The routes that were elsewhere; the others were at legacy already.
    changed: Vec<String>,
    /// Why routes.toml still says otherwise, where it does: the routes in use are at legacy all
    /// the same, until the file is edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_in_file: Option<String>,
}

/// Puts every route to legacy, whatever anybody else is editing.
#[utoipa::path(
    post,
    path = "/api/stop",
    responses((status = 200, body = StopAnswer, description = "every route is at legacy now"))
)]
pub(super) async fn stop(State(state): State<ControlState>) -> impl IntoResponse {
    let Stopped { moved, not_in_file } = state.routes.stop().await;
    tracing::info!(?moved, ?not_in_file, "stopped through the control API");
    let answer = StopAnswer {
        changed: moved,
        not_in_file,
    };
    ([(ETAG, state.routes.etag())], Json(answer))
}
