//! POST /invoices

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use kit::extract::{Body, PrimaryId};
use kit::openapi::{BadRequest, BodyRefused, Refused};
use kit::requests::CreateInvoice;
use kit::{ApiError, Document, Resource};

use super::document::{Attributes, resource};
use crate::Services;

/// Makes the invoice of an order.
#[utoipa::path(
    post, path = "/invoices", operation_id = "createInvoice", tag = "invoices",
    request_body = CreateInvoice,
    responses(
        (status = 201, description = "The invoice, a draft", body = Document<Resource<Attributes>>,
         links(("Invoice" = (operation_id = "showInvoice", parameters(("id" = "$response.body#/data/id")))))),
        (status = 400, description = "The body violates rules, or BAD_REQUEST: the discount is \
            above the subtotal, or the due date in the past", body = BadRequest),
        (status = 404, description = "NOT_FOUND: there is no such order", body = Refused),
        (status = 409, description = "CONFLICT: the order has its invoice", body = Refused),
        BodyRefused,
        (status = 500, description = "DATABASE_ERROR, or SERVICE_COMMUNICATION_ERROR: the order \
            service gave no usable answer", body = Refused),
    ),
)]
pub(super) async fn handle(
    State(services): State<Services>,
    primary: PrimaryId,
    Body(new): Body<CreateInvoice>,
) -> Result<impl IntoResponse, ApiError> {
    let invoice = services
        .invoices
        .create(&new, primary.of("invoice"))
        .await?;
    Ok((StatusCode::CREATED, Document::one(resource(invoice))))
}
