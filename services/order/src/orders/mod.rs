//! Orders: made, shown, and listed for a customer.

mod create;
mod document;
mod of_customer;
mod postgres;
mod repository;
mod service;
mod show;
mod sqlite;

use std::sync::Arc;

use kit::database::Database;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use self::repository::{Item, ItemIds, Order, OrderRepository};
pub(crate) use self::service::Orders;
use crate::Services;

pub(crate) fn router() -> OpenApiRouter<Services> {
    OpenApiRouter::new()
        .routes(routes!(create::handle))
        .routes(routes!(show::handle))
        .routes(routes!(of_customer::handle))
}

/// The repository on whichever database it is.
pub(crate) fn repository(database: &Database) -> Arc<dyn OrderRepository> {
    match database.clone() {
        Database::Sqlite(database) => Arc::new(sqlite::SqliteOrders::new(database)),
        Database::Postgres(database) => Arc::new(postgres::PostgresOrders::new(database)),
    }
}
