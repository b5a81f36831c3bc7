//! Learning what one side minted where the other did.
//!
//! What a token means may depend on whose it is and, of a cursor, on what it leads through: `20` in
//! two lists is two cursors. So it is kept by the session and by the rest of its link. It is kept by
//! itself as well, as long as only one has it.

use super::store::Known;
use super::tags::Tag;
use super::{Sessions, Sort, jars};
use crate::escape::decoded;
use crate::exchange::{CapturedResponse, Exchange};
use crate::side::Side;
use comparator::{TokenPair, parameter};
use http::HeaderMap;
use http::Method;
use http::header::ETAG;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// The longest token that is one.
pub(super) const LONGEST: usize = 4096;

/// The place of what is known by itself.
const ANYWHERE: u64 = u64::MAX;

/// A value of legacy's and the one of modern's that goes with it.
type Pair<'p> = (&'p str, &'p str);

impl Sessions {
    /// Learns what a comparison has found in the places of tokens.
    pub(crate) fn learn(&self, exchange: &Exchange, found: &[TokenPair]) {
        for pair in found {
            let (legacy, modern) = (pair.legacy.as_str(), pair.modern.as_str());
            match &pair.parameter {
                None => self.learn_token(exchange, (bare(legacy), bare(modern)), &[]),
                Some(name) => {
                    let value = |url| Some(decoded(url_parameter(url, name)?));
                    if let (Some(mine), Some(theirs)) = (value(legacy), value(modern)) {
                        let places = [place(legacy, name), place(modern, name)];
                        self.learn_token(exchange, (&mine, &theirs), &places);
                    }
                }
            }
        }
    }

    pub(super) fn learn_token(&self, exchange: &Exchange, pair: Pair<'_>, places: &[u64]) {
        if [pair.0, pair.1].iter().any(|text| text.len() > LONGEST) {
            return;
        }
        let (own, theirs) = self.clients_of(exchange);
        let clients = match exchange.answered_by {
            Side::Legacy => [own, theirs],
            Side::Modern => [theirs, own],
        };
        self.learn_pair(Sort::Token, pair, &clients, places);
        for (side, value, partner) in both(pair) {
            let client = clients.get(side as usize).and_then(|own| own.first());
            let owner = (client, places.first());
            self.learn_anywhere(
                side,
                value,
                partner,
                xxh3_64(format!("{owner:?}").as_bytes()),
            );
        }
    }

    fn learn_pair(&self, sort: Sort, pair: Pair<'_>, clients: &[Vec<u64>; 2], places: &[u64]) {
        for (side, value, partner) in both(pair) {
            let known = Known::Partner {
                text: partner.into(),
                owner: 0,
            };
            for client in or_none(clients.get(side as usize).map_or(&[], Vec::as_slice)) {
                for place in or_none(places) {
                    let key = self.key(sort, side, (*client, *place), key_text(sort, value));
                    self.keep(sort, key, &known);
                }
            }
        }
    }

    /// Keeps a value by itself, unless another has the same.
    fn learn_anywhere(&self, side: Side, value: &str, partner: &str, owner: u64) {
        let key = self.key(Sort::Token, side, (0, ANYWHERE), value);
        let shared = match self.store.find(key) {
            Some(Known::Nobodys) => true,
            Some(Known::Partner { text, owner: first }) => *text != *partner && first != owner,
            Some(Known::Jar(_)) | None => false,
        };
        let known = if shared {
            Known::Nobodys
        } else {
            Known::Partner {
                text: partner.into(),
                owner,
            }
        };
        self.keep(Sort::Token, key, &known);
    }

    /// Learns which tag of one side goes with which of the other, at the targets as each side got
    /// them.
    pub(crate) fn learn_tags(
        &self,
        exchange: &Exchange,
        target: &[u8],
        candidate: &CapturedResponse,
    ) {
        // What a POST is answered is no representation of what it went to.
        let tells = |status: u16| (200..300).contains(&status) || status == 304;
        let primary = &exchange.primary;
        if exchange.request.method == Method::POST
            || !tells(primary.status)
            || !tells(candidate.status)
        {
            return;
        }
        let (Some(own), Some(theirs)) = (etag(&primary.headers), etag(&candidate.headers)) else {
            return;
        };
        let pair = match exchange.answered_by {
            Side::Legacy => (own, theirs),
            Side::Modern => (theirs, own),
        };
        let (own, theirs) = self.clients_of(exchange);
        let clients = match exchange.answered_by {
            Side::Legacy => [own, theirs],
            Side::Modern => [theirs, own],
        };
        let mut places = vec![xxh3_64(&exchange.request.target), xxh3_64(target)];
        places.dedup();
        self.learn_pair(Sort::Tag, pair, &clients, &places);
    }

    /// What the other side minted where `side` minted this.
    pub(super) fn token(
        &self,
        side: Side,
        value: &str,
        clients: &[u64],
        place: Option<u64>,
    ) -> Option<Arc<str>> {
        let places = place.into_iter().chain([0]);
        let known = places.flat_map(|place| clients.iter().chain(&[0]).map(move |c| (*c, place)));
        known
            .chain([(0, ANYWHERE)])
            .find_map(|at| self.partner(Sort::Token, side, at, value))
    }

    /// What the other side tags what `side` tags so, at one target.
    pub(super) fn tag(
        &self,
        side: Side,
        tag: Tag<'_>,
        clients: &[u64],
        place: u64,
    ) -> Option<Arc<str>> {
        let mut clients = clients.iter().chain(&[0]);
        clients.find_map(|client| self.partner(Sort::Tag, side, (*client, place), tag.text))
    }

    fn partner(&self, sort: Sort, side: Side, at: (u64, u64), value: &str) -> Option<Arc<str>> {
        match self.store.find(self.key(sort, side, at, value))? {
            Known::Partner { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The sessions of `side` that a jar of its cookies holds.
    pub(super) fn sessions_in(&self, jar: &jars::Jar, side: Side) -> Vec<u64> {
        let kept = jar.0.iter();
        let kept = kept.filter_map(|(name, kept)| Some((name, kept.value.as_deref()?)));
        kept.filter_map(|(name, value)| {
            self.jar_of(side, name, value)?;
            self.cookie(side, name, value).map(jars::client)
        })
        .collect()
    }
}

/// A pair from either side.
fn both((legacy, modern): Pair<'_>) -> [(Side, &str, &str); 2] {
    [
        (Side::Legacy, legacy, modern),
        (Side::Modern, modern, legacy),
    ]
}

/// Nothing told is the same as nobody's, or no place.
fn or_none(told: &[u64]) -> &[u64] {
    if told.is_empty() { &[0] } else { told }
}

/// A tag is the same, weak or strong.
fn key_text(sort: Sort, value: &str) -> &str {
    match sort {
        Sort::Tag => Tag::of(value).map_or(value, |tag| tag.text),
        Sort::Cookie | Sort::Token => value,
    }
}

fn etag(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(ETAG)?.to_str().ok()?;
    (Tag::of(value).is_some() && value.len() <= LONGEST).then_some(value)
}

/// A token without the scheme that it may be told with.
pub(super) fn bare(text: &str) -> &str {
    match text.split_once(' ') {
        Some((scheme, token)) if is_scheme(scheme) => token,
        _ => text,
    }
}

pub(super) fn is_scheme(text: &str) -> bool {
    ["bearer", "token", "basic"]
        .iter()
        .any(|scheme| scheme.eq_ignore_ascii_case(text))
}

fn url_parameter<'u>(url: &'u str, name: &str) -> Option<&'u str> {
    url.get(parameter(url, name)?)
}

/// What a cursor leads through: the path of its URL and the other parameters, in any order and
/// whatever the host.
pub(super) fn place(url: &str, name: &str) -> u64 {
    let url = url.trim_start_matches('<');
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => url,
    };
    let ends = |c: char| matches!(c, '#' | '>' | '"' | '\'') || c <= ' ';
    let path = path.split(ends).next().unwrap_or_default();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let is_other = |p: &&str| {
        p.split_once('=')
            .is_none_or(|(key, _)| decoded(key) != name)
    };
    let mut others: Vec<&str> = query.split('&').filter(is_other).collect();
    others.sort_unstable();
    xxh3_64(format!("{path}?{}", others.join("&")).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_s_place_is_its_link_without_it_and_without_the_host() {
        let place = |url| place(url, "cursor");
        let first = place("/orders?cursor=20&of=5&n=1");
        for same in [
            "https://legacy:8080/orders?n=1&of=5&cursor=40",
            "</orders?of=5&cursor=1&n=1>; rel=\"next\"",
            "/orders?of=5&n=1#top",
        ] {
            assert_eq!(place(same), first, "{same}");
        }
        for other in [
            "/orders?cursor=20&of=6&n=1",
            "/invoices?of=5&n=1",
            "/orders",
            "",
        ] {
            assert_ne!(place(other), first, "{other}");
        }
    }
}
