//! Asks the order service for an order.
//!
//! One deadline covers the whole exchange, and the answer's size is bounded: whatever the other
//! service does, an invoice is refused in time. Only a connection that could not be made is tried
//! again: then nothing of the request was sent.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kit::Money;
use kit::error::Cause;
use kit::telemetry::Trace;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

/// How long an order may take, connection included.
const DEADLINE: Duration = Duration::from_secs(2);

/// The pauses before a connection that could not be made is tried again.
const RETRIES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(200)];

/// The largest answer that is read: an order of the most items is under a fifth of it.
const ANSWER_LIMIT: usize = 512 * 1024;

/// What stays as it is in an id within a path.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// The order service, as seen from here.
#[derive(Debug, Clone)]
pub struct OrderClient {
    http: Client<HttpConnector, Empty<Bytes>>,
    base: String,
}

/// What an invoice needs to know of its order; the ids are the modern side's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) customer_id: String,
    pub(crate) subtotal: Money,
}

/// A base URL that cannot be asked.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a base URL such as http://127.0.0.1:3001")]
pub struct UrlError(String);

/// Why there is no usable answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OrderClientError {
    #[error("no answer from {0} within {DEADLINE:?}")]
    TooLate(String),
    #[error("{0} could not be asked")]
    Exchange(String, #[source] Cause),
    #[error("{0} answered {1}")]
    Status(String, StatusCode),
    #[error("{0} answered with something that is no order")]
    Answer(String, #[source] serde_json::Error),
}

impl OrderClient {
    /// A client of the service at `base`, such as `http://127.0.0.1:3001`.
    pub fn new(base: &str) -> Result<Self, UrlError> {
        let wrong = || UrlError(base.to_owned());
        let uri: Uri = base.parse().map_err(|_| wrong())?;
        let plain = uri.scheme_str() == Some("http")
            && uri
                .authority()
                .is_some_and(|authority| !authority.host().is_empty())
            && uri.query().is_none();
        if !plain {
            return Err(wrong());
        }
        let http = Client::builder(TokioExecutor::new()).build_http();
        Ok(Self {
            http,
            base: base.trim_end_matches('/').to_owned(),
        })
    }

    /// The order with this id, of whichever side; [`None`] when the service has none.
    pub(crate) async fn order(&self, id: &str) -> Result<Option<Order>, OrderClientError> {
        let url = format!("{}/orders/{}", self.base, utf8_percent_encode(id, PLAIN));
        let (status, body) = self.ask(&url).await?;
        match status {
            StatusCode::OK => serde_json::from_slice::<Answer>(&body)
                .map(|answer| Some(answer.data.into()))
                .map_err(|error| OrderClientError::Answer(url, error)),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(OrderClientError::Status(url, status)),
        }
    }

    /// Whether the service is up.
    pub(crate) async fn ping(&self) -> Result<(), OrderClientError> {
        let url = format!("{}/health", self.base);
        match self.ask(&url).await? {
            (StatusCode::OK, _) => Ok(()),
            (status, _) => Err(OrderClientError::Status(url, status)),
        }
    }

    async fn ask(&self, url: &str) -> Result<(StatusCode, Bytes), OrderClientError> {
        match tokio::time::timeout(DEADLINE, self.exchange(url)).await {
            Ok(answer) => answer.map_err(|cause| OrderClientError::Exchange(url.to_owned(), cause)),
            Err(_) => Err(OrderClientError::TooLate(url.to_owned())),
        }
    }

    async fn exchange(&self, url: &str) -> Result<(StatusCode, Bytes), Cause> {
        let response = self.response(url).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_LIMIT)
            .collect()
            .await?;
        Ok((status, body.to_bytes()))
    }

    async fn response(&self, url: &str) -> Result<Response<Incoming>, Cause> {
        for pause in RETRIES {
            match self.http.request(request(url)?).await {
                Err(error) if error.is_connect() => tokio::time::sleep(pause).await,
                answered => return Ok(answered?),
            }
        }
        Ok(self.http.request(request(url)?).await?)
    }
}

/// A request with the ids of the one that is being answered.
fn request(url: &str) -> Result<Request<Empty<Bytes>>, http::Error> {
    let mut request = Request::get(url).body(Empty::new())?;
    if let Some(trace) = Trace::current() {
        trace.carry(request.headers_mut());
    }
    Ok(request)
}

#[derive(Deserialize)]
struct Answer {
    data: Resource,
}

#[derive(Deserialize)]
struct Resource {
    id: String,
    attributes: Attributes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    customer_id: String,
    subtotal: Money,
}

impl From<Resource> for Order {
    fn from(resource: Resource) -> Self {
        let Attributes {
            customer_id,
            subtotal,
        } = resource.attributes;
        Self {
            id: resource.id,
            customer_id,
            subtotal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_plain_http_to_a_host() {
        for base in [
            "http://127.0.0.1:3001",
            "http://orders",
            "http://orders/api/",
        ] {
            assert!(OrderClient::new(base).is_ok(), "{base}");
        }
        for base in [
            "",
            "orders",
            "127.0.0.1:3001",
            "https://orders",
            "http://",
            "http://o?x=1",
        ] {
            assert!(OrderClient::new(base).is_err(), "{base}");
        }
    }
}
