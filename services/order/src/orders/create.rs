//! POST /orders

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use kit::extract::{Body, PrimaryId};
use kit::openapi::{BadRequest, BodyRefused, Refused};
use kit::requests::CreateOrder;
use kit::{ApiError, Document, Resource};

use super::document::{Attributes, Relationships, resource};
use crate::Services;

/// Makes an order.
#[utoipa::path(
    post, path = "/orders", operation_id = "createOrder", tag = "orders",
    request_body = CreateOrder,
    responses(
        (status = 201, description = "The order", body = Document<Resource<Attributes, Relationships>>,
         links(("Order" = (operation_id = "showOrder", parameters(("id" = "$response.body#/data/id")))))),
        (status = 400, description = "The body violates rules, BAD_REQUEST, or INVALID_REFERENCE: \
            nobody is that customer", body = BadRequest),
        BodyRefused,
        (status = 500, description = "DATABASE_ERROR: an amount is too large for its column, or \
            the database failed", body = Refused),
    ),
)]
pub(super) async fn handle(
    State(services): State<Services>,
    primary: PrimaryId,
    Body(new): Body<CreateOrder>,
) -> Result<impl IntoResponse, ApiError> {
    let order = services.orders.create(new, primary.of("order")).await?;
    Ok((StatusCode::CREATED, Document::one(resource(order))))
}
