//! A request with what the side that gets it minted.
//!
//! A known token is found wherever it stands: in a parameter of the query, a header, a form field;
//! in JSON bodies at the declared places. A short text is one in a declared place only, for `20` may
//! be anything else. In mirrored requests, what is declared and not known would be answered by
//! nonsense: these are not sent.

use super::tags::{Tag, list};
use super::tokens::{LONGEST, is_scheme, place};
use super::{Sessions, Sort, jars};
use crate::escape::{decoded, escaped};
use crate::ids::Naming;
use crate::lanes::{Pointer, with_token};
use crate::side::Side;
use comparator::{TokenPlace, TokenRule};
use http::header::{
    AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderName, IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use http::{HeaderMap, HeaderValue};
use std::cell::OnceCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use xxhash_rust::xxh3::xxh3_64;

/// A request holds something that the side that it is for has not minted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unknown;

/// A header as it is to be; nothing where it is to go.
pub(crate) type Change = (HeaderName, Option<HeaderValue>);

/// One request that is looked through.
pub(crate) struct Request<'r> {
    sessions: &'r Sessions,
    rules: &'r [TokenRule],
    headers: &'r HeaderMap,
    /// The target in the words of who made the tokens.
    target: &'r str,
    to: Side,
    /// The primary's status, if it has answered.
    answered: Option<u16>,
    /// Whether it is only asked what would become of it, so that nothing is counted.
    quiet: bool,
    /// The sessions that the request carries, as the other side knows them and as this one does;
    /// told once a value asks for them, which few do.
    clients: OnceCell<(Vec<u64>, Vec<u64>)>,
}

impl Sessions {
    /// A request to look through, unless there is nothing to look for. `answered` is the primary's
    /// status, where it has answered the request.
    pub(crate) fn request<'r>(
        &'r self,
        rules: &'r [TokenRule],
        (target, headers): (&'r str, &'r HeaderMap),
        naming: Naming,
        answered: u16,
    ) -> Option<Request<'r>> {
        let (to, answered) = match naming {
            Naming::Clients(side) => (side, None),
            Naming::Paired(side) => (side, Some(answered)),
        };
        let lacks = answered.is_some() && (!rules.is_empty() || is_conditional(headers));
        if !lacks
            && [Sort::Cookie, Sort::Token, Sort::Tag]
                .iter()
                .all(|s| !self.has(*s))
        {
            return None;
        }
        Some(Request {
            sessions: self,
            rules,
            headers,
            target,
            to,
            answered,
            quiet: false,
            clients: OnceCell::new(),
        })
    }
}

impl Request<'_> {
    /// Whether it holds something that has to be known and is not.
    pub(crate) fn lacks(mut self, body: impl FnOnce() -> Vec<u8>) -> bool {
        self.quiet = true;
        self.target(self.target).is_err()
            || self.headers().is_err()
            || (self.reads_body() && self.body(&body()).is_err())
    }

    fn clients(&self) -> &(Vec<u64>, Vec<u64>) {
        self.clients.get_or_init(|| {
            let (headers, sessions) = (self.headers, self.sessions);
            if !headers.contains_key(COOKIE) || !sessions.has(Sort::Cookie) {
                return Default::default();
            }
            let of = |side| sessions.clients(headers, side);
            (of(self.to.other()), of(self.to))
        })
    }

    fn count(&self, counter: &AtomicU64) {
        if !self.quiet {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The other side's value for one of the request's, if it is another.
    fn swap(
        &self,
        value: &str,
        declared: bool,
        place: Option<u64>,
    ) -> Result<Option<Arc<str>>, Unknown> {
        let fits = if declared {
            (1..=LONGEST).contains(&value.len())
        } else {
            jars::is_long(value) && self.sessions.has(Sort::Token)
        };
        if !fits {
            return Ok(None);
        }
        let (other, own) = self.clients();
        let known = |side, clients: &[u64]| self.sessions.token(side, value, clients, place);
        // What a client has of the side itself stands.
        if self.answered.is_none() && known(self.to, own).is_some() {
            return Ok(None);
        }
        match known(self.to.other(), other) {
            Some(partner) if *partner == *value => Ok(None),
            Some(partner) => {
                self.count(&self.sessions.translated);
                Ok(Some(partner))
            }
            None if declared => {
                self.count(&self.sessions.unknown);
                // Served, it is sent as it came: it may be the side's own.
                self.answered.map_or(Ok(None), |_| Err(Unknown))
            }
            None => Ok(None),
        }
    }

    /// The target, if it changes; `current` is what it has become so far.
    pub(crate) fn target(&self, current: &str) -> Result<Option<String>, Unknown> {
        let Some((path, query)) = current.split_once('?') else {
            return Ok(None);
        };
        let place = |name: &str| Some(place(self.target, name));
        let is_declared = |name: &str| {
            let mut names = self.rules.iter().filter_map(|rule| rule.parameter.as_ref());
            names.any(|declared| declared == name)
        };
        let query = self.pairs(
            query,
            |name| (is_declared(name), place(name)),
            &decode_query,
        )?;
        Ok(query.map(|query| format!("{path}?{query}")))
    }

    /// The pairs of a query or a form, if they change.
    fn pairs(
        &self,
        text: &str,
        about: impl Fn(&str) -> (bool, Option<u64>),
        decode: &dyn Fn(&str) -> String,
    ) -> Result<Option<String>, Unknown> {
        let mut changed = false;
        let mut pairs = Vec::new();
        for pair in text.split('&') {
            let swapped = match pair.split_once('=') {
                Some((name, value)) if !value.is_empty() => {
                    let (declared, place) = about(&decode(name));
                    let place = place.filter(|_| declared);
                    self.swap(&decode(value), declared, place)?
                        .map(|value| format!("{name}={}", escaped(&value)))
                }
                _ => None,
            };
            changed |= swapped.is_some();
            pairs.push(swapped.unwrap_or_else(|| pair.to_owned()));
        }
        Ok(changed.then(|| pairs.join("&")))
    }

    /// The headers that change.
    pub(crate) fn headers(&self) -> Result<Vec<Change>, Unknown> {
        let mut changes = Vec::new();
        if self.sessions.has(Sort::Cookie) {
            let primary = self.to.other();
            changes.extend(match self.answered {
                Some(_) => self.sessions.mirror_cookies(self.headers, primary),
                None => self.sessions.serve_cookies(self.headers, self.to),
            });
        }
        let declared = |name: &HeaderName| {
            self.rules.iter().any(|rule| {
                rule.parameter.is_none()
                    && matches!(&rule.place, TokenPlace::Header(place) if place == name.as_str())
            })
        };
        for (name, line) in self.headers {
            if says_nothing(name) || self.headers.get_all(name).iter().nth(1).is_some() {
                continue;
            }
            let Ok(text) = line.to_str() else { continue };
            let (scheme, value) = match text.split_once(' ') {
                Some((scheme, value)) if name == AUTHORIZATION && is_scheme(scheme) => {
                    (Some(scheme), value)
                }
                _ => (None, text),
            };
            if let Some(partner) = self.swap(value, declared(name), None)? {
                let text = match scheme {
                    Some(scheme) => format!("{scheme} {partner}"),
                    None => partner.to_string(),
                };
                changes.extend(HeaderValue::from_str(&text).map(|line| (name.clone(), Some(line))));
            }
        }
        self.conditions(&mut changes)?;
        Ok(changes)
    }

    /// The conditions that tags are part of. A tag of which the candidate's is not known is left out
    /// where the primary has answered as if there were no condition; where it has not, the candidate
    /// could not answer the same, and is not asked.
    fn conditions(&self, all: &mut Vec<Change>) -> Result<(), Unknown> {
        for (name, decides) in [(IF_NONE_MATCH, 304), (IF_MATCH, 412), (IF_RANGE, 206)] {
            let lines = self.headers.get_all(&name).iter();
            let lines: Vec<&str> = lines.filter_map(|line| line.to_str().ok()).collect();
            let text = lines.join(", ");
            // `*`, and a date.
            let Some(tags) = list(&text) else { continue };
            let place = xxh3_64(self.target.as_bytes());
            let (mut sent, mut changed) = (Vec::new(), false);
            for tag in tags {
                match self.tag(tag, place) {
                    Some(theirs) => {
                        changed |= theirs != tag.no_stronger_than(tag);
                        sent.push(theirs);
                    }
                    None if self.answered.is_none() => sent.push(tag.no_stronger_than(tag)),
                    None => {
                        changed = true;
                        self.count(&self.sessions.unknown);
                        if [Some(304), Some(412), Some(decides)].contains(&self.answered) {
                            return Err(Unknown);
                        }
                    }
                }
            }
            let line = HeaderValue::from_str(&sent.join(", ")).ok();
            let line = line.filter(|line| !line.is_empty());
            if name == IF_RANGE && changed && line.is_none() {
                all.push((RANGE, None));
            }
            if changed {
                all.push((name, line));
            }
        }
        Ok(())
    }

    /// A tag as the side that gets it has it.
    fn tag(&self, tag: Tag<'_>, place: u64) -> Option<String> {
        let (other, own) = self.clients();
        if self.answered.is_none() && self.sessions.tag(self.to, tag, own, place).is_some() {
            return Some(tag.no_stronger_than(tag));
        }
        let theirs = self.sessions.tag(self.to.other(), tag, other, place)?;
        self.count(&self.sessions.translated);
        Some(Tag::of(&theirs)?.no_stronger_than(tag))
    }

    /// Whether the body has to be read to know whether it changes.
    pub(crate) fn reads_body(&self) -> bool {
        let in_bodies = |rule: &TokenRule| {
            rule.parameter.is_none() && matches!(rule.place, TokenPlace::Path(_))
        };
        let known = self.sessions.has(Sort::Token);
        (known || self.answered.is_some()) && self.rules.iter().any(in_bodies)
            || known && self.is_form()
    }

    fn is_form(&self) -> bool {
        const FORM: &[u8] = b"application/x-www-form-urlencoded";
        let said = self.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        let said = said.and_then(|said| said.get(..FORM.len()));
        said.is_some_and(|said| said.eq_ignore_ascii_case(FORM))
    }

    /// The body, if it changes. Everything but the tokens stays as it was written.
    pub(crate) fn body(&self, body: &[u8]) -> Result<Option<Vec<u8>>, Unknown> {
        let paths = || {
            self.rules.iter().filter_map(|rule| match &rule.place {
                TokenPlace::Path(pattern) if rule.parameter.is_none() => Some(pattern),
                _ => None,
            })
        };
        if self.is_form() {
            let Ok(text) = std::str::from_utf8(body) else {
                return Ok(None);
            };
            let declared = |name: &str| {
                let path = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
                (paths().any(|pattern| pattern.matches(&path)), None)
            };
            let changed = self.pairs(text, declared, &decode_form)?;
            return Ok(changed.map(String::into_bytes));
        }
        let mut changed: Option<Vec<u8>> = None;
        for pattern in paths() {
            let Ok(pointer) = pattern.to_string().parse::<Pointer>() else {
                continue;
            };
            let text = changed.as_deref().unwrap_or(body);
            let Some((span, value)) = pointer.span(text) else {
                continue;
            };
            if let Some(partner) = self.swap(&value, true, None)? {
                let token = serde_json::Value::from(&*partner).to_string();
                changed = Some(with_token(text, span, &token));
            }
        }
        Ok(changed)
    }
}

fn decode_query(text: &str) -> String {
    decoded(text).into_owned()
}

fn decode_form(text: &str) -> String {
    decoded(&text.replace('+', " ")).into_owned()
}

fn is_conditional(headers: &HeaderMap) -> bool {
    [IF_NONE_MATCH, IF_MATCH, IF_RANGE]
        .iter()
        .any(|name| headers.contains_key(name))
}

/// Headers that never hold a token, which nearly all requests have.
fn says_nothing(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.starts_with("accept")
        || name.starts_with("x-forwarded-")
        || name.starts_with("sec-")
        || name.starts_with("if-")
        || matches!(
            name,
            "host"
                | "cookie"
                | "user-agent"
                | "connection"
                | "content-type"
                | "content-length"
                | "x-request-id"
                | "traceparent"
                | "cache-control"
                | "date"
                | "origin"
                | "referer"
        )
}
