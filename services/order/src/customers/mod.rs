//! Customers: made and shown.

mod create;
mod document;
mod repository;
mod service;
mod show;
mod sqlite;

use std::sync::Arc;

use kit::sqlite::Database;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::repository::{Customer, CustomerRepository};
pub(crate) use self::service::Customers;
use crate::Services;

pub(crate) fn router() -> OpenApiRouter<Services> {
    OpenApiRouter::new()
        .routes(routes!(create::handle))
        .routes(routes!(show::handle))
}

/// The repository on `SQLite`.
pub(crate) fn sqlite(database: Database) -> Arc<dyn CustomerRepository> {
    Arc::new(sqlite::SqliteCustomers::new(database))
}
