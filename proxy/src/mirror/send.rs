//! What a side is sent of a captured request: in its own ids, with what it has minted.

use super::wire::{Request, Room, ask};
use super::{Job, Mirror};
use crate::exchange::{CapturedResponse, made_ids};
use crate::ids::{Misleading, Naming};
use crate::lanes::LaneRule;
use crate::outcome::Ending;
use crate::sessions::{Lesson, Request as Tokens, Unknown};
use crate::side::Side;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, Uri};
use pingora::http::RequestHeader;
use tokio::time::timeout;

const SHADOW: HeaderName = HeaderName::from_static("cutover-shadow");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PRIMARY_ID: HeaderName = HeaderName::from_static("cutover-primary-id");

/// How many ids of a write's answer the candidate is told.
const NAMED: usize = 16;

impl Mirror {
    /// Sends the exchange's request to the candidate and reads the answer, which must fit into
    /// the budget, the limit and the route's time limit.
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
        let room = Room {
            max_body: job.max_body,
            hold: &mut job.hold,
        };
        let asking = ask(&self.connector, &peer, &request, room);
        let answer = timeout(job.route.mirror_timeout, asking).await;
        let answer = answer.unwrap_or(Err(Ending::CandidateDeadline))?;
        if side != job.exchange.answered_by {
            let target = request.header.raw_path();
            self.sessions.learn_cookies(&job.exchange, &answer);
            self.sessions.learn_tags(&job.exchange, target, &answer);
        }
        Ok(answer)
    }

    /// Waits for what was mirrored before and is not answered yet, where it may tell a token that a
    /// request holds.
    pub(super) async fn await_tokens(&self, job: &Job, lesson: &Lesson) {
        let side = job.exchange.answered_by.other();
        let enough = || {
            let tokens = self.tokens(side, job);
            !tokens.is_some_and(|tokens| tokens.lacks(|| job.exchange.request.body.concat()))
        };
        if !enough() {
            lesson.before(enough).await;
        }
    }

    /// The tokens that a request may hold.
    fn tokens<'j>(&'j self, side: Side, job: &'j Job) -> Option<Tokens<'j>> {
        let (request, rules) = (&job.exchange.request, job.route.rules.tokens());
        let head = (std::str::from_utf8(&request.target).ok()?, &request.headers);
        let status = job.exchange.primary.status;
        self.sessions
            .request(rules, head, Naming::Paired(side), status)
    }

    /// The captured request in the ids and tokens of a side, marked as a shadow, with the framing of a body
    /// that is known in full.
    fn request(&self, side: Side, job: &Job) -> Result<Request, Ending> {
        let request = &job.exchange.request;
        let as_it_is = side == job.exchange.answered_by;
        let lanes: &[LaneRule] = if as_it_is { &[] } else { &job.route.lanes };
        let naming = Naming::Paired(side);
        let misleading = |_: Misleading| Ending::Misleading;
        let unknown = |_: Unknown| Ending::UnknownToken;
        let target = std::str::from_utf8(&request.target).ok();
        let tokens = (!as_it_is).then(|| self.tokens(side, job)).flatten();
        let mut renamed = match target {
            Some(target) => self.ids.target(lanes, target, naming).map_err(misleading)?,
            None => None,
        };
        let mut body = request.body.clone();
        if self.ids.reads_body(lanes)
            && let Some(renamed) =
                (self.ids.body(lanes, &body.concat(), naming)).map_err(misleading)?
        {
            body = vec![renamed.into()];
        }
        let mut parts = http::Request::new(()).into_parts().0;
        parts.headers = request.headers.clone();
        let headers = &mut parts.headers;
        let named = self.ids.headers(lanes, &request.headers, naming);
        for (name, value) in named.map_err(misleading)? {
            headers.insert(name, value);
        }
        if let (Some(tokens), Some(target)) = (tokens, target) {
            let current = renamed.as_deref().unwrap_or(target);
            renamed = tokens.target(current).map_err(unknown)?.or(renamed);
            for (name, value) in tokens.headers().map_err(unknown)? {
                match value {
                    Some(value) => drop(headers.insert(name, value)),
                    None => drop(headers.remove(name)),
                }
            }
            if tokens.reads_body()
                && let Some(swapped) = tokens.body(&body.concat()).map_err(unknown)?
            {
                body = vec![swapped.into()];
            }
        }
        let target = match &renamed {
            Some(target) => target.as_bytes(),
            None => &request.target,
        };
        parts.method = request.method.clone();
        parts.uri = Uri::try_from(target).map_err(|_| Ending::CandidateProtocol)?;
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
    let ids = made_ids(&route.rules, &exchange.request.method, &exchange.primary).ids;
    let named = |(entity, id): &(String, String)| format!("{entity}={id}");
    // A comma would end the id.
    let whole = ids.iter().filter(|(_, id)| !id.contains(','));
    let ids: Vec<String> = whole.take(NAMED).map(named).collect();
    if ids.is_empty() {
        return None;
    }
    HeaderValue::from_str(&ids.join(", ")).ok()
}
