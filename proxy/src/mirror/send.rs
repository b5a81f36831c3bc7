//! One mirrored request on a connection of the mirror's own pool.

use super::{Job, Mirror};
use crate::exchange::{CapturedResponse, made_ids};
use crate::ids::{Misleading, Naming};
use crate::lanes::LaneRule;
use crate::outcome::Ending;
use crate::routing::Peer;
use crate::side::Side;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, Uri};
use pingora::ErrorType;
use pingora::http::RequestHeader;
use pingora::protocols::http::v1::client::HttpSession;
use std::time::Instant;

const SHADOW: HeaderName = HeaderName::from_static("cutover-shadow");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PRIMARY_ID: HeaderName = HeaderName::from_static("cutover-primary-id");

/// How many ids of a write's answer the candidate is told.
const NAMED: usize = 16;

/// How many pooled connections may turn out to be stale before the candidate counts as failing.
const STALE: usize = 3;

impl Mirror {
    /// Sends the exchange's request to the candidate and reads the answer, which must fit into
    /// the budget and the limit.
    pub(super) async fn send(&self, job: &mut Job) -> Result<CapturedResponse, Ending> {
        self.send_to(job.exchange.answered_by.other(), job).await
    }

    /// The same to either side; the one that answered gets the request as it is.
    pub(super) async fn send_to(
        &self,
        side: Side,
        job: &mut Job,
    ) -> Result<CapturedResponse, Ending> {
        let peer = job
            .route
            .upstream(side)
            .and_then(|upstream| upstream.peer())
            .ok_or(Ending::CandidateNoPeer)?;
        let request = self.request(side, job)?;
        let mut stale = 0;
        loop {
            let (connection, reused) = match peer.mirrored.take() {
                Some(connection) => (connection, true),
                // Making a connection is rare, and its future large: held inline it would be
                // copied with every mirror task.
                None => (
                    Box::pin(self.connector.new_stream(&peer.address))
                        .await
                        .map_err(|_| Ending::CandidateConnect)?,
                    false,
                ),
            };
            // A new connection is no part of the answer, as it is none of the primary's.
            let started = Instant::now();
            match exchange(HttpSession::new(connection), &peer, &request, job).await {
                Ok(mut answer) => {
                    answer.took = started.elapsed();
                    if side != job.exchange.answered_by {
                        self.sessions.learn(&job.exchange, &answer);
                    }
                    return Ok(answer);
                }
                // The peer closed a pooled connection while we took it up: not the candidate's
                // fault, and nothing was answered. A write is only sent again if it may be.
                Err(Failed {
                    before_answer: true,
                    ..
                }) if reused && stale < STALE && job.exchange.request.method.is_idempotent() => {
                    stale += 1;
                }
                Err(Failed { ending, .. }) => return Err(ending),
            }
        }
    }
}

/// One attempt on one connection. It has no timeouts of its own: the exchange's deadline ends
/// it, and drops the connection.
async fn exchange(
    mut session: HttpSession,
    peer: &Peer,
    request: &Request,
    job: &mut Job,
) -> Result<CapturedResponse, Failed> {
    // Who takes no more of the request may have answered all the same.
    let mut cut = write(&mut session, request).await.err();
    let may_be_kept = cut.is_none();
    loop {
        let read = session.read_response().await;
        read.map_err(|error| Failed::early(cut.take().unwrap_or(error)))?;
        // Informational answers go before the real one.
        if session
            .resp_header()
            .is_none_or(|h| !h.status.is_informational())
        {
            break;
        }
    }
    let head = session.resp_header().ok_or_else(Failed::protocol)?;
    let mut answer = CapturedResponse {
        status: head.status.as_u16(),
        headers: head.headers.clone(),
        ..CapturedResponse::default()
    };
    let mut bytes: usize = 0;
    while let Some(chunk) = session.read_body_bytes().await.map_err(Failed::late)? {
        bytes = bytes.saturating_add(chunk.len());
        if bytes > job.max_body {
            return Err(Failed {
                ending: Ending::CandidateTooLarge,
                before_answer: false,
            });
        }
        if !job.hold.grow(chunk.len() + size_of::<Bytes>()) {
            return Err(Failed {
                ending: Ending::Budget,
                before_answer: false,
            });
        }
        answer.body.push(chunk);
    }
    session.respect_keepalive();
    if may_be_kept && let Some(connection) = session.reuse().await {
        peer.mirrored.put(connection);
    }
    Ok(answer)
}

async fn write(session: &mut HttpSession, request: &Request) -> pingora::Result<()> {
    let header = Box::new(request.header.clone());
    session.write_request_header(header).await?;
    for chunk in &request.body {
        session.write_body(chunk).await?;
    }
    session.finish_body().await.map(|_| ())
}

/// What the candidate is sent.
struct Request {
    header: RequestHeader,
    body: Vec<Bytes>,
}

impl Mirror {
    /// The captured request in the ids of a side, marked as a shadow, with the framing of a body
    /// that is known in full.
    fn request(&self, side: Side, job: &Job) -> Result<Request, Ending> {
        let request = &job.exchange.request;
        let as_it_is = side == job.exchange.answered_by;
        let lanes: &[LaneRule] = if as_it_is { &[] } else { &job.route.lanes };
        let naming = Naming::Paired(side);
        let misleading = |_: Misleading| Ending::Misleading;
        let renamed = match std::str::from_utf8(&request.target) {
            Ok(target) => self.ids.target(lanes, target, naming).map_err(misleading)?,
            Err(_) => None,
        };
        let target = match &renamed {
            Some(target) => target.as_bytes(),
            None => &request.target,
        };
        let mut body = request.body.clone();
        if self.ids.reads_body(lanes)
            && let Some(renamed) =
                (self.ids.body(lanes, &body.concat(), naming)).map_err(misleading)?
        {
            body = vec![renamed.into()];
        }
        let mut parts = http::Request::new(()).into_parts().0;
        parts.method = request.method.clone();
        parts.uri = Uri::try_from(target).map_err(|_| Ending::CandidateProtocol)?;
        parts.headers = request.headers.clone();
        let headers = &mut parts.headers;
        let renamed = self.ids.headers(lanes, &request.headers, naming);
        for (name, value) in renamed.map_err(misleading)? {
            headers.insert(name, value);
        }
        if !as_it_is {
            self.sessions.put_on(headers, job.exchange.answered_by);
        }
        headers.remove(EXPECT);
        headers.remove(TRANSFER_ENCODING);
        let length: usize = body.iter().map(Bytes::len).sum();
        if length > 0 || headers.contains_key(CONTENT_LENGTH) || !request.method.is_safe() {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        headers.insert(SHADOW, HeaderValue::from_static("1"));
        if let Some(id) = primary_id(job) {
            headers.insert(PRIMARY_ID, id);
        }
        if let Some(key) = &job.idempotency_key
            && !headers.contains_key(IDEMPOTENCY_KEY)
        {
            headers.insert(IDEMPOTENCY_KEY, key.clone());
        }
        let header = RequestHeader::from(parts);
        Ok(Request { header, body })
    }
}

/// The ids that a write's answer names, as in `order=17, customer=5`: a candidate may keep its own
/// row's as an alias.
fn primary_id(job: &Job) -> Option<HeaderValue> {
    let Job {
        exchange, route, ..
    } = job;
    let ids = made_ids(&route.rules, &exchange.request.method, &exchange.primary);
    let named = |(entity, id): &(String, String)| format!("{entity}={id}");
    // A comma would end the id.
    let whole = ids.iter().filter(|(_, id)| !id.contains(','));
    let ids: Vec<String> = whole.take(NAMED).map(named).collect();
    if ids.is_empty() {
        return None;
    }
    HeaderValue::from_str(&ids.join(", ")).ok()
}

/// Why a mirrored request failed.
struct Failed {
    ending: Ending,
    before_answer: bool,
}

impl Failed {
    fn early(error: Box<pingora::Error>) -> Self {
        Self {
            before_answer: true,
            ..Self::late(error)
        }
    }

    #[expect(clippy::boxed_local, reason = "what map_err hands over")]
    #[expect(clippy::needless_pass_by_value, reason = "what map_err hands over")]
    fn late(error: Box<pingora::Error>) -> Self {
        let ending = match error.etype() {
            ErrorType::ReadTimedout | ErrorType::WriteTimedout => Ending::CandidateDeadline,
            ErrorType::InvalidHTTPHeader | ErrorType::H1Error | ErrorType::H2Error => {
                Ending::CandidateProtocol
            }
            _ => Ending::CandidateReset,
        };
        Self {
            ending,
            before_answer: false,
        }
    }

    const fn protocol() -> Self {
        Self {
            ending: Ending::CandidateProtocol,
            before_answer: false,
        }
    }
}
