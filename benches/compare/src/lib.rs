//! What is compared, and by whom: the bodies and rules of each case, the comparator, and what it is
//! held against.
//!
//! The binary counts instructions, `benches/time.rs` takes the time.

pub mod callgrind;
mod case;
mod contender;
pub mod markdown;
mod orders;

pub use case::{Case, Group, ORDERED, Spec, UNORDERED};
pub use contender::Contender;
