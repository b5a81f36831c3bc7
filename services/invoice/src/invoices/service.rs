//! The rules of invoices.

use std::sync::Arc;

use kit::requests::CreateInvoice;
use kit::store::{StoreError, fresh_id, is_possible_id};
use kit::{ApiError, Money};

use super::{Filter, Invoice, InvoiceRepository, NewInvoice};
use crate::order_client::{Order, OrderClient};

/// Invoices, whichever database keeps them.
#[derive(Clone)]
pub(crate) struct Invoices {
    repository: Arc<dyn InvoiceRepository>,
    orders: OrderClient,
}

impl Invoices {
    pub(crate) fn new(repository: Arc<dyn InvoiceRepository>, orders: OrderClient) -> Self {
        Self { repository, orders }
    }

    /// The invoice with this id or alias.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<Invoice>, StoreError> {
        self.repository.find(id).await
    }

    /// The invoices that match, newest first.
    pub(crate) async fn list(&self, filter: Filter<'_>) -> Result<Vec<Invoice>, StoreError> {
        self.repository.list(filter).await
    }

    /// Makes the invoice of an order, or finds the one that the same mirrored write made when it
    /// came before.
    pub(crate) async fn create(
        &self,
        new: &CreateInvoice,
        alias: Option<&str>,
    ) -> Result<Invoice, ApiError> {
        new.check_due_date(kit::time::today())?;
        let order = self.order(&new.order_id).await?;
        new.check_discount(order.subtotal)?;
        match self.repository.insert(&billed(new, order), alias).await {
            Ok(invoice) => Ok(invoice),
            Err(taken @ StoreError::Taken(_)) => match self.twin(alias).await? {
                Some(twin) => Ok(twin),
                None if matches!(taken, StoreError::Taken("invoices.order_id")) => {
                    Err(ApiError::invoice_exists(&new.order_id))
                }
                None => Err(taken.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    async fn order(&self, id: &str) -> Result<Order, ApiError> {
        let unknown = || ApiError::order_not_found(id);
        // An empty id would make another path, and an endless one no path at all.
        if !is_possible_id(id) {
            return Err(unknown());
        }
        let order = self.orders.order(id).await;
        order
            .map_err(|error| ApiError::service_communication("order service", error))?
            .ok_or_else(unknown)
    }

    async fn twin(&self, alias: Option<&str>) -> Result<Option<Invoice>, StoreError> {
        match alias {
            Some(alias) => self.repository.find_alias(alias).await,
            None => Ok(None),
        }
    }
}

/// Tax is rounded half up; the total follows from what is shown, to the cent.
fn billed(new: &CreateInvoice, order: Order) -> NewInvoice {
    let tax = Money::half_up(order.subtotal.times(new.tax_rate));
    NewInvoice {
        id: fresh_id(),
        order_id: order.id,
        customer_id: order.customer_id,
        subtotal: order.subtotal,
        tax,
        discount: new.discount_amount,
        total: order.subtotal.plus(tax).minus(new.discount_amount),
        due_date: new.due_date,
    }
}

#[cfg(test)]
mod tests {
    use kit::extract::RequestBody as _;

    use super::*;

    #[test]
    fn tax_is_rounded_half_up_and_the_total_follows() {
        let body = br#"{"orderId":"1","taxRate":0.1,"discountAmount":1}"#;
        let order = Order {
            id: "1".into(),
            customer_id: "2".into(),
            subtotal: "10.25".parse().unwrap(),
        };
        let invoice = billed(&CreateInvoice::parse(body).unwrap(), order);
        assert_eq!(invoice.tax.to_string(), "1.03");
        assert_eq!(invoice.total.to_string(), "10.28");
    }
}
