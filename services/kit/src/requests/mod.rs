//! The bodies that clients send, valid once parsed; both sides take exactly these.
//!
//! What needs a database (a duplicate, an unknown reference, a discount above the subtotal) is
//! not judged here. Both sides judge `POST /invoices` in this order, so that a request with
//! several faults gets one answer: validation, due date in the past, order unknown, discount
//! above the subtotal, invoice exists.

mod customer;
mod email;
mod fields;
mod invoice;
mod order;
mod status;

pub use customer::CreateCustomer;
pub use invoice::CreateInvoice;
pub use order::{CreateItem, CreateOrder};
pub use status::{Activity, InvoiceStatus, OrderStatus, UnknownStatus};
