//! Customers: made and shown.

mod create;
mod document;
mod repository;
mod service;
mod show;
mod sqlite;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use kit::sqlite::Database;

pub(crate) use self::repository::{Customer, CustomerRepository};
pub(crate) use self::service::Customers;
use crate::Services;

pub(crate) fn router() -> Router<Services> {
    Router::new()
        .route("/customers", post(create::handle))
        .route("/customers/{id}", get(show::handle))
}

/// The repository on `SQLite`.
pub(crate) fn sqlite(database: Database) -> Arc<dyn CustomerRepository> {
    Arc::new(sqlite::SqliteCustomers::new(database))
}
