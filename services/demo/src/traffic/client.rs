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

/// No answer of the sample system is longer.
const LONGEST: usize = 4 << 20;

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

type Http = hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>;

pub(super) struct Client {
    http: Http,
    proxy: SocketAddr,
    pace: Pace,
}

impl Client {
    pub(super) fn new(proxy: SocketAddr, pace: Pace) -> Self {
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
        Self {
            http: http.build(HttpConnector::new()),
            proxy,
            pace,
        }
    }

    /// Looks at something; what comes back is looked at by the proxy, not here.
    pub(super) async fn get(&self, path: &str) {
        self.ask(Method::GET, path, Bytes::new()).await;
    }

    /// Sends a document; the id of what was made, if something was.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Option<String> {
        let answer = self
            .ask(Method::POST, path, body.to_string().into())
            .await?;
        answer.pointer("/data/id")?.as_str().map(str::to_owned)
    }

    async fn ask(&self, method: Method, path: &str, body: Bytes) -> Option<Value> {
        self.pace.next().await;
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.proxy))
            .header("content-type", "application/json")
            .body(Full::from(body))
            .ok()?;
        let answer = async {
            let response = self.http.request(request).await.ok()?;
            let body = Limited::new(response.into_body(), LONGEST)
                .collect()
                .await
                .ok()?;
            serde_json::from_slice(&body.to_bytes()).ok()
        };
        // A client that gets no answer goes on with something else; the proxy counts the failure.
        tokio::time::timeout(PATIENCE, answer).await.ok()?
    }
}
