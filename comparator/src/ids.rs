//! Ids that the two sides gave to the same thing, and those that one answer names.
//!
//! What belongs together is known by the caller; nothing is learned or kept here.

use bytes::Bytes;
use http::HeaderMap;
use serde::Serialize;

use crate::{Rules, decode, json};

/// What a caller knows of which id of legacy's is which of modern's.
pub trait Ids {
    /// What two ids of an entity are to each other that stand in the same place. Inside an array
    /// (`listed`) the same place may by chance be another thing's.
    fn relation(&self, entity: &str, legacy: &str, modern: &str, listed: bool) -> Relation;

    /// The id that legacy has for what modern calls so, to pair the elements of lists by.
    fn legacy_of(&self, entity: &str, modern: &str) -> Option<String>;
}

/// What an id of legacy's and one of modern's are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// They are known to be of one thing.
    Same,
    /// Neither is known, and they may be taken for one thing's.
    New,
    /// Neither is known, and they are not to be taken for one thing's.
    Unknown,
    /// One of them at least is known to belong to another.
    Taken,
}

/// Two ids that may be of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IdPair {
    /// What they identify, such as `order`.
    pub entity: String,
    /// What legacy calls it.
    pub legacy: String,
    /// What modern calls it.
    pub modern: String,
}

/// The ids that one answer names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedIds {
    /// What each identifies, such as `order`, and the id, in the order of the text.
    pub ids: Vec<(String, String)>,
    /// Whether there may be more, in what was not read: behind the limit, in a coding that can't be
    /// taken off, or where the JSON breaks off.
    pub missed: bool,
}

/// Finds the ids that rules declare in a JSON body, in its first `limit` bytes without its content
/// codings, and at most `most` of them. An id has up to 256 graphic ASCII characters; what is none
/// is passed over, and so is a body that is no JSON.
pub fn named_ids(
    (headers, body): (&HeaderMap, &[Bytes]),
    rules: &Rules,
    limit: usize,
    most: usize,
) -> NamedIds {
    if rules.ids().is_empty() {
        return NamedIds::default();
    }
    match decode(headers, body, limit) {
        Ok(decoded) => json::ids(&decoded.bytes, decoded.cut, rules, most),
        Err(_) => NamedIds {
            ids: Vec::new(),
            missed: true,
        },
    }
}
