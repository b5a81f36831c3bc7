//! The body of `POST /orders`.

use utoipa::ToSchema;

use super::fields::Fields;
use super::status::OrderStatus;
use crate::extract::RequestBody;
use crate::money::Money;

/// The most items of one order.
const ITEMS: usize = 1000;

/// An order to be made. Amounts are what the client says; nobody adds them up.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "camelCase")]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "the fields are the contract's, and their names say it all"
)]
pub struct CreateOrder {
    #[schema(min_length = 1, pattern = r"^[^\u0000]*[^\s\u0000][^\u0000]*$")]
    pub customer_id: String,
    pub status: OrderStatus,
    #[schema(value_type = f64, minimum = 0.01)]
    pub total: Money,
    #[schema(value_type = f64, minimum = 0.01)]
    pub subtotal: Money,
    #[schema(value_type = Option<f64>, minimum = 0)]
    pub tax: Money,
    #[schema(value_type = Option<f64>, minimum = 0)]
    pub discount: Money,
    #[schema(max_length = 2000, pattern = r"^[^\u0000]*$")]
    pub notes: Option<String>,
    #[schema(value_type = Option<Vec<CreateItem>>, max_items = 1000)]
    pub items: Vec<CreateItem>,
}

/// One item of an order to be made.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "camelCase")]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "the fields are the contract's, and their names say it all"
)]
pub struct CreateItem {
    #[schema(
        min_length = 1,
        max_length = 255,
        pattern = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
    )]
    pub product_id: String,
    #[schema(minimum = 1, maximum = 2_147_483_647)]
    pub quantity: i32,
    #[schema(value_type = f64, minimum = 0)]
    pub price: Money,
}

impl CreateItem {
    /// Price times quantity.
    pub fn total(&self) -> Money {
        Money::half_up(self.price.times(self.quantity.into()))
    }
}

impl RequestBody for CreateOrder {
    fn parse(body: &[u8]) -> Result<Self, Vec<String>> {
        let mut fields = Fields::of_body(body)?;
        let order = Self {
            customer_id: fields.text("customerId", usize::MAX),
            status: fields.word("status", &OrderStatus::NAMES),
            total: fields.positive_amount("total"),
            subtotal: fields.positive_amount("subtotal"),
            tax: fields.optional_amount("tax"),
            discount: fields.optional_amount("discount"),
            notes: fields.optional_text("notes", 2000),
            items: fields.objects("items", ITEMS, item),
        };
        fields.finish(order)
    }
}

fn item(mut fields: Fields) -> Result<CreateItem, Vec<String>> {
    let item = CreateItem {
        product_id: fields.text("productId", 255),
        quantity: fields.quantity("quantity"),
        price: fields.amount("price"),
    };
    fields.finish(item)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violations(body: &str) -> Vec<String> {
        CreateOrder::parse(body.as_bytes()).unwrap_err()
    }

    #[test]
    fn an_order_needs_its_customer_status_and_amounts() {
        assert_eq!(
            violations("{}"),
            [
                "customerId should not be empty",
                "customerId must be a string",
                "status must be one of the following values: PENDING, CONFIRMED, PROCESSING, \
                 SHIPPED, DELIVERED, CANCELLED, RETURNED",
                "total must be a number conforming to the specified constraints",
                "total must be a positive number",
                "subtotal must be a number conforming to the specified constraints",
                "subtotal must be a positive number",
            ]
        );
    }

    #[test]
    fn an_item_is_judged_with_its_place() {
        let body = r#"{"customerId":"1","status":"PENDING","total":1,"subtotal":0.004,"tax":-1,
            "items":[{"productId":"p","quantity":1,"price":0},{"quantity":1.5,"price":"1","x":1},
                     3,{"productId":"p","quantity":3e9,"price":1}]}"#;
        assert_eq!(
            violations(body),
            [
                "subtotal must be a positive number",
                "tax must not be less than 0",
                "items.1.property x should not exist",
                "items.1.productId should not be empty",
                "items.1.productId must be a string",
                "items.1.quantity must be an integer number",
                "items.1.price must be a number conforming to the specified constraints",
                "items.1.price must not be less than 0",
                "items.2 must be an object",
                "items.3.quantity must not be greater than 2147483647",
            ]
        );
    }

    #[test]
    fn an_amount_too_large_for_the_column_is_no_violation() {
        let body = r#"{"customerId":"1","status":"PENDING","total":1e300,"subtotal":100000000}"#;
        let order = CreateOrder::parse(body.as_bytes()).unwrap();
        assert_eq!(order.subtotal.to_string(), "100000000.00");
        assert!(order.total > order.subtotal);
    }

    #[test]
    fn a_status_is_in_upper_case() {
        let body = r#"{"customerId":"1","status":"pending","total":1,"subtotal":1}"#;
        assert_eq!(violations(body).len(), 1);
    }
}
