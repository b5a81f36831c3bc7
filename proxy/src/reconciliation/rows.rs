//! Which rows are behind a finding: the entities that its samples' requests name, by the lanes of
//! their route.
//!
//! A request that was redacted or shortened where it names one names none.

use super::ask::Id;
use crate::ids::Ids;
use crate::journal::{FindingDetail, RequestRecord, Sample, is_redacted};
use crate::lanes::LaneRule;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use std::collections::BTreeMap;

/// Samples whose rows are looked at for one finding.
const MOST_SAMPLES: usize = 10;

/// A row that a request names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) entity: String,
    pub(super) id: Id,
}

/// The rows that each of a finding's samples names.
pub(super) fn of(finding: &FindingDetail, lanes: &[LaneRule], ids: &Ids) -> Vec<Vec<Named>> {
    let samples = finding.samples.iter().take(MOST_SAMPLES);
    samples.map(|sample| named(sample, lanes, ids)).collect()
}

/// The same by entity, each once.
pub(super) fn by_entity(samples: &[Vec<Named>]) -> BTreeMap<&str, Vec<Id>> {
    let mut rows: BTreeMap<&str, Vec<Id>> = BTreeMap::new();
    for Named { entity, id } in samples.iter().flatten() {
        let known = rows.entry(entity).or_default();
        if !known.contains(id) {
            known.push(id.clone());
        }
    }
    rows
}

fn named(sample: &Sample, lanes: &[LaneRule], ids: &Ids) -> Vec<Named> {
    let request = &sample.exchange.request;
    let Some((uri, headers, body)) = parts(request) else {
        return Vec::new();
    };
    let primary = sample.exchange.answered_by;
    let named = lanes.iter().filter_map(|lane| {
        let id = lane.id_of(&uri, &headers, &body)?;
        if id.is_empty() || is_redacted(&id) {
            return None;
        }
        let entity = lane.entity();
        let id = match ids.pair(entity, &id, primary) {
            [Some(legacy), Some(modern)] if legacy != modern => Id::Pair {
                legacy: legacy.to_string(),
                modern: modern.to_string(),
            },
            [legacy, modern] => Id::Legacy(legacy.or(modern)?.to_string()),
        };
        let entity = entity.to_owned();
        Some(Named { entity, id })
    });
    named.collect()
}

fn parts(request: &RequestRecord) -> Option<(Uri, HeaderMap, Vec<Bytes>)> {
    let uri = request.target.parse().ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let name = name.parse::<HeaderName>();
        let value = HeaderValue::from_str(value);
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let body = request.body.text.clone().map(Bytes::from);
    Some((uri, headers, body.into_iter().collect()))
}
