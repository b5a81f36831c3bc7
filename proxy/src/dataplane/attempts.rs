//! From a decided request to an answer: the attempts on peers, and what another attempt may mend.

use super::context::Context;
use super::patience::Patience;
use super::relay::{Limits, Progress, Relay};
use super::{DataPlane, answer, head};
use crate::routing::{Failure, Peer};
use pingora::http::Method;
use pingora::prelude::{Error, Result};
use pingora::protocols::Stream;
use pingora::protocols::http::v1::{client, server};
use pingora::upstreams::peer::Peer as _;
use pingora::{ErrorSource, ErrorType};
use std::sync::Arc;

/// How many attempts a request is worth: on a kept connection, on a new one, on another peer, and
/// on the other side twice.
const ATTEMPTS: usize = 5;

impl DataPlane {
    /// Has the primary answer, or who may in its place.
    pub(super) async fn answer(
        &self,
        client: &mut server::HttpSession,
        ctx: &mut Context,
        patience: &mut Patience,
    ) -> Result<()> {
        let mut attempts = 1;
        loop {
            match self.attempt(client, ctx, patience).await {
                Err(error) if error.retry() && attempts < ATTEMPTS => attempts += 1,
                done => return done,
            }
        }
    }

    /// One attempt. Its error says whether another may mend it.
    async fn attempt(
        &self,
        client: &mut server::HttpSession,
        ctx: &mut Context,
        patience: &mut Patience,
    ) -> Result<()> {
        if let Some(length) = self.length_to_read(client, ctx) {
            // Boxed, because few bodies are read and the future is large.
            Box::pin(self.read_body(client, ctx, patience, length)).await?;
        }
        let method = &client.req_header().method;
        let peer = choose(ctx, method)?;
        let kept = if ctx.fresh { None } else { peer.served.take() };
        let (connection, kept) = match kept {
            Some(connection) => (connection, true),
            // Boxed, because connecting is rare and its future large.
            None => (Box::pin(self.connect(&peer, ctx, method)).await?, false),
        };
        let plan = ctx.plan.as_ref();
        let upstream = plan.and_then(|plan| plan.route.upstream(plan.primary));
        let Some(spec) = upstream.map(|upstream| upstream.spec()) else {
            return Err(answer::no_peer(None));
        };
        let limits = Limits {
            read: spec.read_timeout,
            write: spec.write_timeout,
        };
        let mut session = client::HttpSession::new(connection);
        let has_body = !client.is_body_empty();
        let authority = || peer.address.address().to_string();
        let mut head = head::forward(client.req_header(), has_body, ctx, authority)?;
        self.rename_head(client.req_header(), &mut head, ctx)?;
        let body = self.rename_body(client.req_header(), &mut head, ctx)?;
        let relay = Relay {
            client,
            upstream: &mut session,
            ctx,
            patience,
            limits,
            body,
            progress: Progress::default(),
        };
        match relay.run(head).await {
            Ok(reusable) => {
                if reusable {
                    session.respect_keepalive();
                    // Where it is not kept, this says goodbye.
                    let ending = patience.limit(limits.write, session.reuse());
                    if let Ok(Some(connection)) = ending.await {
                        peer.served.put(connection);
                    }
                }
                Ok(())
            }
            Err(mut error) => {
                error.set_retry(may_be_mended(&error, client, ctx, kept));
                Err(error)
            }
        }
    }

    /// A new connection. Where there is none, another peer may answer, and if that refuses too,
    /// another side: nothing was sent yet.
    async fn connect(
        &self,
        peer: &Arc<Peer>,
        ctx: &mut Context,
        method: &Method,
    ) -> Result<Stream> {
        let connected = self.connector.new_stream(&peer.address).await;
        connected.map_err(|error| {
            let mut error = error.into_up();
            let upstream = ctx.plan.as_ref().and_then(|p| p.route.upstream(p.primary));
            let has_others = upstream.is_some_and(|upstream| upstream.peers() > 1);
            let another_peer = ctx.refused.replace(Arc::clone(peer)).is_none() && has_others;
            error.set_retry(another_peer || ctx.fall_back(method, Failure::Unreached));
            error
        })
    }
}

/// A peer of the side that is to answer.
fn choose(ctx: &mut Context, method: &Method) -> Result<Arc<Peer>> {
    if let Some(peer) = next_peer(ctx) {
        return Ok(peer);
    }
    let found = ctx
        .fall_back(method, Failure::Unreached)
        .then(|| next_peer(ctx));
    found.flatten().ok_or_else(|| {
        let plan = ctx.plan.as_ref();
        answer::no_peer(plan.and_then(|plan| plan.route.upstream(plan.primary)))
    })
}

/// The peer whose turn it is, or another than that which has refused.
fn next_peer(ctx: &Context) -> Option<Arc<Peer>> {
    let plan = ctx.plan.as_ref()?;
    let upstream = plan.route.upstream(plan.primary)?;
    match &ctx.refused {
        Some(refused) => upstream.peer_behind(refused),
        None => upstream.peer(),
    }
}

/// Whether the client has heard of an answer; what goes before one is none.
pub(super) fn has_begun(client: &server::HttpSession) -> bool {
    let written = client.response_written();
    written.is_some_and(|head| !head.status.is_informational() || client.was_upgraded())
}

/// Whether another attempt may answer in the place of one that broke. A request that is safe to
/// repeat is sent again when a kept connection turned out to be closed; past that, legacy may
/// answer while the client has heard nothing.
fn may_be_mended(
    error: &Error,
    client: &server::HttpSession,
    ctx: &mut Context,
    kept: bool,
) -> bool {
    if *error.esource() != ErrorSource::Upstream || has_begun(client) || !ctx.replay.is_whole() {
        return false;
    }
    let method = &client.req_header().method;
    let closed = matches!(
        error.etype(),
        ErrorType::ConnectionClosed | ErrorType::ReadError | ErrorType::WriteError
    );
    if kept && closed && method.is_idempotent() {
        ctx.fresh = true;
        return true;
    }
    let failure = match error.etype() {
        ErrorType::HTTPStatus(_) => Failure::ServerError,
        _ => Failure::Unanswered,
    };
    ctx.fall_back(method, failure)
}
