//! Whatever the order service does, an invoice is made or refused in time.
#![expect(clippy::unwrap_used, reason = "a test that cannot start panics")]

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use invoice_service::OrderClient;
use kit::testing::{Server, Target};
use serde_json::json;
use tempfile::TempDir;

/// An invoice service that asks for its orders here.
async fn asking(orders: &str) -> Target {
    let directory = tempfile::tempdir().unwrap();
    let invoices = invoices(&directory, orders).await;
    Target::one(&invoices.url()).keeping(vec![invoices], directory)
}

async fn invoices(directory: &TempDir, orders: &str) -> Server {
    let url = format!("sqlite:{}", directory.path().join("modern.db").display());
    let client = OrderClient::new(orders).unwrap();
    let services = invoice_service::connect(&url, client).await.unwrap();
    Server::start(invoice_service::router(services)).await
}

/// An order service that gives one answer to everything.
async fn answering<R: IntoResponse>(
    answer: impl Fn() -> R + Clone + Send + Sync + 'static,
) -> Server {
    Server::start(Router::new().fallback(async move || answer().into_response())).await
}

async fn refuses(orders: &str) {
    let target = asking(orders).await;
    let started = Instant::now();
    let answer = target.post("/invoices", json!({"orderId": "17"})).await;
    answer.refused(500, "SERVICE_COMMUNICATION_ERROR");
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    assert!(
        !answer.text.contains("127.0.0.1"),
        "the inside is shown: {}",
        answer.text
    );
}

#[tokio::test]
async fn an_order_service_that_is_down_is_a_communication_error() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    refuses(&format!("http://{address}")).await;
}

#[tokio::test]
async fn an_order_service_that_never_answers_is_given_up() {
    // It accepts in the kernel's queue, and nobody reads.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    refuses(&format!("http://{}", listener.local_addr().unwrap())).await;
}

#[tokio::test]
async fn an_answer_that_never_ends_is_given_up() {
    let silent =
        || Body::from_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    refuses(&answering(silent).await.url()).await;
    let chunk = || Ok::<_, std::io::Error>(vec![b' '; 64 * 1024]);
    let endless = move || Body::from_stream(futures::stream::repeat_with(chunk));
    refuses(&answering(endless).await.url()).await;
}

#[tokio::test]
async fn an_answer_that_is_no_order_is_a_communication_error() {
    for body in [
        "",
        "<html>",
        "{}",
        r#"{"data":{"id":17}}"#,
        r#"{"data":{"id":"17","attributes":
        {"customerId":"1","subtotal":"10"}}}"#,
    ] {
        refuses(&answering(move || body).await.url()).await;
    }
    for status in [
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::FOUND,
        StatusCode::NO_CONTENT,
    ] {
        refuses(&answering(move || status).await.url()).await;
    }
}

#[tokio::test]
async fn what_the_order_service_does_not_have_is_not_found() {
    let server = answering(|| -> Response { StatusCode::NOT_FOUND.into_response() }).await;
    let target = asking(&server.url()).await;
    target
        .post("/invoices", json!({"orderId": "17"}))
        .await
        .refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn an_order_that_is_not_in_the_database_is_a_database_error() {
    let order = r#"{"data":{"id":"17","attributes":{"customerId":"1","subtotal":10.00}}}"#;
    let server = answering(move || order).await;
    let target = asking(&server.url()).await;
    target
        .post("/invoices", json!({"orderId": "17"}))
        .await
        .refused(500, "DATABASE_ERROR");
}

#[tokio::test]
async fn readiness_names_the_order_service_when_it_is_down() {
    let server = answering(|| StatusCode::BAD_GATEWAY).await;
    let target = asking(&server.url()).await;
    let answer = target.get("/health/ready").await;
    let detail = answer.refused(503, "SERVICE_UNAVAILABLE")["detail"].to_string();
    assert!(detail.contains("order-service"), "{detail}");
    let _ = target.get("/health").await.expect(200);
}
