//! What the customers' rules need of a database.

use async_trait::async_trait;
use kit::store::StoreError;
use kit::time::Millis;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

/// What both databases are asked; `SQLite` takes numbered parameters in this spelling, too.
pub(super) const FIND: &str =
    "SELECT * FROM customers WHERE id = $1 OR legacy_id = $1 ORDER BY id <> $1 LIMIT 1";
pub(super) const FIND_ALIAS: &str = "SELECT * FROM customers WHERE legacy_id = $1";
pub(super) const INSERT: &str = "INSERT INTO customers (id, legacy_id, email, first_name,
         last_name, phone, address, city, state, zip_code, country, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

/// A row of `customers`. Its alias is no part of it: outside a lookup nobody needs it.
#[derive(Debug, Clone, Serialize, Deserialize, FromRow)]
pub(crate) struct Customer {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) phone: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) city: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) zip_code: Option<String>,
    pub(crate) country: Option<String>,
    pub(crate) created_at: Millis,
    pub(crate) updated_at: Millis,
}

/// The table `customers`.
#[async_trait]
pub(crate) trait CustomerRepository: Send + Sync {
    /// The customer with this id, or with this alias when no id is equal.
    async fn find(&self, id: &str) -> Result<Option<Customer>, StoreError>;

    /// The customer with this alias.
    async fn find_alias(&self, alias: &str) -> Result<Option<Customer>, StoreError>;

    /// Stores a customer. [`StoreError::Taken`] names `customers.email` or `customers.legacy_id`.
    async fn insert(&self, customer: &Customer, alias: Option<&str>) -> Result<(), StoreError>;
}
