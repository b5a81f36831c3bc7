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
use kit::database::{Database, OpenError, Settings};

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

/// Opens the modern database, such as `sqlite:modern.db` or
/// `postgres://modern@localhost:5433/modern`, and brings its schema up to date; what
/// is read is cached in memory.
pub async fn connect(database_url: &str) -> Result<Services, OpenError> {
    connect_cached(database_url, Cache::in_memory()).await
}

/// The same with another cache, and the database by its settings or its URL.
pub async fn connect_cached(
    database: impl Into<Settings>,
    cache: Cache,
) -> Result<Services, OpenError> {
    let sqlite = sqlx::migrate!("../../migrations/modern/sqlite");
    let postgres = sqlx::migrate!("../../migrations/modern/postgres");
    let database = Database::open(&database.into(), &sqlite, &postgres).await?;
    let customers = Customers::new(customers::repository(&database), cache.clone());
    let orders = Orders::new(
        orders::repository(&database),
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
