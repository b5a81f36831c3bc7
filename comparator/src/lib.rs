//! Compares two HTTP responses under rules and says where and how they differ.
//!
//! ```
//! use bytes::Bytes;
//! use comparator::{Kind, Response, Rules, Verdict, compare};
//! use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
//!
//! let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
//! let legacy = [Bytes::from(r#"{"id": 7, "total": 10.0}"#)];
//! let modern = [Bytes::from(r#"{"total": 10, "id": 8}"#)];
//! let comparison = compare(
//!     &Response { status: 200, headers: &headers, body: &legacy },
//!     &Response { status: 200, headers: &headers, body: &modern },
//!     &Rules::default(),
//! );
//! assert_eq!(comparison.verdict, Verdict::Different);
//! assert_eq!(comparison.discrepancies[0].path, "/id");
//! assert_eq!(comparison.discrepancies[0].kind, Kind::Value);
//! ```
//!
//! # What is equal
//!
//! - JSON: objects whatever the order of their keys, arrays by position, strings after unescaping,
//!   numbers by value on their text (`1`, `1.0` and `10e-1` are equal, `0.30000000000000004` and `0.3`
//!   are not, at any size). A byte order mark and white space mean nothing. A repeated key is
//!   reported where the sides repeat it another number of times.
//!   Arrays of different length are aligned: what was inserted or is missing is told, and does not
//!   make what follows different.
//! - JSON lines as an array of their values, forms as an object of their fields. XML by structure:
//!   namespaces by URI, attributes in any order, children in theirs; comments and layout mean
//!   nothing.
//! - Text by line, reported as its first hunk; anything else by its bytes. A body that only says that
//!   it is JSON (or another of those) is compared as text if both sides lie, and is a difference if
//!   one does.
//! - Content codings are taken off first, so a coding is no difference.
//!
//! [`RulesConfig`] says what may be declared beyond that.
//!
//! # Giving up
//!
//! [`Verdict::Undecodable`] stands above what else was found: while a body is not judged, the
//! responses are neither equal nor fully compared.
//!
//! The comparison is pure: it has no clock and does no input or output, and its limits count bytes,
//! depth and units of work, so the same pair always gets the same verdict.

mod body;
mod change;
mod comparison;
mod content;
mod decode;
mod formats;
mod headers;
mod ids;
mod json;
mod report;
mod rules;
mod status;
mod text;
mod tokens;

use bytes::Bytes;
use http::HeaderMap;

pub use change::{Change, Side};
pub use comparison::{Comparison, Discrepancy, Kind, Undecodable, Verdict, fingerprint};
pub use decode::{Decoded, decode};
pub use ids::{IdPair, Ids, NamedIds, Relation, named_ids};
use report::Report;
use rules::Hits;
pub use rules::{
    IdRule, KeySegment, NumberConfig, Paths, Pattern, PatternError, Rule, RuleConfig, RuleError,
    Rules, RulesConfig, Scope, TextForm, TimeConfig,
};
pub use tokens::{TokenPair, TokenPlace, TokenRule, parameter};

/// A response as it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// The status code.
    pub status: u16,
    /// The headers; `Content-Type` and `Content-Encoding` say how to read the body.
    pub headers: &'a HeaderMap,
    /// The body in the chunks that arrived, with its transfer coding removed and its content
    /// coding still on.
    pub body: &'a [Bytes],
}

/// Compares what legacy answered with what modern answered.
///
/// Bodies whose bytes are equal cost no parsing, and no rule makes them different. If the statuses
/// are of different classes (2xx against 4xx, say) and not ignored, the bodies are different
/// documents: the statuses and headers are reported, the bodies are not looked at.
pub fn compare(legacy: &Response<'_>, modern: &Response<'_>, rules: &Rules) -> Comparison {
    compare_knowing(legacy, modern, rules, None)
}

/// Compares like [`compare`], with what is known of the ids that the rules declare: ids of one
/// thing are equal, and those that may be are told in [`Comparison::pairs`]. An id that belongs to
/// something else is a difference of its own kind.
pub fn compare_knowing(
    legacy: &Response<'_>,
    modern: &Response<'_>,
    rules: &Rules,
    ids: Option<&dyn Ids>,
) -> Comparison {
    let (mut report, mut hits) = (Report::default(), Hits::default());
    let other_status = status::compare(legacy.status, modern.status, rules, &mut report, &mut hits);
    headers::compare(
        legacy.headers,
        modern.headers,
        rules,
        &mut report,
        &mut hits,
    );
    headers::learn(legacy.headers, modern.headers, rules, &mut report);
    let other_class = other_status && legacy.status / 100 != modern.status / 100;
    let judged = if other_class {
        Ok(())
    } else {
        body::compare(legacy, modern, (rules, ids), &mut report, &mut hits)
    };
    let Report {
        kept: discrepancies,
        unreported,
        pairs,
        listed_pairs,
        tokens,
    } = report;
    let verdict = match judged {
        Err(reason) => Verdict::Undecodable(reason),
        Ok(()) if discrepancies.is_empty() => Verdict::Matched,
        Ok(()) => Verdict::Different,
    };
    Comparison {
        verdict,
        discrepancies,
        unreported,
        hits: hits.into_sorted(),
        pairs,
        listed_pairs,
        tokens,
    }
}
