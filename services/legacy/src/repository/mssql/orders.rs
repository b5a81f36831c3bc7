//! Orders and their lines on SQL Server.

use std::collections::HashMap;

use async_trait::async_trait;
use kit::requests::{Activity, CreateItem, CreateOrder};
use serde_json::{Value, json};
use tiberius::Row;

use super::{
    MssqlRepository,
    call::Call,
    columns::{datetime, int, money, status, text_if_any},
    error::{Meaning, MssqlError},
    one,
};
use crate::{
    key::parse_key,
    model::Order,
    repository::{
        OrderRepository, RepositoryError, Result,
        spelling::{lower, padded},
    },
};

#[async_trait]
impl OrderRepository for MssqlRepository {
    async fn create_order(&self, new: &CreateOrder) -> Result<Order> {
        let customer_id = parse_key(&new.customer_id).and_then(|key| i32::try_from(key).ok());
        let customer_id = customer_id.ok_or(RepositoryError::UnknownCustomer)?;
        let call = Call::of("dbo.CreateOrder")
            .int("CustomerId", customer_id)
            .text("Status", &lower(new.status.name()))
            .money("Total", new.total)
            .money("Subtotal", new.subtotal)
            .money("Tax", new.tax)
            .money("Discount", new.discount)
            .text("Lines", &lines(&new.items))
            .given(new.notes.as_deref(), |call, notes| {
                call.text("Notes", notes)
            });
        let [orders, lines] = self.pool.results(&call).await.map_err(refused)?;
        let made = order(one(&call, &orders)?, &mut by_order(&lines)?)?;
        Ok(made)
    }

    async fn order(&self, id: i64) -> Result<Option<Order>> {
        let Ok(id) = i32::try_from(id) else {
            return Ok(None);
        };
        let call = Call::of("dbo.OrderById").int("Id", id);
        let [orders, lines] = self.pool.results(&call).await?;
        let mut lines = by_order(&lines)?;
        let found = orders.first().map(|row| order(row, &mut lines));
        Ok(found.transpose()?)
    }

    async fn orders_of(
        &self,
        customer_id: i64,
        activity: Option<Activity>,
    ) -> Result<Option<Vec<Order>>> {
        let Ok(customer_id) = i32::try_from(customer_id) else {
            return Ok(None);
        };
        let call = Call::of("dbo.CustomerOrders")
            .int("CustomerId", customer_id)
            .given(activity, |call, activity| {
                call.bit("IsActive", activity == Activity::Active)
            });
        let [customer, orders, lines] = self.pool.results(&call).await?;
        if customer.is_empty() {
            return Ok(None);
        }
        let mut lines = by_order(&lines)?;
        let orders = orders.iter().map(|row| order(row, &mut lines));
        Ok(Some(orders.collect::<std::result::Result<_, _>>()?))
    }
}

fn refused(error: MssqlError) -> RepositoryError {
    match error.meaning() {
        // The customer went between the procedure's look and its insertion.
        Meaning::Reference if error.names("FK_Orders_Customers") => {
            RepositoryError::UnknownCustomer
        }
        _ => error.refused(),
    }
}

/// The items as the procedure takes them. Prices are text, so that no float comes between.
fn lines(items: &[CreateItem]) -> String {
    let lines = items.iter().enumerate().map(|(line, item)| {
        json!({
            "line": line,
            "productId": padded(&item.product_id),
            "quantity": item.quantity,
            "price": item.price.to_string(),
        })
    });
    Value::Array(lines.collect()).to_string()
}

/// The ids of lines by the id of their order, each list in the order of the answer.
fn by_order(rows: &[Row]) -> std::result::Result<HashMap<i64, Vec<i64>>, MssqlError> {
    let mut lines: HashMap<i64, Vec<i64>> = HashMap::new();
    for row in rows {
        let of_order = lines.entry(int(row, "OrderId")?).or_default();
        of_order.push(int(row, "Id")?);
    }
    Ok(lines)
}

fn order(row: &Row, lines: &mut HashMap<i64, Vec<i64>>) -> std::result::Result<Order, MssqlError> {
    let id = int(row, "Id")?;
    Ok(Order {
        id,
        customer_id: int(row, "CustomerId")?,
        status: status(row, "Status")?,
        total: money(row, "Total")?,
        subtotal: money(row, "Subtotal")?,
        tax: money(row, "Tax")?,
        discount: money(row, "Discount")?,
        notes: text_if_any(row, "Notes")?,
        created_at: datetime(row, "CreatedAt")?,
        updated_at: datetime(row, "UpdatedAt")?,
        line_ids: lines.remove(&id).unwrap_or_default(),
    })
}
