//! What the monolith asks of its database, independent of which database that is.
//!
//! The methods are the stored procedures of the monolith: each is one transaction and holds the
//! business rules that the database enforces. Shapes and wording of answers are not known here.

pub mod mssql;
mod spelling;
pub mod sqlite;

use async_trait::async_trait;
use kit::{
    requests::{Activity, CreateCustomer, CreateInvoice, CreateOrder, InvoiceStatus},
    store::StoreError,
};

use crate::model::{Customer, Invoice, Order};
use crate::seed::Seed;

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is neither of the two kinds; the rest of the URL may be a password.
    #[error(
        "`{0}:` is no database of the monolith, which takes sqlite:path or \
         mssql://user:password@host:1433/database?trust=true"
    )]
    Scheme(String),
    /// It is a file.
    #[error(transparent)]
    Sqlite(#[from] kit::sqlite::OpenError),
    /// It is on SQL Server.
    #[error(transparent)]
    Mssql(#[from] mssql::OpenError),
}

/// Why a procedure did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// Another customer has this e-mail, in whatever case.
    #[error("the e-mail is taken")]
    DuplicateEmail,
    /// The order's customer is not there.
    #[error("the customer does not exist")]
    UnknownCustomer,
    /// The invoice's order is not there.
    #[error("the order does not exist")]
    UnknownOrder,
    /// The order has its invoice already.
    #[error("the order has an invoice")]
    InvoiceExists,
    /// The discount is larger than what the order's items cost.
    #[error("the discount is above the subtotal")]
    DiscountAboveSubtotal,
    /// An amount is larger than its column, decimal(18,2) or money, holds.
    #[error("{0} does not fit its column")]
    AmountTooLarge(String),
    /// The database refused, broke off or holds a value that makes no sense.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A procedure's result.
pub type Result<T> = std::result::Result<T, RepositoryError>;

/// Which invoices are meant: a field that is `None` restricts nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct InvoiceFilter {
    /// Of this customer.
    pub customer_id: Option<i64>,
    /// For this order.
    pub order_id: Option<i64>,
    /// In this status.
    pub status: Option<InvoiceStatus>,
}

/// Customers.
#[async_trait]
pub trait CustomerRepository: Send + Sync {
    /// Adds a customer whose e-mail nobody has.
    async fn create_customer(&self, new: &CreateCustomer) -> Result<Customer>;
    /// The customer with this id.
    async fn customer(&self, id: i64) -> Result<Option<Customer>>;
}

/// Orders.
#[async_trait]
pub trait OrderRepository: Send + Sync {
    /// Adds an order and its lines for a customer who exists.
    async fn create_order(&self, new: &CreateOrder) -> Result<Order>;
    /// The order with this id.
    async fn order(&self, id: i64) -> Result<Option<Order>>;
    /// The orders of a customer, by id, all of them or those of one activity; `None` when there is
    /// no such customer.
    async fn orders_of(
        &self,
        customer_id: i64,
        activity: Option<Activity>,
    ) -> Result<Option<Vec<Order>>>;
}

/// Invoices.
#[async_trait]
pub trait InvoiceRepository: Send + Sync {
    /// Draws up the one invoice of an order under the month's next number.
    async fn create_invoice(&self, new: &CreateInvoice) -> Result<Invoice>;
    /// The invoice with this id.
    async fn invoice(&self, id: i64) -> Result<Option<Invoice>>;
    /// The invoices that pass the filter, newest first.
    async fn invoices(&self, filter: InvoiceFilter) -> Result<Vec<Invoice>>;
}

/// The whole database.
#[async_trait]
pub trait Repository: CustomerRepository + OrderRepository + InvoiceRepository {
    /// Whether the database answers.
    async fn ping(&self) -> Result<()>;
    /// Lets go of the database; what is asked afterwards fails.
    async fn close(&self);
    /// Fills an empty database; one that has customers is left alone, and `false` says so.
    async fn seed(&self, seed: &Seed) -> Result<bool>;
}
