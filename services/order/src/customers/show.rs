//! GET /customers/{id}

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
    let customer = services.customers.find(&id).await?;
    let customer = customer.ok_or_else(|| ApiError::customer_not_found(&id))?;
    Ok(Document::one(resource(customer)))
}
