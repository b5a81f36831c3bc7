//! One request on a connection that nobody is served by, and its whole answer.
//!
//! There are no timeouts here: whoever asks has a deadline, which drops the connection.

use crate::exchange::CapturedResponse;
use crate::exchange::budget::{Hold, cost, cost_of_head};
use crate::outcome::Ending;
use crate::routing::Peer;
use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use pingora::ErrorType;
use pingora::connectors::TransportConnector;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::http::v1::client::HttpSession;
use std::time::Instant;

/// How many pooled connections may turn out to be stale before the peer counts as failing.
const STALE: usize = 3;

/// What a peer is sent: a head with the framing of a body that is known in full.
pub(crate) struct Request {
    pub(crate) header: RequestHeader,
    pub(crate) body: Vec<Bytes>,
}

/// How much of an answer there is room for.
pub(crate) struct Room<'h> {
    /// The longest body.
    pub(crate) max_body: usize,
    /// Takes what is read from a budget.
    pub(crate) hold: &'h mut Hold,
}

/// Sends a request to a peer and reads the answer, which must fit into its room.
pub(crate) async fn ask(
    connector: &TransportConnector,
    peer: &Peer,
    request: &Request,
    room: Room<'_>,
) -> Result<CapturedResponse, Ending> {
    let mut stale = 0;
    loop {
        let (connection, reused) = match peer.mirrored.take() {
            Some(connection) => (connection, true),
            // Making a connection is rare, and its future large: held inline it would be
            // copied with every task that asks.
            None => (
                Box::pin(connector.new_stream(&peer.address))
                    .await
                    .map_err(|_| Ending::CandidateConnect)?,
                false,
            ),
        };
        // A new connection is no part of the answer, as it is none of the primary's.
        let started = Instant::now();
        // What an attempt has read of an answer that is none goes with it.
        let mut taken = room.hold.another();
        let mut own = Room {
            max_body: room.max_body,
            hold: &mut taken,
        };
        match exchange(HttpSession::new(connection), peer, request, &mut own).await {
            Ok(mut answer) => {
                room.hold.absorb(taken);
                answer.took = started.elapsed();
                return Ok(answer);
            }
            // The peer closed a pooled connection while we took it up: not its fault, and nothing
            // was answered. A write is only sent again if it may be.
            Err(Failed {
                before_answer: true,
                ..
            }) if reused && stale < STALE && request.header.method.is_idempotent() => {
                stale += 1;
            }
            Err(Failed { ending, .. }) => return Err(ending),
        }
    }
}

/// Whether a status says that a write can't be done now: busy, or behind a gateway that can't reach
/// who does it.
pub(crate) fn is_refusal(status: u16) -> bool {
    matches!(status, 429 | 502..=504)
}

/// One attempt on one connection.
async fn exchange(
    mut session: HttpSession,
    peer: &Peer,
    request: &Request,
    room: &mut Room<'_>,
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
    let refused = !request.header.method.is_safe() && is_refusal(answer.status);
    let too_much = |ending| Failed {
        // That the candidate does a write later is told by its status, however long its page is.
        ending: if refused {
            Ending::CandidateRefused
        } else {
            ending
        },
        before_answer: false,
    };
    // A body that says it is too long is not begun: its bytes would take the network and the
    // processor from clients.
    if declared(&request.header, head).is_some_and(|length| length > room.max_body) {
        return Err(too_much(Ending::CandidateTooLarge));
    }
    if !room.hold.grow(cost_of_head(&answer.headers)) {
        return Err(too_much(Ending::Budget));
    }
    let mut bytes: usize = 0;
    while let Some(chunk) = session.read_body_bytes().await.map_err(Failed::late)? {
        bytes = bytes.saturating_add(chunk.len());
        if bytes > room.max_body {
            return Err(too_much(Ending::CandidateTooLarge));
        }
        if !room.hold.grow(cost(&chunk)) {
            return Err(too_much(Ending::Budget));
        }
        answer.body.push(chunk);
    }
    session.respect_keepalive();
    if may_be_kept && let Some(connection) = session.reuse().await {
        peer.mirrored.put(connection);
    }
    Ok(answer)
}

/// How long an answer's body says it is, where one follows.
fn declared(request: &RequestHeader, head: &ResponseHeader) -> Option<usize> {
    let without_body = request.method == Method::HEAD || matches!(head.status.as_u16(), 204 | 304);
    if without_body || head.headers.contains_key(TRANSFER_ENCODING) {
        return None;
    }
    let length = head.headers.get(CONTENT_LENGTH)?.to_str().ok()?;
    length.trim().parse().ok()
}

async fn write(session: &mut HttpSession, request: &Request) -> pingora::Result<()> {
    let header = Box::new(request.header.clone());
    session.write_request_header(header).await?;
    for chunk in &request.body {
        session.write_body(chunk).await?;
    }
    session.finish_body().await.map(|_| ())
}

/// Why an attempt failed.
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
