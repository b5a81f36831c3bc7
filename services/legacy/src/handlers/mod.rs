//! The monolith's endpoints; one handler a file.

mod create_customer;
mod create_invoice;
mod create_order;
mod list_customer_orders;
mod list_invoices;
mod read_customer;
mod read_invoice;
mod read_order;

use axum::Router;
use kit::{ApiError, app::App};
use utoipa_axum::{router::OpenApiRouter, routes};

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
    let routes = OpenApiRouter::new()
        .routes(routes!(create_customer::handle))
        .routes(routes!(read_customer::handle))
        .routes(routes!(list_customer_orders::handle))
        .routes(routes!(create_order::handle))
        .routes(routes!(read_order::handle))
        .routes(routes!(list_invoices::handle, create_invoice::handle))
        .routes(routes!(read_invoice::handle))
        .with_state(monolith);
    App::new(SERVICE, routes).complete(ready)
}

/// A failure that the handler has no words of its own for.
fn failure(error: RepositoryError) -> ApiError {
    ApiError::database(error)
}
