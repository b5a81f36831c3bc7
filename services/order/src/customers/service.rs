//! The rules of customers.

use std::sync::Arc;

use kit::ApiError;
use kit::cache::{Cache, Kind, Row};
use kit::requests::CreateCustomer;
use kit::store::{StoreError, fresh_id};
use kit::time::Millis;

use super::{Customer, CustomerRepository};

/// A customer, for ten minutes at most. Nothing changes one, so no write makes one stale.
static CUSTOMER: Kind = Kind::new("customer", 600);

/// Customers, whichever database keeps them.
#[derive(Clone)]
pub(crate) struct Customers {
    repository: Arc<dyn CustomerRepository>,
    cache: Cache,
}

impl Customers {
    pub(crate) fn new(repository: Arc<dyn CustomerRepository>, cache: Cache) -> Self {
        Self { repository, cache }
    }

    /// The customer with this id or alias.
    pub(crate) async fn find(&self, id: &str) -> Result<Option<Customer>, StoreError> {
        let load = || self.repository.find(id);
        self.cache.find(&CUSTOMER, id, load).await
    }

    /// Makes a customer, or finds the one that the same mirrored write made when it came before.
    pub(crate) async fn create(
        &self,
        new: CreateCustomer,
        alias: Option<&str>,
    ) -> Result<Customer, ApiError> {
        let customer = fresh(new);
        match self.repository.insert(&customer, alias).await {
            Ok(()) => Ok(customer),
            Err(taken @ StoreError::Taken(_)) => match self.twin(alias).await? {
                Some(twin) => Ok(twin),
                None if matches!(taken, StoreError::Taken("customers.email")) => {
                    Err(ApiError::duplicate_email(&customer.email))
                }
                None => Err(taken.into()),
            },
            Err(error) => Err(error.into()),
        }
    }

    async fn twin(&self, alias: Option<&str>) -> Result<Option<Customer>, StoreError> {
        match alias {
            Some(alias) => self.repository.find_alias(alias).await,
            None => Ok(None),
        }
    }
}

impl Row for Customer {
    fn id(&self) -> &str {
        &self.id
    }
}

fn fresh(new: CreateCustomer) -> Customer {
    let now = Millis::now();
    Customer {
        id: fresh_id(),
        email: new.email,
        first_name: new.first_name,
        last_name: new.last_name,
        phone: new.phone,
        address: new.address,
        city: new.city,
        state: new.state,
        zip_code: new.zip_code,
        country: new.country,
        created_at: now,
        updated_at: now,
    }
}
