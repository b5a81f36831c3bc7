//! Invoices on `SQLite`: the procedure that draws one up, and the queries.

use async_trait::async_trait;
use jiff::civil::Date;
use kit::{
    Money,
    requests::CreateInvoice,
    sqlite::{parsed, parsed_if_any},
};
use sqlx::{Row, Sqlite, Transaction, sqlite::SqliteRow};

use super::{
    SqliteRepository,
    columns::{hundredths, money, status},
    refused,
};
use crate::{
    clock::DateTime,
    key::parse_key,
    model::Invoice,
    repository::{InvoiceFilter, InvoiceRepository, RepositoryError, Result, spelling::lower},
};

/// What the invoice takes over from its order.
struct Billed {
    order_id: i64,
    customer_id: i64,
    subtotal: Money,
}

#[async_trait]
impl InvoiceRepository for SqliteRepository {
    async fn create_invoice(&self, new: &CreateInvoice) -> Result<Invoice> {
        let order_id = parse_key(&new.order_id).ok_or(RepositoryError::UnknownOrder)?;
        let mut write = self.database.write().await?;
        // Taken under the write lock, so that times are in the order of numbers.
        let now = DateTime::now();
        let billed = billed(&mut write, order_id).await?;
        if new.discount_amount > billed.subtotal {
            return Err(RepositoryError::DiscountAboveSubtotal);
        }
        let number = next_number(&mut write, now.date()).await?;
        let made = insert(&mut write, &billed, new, &number, now).await?;
        write.commit().await?;
        Ok(made)
    }

    async fn invoice(&self, id: i64) -> Result<Option<Invoice>> {
        let row = sqlx::query("SELECT * FROM Invoices WHERE Id = ?")
            .bind(id)
            .fetch_optional(self.database.reader())
            .await?;
        Ok(row.as_ref().map(invoice).transpose()?)
    }

    async fn invoices(&self, filter: InvoiceFilter) -> Result<Vec<Invoice>> {
        let rows = sqlx::query(
            "SELECT * FROM Invoices
             WHERE (?1 IS NULL OR CustomerId = ?1)
               AND (?2 IS NULL OR OrderId = ?2)
               AND (?3 IS NULL OR Status = ?3)
             ORDER BY CreatedAt DESC, Id DESC",
        )
        .bind(filter.customer_id)
        .bind(filter.order_id)
        .bind(filter.status.map(|status| lower(status.name())))
        .fetch_all(self.database.reader())
        .await?;
        Ok(rows.iter().map(invoice).collect::<sqlx::Result<_>>()?)
    }
}

async fn billed(write: &mut Transaction<'_, Sqlite>, order_id: i64) -> Result<Billed> {
    let row = sqlx::query("SELECT CustomerId, Subtotal FROM Orders WHERE Id = ?")
        .bind(order_id)
        .fetch_optional(&mut **write)
        .await?
        .ok_or(RepositoryError::UnknownOrder)?;
    Ok(Billed {
        order_id,
        customer_id: row.try_get("CustomerId")?,
        subtotal: money(&row, "Subtotal")?,
    })
}

/// One more than the month's highest. The write lock is held from here to the commit, so no two
/// invoices get one number, and a refused one leaves no gap.
async fn next_number(write: &mut Transaction<'_, Sqlite>, today: Date) -> Result<String> {
    let month = format!("INV-{}-", today.strftime("%Y%m"));
    let last: i64 = sqlx::query_scalar(
        "SELECT coalesce(max(CAST(substr(Number, length(?1) + 1) AS INTEGER)), 0)
         FROM Invoices WHERE substr(Number, 1, length(?1)) = ?1",
    )
    .bind(&month)
    .fetch_one(&mut **write)
    .await?;
    Ok(format!("{month}{:04}", last.saturating_add(1)))
}

async fn insert(
    write: &mut Transaction<'_, Sqlite>,
    billed: &Billed,
    new: &CreateInvoice,
    number: &str,
    now: DateTime,
) -> Result<Invoice> {
    // Quirk `half-even-tax`: modern rounds half up.
    let tax = Money::half_even(billed.subtotal.times(new.tax_rate));
    let total = billed.subtotal.plus(tax).minus(new.discount_amount);
    let row = sqlx::query(
        "INSERT INTO Invoices (OrderId, CustomerId, Number, Status, IsPaid, Subtotal, Tax,
                               Discount, Total, DueDate, CreatedAt, UpdatedAt)
         VALUES (?1, ?2, ?3, 'draft', 0, ?4, ?5, ?6, ?7, ?8, ?9, ?9)
         RETURNING *",
    )
    .bind(billed.order_id)
    .bind(billed.customer_id)
    .bind(number)
    .bind(hundredths(billed.subtotal)?)
    .bind(hundredths(tax)?)
    .bind(hundredths(new.discount_amount)?)
    .bind(hundredths(total)?)
    .bind(new.due_date.map(|date| date.to_string()))
    .bind(now.stored())
    .fetch_one(&mut **write)
    .await
    .map_err(|error| refused(error, "Invoices.OrderId", RepositoryError::InvoiceExists))?;
    Ok(invoice(&row)?)
}

fn invoice(row: &SqliteRow) -> sqlx::Result<Invoice> {
    Ok(Invoice {
        id: row.try_get("Id")?,
        order_id: row.try_get("OrderId")?,
        customer_id: row.try_get("CustomerId")?,
        number: row.try_get("Number")?,
        status: status(row, "Status")?,
        subtotal: money(row, "Subtotal")?,
        tax: money(row, "Tax")?,
        discount: money(row, "Discount")?,
        total: money(row, "Total")?,
        due_date: parsed_if_any(row, "DueDate")?,
        paid_at: parsed_if_any(row, "PaidAt")?,
        created_at: parsed(row, "CreatedAt")?,
        updated_at: parsed(row, "UpdatedAt")?,
    })
}
