//! Orders and customers of the sample system, modern side.
//!
//! Three layers: handlers turn requests into calls and rows into documents, services hold the
//! rules, repositories hold the SQL. Nothing here knows of the proxy but the id that a mirrored
//! write brings along.

mod customers;
mod orders;

use axum::Router;
use kit::ApiError;
use kit::sqlite::{Database, OpenError};

use crate::customers::Customers;
use crate::orders::Orders;

/// What the handlers share.
#[derive(Clone)]
pub struct Services {
    customers: Customers,
    orders: Orders,
    database: Database,
}

/// Opens the modern database, such as `sqlite:modern.db`, and brings its schema up to date.
pub async fn connect(database_url: &str) -> Result<Services, OpenError> {
    let migrations = sqlx::migrate!("../../migrations/modern/sqlite");
    let database = Database::open(database_url, &migrations).await?;
    let customers = Customers::new(customers::sqlite(database.clone()));
    let orders = Orders::new(orders::sqlite(database.clone()), customers.clone());
    Ok(Services {
        customers,
        orders,
        database,
    })
}

impl Services {
    /// Closes the database once the service has stopped.
    pub async fn close(&self) {
        self.database.close().await;
    }
}

/// The whole service, ready to be served.
pub fn router(services: Services) -> Router {
    let database = services.database.clone();
    let ready = move || ready(database.clone());
    let routes = customers::router()
        .merge(orders::router())
        .with_state(services);
    kit::app::complete("order-service", routes, ready)
}

async fn ready(database: Database) -> Result<(), ApiError> {
    database
        .ping()
        .await
        .map_err(|error| ApiError::unavailable("database", error))
}
