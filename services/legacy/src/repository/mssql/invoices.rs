//! Invoices on SQL Server. Their tax and their numbers are the procedure's business.

use async_trait::async_trait;
use kit::requests::CreateInvoice;
use tiberius::Row;

use super::{
    MssqlRepository,
    call::Call,
    columns::{date_if_any, datetime, datetime_if_any, int, money, status, text},
    error::{Meaning, MssqlError},
    one,
};
use crate::{
    key::parse_key,
    model::Invoice,
    repository::{InvoiceFilter, InvoiceRepository, RepositoryError, Result, spelling::lower},
};

#[async_trait]
impl InvoiceRepository for MssqlRepository {
    async fn create_invoice(&self, new: &CreateInvoice) -> Result<Invoice> {
        let order_id = parse_key(&new.order_id).and_then(|key| i32::try_from(key).ok());
        let call = Call::of("dbo.CreateInvoice")
            .int("OrderId", order_id.ok_or(RepositoryError::UnknownOrder)?)
            .rate("TaxRate", new.tax_rate)
            .money("Discount", new.discount_amount);
        let call = match new.due_date {
            Some(date) => call.date("DueDate", date)?,
            None => call,
        };
        let [rows] = self.pool.results(&call).await.map_err(refused)?;
        Ok(invoice(one(&call, &rows)?)?)
    }

    async fn invoice(&self, id: i64) -> Result<Option<Invoice>> {
        let Ok(id) = i32::try_from(id) else {
            return Ok(None);
        };
        let call = Call::of("dbo.InvoiceById").int("Id", id);
        let [rows] = self.pool.results(&call).await?;
        Ok(rows.first().map(invoice).transpose()?)
    }

    async fn invoices(&self, filter: InvoiceFilter) -> Result<Vec<Invoice>> {
        let Ok(customer_id) = filter.customer_id.map(i32::try_from).transpose() else {
            return Ok(Vec::new());
        };
        let Ok(order_id) = filter.order_id.map(i32::try_from).transpose() else {
            return Ok(Vec::new());
        };
        let call = Call::of("dbo.FindInvoices")
            .given(customer_id, |call, id| call.int("CustomerId", id))
            .given(order_id, |call, id| call.int("OrderId", id))
            .given(filter.status, |call, status| {
                call.text("Status", &lower(status.name()))
            });
        let [rows] = self.pool.results(&call).await?;
        let invoices = rows.iter().map(invoice);
        Ok(invoices.collect::<std::result::Result<_, _>>()?)
    }
}

fn refused(error: MssqlError) -> RepositoryError {
    match error.meaning() {
        Meaning::Duplicate if error.names("UQ_Invoices_OrderId") => RepositoryError::InvoiceExists,
        _ => error.refused(),
    }
}

fn invoice(row: &Row) -> std::result::Result<Invoice, MssqlError> {
    Ok(Invoice {
        id: int(row, "Id")?,
        order_id: int(row, "OrderId")?,
        customer_id: int(row, "CustomerId")?,
        number: text(row, "Number")?,
        status: status(row, "Status")?,
        subtotal: money(row, "Subtotal")?,
        tax: money(row, "Tax")?,
        discount: money(row, "Discount")?,
        total: money(row, "Total")?,
        due_date: date_if_any(row, "DueDate")?,
        paid_at: datetime_if_any(row, "PaidAt")?,
        created_at: datetime(row, "CreatedAt")?,
        updated_at: datetime(row, "UpdatedAt")?,
    })
}
