//! One test a quirk: the monolith has each that the list documents.

use axum::http::StatusCode;
use legacy_monolith::quirks::QUIRKS;
use serde_json::Value;

use crate::monolith::{Monolith, order_body};

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

fn listed(quirk: &str) -> Vec<(&'static str, &'static str, &'static str)> {
    let quirk = QUIRKS.iter().find(|listed| listed.name == quirk).unwrap();
    quirk.findings.to_vec()
}

#[tokio::test]
async fn timestamps_have_no_zone_at_exactly_the_listed_paths() {
    let monolith = Monolith::seeded().await;
    let order = monolith.order("10.00").await;
    let customer = r#"{"email":"new@example.com","firstName":"New","lastName":"One"}"#;
    let answers = [
        (
            "customer-create",
            monolith.post("/customers", customer).await,
        ),
        ("customer-read", monolith.get("/customers/1").await),
        ("customer-orders", monolith.get("/customers/1/orders").await),
        (
            "order-create",
            monolith.post("/orders", &order_body("1", "5")).await,
        ),
        ("order-read", monolith.get("/orders/1").await),
        (
            "invoice-create",
            monolith.post("/invoices", &invoice_body(&order)).await,
        ),
        ("invoice-list", monolith.get("/invoices").await),
        (
            "invoice-read",
            monolith
                .get(&format!("/invoices/{}", paid(&monolith).await))
                .await,
        ),
    ];
    let mut shown = Vec::new();
    for (route, answer) in &answers {
        assert!(answer.status.is_success(), "{route}: {}", answer.text);
        let mut paths = Vec::new();
        naive_paths(&answer.body, "", &mut paths);
        shown.extend(paths.into_iter().map(|path| (*route, path)));
    }
    shown.sort();
    shown.dedup();
    let mut expected: Vec<_> = listed("naive-timestamps")
        .into_iter()
        .map(|(route, path, _)| (route, path.to_owned()))
        .collect();
    expected.sort();
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn half_a_cent_of_tax_goes_to_the_even_cent() {
    let monolith = Monolith::seeded().await;
    for (subtotal, tax, total) in [("10.25", "1.02", "11.27"), ("10.35", "1.04", "11.39")] {
        let order = monolith.order(subtotal).await;
        let made = monolith.post("/invoices", &invoice_body(&order)).await;
        let read = format!("/invoices/{}", made.body["data"]["id"].as_str().unwrap());
        for answer in [&made, &monolith.get(&read).await] {
            let shown = format!(r#""tax":{tax},"discount":0.00,"total":{total},"#);
            assert!(answer.text.contains(&shown), "{}", answer.text);
        }
    }
}

#[tokio::test]
async fn an_email_in_another_case_is_taken() {
    let monolith = Monolith::seeded().await;
    let body = r#"{"email":"Ada.Marsh@Example.com","firstName":"A","lastName":"M"}"#;
    let answer = monolith.post("/customers", body).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert_eq!(answer.body["errors"][0]["code"], "DUPLICATE_ENTRY");
}

#[tokio::test]
async fn a_customers_orders_come_by_id() {
    let monolith = Monolith::seeded().await;
    let mut out_of_time = 0;
    for customer in 1..=40 {
        let answer = monolith.get(&format!("/customers/{customer}/orders")).await;
        let orders = answer.body["data"].as_array().unwrap().clone();
        let ids = orders
            .iter()
            .map(|order| order["id"].as_str().unwrap().parse::<i64>().unwrap());
        assert!(ids.is_sorted());
        let times = orders
            .iter()
            .map(|order| order["attributes"]["createdAt"].to_string());
        out_of_time += usize::from(!times.is_sorted_by(|one, next| one > next));
    }
    assert!(out_of_time >= 20, "{out_of_time}");
}

#[tokio::test]
async fn amounts_below_ten_to_the_sixteenth_are_accepted() {
    let monolith = Monolith::seeded().await;
    for amount in ["100000000", "9999999999999999.99"] {
        let answer = monolith.post("/orders", &order_body("1", amount)).await;
        assert_eq!(
            answer.status,
            StatusCode::CREATED,
            "{amount}: {}",
            answer.text
        );
    }
    for amount in ["1e16", "1e300"] {
        let answer = monolith.post("/orders", &order_body("1", amount)).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{amount}");
        assert_eq!(answer.body["errors"][0]["code"], "DATABASE_ERROR");
    }
}

fn invoice_body(order: &str) -> String {
    format!(r#"{{"orderId":"{order}"}}"#)
}

/// The id of a seeded invoice that is paid.
async fn paid(monolith: &Monolith) -> String {
    let list = monolith.get("/invoices?status=PAID").await;
    list.body["data"][0]["id"].as_str().unwrap().to_owned()
}
