//! GET /customers/{id}

use axum::{extract::State, response::IntoResponse};
use kit::{
    ApiError, Document, Resource,
    extract::PathId,
    openapi::{DatabaseFailed, Refused},
};

use super::failure;
use crate::{
    Monolith,
    documents::{self, CustomerAttributes},
    key::parse_key,
};

/// Shows a customer.
#[utoipa::path(
    get, path = "/customers/{id}", operation_id = "showCustomer", tag = "customers",
    params(("id" = String, Path, description = "Any text; only a number names a customer")),
    responses(
        (status = 200, description = "The customer", body = Document<Resource<CustomerAttributes>>),
        (status = 404, description = "NOT_FOUND", body = Refused),
        DatabaseFailed,
    ),
)]
pub(super) async fn handle(
    State(monolith): State<Monolith>,
    PathId(id): PathId,
) -> Result<impl IntoResponse, ApiError> {
    let found = match parse_key(&id) {
        Some(key) => monolith.customer(key).await.map_err(failure)?,
        None => None,
    };
    let customer = found.ok_or_else(|| ApiError::customer_not_found(&id))?;
    Ok(Document::one(documents::customer(customer)))
}
