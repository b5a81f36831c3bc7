//! Customers: made and shown.

mod create;
mod document;
mod postgres;
mod repository;
mod service;
mod show;
mod sqlite;

use std::sync::Arc;

use kit::database::Database;
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

/// The repository on whichever database it is.
pub(crate) fn repository(database: &Database) -> Arc<dyn CustomerRepository> {
    match database.clone() {
        Database::Sqlite(database) => Arc::new(sqlite::SqliteCustomers::new(database)),
        Database::Postgres(database) => Arc::new(postgres::PostgresCustomers::new(database)),
    }
}
