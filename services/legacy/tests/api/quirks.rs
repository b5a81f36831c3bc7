//! One test a quirk: the monolith has each that the list documents.

use std::collections::BTreeSet;

use kit::testing::{Answer, Target};
use legacy_monolith::quirks::{Finding, QUIRKS};
use serde_json::Value;

/// Whether a text is a timestamp to the millisecond, on a tick of 1/300 s, without a zone.
fn is_naive_tick(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    let on_tick = text.ends_with(['0', '3', '7']);
    text.len() == "2024-01-02T03:04:05.123".len()
        && on_tick
        && text.parse::<jiff::civil::DateTime>().is_ok()
        && text.parse::<jiff::Timestamp>().is_err()
}

/// Paths of timestamps in a body, array positions as `*`.
fn naive_paths(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                naive_paths(value, &format!("{path}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for item in items {
                naive_paths(item, &format!("{path}/*"), found);
            }
        }
        leaf if is_naive_tick(leaf) => found.push(path.to_owned()),
        _ => {}
    }
}

fn listed(quirk: &str) -> &'static [Finding] {
    let quirk = QUIRKS.iter().find(|listed| listed.name == quirk).unwrap();
    quirk.findings
}

/// The general paths of the naive timestamps in an answer.
fn naive_paths_of(answer: &Answer) -> BTreeSet<String> {
    let mut found = Vec::new();
    naive_paths(&answer.json, "", &mut found);
    found.into_iter().collect()
}

pub(crate) async fn timestamps_have_no_zone_at_exactly_the_listed_paths(target: &Target) {
    let customer = r#"{"email":"new@example.com","firstName":"New","lastName":"One"}"#;
    let made = order(target, "10.00").await;
    let paid = target.get("/invoices?status=PAID").await.ids().remove(0);
    let answers = [
        (
            "customer-create",
            target.post("/customers", customer).await.expect(201),
        ),
        (
            "customer-read",
            target.get("/customers/1").await.expect(200),
        ),
        (
            "customer-orders",
            target.get("/customers/1/orders").await.expect(200),
        ),
        ("order-read", target.get("/orders/1").await.expect(200)),
        (
            "invoice-create",
            invoice(target, &made.id()).await.expect(201),
        ),
        ("invoice-list", target.get("/invoices").await.expect(200)),
        (
            "invoice-read",
            target.get(&format!("/invoices/{paid}")).await.expect(200),
        ),
        ("order-create", made),
    ];
    let shown: BTreeSet<(&str, String)> = answers
        .iter()
        .flat_map(|(route, answer)| {
            naive_paths_of(answer)
                .into_iter()
                .map(|path| (*route, path))
        })
        .collect();
    let listed = listed("naive-timestamps").iter();
    let expected = listed
        .map(|(route, path, _)| (*route, (*path).to_owned()))
        .collect();
    assert_eq!(shown, expected);
}

pub(crate) async fn half_a_cent_of_tax_goes_to_the_even_cent(target: &Target) {
    for (subtotal, tax, total) in [("10.25", "1.02", "11.27"), ("10.35", "1.04", "11.39")] {
        let made = order(target, subtotal).await;
        let made = invoice(target, &made.id()).await.expect(201);
        let read = target.get(&format!("/invoices/{}", made.id())).await;
        let shown = format!(r#""tax":{tax},"discount":0.00,"total":{total},"#);
        for answer in [&made, &read] {
            assert!(answer.text.contains(&shown), "{shown} in {}", answer.text);
        }
    }
}

pub(crate) async fn an_email_in_another_case_is_taken(target: &Target) {
    let body = r#"{"email":"Ada.Marsh@Example.com","firstName":"A","lastName":"M"}"#;
    target
        .post("/customers", body)
        .await
        .refused(409, "DUPLICATE_ENTRY");
}

pub(crate) async fn a_customers_orders_come_by_id(target: &Target) {
    let mut out_of_time = 0;
    for customer in 1..=40 {
        let answer = target
            .get(&format!("/customers/{customer}/orders"))
            .await
            .expect(200);
        let ids = answer
            .ids()
            .into_iter()
            .map(|id| id.parse::<i64>().unwrap());
        assert!(ids.is_sorted(), "{}", answer.text);
        let orders = answer.json["data"].as_array().unwrap().iter();
        let times = orders.map(|order| order["attributes"]["createdAt"].to_string());
        out_of_time += usize::from(!times.is_sorted_by(|one, next| one > next));
    }
    assert!(out_of_time >= 20, "{out_of_time} customers");
}

pub(crate) async fn amounts_below_ten_to_the_sixteenth_are_accepted(target: &Target) {
    for amount in ["100000000.00", "9999999999999999.99"] {
        let made = order(target, amount).await;
        let shown = format!(r#""total":{amount},"subtotal":{amount},"#);
        assert!(made.text.contains(&shown), "{shown} in {}", made.text);
    }
}

pub(crate) async fn a_price_ends_where_money_ends(target: &Target) {
    let body = |price: &str| {
        format!(
            r#"{{"customerId":"1","status":"PENDING","total":1,"subtotal":1,
                "items":[{{"productId":"gold","quantity":1,"price":{price}}}]}}"#
        )
    };
    let last = target.post("/orders", body("922337203685477.58")).await;
    let _ = last.expect(201);
    let next = target.post("/orders", body("922337203685477.59")).await;
    next.refused(500, "DATABASE_ERROR");
}

async fn order(target: &Target, subtotal: &str) -> Answer {
    let body = format!(
        r#"{{"customerId":"1","status":"PENDING","total":{subtotal},"subtotal":{subtotal}}}"#
    );
    target.post("/orders", body).await.expect(201)
}

async fn invoice(target: &Target, order: &str) -> Answer {
    target
        .post("/invoices", format!(r#"{{"orderId":"{order}"}}"#))
        .await
}
