//! Invoices: made, shown and listed.

mod create;
mod document;
mod list;
mod repository;
mod service;
mod show;
mod sqlite;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::repository::{Filter, Invoice, InvoiceRepository, NewInvoice};
pub(crate) use self::service::Invoices;
pub(crate) use self::sqlite::SqliteInvoices;
use crate::Services;

pub(crate) fn router() -> OpenApiRouter<Services> {
    OpenApiRouter::new()
        .routes(routes!(list::handle, create::handle))
        .routes(routes!(show::handle))
}
