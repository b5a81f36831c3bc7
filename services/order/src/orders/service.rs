//! The rules of orders.

use std::sync::Arc;

use kit::ApiError;
use kit::requests::{Activity, CreateItem, CreateOrder};
use kit::store::{StoreError, fresh_id};
use kit::time::Millis;

use super::{Item, Order, OrderRepository};
use crate::customers::Customers;

/// Orders, whichever database keeps them.
#[derive(Clone)]
pub(crate) struct Orders {
    repository: Arc<dyn OrderRepository>,
    customers: Customers,
}

impl Orders {
    pub(crate) fn new(repository: Arc<dyn OrderRepository>, customers: Customers) -> Self {
        Self {
            repository,
            customers,
        }
    }

    /// The order with this id or alias.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<Order>, StoreError> {
        self.repository.find(id).await
    }

    /// The orders of the customer with this id or alias, newest first.
    pub(crate) async fn of_customer(
        &self,
        customer_id: &str,
        activity: Option<Activity>,
    ) -> Result<Vec<Order>, ApiError> {
        let customer = self.customers.find(customer_id).await?;
        let customer = customer.ok_or_else(|| ApiError::customer_not_found(customer_id))?;
        Ok(self.repository.of_customer(&customer.id, activity).await?)
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
        match self.repository.insert(&order, &items, alias).await {
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
        item_ids: items.iter().map(|item| item.id.clone()).collect(),
    }
}
