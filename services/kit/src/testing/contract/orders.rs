//! Claims on orders.
#![expect(missing_docs, reason = "the name of a claim says what it claims")]

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::samples;
use crate::testing::Target;

pub async fn an_order_is_made_and_read_back_with_relationships(target: &Target) {
    let customer = samples::some_customer(target).await;
    let body = json!({
        "customerId": customer, "status": "CONFIRMED", "total": 23.5, "subtotal": 20.25,
        "tax": 4.25, "discount": 1, "notes": "ring twice",
        "items": [{"productId": "tea", "quantity": 2, "price": 5}, {"productId": "mug",
                   "quantity": 1, "price": 10.25}],
    });
    let made = target.post("/orders", body).await.expect(201);
    let data = &made.json["data"];
    assert_eq!(data["type"], "order");
    assert_eq!(*made.attribute("customerId"), customer);
    assert_eq!(*made.attribute("status"), "CONFIRMED");
    assert_eq!(*made.attribute("notes"), "ring twice");
    assert_eq!(data["attributes"].as_object().unwrap().len(), 9);
    assert_eq!(
        data["relationships"]["customer"]["data"],
        json!({"type": "customer", "id": customer})
    );
    let items = data["relationships"]["items"]["data"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert!(
        items
            .iter()
            .all(|item| item["type"] == "order-item" && item["id"].is_string())
    );
    let read = target
        .get(&format!("/orders/{}", made.id()))
        .await
        .expect(200);
    assert_eq!(read.text, made.text);
    let list = target
        .get(&format!("/customers/{customer}/orders"))
        .await
        .expect(200);
    assert_eq!(
        list.json["data"][0], *data,
        "a list shows an order as it is shown alone"
    );
}

pub async fn amounts_are_shown_with_two_decimals(target: &Target) {
    let made = samples::some_order(target, "10.5").await;
    for shown in [
        r#""subtotal":10.50"#,
        r#""total":1.00"#,
        r#""tax":0.00"#,
        r#""discount":0.00"#,
    ] {
        assert!(made.text.contains(shown), "{shown} in {}", made.text);
    }
    assert_eq!(*made.attribute("notes"), Value::Null);
    let large = samples::some_order(target, "99999999.99").await;
    assert!(
        large.text.contains(r#""subtotal":99999999.99"#),
        "{}",
        large.text
    );
}

pub async fn amounts_are_rounded_to_the_cent(target: &Target) {
    for (sent, shown) in [
        ("0.30000000000000004", "0.30"),
        ("1.005", "1.01"),
        ("1e1", "10.00"),
    ] {
        let made = samples::some_order(target, sent).await;
        assert!(
            made.text.contains(&format!("\"subtotal\":{shown},")),
            "{sent}: {}",
            made.text
        );
    }
}

pub async fn every_violated_rule_of_an_order_is_listed(target: &Target) {
    let body = json!({
        "customerId": 17, "status": "pending", "total": "12", "subtotal": 0, "tax": -0.01,
        "notes": ["x"], "items": [{"productId": "", "quantity": 0, "price": 1, "size": "L"}],
        "id": "1",
    });
    target.post("/orders", body).await.violates(&[
        "property id should not exist",
        "customerId should not be empty",
        "customerId must be a string",
        "status must be one of the following values: PENDING, CONFIRMED, PROCESSING, SHIPPED, \
         DELIVERED, CANCELLED, RETURNED",
        "total must be a number conforming to the specified constraints",
        "total must be a positive number",
        "subtotal must be a positive number",
        "tax must not be less than 0",
        "notes must be a string",
        "items.0.property size should not exist",
        "items.0.productId should not be empty",
        "items.0.quantity must be a positive number",
    ]);
}

pub async fn an_order_of_an_unknown_customer_is_an_invalid_reference(target: &Target) {
    for id in ["nobody", "0", "9999999999999999999999", "1 ", "é"] {
        let answer = target.post("/orders", samples::order(id)).await;
        let error = answer.refused(400, "INVALID_REFERENCE");
        assert_eq!(
            error["detail"],
            format!("Customer with ID {id} does not exist")
        );
        assert_eq!(error["source"]["pointer"], "/data/attributes/customerId");
    }
    let endless = samples::order(&"9".repeat(100_000));
    target
        .post("/orders", endless)
        .await
        .refused(400, "INVALID_REFERENCE");
}

pub async fn an_amount_beyond_every_column_is_the_documented_500(target: &Target) {
    let customer = samples::some_customer(target).await;
    for amount in ["10000000000000000", "1e28", "1e300"] {
        let body = format!(
            r#"{{"customerId":"{customer}","status":"PENDING","total":{amount},"subtotal":1}}"#
        );
        target
            .post("/orders", body)
            .await
            .refused(500, "DATABASE_ERROR");
        let body = format!(
            r#"{{"customerId":"{customer}","status":"PENDING","total":1,"subtotal":1,
                "items":[{{"productId":"gold","quantity":1,"price":{amount}}}]}}"#
        );
        target
            .post("/orders", body)
            .await
            .refused(500, "DATABASE_ERROR");
    }
    let left = target.get(&format!("/customers/{customer}/orders")).await;
    assert!(
        left.ids().is_empty(),
        "an order without its items was left behind"
    );
}

pub async fn an_unknown_order_is_not_found(target: &Target) {
    for id in samples::unknown_ids() {
        target
            .get(&format!("/orders/{id}"))
            .await
            .refused(404, "NOT_FOUND");
    }
    target.get("/orders/").await.refused(404, "NOT_FOUND");
    let answer = target.get("/orders/nothing").await;
    assert_eq!(
        answer.json["errors"][0]["detail"],
        "Order with ID nothing not found"
    );
}

/// A customer with an order in each state: the paths of the list, and the ids by activity.
async fn one_of_each(target: &Target) -> (String, BTreeSet<String>, BTreeSet<String>) {
    let customer = samples::some_customer(target).await;
    let mut ids = (BTreeSet::new(), BTreeSet::new());
    for (status, active) in [
        ("PENDING", true),
        ("CONFIRMED", true),
        ("PROCESSING", true),
        ("SHIPPED", true),
        ("DELIVERED", false),
        ("CANCELLED", false),
        ("RETURNED", false),
    ] {
        let mut body = samples::order(&customer);
        body["status"] = status.into();
        let id = target.post("/orders", body).await.expect(201).id();
        if active {
            ids.0.insert(id)
        } else {
            ids.1.insert(id)
        };
    }
    (format!("/customers/{customer}/orders"), ids.0, ids.1)
}

pub async fn the_orders_of_a_customer_are_filtered_by_activity(target: &Target) {
    let (path, active, inactive) = one_of_each(target).await;
    // Somebody else's order is in no list of this customer.
    let _ = samples::some_order(target, "1").await;
    let listed = async |query: &str| -> BTreeSet<String> {
        target
            .get(&format!("{path}{query}"))
            .await
            .expect(200)
            .ids()
            .into_iter()
            .collect()
    };
    assert_eq!(listed("?isActive=true").await, active);
    assert_eq!(listed("?isActive=false").await, inactive);
    assert_eq!(listed("").await, &active | &inactive);
}

pub async fn any_other_value_of_is_active_is_no_filter(target: &Target) {
    let (path, _, _) = one_of_each(target).await;
    for query in [
        "?isActive=",
        "?isActive=TRUE",
        "?isActive=1",
        "?isactive=true",
        "?x=%FF&%",
        "?",
    ] {
        let answer = target.get(&format!("{path}{query}")).await.expect(200);
        assert_eq!(answer.ids().len(), 7, "{query}");
    }
}

pub async fn a_customer_without_orders_has_an_empty_list(target: &Target) {
    let customer = samples::some_customer(target).await;
    let answer = target
        .get(&format!("/customers/{customer}/orders"))
        .await
        .expect(200);
    assert_eq!(answer.json, json!({"data": [], "meta": {"count": 0}}));
}

pub async fn the_orders_of_an_unknown_customer_are_not_found(target: &Target) {
    for id in samples::unknown_ids() {
        target
            .get(&format!("/customers/{id}/orders"))
            .await
            .refused(404, "NOT_FOUND");
    }
}
