//! The ids that the primary gave to what a write made.
//!
//! They are looked for on the client's path, so what it costs has a bound; what the bound leaves
//! out is told.

use super::CapturedResponse;
use comparator::{NamedIds, Rules, named_ids};
use http::Method;

/// Ids that one answer may name, so that a long list costs no more than a short one.
const MOST: usize = 256;

/// How far into an answer ids are looked for, in bytes without its content codings.
const FAR: usize = 256 << 10;

/// The ids that the rules declare and the primary's answer to a write holds; none unless it says
/// that the write was done.
pub fn made_ids(rules: &Rules, method: &Method, answer: &CapturedResponse) -> NamedIds {
    if method.is_safe() || !(200..300).contains(&answer.status) {
        return NamedIds::default();
    }
    named_ids((&answer.headers, &answer.body), rules, FAR, MOST)
}
