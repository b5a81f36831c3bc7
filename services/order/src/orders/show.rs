//! GET /orders/{id}

use axum::extract::State;
use axum::response::IntoResponse;
use kit::extract::PathId;
use kit::{ApiError, Document};

use super::document::resource;
use crate::Services;

pub(super) async fn handle(
    State(services): State<Services>,
    PathId(id): PathId,
) -> Result<impl IntoResponse, ApiError> {
    let order = services.orders.find(&id).await?;
    let order = order.ok_or_else(|| ApiError::order_not_found(&id))?;
    Ok(Document::one(resource(order)))
}
