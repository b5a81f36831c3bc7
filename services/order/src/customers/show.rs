//! GET /customers/{id}

use axum::extract::State;
use axum::response::IntoResponse;
use kit::extract::PathId;
use kit::openapi::{DatabaseFailed, Refused};
use kit::{ApiError, Document, Resource};

use super::document::{Attributes, resource};
use crate::Services;

/// Shows a customer.
#[utoipa::path(
    get, path = "/customers/{id}", operation_id = "showCustomer", tag = "customers",
    params(("id" = String, Path, description = "Of either side; any text")),
    responses(
        (status = 200, description = "The customer", body = Document<Resource<Attributes>>),
        (status = 404, description = "NOT_FOUND", body = Refused),
        DatabaseFailed,
    ),
)]
pub(super) async fn handle(
    State(services): State<Services>,
    PathId(id): PathId,
) -> Result<impl IntoResponse, ApiError> {
    let customer = services.customers.find(&id).await?;
    let customer = customer.ok_or_else(|| ApiError::customer_not_found(&id))?;
    Ok(Document::one(resource(customer)))
}
