//! The rows of the monolith's tables, as its rules and its API work with them.
//!
//! The spelling of statuses in the table, in lower case, is the repository's business.

use jiff::civil::Date;
use kit::{
    Money,
    requests::{InvoiceStatus, OrderStatus},
};

use crate::clock::DateTime;

/// A row of `Customers`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are the table's columns, and their names say it all"
)]
pub struct Customer {
    pub id: i64,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub phone: Option<String>,
    pub address: Option<String>,
    pub city: Option<String>,
    pub state: Option<String>,
    pub zip_code: Option<String>,
    pub country: Option<String>,
    pub created_at: DateTime,
    pub updated_at: DateTime,
}

/// A row of `Orders` with the ids of its `OrderLines`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are the table's columns, and their names say it all"
)]
pub struct Order {
    pub id: i64,
    pub customer_id: i64,
    pub status: OrderStatus,
    pub total: Money,
    pub subtotal: Money,
    pub tax: Money,
    pub discount: Money,
    pub notes: Option<String>,
    pub created_at: DateTime,
    pub updated_at: DateTime,
    pub line_ids: Vec<i64>,
}

/// A row of `Invoices`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are the table's columns, and their names say it all"
)]
pub struct Invoice {
    pub id: i64,
    pub order_id: i64,
    pub customer_id: i64,
    pub number: String,
    pub status: InvoiceStatus,
    pub subtotal: Money,
    pub tax: Money,
    pub discount: Money,
    pub total: Money,
    pub due_date: Option<Date>,
    pub paid_at: Option<DateTime>,
    pub created_at: DateTime,
    pub updated_at: DateTime,
}
