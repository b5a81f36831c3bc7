//! A lane as routes.toml declares it, and what it makes of a request.

use super::lane::Lane;
use super::pointer::{Pointer, PointerError};
use crate::escape::decoded;
use crate::ids::Ids;
use crate::routing::{Segment, Template, normalise};
use crate::side::Side;
use bytes::Bytes;
use http::header::HeaderName;
use http::{HeaderMap, Uri};

/// Where the requests of a route name an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneRule {
    pub(super) entity: Box<str>,
    source: Source,
}

/// Where in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// This segment of the path.
    Segment(usize),
    /// The path from this segment on.
    Rest(usize),
    /// A parameter of the query.
    Query(Box<str>),
    /// A value in the body.
    Json(Pointer),
    /// A header.
    Header(HeaderName),
    /// The client, as the dial knows it.
    Client,
}

/// A text that declares no lane.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaneRuleError {
    /// It has none of the forms.
    #[error(
        "\"{0}\" is no lane such as \"order:{{id}}\", \"order:query:id\", \
         \"customer:json:/customerId\", \"tenant:header:X-Tenant\" or \"session:client\""
    )]
    Form(String),
    /// The entity has no name, or one that means something else.
    #[error("lane \"{0}\": an entity is named in letters, digits, `-` and `_`, and not `route`")]
    Entity(String),
    /// The path has no such parameter.
    #[error("lane \"{lane}\": the path \"{path}\" has no parameter `{{{parameter}}}`")]
    Parameter {
        /// The lane as declared.
        lane: String,
        /// The parameter it names.
        parameter: String,
        /// The route's path.
        path: String,
    },
    /// The place in the body is none.
    #[error("lane \"{lane}\": {error}")]
    Pointer {
        /// The lane as declared.
        lane: String,
        /// What is wrong.
        error: PointerError,
    },
    /// The header can't be one.
    #[error("lane \"{lane}\": \"{header}\" is no header's name")]
    Header {
        /// The lane as declared.
        lane: String,
        /// The name.
        header: String,
    },
}

impl LaneRule {
    /// Parses a lane of a route with this path; without a template, the path was wrong, and of
    /// its parameters nothing is said.
    pub fn parse(
        text: &str,
        path: &str,
        template: Option<&Template>,
    ) -> Result<Self, LaneRuleError> {
        let lane = || text.to_owned();
        let (entity, source) = text
            .split_once(':')
            .ok_or_else(|| LaneRuleError::Form(lane()))?;
        let named = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if !(1..=64).contains(&entity.len()) || !entity.bytes().all(named) || entity == "route" {
            return Err(LaneRuleError::Entity(lane()));
        }
        let parameter = source
            .strip_prefix('{')
            .and_then(|source| source.strip_suffix('}'));
        let source = match (parameter, source.split_once(':')) {
            (Some(parameter), _) => {
                let found = template.map_or(Some(Source::Segment(0)), |t| find(t, parameter));
                found.ok_or_else(|| LaneRuleError::Parameter {
                    lane: lane(),
                    parameter: parameter.to_owned(),
                    path: path.to_owned(),
                })?
            }
            (_, Some(("json", pointer))) => {
                Source::Json(pointer.parse().map_err(|error| LaneRuleError::Pointer {
                    lane: lane(),
                    error,
                })?)
            }
            (_, Some(("query", name))) if !name.is_empty() => Source::Query(name.into()),
            (_, Some(("header", name))) => {
                Source::Header(name.parse().map_err(|_| LaneRuleError::Header {
                    lane: lane(),
                    header: name.to_owned(),
                })?)
            }
            _ if source == "client" => Source::Client,
            _ => return Err(LaneRuleError::Form(lane())),
        };
        Ok(Self {
            entity: entity.into(),
            source,
        })
    }

    /// Whether the lane is known only once the request's body is.
    pub(super) const fn needs_body(&self) -> bool {
        matches!(self.source, Source::Json(_))
    }

    /// What it is that is named.
    pub(crate) fn entity(&self) -> &str {
        &self.entity
    }

    /// Where it is named.
    pub(crate) const fn source(&self) -> &Source {
        &self.source
    }

    /// The lanes of a request by its head, if it names any.
    pub(super) fn of_head(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        client: impl FnOnce() -> u128,
        (ids, primary): (&Ids, Side),
    ) -> Vec<Lane> {
        if matches!(self.source, Source::Client) {
            // It may be the cookie of a session: what is shown of it is a hash.
            return vec![Lane::hashed(&self.entity, client())];
        }
        let id = self.id_in_head(uri, headers);
        id.map_or_else(Vec::new, |id| named(&self.entity, &id, ids, primary))
    }

    /// The id that a request names, as it came; none by the client, which is no thing in a database.
    pub(crate) fn id_of(&self, uri: &Uri, headers: &HeaderMap, body: &[Bytes]) -> Option<String> {
        match &self.source {
            Source::Json(pointer) => pointer.find(body),
            _ => self.id_in_head(uri, headers),
        }
    }

    fn id_in_head(&self, uri: &Uri, headers: &HeaderMap) -> Option<String> {
        let path = normalise(uri.path());
        let owned = |text| decoded(text).into_owned();
        match &self.source {
            Source::Segment(index) => Some(owned(path.split('/').nth(index + 1)?)),
            Source::Rest(index) => Some(owned(path.splitn(index + 2, '/').nth(index + 1)?)),
            Source::Query(name) => {
                let mut parameters = uri.query()?.split('&').filter_map(|p| p.split_once('='));
                let (_, value) = parameters.find(|(key, _)| decoded(key) == **name)?;
                Some(owned(value))
            }
            Source::Header(name) => {
                Some(String::from_utf8_lossy(headers.get(name)?.as_bytes()).into_owned())
            }
            Source::Client | Source::Json(_) => None,
        }
    }
}

/// The lanes of a request by its body, if it names any. It is read once, however many rules there are: a
/// client waits for this.
pub(super) fn of_body(rules: &[LaneRule], body: &[Bytes], ids: &Ids, primary: Side) -> Vec<Lane> {
    let places = rules.iter().filter_map(|rule| match &rule.source {
        Source::Json(pointer) => Some((&*rule.entity, pointer)),
        _ => None,
    });
    let (entities, pointers): (Vec<&str>, Vec<&Pointer>) = places.unzip();
    let found = Pointer::find_all(&pointers, body);
    let found = entities.into_iter().zip(found);
    let found = found.filter_map(|(entity, id)| Some((entity, id?)));
    found
        .flat_map(|(entity, id)| named(entity, &id, ids, primary))
        .collect()
}

/// The lanes of an entity by an id of a request that `primary` answers: more than one where it has
/// several ids.
pub(super) fn named(entity: &str, id: &str, ids: &Ids, primary: Side) -> Vec<Lane> {
    if id.is_empty() {
        return Vec::new();
    }
    let [sent, legacy] = ids.lanes(entity, id, primary);
    let sent = sent.as_deref().unwrap_or(id);
    let others = legacy.filter(|legacy| **legacy != *sent);
    let mut lanes = vec![Lane::new(entity, sent)];
    lanes.extend(others.map(|legacy| Lane::new(entity, &legacy)));
    lanes
}

fn find(template: &Template, parameter: &str) -> Option<Source> {
    let named = |(index, segment): (usize, &Segment)| match segment {
        Segment::Param(name) if name == parameter => Some(Source::Segment(index)),
        Segment::Rest(name) if name == parameter.trim_start_matches('*') => {
            Some(Source::Rest(index))
        }
        _ => None,
    };
    template.segments.iter().enumerate().find_map(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::Outbox;
    use comparator::IdPair;
    use std::sync::Arc;

    async fn ids() -> (Arc<Ids>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let (outbox, _) = Outbox::open(&folder.path().join("outbox.db"))
            .await
            .unwrap();
        let pair = IdPair {
            entity: "order".to_owned(),
            legacy: "17".to_owned(),
            modern: "0192-a".to_owned(),
        };
        (Ids::new(outbox, &[pair]), folder)
    }

    #[tokio::test]
    async fn a_request_names_its_lanes_by_path_query_header_and_client() {
        let (ids, _folder) = ids().await;
        let lane = |text: &str, template: &str, target: &str| {
            let rule = LaneRule::parse(text, template, Some(&template.parse().unwrap())).unwrap();
            let mut headers = HeaderMap::new();
            headers.insert("x-tenant", "acme".parse().unwrap());
            let target = target.parse().unwrap();
            let lanes = rule.of_head(&target, &headers, || 7, (&ids, Side::Legacy));
            lanes.first().map(ToString::to_string)
        };
        let order = |path| lane("order:{id}", "/shops/{shop}/orders/{id}", path);
        assert_eq!(order("/shops/1/orders/17").unwrap(), "order:17");
        assert_eq!(order("/shops/1/orders/a%2Fb%37").unwrap(), "order:a/b7");
        // Both sides' ids of an order are one lane.
        assert_eq!(order("/shops/1/orders/0192-a").unwrap(), "order:17");
        let query = |target| lane("order:query:o d", "/", target);
        assert_eq!(query("/?x=1&o%20d=%31&o%20d=2").unwrap(), "order:1");
        assert_eq!(query("/?x=1&od"), None);
        assert_eq!(
            lane("file:{*rest}", "/files/{*rest}", "/files/a/b").unwrap(),
            "file:a/b"
        );
        assert_eq!(
            lane("tenant:header:X-Tenant", "/", "/").unwrap(),
            "tenant:acme"
        );
        assert_eq!(lane("tenant:header:X-Other", "/", "/"), None);
        let session = lane("session:client", "/", "/").unwrap();
        assert!(session.starts_with("session:#"));
    }

    #[test]
    fn what_declares_no_lane_is_refused_with_its_text() {
        let template = "/orders/{id}".parse().unwrap();
        for text in [
            "",
            "order",
            "order:17",
            ":{id}",
            "order:{no}",
            "a b:{id}",
            "order:json:id",
            "order:json:",
            "order:header:a b",
            "order:header:",
            "order:query:",
            "order:cookie:x",
            "route:{id}",
        ] {
            let error = LaneRule::parse(text, "/orders/{id}", Some(&template)).unwrap_err();
            assert!(
                error.to_string().contains(&format!("\"{text}\"")),
                "{error}"
            );
        }
    }

    #[test]
    fn every_mistake_in_lanes_is_reported_at_once_with_its_place() {
        let text = r#"
[upstreams.legacy]
peers = ["127.0.0.1:1"]
[mirror]
outbox_writes = 0
write_patience = "soon"
[[routes]]
name = "a"
path = "/a/{id}"
mode = "legacy"
legacy = "legacy"
lanes = ["a:{id}", "a:{no}", "a:json:x", "a:{id}", "route:client"]
[[routes]]
name = "b"
mode = "legacy"
legacy = "legacy"
lanes = ["b:{id}"]
"#;
        let file = std::path::Path::new("routes.toml");
        let ledger = crate::outcome::Ledger::default();
        let said = crate::routes::check(file, text, &ledger, None).unwrap_err();
        let said = said.to_string();
        for expected in [
            "5:17: `outbox_writes` is 0",
            "6:18: \"soon\" is no duration",
            "12:20: lane \"a:{no}\": the path \"/a/{id}\" has no parameter `{no}`",
            "12:30: lane \"a:json:x\": \"x\" is no place",
            "12:42: lane \"a:{id}\" stands twice",
            "12:52: lane \"route:client\"",
            "17:10: lane \"b:{id}\": the path \"\" has no parameter",
        ] {
            assert!(said.contains(expected), "no {expected:?} in:\n{said}");
        }
    }
}
