//! GET /orders/{id}

use axum::extract::State;
use axum::response::IntoResponse;
use kit::extract::PathId;
use kit::openapi::{DatabaseFailed, Refused};
use kit::{ApiError, Document, Resource};

use super::document::{Attributes, Relationships, resource};
use crate::Services;

/// Shows an order.
#[utoipa::path(
    get, path = "/orders/{id}", operation_id = "showOrder", tag = "orders",
    params(("id" = String, Path, description = "Of either side; any text")),
    responses(
        (status = 200, description = "The order", body = Document<Resource<Attributes, Relationships>>),
        (status = 404, description = "NOT_FOUND", body = Refused),
        DatabaseFailed,
    ),
)]
pub(super) async fn handle(
    State(services): State<Services>,
    PathId(id): PathId,
) -> Result<impl IntoResponse, ApiError> {
    let order = services.orders.find(&id).await?;
    let order = order.ok_or_else(|| ApiError::order_not_found(&id))?;
    Ok(Document::one(resource(order)))
}
