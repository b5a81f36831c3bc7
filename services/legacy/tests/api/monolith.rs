//! A monolith on a fresh database file, and requests to it.

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
};
use http_body_util::BodyExt;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

/// Dropped, it takes its database along.
pub(crate) struct Monolith {
    router: Router,
    directory: TempDir,
}

/// An answer: its status, its body's text, and the text as JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Monolith {
    pub(crate) async fn seeded() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let monolith = legacy_monolith::connect(&url(&directory)).await.unwrap();
        assert!(legacy_monolith::seed(&monolith).await.unwrap());
        Self {
            router: legacy_monolith::router(monolith),
            directory,
        }
    }

    pub(crate) fn url(&self) -> String {
        url(&self.directory)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.send(Request::post(path).body(body.to_owned().into()).unwrap())
            .await
    }

    /// An order of this subtotal, and its id.
    pub(crate) async fn order(&self, subtotal: &str) -> String {
        let body = order_body("1", subtotal);
        let answer = self.post("/orders", &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        answer.body["data"]["id"].as_str().unwrap().to_owned()
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, text, body }
    }
}

pub(crate) fn order_body(customer: &str, subtotal: &str) -> String {
    format!(
        r#"{{"customerId":"{customer}","status":"PENDING","total":{subtotal},"subtotal":{subtotal}}}"#
    )
}

fn url(directory: &TempDir) -> String {
    format!("sqlite:{}", directory.path().join("legacy.db").display())
}
