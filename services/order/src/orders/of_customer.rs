//! GET /customers/{id}/orders

use axum::extract::State;
use axum::response::IntoResponse;
use kit::extract::{Filters, PathId};
use kit::requests::Activity;
use kit::{ApiError, Document};

use super::document::resource;
use crate::Services;

pub(super) async fn handle(
    State(services): State<Services>,
    PathId(customer_id): PathId,
    filters: Filters,
) -> Result<impl IntoResponse, ApiError> {
    let activity = Activity::from_filter(filters.first("isActive"));
    let orders = services.orders.of_customer(&customer_id, activity).await?;
    Ok(Document::list(orders.into_iter().map(resource).collect()))
}
