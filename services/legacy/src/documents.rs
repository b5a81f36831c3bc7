//! The monolith's rows as the contract's resources.
//!
//! The same fields as modern's; only the timestamps look otherwise (quirk `naive-timestamps`).

use jiff::civil::Date;
use kit::{
    Money, Relation, Resource,
    document::Identifier,
    requests::{InvoiceStatus, OrderStatus},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    clock::DateTime,
    model::{Customer, Invoice, Order},
};

/// A customer as clients see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CustomerAttributes {
    email: String,
    first_name: String,
    last_name: String,
    phone: Option<String>,
    address: Option<String>,
    city: Option<String>,
    state: Option<String>,
    zip_code: Option<String>,
    country: Option<String>,
    created_at: DateTime,
    updated_at: DateTime,
}

/// An order as clients see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrderAttributes {
    customer_id: String,
    status: OrderStatus,
    total: Money,
    subtotal: Money,
    tax: Money,
    discount: Money,
    notes: Option<String>,
    created_at: DateTime,
    updated_at: DateTime,
}

/// What an order belongs to and consists of.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderRelationships {
    customer: Relation<Identifier>,
    items: Relation<Vec<Identifier>>,
}

/// An invoice as clients see it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvoiceAttributes {
    order_id: String,
    customer_id: String,
    number: String,
    status: InvoiceStatus,
    subtotal: Money,
    tax: Money,
    discount: Money,
    total: Money,
    #[schema(value_type = Option<String>, format = "date")]
    due_date: Option<Date>,
    paid_at: Option<DateTime>,
    created_at: DateTime,
    updated_at: DateTime,
}

pub(crate) fn customer(row: Customer) -> Resource<CustomerAttributes> {
    let attributes = CustomerAttributes {
        email: row.email,
        first_name: row.first_name,
        last_name: row.last_name,
        phone: row.phone,
        address: row.address,
        city: row.city,
        state: row.state,
        zip_code: row.zip_code,
        country: row.country,
        created_at: row.created_at,
        updated_at: row.updated_at,
    };
    Resource::new("customer", row.id.to_string(), attributes)
}

pub(crate) fn order(row: Order) -> Resource<OrderAttributes, OrderRelationships> {
    let customer_id = row.customer_id.to_string();
    let items = row.line_ids.iter().map(i64::to_string);
    let relationships = OrderRelationships {
        customer: Relation::to_one("customer", customer_id.as_str()),
        items: Relation::to_many("order-item", items),
    };
    let attributes = OrderAttributes {
        customer_id,
        status: row.status,
        total: row.total,
        subtotal: row.subtotal,
        tax: row.tax,
        discount: row.discount,
        notes: row.notes,
        created_at: row.created_at,
        updated_at: row.updated_at,
    };
    Resource::new("order", row.id.to_string(), attributes).related(relationships)
}

pub(crate) fn invoice(row: Invoice) -> Resource<InvoiceAttributes> {
    let attributes = InvoiceAttributes {
        order_id: row.order_id.to_string(),
        customer_id: row.customer_id.to_string(),
        number: row.number,
        status: row.status,
        subtotal: row.subtotal,
        tax: row.tax,
        discount: row.discount,
        total: row.total,
        due_date: row.due_date,
        paid_at: row.paid_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
    };
    Resource::new("invoice", row.id.to_string(), attributes)
}
