//! The monolith's endpoints; one handler a file.

mod create_customer;
mod create_invoice;
mod create_order;
mod list_customer_orders;
mod list_invoices;
mod read_customer;
mod read_invoice;
mod read_order;

use axum::{
    Router,
    routing::{get, post},
};
use kit::ApiError;

use crate::{Monolith, repository::RepositoryError};

/// The name under which the monolith reports its health.
const SERVICE: &str = "legacy-monolith";

/// Every endpoint of the contract that the monolith has, on one database.
pub fn router(monolith: Monolith) -> Router {
    let probed = monolith.clone();
    let ready = move || {
        let monolith = probed.clone();
        async move {
            monolith
                .ping()
                .await
                .map_err(|error| ApiError::unavailable("database", error))
        }
    };
    let routes = Router::new()
        .route("/customers", post(create_customer::handle))
        .route("/customers/{id}", get(read_customer::handle))
        .route("/customers/{id}/orders", get(list_customer_orders::handle))
        .route("/orders", post(create_order::handle))
        .route("/orders/{id}", get(read_order::handle))
        .route(
            "/invoices",
            get(list_invoices::handle).post(create_invoice::handle),
        )
        .route("/invoices/{id}", get(read_invoice::handle))
        .with_state(monolith);
    kit::app::complete(SERVICE, routes, ready)
}

/// A failure that the handler has no words of its own for.
fn failure(error: RepositoryError) -> ApiError {
    ApiError::database(error)
}
