//! GET /invoices

use axum::extract::State;
use axum::response::IntoResponse;
use kit::extract::Filters;
use kit::openapi::DatabaseFailed;
use kit::{ApiError, Document, Resource};

use super::document::{Attributes, resource};
use super::service::Wanted;
use crate::Services;

/// Lists invoices, newest first; of what nobody has, there are none.
#[utoipa::path(
    get, path = "/invoices", operation_id = "listInvoices", tag = "invoices",
    params(
        ("customerId" = Option<String>, Query, description = "Of either side"),
        ("orderId" = Option<String>, Query, description = "Of either side"),
        ("status" = Option<String>, Query, description = "Such as `DRAFT`"),
    ),
    responses(
        (status = 200, description = "The invoices", body = Document<Vec<Resource<Attributes>>>),
        DatabaseFailed,
    ),
)]
pub(super) async fn handle(
    State(services): State<Services>,
    filters: Filters,
) -> Result<impl IntoResponse, ApiError> {
    let wanted = Wanted {
        customer_id: filters.first("customerId"),
        order_id: filters.first("orderId"),
        status: filters.first("status"),
    };
    let invoices = services.invoices.list(wanted).await?;
    Ok(Document::list(invoices.into_iter().map(resource).collect()))
}
