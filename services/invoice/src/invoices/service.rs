//! The rules of invoices.

use std::sync::Arc;

use kit::cache::{Cache, Key, Kind, Row};
use kit::requests::{CreateInvoice, InvoiceStatus};
use kit::store::{StoreError, fresh_id, is_possible_id};
use kit::time::Day;
use kit::{ApiError, Money};

use super::{Filter, Invoice, InvoiceRepository, NewInvoice};
use crate::order_client::{Order, OrderClient};

static INVOICE: Kind = Kind::new("invoice", 300);

/// A list of invoices, by the own ids and the state that it is narrowed to.
static INVOICES: Kind = Kind::new("invoices", 180);

/// What a client wants listed: ids of whichever side, and any text as a state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) customer_id: Option<&'a str>,
    pub(crate) order_id: Option<&'a str>,
    pub(crate) status: Option<&'a str>,
}

/// Invoices, whichever database keeps them.
#[derive(Clone)]
pub(crate) struct Invoices {
    repository: Arc<dyn InvoiceRepository>,
    orders: OrderClient,
    cache: Cache,
}

impl Invoices {
    pub(crate) fn new(
        repository: Arc<dyn InvoiceRepository>,
        orders: OrderClient,
        cache: Cache,
    ) -> Self {
        Self {
            repository,
            orders,
            cache,
        }
    }

    /// The invoice with this id or alias.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<Invoice>, StoreError> {
        let load = || self.repository.find(id);
        self.cache.find(&INVOICE, id, load).await
    }

    /// The invoices that match, newest first; of what nobody has, there are none.
    pub(crate) async fn list(&self, wanted: Wanted<'_>) -> Result<Vec<Invoice>, StoreError> {
        let (mut customer_id, mut order_id, mut status) = (None, None, None);
        if let Some(id) = wanted.customer_id {
            let load = || self.repository.customer_id(id);
            customer_id = self.cache.own_id("customer", id, load).await?;
        }
        if let Some(id) = wanted.order_id {
            let load = || self.repository.order_id(id);
            order_id = self.cache.own_id("order", id, load).await?;
        }
        if let Some(name) = wanted.status {
            status = name.parse().ok();
        }
        let filter = Filter {
            customer_id: customer_id.as_deref(),
            order_id: order_id.as_deref(),
            status,
        };
        let is_unknown = wanted.customer_id.is_some() && filter.customer_id.is_none()
            || wanted.order_id.is_some() && filter.order_id.is_none()
            || wanted.status.is_some() && filter.status.is_none();
        if is_unknown {
            return Ok(Vec::new());
        }
        let load = || self.repository.list(filter);
        self.cache.read(list(filter), load).await
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
        match self.store(billed(new, order), alias).await {
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

    /// Stores an invoice, which makes every list stale that it belongs to.
    async fn store(&self, new: NewInvoice, alias: Option<&str>) -> Result<Invoice, StoreError> {
        let stale = lists_of(&new);
        let repository = self.repository.clone();
        let alias = alias.map(str::to_owned);
        let insert = async move { repository.insert(&new, alias.as_deref()).await };
        self.cache.write(stale, insert).await
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

/// The list under this filter.
fn list(filter: Filter<'_>) -> Key {
    let status = filter.status.map(InvoiceStatus::name);
    INVOICES.key(&[filter.customer_id, filter.order_id, status].map(Option::unwrap_or_default))
}

/// Every list that a draft belongs to: narrowed to what it has, or not narrowed, in each respect.
fn lists_of(draft: &NewInvoice) -> Vec<Key> {
    let mut lists = Vec::new();
    for customer_id in [None, Some(draft.customer_id.as_str())] {
        for order_id in [None, Some(draft.order_id.as_str())] {
            for status in [None, Some(InvoiceStatus::Draft)] {
                lists.push(list(Filter {
                    customer_id,
                    order_id,
                    status,
                }));
            }
        }
    }
    lists
}

impl Row for Invoice {
    fn id(&self) -> &str {
        &self.id
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
        due_date: new.due_date.map(Day),
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
