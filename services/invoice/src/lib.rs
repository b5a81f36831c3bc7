//! Invoices of the sample system, modern side.
//!
//! The same three layers as the order service, whose database it shares. An order's facts come
//! from that service over HTTP all the same: what an order is, it alone says.

mod invoices;
mod order_client;

use axum::Router;
use kit::ApiError;
use kit::app::App;
use kit::cache::Cache;
use kit::database::{Database, OpenError, Settings};

use crate::invoices::Invoices;
pub use crate::order_client::{OrderClient, UrlError};

/// What the handlers share.
#[derive(Clone)]
pub struct Services {
    invoices: Invoices,
    orders: OrderClient,
    cache: Cache,
    database: Database,
}

/// Opens the modern database, such as `sqlite:modern.db` or
/// `postgres://modern@localhost:5433/modern`, and brings its schema up to date; what
/// is read is cached in memory.
pub async fn connect(database_url: &str, orders: OrderClient) -> Result<Services, OpenError> {
    connect_cached(database_url, orders, Cache::in_memory()).await
}

/// The same with another cache, and the database by its settings or its URL.
pub async fn connect_cached(
    database: impl Into<Settings>,
    orders: OrderClient,
    cache: Cache,
) -> Result<Services, OpenError> {
    let sqlite = sqlx::migrate!("../../migrations/modern/sqlite");
    let postgres = sqlx::migrate!("../../migrations/modern/postgres");
    let database = Database::open(&database.into(), &sqlite, &postgres).await?;
    let repository = invoices::repository(&database);
    let invoices = Invoices::new(repository, orders.clone(), cache.clone());
    Ok(Services {
        invoices,
        orders,
        cache,
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
    let (database, orders) = (services.database.clone(), services.orders.clone());
    let cache = services.cache.clone();
    let ready = move || ready(database.clone(), orders.clone());
    let routes = invoices::router().with_state(services);
    App::new("invoice-service", routes)
        .cached(&cache)
        .complete(ready)
}

async fn ready(database: Database, orders: OrderClient) -> Result<(), ApiError> {
    database
        .ping()
        .await
        .map_err(|error| ApiError::unavailable("database", error))?;
    orders
        .ping()
        .await
        .map_err(|error| ApiError::unavailable("order-service", error))
}
