//! Invoices of the sample system.
