//! GET /invoices

use axum::extract::State;
use axum::response::IntoResponse;
use kit::extract::Filters;
use kit::{ApiError, Document};

use super::Filter;
use super::document::resource;
use crate::Services;

pub(super) async fn handle(
    State(services): State<Services>,
    filters: Filters,
) -> Result<impl IntoResponse, ApiError> {
    let filter = Filter {
        customer_id: filters.first("customerId"),
        order_id: filters.first("orderId"),
        status: filters.first("status"),
    };
    let invoices = services.invoices.list(filter).await?;
    Ok(Document::list(invoices.into_iter().map(resource).collect()))
}
