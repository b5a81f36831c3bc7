//! GET /customers/{id}/orders

use axum::{extract::State, response::IntoResponse};
use kit::{
    ApiError, Document, Resource,
    extract::{Filters, PathId},
    openapi::{DatabaseFailed, Refused},
    requests::Activity,
};

use super::failure;
use crate::{
    Monolith,
    documents::{self, OrderAttributes, OrderRelationships},
    key::parse_key,
};

/// Lists the orders of a customer by their ids.
#[utoipa::path(
    get, path = "/customers/{id}/orders", operation_id = "listOrdersOfCustomer", tag = "orders",
    params(
        ("id" = String, Path, description = "Any text; only a number names a customer"),
        ("isActive" = Option<String>, Query, description = "`true`: still to be fulfilled; \
            `false`: delivered, cancelled or returned; anything else: all"),
    ),
    responses(
        (status = 200, description = "The orders",
         body = Document<Vec<Resource<OrderAttributes, OrderRelationships>>>),
        (status = 404, description = "NOT_FOUND: nobody is that customer", body = Refused),
        DatabaseFailed,
    ),
)]
pub(super) async fn handle(
    State(monolith): State<Monolith>,
    PathId(id): PathId,
    filters: Filters,
) -> Result<impl IntoResponse, ApiError> {
    let activity = Activity::from_filter(filters.first("isActive"));
    let found = match parse_key(&id) {
        Some(key) => monolith.orders_of(key, activity).await.map_err(failure)?,
        None => None,
    };
    let orders = found.ok_or_else(|| ApiError::customer_not_found(&id))?;
    Ok(Document::list(
        orders.into_iter().map(documents::order).collect(),
    ))
}
