//! GET /customers/{id}/orders

use axum::extract::State;
use axum::response::IntoResponse;
use kit::extract::{Filters, PathId};
use kit::openapi::{DatabaseFailed, Refused};
use kit::requests::Activity;
use kit::{ApiError, Document, Resource};

use super::document::{Attributes, Relationships, resource};
use crate::Services;

/// Lists the orders of a customer, newest first.
#[utoipa::path(
    get, path = "/customers/{id}/orders", operation_id = "listOrdersOfCustomer", tag = "orders",
    params(
        ("id" = String, Path, description = "Of either side; any text"),
        ("isActive" = Option<String>, Query, description = "`true`: still to be fulfilled; \
            `false`: delivered, cancelled or returned; anything else: all"),
    ),
    responses(
        (status = 200, description = "The orders",
         body = Document<Vec<Resource<Attributes, Relationships>>>),
        (status = 404, description = "NOT_FOUND: nobody is that customer", body = Refused),
        DatabaseFailed,
    ),
)]
pub(super) async fn handle(
    State(services): State<Services>,
    PathId(customer_id): PathId,
    filters: Filters,
) -> Result<impl IntoResponse, ApiError> {
    let activity = Activity::from_filter(filters.first("isActive"));
    let orders = services.orders.of_customer(&customer_id, activity).await?;
    Ok(Document::list(orders.into_iter().map(resource).collect()))
}
