//! GET /invoices/{id}

use axum::extract::State;
use axum::response::IntoResponse;
use kit::extract::PathId;
use kit::openapi::{DatabaseFailed, Refused};
use kit::{ApiError, Document, Resource};

use super::document::{Attributes, resource};
use crate::Services;

/// Shows an invoice.
#[utoipa::path(
    get, path = "/invoices/{id}", operation_id = "showInvoice", tag = "invoices",
    params(("id" = String, Path, description = "Of either side; any text")),
    responses(
        (status = 200, description = "The invoice", body = Document<Resource<Attributes>>),
        (status = 404, description = "NOT_FOUND", body = Refused),
        DatabaseFailed,
    ),
)]
pub(super) async fn handle(
    State(services): State<Services>,
    PathId(id): PathId,
) -> Result<impl IntoResponse, ApiError> {
    let invoice = services.invoices.find(&id).await?;
    let invoice = invoice.ok_or_else(|| ApiError::invoice_not_found(&id))?;
    Ok(Document::one(resource(invoice)))
}
