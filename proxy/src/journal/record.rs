//! An exchange as it is stored: redacted, decoded, shortened, made for people to read.
//!
//! Whether an exchange is stored at all is the reservoir's decision, not made here.

use super::Finding;
use super::finding::stored;
use super::redaction::{Redaction, WITHHELD, is_document};
use crate::exchange::{CapturedRequest, CapturedResponse, Exchange};
use crate::side::Side;
use bytes::Bytes;
use comparator::Discrepancy;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The most bytes of a body that are decoded, and so the longest that can be searched for secrets.
const MAX_DECODED: usize = 1 << 20;
/// The most bytes of a body that are stored.
const MAX_STORED: usize = 64 << 10;
const MAX_HEADERS: usize = 100;
const MAX_HEADER_VALUE: usize = 2 << 10;
const MAX_TARGET: usize = 8 << 10;

/// A stored exchange.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Record {
    /// When the request came in.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The id that the request carried or was given.
    pub request_id: String,
    /// The side that answered the client.
    #[schema(value_type = String)]
    pub answered_by: Side,
    /// The outcome that the exchange ended in.
    pub outcome: String,
    /// The reason behind the outcome.
    pub reason: String,
    /// The request.
    pub request: RequestRecord,
    /// What legacy answered.
    pub legacy: Option<ResponseRecord>,
    /// What modern answered.
    pub modern: Option<ResponseRecord>,
    /// The differences, in document order.
    #[schema(value_type = Vec<Object>)]
    pub discrepancies: Vec<Discrepancy>,
    /// How many more there were.
    pub unreported: usize,
}

/// A stored request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RequestRecord {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: BodyRecord,
}

/// A stored answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ResponseRecord {
    /// The status code.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: BodyRecord,
    /// Milliseconds from the request's sending to the last byte of the answer.
    pub took_ms: f64,
}

/// A stored body.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BodyRecord {
    /// Bytes as they arrived, encoding included.
    pub bytes: usize,
    /// The decoded text; missing when the body is no text or has to be withheld.
    pub text: Option<String>,
    /// What is not shown, and why.
    pub note: Option<String>,
}

impl Record {
    /// The finding's exchange as it may be stored, with its discrepancies redacted already.
    pub(super) fn new(
        finding: &Finding,
        discrepancies: Vec<Discrepancy>,
        redaction: &Redaction,
    ) -> Self {
        let exchange: &Exchange = &finding.exchange;
        // A side that gave no answer at all has no status either.
        let answer = |side| {
            let response = exchange
                .answer_of(side)
                .filter(|response| response.status > 0);
            response.map(|response| ResponseRecord::new(response, redaction))
        };
        Self {
            at: exchange.at,
            request_id: redaction.text(&exchange.request_id).into_owned(),
            answered_by: exchange.answered_by,
            outcome: finding.ending.outcome().as_str().to_owned(),
            reason: finding.ending.reason().to_owned(),
            request: RequestRecord::new(&exchange.request, redaction),
            legacy: answer(Side::Legacy),
            modern: answer(Side::Modern),
            discrepancies,
            unreported: finding.unreported,
        }
    }

    /// The same of an exchange that another journal has stored, with this one's redaction and
    /// limits on top of what it has gone through.
    pub(super) fn again(mut self, redaction: &Redaction) -> Self {
        self.request_id = redaction.text(&self.request_id).into_owned();
        for found in &mut self.discrepancies {
            *found = stored(found, redaction);
        }
        let request = &mut self.request;
        request.target = shorten(redaction.target(&request.target), MAX_TARGET);
        let answers = [&mut self.legacy, &mut self.modern];
        let answers = answers.into_iter().flatten();
        let answers = answers.map(|answer| (&mut answer.headers, &mut answer.body));
        for (headers, body) in answers.chain([(&mut request.headers, &mut request.body)]) {
            let is_form = headers.iter().any(|(name, value)| {
                name.eq_ignore_ascii_case("content-type") && names_form(value)
            });
            headers.truncate(MAX_HEADERS);
            for (name, value) in headers {
                *value = shorten(redaction.header(name, value), MAX_HEADER_VALUE);
            }
            if let Some(text) = body.text.take() {
                *body =
                    BodyRecord::of_text(&text, body.bytes, body.note.take(), is_form, redaction);
            }
        }
        self
    }
}

impl RequestRecord {
    /// Whether something of it may have been cut off when it was stored.
    pub(crate) fn is_cut(&self) -> bool {
        self.body.note.is_some()
            || self.target.len() + 4 > MAX_TARGET
            || self.headers.len() >= MAX_HEADERS
            || self
                .headers
                .iter()
                .any(|(_, value)| value.len() + 4 > MAX_HEADER_VALUE)
    }

    fn new(request: &CapturedRequest, redaction: &Redaction) -> Self {
        let target = String::from_utf8_lossy(&request.target);
        Self {
            method: request.method.to_string(),
            target: shorten(redaction.target(&target), MAX_TARGET),
            headers: headers(&request.headers, redaction),
            body: BodyRecord::new(&request.headers, &request.body, redaction),
        }
    }
}

impl ResponseRecord {
    fn new(response: &CapturedResponse, redaction: &Redaction) -> Self {
        Self {
            status: response.status,
            headers: headers(&response.headers, redaction),
            body: BodyRecord::new(&response.headers, &response.body, redaction),
            took_ms: response.took.as_secs_f64() * 1000.0,
        }
    }
}

impl BodyRecord {
    fn new(headers: &HeaderMap, chunks: &[Bytes], redaction: &Redaction) -> Self {
        let bytes = chunks.iter().map(Bytes::len).sum();
        let noted = |note: String| Self {
            bytes,
            text: None,
            note: Some(note),
        };
        if bytes == 0 {
            return Self::default();
        }
        let decoded = match comparator::decode(headers, chunks, MAX_DECODED) {
            Ok(decoded) => decoded,
            Err(reason) => {
                let reason = reason.as_str().replace('_', " ");
                return noted(format!("not shown: {reason}"));
            }
        };
        let cut = decoded.cut;
        let Ok(text) = text_of(decoded.bytes.into_owned(), cut) else {
            return noted(format!("binary: {bytes} bytes"));
        };
        let searches = redaction.searches_bodies()
            || (redaction.searches_documents() && (is_document(&text) || is_form(headers)));
        if cut && searches {
            return noted("withheld: too long to be searched for secrets".to_owned());
        }
        let note = cut.then(|| cut_to(text.len().min(MAX_STORED)));
        Self::of_text(&text, bytes, note, is_form(headers), redaction)
    }

    /// A text of a body that had so many bytes, as it may be stored.
    fn of_text(
        text: &str,
        bytes: usize,
        note: Option<String>,
        is_form: bool,
        redaction: &Redaction,
    ) -> Self {
        let Some(text) = redaction.body(text, is_form) else {
            let note = Some(WITHHELD.trim_matches(['[', ']']).to_owned());
            return Self {
                bytes,
                text: None,
                note,
            };
        };
        let (length, text) = (text.len(), shorten(text, MAX_STORED));
        Self {
            bytes,
            note: if text.len() < length {
                Some(cut_to(text.len()))
            } else {
                note
            },
            text: Some(text),
        }
    }
}

fn cut_to(shown: usize) -> String {
    format!("cut: the first {shown} bytes are shown")
}

/// Text, or what came of it; a body that was cut may end within a character.
fn text_of(bytes: Vec<u8>, cut: bool) -> Result<String, ()> {
    let text = String::from_utf8(bytes).or_else(|error| {
        let valid = error.utf8_error().valid_up_to();
        let mut bytes = error.into_bytes();
        if !cut || bytes.len() - valid > 3 {
            return Err(());
        }
        bytes.truncate(valid);
        String::from_utf8(bytes).map_err(|_| ())
    })?;
    if text.contains('\0') {
        Err(())
    } else {
        Ok(text)
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    names_form(kind)
}

fn names_form(content_type: &str) -> bool {
    content_type
        .trim_start()
        .to_ascii_lowercase()
        .starts_with("application/x-www-form-urlencoded")
}

fn headers(headers: &HeaderMap, redaction: &Redaction) -> Vec<(String, String)> {
    let stored = redaction.headers(headers).into_iter().take(MAX_HEADERS);
    stored
        .map(|(name, value)| (name, shorten(value, MAX_HEADER_VALUE)))
        .collect()
}

/// At most `limit` bytes of `text`, cut between characters.
fn shorten(mut text: String, limit: usize) -> String {
    text.truncate(text.floor_char_boundary(limit));
    text
}
