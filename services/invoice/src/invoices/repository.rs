//! What the invoices' rules need of a database.

use async_trait::async_trait;
use kit::Money;
use kit::requests::InvoiceStatus;
use kit::store::StoreError;
use kit::time::{Day, Millis};
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

/// What both databases are asked; `SQLite` takes numbered parameters in this spelling, too.
pub(super) const FIND: &str =
    "SELECT * FROM invoices WHERE id = $1 OR legacy_id = $1 ORDER BY id <> $1 LIMIT 1";
pub(super) const FIND_ALIAS: &str = "SELECT * FROM invoices WHERE legacy_id = $1";
pub(super) const CUSTOMER_ID: &str =
    "SELECT id FROM customers WHERE id = $1 OR legacy_id = $1 ORDER BY id <> $1 LIMIT 1";
pub(super) const ORDER_ID: &str =
    "SELECT id FROM orders WHERE id = $1 OR legacy_id = $1 ORDER BY id <> $1 LIMIT 1";
pub(super) const LIST: &str = "SELECT * FROM invoices
     WHERE (CAST($1 AS text) IS NULL OR customer_id = $1)
       AND (CAST($2 AS text) IS NULL OR order_id = $2)
       AND (CAST($3 AS text) IS NULL OR status = $3)
     ORDER BY created_at DESC, length(id) DESC, id DESC";
pub(super) const INSERT: &str =
    "INSERT INTO invoices (id, legacy_id, order_id, customer_id, number,
         status, subtotal, tax, discount, total, due_date, paid_at, created_at, updated_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";

/// A row of `invoices`.
#[derive(Debug, Clone, Serialize, Deserialize, FromRow)]
pub(crate) struct Invoice {
    pub(crate) id: String,
    pub(crate) order_id: String,
    pub(crate) customer_id: String,
    pub(crate) number: String,
    pub(crate) status: InvoiceStatus,
    pub(crate) subtotal: Money,
    pub(crate) tax: Money,
    pub(crate) discount: Money,
    pub(crate) total: Money,
    pub(crate) due_date: Option<Day>,
    pub(crate) paid_at: Option<Millis>,
    pub(crate) created_at: Millis,
    pub(crate) updated_at: Millis,
}

/// An invoice before it has its number: a draft, not paid.
#[derive(Debug, Clone)]
pub(crate) struct NewInvoice {
    pub(crate) id: String,
    pub(crate) order_id: String,
    pub(crate) customer_id: String,
    pub(crate) subtotal: Money,
    pub(crate) tax: Money,
    pub(crate) discount: Money,
    pub(crate) total: Money,
    pub(crate) due_date: Option<Day>,
}

/// What a list is narrowed to; the ids are the modern side's own.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Filter<'a> {
    pub(crate) customer_id: Option<&'a str>,
    pub(crate) order_id: Option<&'a str>,
    pub(crate) status: Option<InvoiceStatus>,
}

/// The table `invoices`.
#[async_trait]
pub(crate) trait InvoiceRepository: Send + Sync {
    /// The invoice with this id, or with this alias when no id is equal.
    async fn find(&self, id: &str) -> Result<Option<Invoice>, StoreError>;

    /// The invoice with this alias.
    async fn find_alias(&self, alias: &str) -> Result<Option<Invoice>, StoreError>;

    /// The own id of the customer with this id, or with this alias when no id is equal.
    async fn customer_id(&self, id: &str) -> Result<Option<String>, StoreError>;

    /// The own id of the order with this id, or with this alias when no id is equal.
    async fn order_id(&self, id: &str) -> Result<Option<String>, StoreError>;

    /// The invoices that match, newest first.
    async fn list(&self, filter: Filter<'_>) -> Result<Vec<Invoice>, StoreError>;

    /// Stores an invoice under the next number of the present month; a refused one leaves no gap.
    /// [`StoreError::Taken`] names `invoices.order_id` or `invoices.legacy_id`.
    async fn insert(&self, new: &NewInvoice, alias: Option<&str>) -> Result<Invoice, StoreError>;
}

impl NewInvoice {
    /// The row, once its number is known.
    pub(crate) fn numbered(self, number: String, now: Millis) -> Invoice {
        Invoice {
            id: self.id,
            order_id: self.order_id,
            customer_id: self.customer_id,
            number,
            status: InvoiceStatus::Draft,
            subtotal: self.subtotal,
            tax: self.tax,
            discount: self.discount,
            total: self.total,
            due_date: self.due_date,
            paid_at: None,
            created_at: now,
            updated_at: now,
        }
    }
}
