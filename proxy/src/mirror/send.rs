//! What a side is sent of a captured request: in its own ids, with its own cookies.

use super::wire::{Request, Room, ask};
use super::{Job, Mirror};
use crate::exchange::{CapturedResponse, made_ids};
use crate::ids::{Misleading, Naming};
use crate::lanes::LaneRule;
use crate::outcome::Ending;
use crate::side::Side;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, Uri};
use pingora::http::RequestHeader;

const SHADOW: HeaderName = HeaderName::from_static("cutover-shadow");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PRIMARY_ID: HeaderName = HeaderName::from_static("cutover-primary-id");

/// How many ids of a write's answer the candidate is told.
const NAMED: usize = 16;

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
        let room = Room {
            max_body: job.max_body,
            hold: &mut job.hold,
        };
        let answer = ask(&self.connector, &peer, &request, room).await?;
        if side != job.exchange.answered_by {
            self.sessions.learn(&job.exchange, &answer);
        }
        Ok(answer)
    }
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
