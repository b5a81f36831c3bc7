//! JSON by structure: objects have no order, arrays do, numbers and strings are compared by value.
//!
//! Nothing here knows about HTTP.

mod align;
mod array;
mod digest;
mod document;
mod elements;
mod identity;
mod keyed;
mod matching;
mod multiset;
mod named;
mod number;
mod object;
mod parse;
mod ruled;
mod scan;
mod string;
mod walk;

pub(crate) use document::Document;
pub(crate) use elements::TEXT;
pub(crate) use named::ids;
pub(crate) use parse::{Bounds, Failure, Grammar, parse};
pub(crate) use string::unescape;
pub(crate) use walk::compare;
