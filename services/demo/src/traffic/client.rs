//! A client of the order-management API.

use super::Pace;
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;

/// No answer of the sample system or of the proxy is longer.
const LONGEST: usize = 4 << 20;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks for JSON.
#[derive(Clone)]
pub(super) struct Http(hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>);

impl Http {
    pub(super) fn new() -> Self {
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
        Self(http.build(HttpConnector::new()))
    }

    /// The answer, if there is one in time and it is JSON; null is sent as no body.
    pub(super) async fn ask(&self, method: Method, url: &str, body: &Value) -> Option<Value> {
        let body = if body.is_null() {
            Bytes::new()
        } else {
            body.to_string().into()
        };
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("content-type", "application/json")
            .body(Full::from(body))
            .ok()?;
        let answer = async {
            let response = self.0.request(request).await.ok()?;
            let body = Limited::new(response.into_body(), LONGEST)
                .collect()
                .await
                .ok()?;
            serde_json::from_slice(&body.to_bytes()).ok()
        };
        tokio::time::timeout(PATIENCE, answer).await.ok()?
    }
}

pub(super) struct Client {
    http: Http,
    proxy: SocketAddr,
    pace: Pace,
}

impl Client {
    pub(super) fn new(proxy: SocketAddr, pace: Pace) -> Self {
        Self {
            http: Http::new(),
            proxy,
            pace,
        }
    }

    /// Looks at something; what comes back is looked at by the proxy, not here.
    pub(super) async fn get(&self, path: &str) {
        self.ask(Method::GET, path, &Value::Null).await;
    }

    /// Sends a document; the id of what was made, if something was.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Option<String> {
        let answer = self.ask(Method::POST, path, body).await?;
        answer.pointer("/data/id")?.as_str().map(str::to_owned)
    }

    /// A client that gets no answer goes on with something else; the proxy counts the failure.
    async fn ask(&self, method: Method, path: &str, body: &Value) -> Option<Value> {
        self.pace.next().await;
        let url = format!("http://{}{path}", self.proxy);
        self.http.ask(method, &url, body).await
    }
}
