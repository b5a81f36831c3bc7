//! What the orders' rules need of a database.

use async_trait::async_trait;
use kit::Money;
use kit::requests::{Activity, OrderStatus};
use kit::store::StoreError;
use kit::time::Millis;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

/// An order with the ids of its items. Longer ids are later ones among the numbers of migrated
/// rows, and fresh ids are all of one length.
macro_rules! select_orders {
    ($rest:literal) => {
        concat!(
            "SELECT *, (SELECT string_agg(items.id, ',' ORDER BY length(items.id), items.id)
                        FROM order_items AS items WHERE items.order_id = orders.id) AS item_ids
             FROM orders ",
            $rest
        )
    };
}

/// What both databases are asked; `SQLite` takes numbered parameters in this spelling, too.
pub(super) const FIND: &str =
    select_orders!("WHERE id = $1 OR legacy_id = $1 ORDER BY id <> $1 LIMIT 1");
pub(super) const FIND_ALIAS: &str = select_orders!("WHERE legacy_id = $1");
pub(super) const OF_CUSTOMER: &str = select_orders!(
    "WHERE customer_id = $1 AND (CAST($2 AS boolean) IS NULL
         OR $2 = (status IN ('PENDING', 'CONFIRMED', 'PROCESSING', 'SHIPPED')))
     ORDER BY created_at DESC, length(id) DESC, id DESC"
);
pub(super) const INSERT_ORDER: &str = "INSERT INTO orders (id, legacy_id, customer_id, status,
         total, subtotal, tax, discount, notes, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
pub(super) const INSERT_ITEM: &str = "INSERT INTO order_items (id, order_id, product_id, quantity,
         price, total)
     VALUES ($1, $2, $3, $4, $5, $6)";

/// A row of `orders` with the ids of its items, in their order.
#[derive(Debug, Clone, Serialize, Deserialize, FromRow)]
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
    #[sqlx(try_from = "Option<String>")]
    pub(crate) item_ids: ItemIds,
}

/// Ids of items; the queries list them with commas, and none as NULL.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct ItemIds(pub(crate) Vec<String>);

impl From<Option<String>> for ItemIds {
    fn from(listed: Option<String>) -> Self {
        let ids = listed.iter().flat_map(|ids| ids.split(','));
        Self(ids.map(str::to_owned).collect())
    }
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
