//! The rules as an operator writes them: the `compare` table of a route.
//!
//! Nothing is checked beyond its shape; [`Rules`](super::Rules) is the checked form.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How two responses of a route are compared.
///
/// A path is an RFC 6901 pointer into a JSON body, such as `/data/attributes/total`, in which a
/// segment `*` stands for any one key or position and `**` for any number of them, none included.
/// Where several patterns fit, the one with more literal segments from the left wins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RulesConfig {
    /// Paths that are not compared, with everything below them. Besides JSON paths:
    /// `headers/<name>`, `headers/*`, `status` and `body`.
    pub ignore: Vec<String>,
    /// Arrays whose elements are paired by a value instead of by position:
    /// `{ "/data" = "/id" }` pairs the elements of `/data` by the value at `/id` in each.
    pub keyed: BTreeMap<String, String>,
    /// Arrays in which order means nothing: a keyed array is then not reported for its order, any
    /// other one is compared as a multiset.
    pub unordered: Vec<String>,
    /// Response headers that are compared, by name in any case.
    pub headers: Vec<String>,
    /// Timestamps that are equal within a tolerance.
    pub time: Vec<TimeRule>,
    /// Values that are ids of an entity: `{ "/data/id" = "order" }`.
    pub ids: BTreeMap<String, String>,
    /// The largest body, in bytes and after decoding, that is judged.
    pub max_body: usize,
    /// The deepest nesting of a JSON document that is judged, at most 256.
    pub max_depth: usize,
    /// The most work that one comparison may take. A unit is about one JSON value read or
    /// compared once.
    pub max_work: u64,
}

impl Default for RulesConfig {
    fn default() -> Self {
        Self {
            ignore: Vec::new(),
            keyed: BTreeMap::new(),
            unordered: Vec::new(),
            headers: vec!["content-type".to_owned()],
            time: Vec::new(),
            ids: BTreeMap::new(),
            max_body: 8 << 20,
            max_depth: 128,
            max_work: 8_000_000,
        }
    }
}

/// Two timestamps at a path that are equal when they are close enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeRule {
    /// The path of the timestamps.
    pub path: String,
    /// How far apart they may be, such as `2s` or `500ms`; `0s` when not given.
    #[serde(default = "no_tolerance")]
    pub tolerance: String,
    /// The zone of a timestamp that has none: an IANA name (`Europe/Berlin`), `UTC` or an offset
    /// (`+02:00`). Without it, a timestamp with a zone never equals one without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub naive: Option<String>,
}

fn no_tolerance() -> String {
    "0s".to_owned()
}
