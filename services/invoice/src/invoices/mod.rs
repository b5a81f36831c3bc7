//! Invoices: made, shown and listed.

mod create;
mod document;
mod list;
mod postgres;
mod repository;
mod service;
mod show;
mod sqlite;

use std::sync::Arc;

use kit::database::Database;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::repository::{Filter, Invoice, InvoiceRepository, NewInvoice};
pub(crate) use self::service::Invoices;
use crate::Services;

pub(crate) fn router() -> OpenApiRouter<Services> {
    OpenApiRouter::new()
        .routes(routes!(list::handle, create::handle))
        .routes(routes!(show::handle))
}

/// The repository on whichever database it is.
pub(crate) fn repository(database: &Database) -> Arc<dyn InvoiceRepository> {
    match database.clone() {
        Database::Sqlite(database) => Arc::new(sqlite::SqliteInvoices::new(database)),
        Database::Postgres(database) => Arc::new(postgres::PostgresInvoices::new(database)),
    }
}
