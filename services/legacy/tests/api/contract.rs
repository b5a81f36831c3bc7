//! What the monolith shares with the modern services.

use std::collections::HashSet;

use axum::http::StatusCode;
use futures::future::join_all;
use serde_json::json;

use crate::monolith::{Monolith, order_body};

#[tokio::test]
async fn an_id_that_is_not_there_is_not_found_whatever_its_shape() {
    let monolith = Monolith::seeded().await;
    let endless = "9".repeat(3000);
    for id in [
        "999999",
        "0",
        "-1",
        "01",
        "%20",
        "%FF",
        "1%2F2",
        "x",
        endless.as_str(),
    ] {
        for collection in ["customers", "orders", "invoices"] {
            let answer = monolith.get(&format!("/{collection}/{id}")).await;
            assert_eq!(
                answer.status,
                StatusCode::NOT_FOUND,
                "{collection} {id}: {}",
                answer.text
            );
            assert_eq!(answer.body["errors"][0]["code"], "NOT_FOUND");
        }
        let orders = monolith.get(&format!("/customers/{id}/orders")).await;
        assert_eq!(orders.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn an_order_shows_its_lines_and_customer() {
    let monolith = Monolith::seeded().await;
    let body = r#"{"customerId":"3","status":"SHIPPED","total":30,"subtotal":30,"items":[
        {"productId":"a","quantity":1,"price":10},{"productId":"b","quantity":2,"price":10}]}"#;
    let made = monolith.post("/orders", body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let data = &made.body["data"];
    assert_eq!(
        data["relationships"]["customer"]["data"],
        json!({"type": "customer", "id": "3"})
    );
    assert_eq!(
        data["relationships"]["items"]["data"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(data["attributes"]["status"], "SHIPPED");
    let read = monolith
        .get(&format!("/orders/{}", data["id"].as_str().unwrap()))
        .await;
    assert_eq!(read.text, made.text);
}

#[tokio::test]
async fn an_order_that_is_refused_leaves_nothing_behind() {
    let monolith = Monolith::seeded().await;
    let before = monolith.get("/customers/1/orders").await.text;
    let body = r#"{"customerId":"1","status":"PENDING","total":1,"subtotal":1,"items":[
        {"productId":"a","quantity":2000000000,"price":9999999999999999}]}"#;
    let answer = monolith.post("/orders", body).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(monolith.get("/customers/1/orders").await.text, before);
    let unknown = monolith.post("/orders", &order_body("99999", "1")).await;
    assert_eq!(unknown.body["errors"][0]["code"], "INVALID_REFERENCE");
}

#[tokio::test]
async fn the_activity_filter_splits_the_orders() {
    let monolith = Monolith::seeded().await;
    let count = async |query: &str| {
        let answer = monolith.get(&format!("/customers/7/orders{query}")).await;
        answer.body["meta"]["count"].as_u64().unwrap()
    };
    let (all, active) = (count("").await, count("?isActive=true").await);
    assert_eq!(all, active + count("?isActive=false").await);
    assert_eq!(all, count("?isActive=maybe").await);
}

#[tokio::test]
async fn invoices_are_listed_newest_first_and_filtered() {
    let monolith = Monolith::seeded().await;
    let all = monolith.get("/invoices").await;
    assert_eq!(all.body["meta"]["count"], 40);
    let times = all.body["data"].as_array().unwrap().iter();
    let times: Vec<_> = times
        .map(|one| one["attributes"]["createdAt"].to_string())
        .collect();
    assert!(times.is_sorted_by(|one, next| one > next));
    for nothing in [
        "status=paid",
        "status=",
        "customerId=x",
        "orderId=07",
        "customerId=1&orderId=%00",
    ] {
        let answer = monolith.get(&format!("/invoices?{nothing}")).await;
        assert_eq!(
            answer.text, r#"{"data":[],"meta":{"count":0}}"#,
            "{nothing}"
        );
    }
    let paid = monolith.get("/invoices?status=PAID").await;
    assert!(paid.body["data"].as_array().unwrap().iter().all(|one| {
        one["attributes"]["status"] == "PAID" && one["attributes"]["paidAt"].is_string()
    }));
}

#[tokio::test]
async fn one_of_eight_racing_invoices_is_made() {
    let monolith = Monolith::seeded().await;
    let body = format!(r#"{{"orderId":"{}"}}"#, monolith.order("10.00").await);
    let race = (0..8).map(|_| monolith.post("/invoices", &body));
    let mut statuses = Vec::new();
    for answer in join_all(race).await {
        statuses.push(answer.status.as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
}

#[tokio::test]
async fn racing_invoices_are_numbered_without_gaps() {
    let monolith = Monolith::seeded().await;
    let mut bodies = Vec::new();
    for _ in 0..20 {
        bodies.push(format!(
            r#"{{"orderId":"{}"}}"#,
            monolith.order("10.00").await
        ));
    }
    let made = join_all(bodies.iter().map(|body| monolith.post("/invoices", body))).await;
    let numbers: HashSet<String> = made
        .iter()
        .map(|answer| {
            answer.body["data"]["attributes"]["number"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let sequence = |number: &String| number.rsplit('-').next().unwrap().parse::<u32>().unwrap();
    let mut sequences: Vec<u32> = numbers.iter().map(sequence).collect();
    sequences.sort_unstable();
    let first = sequences[0];
    assert_eq!(sequences, (first..first + 20).collect::<Vec<_>>());
}

#[tokio::test]
async fn health_names_the_monolith() {
    let monolith = Monolith::seeded().await;
    for path in ["/health", "/health/ready"] {
        let answer = monolith.get(path).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.body["data"]["id"], "legacy-monolith");
    }
}

#[tokio::test]
async fn a_seeded_database_is_not_seeded_again() {
    let monolith = Monolith::seeded().await;
    let again = legacy_monolith::connect(&monolith.url()).await.unwrap();
    assert!(!legacy_monolith::seed(&again).await.unwrap());
}
