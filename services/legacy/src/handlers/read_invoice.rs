//! GET /invoices/{id}

use axum::{extract::State, response::IntoResponse};
use kit::{
    ApiError, Document, Resource,
    extract::PathId,
    openapi::{DatabaseFailed, Refused},
};

use super::failure;
use crate::{
    Monolith,
    documents::{self, InvoiceAttributes},
    key::parse_key,
};

/// Shows an invoice.
#[utoipa::path(
    get, path = "/invoices/{id}", operation_id = "showInvoice", tag = "invoices",
    params(("id" = String, Path, description = "Any text; only a number names an invoice")),
    responses(
        (status = 200, description = "The invoice", body = Document<Resource<InvoiceAttributes>>),
        (status = 404, description = "NOT_FOUND", body = Refused),
        DatabaseFailed,
    ),
)]
pub(super) async fn handle(
    State(monolith): State<Monolith>,
    PathId(id): PathId,
) -> Result<impl IntoResponse, ApiError> {
    let found = match parse_key(&id) {
        Some(key) => monolith.invoice(key).await.map_err(failure)?,
        None => None,
    };
    let invoice = found.ok_or_else(|| ApiError::invoice_not_found(&id))?;
    Ok(Document::one(documents::invoice(invoice)))
}
