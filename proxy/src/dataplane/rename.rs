//! The client's request in the ids and tokens of the side that answers it: a client may use any that
//! it was ever given, whichever side gave it.

use super::context::Context;
use super::patience::{Late, Patience};
use super::{CLIENT_SILENCE, DataPlane};
use crate::ids::Naming;
use crate::routing::Plan;
use crate::sessions::Request as Tokens;
use bytes::{Bytes, BytesMut};
use http::Version;
use http::header::{CONTENT_LENGTH, EXPECT};
use pingora::ErrorType::ReadTimedout;
use pingora::http::RequestHeader;
use pingora::prelude::{Error, Result};
use pingora::protocols::http::v1::server::HttpSession;

/// The longest body that is looked at; it is kept for another attempt, too. A longer one, and one
/// that does not say how long it is, passes as it came.
const LONGEST: usize = 48 << 10;

impl DataPlane {
    /// Renames what the head names, in ids and in what sides mint.
    pub(super) fn rename_head(
        &self,
        client: &RequestHeader,
        head: &mut RequestHeader,
        ctx: &Context,
    ) -> Result<()> {
        let Some(plan) = &ctx.plan else { return Ok(()) };
        let (ids, lanes) = (self.mirror.ids(), &plan.route.lanes);
        let naming = Naming::Clients(plan.primary);
        if !ids.idle(lanes) {
            let target = std::str::from_utf8(head.raw_path()).ok();
            let renamed = target.map(|target| ids.target(lanes, target, naming));
            if let Some(Ok(Some(renamed))) = renamed {
                head.set_raw_path(renamed.as_bytes())?;
            }
            let renamed = ids.headers(lanes, &head.headers, naming);
            for (name, value) in renamed.unwrap_or_default() {
                head.insert_header(name, value)?;
            }
        }
        if let Some(tokens) = self.tokens(client, plan) {
            let target = std::str::from_utf8(head.raw_path()).ok();
            let swapped = target.map(|target| tokens.target(target));
            if let Some(Ok(Some(swapped))) = swapped {
                head.set_raw_path(swapped.as_bytes())?;
            }
            for (name, value) in tokens.headers().unwrap_or_default() {
                match value {
                    Some(value) => head.insert_header(name, value)?,
                    None => drop(head.remove_header(&name)),
                }
            }
        }
        Ok(())
    }

    /// What a client's request may hold that a side has minted.
    fn tokens<'r>(&'r self, client: &'r RequestHeader, plan: &'r Plan) -> Option<Tokens<'r>> {
        let sessions = self.mirror.sessions();
        let target = std::str::from_utf8(client.raw_path()).ok()?;
        let naming = Naming::Clients(plan.primary);
        let rules = plan.route.rules.tokens();
        sessions.request(rules, (target, &client.headers), naming, 0)
    }

    /// The length of the body where it may name something and has to be read for that.
    pub(super) fn length_to_read(
        &self,
        client: &mut HttpSession,
        ctx: &mut Context,
    ) -> Option<usize> {
        let plan = ctx.plan.as_ref()?;
        let head = client.req_header();
        let length = head.headers.get(CONTENT_LENGTH)?;
        let length = length.to_str().ok()?.parse::<usize>().ok();
        let length = length.filter(|length| (1..=LONGEST).contains(length))?;
        let names = self.mirror.ids().reads_body(&plan.route.lanes);
        if !names
            && !self
                .tokens(head, plan)
                .is_some_and(|tokens| tokens.reads_body())
        {
            return None;
        }
        ctx.reads_body = true;
        let is_read = client.is_body_done() || !ctx.replay.chunks().is_empty();
        (!is_read).then_some(length)
    }

    /// Reads the body to its end, before there is a connection that would have to wait for it.
    pub(super) async fn read_body(
        &self,
        client: &mut HttpSession,
        ctx: &mut Context,
        patience: &mut Patience,
        length: usize,
    ) -> Result<()> {
        let head = client.req_header();
        let waits = head.version >= Version::HTTP_11 && head.headers.contains_key(EXPECT);
        if waits {
            let keep = client.get_keepalive_timeout();
            let leave = patience.limit(CLIENT_SILENCE, client.write_continue_response());
            leave.await.unwrap_or(Ok(())).map_err(Error::into_down)?;
            client.set_server_keepalive(keep);
        }
        let mut body = BytesMut::with_capacity(length);
        while !client.is_body_done() {
            match patience
                .limit(CLIENT_SILENCE, client.read_body_bytes())
                .await
            {
                Ok(Ok(chunk)) => body.extend_from_slice(&chunk.unwrap_or_default()),
                Ok(Err(error)) => return Err(error.into_down()),
                Err(Late) => return Error::err_down(ReadTimedout),
            }
        }
        ctx.replay.keep(&body.freeze());
        Ok(())
    }

    /// The body with its ids and tokens renamed, if it has any; the head's length is set to its.
    pub(super) fn rename_body(
        &self,
        client: &RequestHeader,
        head: &mut RequestHeader,
        ctx: &Context,
    ) -> Result<Option<Bytes>> {
        let Some(plan) = ctx.plan.as_ref().filter(|_| ctx.reads_body) else {
            return Ok(None);
        };
        // It was read already, so that nobody waits for leave to send it.
        head.remove_header(&EXPECT);
        let naming = Naming::Clients(plan.primary);
        let sent = ctx.replay.chunks().concat();
        let renamed = self.mirror.ids().body(&plan.route.lanes, &sent, naming);
        let mut body = renamed.unwrap_or_default();
        if let Some(tokens) = self.tokens(client, plan) {
            let swapped = tokens.body(body.as_deref().unwrap_or(&sent));
            body = swapped.unwrap_or_default().or(body);
        }
        if let Some(body) = &body {
            head.insert_header(CONTENT_LENGTH, body.len())?;
        }
        Ok(body.map(Bytes::from))
    }
}
