//! The tables `orders` and `order_items` in `PostgreSQL`.

use async_trait::async_trait;
use kit::postgres::{Database, is_storable, parsed, sorted};
use kit::requests::Activity;
use kit::store::StoreError;
use sqlx::postgres::PgRow;
use sqlx::{Error, PgConnection, Row as _};

use super::{Item, Order, OrderRepository};

/// An order with the ids of its items. Longer ids are later ones among the numbers of migrated
/// rows, and fresh ids are all of one length.
macro_rules! select_orders {
    ($rest:literal) => {
        concat!(
            "SELECT *, ARRAY(SELECT items.id FROM order_items AS items
                             WHERE items.order_id = orders.id
                             ORDER BY length(items.id), items.id) AS item_ids
             FROM orders ",
            $rest
        )
    };
}

pub(super) struct PostgresOrders {
    database: Database,
}

impl PostgresOrders {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    async fn one(&self, sql: &'static str, id: &str) -> Result<Option<Order>, StoreError> {
        if !is_storable(id) {
            return Ok(None);
        }
        let found = self.database.read(|mut connection| async move {
            let row = sqlx::query(sql).bind(id).try_map(|row| order(&row));
            let found = row.fetch_optional(&mut *connection).await;
            (connection, found)
        });
        found.await.map_err(StoreError::database)
    }
}

#[async_trait]
impl OrderRepository for PostgresOrders {
    async fn find(&self, id: &str) -> Result<Option<Order>, StoreError> {
        let sql = select_orders!("WHERE id = $1 OR legacy_id = $1 ORDER BY id <> $1 LIMIT 1");
        self.one(sql, id).await
    }

    async fn find_alias(&self, alias: &str) -> Result<Option<Order>, StoreError> {
        self.one(select_orders!("WHERE legacy_id = $1"), alias)
            .await
    }

    async fn of_customer(
        &self,
        customer_id: &str,
        activity: Option<Activity>,
    ) -> Result<Vec<Order>, StoreError> {
        let sql = select_orders!(
            "WHERE customer_id = $1 AND ($2::boolean IS NULL
                 OR $2 = (status IN ('PENDING', 'CONFIRMED', 'PROCESSING', 'SHIPPED')))
             ORDER BY created_at DESC, length(id) DESC, id DESC"
        );
        let active = activity.map(|activity| activity == Activity::Active);
        let listed = self.database.read(|mut connection| async move {
            let query = sqlx::query(sql).bind(customer_id).bind(active);
            let found = query
                .try_map(|row| order(&row))
                .fetch_all(&mut *connection)
                .await;
            (connection, found)
        });
        listed.await.map_err(StoreError::database)
    }

    async fn insert(
        &self,
        order: &Order,
        items: &[Item],
        alias: Option<&str>,
    ) -> Result<(), StoreError> {
        let inserted = self.database.write(|mut connection| async move {
            let inserted = insert(&mut connection, order, items, alias).await;
            (connection, inserted)
        });
        inserted
            .await
            .map_err(|error| sorted(error, &[("orders_legacy_id", "orders.legacy_id")]))
    }
}

async fn insert(
    connection: &mut PgConnection,
    order: &Order,
    items: &[Item],
    alias: Option<&str>,
) -> Result<(), Error> {
    insert_order(connection, order, alias).await?;
    for item in items {
        insert_item(connection, &order.id, item).await?;
    }
    Ok(())
}

async fn insert_order(
    connection: &mut PgConnection,
    order: &Order,
    alias: Option<&str>,
) -> Result<(), Error> {
    let insert = sqlx::query(
        "INSERT INTO orders (id, legacy_id, customer_id, status, total, subtotal, tax, discount,
             notes, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    );
    let insert = insert
        .bind(&order.id)
        .bind(alias)
        .bind(&order.customer_id)
        .bind(order.status.name())
        .bind(order.total)
        .bind(order.subtotal)
        .bind(order.tax)
        .bind(order.discount)
        .bind(&order.notes)
        .bind(order.created_at)
        .bind(order.updated_at);
    insert.execute(connection).await.map(drop)
}

async fn insert_item(
    connection: &mut PgConnection,
    order_id: &str,
    item: &Item,
) -> Result<(), Error> {
    let insert = sqlx::query(
        "INSERT INTO order_items (id, order_id, product_id, quantity, price, total)
         VALUES ($1, $2, $3, $4, $5, $6)",
    );
    let insert = insert
        .bind(&item.id)
        .bind(order_id)
        .bind(&item.product_id)
        .bind(item.quantity)
        .bind(item.price)
        .bind(item.total);
    insert.execute(connection).await.map(drop)
}

fn order(row: &PgRow) -> Result<Order, Error> {
    Ok(Order {
        id: row.try_get("id")?,
        customer_id: row.try_get("customer_id")?,
        status: parsed(row, "status")?,
        total: row.try_get("total")?,
        subtotal: row.try_get("subtotal")?,
        tax: row.try_get("tax")?,
        discount: row.try_get("discount")?,
        notes: row.try_get("notes")?,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        item_ids: row.try_get("item_ids")?,
    })
}
