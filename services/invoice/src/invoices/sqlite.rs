//! The table `invoices` in `SQLite`.

use async_trait::async_trait;
use jiff::civil::Date;
use kit::requests::InvoiceStatus;
use kit::sqlite::{Database, parsed, parsed_if_any, sorted};
use kit::store::StoreError;
use kit::time::Millis;
use sqlx::sqlite::SqliteRow;
use sqlx::{Error, Row as _, Sqlite, Transaction};

use super::{Filter, Invoice, InvoiceRepository, NewInvoice};

pub(crate) struct SqliteInvoices {
    database: Database,
}

impl SqliteInvoices {
    pub(crate) fn new(database: Database) -> Self {
        Self { database }
    }
}

#[async_trait]
impl InvoiceRepository for SqliteInvoices {
    async fn find(&self, id: &str) -> Result<Option<Invoice>, StoreError> {
        let query = sqlx::query(
            "SELECT * FROM invoices WHERE id = ?1 OR legacy_id = ?1 ORDER BY id <> ?1 LIMIT 1",
        );
        let row = query.bind(id).try_map(|row| invoice(&row));
        row.fetch_optional(self.database.reader())
            .await
            .map_err(StoreError::database)
    }

    async fn find_alias(&self, alias: &str) -> Result<Option<Invoice>, StoreError> {
        let query = sqlx::query("SELECT * FROM invoices WHERE legacy_id = ?1");
        let row = query.bind(alias).try_map(|row| invoice(&row));
        row.fetch_optional(self.database.reader())
            .await
            .map_err(StoreError::database)
    }

    async fn customer_id(&self, id: &str) -> Result<Option<String>, StoreError> {
        let query = sqlx::query_scalar(
            "SELECT id FROM customers WHERE id = ?1 OR legacy_id = ?1 ORDER BY id <> ?1 LIMIT 1",
        );
        query
            .bind(id)
            .fetch_optional(self.database.reader())
            .await
            .map_err(StoreError::database)
    }

    async fn order_id(&self, id: &str) -> Result<Option<String>, StoreError> {
        let query = sqlx::query_scalar(
            "SELECT id FROM orders WHERE id = ?1 OR legacy_id = ?1 ORDER BY id <> ?1 LIMIT 1",
        );
        query
            .bind(id)
            .fetch_optional(self.database.reader())
            .await
            .map_err(StoreError::database)
    }

    async fn list(&self, filter: Filter<'_>) -> Result<Vec<Invoice>, StoreError> {
        let query = sqlx::query(
            "SELECT * FROM invoices
             WHERE (?1 IS NULL OR customer_id = ?1)
               AND (?2 IS NULL OR order_id = ?2)
               AND (?3 IS NULL OR status = ?3)
             ORDER BY created_at DESC, length(id) DESC, id DESC",
        );
        let query = query
            .bind(filter.customer_id)
            .bind(filter.order_id)
            .bind(filter.status.map(InvoiceStatus::name));
        let rows = query.try_map(|row| invoice(&row));
        rows.fetch_all(self.database.reader())
            .await
            .map_err(StoreError::database)
    }

    async fn insert(&self, new: &NewInvoice, alias: Option<&str>) -> Result<Invoice, StoreError> {
        let mut write = self.database.write().await?;
        // Taken under the write lock, so that times are in the order of numbers.
        let now = Millis::now();
        let number = next_number(&mut write, now.date()).await?;
        let invoice = new.clone().numbered(number, now);
        insert(&mut write, &invoice, alias).await?;
        write.commit().await.map_err(StoreError::database)?;
        Ok(invoice)
    }
}

/// The month's greatest number and one; the write lock is held from before this until the commit.
async fn next_number(
    write: &mut Transaction<'_, Sqlite>,
    today: Date,
) -> Result<String, StoreError> {
    let month = format!("INV-{:04}{:02}", today.year(), today.month());
    let query = sqlx::query_scalar::<_, Option<i64>>(
        "SELECT max(CAST(substr(number, 12) AS INTEGER)) FROM invoices
         WHERE substr(number, 1, 10) = ?1",
    );
    let last = query
        .bind(&month)
        .fetch_one(&mut **write)
        .await
        .map_err(StoreError::database)?;
    Ok(format!(
        "{month}-{:04}",
        last.unwrap_or(0).saturating_add(1)
    ))
}

async fn insert(
    write: &mut Transaction<'_, Sqlite>,
    invoice: &Invoice,
    alias: Option<&str>,
) -> Result<(), StoreError> {
    let insert = sqlx::query(
        "INSERT INTO invoices (id, legacy_id, order_id, customer_id, number, status, subtotal, tax,
             discount, total, due_date, paid_at, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    );
    insert
        .bind(&invoice.id)
        .bind(alias)
        .bind(&invoice.order_id)
        .bind(&invoice.customer_id)
        .bind(&invoice.number)
        .bind(invoice.status.name())
        .bind(invoice.subtotal.to_string())
        .bind(invoice.tax.to_string())
        .bind(invoice.discount.to_string())
        .bind(invoice.total.to_string())
        .bind(invoice.due_date.map(|date| date.to_string()))
        .bind(invoice.paid_at.map(|instant| instant.to_string()))
        .bind(invoice.created_at.to_string())
        .bind(invoice.updated_at.to_string())
        .execute(&mut **write)
        .await
        .map(drop)
        .map_err(|error| sorted(error, &["invoices.order_id", "invoices.legacy_id"]))
}

fn invoice(row: &SqliteRow) -> Result<Invoice, Error> {
    Ok(Invoice {
        id: row.try_get("id")?,
        order_id: row.try_get("order_id")?,
        customer_id: row.try_get("customer_id")?,
        number: row.try_get("number")?,
        status: parsed(row, "status")?,
        subtotal: parsed(row, "subtotal")?,
        tax: parsed(row, "tax")?,
        discount: parsed(row, "discount")?,
        total: parsed(row, "total")?,
        due_date: parsed_if_any(row, "due_date")?,
        paid_at: parsed_if_any(row, "paid_at")?,
        created_at: parsed(row, "created_at")?,
        updated_at: parsed(row, "updated_at")?,
    })
}
