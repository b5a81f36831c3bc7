//! Invoices: made, shown and listed.

mod create;
mod document;
mod list;
mod repository;
mod service;
mod show;
mod sqlite;

use axum::Router;
use axum::routing::get;

pub(crate) use self::repository::{Filter, Invoice, InvoiceRepository, NewInvoice};
pub(crate) use self::service::Invoices;
pub(crate) use self::sqlite::SqliteInvoices;
use crate::Services;

pub(crate) fn router() -> Router<Services> {
    Router::new()
        .route("/invoices", get(list::handle).post(create::handle))
        .route("/invoices/{id}", get(show::handle))
}
