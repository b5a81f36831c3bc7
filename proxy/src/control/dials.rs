//! `GET /api/dials`: what happened to dials by itself; `DELETE /api/routes/{name}/hold`: an
//! operator lets a dial stand as routes.toml says.

use super::ControlState;
use super::error::{ApiError, ErrorBody, shown};
use crate::journal::DialEvent;
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;

/// Events that are told at most.
const MOST: u32 = 200;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsQuery {
    /// Those of the dial of this route alone.
    route: Option<String>,
}

/// What happened to dials by itself, the latest first: what the guard turned back and why.
#[utoipa::path(
    get, path = "/api/dials", params(EventsQuery),
    responses(
        (status = 200, body = Vec<DialEvent>),
        (status = 404, body = ErrorBody, description = "no such route"),
        (status = 503, body = ErrorBody, description = "the journal can't be read"),
    )
)]
pub(super) async fn events(
    State(state): State<ControlState>,
    query: Result<Query<EventsQuery>, QueryRejection>,
) -> Result<Json<Vec<DialEvent>>, ApiError> {
    let Query(EventsQuery { route }) = query?;
    let dial = route.map(|route| dial_of(&state, &route)).transpose()?;
    let reader = state.journal.reader();
    Ok(Json(reader.dial_events(dial.as_deref(), MOST).await?))
}

/// Lets the dial of a route, and of its group, stand as routes.toml says, though the guard holds it.
#[utoipa::path(
    delete, path = "/api/routes/{name}/hold",
    params(("name" = String, Path, description = "the route's name")),
    responses((status = 204), (status = 404, body = ErrorBody, description = "no such route, or its dial is not held"))
)]
pub(super) async fn release(
    State(state): State<ControlState>,
    name: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let Path(name) = name?;
    let dial = dial_of(&state, &name)?;
    if state.guard.release(&dial) {
        tracing::info!(dial, "a dial was released through the control API");
        Ok(StatusCode::NO_CONTENT)
    } else {
        let message = format!("the dial of {:?} is not held", shown(&name));
        Err(ApiError::not_found(message))
    }
}

fn dial_of(state: &ControlState, route: &str) -> Result<String, ApiError> {
    let table = state.routes.table();
    let found = table
        .route(route)
        .map(|route| route.dial.name().to_string());
    found.ok_or_else(|| ApiError::not_found(format!("no route is named {:?}", shown(route))))
}
