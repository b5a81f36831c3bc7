//! What the order service sees of a request to the invoice service.
#![expect(clippy::unwrap_used, reason = "a test that cannot start panics")]

use std::sync::{Arc, Mutex};

use axum::Router;
use http::{HeaderMap, Method};
use invoice_service::OrderClient;
use kit::testing::contract::frame;
use kit::testing::{Server, Target};
use serde_json::json;
use tokio::net::TcpListener;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

async fn asking(orders: &str) -> Target {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", directory.path().join("modern.db").display());
    let client = OrderClient::new(orders).unwrap();
    let services = invoice_service::connect(&url, client).await.unwrap();
    let invoices = Server::start(invoice_service::router(services)).await;
    Target::one(&invoices.url()).keeping(vec![invoices], directory)
}

#[tokio::test]
async fn the_order_service_gets_the_requests_ids() {
    let seen = Arc::new(Mutex::new(HeaderMap::new()));
    let keep = seen.clone();
    let orders = Router::new().fallback(async move |headers: HeaderMap| {
        *keep.lock().unwrap() = headers;
        http::StatusCode::NOT_FOUND
    });
    let orders = Server::start(orders).await;
    let target = asking(&orders.url()).await;
    let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let ids = [("x-request-id", "r-17"), ("traceparent", parent.as_str())];
    let body = json!({"orderId": "17"});
    let answer = target.send(Method::POST, "/invoices", &ids, &body).await;
    answer.refused(404, "NOT_FOUND");
    let seen = seen.lock().unwrap();
    assert_eq!(seen["x-request-id"], "r-17");
    let onward = seen["traceparent"].to_str().unwrap();
    assert!(onward.starts_with(&format!("00-{TRACE}-")), "{onward}");
    assert_ne!(onward, parent, "the span is the caller's");
}

#[tokio::test]
async fn a_connection_that_was_refused_is_tried_again() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    drop(taken);
    let target = asking(&format!("http://{address}")).await;
    // The service comes up once the request is on its way, and within the retries' pauses.
    let body = json!({"orderId": "17"});
    let asked = target.post("/invoices", &body);
    let up = async {
        tokio::task::yield_now().await;
        let listener = TcpListener::bind(address).await.unwrap();
        let orders = Router::new().fallback(async || http::StatusCode::NOT_FOUND);
        tokio::spawn(kit::serve::serve(listener, orders, std::future::pending()));
    };
    let (answer, ()) = futures::join!(asked, up);
    answer.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn a_request_that_was_sent_is_not_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let accepted = tokio::spawn(async move {
        let mut accepted = 0;
        // Each connection is closed once something of a request has come.
        while let Ok((stream, _)) = listener.accept().await {
            accepted += 1;
            stream.readable().await.unwrap();
            if accepted == 2 {
                break;
            }
        }
        accepted
    });
    let target = asking(&url).await;
    let answer = target.post("/invoices", json!({"orderId": "17"})).await;
    answer.refused(500, "SERVICE_COMMUNICATION_ERROR");
    assert!(!accepted.is_finished(), "it was asked twice");
}

#[tokio::test]
async fn every_answer_is_documented() {
    let target = asking("http://127.0.0.1:1").await;
    frame::the_documentation_is_complete_and_needs_no_network(&target).await;
    let api = target.get("/api/docs/openapi.json").await.expect(200);
    let statuses = |path: &str, method: &str| {
        let responses = &api.json["paths"][path][method]["responses"];
        responses
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(
        statuses("/invoices", "post"),
        ["201", "400", "404", "408", "409", "413", "500"]
    );
    assert_eq!(statuses("/invoices/{id}", "get"), ["200", "404", "500"]);
}
