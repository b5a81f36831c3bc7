//! GET /invoices/{id}

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
    let invoice = services.invoices.find(&id).await?;
    let invoice = invoice.ok_or_else(|| ApiError::invoice_not_found(&id))?;
    Ok(Document::one(resource(invoice)))
}
