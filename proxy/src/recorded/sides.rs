//! The two sides that recorded requests are sent to.

use super::{MAX_BODY, Recorded};
use crate::exchange::budget::Budget;
use crate::exchange::{CapturedRequest, CapturedResponse};
use crate::mirror::wire::{Request, Room, ask};
use crate::outcome::Ending;
use crate::routing::{Upstream, UpstreamSpec};
use crate::side::Side;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Uri};
use pingora::connectors::TransportConnector;
use pingora::http::RequestHeader;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Both sides, and the way to them.
pub(crate) struct Sides {
    legacy: Target,
    modern: Target,
    connector: TransportConnector,
    budget: Arc<Budget>,
}

/// One side.
struct Target {
    upstream: Upstream,
    /// What it is called in the requests that it gets.
    host: HeaderValue,
    /// What stands before the path of each request.
    prefix: String,
}

/// Why a side can't be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UrlError {
    /// It is no URL that a server can have.
    #[error("--{side} {url:?} is no URL such as https://orders.example.com:8443/base")]
    Form {
        /// The side.
        side: Side,
        /// What was given.
        url: String,
    },
    /// It has no address.
    #[error("--{side} {url:?}: the host has no address")]
    NoAddress {
        /// The side.
        side: Side,
        /// What was given.
        url: String,
    },
}

impl Sides {
    /// Looks both sides up.
    pub(crate) async fn find(legacy: &str, modern: &str) -> Result<Self, UrlError> {
        Ok(Self {
            legacy: Target::find(Side::Legacy, legacy).await?,
            modern: Target::find(Side::Modern, modern).await?,
            connector: TransportConnector::new(None),
            // Every answer has a limit of its own, and only so many are asked for at once.
            budget: Budget::new(usize::MAX),
        })
    }

    /// What both sides answer; else which of them gave no answer, and what happened.
    pub(super) async fn ask(
        &self,
        recorded: &Recorded,
    ) -> Result<(CapturedResponse, CapturedResponse), (Side, Ending)> {
        let one = |side, target| async move {
            let asked = self.one(target, &recorded.request);
            let answer = timeout(PATIENCE, asked).await;
            let answer = answer.unwrap_or(Err(Ending::CandidateDeadline));
            answer.map_err(|ending| (side, ending))
        };
        let legacy = one(Side::Legacy, &self.legacy);
        let modern = one(Side::Modern, &self.modern);
        let (legacy, modern) = tokio::join!(legacy, modern);
        Ok((legacy?, modern?))
    }

    async fn one(
        &self,
        target: &Target,
        request: &CapturedRequest,
    ) -> Result<CapturedResponse, Ending> {
        let peer = target.upstream.peer().ok_or(Ending::CandidateNoPeer)?;
        let request = target.request(request)?;
        let room = Room {
            max_body: MAX_BODY,
            hold: &mut self.budget.hold(),
        };
        ask(&self.connector, &peer, &request, room).await
    }
}

impl Target {
    async fn find(side: Side, url: &str) -> Result<Self, UrlError> {
        let url = url.to_owned();
        let Some((tls, authority, prefix)) = parse(&url) else {
            return Err(UrlError::Form { side, url });
        };
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let host = authority.host();
        let seconds = Duration::from_secs;
        let upstream = Upstream::new(UpstreamSpec {
            name: side.as_str().into(),
            peers: vec![format!("{host}:{port}")],
            tls,
            sni: host.trim_matches(['[', ']']).to_owned(),
            connect_timeout: seconds(5),
            read_timeout: PATIENCE,
            write_timeout: PATIENCE,
            idle_timeout: seconds(5),
            health_check: None,
            mirror_concurrency: 1,
            mirror_queue: 1,
        });
        upstream.look_up().await;
        let Ok(host) = HeaderValue::from_str(authority.as_str()) else {
            return Err(UrlError::Form { side, url });
        };
        if upstream.peers() == 0 {
            return Err(UrlError::NoAddress { side, url });
        }
        Ok(Self {
            upstream,
            host,
            prefix,
        })
    }

    fn request(&self, recorded: &CapturedRequest) -> Result<Request, Ending> {
        let mut parts = http::Request::new(()).into_parts().0;
        let target = [self.prefix.as_bytes(), &recorded.target].concat();
        parts.uri = Uri::try_from(target).map_err(|_| Ending::CandidateProtocol)?;
        parts.method = recorded.method.clone();
        parts.headers = recorded.headers.clone();
        parts.headers.insert(HOST, self.host.clone());
        let length: usize = recorded.body.iter().map(Bytes::len).sum();
        if length > 0 || !recorded.method.is_safe() {
            let length = HeaderValue::from(length);
            parts.headers.insert(CONTENT_LENGTH, length);
        }
        Ok(Request {
            header: RequestHeader::from(parts),
            body: recorded.body.clone(),
        })
    }
}

/// Whether a URL speaks TLS, its host, and its path without a slash at the end.
fn parse(url: &str) -> Option<(bool, Authority, String)> {
    let parts = url.parse::<Uri>().ok()?.into_parts();
    let tls = match parts.scheme? {
        scheme if scheme == Scheme::HTTP => false,
        scheme if scheme == Scheme::HTTPS => true,
        _ => return None,
    };
    // A name and password would have to go somewhere, and a query nowhere.
    let authority = parts.authority.filter(|a| !a.as_str().contains('@'))?;
    let path = parts.path_and_query?;
    let prefix = path.path().trim_end_matches('/').to_owned();
    path.query().is_none().then_some((tls, authority, prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_is_a_url_without_query_or_password() {
        let prefix = |url: &str| parse(url).map(|(tls, _, prefix)| (tls, prefix));
        assert_eq!(prefix("http://a"), Some((false, String::new())));
        assert_eq!(prefix("https://[::1]:8/b/c/"), Some((true, "/b/c".into())));
        for wrong in [
            "a",
            "/x",
            "ftp://a",
            "http://u:p@a",
            "http://a/?q",
            "http://",
            "",
        ] {
            assert_eq!(prefix(wrong), None, "{wrong}");
        }
    }
}
