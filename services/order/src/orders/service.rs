//! The rules of orders.

use std::sync::Arc;

use kit::ApiError;
use kit::cache::{Cache, Key, Kind, Row};
use kit::requests::{Activity, CreateItem, CreateOrder};
use kit::store::{StoreError, fresh_id};
use kit::time::Millis;

use super::{Item, ItemIds, Order, OrderRepository};
use crate::customers::Customers;

static ORDER: Kind = Kind::new("order", 300);

/// A customer's orders, by the customer's own id and the filter.
static ORDERS_OF_CUSTOMER: Kind = Kind::new("orders-of-customer", 300);

/// Orders, whichever database keeps them.
#[derive(Clone)]
pub(crate) struct Orders {
    repository: Arc<dyn OrderRepository>,
    customers: Customers,
    cache: Cache,
}

impl Orders {
    pub(crate) fn new(
        repository: Arc<dyn OrderRepository>,
        customers: Customers,
        cache: Cache,
    ) -> Self {
        Self {
            repository,
            customers,
            cache,
        }
    }

    /// The order with this id or alias.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<Order>, StoreError> {
        let load = || self.repository.find(id);
        self.cache.find(&ORDER, id, load).await
    }

    /// The orders of the customer with this id or alias, newest first.
    pub(crate) async fn of_customer(
        &self,
        customer_id: &str,
        activity: Option<Activity>,
    ) -> Result<Vec<Order>, ApiError> {
        let customer = self.customers.find(customer_id).await?;
        let customer = customer.ok_or_else(|| ApiError::customer_not_found(customer_id))?;
        let load = || self.repository.of_customer(&customer.id, activity);
        Ok(self.cache.read(list(&customer.id, activity), load).await?)
    }

    /// Makes an order, or finds the one that the same mirrored write made when it came before.
    pub(crate) async fn create(
        &self,
        new: CreateOrder,
        alias: Option<&str>,
    ) -> Result<Order, ApiError> {
        let customer = self.customers.find(&new.customer_id).await?;
        let customer = customer.ok_or_else(|| ApiError::unknown_customer(&new.customer_id))?;
        let items: Vec<_> = new.items.iter().map(item).collect();
        let order = fresh(new, customer.id, &items);
        match self.store(order.clone(), items, alias).await {
            Ok(()) => Ok(order),
            Err(taken @ StoreError::Taken(_)) => {
                let twin = self
                    .repository
                    .find_alias(alias.unwrap_or_default())
                    .await?;
                twin.ok_or_else(|| taken.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Stores an order, which makes two lists of its customer's orders stale.
    async fn store(
        &self,
        order: Order,
        items: Vec<Item>,
        alias: Option<&str>,
    ) -> Result<(), StoreError> {
        let stale = [None, Some(order.status.activity())]
            .map(|activity| list(&order.customer_id, activity))
            .to_vec();
        let repository = self.repository.clone();
        let alias = alias.map(str::to_owned);
        let insert = async move { repository.insert(&order, &items, alias.as_deref()).await };
        self.cache.write(stale, insert).await
    }
}

/// The list of a customer's orders under this filter.
fn list(customer_id: &str, activity: Option<Activity>) -> Key {
    let filter = match activity {
        None => "all",
        Some(Activity::Active) => "active",
        Some(Activity::Inactive) => "inactive",
    };
    ORDERS_OF_CUSTOMER.key(&[customer_id, filter])
}

impl Row for Order {
    fn id(&self) -> &str {
        &self.id
    }
}

fn item(new: &CreateItem) -> Item {
    Item {
        id: fresh_id(),
        product_id: new.product_id.clone(),
        quantity: new.quantity,
        price: new.price,
        total: new.total(),
    }
}

fn fresh(new: CreateOrder, customer_id: String, items: &[Item]) -> Order {
    let now = Millis::now();
    Order {
        id: fresh_id(),
        customer_id,
        status: new.status,
        total: new.total,
        subtotal: new.subtotal,
        tax: new.tax,
        discount: new.discount,
        notes: new.notes,
        created_at: now,
        updated_at: now,
        item_ids: ItemIds(items.iter().map(|item| item.id.clone()).collect()),
    }
}
