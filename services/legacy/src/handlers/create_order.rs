//! POST /orders

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use kit::{
    ApiError, Document, Resource,
    extract::Body,
    openapi::{BadRequest, BodyRefused, Refused},
    requests::CreateOrder,
};

use super::failure;
use crate::{
    Monolith,
    documents::{self, OrderAttributes, OrderRelationships},
    repository::RepositoryError,
};

/// Makes an order.
#[utoipa::path(
    post, path = "/orders", operation_id = "createOrder", tag = "orders",
    request_body = CreateOrder,
    responses(
        (status = 201, description = "The order",
         body = Document<Resource<OrderAttributes, OrderRelationships>>,
         links(("Order" = (operation_id = "showOrder", parameters(("id" = "$response.body#/data/id")))))),
        (status = 400, description = "The body violates rules, or INVALID_REFERENCE: nobody is \
            that customer", body = BadRequest),
        BodyRefused,
        (status = 500, description = "DATABASE_ERROR: an amount is too large for its column, or \
            the database failed", body = Refused),
    ),
)]
pub(super) async fn handle(
    State(monolith): State<Monolith>,
    Body(new): Body<CreateOrder>,
) -> Result<impl IntoResponse, ApiError> {
    let order = monolith
        .create_order(&new)
        .await
        .map_err(|error| match error {
            RepositoryError::UnknownCustomer => ApiError::unknown_customer(&new.customer_id),
            other => failure(other),
        })?;
    Ok((StatusCode::CREATED, Document::one(documents::order(order))))
}
