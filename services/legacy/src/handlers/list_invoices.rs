//! GET /invoices

use axum::{extract::State, response::IntoResponse};
use kit::{ApiError, Document, Resource, extract::Filters, openapi::DatabaseFailed};

use super::failure;
use crate::{
    Monolith,
    documents::{self, InvoiceAttributes},
    key::parse_key,
    repository::InvoiceFilter,
};

/// Lists invoices, newest first; of what nobody has, there are none.
#[utoipa::path(
    get, path = "/invoices", operation_id = "listInvoices", tag = "invoices",
    params(
        ("customerId" = Option<String>, Query, description = "Only a number names a customer"),
        ("orderId" = Option<String>, Query, description = "Only a number names an order"),
        ("status" = Option<String>, Query, description = "Such as `DRAFT`"),
    ),
    responses(
        (status = 200, description = "The invoices",
         body = Document<Vec<Resource<InvoiceAttributes>>>),
        DatabaseFailed,
    ),
)]
pub(super) async fn handle(
    State(monolith): State<Monolith>,
    filters: Filters,
) -> Result<impl IntoResponse, ApiError> {
    let invoices = match filter_of(&filters) {
        Some(filter) => monolith.invoices(filter).await.map_err(failure)?,
        None => Vec::new(),
    };
    Ok(Document::list(
        invoices.into_iter().map(documents::invoice).collect(),
    ))
}

/// The filter that the query asks for; `None` when one of its values can match nothing.
fn filter_of(filters: &Filters) -> Option<InvoiceFilter> {
    let key = |name| match filters.first(name) {
        Some(text) => parse_key(text).map(Some),
        None => Some(None),
    };
    let status = filters.first("status").map(str::parse).transpose().ok()?;
    Some(InvoiceFilter {
        customer_id: key("customerId")?,
        order_id: key("orderId")?,
        status,
    })
}
