//! What the proxy is told and asked: ids that a copy made, what a comparison found, and the mirrored
//! writes that it holds.
//!
//! Told over its control API, once and with a deadline. Whoever tells says what became of it; a
//! proxy that is away spoils no copy and no comparison.

mod ids;
mod outbox;
mod report;

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, IF_MATCH};
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kit::error::Cause;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::net::lookup_host;

pub use ids::{Told, tell_ids};
pub use outbox::{HeldWrite, Hold, Outbox, Pair, Released, Standing, Tainted};
pub use report::tell_report;

/// How long an answer may take, connection included.
const DEADLINE: Duration = Duration::from_secs(10);

/// The longest answer that is read: a page of writes with all their lanes.
const ANSWER_LIMIT: usize = 16 << 20;

/// Characters of a refusal that are repeated.
const SHOWN: usize = 300;

/// The proxy's control API.
#[derive(Debug, Clone)]
pub struct Proxy {
    http: Client<HttpConnector, Full<Bytes>>,
    /// `host:port`.
    address: String,
    base: String,
}

/// An error as the control API writes it.
#[derive(Deserialize)]
struct Refusal {
    error: RefusalDetail,
}

#[derive(Deserialize)]
struct RefusalDetail {
    message: String,
}

/// A URL at which no control API can be.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not the URL of a control API such as http://127.0.0.1:8081")]
pub struct UrlError(String);

/// Why the proxy was not told.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// It did not answer in time.
    #[error("no answer from {0} within {DEADLINE:?}")]
    TooLate(String),
    /// It could not be asked.
    #[error("{0} could not be asked")]
    Exchange(String, #[source] Cause),
    /// It refused.
    #[error("{url} answered {status}: {said}")]
    Refused {
        /// What was asked.
        url: String,
        /// The status.
        status: StatusCode,
        /// The beginning of what it said.
        said: String,
    },
    /// What was asked for is for the holder of a hold, and that is somebody else by now or nobody.
    #[error("the proxy does not hold its writes for this command any more: {0}")]
    Over(String),
    /// It is something else that answers there.
    #[error("{0} answered with something that no control API says")]
    Answer(String, #[source] serde_json::Error),
    /// It did not take every pair of ids.
    #[error("not every pair of ids was taken by the proxy: {0}")]
    Untaken(Told),
    /// What is to be told could not be read.
    #[error("the ids could not be read")]
    Ids(#[source] Cause),
}

impl std::str::FromStr for Proxy {
    type Err = UrlError;

    fn from_str(base: &str) -> Result<Self, UrlError> {
        let wrong = || UrlError(without_user(base).chars().take(SHOWN).collect());
        let uri: Uri = base.parse().map_err(|_| wrong())?;
        let sound = |authority: &Authority| {
            !authority.host().is_empty()
                && (authority.as_str() == authority.host() || authority.port_u16().is_some())
                && !authority.as_str().contains('@')
        };
        let authority = uri.authority().filter(|authority| sound(authority));
        let authority = authority.ok_or_else(wrong)?;
        let plain = uri.scheme() == Some(&Scheme::HTTP)
            && matches!(uri.path(), "" | "/")
            && uri.query().is_none();
        if !plain {
            return Err(wrong());
        }
        Ok(Self {
            http: Client::builder(TokioExecutor::new()).build_http(),
            address: format!(
                "{}:{}",
                authority.host(),
                authority.port_u16().unwrap_or(80)
            ),
            base: base.trim_end_matches('/').to_owned(),
        })
    }
}

impl Proxy {
    /// Posts a document, and reads the answer to it.
    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        document: &(impl Serialize + Sync),
    ) -> Result<T, LinkError> {
        self.post_as(path, None, document).await
    }

    /// The same for what a tag names.
    async fn post_as<T: DeserializeOwned>(
        &self,
        path: &str,
        tag: Option<HeaderValue>,
        document: &(impl Serialize + Sync),
    ) -> Result<T, LinkError> {
        // What is told are texts and numbers, which can always be written.
        let body = serde_json::to_vec(document).unwrap_or_default();
        self.read(path, self.ask(Method::POST, path, tag, body).await?)
    }

    /// Reads a document.
    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, LinkError> {
        let answer = self.ask(Method::GET, path, None, Vec::new()).await?;
        self.read(path, answer)
    }

    fn read<T: DeserializeOwned>(
        &self,
        path: &str,
        (status, body): (StatusCode, Bytes),
    ) -> Result<T, LinkError> {
        if status != StatusCode::OK {
            return Err(self.refused(path, status, &body));
        }
        let read = serde_json::from_slice(&body);
        read.map_err(|error| LinkError::Answer(self.url(path), error))
    }

    fn refused(&self, path: &str, status: StatusCode, body: &[u8]) -> LinkError {
        let error: Option<Refusal> = serde_json::from_slice(body).ok();
        let said = error.map_or_else(
            || String::from_utf8_lossy(body).into_owned(),
            |refusal| refusal.error.message,
        );
        LinkError::Refused {
            url: self.url(path),
            status,
            said: said.chars().take(SHOWN).collect(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        tag: Option<HeaderValue>,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), LinkError> {
        let exchange = tokio::time::timeout(DEADLINE, self.exchange(method, path, tag, body));
        match exchange.await {
            Ok(answered) => answered.map_err(|cause| LinkError::Exchange(self.url(path), cause)),
            Err(_) => Err(LinkError::TooLate(self.url(path))),
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        tag: Option<HeaderValue>,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), Cause> {
        // The control API is asked by address: to a name, which a web page could have moved, it
        // would not answer.
        let address = lookup_host(&self.address).await?.next();
        let address = address.ok_or("the name has no address")?;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{address}{path}"))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body))?;
        if let Some(tag) = tag {
            request.headers_mut().insert(IF_MATCH, tag);
        }
        let response = self.http.request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_LIMIT);
        Ok((status, body.collect().await?.to_bytes()))
    }
}

/// A URL as an error may repeat it: without user and password.
fn without_user(url: &str) -> String {
    let hidden = url.rsplit_once('@').map(|(before, host)| {
        let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
        format!("{scheme}://…@{host}")
    });
    hidden.unwrap_or_else(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::Proxy;

    #[test]
    fn a_control_api_is_at_a_plain_http_address() {
        for url in ["http://127.0.0.1:8081", "http://proxy:8081/"] {
            assert!(url.parse::<Proxy>().is_ok(), "{url}");
        }
        for url in [
            "",
            "proxy",
            "https://proxy",
            "http://",
            "http://p/api",
            "http://p?x=1",
            "http://p:99999",
        ] {
            let error = url.parse::<Proxy>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{url}`")), "{error}");
        }
        for url in ["http://u:secret@p:8081", "http://u:se@cret@p", "u:secret@p"] {
            let error = url.parse::<Proxy>().unwrap_err().to_string();
            assert!(!error.contains("cret") && error.contains("@p"), "{error}");
        }
    }
}
