//! Orders: made, shown, and listed for a customer.

mod create;
mod document;
mod of_customer;
mod repository;
mod service;
mod show;
mod sqlite;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use kit::sqlite::Database;

pub(crate) use self::repository::{Item, Order, OrderRepository};
pub(crate) use self::service::Orders;
use crate::Services;

pub(crate) fn router() -> Router<Services> {
    Router::new()
        .route("/orders", post(create::handle))
        .route("/orders/{id}", get(show::handle))
        .route("/customers/{id}/orders", get(of_customer::handle))
}

/// The repository on `SQLite`.
pub(crate) fn sqlite(database: Database) -> Arc<dyn OrderRepository> {
    Arc::new(sqlite::SqliteOrders::new(database))
}
