//! POST /invoices

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use kit::{ApiError, Document, extract::Body, requests::CreateInvoice};

use super::failure;
use crate::{DateTime, Monolith, documents, repository::RepositoryError};

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
