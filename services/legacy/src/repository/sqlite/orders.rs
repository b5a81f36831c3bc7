//! Orders and their lines on `SQLite`.

use async_trait::async_trait;
use kit::{
    requests::{Activity, CreateItem, CreateOrder},
    sqlite::parsed,
};
use sqlx::{Row, Sqlite, Transaction, sqlite::SqliteRow};

use super::{
    SqliteRepository,
    columns::{hundredths, ids, money, price, status},
};
use crate::{
    clock::DateTime,
    key::parse_key,
    model::Order,
    repository::{
        OrderRepository, RepositoryError, Result,
        spelling::{lower, padded},
    },
};

#[async_trait]
impl OrderRepository for SqliteRepository {
    async fn create_order(&self, new: &CreateOrder) -> Result<Order> {
        let customer_id = parse_key(&new.customer_id).ok_or(RepositoryError::UnknownCustomer)?;
        let mut write = self.database.write().await?;
        if !exists(&mut write, customer_id).await? {
            return Err(RepositoryError::UnknownCustomer);
        }
        let id = insert_order(&mut write, customer_id, new).await?;
        for item in &new.items {
            insert_line(&mut write, id, item).await?;
        }
        let row = sqlx::query("SELECT * FROM OrdersWithLines WHERE Id = ?")
            .bind(id)
            .fetch_one(&mut *write)
            .await?;
        let made = order(&row)?;
        write.commit().await?;
        Ok(made)
    }

    async fn order(&self, id: i64) -> Result<Option<Order>> {
        let row = sqlx::query("SELECT * FROM OrdersWithLines WHERE Id = ?")
            .bind(id)
            .fetch_optional(self.database.reader())
            .await?;
        Ok(row.as_ref().map(order).transpose()?)
    }

    async fn orders_of(
        &self,
        customer_id: i64,
        activity: Option<Activity>,
    ) -> Result<Option<Vec<Order>>> {
        // One transaction, so that the customer and the orders are of one moment.
        let mut read = self.database.reader().begin().await?;
        if !exists(&mut read, customer_id).await? {
            return Ok(None);
        }
        // Quirk `orders-by-id`: the contract says newest first.
        let rows = sqlx::query(
            "SELECT * FROM OrdersWithLines
             WHERE CustomerId = ?1 AND (?2 IS NULL OR IsActive = ?2)
             ORDER BY Id",
        )
        .bind(customer_id)
        .bind(activity.map(|activity| activity == Activity::Active))
        .fetch_all(&mut *read)
        .await?;
        Ok(Some(rows.iter().map(order).collect::<sqlx::Result<_>>()?))
    }
}

async fn exists(transaction: &mut Transaction<'_, Sqlite>, customer_id: i64) -> Result<bool> {
    let found = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM Customers WHERE Id = ?)")
        .bind(customer_id)
        .fetch_one(&mut **transaction)
        .await?;
    Ok(found)
}

async fn insert_order(
    write: &mut Transaction<'_, Sqlite>,
    customer_id: i64,
    new: &CreateOrder,
) -> Result<i64> {
    let row = sqlx::query(
        "INSERT INTO Orders (CustomerId, Status, IsActive, Total, Subtotal, Tax, Discount, Notes,
                             CreatedAt, UpdatedAt)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)",
    )
    .bind(customer_id)
    .bind(lower(new.status.name()))
    .bind(new.status.activity() == Activity::Active)
    .bind(hundredths(new.total)?)
    .bind(hundredths(new.subtotal)?)
    .bind(hundredths(new.tax)?)
    .bind(hundredths(new.discount)?)
    .bind(&new.notes)
    .bind(DateTime::now().stored())
    .execute(&mut **write)
    .await?;
    Ok(row.last_insert_rowid())
}

async fn insert_line(
    write: &mut Transaction<'_, Sqlite>,
    order_id: i64,
    item: &CreateItem,
) -> Result<()> {
    sqlx::query(
        "INSERT INTO OrderLines (OrderId, ProductId, Quantity, Price, Total)
         VALUES (?, ?, ?, ?, ?)",
    )
    .bind(order_id)
    .bind(padded(&item.product_id))
    .bind(item.quantity)
    .bind(price(item.price)?)
    .bind(hundredths(item.total())?)
    .execute(&mut **write)
    .await?;
    Ok(())
}

fn order(row: &SqliteRow) -> sqlx::Result<Order> {
    Ok(Order {
        id: row.try_get("Id")?,
        customer_id: row.try_get("CustomerId")?,
        status: status(row, "Status")?,
        total: money(row, "Total")?,
        subtotal: money(row, "Subtotal")?,
        tax: money(row, "Tax")?,
        discount: money(row, "Discount")?,
        notes: row.try_get("Notes")?,
        created_at: parsed(row, "CreatedAt")?,
        updated_at: parsed(row, "UpdatedAt")?,
        line_ids: ids(row, "LineIds")?,
    })
}
