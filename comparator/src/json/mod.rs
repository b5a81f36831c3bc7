//! JSON by structure: objects have no order, arrays do, numbers and strings are compared by value.
//!
//! Nothing here knows about HTTP.

mod array;
mod digest;
mod document;
mod keyed;
mod matching;
mod multiset;
mod number;
mod parse;
mod scan;
mod string;
mod walk;

pub(crate) use parse::{Bounds, Failure, parse};
pub(crate) use walk::compare;
