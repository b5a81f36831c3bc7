//! An invoice as clients see it.

use kit::requests::InvoiceStatus;
use kit::time::{Day, Millis};
use kit::{Money, Resource};
use serde::Serialize;
use utoipa::ToSchema;

use super::Invoice;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InvoiceAttributes)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attributes {
    order_id: String,
    customer_id: String,
    number: String,
    status: InvoiceStatus,
    subtotal: Money,
    tax: Money,
    discount: Money,
    total: Money,
    due_date: Option<Day>,
    paid_at: Option<Millis>,
    created_at: Millis,
    updated_at: Millis,
}

pub(super) fn resource(invoice: Invoice) -> Resource<Attributes> {
    let attributes = Attributes {
        order_id: invoice.order_id,
        customer_id: invoice.customer_id,
        number: invoice.number,
        status: invoice.status,
        subtotal: invoice.subtotal,
        tax: invoice.tax,
        discount: invoice.discount,
        total: invoice.total,
        due_date: invoice.due_date,
        paid_at: invoice.paid_at,
        created_at: invoice.created_at,
        updated_at: invoice.updated_at,
    };
    Resource::new("invoice", invoice.id, attributes)
}
