//! `GET /api/routes/{name}/readiness`: may this route move, and why not?

use super::ControlState;
use super::error::{ApiError, ErrorBody, shown};
use crate::readiness::{Around, Criterion, Readiness, State as Standing, Verdict, assess};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;

/// A route's readiness in short.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ReadinessView {
    verdict: Verdict,
    /// Each criterion that is not green, in words; red ones first.
    why: Vec<String>,
}

impl From<Readiness> for ReadinessView {
    fn from(readiness: Readiness) -> Self {
        let mut open: Vec<Criterion> = readiness.criteria;
        open.retain(|criterion| criterion.state != Standing::Green);
        open.sort_by_key(|criterion| criterion.state != Standing::Red);
        Self {
            verdict: readiness.verdict,
            why: open.into_iter().map(|c| c.explanation).collect(),
        }
    }
}

impl ControlState {
    /// The readiness of every route in the file.
    pub(super) async fn readiness(&self) -> Vec<Readiness> {
        let around = self.around().await;
        let table = self.routes.table();
        let now = self.ledger.clock().steady();
        let routes = table.routes.iter();
        routes
            .map(|route| assess(route, &around.besides(route), now))
            .collect()
    }

    /// What is known of all routes besides their traffic.
    pub(super) async fn around(&self) -> Around {
        Around::ask(&self.journal, &self.lanes).await
    }
}

/// Whether a route may move: every criterion with its number and its threshold. What can't be told
/// is unknown, and unknown is not green.
#[utoipa::path(
    get,
    path = "/api/routes/{name}/readiness",
    params(("name" = String, Path, description = "the route's name")),
    responses((status = 200, body = Readiness), (status = 404, body = ErrorBody))
)]
pub(super) async fn one(
    State(state): State<ControlState>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Json<Readiness>, ApiError> {
    let Path(name) = name?;
    let routes = state.readiness().await;
    let found = routes.into_iter().find(|route| route.route == name);
    let missing = || ApiError::not_found(format!("no route is named {:?}", shown(&name)));
    found.map(Json).ok_or_else(missing)
}
