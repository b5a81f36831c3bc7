//! The tables `orders` and `order_items` in `SQLite`.

use async_trait::async_trait;
use kit::requests::Activity;
use kit::sqlite::{Database, parsed, sorted};
use kit::store::StoreError;
use sqlx::sqlite::SqliteRow;
use sqlx::{Error, Row as _, Sqlite, Transaction};

use super::{Item, Order, OrderRepository};

/// An order with the ids of its items. Longer ids are later ones among the numbers of migrated
/// rows, and fresh ids are all of one length.
macro_rules! select_orders {
    ($rest:literal) => {
        concat!(
            "SELECT *, (SELECT group_concat(items.id, ',' ORDER BY length(items.id), items.id)
                        FROM order_items AS items WHERE items.order_id = orders.id) AS item_ids
             FROM orders ",
            $rest
        )
    };
}

pub(super) struct SqliteOrders {
    database: Database,
}

impl SqliteOrders {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }
}

#[async_trait]
impl OrderRepository for SqliteOrders {
    async fn find(&self, id: &str) -> Result<Option<Order>, StoreError> {
        let query = sqlx::query(select_orders!(
            "WHERE id = ?1 OR legacy_id = ?1 ORDER BY id <> ?1 LIMIT 1"
        ));
        let row = query.bind(id).try_map(|row| order(&row));
        row.fetch_optional(self.database.reader())
            .await
            .map_err(StoreError::database)
    }

    async fn find_alias(&self, alias: &str) -> Result<Option<Order>, StoreError> {
        let query = sqlx::query(select_orders!("WHERE legacy_id = ?1"));
        let row = query.bind(alias).try_map(|row| order(&row));
        row.fetch_optional(self.database.reader())
            .await
            .map_err(StoreError::database)
    }

    async fn of_customer(
        &self,
        customer_id: &str,
        activity: Option<Activity>,
    ) -> Result<Vec<Order>, StoreError> {
        let query = sqlx::query(select_orders!(
            "WHERE customer_id = ?1 AND (?2 IS NULL
                 OR ?2 = (status IN ('PENDING', 'CONFIRMED', 'PROCESSING', 'SHIPPED')))
             ORDER BY created_at DESC, length(id) DESC, id DESC"
        ));
        let active = activity.map(|activity| activity == Activity::Active);
        let rows = query
            .bind(customer_id)
            .bind(active)
            .try_map(|row| order(&row));
        rows.fetch_all(self.database.reader())
            .await
            .map_err(StoreError::database)
    }

    async fn insert(
        &self,
        order: &Order,
        items: &[Item],
        alias: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut write = self.database.write().await?;
        insert_order(&mut write, order, alias).await?;
        for item in items {
            insert_item(&mut write, &order.id, item).await?;
        }
        write.commit().await.map_err(StoreError::database)
    }
}

async fn insert_order(
    write: &mut Transaction<'_, Sqlite>,
    order: &Order,
    alias: Option<&str>,
) -> Result<(), StoreError> {
    let insert = sqlx::query(
        "INSERT INTO orders (id, legacy_id, customer_id, status, total, subtotal, tax, discount,
             notes, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    );
    insert
        .bind(&order.id)
        .bind(alias)
        .bind(&order.customer_id)
        .bind(order.status.name())
        .bind(order.total.to_string())
        .bind(order.subtotal.to_string())
        .bind(order.tax.to_string())
        .bind(order.discount.to_string())
        .bind(&order.notes)
        .bind(order.created_at.to_string())
        .bind(order.updated_at.to_string())
        .execute(&mut **write)
        .await
        .map(drop)
        .map_err(|error| sorted(error, &["orders.legacy_id"]))
}

async fn insert_item(
    write: &mut Transaction<'_, Sqlite>,
    order_id: &str,
    item: &Item,
) -> Result<(), StoreError> {
    let insert = sqlx::query(
        "INSERT INTO order_items (id, order_id, product_id, quantity, price, total)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    );
    insert
        .bind(&item.id)
        .bind(order_id)
        .bind(&item.product_id)
        .bind(item.quantity)
        .bind(item.price.to_string())
        .bind(item.total.to_string())
        .execute(&mut **write)
        .await
        .map(drop)
        .map_err(StoreError::database)
}

fn order(row: &SqliteRow) -> Result<Order, Error> {
    let item_ids: Option<&str> = row.try_get("item_ids")?;
    Ok(Order {
        id: row.try_get("id")?,
        customer_id: row.try_get("customer_id")?,
        status: parsed(row, "status")?,
        total: parsed(row, "total")?,
        subtotal: parsed(row, "subtotal")?,
        tax: parsed(row, "tax")?,
        discount: parsed(row, "discount")?,
        notes: row.try_get("notes")?,
        created_at: parsed(row, "created_at")?,
        updated_at: parsed(row, "updated_at")?,
        item_ids: item_ids
            .map(|ids| ids.split(',').map(str::to_owned).collect())
            .unwrap_or_default(),
    })
}
