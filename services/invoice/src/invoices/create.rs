//! POST /invoices

use axum::extract::State;
use axum::response::IntoResponse;
use http::StatusCode;
use kit::extract::{Body, PrimaryId};
use kit::requests::CreateInvoice;
use kit::{ApiError, Document};

use super::document::resource;
use crate::Services;

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
