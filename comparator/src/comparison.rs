//! What a comparison says: its verdict and the discrepancies it found, as data.
//!
//! Nothing is decided here, and nothing is drawn: colours and layout belong to whoever shows it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{IdPair, TokenPair};

/// The result of comparing two responses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// What was concluded.
    pub verdict: Verdict,
    /// The differences found, at most [`Comparison::KEPT`] of them: in the order of the documents,
    /// and by name inside an object whose keys are not the same in the same order.
    ///
    /// An undecodable comparison keeps what it had found before it gave up.
    pub discrepancies: Vec<Discrepancy>,
    /// How many further differences were found and not kept.
    pub unreported: usize,
    /// The rules that hid at least one difference, as their positions in
    /// [`Rules::all`](crate::Rules::all).
    pub hits: Vec<usize>,
    /// Ids that stand in the same places and may be of one thing, at most [`Comparison::KEPT`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<IdPair>,
    /// The same of ids that stand in lists: where the lists differ otherwise, they may be of two
    /// things that only stand at one position.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub listed_pairs: Vec<IdPair>,
    /// What the two sides minted in the same places, at most [`Comparison::KEPT`]; in
    /// an array whose order means nothing, and which has no key, nobody knows what belongs together.
    /// Secrets, so they are not written.
    #[serde(skip)]
    pub tokens: Vec<TokenPair>,
}

impl Comparison {
    /// The most discrepancies that one comparison keeps; the rest is counted.
    pub const KEPT: usize = 100;
}

/// The conclusion of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The responses are equal under the rules.
    Matched,
    /// There is at least one discrepancy.
    Different,
    /// The bodies could not be judged, so nothing may be concluded about them.
    Undecodable(Undecodable),
}

impl Verdict {
    /// The verdict's stable word: `matched`, `different` or `undecodable`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::Different => "different",
            Self::Undecodable(_) => "undecodable",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undecodable(reason) => write!(f, "undecodable: {reason}"),
            _ => f.write_str(self.as_str()),
        }
    }
}

/// Why a comparison gave up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undecodable {
    /// A body is not what its `Content-Encoding` says.
    BadEncoding,
    /// A `Content-Encoding` is unknown, or too many of them are stacked.
    UnsupportedEncoding,
    /// A compressed body unpacks to more than `max_body` bytes.
    Bomb,
    /// A body that is not compressed has more than `max_body` bytes.
    LimitSize,
    /// A document nests deeper than `max_depth`.
    LimitDepth,
    /// Judging the bodies takes more than `max_work` units of work.
    LimitWork,
}

impl Undecodable {
    /// The reason's stable word, as metrics and the journal have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadEncoding => "bad_encoding",
            Self::UnsupportedEncoding => "unsupported_encoding",
            Self::Bomb => "bomb",
            Self::LimitSize => "limit_size",
            Self::LimitDepth => "limit_depth",
            Self::LimitWork => "limit_work",
        }
    }
}

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One difference at one path, legacy against modern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discrepancy {
    /// Where: an RFC 6901 pointer into a JSON body (`/data/id`, the root is empty), or one of
    /// `status`, `headers/<name>` and `body`, which have no leading slash.
    pub path: String,
    /// What sort of difference it is.
    pub kind: Kind,
    /// What legacy has there, rendered and shortened; `None` where it has nothing.
    pub legacy: Option<String>,
    /// What modern has there, rendered and shortened; `None` where it has nothing.
    pub modern: Option<String>,
}

impl Discrepancy {
    /// The path with positions, numeric keys and UUID keys as `*`, and without the positions of
    /// XML elements: `/data/3/id` is `/data/*/id`, and `/order/item[2]` is `/order/item`.
    pub fn general_path(&self) -> String {
        if !self.path.starts_with('/') {
            return self.path.clone();
        }
        let segments = self.path.split('/').skip(1);
        segments.fold(
            String::with_capacity(self.path.len()),
            |mut path, segment| {
                path.push('/');
                path.push_str(if names_an_instance(segment) {
                    "*"
                } else {
                    without_position(segment)
                });
                path
            },
        )
    }
}

/// A position, a number or a UUID says which of many it is, not what it is.
fn names_an_instance(segment: &str) -> bool {
    let digits = !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_digit());
    digits || is_uuid(segment)
}

/// A segment without the position of an element: `item[2]` is `item`.
fn without_position(segment: &str) -> &str {
    let position = segment
        .strip_suffix(']')
        .and_then(|rest| rest.rsplit_once('['));
    match position {
        Some((name, digits))
            if !name.is_empty()
                && !digits.is_empty()
                && digits.bytes().all(|b| b.is_ascii_digit()) =>
        {
            name
        }
        _ => segment,
    }
}

fn is_uuid(segment: &str) -> bool {
    segment.len() == 36
        && segment.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// The sort of a discrepancy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The status codes differ.
    Status,
    /// A compared header differs, or only one side has it.
    Header,
    /// Legacy has it and modern does not.
    Missing,
    /// Modern has it and legacy does not.
    Extra,
    /// The JSON types differ, for example a string against a number.
    Type,
    /// The types are the same and the values differ.
    Value,
    /// An id of one side belongs to something else than that of the other.
    Identity,
    /// A keyed array has its common elements in another order.
    Order,
    /// An object key occurs another number of times.
    Duplicate,
    /// One body is JSON and the other one is not.
    Format,
    /// Text bodies differ.
    Text,
    /// Bodies that are neither JSON nor text differ.
    Bytes,
}

impl Kind {
    /// The kind's stable word, as the journal and the command line have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Header => "header",
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Type => "type",
            Self::Value => "value",
            Self::Identity => "identity",
            Self::Order => "order",
            Self::Duplicate => "duplicate",
            Self::Format => "format",
            Self::Text => "text",
            Self::Bytes => "bytes",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What makes two discrepancies the same finding: 16 hex digits over route, general path, kind and,
/// where one is recognised, the sort of change, so that a known difference hides no new one at the
/// same place. By how much numbers or times are apart takes no part in it.
///
/// The digits are stored in journals, so they stay the same from version to version.
pub fn fingerprint(route: &str, discrepancy: &Discrepancy) -> String {
    let path = discrepancy.general_path();
    let change = discrepancy.change().and_then(|change| change.mark());
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    let parts = [route, &path, discrepancy.kind.as_str()];
    for part in parts.into_iter().chain(change.as_deref()) {
        // The length keeps "a" + "bc" apart from "ab" + "c".
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    format!("{:016x}", hash.digest())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &str) -> Discrepancy {
        Discrepancy {
            path: path.to_owned(),
            kind: Kind::Value,
            legacy: None,
            modern: None,
        }
    }

    #[test]
    fn general_path_hides_positions_and_instance_keys() {
        assert_eq!(at("/data/3/id").general_path(), "/data/*/id");
        assert_eq!(at("/17").general_path(), "/*");
        let uuid = "/by/0190f2a4-7c1e-7abc-8def-0123456789ab/x";
        assert_eq!(at(uuid).general_path(), "/by/*/x");
        assert_eq!(at("/order/item[2]/sku").general_path(), "/order/item/sku");
    }

    #[test]
    fn general_path_keeps_names_and_pseudo_paths() {
        for path in ["", "/", "/a1/b", "/a[]/[1]/b]", "status", "headers/3"] {
            assert_eq!(at(path).general_path(), path);
        }
    }

    #[test]
    fn fingerprint_is_shared_by_instances_and_is_stable() {
        let first = fingerprint("order-list", &at("/data/0/id"));
        assert_eq!(first, fingerprint("order-list", &at("/data/12/id")));
        assert_ne!(first, fingerprint("order-read", &at("/data/0/id")));
        assert_eq!(first, "e46bf6ada7cfb354");
    }

    #[test]
    fn another_sort_of_change_is_another_finding_and_another_amount_is_not() {
        let of = |legacy: &str, modern: &str| {
            let (legacy, modern) = (Some(legacy.to_owned()), Some(modern.to_owned()));
            fingerprint(
                "order-read",
                &Discrepancy {
                    legacy,
                    modern,
                    ..at("/x")
                },
            )
        };
        assert_eq!(of("1.02", "1.03"), of("2", "7.5"));
        assert_eq!(of("1.02", "1.03"), of("\"a\"", "\"b\""));
        assert_ne!(of("\"a \"", "\"a\""), of("\"a\"", "\"b\""));
        assert_ne!(of("\"a \"", "\"a\""), of("\"A\"", "\"a\""));
        assert_ne!(of("\"a \"", "\"a\""), of("\"a\"", "\"a \""));
        assert_eq!(of("\"a \"", "\"a\""), "7b7860603bd99114");
    }
}
