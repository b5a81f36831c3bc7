//! A running service under test, and the client that asks it.

use std::fmt::Display;
use std::net::SocketAddr;

use axum::Router;
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A router served on a free port of the loopback, until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

/// The implementation that a claim is held against.
#[derive(Debug)]
pub struct Target {
    orders: String,
    invoices: String,
    http: Client<HttpConnector, Full<Bytes>>,
    servers: Vec<Server>,
    directory: Option<TempDir>,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body as JSON; null when it is none.
    pub json: Value,
}

impl Server {
    /// Serves the router.
    pub async fn start(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move { drop(stopped.await) };
        tokio::spawn(crate::serve::serve(listener, router, shutdown));
        Self {
            address,
            _stop: stop,
        }
    }

    /// Such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Target {
    /// An implementation in one process.
    pub fn one(base: &str) -> Self {
        Self::two(base, base)
    }

    /// An implementation whose invoices are served elsewhere.
    pub fn two(orders: &str, invoices: &str) -> Self {
        Self {
            orders: orders.to_owned(),
            invoices: invoices.to_owned(),
            http: Client::builder(TokioExecutor::new()).build_http(),
            servers: Vec::new(),
            directory: None,
        }
    }

    /// Keeps servers and their directory for as long as the target is asked.
    #[must_use]
    pub fn keeping(mut self, servers: Vec<Server>, directory: TempDir) -> Self {
        self.servers = servers;
        self.directory = Some(directory);
        self
    }

    /// Where the orders are served, and where the invoices are.
    pub fn bases(&self) -> [&str; 2] {
        [&self.orders, &self.invoices]
    }

    /// The directory that the target keeps.
    pub fn directory(&self) -> &std::path::Path {
        self.directory
            .as_ref()
            .expect("a target that keeps its directory")
            .path()
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    /// `POST path` with a body, mostly the macro `json!`.
    pub async fn post(&self, path: &str, body: impl Display) -> Answer {
        self.send(Method::POST, path, &[], body).await
    }

    /// Any request.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Display,
    ) -> Answer {
        let base = if path.starts_with("/invoices") {
            &self.invoices
        } else {
            &self.orders
        };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{base}{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = Full::new(Bytes::from(body.to_string()));
        let request = request.body(body).expect("a request");
        let response = self.http.request(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        let text = String::from_utf8(body.to_vec()).expect("a body of text");
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text,
            json,
        }
    }
}

impl Answer {
    /// The answer, once its status is this one.
    #[must_use]
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// The id of the one resource.
    #[track_caller]
    pub fn id(&self) -> String {
        self.json["data"]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("no id: {}", self.text))
            .to_owned()
    }

    /// An attribute of the one resource.
    pub fn attribute(&self, name: &str) -> &Value {
        &self.json["data"]["attributes"][name]
    }

    /// The ids of a collection, once `meta.count` agrees with it.
    #[track_caller]
    pub fn ids(&self) -> Vec<String> {
        let data = self.json["data"]
            .as_array()
            .unwrap_or_else(|| panic!("no list: {}", self.text));
        assert_eq!(self.json["meta"]["count"], data.len(), "{}", self.text);
        data.iter()
            .map(|resource| resource["id"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Checks a refusal in the JSON:API shape: status, code, and that only the contract's members
    /// are there.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> &Value {
        assert_eq!(self.status, status, "{}", self.text);
        let errors = self.json["errors"].as_array().expect("a list of errors");
        assert_eq!(errors.len(), 1, "{}", self.text);
        let error = &errors[0];
        assert_eq!(error["status"], status.to_string(), "{}", self.text);
        assert_eq!(error["code"], code, "{}", self.text);
        assert!(
            error["title"].is_string() && error["detail"].is_string(),
            "{}",
            self.text
        );
        error
    }

    /// Checks a refusal in the validation shape, and every line of it.
    #[track_caller]
    pub fn violates(&self, lines: &[&str]) {
        let expected = serde_json::json!({
            "statusCode": 400, "error": "Bad Request", "message": lines,
        });
        assert_eq!((self.status, &self.json), (400, &expected));
    }
}
