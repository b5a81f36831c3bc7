//! GET /orders/{id}

use axum::{extract::State, response::IntoResponse};
use kit::{
    ApiError, Document, Resource,
    extract::PathId,
    openapi::{DatabaseFailed, Refused},
};

use super::failure;
use crate::{
    Monolith,
    documents::{self, OrderAttributes, OrderRelationships},
    key::parse_key,
};

/// Shows an order.
#[utoipa::path(
    get, path = "/orders/{id}", operation_id = "showOrder", tag = "orders",
    params(("id" = String, Path, description = "Any text; only a number names an order")),
    responses(
        (status = 200, description = "The order",
         body = Document<Resource<OrderAttributes, OrderRelationships>>),
        (status = 404, description = "NOT_FOUND", body = Refused),
        DatabaseFailed,
    ),
)]
pub(super) async fn handle(
    State(monolith): State<Monolith>,
    PathId(id): PathId,
) -> Result<impl IntoResponse, ApiError> {
    let found = match parse_key(&id) {
        Some(key) => monolith.order(key).await.map_err(failure)?,
        None => None,
    };
    let order = found.ok_or_else(|| ApiError::order_not_found(&id))?;
    Ok(Document::one(documents::order(order)))
}
