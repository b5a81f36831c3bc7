//! A request, put in the ids of the side that it is sent to.
//!
//! A route's lanes say where its requests name entities. An id that the side knows under another
//! name gets that name; one of which nothing is known is sent as it came, and counted.

use super::{Ids, Misleading, is_number};
use crate::escape::{decoded, escaped};
use crate::exchange::CapturedRequest;
use crate::lanes::{LaneRule, Source, with_token};
use crate::side::Side;
use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How the ids of a request are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// A client has said them, who may have any from either side.
    Clients(Side),
    /// They are the other side's: the request has been answered there.
    Paired(Side),
}

/// What changes, or that the request must not be sent.
type Changed<T> = Result<Option<T>, Misleading>;

/// Where ids stand in a target that get another name.
type Renamed = Vec<(Range<usize>, Arc<str>)>;

impl Ids {
    /// The name for an id, if it is another.
    fn named(&self, entity: &str, id: &str, naming: Naming) -> Changed<Arc<str>> {
        let name = match naming {
            Naming::Clients(side) => self.meant(entity, id, side),
            Naming::Paired(side) => self.paired(entity, id, side)?,
        };
        if name.is_some() {
            self.translated.fetch_add(1, Ordering::Relaxed);
        }
        Ok(name)
    }

    /// Whether there is nothing to translate.
    pub(crate) fn idle(&self, lanes: &[LaneRule]) -> bool {
        lanes.is_empty() || self.known.pairs() == 0
    }

    /// The target, if it changes.
    pub(crate) fn target(
        &self,
        lanes: &[LaneRule],
        target: &str,
        naming: Naming,
    ) -> Changed<String> {
        if self.idle(lanes) {
            return Ok(None);
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut renamed = Renamed::new();
        for lane in lanes {
            match lane.source() {
                Source::Segment(index) => {
                    if let Some(segment) = pieces(path, 0, '/').nth(index + 1) {
                        self.rename(segment, lane.entity(), naming, &mut renamed)?;
                    }
                }
                Source::Query(name) => {
                    for (at, parameter) in pieces(query, path.len() + 1, '&') {
                        if let Some((key, value)) = parameter.split_once('=')
                            && decoded(key) == **name
                        {
                            let value = (at + key.len() + 1, value);
                            self.rename(value, lane.entity(), naming, &mut renamed)?;
                        }
                    }
                }
                Source::Rest(_) | Source::Json(_) | Source::Header(_) | Source::Client => {}
            }
        }
        Ok((!renamed.is_empty()).then(|| with_names(target, renamed)))
    }

    /// Notes the name of an id that stands at this place, if it is another.
    fn rename(
        &self,
        (at, id): (usize, &str),
        entity: &str,
        naming: Naming,
        renamed: &mut Renamed,
    ) -> Result<(), Misleading> {
        let name = self.named(entity, &decoded(id), naming)?;
        renamed.extend(name.map(|name| (at..at + id.len(), name)));
        Ok(())
    }

    /// The headers that change.
    pub(crate) fn headers(
        &self,
        lanes: &[LaneRule],
        headers: &HeaderMap,
        naming: Naming,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, Misleading> {
        let mut renamed = Vec::new();
        if self.idle(lanes) {
            return Ok(renamed);
        }
        for lane in lanes {
            let Source::Header(name) = lane.source() else {
                continue;
            };
            let id = headers.get(name).and_then(|value| value.to_str().ok());
            let Some(id) = id else { continue };
            if let Some(other) = self.named(lane.entity(), id, naming)?
                && let Ok(value) = HeaderValue::from_str(&other)
            {
                renamed.push((name.clone(), value));
            }
        }
        Ok(renamed)
    }

    /// Whether the body of a request may change.
    pub(crate) fn reads_body(&self, lanes: &[LaneRule]) -> bool {
        !self.idle(lanes) && lanes.iter().any(|l| matches!(l.source(), Source::Json(_)))
    }

    /// The body, if it changes. Everything but the ids stays as it was written.
    pub(crate) fn body(&self, lanes: &[LaneRule], body: &[u8], naming: Naming) -> Changed<Vec<u8>> {
        if self.idle(lanes) {
            return Ok(None);
        }
        let mut changed: Option<Vec<u8>> = None;
        for lane in lanes {
            let Source::Json(pointer) = lane.source() else {
                continue;
            };
            let text = changed.as_deref().unwrap_or(body);
            let Some((span, id)) = pointer.span(text) else {
                continue;
            };
            let Some(name) = self.named(lane.entity(), &id, naming)? else {
                continue;
            };
            // A number stays one where it can.
            let was_number = text.get(span.start) != Some(&b'"');
            let token = if was_number && is_number(&name) {
                name.to_string()
            } else {
                serde_json::Value::from(&*name).to_string()
            };
            changed = Some(with_token(text, span, &token));
        }
        Ok(changed)
    }
}

/// The parts of a text that begins at this place of a target, each with its own.
fn pieces(text: &str, mut at: usize, by: char) -> impl Iterator<Item = (usize, &str)> {
    text.split(by).map(move |piece| {
        let begins = at;
        at += piece.len() + 1;
        (begins, piece)
    })
}

/// The target with the names in their places. One that two lanes name gets that of the first.
fn with_names(target: &str, mut renamed: Renamed) -> String {
    // Those of one place stay in the order of the lanes.
    renamed.sort_by_key(|(span, _)| span.start);
    let mut text = String::with_capacity(target.len());
    let mut done = 0;
    for (span, name) in renamed {
        if span.start < done {
            continue;
        }
        text.push_str(target.get(done..span.start).unwrap_or_default());
        text.push_str(&escaped(&name));
        done = span.end;
    }
    text.push_str(target.get(done..).unwrap_or_default());
    text
}

/// What a request names, in the ids that it was answered with.
pub(super) fn named_in(lanes: &[LaneRule], request: &CapturedRequest) -> Vec<(String, String)> {
    let target = std::str::from_utf8(&request.target).unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let body = lanes.iter().any(|l| matches!(l.source(), Source::Json(_)));
    let body = if body {
        request.body.concat()
    } else {
        Vec::new()
    };
    let ids = lanes.iter().filter_map(|lane| {
        let id = match lane.source() {
            Source::Segment(index) => decoded(path.split('/').nth(index + 1)?).into_owned(),
            Source::Query(name) => {
                let mut parameters = query.split('&').filter_map(|p| p.split_once('='));
                let (_, value) = parameters.find(|(key, _)| decoded(key) == **name)?;
                decoded(value).into_owned()
            }
            Source::Json(pointer) => pointer.span(&body)?.1,
            Source::Header(name) => request.headers.get(name)?.to_str().ok()?.to_owned(),
            Source::Rest(_) | Source::Client => return None,
        };
        Some((lane.entity().to_owned(), id))
    });
    ids.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::Outbox;
    use comparator::IdPair;

    async fn ids(pairs: &[(&str, &str, &str)]) -> (Arc<Ids>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let (outbox, _) = Outbox::open(&folder.path().join("outbox.db"))
            .await
            .unwrap();
        let pair = |(entity, legacy, modern): &(&str, &str, &str)| IdPair {
            entity: (*entity).to_owned(),
            legacy: (*legacy).to_owned(),
            modern: (*modern).to_owned(),
        };
        let pairs: Vec<IdPair> = pairs.iter().map(pair).collect();
        (Ids::new(outbox, &pairs), folder)
    }

    fn lanes(lanes: &[&str]) -> Vec<LaneRule> {
        let template = "/customers/{customer}/orders/{id}";
        let parsed = template.parse().unwrap();
        let lane = |text: &&str| LaneRule::parse(text, template, Some(&parsed)).unwrap();
        lanes.iter().map(lane).collect()
    }

    #[tokio::test]
    async fn a_mirrored_target_names_its_entities_as_the_side_that_gets_it_does() {
        let (ids, _folder) = ids(&[
            ("order", "17", "a b/c"),
            ("customer", "5", "6"),
            ("customer", "6", "5"),
        ])
        .await;
        let lanes = lanes(&["order:{id}", "customer:{customer}", "customer:query:of"]);
        let to = |side, target| ids.target(&lanes, target, Naming::Paired(side));
        let sent = to(Side::Modern, "/customers/5/orders/17?x=%20&of=6&of=9&y");
        let expected = "/customers/6/orders/a%20b%2Fc?x=%20&of=5&of=9&y";
        assert_eq!(sent, Ok(Some(expected.to_owned())));
        let back = to(Side::Legacy, "/customers/6/orders/a%20b%2fc");
        assert_eq!(back, Ok(Some("/customers/5/orders/17".to_owned())));
        // Of strangers nothing is known; what means something else there is not sent.
        assert_eq!(to(Side::Legacy, "/customers/99/orders/x"), Ok(None));
        assert_eq!(to(Side::Legacy, "/customers/99/orders/17"), Err(Misleading));
        assert_eq!(ids.status().unknown, 3);
    }

    #[tokio::test]
    async fn an_id_that_two_lanes_name_goes_by_the_first_that_knows_it() {
        let pairs = [
            ("order", "17", "a"),
            ("parcel", "17", "b"),
            ("parcel", "8", "c"),
        ];
        let (ids, _folder) = ids(&pairs).await;
        let lanes = lanes(&[
            "order:{id}",
            "parcel:{id}",
            "parcel:query:of",
            "order:query:of",
        ]);
        let sent = |target| ids.target(&lanes, target, Naming::Paired(Side::Modern));
        let expected = "/customers/é/orders/a?of=b&of=c&x";
        let found = sent("/customers/é/orders/17?of=17&of=8&x");
        assert_eq!(found, Ok(Some(expected.to_owned())));
        assert_eq!(
            sent("/customers/1/orders/8").unwrap().as_deref(),
            Some("/customers/1/orders/c")
        );
    }

    #[tokio::test]
    async fn what_a_client_says_is_never_taken_for_something_else_of_who_answers() {
        let (ids, _folder) = ids(&[("order", "L-1", "M-1"), ("order", "16", "17")]).await;
        let lanes = lanes(&["order:{id}"]);
        let to = |side, id: &str| {
            let target = format!("/customers/1/orders/{id}");
            let sent = ids.target(&lanes, &target, Naming::Clients(side)).unwrap();
            sent.map(|sent| sent.rsplit('/').next().unwrap().to_owned())
        };
        assert_eq!(to(Side::Legacy, "M-1").as_deref(), Some("L-1"));
        assert_eq!(to(Side::Modern, "L-1").as_deref(), Some("M-1"));
        assert_eq!(to(Side::Legacy, "L-1"), None);
        // Both sides count: 17 may be legacy's own, though nobody has told its partner.
        assert_eq!(to(Side::Legacy, "17"), None);
        assert_eq!(to(Side::Modern, "16"), None);
    }

    #[tokio::test]
    async fn a_body_changes_in_its_ids_only() {
        let (ids, _folder) = ids(&[("customer", "5", "6"), ("order", "17", "0192-\"x")]).await;
        let lanes = lanes(&["customer:json:/a/customerId", "order:json:/order"]);
        let to = |side, body: &str| {
            let body = ids
                .body(&lanes, body.as_bytes(), Naming::Paired(side))
                .unwrap();
            body.map(|body| String::from_utf8(body).unwrap())
        };
        let body = r#"{ "a" : {"customerId":5 , "n": 1.50}, "order": "17", "é": [ ] }"#;
        let sent = to(Side::Modern, body).unwrap();
        assert_eq!(
            sent,
            r#"{ "a" : {"customerId":6 , "n": 1.50}, "order": "0192-\"x", "é": [ ] }"#
        );
        assert_eq!(to(Side::Legacy, &sent).unwrap(), body);
        for other in ["", "{", r#"{"order": null}"#, r#"{"order": "18"}"#] {
            assert_eq!(to(Side::Modern, other), None);
        }
    }

    #[tokio::test]
    async fn a_header_names_its_entity_likewise() {
        let (ids, _folder) = ids(&[("tenant", "5", "6")]).await;
        let lanes = lanes(&["tenant:header:X-Tenant"]);
        let headers = HeaderMap::from_iter([(
            HeaderName::from_static("x-tenant"),
            HeaderValue::from_static("5"),
        )]);
        let to = |naming| ids.headers(&lanes, &headers, naming);
        assert_eq!(to(Naming::Paired(Side::Modern)).unwrap()[0].1, "6");
        assert_eq!(to(Naming::Paired(Side::Legacy)), Err(Misleading));
    }

    #[test]
    fn a_number_is_written_as_json_writes_it() {
        assert!(["0", "17", "-3"].iter().all(|text| is_number(text)));
        assert!(
            !["", "-", "01", "1.5", "1e3", "x"]
                .iter()
                .any(|text| is_number(text))
        );
    }
}
