//! What the customers' rules need of a database.

use async_trait::async_trait;
use kit::store::StoreError;
use kit::time::Millis;
use serde::{Deserialize, Serialize};

/// A row of `customers`. Its alias is no part of it: outside a lookup nobody needs it.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
