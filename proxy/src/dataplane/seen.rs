//! What one pass over a request's headers tells. Each look-up by name would hash the name, so
//! everything that the proxy wants to know of a request is noted on one way through.

use http::{HeaderMap, HeaderValue};

/// Headers of this name are ours; a client's are not believed.
pub(super) const OURS: &str = "cutover-";

/// What a request's headers say, as far as the proxy listens.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a header that is there or not"
)]
pub(super) struct Seen<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) hosts: Lines<'a>,
    pub(super) ids: Lines<'a>,
    pub(super) parents: Lines<'a>,
    pub(super) addresses: Lines<'a>,
    pub(super) codings: Lines<'a>,
    pub(super) upgrades: Lines<'a>,
    pub(super) has_proto: bool,
    /// Headers that are ours to send.
    pub(super) has_ours: bool,
    /// `Connection`, which may name more.
    pub(super) has_connection: bool,
    /// Headers that speak of the client's connection only, `Connection` among them.
    pub(super) has_hop_by_hop: bool,
}

impl<'a> Seen<'a> {
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let mut seen = Self {
            headers,
            hosts: Lines::None,
            ids: Lines::None,
            parents: Lines::None,
            addresses: Lines::None,
            codings: Lines::None,
            upgrades: Lines::None,
            has_proto: false,
            has_ours: false,
            has_connection: false,
            has_hop_by_hop: false,
        };
        for (name, value) in headers {
            match name.as_str() {
                "host" => seen.hosts.add(value),
                "connection" => {
                    seen.has_connection = true;
                    seen.has_hop_by_hop = true;
                }
                "x-request-id" => seen.ids.add(value),
                "traceparent" => seen.parents.add(value),
                "x-forwarded-for" => seen.addresses.add(value),
                "x-forwarded-proto" => seen.has_proto = true,
                "transfer-encoding" => {
                    seen.codings.add(value);
                    seen.has_hop_by_hop = true;
                }
                "upgrade" => {
                    seen.upgrades.add(value);
                    seen.has_hop_by_hop = true;
                }
                name if super::hops::is_hop_by_hop(name) => seen.has_hop_by_hop = true,
                name => seen.has_ours |= name.starts_with(OURS),
            }
        }
        seen
    }
}

/// The lines that a request has of one header.
#[derive(Clone, Copy)]
pub(super) enum Lines<'a> {
    None,
    One(&'a HeaderValue),
    /// Only the first is kept.
    Several(&'a HeaderValue),
}

impl<'a> Lines<'a> {
    fn add(&mut self, value: &'a HeaderValue) {
        *self = match *self {
            Self::None => Self::One(value),
            Self::One(first) | Self::Several(first) => Self::Several(first),
        };
    }

    pub(super) fn first(self) -> Option<&'a HeaderValue> {
        match self {
            Self::None => None,
            Self::One(value) | Self::Several(value) => Some(value),
        }
    }
}

/// A request with these headers.
#[cfg(test)]
pub(super) fn request(headers: &[(&'static str, &'static str)]) -> pingora::http::RequestHeader {
    let mut request = pingora::http::RequestHeader::build("GET", b"/", None).unwrap();
    for (name, value) in headers {
        request.append_header(*name, *value).unwrap();
    }
    request
}
