//! Headers that speak of one connection only: what of them is believed, and what goes on.

use super::answer::Refusal;
use super::seen::{Lines, Seen};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::prelude::Result;

/// How many headers a `Connection` may name. Whoever names more means no good.
const NAMED: usize = 10;

/// Headers that no `Connection` may take away: what the upstream believes hangs on them, and where it
/// sees the request end.
const PROTECTED: [&str; 5] = [
    "content-length",
    "host",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// Whether a header speaks of one connection only (RFC 9110, 7.6.1).
pub(crate) fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
    )
}

/// What a request says of the client's connection.
#[derive(Debug, Default)]
pub(super) struct Hops {
    /// Whether there is anything to take away.
    strips: bool,
    /// The headers that `Connection` names.
    named: Vec<HeaderName>,
    /// Whether the client asks for a WebSocket.
    pub(super) websocket: bool,
}

impl Hops {
    pub(super) fn of(seen: &Seen<'_>, method: &Method, version: Version) -> Result<Self, Refusal> {
        let named = if seen.has_connection {
            named(seen.headers)?
        } else {
            Vec::new()
        };
        if named.iter().any(|name| PROTECTED.contains(&name.as_str())) {
            return Err(Refusal::BadConnection);
        }
        // Pingora undoes chunks, and nothing else.
        match seen.codings {
            Lines::None => {}
            Lines::One(coding) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => {}
            _ => return Err(Refusal::UnknownCoding),
        }
        let asks = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"websocket");
        Ok(Self {
            strips: seen.has_hop_by_hop,
            websocket: version == Version::HTTP_11
                && method == Method::GET
                && named.contains(&UPGRADE)
                && matches!(seen.upgrades, Lines::One(value) if asks(value)),
            named,
        })
    }

    /// Makes the client's request one of our own connection to the upstream.
    pub(super) fn put_on(&self, request: &mut RequestHeader, has_body: bool) -> Result<()> {
        if self.strips {
            let gone =
                |name: &&HeaderName| is_hop_by_hop(name.as_str()) || self.named.contains(name);
            let gone: Vec<HeaderName> = request.headers.keys().filter(gone).cloned().collect();
            for name in gone {
                request.remove_header(&name);
            }
        }
        if self.websocket {
            request.insert_header("Connection", "Upgrade")?;
            request.insert_header("Upgrade", "websocket")?;
        }
        if has_body && !request.headers.contains_key(CONTENT_LENGTH) {
            request.insert_header("Transfer-Encoding", "chunked")?;
        }
        Ok(())
    }
}

/// The headers that `Connection` names.
fn named(headers: &HeaderMap) -> Result<Vec<HeaderName>, Refusal> {
    let mut names = Vec::new();
    for line in headers.get_all(CONNECTION) {
        for token in line.as_bytes().split(|byte| *byte == b',') {
            let token = token.trim_ascii();
            if token.is_empty() {
                continue;
            }
            if names.len() == NAMED {
                return Err(Refusal::BadConnection);
            }
            // The library's names are a little wider than the standard's.
            let is_token = token
                .iter()
                .all(|byte| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(byte));
            let name = HeaderName::from_bytes(token).ok().filter(|_| is_token);
            names.push(name.ok_or(Refusal::BadConnection)?);
        }
    }
    Ok(names)
}

/// Makes the upstream's answer one of our own connection to the client.
pub(super) fn answer(
    response: &mut ResponseHeader,
    asked: &RequestHeader,
    end: bool,
) -> Result<()> {
    let is_switch = response.status == StatusCode::SWITCHING_PROTOCOLS;
    // In one pass: most answers have none of them.
    let speaks = |name: &HeaderName| {
        is_hop_by_hop(name.as_str())
            && *name != TRANSFER_ENCODING
            && !(is_switch && *name == UPGRADE)
    };
    if response.headers.keys().any(speaks) {
        // An upstream may name what it likes, but not what says where its answer ends.
        let named = named(&response.headers).unwrap_or_default();
        let gone = |name: &&HeaderName| {
            speaks(name)
                || (!is_switch
                    && **name != TRANSFER_ENCODING
                    && **name != CONTENT_LENGTH
                    && named.contains(name))
        };
        let gone: Vec<HeaderName> = response.headers.keys().filter(gone).cloned().collect();
        for name in gone {
            response.remove_header(&name);
        }
    }
    if is_switch {
        response.insert_header("Connection", "Upgrade")?;
    }
    response.set_version(Version::HTTP_11);
    let old = asked.version < Version::HTTP_11;
    let framed = response.headers.contains_key(TRANSFER_ENCODING);
    if framed && old {
        // A client of HTTP/1.0 knows no chunks; its answer ends with the connection.
        response.remove_header(&TRANSFER_ENCODING);
    } else if !framed
        && !old
        && !end
        && !is_switch
        && !response.headers.contains_key(CONTENT_LENGTH)
    {
        response.insert_header("Transfer-Encoding", "chunked")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::seen::request;
    use super::*;

    fn hops(request: &RequestHeader) -> Result<Hops, Refusal> {
        Hops::of(
            &Seen::of(&request.headers),
            &request.method,
            Version::HTTP_11,
        )
    }

    /// The names that the upstream gets.
    fn sent(headers: &[(&'static str, &'static str)], has_body: bool) -> Vec<String> {
        let mut request = request(headers);
        let hops = hops(&request).unwrap();
        hops.put_on(&mut request, has_body).unwrap();
        let mut names: Vec<String> = request.headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    }

    #[test]
    fn what_speaks_of_the_client_s_connection_stays_there() {
        let headers = [
            ("Connection", "keep-alive, X-Mine"),
            ("Keep-Alive", "5"),
            ("TE", "trailers"),
            ("X-Mine", "1"),
            ("Proxy-Authorization", "secret"),
            ("X-Other", "2"),
        ];
        assert_eq!(sent(&headers, false), ["x-other"]);
    }

    #[test]
    fn a_body_without_a_length_is_sent_in_chunks_and_one_with_a_length_as_it_is() {
        let chunked = [("Transfer-Encoding", "chunked")];
        assert_eq!(sent(&chunked, true), ["transfer-encoding"]);
        assert_eq!(sent(&[("Content-Length", "3")], true), ["content-length"]);
    }

    #[test]
    fn only_a_websocket_may_be_asked_for() {
        let websocket = [("Connection", "Upgrade"), ("Upgrade", "WebSocket")];
        assert_eq!(sent(&websocket, false), ["connection", "upgrade"]);
        let h2c = [
            ("Connection", "Upgrade, HTTP2-Settings"),
            ("Upgrade", "h2c"),
            ("HTTP2-Settings", "x"),
        ];
        assert!(sent(&h2c, false).is_empty());
        assert!(sent(&[("Upgrade", "websocket")], false).is_empty());
    }

    #[test]
    fn a_connection_header_that_means_no_good_is_refused() {
        let many = "a, b, c, d, e, f, g, h, i, j, k";
        for value in [
            "host",
            "X-Forwarded-For",
            "Content-Length",
            "a b",
            "\"x\"",
            ":path",
            many,
        ] {
            let request = request(&[("Connection", value)]);
            assert_eq!(
                hops(&request).unwrap_err(),
                Refusal::BadConnection,
                "{value}"
            );
        }
    }

    #[test]
    fn a_coding_that_is_not_undone_is_refused() {
        for value in ["gzip, chunked", "identity", "chunked, chunked"] {
            let request = request(&[("Transfer-Encoding", value)]);
            assert_eq!(
                hops(&request).unwrap_err(),
                Refusal::UnknownCoding,
                "{value}"
            );
        }
    }

    /// The names that the client gets, for an answer with these headers.
    fn got(headers: &[(&'static str, &'static str)], version: Version, end: bool) -> Vec<String> {
        let mut response = ResponseHeader::build(200, None).unwrap();
        for (name, value) in headers {
            response.append_header(*name, *value).unwrap();
        }
        let mut asked = request(&[]);
        asked.set_version(version);
        answer(&mut response, &asked, end).unwrap();
        let mut names: Vec<String> = response.headers.keys().map(ToString::to_string).collect();
        names.sort();
        names
    }

    #[test]
    fn an_answer_loses_what_speaks_of_the_upstream_s_connection() {
        let headers = [
            ("Connection", "Upgrade, X-Mine, content-length"),
            ("Upgrade", "h2c"),
            ("Keep-Alive", "5"),
            ("Trailer", "x"),
            ("X-Mine", "1"),
            ("Content-Length", "1"),
            ("Content-Type", "a/b"),
        ];
        assert_eq!(
            got(&headers, Version::HTTP_11, false),
            ["content-length", "content-type"]
        );
    }

    #[test]
    fn an_answer_without_a_length_is_sent_in_chunks_to_who_knows_chunks() {
        let chunked = [("Transfer-Encoding", "chunked")];
        assert_eq!(
            got(&chunked, Version::HTTP_11, false),
            ["transfer-encoding"]
        );
        assert_eq!(got(&[], Version::HTTP_11, false), ["transfer-encoding"]);
        assert!(got(&chunked, Version::HTTP_10, false).is_empty());
        assert!(got(&[], Version::HTTP_10, false).is_empty());
        assert!(got(&[], Version::HTTP_11, true).is_empty());
    }
}
