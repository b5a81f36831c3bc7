//! A customer as clients see it.

use kit::Resource;
use kit::time::Millis;
use serde::Serialize;
use utoipa::ToSchema;

use super::Customer;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CustomerAttributes)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attributes {
    email: String,
    first_name: String,
    last_name: String,
    phone: Option<String>,
    address: Option<String>,
    city: Option<String>,
    state: Option<String>,
    zip_code: Option<String>,
    country: Option<String>,
    created_at: Millis,
    updated_at: Millis,
}

pub(super) fn resource(customer: Customer) -> Resource<Attributes> {
    let attributes = Attributes {
        email: customer.email,
        first_name: customer.first_name,
        last_name: customer.last_name,
        phone: customer.phone,
        address: customer.address,
        city: customer.city,
        state: customer.state,
        zip_code: customer.zip_code,
        country: customer.country,
        created_at: customer.created_at,
        updated_at: customer.updated_at,
    };
    Resource::new("customer", customer.id, attributes)
}
