//! Hands the seed's rows to the procedure that fills an empty database, as one JSON array a table.
//!
//! Amounts and times go as text: JSON's numbers would pass through a float, and the procedure
//! declares every column's type.

use serde_json::{Value, json};

use super::{call::Call, columns::int, one, pool::Pool};
use crate::{
    model::{Customer, Invoice, Order},
    repository::{
        Result,
        spelling::{lower, padded},
    },
    seed::{OrderLine, Seed},
};

/// Whether the database was empty, and has the rows now.
pub(super) async fn fill(pool: &Pool, seed: &Seed) -> Result<bool> {
    let call = Call::of("dbo.SeedWhenEmpty")
        .text("Customers", &array(&seed.customers, customer))
        .text("Orders", &array(&seed.orders, order))
        .text("Lines", &array(&seed.lines, line))
        .text("Invoices", &array(&seed.invoices, invoice));
    let [rows] = pool.results(&call).await?;
    Ok(int(one(&call, &rows)?, "Seeded")? == 1)
}

fn array<T>(rows: &[T], object: impl Fn(&T) -> Value) -> String {
    Value::Array(rows.iter().map(object).collect()).to_string()
}

fn customer(row: &Customer) -> Value {
    json!({
        "id": row.id,
        "email": row.email,
        "firstName": row.first_name,
        "lastName": row.last_name,
        "phone": row.phone,
        "address": row.address,
        "city": row.city,
        "state": row.state,
        "zipCode": row.zip_code,
        "country": row.country,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
    })
}

fn order(row: &Order) -> Value {
    json!({
        "id": row.id,
        "customerId": row.customer_id,
        "status": lower(row.status.name()),
        "total": row.total.to_string(),
        "subtotal": row.subtotal.to_string(),
        "tax": row.tax.to_string(),
        "discount": row.discount.to_string(),
        "notes": row.notes,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
    })
}

fn line(row: &OrderLine) -> Value {
    json!({
        "id": row.id,
        "orderId": row.order_id,
        "productId": padded(&row.product_id),
        "quantity": row.quantity,
        "price": row.price.to_string(),
        "total": row.total.to_string(),
    })
}

fn invoice(row: &Invoice) -> Value {
    json!({
        "id": row.id,
        "orderId": row.order_id,
        "customerId": row.customer_id,
        "number": row.number,
        "status": lower(row.status.name()),
        "subtotal": row.subtotal.to_string(),
        "tax": row.tax.to_string(),
        "discount": row.discount.to_string(),
        "total": row.total.to_string(),
        "dueDate": row.due_date.map(|date| date.to_string()),
        "paidAt": row.paid_at,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
    })
}
