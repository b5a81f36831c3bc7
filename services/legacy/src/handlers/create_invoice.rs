//! POST /invoices

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use kit::{
    ApiError, Document, Resource,
    extract::Body,
    openapi::{BadRequest, BodyRefused, Refused},
    requests::CreateInvoice,
};

use super::failure;
use crate::{
    DateTime, Monolith,
    documents::{self, InvoiceAttributes},
    repository::RepositoryError,
};

/// Makes the invoice of an order.
#[utoipa::path(
    post, path = "/invoices", operation_id = "createInvoice", tag = "invoices",
    request_body = CreateInvoice,
    responses(
        (status = 201, description = "The invoice, a draft",
         body = Document<Resource<InvoiceAttributes>>,
         links(("Invoice" = (operation_id = "showInvoice", parameters(("id" = "$response.body#/data/id")))))),
        (status = 400, description = "The body violates rules, or BAD_REQUEST: the discount is \
            above the subtotal, or the due date in the past", body = BadRequest),
        (status = 404, description = "NOT_FOUND: there is no such order", body = Refused),
        (status = 409, description = "CONFLICT: the order has its invoice", body = Refused),
        BodyRefused,
        (status = 500, description = "DATABASE_ERROR: an amount is too large for its column, or \
            the database failed", body = Refused),
    ),
)]
pub(super) async fn handle(
    State(monolith): State<Monolith>,
    Body(new): Body<CreateInvoice>,
) -> Result<impl IntoResponse, ApiError> {
    // The day of the server's clock, as the invoice's own times are.
    new.check_due_date(DateTime::now().date())?;
    let invoice = monolith
        .create_invoice(&new)
        .await
        .map_err(|error| match error {
            RepositoryError::UnknownOrder => ApiError::order_not_found(&new.order_id),
            RepositoryError::InvoiceExists => ApiError::invoice_exists(&new.order_id),
            RepositoryError::DiscountAboveSubtotal => ApiError::discount_above_subtotal(),
            other => failure(other),
        })?;
    Ok((
        StatusCode::CREATED,
        Document::one(documents::invoice(invoice)),
    ))
}
