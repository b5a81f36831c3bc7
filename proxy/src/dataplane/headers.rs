//! What the proxy adds to, takes from and reads of the headers that pass.
//!
//! Hop-by-hop headers of requests are Pingora's: it strips them before these functions see the
//! request.

use super::answer::Refusal;
use http::header::{HOST, HeaderName};
use http::{HeaderMap, HeaderValue};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::prelude::{Result, Session};
use std::net::IpAddr;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Headers of this name are ours; a client's are not believed.
const OURS: &str = "cutover-";

/// Headers of an answer that speak of one connection only.
const HOP_BY_HOP: [HeaderName; 4] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("proxy-authenticate"),
    HeaderName::from_static("te"),
];

/// The host that a request names. HTTP/1.1 demands exactly one.
pub(super) fn host(request: &RequestHeader) -> Result<Option<&str>, Refusal> {
    if let Some(authority) = request.uri.authority() {
        return Ok(Some(authority.as_str()));
    }
    let mut hosts = request.headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().map(Some).map_err(|_| Refusal::BadHost),
        (None, _) if request.version <= http::Version::HTTP_10 => Ok(None),
        _ => Err(Refusal::BadHost),
    }
}

/// The id that the request carries, if it is one to pass on, or a new one.
pub(super) fn request_id(request: &RequestHeader) -> HeaderValue {
    let carried = request.headers.get(REQUEST_ID).filter(|id| {
        (1..=128).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
    });
    carried
        .cloned()
        .unwrap_or_else(|| hex_value(fastrand::u128(1..)))
}

/// Makes the client's request the one that the upstream gets.
pub(super) fn forward(
    session: &Session,
    request: &mut RequestHeader,
    request_id: &HeaderValue,
) -> Result<()> {
    strip_ours(request);
    request.insert_header(REQUEST_ID, request_id.clone())?;
    if !request.headers.get(TRACEPARENT).is_some_and(is_traceparent) {
        // A broken traceparent starts a new trace, and its state goes with it (W3C, 4.3).
        request.remove_header(&TRACESTATE);
        request.insert_header(TRACEPARENT, new_traceparent())?;
    }
    if let Some(client) = session.client_addr().and_then(|address| address.as_inet()) {
        let list = appended(&request.headers, client.ip());
        request.insert_header(FORWARDED_FOR, list)?;
    }
    if !request.headers.contains_key(&FORWARDED_PROTO) {
        let tls = session
            .digest()
            .is_some_and(|digest| digest.ssl_digest.is_some());
        request.insert_header(FORWARDED_PROTO, if tls { "https" } else { "http" })?;
    }
    Ok(())
}

/// Makes the upstream's answer the one that the client gets.
pub(super) fn answer(response: &mut ResponseHeader) {
    for name in &HOP_BY_HOP {
        if response.headers.contains_key(name) {
            response.remove_header(name);
        }
    }
}

fn strip_ours(request: &mut RequestHeader) {
    let is_ours = |name: &&HeaderName| name.as_str().starts_with(OURS);
    if request.headers.keys().any(|name| is_ours(&name)) {
        let names: Vec<HeaderName> = request.headers.keys().filter(is_ours).cloned().collect();
        for name in names {
            request.remove_header(&name);
        }
    }
}

/// The list of addresses that the request came through, with one more behind it. Several header
/// lines become one.
fn appended(headers: &HeaderMap, address: IpAddr) -> String {
    let mut list = String::new();
    for line in headers.get_all(FORWARDED_FOR) {
        if let Ok(line) = line.to_str() {
            list.push_str(line.trim());
            list.push_str(", ");
        }
    }
    match address {
        // By hand, since the formatting machinery would take a hundredth of a request's cost.
        IpAddr::V4(address) => {
            let (mut text, mut length) = ([b'.'; 16], 0);
            for octet in address.octets() {
                for (least, digit) in [(100, octet / 100), (10, octet / 10 % 10), (0, octet % 10)] {
                    if octet >= least {
                        text[length] = b'0' + digit;
                        length += 1;
                    }
                }
                // A separator stands there already; the last one is left out below.
                length += 1;
            }
            list.push_str(std::str::from_utf8(&text[..length - 1]).unwrap_or_default());
        }
        IpAddr::V6(address) => list.push_str(&address.to_string()),
    }
    list
}

/// Whether a value is a traceparent of the form that all versions share.
fn is_traceparent(value: &HeaderValue) -> bool {
    let value = value.as_bytes();
    let hex = |from: usize, to: usize| {
        value.get(from..to).is_some_and(|part| {
            part.iter()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b))
        })
    };
    let zero = |from: usize, to: usize| {
        value
            .get(from..to)
            .is_none_or(|part| part.iter().all(|b| *b == b'0'))
    };
    let dashes = [2, 35, 52].iter().all(|&at| value.get(at) == Some(&b'-'));
    let length =
        value.len() == 55 || (value.len() > 55 && value[55] == b'-' && !value.starts_with(b"00"));
    length
        && dashes
        && hex(0, 2)
        && hex(3, 35)
        && hex(36, 52)
        && hex(53, 55)
        && !value.starts_with(b"ff")
        && !zero(3, 35)
        && !zero(36, 52)
}

fn new_traceparent() -> HeaderValue {
    let mut text = *b"00-................................-................-00";
    let (trace, parent) = text[3..].split_at_mut(33);
    write_hex(fastrand::u128(1..), &mut trace[..32]);
    write_hex(fastrand::u64(1..).into(), &mut parent[..16]);
    HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static(""))
}

fn hex_value(number: u128) -> HeaderValue {
    let mut text = [0; 32];
    write_hex(number, &mut text);
    HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static(""))
}

/// The last digits of a number; the formatting machinery costs several times as much, twice on
/// every request.
fn write_hex(mut number: u128, text: &mut [u8]) {
    for digit in text.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&'static str, &'static str)]) -> RequestHeader {
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        for (name, value) in headers {
            request.append_header(*name, *value).unwrap();
        }
        request
    }

    #[test]
    fn a_request_names_exactly_one_host() {
        assert_eq!(host(&request(&[("host", "a")])).unwrap(), Some("a"));
        assert!(host(&request(&[])).is_err());
        assert!(host(&request(&[("host", "a"), ("host", "b")])).is_err());
    }

    #[test]
    fn a_carried_id_is_kept_and_a_hostile_one_replaced() {
        let id = |value| request_id(&request(&[("x-request-id", value)]));
        assert_eq!(id("abc-1"), "abc-1");
        assert_ne!(id("a b"), "a b");
        assert_eq!(id("").len(), 32);
    }

    #[test]
    fn addresses_are_appended_as_they_are_written() {
        let mut headers = HeaderMap::new();
        for address in ["0.0.0.0", "9.10.99.100", "255.254.101.1", "2001:db8::1"] {
            assert_eq!(appended(&headers, address.parse().unwrap()), address);
        }
        headers.append(FORWARDED_FOR, HeaderValue::from_static("a, b"));
        headers.append(FORWARDED_FOR, HeaderValue::from_static(" c "));
        assert_eq!(
            appended(&headers, IpAddr::from([127, 0, 0, 1])),
            "a, b, c, 127.0.0.1"
        );
    }

    #[test]
    fn hex_digits_are_those_of_the_number() {
        let number = 0x0123_4567_89ab_cdef_u128;
        assert_eq!(hex_value(number), format!("{number:032x}").as_str());
    }

    #[test]
    fn only_well_formed_traceparents_are_carried_on() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let is = |text: &'static str| is_traceparent(&HeaderValue::from_static(text));
        assert!(is(good));
        assert!(is(
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what"
        ));
        assert!(!is(
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what"
        ));
        assert!(!is(
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        ));
        assert!(!is(
            "00-00000000000000000000000000000000-b7ad6b7169203331-01"
        ));
        assert!(!is(
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"
        ));
        assert!(!is(""));
        assert!(is_traceparent(&new_traceparent()));
    }

    #[test]
    fn headers_of_our_name_are_taken_from_clients() {
        let mut request = request(&[
            ("Cutover-Shadow", "1"),
            ("cutover-primary-id", "x"),
            ("a", "b"),
        ]);
        strip_ours(&mut request);
        assert_eq!(request.headers.len(), 1);
    }
}
