//! An order as clients see it.

use kit::document::Identifier;
use kit::requests::OrderStatus;
use kit::time::Millis;
use kit::{Money, Relation, Resource};
use serde::Serialize;
use utoipa::ToSchema;

use super::Order;

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderAttributes)]
#[serde(rename_all = "camelCase")]
pub(super) struct Attributes {
    customer_id: String,
    status: OrderStatus,
    total: Money,
    subtotal: Money,
    tax: Money,
    discount: Money,
    notes: Option<String>,
    created_at: Millis,
    updated_at: Millis,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OrderRelationships)]
pub(super) struct Relationships {
    customer: Relation<Identifier>,
    items: Relation<Vec<Identifier>>,
}

pub(super) fn resource(order: Order) -> Resource<Attributes, Relationships> {
    let relationships = Relationships {
        customer: Relation::to_one("customer", order.customer_id.as_str()),
        items: Relation::to_many("order-item", order.item_ids.0),
    };
    let attributes = Attributes {
        customer_id: order.customer_id,
        status: order.status,
        total: order.total,
        subtotal: order.subtotal,
        tax: order.tax,
        discount: order.discount,
        notes: order.notes,
        created_at: order.created_at,
        updated_at: order.updated_at,
    };
    Resource::new("order", order.id, attributes).related(relationships)
}
