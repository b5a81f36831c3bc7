//! Orders and customers of the sample system, modern side.
//!
//! Three layers: handlers turn requests into calls and rows into documents, services hold the
//! rules, repositories hold the SQL. Nothing here knows of the proxy but the id that a mirrored
//! write brings along.

mod customers;
mod orders;

use axum::Router;
use kit::ApiError;
use kit::app::App;
use kit::cache::Cache;
use kit::sqlite::{Database, OpenError};

use crate::customers::Customers;
use crate::orders::Orders;

/// What the handlers share.
#[derive(Clone)]
pub struct Services {
    customers: Customers,
    orders: Orders,
    cache: Cache,
    database: Database,
}

/// Opens the modern database, such as `sqlite:modern.db`, and brings its schema up to date; what
/// is read is cached in memory.
pub async fn connect(database_url: &str) -> Result<Services, OpenError> {
    connect_cached(database_url, Cache::in_memory()).await
}

/// The same with another cache.
pub async fn connect_cached(database_url: &str, cache: Cache) -> Result<Services, OpenError> {
    let migrations = sqlx::migrate!("../../migrations/modern/sqlite");
    let database = Database::open(database_url, &migrations).await?;
    let customers = Customers::new(customers::sqlite(database.clone()), cache.clone());
    let orders = Orders::new(
        orders::sqlite(database.clone()),
        customers.clone(),
        cache.clone(),
    );
    Ok(Services {
        customers,
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
    let (database, cache) = (services.database.clone(), services.cache.clone());
    let ready = move || ready(database.clone());
    let routes = customers::router()
        .merge(orders::router())
        .with_state(services);
    App::new("order-service", routes)
        .cached(&cache)
        .complete(ready)
}

async fn ready(database: Database) -> Result<(), ApiError> {
    database
        .ping()
        .await
        .map_err(|error| ApiError::unavailable("database", error))
}
