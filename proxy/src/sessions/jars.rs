//! The cookies that a side has set for a client who does not have them.
//!
//! A client holds the cookies of the side that answers it; what the other side sets in its answer to
//! the same is kept beside them, and goes to that side with every request that carries them. Whose
//! session it is, is told by the cookies alone: clients behind one address don't share one. Paths
//! and domains are not looked at: a side is one system.

use super::request::Change;
use super::store::Known;
use super::{Sessions, Sort};
use crate::exchange::{CapturedResponse, Exchange};
use crate::side::Side;
use cookie::Cookie;
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most cookies of a request or an answer that are looked at, and of a jar that are kept.
const COOKIES: usize = 32;

/// The longest cookie that is kept, and the most bytes of a jar.
const LONGEST: usize = 4096;

/// A shorter value is no session's: `lang=en` is shared by many.
pub(super) const SHORTEST: usize = 12;

/// A side's cookies by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Jar(pub(super) BTreeMap<String, Kept>);

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// Nothing where the side took it back.
    pub(super) value: Option<String>,
    /// When it ends by itself.
    pub(super) until: Option<Instant>,
}

impl Kept {
    fn value(&self, now: Instant) -> Option<&str> {
        let lives = self.until.is_none_or(|until| until > now);
        self.value.as_deref().filter(|_| lives)
    }
}

impl Jar {
    pub(super) fn bytes(&self) -> usize {
        let each = self.0.iter();
        each.map(|(name, kept)| name.len() + kept.value.as_ref().map_or(0, String::len))
            .sum()
    }

    fn fits(&self) -> bool {
        !self.0.is_empty() && self.0.len() <= COOKIES && self.bytes() <= LONGEST
    }
}

impl Sessions {
    /// The other side's cookies that belong to those of `side` in a request.
    fn jar(&self, headers: &HeaderMap, side: Side) -> Jar {
        let mut jar = Jar::default();
        for (name, value) in sent(headers) {
            if let Some(known) = self.jar_of(side, name, value) {
                let kept = known.0.iter();
                jar.0
                    .extend(kept.map(|(name, kept)| (name.clone(), kept.clone())));
            }
        }
        jar
    }

    pub(super) fn jar_of(&self, side: Side, name: &str, value: &str) -> Option<Arc<Jar>> {
        match self.store.find(self.cookie(side, name, value)?)? {
            Known::Jar(jar) => Some(jar),
            _ => None,
        }
    }

    /// The sessions of `side` whose cookies a request carries.
    pub(super) fn clients(&self, headers: &HeaderMap, side: Side) -> Vec<u64> {
        let keys = sent(headers).filter_map(|(name, value)| {
            self.jar_of(side, name, value)?;
            self.cookie(side, name, value).map(client)
        });
        keys.collect()
    }

    /// Puts the cookies of the side that a mirrored request goes to in the place of the primary's
    /// of the same names, and beside the others: what the primary has set means nothing there.
    pub(super) fn mirror_cookies(&self, headers: &HeaderMap, primary: Side) -> Option<Change> {
        line(headers, &self.jar(headers, primary), |_, _| true)
    }

    /// Puts the cookies of the side that is to answer a client in the place of what the other side
    /// has set. What the client has of the side itself is newer.
    pub(super) fn serve_cookies(&self, headers: &HeaderMap, primary: Side) -> Option<Change> {
        let other = primary.other();
        line(headers, &self.jar(headers, other), |name, value| {
            self.jar_of(other, name, value).is_some()
        })
    }

    /// Keeps what both answers set, for the sessions that they began or the request carried.
    pub(crate) fn learn_cookies(&self, exchange: &Exchange, candidate: &CapturedResponse) {
        let (request, primary) = (&exchange.request, exchange.answered_by);
        let begun: Vec<Cookie<'_>> = set(&exchange.primary.headers).collect();
        if begun.is_empty() && !candidate.headers.contains_key(SET_COOKIE) {
            return;
        }
        let carried: Vec<(&str, &str)> = sent(&request.headers)
            .filter(|(name, value)| self.jar_of(primary, name, value).is_some())
            .collect();
        // A session that gets another cookie goes on with what it had.
        let before = self.jar(&request.headers, primary);
        let (mut theirs, mut own) = (before.clone(), Jar::default());
        for (name, value) in &carried {
            own.0.insert((*name).to_owned(), lasting(value));
        }
        self.set_in(&mut own, begun.iter());
        let set_there: Vec<Cookie<'_>> = set(&candidate.headers).collect();
        self.set_in(&mut theirs, set_there.iter());
        if theirs.fits() {
            let known = Known::Jar(Arc::new(theirs.clone()));
            for (name, value) in &carried {
                self.keep_jar(primary, name, value, true, &known);
            }
            for cookie in &begun {
                let own = sent(&request.headers).any(|sent| sent == cookie.name_value());
                self.keep_jar(primary, cookie.name(), cookie.value(), own, &known);
            }
        }
        if own.fits() && theirs.fits() {
            let known = Known::Jar(Arc::new(own));
            for (name, kept) in &theirs.0 {
                if let Some(value) = &kept.value {
                    let had = before.0.get(name).and_then(|kept| kept.value.as_ref());
                    self.keep_jar(primary.other(), name, value, had == Some(value), &known);
                }
            }
        }
        self.learn_twins(exchange, &begun, &set_there);
    }

    /// Cookies that both sides set under one name may come back in another place: a CSRF token is
    /// sent as a header, too.
    fn learn_twins(&self, exchange: &Exchange, primary: &[Cookie<'_>], candidate: &[Cookie<'_>]) {
        for mine in primary.iter().filter(|cookie| is_long(cookie.value())) {
            let same = |cookie: &&Cookie<'_>| cookie.name() == mine.name();
            let twin = candidate.iter().find(same);
            if let Some(twin) = twin.filter(|twin| is_long(twin.value())) {
                let pair = match exchange.answered_by {
                    Side::Legacy => (mine.value(), twin.value()),
                    Side::Modern => (twin.value(), mine.value()),
                };
                self.learn_token(exchange, pair, &[]);
            }
        }
    }

    fn set_in<'c>(&self, jar: &mut Jar, cookies: impl Iterator<Item = &'c Cookie<'c>>) {
        for cookie in cookies {
            let left = self.left(cookie);
            let gone = left.is_some_and(|left| left.is_zero());
            let kept = Kept {
                value: (!gone).then(|| cookie.value().to_owned()),
                until: left.and_then(|left| Instant::now().checked_add(left)),
            };
            jar.0.insert(cookie.name().to_owned(), kept);
        }
    }

    /// How long a cookie has still to live, if it says so.
    fn left(&self, cookie: &Cookie<'_>) -> Option<Duration> {
        if let Some(age) = cookie.max_age() {
            return Some(age.try_into().unwrap_or(Duration::ZERO));
        }
        let expires = cookie.expires_datetime()?.unix_timestamp();
        let seconds = expires.saturating_sub(self.clock.now().as_second());
        Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
    }

    /// Keeps a jar under a cookie; one that somebody else has too is no session's.
    fn keep_jar(&self, side: Side, name: &str, value: &str, own: bool, known: &Known) {
        let Some(key) = self.cookie(side, name, value) else {
            return;
        };
        let shared = !own && self.store.find(key).is_some_and(|before| before != *known);
        let known = if shared {
            Known::Nobodys
        } else {
            known.clone()
        };
        self.keep(Sort::Cookie, key, &known);
    }
}

/// What a session is known by among tokens.
pub(super) fn client(key: u128) -> u64 {
    // The hash is as good in its lower half; nothing is nobody's.
    u64::try_from(key & u128::from(u64::MAX))
        .unwrap_or(1)
        .max(1)
}

pub(super) fn is_long(value: &str) -> bool {
    (SHORTEST..=LONGEST).contains(&value.len())
}

fn lasting(value: &str) -> Kept {
    Kept {
        value: Some(value.to_owned()),
        until: None,
    }
}

/// The cookies of a request with a jar's in the place of those that may be replaced. Everything
/// else stays as the client wrote it.
fn line(headers: &HeaderMap, jar: &Jar, replaces: impl Fn(&str, &str) -> bool) -> Option<Change> {
    if jar.0.is_empty() {
        return None;
    }
    let now = Instant::now();
    let (mut all, mut stay): (Vec<&[u8]>, Vec<&str>) = (Vec::new(), Vec::new());
    let lines = headers.get_all(COOKIE).into_iter();
    for piece in lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';')) {
        let piece = piece.trim_ascii();
        let text = std::str::from_utf8(piece).unwrap_or_default();
        if let Some((name, value)) = text.split_once('=')
            && jar.0.contains_key(name.trim())
        {
            if replaces(name.trim(), value.trim()) {
                continue;
            }
            stay.push(name.trim());
        }
        all.push(piece);
    }
    let own = jar
        .0
        .iter()
        .filter(|(name, _)| !stay.contains(&name.as_str()));
    let own = own.filter_map(|(name, kept)| Some(format!("{name}={}", kept.value(now)?)));
    let own: Vec<String> = own.collect();
    all.extend(own.iter().map(String::as_bytes));
    let line = HeaderValue::from_bytes(&all.join(&b"; "[..])).ok();
    Some((COOKIE, line.filter(|line| !line.is_empty())))
}

/// The cookies of a request.
pub(super) fn sent(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers
        .get_all(COOKIE)
        .into_iter()
        .filter_map(|line| line.to_str().ok());
    let pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.trim(), value.trim()))
        .take(COOKIES)
}

/// The cookies that an answer sets.
pub(super) fn set(headers: &HeaderMap) -> impl Iterator<Item = Cookie<'_>> {
    let lines = headers
        .get_all(SET_COOKIE)
        .into_iter()
        .filter_map(|line| line.to_str().ok());
    let cookies = lines.filter_map(|line| Cookie::parse(line).ok());
    cookies
        .filter(|cookie| cookie.value().len() <= LONGEST)
        .take(COOKIES)
}
