//! What the upstream is told of a request beyond what the client said: its id, its trace, and
//! where it came from.

use super::seen::{Lines, OURS, Seen};
use super::trace::{TRACE_ID, is_request_id, is_traceparent, new_traceparent};
use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use pingora::http::RequestHeader;
use pingora::prelude::Result;
use std::net::IpAddr;
use std::ops::Range;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The listener speaks no TLS; who ends it before the proxy tells so.
const SCHEME: HeaderValue = HeaderValue::from_static("http");

/// What the proxy tells the upstream of a request beyond what the client said.
#[derive(Debug)]
pub(super) struct Marks {
    /// The id that the request carried, if it is one to pass on, or a new one.
    pub(super) request_id: HeaderValue,
    /// Whether the client's header is the one to send.
    id_stands: bool,
    /// The start of a trace, unless the client's goes on.
    traceparent: Option<HeaderValue>,
    /// The addresses that the request came through.
    forwarded_for: Option<HeaderValue>,
    /// The scheme, unless who came before has told it.
    forwarded_proto: Option<HeaderValue>,
    /// Whether the client sent headers that are ours to send.
    has_ours: bool,
    /// One that is for the proxy alone.
    taken: Option<HeaderName>,
}

impl Marks {
    /// Of a request that was not read yet.
    pub(super) const fn none() -> Self {
        Self {
            request_id: HeaderValue::from_static(""),
            id_stands: false,
            traceparent: None,
            forwarded_for: None,
            forwarded_proto: None,
            has_ours: false,
            taken: None,
        }
    }

    /// Of a request as the client at this address sent it.
    pub(super) fn of(seen: &Seen<'_>, client: Option<IpAddr>) -> Self {
        // What is new stands in one piece of memory: the start of a trace, whose id is the
        // request's too, and the addresses behind it.
        let mut text = Vec::with_capacity(128);
        let is_new_trace = !matches!(seen.parents, Lines::One(value) if is_traceparent(value));
        let carried = seen.ids.first().filter(|id| is_request_id(id));
        if is_new_trace || carried.is_none() {
            text.extend_from_slice(&new_traceparent());
        }
        let list = text.len();
        if let Some(client) = client {
            match seen.addresses {
                Lines::None => {}
                Lines::One(line) => write_line(&mut text, line),
                Lines::Several(_) => {
                    for line in seen.headers.get_all(FORWARDED_FOR) {
                        write_line(&mut text, line);
                    }
                }
            }
            write_address(&mut text, client);
        }
        let text = Bytes::from(text);
        // All of it is visible ASCII, so none of it can be refused.
        let value = |range: Range<usize>| {
            let value = HeaderValue::from_maybe_shared(text.slice(range));
            value.unwrap_or(HeaderValue::from_static(""))
        };
        Self {
            request_id: carried.cloned().unwrap_or_else(|| value(TRACE_ID)),
            id_stands: carried.is_some() && matches!(seen.ids, Lines::One(_)),
            traceparent: is_new_trace.then(|| value(0..list)),
            forwarded_for: client.is_some().then(|| value(list..text.len())),
            forwarded_proto: (!seen.has_proto).then_some(SCHEME),
            has_ours: seen.has_ours,
            taken: None,
        }
    }

    /// Takes away a header that the client meant for the proxy, if it is there.
    pub(super) fn take(&mut self, header: Option<&HeaderName>, headers: &HeaderMap) {
        self.taken = header.filter(|name| headers.contains_key(*name)).cloned();
    }

    /// Makes the client's request the one that the upstream gets.
    ///
    /// The names are text, because Pingora keeps names as they are to be written, and copies
    /// those that are not.
    pub(super) fn put_on(&self, request: &mut RequestHeader) -> Result<()> {
        if self.has_ours {
            strip_ours(request);
        }
        if let Some(name) = &self.taken {
            request.remove_header(name);
        }
        if !self.id_stands {
            request.insert_header("X-Request-Id", self.request_id.clone())?;
        }
        if let Some(traceparent) = &self.traceparent {
            // A broken traceparent starts a new trace, and its state goes with it (W3C, 4.3).
            if request.headers.contains_key(&TRACESTATE) {
                request.remove_header(&TRACESTATE);
            }
            // In lower case, as the standard wants it sent.
            request.insert_header("traceparent", traceparent.clone())?;
        }
        if let Some(list) = &self.forwarded_for {
            request.insert_header("X-Forwarded-For", list.clone())?;
        }
        if let Some(scheme) = &self.forwarded_proto {
            request.insert_header("X-Forwarded-Proto", scheme.clone())?;
        }
        Ok(())
    }
}

fn strip_ours(request: &mut RequestHeader) {
    let is_ours = |name: &&HeaderName| name.as_str().starts_with(OURS);
    let names: Vec<HeaderName> = request.headers.keys().filter(is_ours).cloned().collect();
    for name in names {
        request.remove_header(&name);
    }
}

/// Writes one line of a list of addresses, and what parts it from the next.
fn write_line(text: &mut Vec<u8>, line: &HeaderValue) {
    if let Ok(line) = line.to_str() {
        text.extend_from_slice(line.trim().as_bytes());
        text.extend_from_slice(b", ");
    }
}

fn write_address(text: &mut Vec<u8>, address: IpAddr) {
    match address {
        // By hand, since the formatting machinery would take a hundredth of a request's cost.
        IpAddr::V4(address) => {
            let (mut digits, mut length) = ([0; 16], 0);
            let mut write = |byte| {
                digits[length] = byte;
                length += 1;
            };
            for octet in address.octets() {
                if octet >= 100 {
                    write(b'0' + octet / 100);
                }
                if octet >= 10 {
                    write(b'0' + octet / 10 % 10);
                }
                write(b'0' + octet % 10);
                write(b'.');
            }
            text.extend_from_slice(&digits[..length - 1]);
        }
        IpAddr::V6(address) => text.extend_from_slice(address.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::seen::request;
    use super::*;

    /// The request as the upstream gets it, for a client at this address.
    fn marked(headers: &[(&'static str, &'static str)], address: &str) -> RequestHeader {
        let mut request = request(headers);
        let seen = Seen::of(&request.headers);
        let marks = Marks::of(&seen, Some(address.parse().unwrap()));
        marks.put_on(&mut request).unwrap();
        request
    }

    fn one<'a>(request: &'a RequestHeader, name: &str) -> &'a str {
        let mut lines = request.headers.get_all(name).iter();
        let line = lines.next().unwrap().to_str().unwrap();
        assert_eq!(lines.next(), None, "several lines of {name}");
        line
    }

    #[test]
    fn a_carried_id_is_kept_and_a_hostile_one_replaced() {
        let id = |values: &[&'static str]| {
            let headers: Vec<_> = values
                .iter()
                .map(|value| ("x-request-id", *value))
                .collect();
            one(&marked(&headers, "::1"), "x-request-id").to_owned()
        };
        assert_eq!(id(&["abc-1"]), "abc-1");
        assert_eq!(id(&["abc-1", "abc-2"]), "abc-1");
        assert_ne!(id(&["a b"]), "a b");
        assert_eq!(id(&[""]).len(), 32);
        assert_eq!(id(&[]).len(), 32);
    }

    #[test]
    fn a_request_that_carries_nothing_gets_one_id_for_itself_and_its_trace() {
        let request = marked(&[], "::1");
        let traceparent = one(&request, "traceparent");
        assert!(is_traceparent(&HeaderValue::from_str(traceparent).unwrap()));
        assert_eq!(traceparent[TRACE_ID], *one(&request, "x-request-id"));
        assert_ne!(traceparent, one(&marked(&[], "::1"), "traceparent"));
    }

    #[test]
    fn a_trace_goes_on_with_its_state_and_a_broken_one_starts_anew_without() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let request = marked(&[("traceparent", good), ("tracestate", "a=1")], "::1");
        assert_eq!(one(&request, "traceparent"), good);
        assert_eq!(one(&request, "tracestate"), "a=1");
        for broken in [vec!["00-x"], vec![good, good]] {
            let mut headers: Vec<_> = broken.iter().map(|value| ("traceparent", *value)).collect();
            headers.push(("tracestate", "a=1"));
            let request = marked(&headers, "::1");
            assert_ne!(one(&request, "traceparent"), good);
            assert!(!request.headers.contains_key("tracestate"));
        }
    }

    #[test]
    fn addresses_are_appended_as_they_are_written() {
        for address in ["0.0.0.0", "9.10.99.100", "255.254.101.1", "2001:db8::1"] {
            assert_eq!(one(&marked(&[], address), "x-forwarded-for"), address);
        }
        let lines = [("x-forwarded-for", "a, b"), ("x-forwarded-for", " c ")];
        let request = marked(&lines, "127.0.0.1");
        assert_eq!(one(&request, "x-forwarded-for"), "a, b, c, 127.0.0.1");
    }

    #[test]
    fn the_scheme_is_told_unless_someone_has() {
        assert_eq!(one(&marked(&[], "::1"), "x-forwarded-proto"), "http");
        let told = marked(&[("x-forwarded-proto", "https")], "::1");
        assert_eq!(one(&told, "x-forwarded-proto"), "https");
    }

    #[test]
    fn headers_of_our_name_are_taken_from_clients() {
        let headers = [
            ("Cutover-Shadow", "1"),
            ("cutover-primary-id", "x"),
            ("a", "b"),
        ];
        let request = marked(&headers, "::1");
        assert!(request.headers.contains_key("a"));
        assert!(
            !request
                .headers
                .keys()
                .any(|name| name.as_str().starts_with(OURS))
        );
    }
}
