//! The way of a request through the proxy, on Pingora's listeners, sessions and connections.
//!
//! A connection is one task, and a request on it a few steps: read the head, decide once, attempt
//! until there is an answer, count, and offer the exchange to the mirror. Pingora's own request
//! loop spends more than half of a plain request's instructions on what serves caches and modules.
//!
//! Nothing here waits for mirroring, for the journal or for the control API.

mod answer;
mod attempts;
mod context;
mod head;
mod hops;
mod listener;
mod marks;
mod patience;
mod relay;
mod rename;
mod replay;
mod seen;
mod trace;

pub use context::Context;
pub(crate) use hops::is_hop_by_hop;
pub(crate) use listener::Bound;

use crate::exchange::budget::Budget;
use crate::exchange::capture::Capture;
use crate::lanes::Passage;
use crate::mirror::Mirror;
use crate::outcome::Ending;
use crate::routes::LiveRoutes;
use crate::routing::{Asked, Choice, Coverage, Failure, Plan};
use crate::side::Side;
use answer::Refusal;
use async_trait::async_trait;
use hops::Hops;
use http::Method;
use marks::Marks;
use patience::{Late, Patience};
use pingora::ErrorType;
use pingora::apps::ServerApp;
use pingora::connectors::TransportConnector;
use pingora::protocols::Stream;
use pingora::protocols::http::v1::server::HttpSession;
use pingora::server::ShutdownWatch;
use seen::Seen;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// How long a client may be silent in the middle of a request or between two, or take none of its
/// answer. Whoever dribbles has this long for a whole head.
const CLIENT_SILENCE: Duration = Duration::from_mins(1);

/// How long both sides of a tunnel may be silent.
const TUNNEL_SILENCE: Duration = Duration::from_hours(1);

/// How long a client that was answered early may go on sending. Closing at once would take the
/// answer away from one that has not read it yet.
const LINGER: Duration = Duration::from_secs(5);

/// The proxy's data plane.
pub struct DataPlane {
    routes: Arc<LiveRoutes>,
    budget: Arc<Budget>,
    mirror: Arc<Mirror>,
    connector: Arc<TransportConnector>,
    in_flight: Arc<AtomicUsize>,
}

impl DataPlane {
    /// A data plane on the routes; `in_flight` counts the requests under way.
    pub fn new(
        routes: Arc<LiveRoutes>,
        budget: Arc<Budget>,
        mirror: Arc<Mirror>,
        connector: Arc<TransportConnector>,
        in_flight: Arc<AtomicUsize>,
    ) -> Self {
        Self {
            routes,
            budget,
            mirror,
            connector,
            in_flight,
        }
    }
}

#[async_trait]
impl ServerApp for DataPlane {
    /// Serves a connection to its end.
    async fn process_new(
        self: &Arc<Self>,
        stream: Stream,
        shutdown: &ShutdownWatch,
    ) -> Option<Stream> {
        let mut patience = Patience::new();
        let mut watch = shutdown.clone();
        let mut stopping = pin!(watch.wait_for(|stopping| *stopping));
        let mut session = open(stream);
        loop {
            let read = tokio::select! {
                biased;
                read = patience.limit(CLIENT_SILENCE, session.read_request()) => read,
                _ = &mut stopping => return None,
            };
            match read {
                Ok(Ok(Some(_))) => {}
                Ok(Ok(None)) | Err(Late) => return None,
                Ok(Err(error)) => {
                    if matches!(error.etype(), ErrorType::InvalidHTTPHeader) {
                        // The error itself quotes what was sent.
                        tracing::debug!(error = ?error.etype(), "refused what is no valid HTTP");
                        let ctx = Context::new(&self.in_flight);
                        let refusal = answer::refuse(&mut session, &ctx, Refusal::BadRequest);
                        let _ = patience.limit(LINGER, Box::pin(refusal)).await;
                        drop(ctx);
                        Box::pin(linger(session, &mut patience)).await;
                    }
                    return None;
                }
            }
            if *shutdown.borrow() {
                session.set_server_keepalive(None);
            }
            let well = self.serve(&mut session, &mut patience).await;
            let ended = well && session.is_body_done();
            if !ended && !session.was_upgraded() {
                Box::pin(linger(session, &mut patience)).await;
                return None;
            }
            // Where the connection is not kept this says goodbye, for which a client that reads
            // no more would let us wait.
            let Ok(Ok(Some(kept))) = patience.limit(LINGER, session.reuse()).await else {
                return None;
            };
            let (stream, rest) = kept.into_parts();
            session = open(stream);
            // What came behind the request is the beginning of the next.
            if let Some(rest) = rest {
                session.set_pipelined_prefix(rest);
            }
        }
    }
}

/// A session for the next request. Its waits are limited by [`Patience`], not by timers of theirs.
fn open(stream: Stream) -> HttpSession {
    let mut session = HttpSession::new(stream);
    session.set_read_timeout(None);
    session.set_pipelining_enabled(true);
    session
}

/// Ends a connection whose client may still be sending.
async fn linger(session: HttpSession, patience: &mut Patience) {
    let mut stream = session.into_inner();
    let leaving = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    };
    let _ = patience.limit(LINGER, leaving).await;
}

impl DataPlane {
    /// Answers one request, counts it, and offers the exchange to the mirror. Says whether the
    /// connection may serve another.
    async fn serve(&self, session: &mut HttpSession, patience: &mut Patience) -> bool {
        let mut ctx = Context::new(&self.in_flight);
        let done = match self.decide(session, &mut ctx) {
            Ok(()) => self.answer(session, &mut ctx, patience).await,
            Err(refusal) => {
                // Boxed, because refusing is rare and its future large.
                let refusing = Box::pin(answer::refuse(session, &ctx, refusal));
                return patience.limit(LINGER, refusing).await.unwrap_or(false);
            }
        };
        let error = done.err();
        let mut well = true;
        if let Some(error) = &error {
            // Who hears that a write failed, and asks what became of it, comes after it in its lanes.
            if let Some(capture) = &mut ctx.capture {
                capture.end();
            }
            ctx.log(session.req_header(), error);
            let telling = Box::pin(answer::failure(session, error, &ctx));
            well = patience.limit(LINGER, telling).await.unwrap_or(false);
        }
        ctx.count(session.req_header(), error.as_deref());
        if let Some(job) = ctx.take_job(error.as_deref(), self.routes.ledger().clock()) {
            self.mirror.offer(job);
        }
        well
    }

    /// Decides once what is done with the request.
    fn decide(&self, session: &HttpSession, ctx: &mut Context) -> Result<(), Refusal> {
        let header = session.req_header();
        let seen = Seen::of(&header.headers);
        let address = || {
            session
                .client_addr()
                .and_then(|a| a.as_inet())
                .map(SocketAddr::ip)
        };
        ctx.marks = Marks::of(&seen, address());
        // What it says of the framing of what follows is not ours to guess.
        if header.method == Method::CONNECT {
            return Err(Refusal::Connect);
        }
        let host = head::host(header, &seen)?;
        ctx.hops = Hops::of(&seen, &header.method, header.version)?;
        let table = self.routes.table();
        let route = table
            .find(host, header.uri.path(), &header.method)
            .ok_or(Refusal::NoRoute)?;
        let choice = table.choice.as_ref();
        let now = || self.routes.ledger().clock().now().as_second();
        let named = choice.and_then(|choice| choice.side(&header.headers, address, now));
        ctx.marks.take(choice.map(Choice::header), &header.headers);
        let asked = Asked {
            method: &header.method,
            headers: &header.headers,
            named,
        };
        let lanes = self.mirror.lanes();
        let mut plan = Plan::decide(&table, route, asked, lanes.writers(), address);
        if ctx.hops.websocket {
            // What follows an upgrade is a conversation, not an exchange.
            if let Coverage::Compare(ticket) = std::mem::replace(&mut plan.coverage, Coverage::None)
            {
                ticket.settle(Ending::Upgrade);
            }
        }
        let mirrored = !matches!(plan.coverage, Coverage::None);
        // A write that is not mirrored may cross one that still waits for the side that takes it, and
        // legacy may take it in modern's place.
        let write = !header.method.is_safe();
        let falls_back = || plan.can_fall_back(&header.method, Failure::Unreached);
        let awaited = || lanes.crosses(plan.primary) || lanes.crosses(Side::Legacy) && falls_back();
        let crosses = write && (mirrored || awaited());
        // Whether mirrored or not, what is read of the same meanwhile can't be compared.
        if mirrored || crosses || write && !route.lanes.is_empty() {
            let client = || table.client.hash(&header.headers, address()).into();
            let passage = Passage::begin(
                lanes,
                (route, plan.primary),
                (mirrored, crosses),
                &header.method,
                &header.uri,
                &header.headers,
                client,
            );
            let (hold, max_body) = (self.budget.hold(), table.mirror.max_body);
            ctx.capture = Some(Capture::new(hold, max_body, passage));
        }
        ctx.plan = Some(plan);
        Ok(())
    }
}
