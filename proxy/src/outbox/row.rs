//! A write as the outbox stores it.
//!
//! Headers are kept byte for byte, each byte as the character of its number, because not every
//! header is UTF-8.

use super::OutboxError;
use crate::exchange::{CapturedRequest, CapturedResponse, Exchange};
use crate::lanes::{Lane, Spot};
use crate::side::Side;
use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue, Method};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A write as the outbox stores it.
#[derive(Debug)]
pub struct Row {
    pub(super) id: u64,
    pub(super) route: String,
    pub(super) answered_by: Side,
    pub(super) at: Timestamp,
    pub(super) compared: bool,
    pub(super) overlapped: bool,
    pub(super) began: u64,
    pub(super) lanes: String,
    pub(super) doubt: String,
    pub(super) head: String,
    pub(super) request: Vec<u8>,
    pub(super) answer: Vec<u8>,
}

/// The heads of a request and its answer.
#[derive(Serialize, Deserialize)]
struct Head {
    request_id: String,
    method: String,
    target: String,
    request: Vec<(String, String)>,
    status: u16,
    answer: Vec<(String, String)>,
    took_us: u64,
}

impl Row {
    /// The row of an exchange at its spot.
    pub fn new(exchange: &Exchange, compared: bool, spot: &Spot) -> Self {
        Self {
            compared,
            overlapped: spot.overlapped(),
            began: spot.began(),
            doubt: names(spot.doubt()),
            ..Self::plain(spot.id(), exchange, spot.lanes())
        }
    }

    /// The row of an exchange that nobody asks about.
    pub(super) fn plain(id: u64, exchange: &Exchange, lanes: &[Lane]) -> Self {
        let head = Head {
            request_id: exchange.request_id.to_string(),
            method: exchange.request.method.to_string(),
            target: text(&exchange.request.target),
            request: texts(&exchange.request.headers),
            status: exchange.primary.status,
            answer: texts(&exchange.primary.headers),
            took_us: u64::try_from(exchange.primary.took.as_micros()).unwrap_or(u64::MAX),
        };
        Self {
            id,
            route: exchange.route.to_string(),
            answered_by: exchange.answered_by,
            at: exchange.at,
            compared: false,
            overlapped: false,
            began: 0,
            lanes: names(lanes),
            doubt: names(&[]),
            // Texts and numbers can always be written.
            head: serde_json::to_string(&head).unwrap_or_default(),
            request: exchange.request.body.concat(),
            answer: exchange.primary.body.concat(),
        }
    }

    /// The bytes that it takes.
    pub fn bytes(&self) -> usize {
        self.head.len() + self.request.len() + self.answer.len() + self.lanes.len()
    }

    /// The exchange again.
    pub(super) fn exchange(self) -> Result<Exchange, OutboxError> {
        let id = self.id;
        let refuse = |message: String| OutboxError::Row { id, message };
        let head: Head = serde_json::from_str(&self.head).map_err(|e| refuse(e.to_string()))?;
        let body = |bytes: Vec<u8>| {
            let chunk = Some(Bytes::from(bytes)).filter(|chunk| !chunk.is_empty());
            chunk.into_iter().collect()
        };
        let method = Method::from_bytes(head.method.as_bytes());
        let target = bytes(&head.target);
        Ok(Exchange {
            at: self.at,
            route: self.route.into(),
            request_id: head.request_id.into(),
            answered_by: self.answered_by,
            request: CapturedRequest {
                method: method.map_err(|e| refuse(e.to_string()))?,
                target: target
                    .ok_or_else(|| refuse("its target".to_owned()))?
                    .into(),
                headers: headers(head.request).ok_or_else(|| refuse("a header".to_owned()))?,
                body: body(self.request),
            },
            primary: CapturedResponse {
                status: head.status,
                headers: headers(head.answer).ok_or_else(|| refuse("a header".to_owned()))?,
                body: body(self.answer),
                took: Duration::from_micros(head.took_us),
            },
            candidate: None,
        })
    }
}

/// How many bytes a row of this exchange takes, about.
pub(crate) fn size(exchange: &Exchange) -> usize {
    let headers = |map: &HeaderMap| -> usize {
        map.iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 8)
            .sum()
    };
    let bodies = exchange.request.body.iter().chain(&exchange.primary.body);
    headers(&exchange.request.headers)
        + headers(&exchange.primary.headers)
        + exchange.request.target.len()
        + bodies.map(Bytes::len).sum::<usize>()
        + 256
}

fn names(lanes: &[Lane]) -> String {
    let names: Vec<&str> = lanes.iter().map(Lane::as_str).collect();
    serde_json::to_string(&names).unwrap_or_default()
}

/// The lanes of a list of names.
pub(super) fn lanes(names: &str) -> Option<Vec<Lane>> {
    let names: Vec<String> = serde_json::from_str(names).ok()?;
    Some(names.iter().map(|name| Lane::named(name)).collect())
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)).ok())
        .collect()
}

fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    let pair = |(name, value): (&HeaderName, &HeaderValue)| {
        (name.as_str().to_owned(), text(value.as_bytes()))
    };
    headers.iter().map(pair).collect()
}

fn headers(texts: Vec<(String, String)>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in texts {
        let name: HeaderName = name.parse().ok()?;
        headers.append(name, HeaderValue::from_bytes(&bytes(&value)?).ok()?);
    }
    Some(headers)
}
