//! What the orders' rules need of a database.

use async_trait::async_trait;
use kit::Money;
use kit::requests::{Activity, OrderStatus};
use kit::store::StoreError;
use kit::time::Millis;
use serde::{Deserialize, Serialize};

/// A row of `orders` with the ids of its items, in their order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) customer_id: String,
    pub(crate) status: OrderStatus,
    pub(crate) total: Money,
    pub(crate) subtotal: Money,
    pub(crate) tax: Money,
    pub(crate) discount: Money,
    pub(crate) notes: Option<String>,
    pub(crate) created_at: Millis,
    pub(crate) updated_at: Millis,
    pub(crate) item_ids: Vec<String>,
}

/// A row of `order_items`, for the order that it is stored with.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) product_id: String,
    pub(crate) quantity: i32,
    pub(crate) price: Money,
    pub(crate) total: Money,
}

/// The tables `orders` and `order_items`.
#[async_trait]
pub(crate) trait OrderRepository: Send + Sync {
    /// The order with this id, or with this alias when no id is equal.
    async fn find(&self, id: &str) -> Result<Option<Order>, StoreError>;

    /// The order with this alias.
    async fn find_alias(&self, alias: &str) -> Result<Option<Order>, StoreError>;

    /// The orders of the customer with this own id, newest first.
    async fn of_customer(
        &self,
        customer_id: &str,
        activity: Option<Activity>,
    ) -> Result<Vec<Order>, StoreError>;

    /// Stores an order and its items, all or nothing. [`StoreError::Taken`] names
    /// `orders.legacy_id`; an amount that the column does not take is a database failure.
    async fn insert(
        &self,
        order: &Order,
        items: &[Item],
        alias: Option<&str>,
    ) -> Result<(), StoreError>;
}
