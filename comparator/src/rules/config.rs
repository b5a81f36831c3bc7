//! The rules as an operator writes them: the `compare` table of a file or of a route.
//!
//! Nothing is checked beyond its shape; [`Rules`](super::Rules) is the checked form.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How two responses are compared. At the top of the file it holds for all routes, in a route for
/// that one, on top of what holds for all.
///
/// A path is an RFC 6901 pointer into a JSON body, such as `/data/attributes/total`, in which a
/// segment `*` stands for any one key or position and `**` for any number of them, none included.
/// Where several patterns fit, the one with more literal segments from the left wins, and of two
/// equal ones that of the route. Forms and XML are read as JSON is: an attribute's key begins with
/// `@`, and elements of one name have no positions. `status`, `body`, `headers/<name>` and
/// `headers/*` are what is not in a body.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RulesConfig {
    /// What is allowed to differ and how, by whom and why.
    pub rules: Vec<RuleConfig>,
    /// Paths that are not compared, with everything below them: short for rules with
    /// `ignore = true` that nobody has to answer for.
    pub ignore: Vec<String>,
    /// Arrays in which order means nothing: short for rules with `unordered = true`.
    pub unordered: Vec<String>,
    /// Arrays whose elements are paired by a value instead of by position: short for rules with
    /// `key`. `{ "/data" = "/id" }` pairs the elements of `/data` by the value at `/id` in each.
    pub keyed: BTreeMap<String, String>,
    /// Values that are ids of an entity, `{ "/data/id" = "order" }`, or texts that name some among
    /// their words: short for rules with `id`. The proxy learns from both answers to a write which
    /// id of one side is which of the other, and takes two of one thing as equal; one that belongs to
    /// something else is a discrepancy of kind `identity`. What a write made is known by the first
    /// 256 KiB of its JSON answer. A POST that may name more behind that, or where its JSON breaks off,
    /// or whose answer was let go (`skipped: too_large` by `[mirror] max_body`, `dropped: budget`), is
    /// mirrored and taints all lanes of the entities that it has not named: what it made has no lane
    /// and no pair of ids. One that made something and whose candidate's answer was let go taints its
    /// own lanes. What comes after it there is `skipped: tainted` until they are cleared.
    pub ids: BTreeMap<String, String>,
    /// Places of values that a side mints and only that side understands, such as CSRF tokens and
    /// cursors: `/data/csrfToken`, `headers/x-csrf-token`, or `/links/next?cursor` for a parameter of
    /// the URL that stands there. Two of them are equal whatever they are, and one without the other
    /// is a discrepancy. The proxy learns from both answers which of one side goes with which of the
    /// other, and puts into each request, mirrored or served, those of the side that gets it: in the
    /// query, in headers, `Authorization: Bearer` included, in form fields and, at the same paths, in
    /// JSON bodies. A mirrored request whose declared path, header or parameter holds one that is not
    /// known is not sent (`skipped: unknown_token`), for what it would be answered says nothing.
    /// The tags of `ETag` headers are learned without being declared. What stands there is not kept
    /// in the journal.
    pub tokens: Vec<String>,
    /// Response headers that are compared, by name in any case. Default `content-type`.
    pub headers: Option<Vec<String>>,
    /// The largest body, in bytes and after decoding, that is judged. Default 8388608.
    pub max_body: Option<usize>,
    /// The deepest nesting of a document that is judged, at most 256. Default 128.
    pub max_depth: Option<usize>,
    /// The most work that one comparison may take. A unit is about one JSON value read or
    /// compared once. Default 8000000.
    pub max_work: Option<u64>,
}

/// One rule: where, what may differ there and how, and who says so. It may say several things
/// about its paths, of which each holds for itself.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a key of its own that an operator writes or leaves out"
)]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// The path, or an array of paths.
    pub path: Paths,
    /// Who answers for the rule.
    pub author: String,
    /// Why it is right.
    pub reason: String,
    /// The last day on which it applies, in UTC: `2026-12-31`. Default: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// What is there and below is not compared. Works everywhere.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ignore: bool,
    /// Order means nothing in this array: a keyed one is then not reported for its order, any other
    /// one is compared as a multiset. Of an XML element, it is the order of its children.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unordered: bool,
    /// Elements of this array are paired by the value at this pointer inside each: `/id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Numbers that are close enough are equal. Works in headers too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<NumberConfig>,
    /// Timestamps that are close enough, or only written otherwise, are equal. Works in headers
    /// too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeConfig>,
    /// Texts are equal apart from what is listed. Works in headers and, by line, in a text body.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub text: Vec<TextForm>,
    /// A key whose value is null equals a key that is not there.
    #[serde(default, skip_serializing_if = "is_false")]
    pub null_is_missing: bool,
    /// Values of legacy on the left equal values of modern on the right, `{ pending = "PENDING" }`,
    /// whatever their types: `{ "1" = "true" }`. Works in headers too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub map: BTreeMap<String, String>,
    /// What this regular expression matches is taken out of both texts before they are compared.
    /// Works in headers and, by line, in a text body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scrub: Option<String>,
    /// Statuses of one class, such as 200 and 201, are equal. For the path `status` alone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub same_class: bool,
    /// The value is an id of this entity. It hides nothing by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// Where a rule holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Paths {
    /// One path.
    One(String),
    /// Several of them.
    Many(Vec<String>),
}

impl Default for Paths {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

/// When two numbers are equal though their values are not the same. One of the keys that fits is
/// enough. Numbers of more than 38 digits are equal only exactly. A text that is a number counts as
/// one where both sides are texts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberConfig {
    /// How far apart they may be: `0.01`, or a part of the larger one, `0.5%`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<String>,
    /// They are equal if they are when rounded, half away from zero, to so many decimals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u8>,
    /// A number equals the text that says it: 10.5 and `"10.50"`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub or_text: bool,
}

/// When two timestamps are equal though they are not written alike.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimeConfig {
    /// How far apart they may be, such as `2s` or `500ms`. Default 0s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<String>,
    /// The zone of a timestamp that has none: an IANA name (`Europe/Berlin`), `UTC` or an offset
    /// (`+02:00`). Without it, a timestamp with a zone never equals one without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub naive: Option<String>,
    /// Ways to write a timestamp besides RFC 3339 and ISO 8601: patterns of strptime such as
    /// `%d.%m.%Y %H:%M`, a date alone being its midnight, or `unix` and `unix_ms` for the seconds
    /// and milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub formats: Vec<String>,
}

/// In what two equal texts may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextForm {
    /// In upper and lower case.
    Case,
    /// In white space at both ends, and in how much of it is between words.
    Space,
    /// In composed and decomposed characters (Unicode NFC).
    Unicode,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(value: &bool) -> bool {
    !value
}
