//! Writes the seed's rows, keys included, into an empty database.

use kit::{
    requests::{Activity, InvoiceStatus},
    sqlite::Database,
};
use sqlx::{Sqlite, Transaction};

use super::columns::hundredths;
use crate::{
    clock::DateTime,
    model::{Customer, Invoice, Order},
    repository::{
        Result,
        spelling::{lower, padded},
    },
    seed::{OrderLine, Seed},
};

type Write<'a> = Transaction<'a, Sqlite>;

/// One transaction, so that two processes that start together seed once.
pub(super) async fn fill(database: &Database, seed: &Seed) -> Result<bool> {
    let mut write = database.write().await?;
    let filled: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM Customers)")
        .fetch_one(&mut *write)
        .await?;
    if filled {
        return Ok(false);
    }
    for customer in &seed.customers {
        insert_customer(&mut write, customer).await?;
    }
    for order in &seed.orders {
        insert_order(&mut write, order).await?;
    }
    for line in &seed.lines {
        insert_line(&mut write, line).await?;
    }
    for invoice in &seed.invoices {
        insert_invoice(&mut write, invoice).await?;
    }
    write.commit().await?;
    Ok(true)
}

async fn insert_customer(write: &mut Write<'_>, row: &Customer) -> Result<()> {
    sqlx::query(
        "INSERT INTO Customers (Id, Email, FirstName, LastName, Phone, Address, City, State,
                                ZipCode, Country, CreatedAt, UpdatedAt)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.id)
    .bind(&row.email)
    .bind(&row.first_name)
    .bind(&row.last_name)
    .bind(&row.phone)
    .bind(&row.address)
    .bind(&row.city)
    .bind(&row.state)
    .bind(&row.zip_code)
    .bind(&row.country)
    .bind(row.created_at.stored())
    .bind(row.updated_at.stored())
    .execute(&mut **write)
    .await?;
    Ok(())
}

async fn insert_order(write: &mut Write<'_>, row: &Order) -> Result<()> {
    sqlx::query(
        "INSERT INTO Orders (Id, CustomerId, Status, IsActive, Total, Subtotal, Tax, Discount,
                             Notes, CreatedAt, UpdatedAt)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.id)
    .bind(row.customer_id)
    .bind(lower(row.status.name()))
    .bind(row.status.activity() == Activity::Active)
    .bind(hundredths(row.total)?)
    .bind(hundredths(row.subtotal)?)
    .bind(hundredths(row.tax)?)
    .bind(hundredths(row.discount)?)
    .bind(&row.notes)
    .bind(row.created_at.stored())
    .bind(row.updated_at.stored())
    .execute(&mut **write)
    .await?;
    Ok(())
}

async fn insert_line(write: &mut Write<'_>, row: &OrderLine) -> Result<()> {
    sqlx::query(
        "INSERT INTO OrderLines (Id, OrderId, ProductId, Quantity, Price, Total)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(row.id)
    .bind(row.order_id)
    .bind(padded(&row.product_id))
    .bind(row.quantity)
    .bind(hundredths(row.price)?)
    .bind(hundredths(row.total)?)
    .execute(&mut **write)
    .await?;
    Ok(())
}

async fn insert_invoice(write: &mut Write<'_>, row: &Invoice) -> Result<()> {
    sqlx::query(
        "INSERT INTO Invoices (Id, OrderId, CustomerId, Number, Status, IsPaid, Subtotal, Tax,
                               Discount, Total, DueDate, PaidAt, CreatedAt, UpdatedAt)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(row.id)
    .bind(row.order_id)
    .bind(row.customer_id)
    .bind(&row.number)
    .bind(lower(row.status.name()))
    .bind(row.status == InvoiceStatus::Paid)
    .bind(hundredths(row.subtotal)?)
    .bind(hundredths(row.tax)?)
    .bind(hundredths(row.discount)?)
    .bind(hundredths(row.total)?)
    .bind(row.due_date.map(|date| date.to_string()))
    .bind(row.paid_at.map(DateTime::stored))
    .bind(row.created_at.stored())
    .bind(row.updated_at.stored())
    .execute(&mut **write)
    .await?;
    Ok(())
}
