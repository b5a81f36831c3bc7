//! The ids that a request carries through every service it touches: `X-Request-Id`, and the trace
//! of the W3C's `traceparent`. What is missing or malformed is made anew.
//!
//! Spans are not exported: a log line bears the ids, and whoever collects logs joins them.

use http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The longest request id that is carried on.
const LONGEST: usize = 128;

tokio::task_local! {
    static CURRENT: Trace;
}

/// The ids of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    request_id: String,
    id: String,
    flags: String,
}

impl Trace {
    /// Reads the ids of a request.
    pub fn of(headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let request_id = text(REQUEST_ID).filter(|id| (1..=LONGEST).contains(&id.len()));
        let (id, flags) = text(TRACEPARENT)
            .and_then(parent)
            .unwrap_or_else(|| (Uuid::new_v4().simple().to_string(), "01".to_owned()));
        Self {
            request_id: request_id.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned),
            id,
            flags,
        }
    }

    /// The ids of the request that is being answered; [`None`] outside of one, and in a task of
    /// its own.
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Runs something as part of answering the request.
    pub async fn scope<F: Future>(self, answering: F) -> F::Output {
        CURRENT.scope(self, answering).await
    }

    /// Gives a request to another service the ids, with a span of its own.
    pub fn carry(&self, headers: &mut HeaderMap) {
        let span = format!("{:032x}", Uuid::new_v4().as_u128());
        let span = span.get(..16).unwrap_or_default();
        let parent = format!("00-{}-{span}-{}", self.id, self.flags);
        for (name, text) in [(REQUEST_ID, &self.request_id), (TRACEPARENT, &parent)] {
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(name, value);
            }
        }
    }

    /// The request's id, whoever gave it.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The trace's id: 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        &self.id
    }
}

/// Trace id and flags of `version-trace-span-flags`; later versions may have more.
fn parent(text: &str) -> Option<(String, String)> {
    let mut parts = text.split('-');
    let mut hex = |digits: usize| {
        let part = parts.next()?;
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        (part.len() == digits && part.bytes().all(is_hex)).then_some(part)
    };
    let (version, trace_id, span, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
    let is_zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    let sound = version != "ff" && !is_zero(trace_id) && !is_zero(span);
    let whole = version != "00" || parts.next().is_none();
    (sound && whole).then(|| (trace_id.to_owned(), flags.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    fn headers(request_id: &str, parent: &str) -> HeaderMap {
        let value = |text: &str| HeaderValue::from_str(text).unwrap();
        HeaderMap::from_iter([
            (REQUEST_ID, value(request_id)),
            (TRACEPARENT, value(parent)),
        ])
    }

    #[test]
    fn a_trace_goes_on_with_a_span_of_its_own() {
        let parent = format!("00-{TRACE}-b7ad6b7169203331-00");
        let trace = Trace::of(&headers("r-1", &parent));
        let mut onward = HeaderMap::new();
        trace.carry(&mut onward);
        assert_eq!(onward["x-request-id"], "r-1");
        assert_ne!(onward["traceparent"], parent);
        assert_eq!(Trace::of(&onward), trace);
    }

    #[test]
    fn what_is_missing_or_malformed_is_made_anew() {
        let zeros = "0".repeat(32);
        for parent in [
            String::new(),
            format!("00-{TRACE}-b7ad6b7169203331"),
            format!("00-{TRACE}-b7ad6b7169203331-01-more"),
            format!("ff-{TRACE}-b7ad6b7169203331-01"),
            format!("00-{zeros}-b7ad6b7169203331-01"),
            format!("00-{}-b7ad6b7169203331-01", TRACE.to_uppercase()),
        ] {
            let trace = Trace::of(&headers(&"x".repeat(LONGEST + 1), &parent));
            assert_ne!(trace.trace_id(), TRACE, "{parent}");
            assert_eq!((trace.trace_id().len(), trace.request_id().len()), (32, 36));
        }
        let later = format!("01-{TRACE}-b7ad6b7169203331-01-more");
        assert_eq!(Trace::of(&headers("r", &later)).trace_id(), TRACE);
    }

    #[tokio::test]
    async fn the_current_trace_is_the_requests() {
        assert_eq!(Trace::current(), None);
        let trace = Trace::of(&HeaderMap::new());
        let seen = trace.clone().scope(async { Trace::current() }).await;
        assert_eq!(seen, Some(trace));
    }
}
