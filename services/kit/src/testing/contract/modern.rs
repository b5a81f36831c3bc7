//! Claims that only the modern side keeps: the legacy side has a documented quirk instead, or has
//! no use for a mirrored write's primary id.
#![expect(missing_docs, reason = "the name of a claim says what it claims")]

use http::Method;
use serde_json::{Value, json};

use super::samples;
use crate::testing::{Answer, Target};
use crate::time::Millis;

/// Posts as the proxy does when it mirrors a write.
async fn mirrored(target: &Target, path: &str, body: &Value, primary_id: &str) -> Answer {
    let headers = [("cutover-shadow", "1"), ("cutover-primary-id", primary_id)];
    target.send(Method::POST, path, &headers, body).await
}

pub async fn timestamps_are_utc_to_the_millisecond(target: &Target) {
    let made = target
        .post("/customers", samples::customer())
        .await
        .expect(201);
    let text = made.attribute("createdAt").as_str().unwrap();
    assert_eq!(text, text.parse::<Millis>().unwrap().to_string());
}

pub async fn tax_is_rounded_half_up(target: &Target) {
    let order = samples::some_order(target, "10.25").await.id();
    let made = target
        .post("/invoices", json!({"orderId": order}))
        .await
        .expect(201);
    assert!(made.text.contains(r#""tax":1.03"#), "{}", made.text);
    assert!(made.text.contains(r#""total":11.28"#), "{}", made.text);
}

pub async fn emails_that_differ_in_case_are_two(target: &Target) {
    let mut body = samples::customer();
    let _ = target.post("/customers", &body).await.expect(201);
    body["email"] = body["email"].as_str().unwrap().to_uppercase().into();
    let _ = target.post("/customers", &body).await.expect(201);
}

pub async fn the_orders_of_a_customer_are_newest_first(target: &Target) {
    let customer = samples::some_customer(target).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(
            target
                .post("/orders", samples::order(&customer))
                .await
                .expect(201)
                .id(),
        );
    }
    made.reverse();
    let listed = target
        .get(&format!("/customers/{customer}/orders"))
        .await
        .expect(200);
    assert_eq!(listed.ids(), made);
}

pub async fn amounts_end_below_a_hundred_million(target: &Target) {
    let customer = samples::some_customer(target).await;
    let body = |amount: &str| {
        format!(r#"{{"customerId":"{customer}","status":"PENDING","total":1,"subtotal":{amount}}}"#)
    };
    let _ = target
        .post("/orders", body("99999999.99"))
        .await
        .expect(201);
    for amount in ["100000000", "99999999.995", "123456789.12"] {
        target
            .post("/orders", body(amount))
            .await
            .refused(500, "DATABASE_ERROR");
    }
    let order = samples::some_order(target, "99999999.99").await.id();
    let invoice = target.post("/invoices", json!({"orderId": order})).await;
    invoice.refused(500, "DATABASE_ERROR");
}

pub async fn a_mirrored_row_is_found_by_either_id(target: &Target) {
    let customer = samples::customer();
    let customer = mirrored(target, "/customers", &customer, "customer=701")
        .await
        .expect(201);
    let order = samples::order(&customer.id());
    let order = mirrored(target, "/orders", &order, "order=702")
        .await
        .expect(201);
    let invoice = json!({"orderId": order.id()});
    let invoice = mirrored(target, "/invoices", &invoice, "invoice=703")
        .await
        .expect(201);
    for (collection, made, alias) in [
        ("customers", &customer, "701"),
        ("orders", &order, "702"),
        ("invoices", &invoice, "703"),
    ] {
        assert_ne!(made.id(), alias);
        for id in [made.id().as_str(), alias] {
            let read = target.get(&format!("/{collection}/{id}")).await.expect(200);
            assert_eq!(read.text, made.text, "an answer shows the own id");
        }
    }
}

pub async fn references_and_filters_take_either_id(target: &Target) {
    let customer = samples::customer();
    let customer = mirrored(target, "/customers", &customer, "customer=801")
        .await
        .expect(201);
    let order = mirrored(target, "/orders", &samples::order("801"), "order=802")
        .await
        .expect(201);
    assert_eq!(*order.attribute("customerId"), customer.id());
    let invoice = json!({"orderId": "802"});
    let invoice = mirrored(target, "/invoices", &invoice, "invoice=803")
        .await
        .expect(201);
    assert_eq!(*invoice.attribute("orderId"), order.id());
    let error = target.post("/invoices", json!({"orderId": "802"})).await;
    assert_eq!(
        error.refused(409, "CONFLICT")["detail"],
        "Invoice for order 802 already exists"
    );
    assert_eq!(
        target.get("/customers/801/orders").await.expect(200).ids(),
        [order.id()]
    );
    for query in [
        "customerId=801",
        "orderId=802",
        "customerId=801&orderId=802&status=DRAFT",
    ] {
        let listed = target.get(&format!("/invoices?{query}")).await.expect(200);
        assert_eq!(listed.ids(), [invoice.id()], "{query}");
    }
}

pub async fn a_row_that_has_the_id_wins_over_one_that_has_the_alias(target: &Target) {
    let first = target
        .post("/customers", samples::customer())
        .await
        .expect(201);
    let alias = format!("customer={}", first.id());
    let second = mirrored(target, "/customers", &samples::customer(), &alias)
        .await
        .expect(201);
    assert_ne!(first.id(), second.id());
    let read = target
        .get(&format!("/customers/{}", first.id()))
        .await
        .expect(200);
    assert_eq!(read.text, first.text);
}

pub async fn a_redelivered_write_answers_with_what_it_made(target: &Target) {
    let customer = samples::customer();
    let made = mirrored(target, "/customers", &customer, "customer=901")
        .await
        .expect(201);
    let again = mirrored(target, "/customers", &customer, "customer=901")
        .await
        .expect(201);
    assert_eq!(made.text, again.text);
    let order = samples::order("901");
    let made = mirrored(target, "/orders", &order, "order=902")
        .await
        .expect(201);
    let again = mirrored(target, "/orders", &order, "order=902")
        .await
        .expect(201);
    assert_eq!(made.text, again.text);
    assert_eq!(target.get("/customers/901/orders").await.ids().len(), 1);
    let invoice = json!({"orderId": "902"});
    let made = mirrored(target, "/invoices", &invoice, "invoice=903")
        .await
        .expect(201);
    let again = mirrored(target, "/invoices", &invoice, "invoice=903")
        .await
        .expect(201);
    assert_eq!(made.text, again.text);
    assert_eq!(target.get("/invoices?orderId=902").await.ids().len(), 1);
}

pub async fn a_malformed_primary_id_is_a_bad_request(target: &Target) {
    let body = samples::customer();
    for header in ["17", "customer=", "=17"] {
        mirrored(target, "/customers", &body, header)
            .await
            .refused(400, "BAD_REQUEST");
    }
}

pub async fn a_hundred_writes_of_both_services_at_once_all_succeed(target: &Target) {
    let customer = samples::some_customer(target).await;
    let mut invoices = Vec::new();
    for _ in 0..50 {
        let order = target
            .post("/orders", samples::order(&customer))
            .await
            .expect(201);
        invoices.push(json!({"orderId": order.id()}));
    }
    let order = samples::order(&customer);
    let answers = super::at_once(100, |index| match invoices.get(index) {
        Some(invoice) => target.post("/invoices", invoice),
        None => target.post("/orders", &order),
    });
    assert!(answers.await.iter().all(|answer| answer.status == 201));
}
